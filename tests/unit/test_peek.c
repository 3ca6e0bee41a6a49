#include "walk/peek.h"

#include "tap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two pages, the second one not readable. */
static char *edge(void)
{
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(at + 4096, 4096, PROT_NONE);
	return at + 4096;
}

static void test_reads(void)
{
	char *end = edge(), to[64];
	uint64_t v = 0;

	errno = 17;
	memcpy(end - 8, "12345678", 8);
	tap_ok(lk_peek((uint64_t)end - 8, to, 8) == 0 && !memcmp(to, "12345678", 8),
		"the last bytes of a page are read");
	tap_ok(lk_peek((uint64_t)end - 4, to, 8) == -EFAULT, "bytes beyond it are -EFAULT");
	tap_ok(lk_peek_some((uint64_t)end - 4, to, 8) == 4, "of these, the readable are given");
	tap_ok(lk_peek_u64(0, &v) == -EFAULT, "NULL is -EFAULT");
	tap_ok(lk_peek_u64(~0ull - 3, &v) == -EFAULT, "the end of address space is -EFAULT");
	tap_ok(lk_peek_u64(0xdead000000000000, &v) == -EFAULT, "no address at all is -EFAULT");
	tap_ok(lk_peek_probe() == 0, "reads work here");
	tap_ok(errno == 17, "errno is left alone");
}

static void test_strings(void)
{
	char *end = edge(), to[16], large[300];
	char *text = end - 200;

	memcpy(end - 6, "hello", 6);
	tap_ok(lk_peek_string((uint64_t)end - 6, to, sizeof(to)) == 5 && !strcmp(to, "hello"),
		"a string that ends with its page is whole");
	tap_ok(lk_peek_string((uint64_t)end - 6, to, 4) == 3 && !strcmp(to, "hel"),
		"a long string is cut and terminated");
	memset(text, 'x', 200);
	tap_ok(lk_peek_string((uint64_t)text, large, sizeof(large)) == -EFAULT && !large[0],
		"a string without end is -EFAULT and empty");
	tap_ok(lk_peek_string((uint64_t)text, to, sizeof(to)) == 15 && strlen(to) == 15,
		"but not where its end is not asked for");
	tap_ok(lk_peek_string(8, to, sizeof(to)) == -EFAULT && !to[0],
		"a bad address is -EFAULT and empty");
	tap_ok(lk_peek_string((uint64_t)end - 6, to, 1) == 0 && !to[0], "size 1 gives nothing");
}

static void test_fork(void)
{
	static volatile uint64_t value = 1;
	uint64_t v = 0;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		value = 2;
		_exit(lk_peek_u64((uint64_t)&value, &v) || v != 2);
	}
	waitpid(child, &status, 0);
	tap_ok(status == 0, "a child reads its own memory, not its parent's");
}

int main(void)
{
	test_reads();
	test_strings();
	test_fork();
	return tap_done();
}
