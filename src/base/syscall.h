/*
 * System calls of the guest, without libc: errno stays as the program left it,
 * and no other library can have them interposed.  They give the kernel's answer,
 * -errno for a failure.
 */
#ifndef LK_BASE_SYSCALL_H
#define LK_BASE_SYSCALL_H

#include "base/defs.h"

#include <sys/syscall.h>

LK_INLINE long lk_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define lk_syscall0(nr)		 lk_syscall6(nr, 0, 0, 0, 0, 0, 0)
#define lk_syscall1(nr, a)	 lk_syscall6(nr, (long)(a), 0, 0, 0, 0, 0)
#define lk_syscall2(nr, a, b)	 lk_syscall6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define lk_syscall3(nr, a, b, c) lk_syscall6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define lk_syscall4(nr, a, b, c, d)                                                                \
	lk_syscall6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

LK_INLINE bool lk_syscall_failed(long ret)
{
	return (unsigned long)ret > -4096ul;
}

#endif
