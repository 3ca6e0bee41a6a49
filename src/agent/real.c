#include "agent/agent.h"

#include <dlfcn.h>

struct lk_real lk_real;

/*
 * dlsym may allocate while we look for malloc; what it gets comes from here and
 * is never given back.  A header of 16 bytes keeps the size for realloc.
 */
static uint8_t boot[64 << 10] __attribute__((aligned(16)));
static size_t boot_used;

void *lk_boot_alloc(size_t size, size_t align)
{
	size_t at, end;

	if (align < 16)
		align = 16;
	do {
		at = lk_load(&boot_used);
		end = lk_align_up(at + 16, align) + lk_align_up(size, 16);
		if (end > sizeof(boot) || end < at)
			return NULL;
	} while (!__atomic_compare_exchange_n(
		&boot_used, &at, end, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	at = lk_align_up(at + 16, align);
	*(size_t *)(boot + at - 16) = size;
	return boot + at;
}

bool lk_boot_owns(const void *p)
{
	return (const uint8_t *)p >= boot && (const uint8_t *)p < boot + sizeof(boot);
}

size_t lk_boot_size(const void *p)
{
	return *(const size_t *)((const uint8_t *)p - 16);
}

static void find(void *slot, const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	__builtin_memcpy(slot, &f, sizeof(f));
}

void lk_real_resolve(void)
{
	static uint32_t resolving;

	if (__atomic_exchange_n(&resolving, 1, __ATOMIC_ACQ_REL))
		return; /* dlsym's own allocations, or another thread: boot memory serves them */
	find(&lk_real.free, "free");
	find(&lk_real.calloc, "calloc");
	find(&lk_real.realloc, "realloc");
	find(&lk_real.memalign, "memalign");
	find(&lk_real.posix_memalign, "posix_memalign");
	find(&lk_real.aligned_alloc, "aligned_alloc");
	find(&lk_real.valloc, "valloc");
	find(&lk_real.pvalloc, "pvalloc");
	find(&lk_real.free_sized, "free_sized");
	find(&lk_real.free_aligned_sized, "free_aligned_sized");
	find(&lk_real.mmap, "mmap64");
	find(&lk_real.munmap, "munmap");
	find(&lk_real.mremap, "mremap");
	find(&lk_real.mprotect, "mprotect");
	find(&lk_real.dlclose, "dlclose");
	find(&lk_real.exit_now, "_exit");
	/* Last: hooks take a malloc that is there as the sign that all are. */
	void *(*m)(size_t);
	find(&m, "malloc");
	lk_store_rel(&lk_real.malloc, m);
}
