/*
 * The malloc family, as the program sees it.  Every hook has the same shape:
 * enter, call the real function with the gate closed (what the allocator calls
 * of ours is its own affair), record, leave.  An allocation is recorded after
 * the real call and a release before it, so that the address is ours while its
 * word changes.  errno stays what the real function left.
 */
#include "agent/record.h"

#include "agent/agent.h"

#include <errno.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default"), used))

EXPORT void *malloc(size_t size);
EXPORT void *calloc(size_t n, size_t size);
EXPORT void *realloc(void *p, size_t size);
EXPORT void *reallocarray(void *p, size_t n, size_t size);
EXPORT void free(void *p);
EXPORT void cfree(void *p);
EXPORT void *memalign(size_t align, size_t size);
EXPORT int posix_memalign(void **ret, size_t align, size_t size);
EXPORT void *aligned_alloc(size_t align, size_t size);
EXPORT void *valloc(size_t size);
EXPORT void *pvalloc(size_t size);
EXPORT void free_sized(void *p, size_t size);
EXPORT void free_aligned_sized(void *p, size_t align, size_t size);

/* The first call of all finds the real functions; until they are there, boot memory serves. */
#define RESOLVED() (LK_LIKELY(lk_load_acq(&lk_real.malloc) != NULL) || resolve())

static LK_NOINLINE bool resolve(void)
{
	lk_real_resolve();
	return lk_load_acq(&lk_real.malloc) != NULL;
}

LK_INLINE void *done(
	struct lk_agent_thread *t, void *p, size_t size, enum lk_entry entry, struct lk_caller from)
{
	if (LK_UNLIKELY(!t)) {
		lk_thread_missed(p);
		return p;
	}
	if (LK_LIKELY(p != NULL))
		lk_record_alloc(t, (uint64_t)p, size, entry, from);
	lk_thread_leave(t);
	return p;
}

void *malloc(size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;

	if (!RESOLVED())
		return lk_boot_alloc(size, 16);
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.malloc(size), size, LK_ENTRY_MALLOC, from);
}

void *calloc(size_t n, size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		bytes = SIZE_MAX;
	if (!RESOLVED())
		return bytes == SIZE_MAX ? NULL : lk_boot_alloc(bytes, 16); /* static, hence zero */
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.calloc(n, size), bytes, LK_ENTRY_CALLOC, from);
}

/* A block from boot memory moves to the real allocator when it changes its size. */
static LK_NOINLINE void *realloc_boot(void *p, size_t size)
{
	size_t old = lk_boot_size(p);
	void *q = lk_real.malloc ? lk_real.malloc(size) : lk_boot_alloc(size, 16);

	if (q)
		memcpy(q, p, old < size ? old : size);
	return q;
}

/*
 * The old block is taken out before the call, since another thread may get its
 * address the moment it is given back; a failure puts it in again.  glibc frees
 * the block for size 0 and gives NULL: that is no failure.
 */
LK_INLINE void *resize(void *p, size_t size, enum lk_entry entry, struct lk_caller from)
{
	struct lk_agent_thread *t = lk_thread_enter(lk_caller_sp(from));
	struct lk_word old = {0};
	void *q;

	if (t && p)
		old = lk_record_free(t, (uint64_t)p);
	q = lk_real.realloc(p, size);
	if (t && !q && old.first && size)
		lk_record_undo_free(t, (uint64_t)p, old);
	return done(t, q, size, entry, from);
}

void *realloc(void *p, size_t size)
{
	struct lk_caller from = LK_CALLER();

	if (!RESOLVED() || lk_boot_owns(p))
		return p ? realloc_boot(p, size) : lk_boot_alloc(size, 16);
	return resize(p, size, LK_ENTRY_REALLOC, from);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	struct lk_caller from = LK_CALLER();
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (!RESOLVED() || lk_boot_owns(p))
		return p ? realloc_boot(p, bytes) : lk_boot_alloc(bytes, 16);
	/* glibc's own calls realloc by its public name, which would come back to us. */
	return resize(p, bytes, LK_ENTRY_REALLOCARRAY, from);
}

/* Takes the block out and closes the gate for the real call; NULL: nothing to record. */
LK_INLINE struct lk_agent_thread *release(void *p, uint64_t sp)
{
	struct lk_agent_thread *t = lk_thread_enter(sp);

	if (LK_LIKELY(t != NULL))
		lk_record_free(t, (uint64_t)p);
	return t;
}

LK_INLINE void free_block(void *p, uint64_t sp)
{
	struct lk_agent_thread *t;

	if (!p || LK_UNLIKELY(lk_boot_owns(p)))
		return;
	if (!RESOLVED())
		return;
	t = release(p, sp);
	lk_real.free(p);
	if (LK_LIKELY(t != NULL))
		lk_thread_leave(t);
}

void free(void *p)
{
	free_block(p, (uint64_t)__builtin_frame_address(0));
}

void cfree(void *p)
{
	free_block(p, (uint64_t)__builtin_frame_address(0));
}

void free_sized(void *p, size_t size)
{
	struct lk_agent_thread *t;

	if (!p || lk_boot_owns(p) || !RESOLVED())
		return;
	t = release(p, (uint64_t)__builtin_frame_address(0));
	if (lk_real.free_sized)
		lk_real.free_sized(p, size);
	else
		lk_real.free(p);
	if (t)
		lk_thread_leave(t);
}

void free_aligned_sized(void *p, size_t align, size_t size)
{
	struct lk_agent_thread *t;

	if (!p || lk_boot_owns(p) || !RESOLVED())
		return;
	t = release(p, (uint64_t)__builtin_frame_address(0));
	if (lk_real.free_aligned_sized)
		lk_real.free_aligned_sized(p, align, size);
	else
		lk_real.free(p);
	if (t)
		lk_thread_leave(t);
}

void *memalign(size_t align, size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;

	if (!RESOLVED())
		return lk_boot_alloc(size, align);
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.memalign(align, size), size, LK_ENTRY_MEMALIGN, from);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;
	int error;

	if (!RESOLVED()) {
		*ret = lk_boot_alloc(size, align);
		return *ret ? 0 : ENOMEM;
	}
	t = lk_thread_enter(lk_caller_sp(from));
	error = lk_real.posix_memalign(ret, align, size);
	done(t, error ? NULL : *ret, size, LK_ENTRY_POSIX_MEMALIGN, from);
	return error;
}

void *aligned_alloc(size_t align, size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;

	if (!RESOLVED())
		return lk_boot_alloc(size, align);
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.aligned_alloc(align, size), size, LK_ENTRY_ALIGNED_ALLOC, from);
}

void *valloc(size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;

	if (!RESOLVED())
		return lk_boot_alloc(size, 4096);
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.valloc(size), size, LK_ENTRY_VALLOC, from);
}

void *pvalloc(size_t size)
{
	struct lk_caller from = LK_CALLER();
	struct lk_agent_thread *t;

	if (!RESOLVED())
		return lk_boot_alloc(lk_align_up(size, 4096), 4096);
	t = lk_thread_enter(lk_caller_sp(from));
	return done(t, lk_real.pvalloc(size), lk_align_up(size, 4096), LK_ENTRY_PVALLOC, from);
}
