/* Every entry point of the malloc family, lost once or freed. */
#include "expect.h"

#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>

static NOINLINE void by_malloc(void)
{
	lose(malloc(24));
}
static NOINLINE void by_calloc(void)
{
	lose(calloc(3, 8));
}
static NOINLINE void by_realloc_new(void)
{
	lose(realloc(NULL, 40));
}
static NOINLINE void by_realloc_grown(void)
{
	char *p = malloc(10);

	for (int i = 100; i < 5000; i += 100)
		p = realloc(p, i);
	lose(p);
}
static NOINLINE void by_reallocarray(void)
{
	lose(reallocarray(NULL, 7, 11));
}
static NOINLINE void by_memalign(void)
{
	lose(memalign(256, 300));
}
static NOINLINE void by_posix_memalign(void)
{
	void *p = NULL;

	if (posix_memalign(&p, 64, 65) == 0)
		lose(p);
	if (posix_memalign(&p, 3, 65) != EINVAL) /* fails: nothing is lost */
		abort();
}
static NOINLINE void by_aligned_alloc(void)
{
	lose(aligned_alloc(32, 96));
}
static NOINLINE void by_valloc(void)
{
	lose(valloc(100));
}
static NOINLINE void by_pvalloc(void)
{
	lose(pvalloc(100));
}
static NOINLINE void by_strdup(void)
{
	lose(strdup("four"));
}
static NOINLINE void by_huge(void)
{
	lose(malloc(3u << 20));
}
static NOINLINE void by_zero(void)
{
	lose(malloc(0));
}
static NOINLINE void freed_by_realloc(void)
{
	lose(realloc(malloc(100), 0));
}
static NOINLINE void failed_realloc(void)
{
	void *p = malloc(33), *volatile q;
	volatile size_t much = (size_t)1 << 62;

	errno = 0;
	q = realloc(p, much);
	if (q || errno != ENOMEM)
		abort();
	lose(p); /* still there */
}
static NOINLINE void failed_malloc(void)
{
	volatile size_t much = (size_t)1 << 62;

	errno = 0;
	if (malloc(much) || errno != ENOMEM)
		abort();
	errno = 0;
	if (calloc(much, 16) || errno != ENOMEM)
		abort();
	errno = 5;
	free(malloc(10));
	if (errno != 5) /* kept */
		abort();
}
static NOINLINE void all_freed(void)
{
	void *p[6] = {
		malloc(1), calloc(2, 3), realloc(NULL, 5), memalign(64, 9), valloc(8), strdup("x")};

	for (int i = 0; i < 6; i++)
		free(p[i]);
}
static NOINLINE void by_mmap(void)
{
	char *p = mmap(NULL, 10 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p + 4096, 2 * 4096); /* a hole: 1 + 7 pages stay, in two pieces */
}
static NOINLINE void by_mremap(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	lose(mremap(p, 4096, 5 * 4096, MREMAP_MAYMOVE));
}

/* Reserved, then used in two places; taking rights away changes nothing. */
static NOINLINE void by_mprotect(void)
{
	char *p = mmap(NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *q = mmap(NULL, 4 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + 4096, 2 * 4096, PROT_READ | PROT_WRITE);
	mprotect(p + 8 * 4096, 3 * 4096, PROT_READ | PROT_WRITE);
	mprotect(p + 4096, 2 * 4096, PROT_READ);
	mprotect(p + 4096, 2 * 4096, PROT_READ | PROT_WRITE);
	mprotect(q, 4 * 4096, PROT_READ | PROT_WRITE);
	munmap(q, 4 * 4096);
	lose(p);
}

int main(void)
{
	by_malloc(), by_calloc(), by_realloc_new(), by_realloc_grown(), by_reallocarray();
	by_memalign(), by_posix_memalign(), by_aligned_alloc(), by_valloc(), by_pvalloc();
	by_strdup(), by_huge(), by_zero(), freed_by_realloc(), failed_realloc(), failed_malloc();
	all_freed(), by_mmap(), by_mremap(), by_mprotect();
	expect("by_malloc", 1, 24);
	expect("by_calloc", 1, 24);
	expect("by_realloc_new", 1, 40);
	expect("by_realloc_grown", 1, 4900);
	expect("by_reallocarray", 1, 77);
	expect("by_memalign", 1, 300);
	expect("by_posix_memalign", 1, 65);
	expect("by_aligned_alloc", 1, 96);
	expect("by_valloc", 1, 100);
	expect("by_pvalloc", 1, 4096);
	expect("by_strdup", 1, 5);
	expect("by_huge", 1, 3 << 20);
	expect("by_zero", 1, 0);
	expect("freed_by_realloc", 0, 0);
	expect("failed_realloc", 1, 33);
	expect("failed_malloc", 0, 0);
	expect("all_freed", 0, 0);
	expect("by_mmap", 2, 8 * 4096);
	expect("by_mremap", 1, 5 * 4096);
	expect("by_mprotect", 2, 5 * 4096);
	return 0;
}
