/*
 * mmap, munmap and mremap.  What the allocator maps for itself is not recorded:
 * it happens behind the closed gate of a malloc hook, or inside glibc without
 * going through these names at all.
 */
#include "agent/record.h"

#include "agent/agent.h"
#include "base/syscall.h"
#include "store/maps.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default"), used))

EXPORT void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t at);
EXPORT void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off64_t at);
EXPORT int munmap(void *addr, size_t size);
EXPORT int mprotect(void *addr, size_t size, int prot);
EXPORT void *mremap(void *addr, size_t old_size, size_t size, int flags, ...);

static uint32_t kind_of(int prot, int flags)
{
	return (flags & MAP_ANONYMOUS ? 0 : LK_MAP_FILE) |
	       ((flags & MAP_TYPE) == MAP_PRIVATE ? 0 : LK_MAP_SHARED) |
	       (prot & PROT_EXEC ? LK_MAP_EXEC : 0) | (prot == PROT_NONE ? LK_MAP_NONE : 0);
}

static bool resolved(void)
{
	if (!lk_load_acq(&lk_real.malloc))
		lk_real_resolve();
	return lk_load_acq(&lk_real.malloc) != NULL;
}

/* Before the real functions are known the kernel is asked directly. */
static void *map_raw(void *addr, size_t size, int prot, int flags, int fd, long at)
{
	long ret = lk_syscall6(SYS_mmap, (long)addr, (long)size, prot, flags, fd, at);

	if (lk_syscall_failed(ret)) {
		errno = (int)-ret;
		return MAP_FAILED;
	}
	return (void *)ret;
}

LK_INLINE void *map(
	void *addr, size_t size, int prot, int flags, int fd, long at, struct lk_caller from)
{
	struct lk_agent_thread *t;
	void *p;

	if (!resolved())
		return map_raw(addr, size, prot, flags, fd, at);
	t = lk_thread_enter(lk_caller_sp(from));
	p = lk_real.mmap(addr, size, prot, flags, fd, at);
	if (t) {
		if (p != MAP_FAILED)
			lk_record_map(
				t, (uint64_t)p, size, kind_of(prot, flags), LK_ENTRY_MMAP, from);
		lk_thread_leave(t);
	}
	return p;
}

void *mmap(void *addr, size_t size, int prot, int flags, int fd, off_t at)
{
	struct lk_caller from = LK_CALLER();

	return map(addr, size, prot, flags, fd, at, from);
}

void *mmap64(void *addr, size_t size, int prot, int flags, int fd, off64_t at)
{
	struct lk_caller from = LK_CALLER();

	return map(addr, size, prot, flags, fd, at, from);
}

int munmap(void *addr, size_t size)
{
	struct lk_agent_thread *t;
	int ret;

	if (!resolved()) {
		long r = lk_syscall2(SYS_munmap, addr, size);

		errno = r ? (int)-r : errno;
		return r ? -1 : 0;
	}
	t = lk_thread_enter((uint64_t)__builtin_frame_address(0));
	/* Taken out first: the range may be mapped again by another thread at once.  A
	 * failing munmap means a wrong argument, of which nothing was recorded. */
	if (t && !((uint64_t)addr & 4095) && size)
		lk_maps_remove((uint64_t)addr, lk_align_up(size, 4096));
	ret = lk_real.munmap(addr, size);
	if (t)
		lk_thread_leave(t);
	return ret;
}

/*
 * Collectors and tables reserve address space and make it usable piece by piece.
 * All other changes of protection pass: a runtime makes thousands of them.
 */
int mprotect(void *addr, size_t size, int prot)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;
	int ret;

	if (!resolved()) {
		long r = lk_syscall3(SYS_mprotect, addr, size, prot);

		errno = r ? (int)-r : errno;
		return r ? -1 : 0;
	}
	t = prot & (PROT_READ | PROT_WRITE) ? lk_thread_enter(lk_caller_sp(from)) : NULL;
	ret = lk_real.mprotect(addr, size, prot);
	if (t) {
		if (!ret && size && lk_maps_reserved((uint64_t)addr, lk_align_up(size, 4096)))
			lk_record_commit(
				t, (uint64_t)addr, size, prot & PROT_EXEC ? LK_MAP_EXEC : 0, from);
		lk_thread_leave(t);
	}
	return ret;
}

void *mremap(void *addr, size_t old_size, size_t size, int flags, ...)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;
	void *p, *wanted;
	va_list ap;

	va_start(ap, flags);
	wanted = va_arg(ap, void *);
	va_end(ap);
	if (!resolved()) {
		long r = lk_syscall6(
			SYS_mremap, (long)addr, (long)old_size, (long)size, flags, (long)wanted, 0);
		if (!lk_syscall_failed(r))
			return (void *)r;
		errno = (int)-r;
		return MAP_FAILED;
	}
	t = lk_thread_enter(lk_caller_sp(from));
	p = lk_real.mremap(addr, old_size, size, flags, wanted);
	if (t) {
		if (p != MAP_FAILED) {
			if (old_size)
				lk_maps_remove((uint64_t)addr, lk_align_up(old_size, 4096));
			lk_record_map(t, (uint64_t)p, size, 0, LK_ENTRY_MREMAP, from);
		}
		lk_thread_leave(t);
	}
	return p;
}
