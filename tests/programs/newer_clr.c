/* A managed runtime that leakline does not know, and code that it compiled. */
#include "expect.h"

#include <dlfcn.h>
#include <libgen.h>
#include <sys/mman.h>
#include <unistd.h>

/* push rbp; mov rbp, rsp; mov edi, 100; call rax (the function is given in rdi); pop rbp; ret */
static const unsigned char code[] = {
	0x55, 0x48, 0x89, 0xe5, 0x48, 0x89, 0xf8, 0xbf, 100, 0, 0, 0, 0xff, 0xd0, 0x5d, 0xc3};

static NOINLINE void *leaf(int size)
{
	return malloc((size_t)size);
}

static NOINLINE void lost_below_unknown(void *compiled)
{
	for (int i = 0; i < 20; i++)
		lose(((void *(*)(void *(*)(int)))compiled)(leaf));
}

int main(void)
{
	char path[4096] = {0}, library[4200];
	void *compiled = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (compiled == MAP_FAILED || readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		abort();
	snprintf(library, sizeof(library), "%s/lib/newer_clr.so", dirname(path));
	if (!dlopen(library, RTLD_NOW))
		abort();
	memcpy(compiled, code, sizeof(code));
	lost_below_unknown(compiled);
	expect("leaf", 20, 2000);
	return 0;
}
