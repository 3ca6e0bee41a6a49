/*
 * The few words that both sides of leakline, guest and host, use everywhere.
 * Nothing here allocates, locks or calls libc.
 */
#ifndef LK_BASE_DEFS_H
#define LK_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LK_LIKELY(x)	 __builtin_expect(!!(x), 1)
#define LK_UNLIKELY(x)	 __builtin_expect(!!(x), 0)
#define LK_NOINLINE	 __attribute__((noinline))
#define LK_INLINE	 static inline __attribute__((always_inline))
#define LK_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Orders are named at each use; these only shorten the builtin's name. */
#define lk_load(p)	   __atomic_load_n((p), __ATOMIC_RELAXED)
#define lk_load_acq(p)	   __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define lk_store(p, v)	   __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define lk_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define lk_add(p, v)	   __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)

LK_INLINE uint64_t lk_align_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) & ~(to - 1);
}

#endif
