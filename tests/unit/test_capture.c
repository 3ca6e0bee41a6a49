/*
 * The capture with its memo against libgcc's unwinder, in this process: recursion
 * that comes back along other paths, variable frames, realigned frames, jumps.
 */
#include "unwind/capture.h"

#include "tap.h"
#include "unwind/cfi.h"

#include <alloca.h>
#include <execinfo.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>

#define DEPTH 600

static struct lk_memo *memo;
static unsigned long captures, wrong, rows_asked, hashes_differ;

static void row_miss(uint64_t pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start)
{
	(void)ret_start;
	rows_asked++;
	memset(ret_row, 0, sizeof(*ret_row));
	lk_cfi_row(exact ? pc : pc - 1, ret_row);
}

/* Compiled with a frame pointer, as the hooks are. */
static __attribute__((noinline, optimize("no-omit-frame-pointer"))) void check(void)
{
	const uint64_t *frame = __builtin_frame_address(0);
	void *expected[DEPTH];
	uint64_t hash;
	int nr;

	hash = lk_capture(memo, frame[1], (uint64_t)(frame + 2), frame[0]);
	nr = backtrace(expected, DEPTH);
	captures++;
	/* backtrace begins with this function itself */
	if (memo->truncated || nr - 1 != (int)memo->nr) {
		wrong++;
		return;
	}
	for (int i = 1; i < nr; i++)
		if (memo->entry[memo->nr - (unsigned)i].pc != (uint64_t)expected[i]) {
			wrong++;
			return;
		}
	/* The hash is a function of the stack alone: a fresh walk gives the same. */
	memo->nr = 0;
	hashes_differ += lk_capture(memo, frame[1], (uint64_t)(frame + 2), frame[0]) != hash;
}

static jmp_buf env;
static unsigned seed = 1;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 16 & 0x7fff % n;
}

static __attribute__((noinline)) int wander(int depth);

static __attribute__((noinline)) int plain(int depth)
{
	volatile int v = depth;

	check();
	v += wander(depth - 1);
	return v;
}

static __attribute__((noinline)) int variable(int depth)
{
	char *p = alloca(16 + pick(300));

	memset(p, depth, 16);
	check();
	return wander(depth - 1) + p[3];
}

static __attribute__((noinline)) int realigned(int depth)
{
	_Alignas(64) volatile char area[128];

	area[0] = (char)depth;
	check();
	return wander(depth - 1) + area[0];
}

static __attribute__((noinline)) int jumping(int depth)
{
	check();
	if (depth % 11 == 0)
		longjmp(env, 1);
	return wander(depth - 1) + 1;
}

static __attribute__((noinline)) int wander(int depth)
{
	int sum = 0;

	if (depth <= 0)
		return 0;
	for (unsigned i = 0; i < 1 + (depth % 5 == 0); i++) {
		static int (*const ways[])(int) = {plain, variable, realigned, jumping};

		sum += ways[pick(4) % 4](depth);
		check();
	}
	return sum;
}

int main(void)
{
	void *first[4];
	unsigned long asked;

	memo = mmap(NULL, sizeof(*memo), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	backtrace(first, 4); /* loads libgcc now */
	lk_memo_init(memo, row_miss);
	memo->low = (uint64_t)__builtin_frame_address(0) - (4 << 20);
	memo->high = (uint64_t)__builtin_frame_address(0) + 2048;
	for (volatile int i = 0; i < 300; i++)
		if (!setjmp(env))
			wander(3 + i % 30);
	tap_ok(captures > 2000, "%lu stacks were captured", captures);
	tap_ok(wrong == 0, "every one is whole and equal to libgcc's (%lu are not)", wrong);
	tap_ok(hashes_differ == 0, "a stack's hash does not depend on what was remembered");
	asked = rows_asked;
	for (int i = 0; i < 100; i++)
		check();
	tap_ok(rows_asked - asked <= 2, "rows are asked for once");
	lk_memo_forget(memo, false);
	check();
	tap_ok(rows_asked - asked > 2 && !wrong, "what was forgotten is asked for again");
	return tap_done();
}
