#include "agent/stackregion.h"

#include "base/syscall.h"

#include <fcntl.h>

/* The main stack grows downwards on demand: below what is mapped it is still ours. */
#define MAIN_STACK_ROOM (64ull << 20)

struct reader {
	long fd;
	char buf[1024];
	long at, size;
};

static int next_char(struct reader *r)
{
	if (r->at == r->size) {
		r->at = 0;
		r->size = lk_syscall3(SYS_read, r->fd, r->buf, sizeof(r->buf));
		if (r->size <= 0) {
			r->size = 0;
			return -1;
		}
	}
	return (unsigned char)r->buf[r->at++];
}

static uint64_t read_hex(struct reader *r, int *ret_next)
{
	uint64_t v = 0;
	int c;

	for (;;) {
		c = next_char(r);
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			break;
	}
	*ret_next = c;
	return v;
}

/* Skips to the end of the line; true where its last field is "[stack]". */
static bool skip_line(struct reader *r)
{
	static const char name[] = "[stack]";
	unsigned matched = 0;
	int c;

	while ((c = next_char(r)) >= 0 && c != '\n')
		matched = c == name[matched] && matched < 7 ? matched + 1 : c == name[0];
	return matched == 7;
}

static bool find_in_maps(uint64_t sp, uint64_t *ret_low, uint64_t *ret_high)
{
	struct reader r = {.at = 0};
	bool found = false;
	int c;

	r.fd = lk_syscall4(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	if (lk_syscall_failed(r.fd))
		return false;
	do {
		uint64_t low = read_hex(&r, &c), high = c == '-' ? read_hex(&r, &c) : 0;
		bool main_stack = c >= 0 && skip_line(&r);

		if (sp >= low && sp < high) {
			*ret_low =
				main_stack && low > MAIN_STACK_ROOM ? low - MAIN_STACK_ROOM : low;
			*ret_high = high;
			found = true;
		}
	} while (c >= 0 && !found);
	lk_syscall1(SYS_close, r.fd);
	return found;
}

/* A thread's own stack ends where its descriptor begins: the thread pointer. */
static uint64_t thread_pointer(void)
{
	uint64_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

bool lk_stack_region(struct lk_agent_thread *t, uint64_t sp, uint64_t *ret_low, uint64_t *ret_high)
{
	uint64_t low, high, tp = thread_pointer();

	for (unsigned i = 0; i < LK_STACKS_KNOWN; i++)
		if (sp - t->stacks[i].low < t->stacks[i].high - t->stacks[i].low) {
			*ret_low = t->stacks[i].low;
			*ret_high = t->stacks[i].high;
			return true;
		}
	if (!find_in_maps(sp, &low, &high))
		return false;
	if (tp > sp && tp < high)
		high = tp;
	t->stacks[t->next_stack].low = low;
	t->stacks[t->next_stack].high = high;
	t->next_stack = (t->next_stack + 1) % LK_STACKS_KNOWN;
	*ret_low = low;
	*ret_high = high;
	return true;
}
