/*
 * A test program is its own oracle: it says on stdout which function leaves how
 * many blocks and bytes behind, and tests/integration/programs.t holds the
 * report against that.  "no" says that nothing of a function is left.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))

static inline void expect(const char *function, long blocks, long bytes)
{
	printf("expect leak function=%s blocks=%ld bytes=%ld\n", function, blocks, bytes);
	fflush(stdout);
}

/* Keeps a pointer from being optimised away, and forgets it. */
static inline void lose(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
