/*
 * Rows from .eh_frame against elfutils, an implementation that shares nothing
 * with ours, over every row of real files; against the stack itself, by walking
 * it; and under damage, between pages that cannot be read.
 *
 * With arguments, the files named are compared in full instead.
 */
#include "unwind/cfi.h"

#include <dlfcn.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "cfi_oracle.h"
#include "tap.h"

#define ROWS_MAX 400000 /* per file, so that all of it stays under five seconds */

static bool same_row(const struct lk_row *a, const struct lk_row *b)
{
	return a->kind == b->kind && a->cfa_off == b->cfa_off && a->rbp_off == b->rbp_off &&
	       a->flags == b->flags;
}

struct tally {
	unsigned long rows;
	unsigned long kinds[LK_ROW_SIGFRAME + 1];
	unsigned long at_rbp;
	unsigned long wrong;
};

static void check_at(
	const struct image *m, uint64_t pc, const struct lk_row *want, int want_r, struct tally *t)
{
	struct lk_row got = {0};
	int r = lk_cfi_row_in(m->hdr, m->base, m->base + m->size, pc + m->bias, &got);

	if (r == want_r && (r || same_row(&got, want)))
		return;
	if (t->wrong++ < 10)
		printf("# at %#lx: r %d, wanted %d; kind %u %u cfa %d %d rbp %d %d flags %u %u\n",
			pc, r, want_r, got.kind, want->kind, got.cfa_off, want->cfa_off,
			got.rbp_off, want->rbp_off, got.flags, want->flags);
}

/* One row of libdw's, at its first and last pc.  Returns where it ends, 0 if there is none. */
static uint64_t check_row(const struct image *m, Dwarf_CFI *cfi, uint64_t pc, struct tally *t)
{
	Dwarf_Frame *frame;
	Dwarf_Addr start, end;
	struct lk_row want = {0};
	bool signal;

	if (dwarf_cfi_addrframe(cfi, pc, &frame)) {
		check_at(m, pc, &want, -ENODATA, t);
		return 0;
	}
	dwarf_frame_info(frame, &start, &end, &signal);
	want = expect_row(frame, signal);
	check_at(m, pc, &want, 0, t);
	check_at(m, end - 1, &want, 0, t);
	t->rows++;
	t->kinds[want.kind]++;
	t->at_rbp += !!(want.flags & LK_ROW_RBP_AT_RBP);
	free(frame);
	return end;
}

static uint32_t hdr_count(const struct image *m)
{
	uint32_t nr;

	memcpy(&nr, m->hdr + 8, sizeof(nr));
	return m->hdr[2] == 0x03 && m->hdr[3] == 0x3b ? nr : 0;
}

static uint64_t hdr_pc(const struct image *m, uint32_t i)
{
	int32_t off;

	memcpy(&off, m->hdr + 12 + 8ul * i, sizeof(off));
	return (uint64_t)(uintptr_t)m->hdr + (uint64_t)(int64_t)off - m->bias;
}

/* Every row of every nth function, and the gap behind it. */
static void check_image(const struct image *m, Dwarf_CFI *cfi, unsigned long max, struct tally *t)
{
	uint32_t nr = hdr_count(m);
	uint32_t stride = 1 + (uint32_t)(4ul * nr / max);

	for (uint32_t i = 0; i < nr; i += stride) {
		uint64_t next = i + 1 < nr ? hdr_pc(m, i + 1) : UINT64_MAX;
		uint64_t pc = hdr_pc(m, i);

		while (pc && pc < next)
			pc = check_row(m, cfi, pc, t);
	}
}

static void compare(const char *path, unsigned long max)
{
	struct image m;
	struct tally t = {0};
	Dwarf_CFI *cfi = NULL;
	int r = image_open(path, &m);

	if (r == -ENOENT || r == -ENODATA || (!r && !hdr_count(&m))) {
		printf("# %s: %s\n", path, r == -ENOENT ? "no such file" : "no unwind table");
		tap_skip("rows equal those of elfutils", path);
		image_close(&m);
		return;
	}
	if (!r)
		cfi = dwarf_getcfi_elf(m.elf);
	if (cfi) {
		check_image(&m, cfi, max, &t);
		dwarf_cfi_end(cfi);
	}
	tap_ok(t.rows && !t.wrong,
		"%lu rows of %s equal those of elfutils (rsp %lu, rbp %lu, deref %lu+%lu, at rbp %lu, "
		"plt %lu, signal %lu, end %lu, beyond rows %lu)",
		t.rows, path, t.kinds[LK_ROW_RSP], t.kinds[LK_ROW_RBP], t.kinds[LK_ROW_RBP_DEREF],
		t.kinds[LK_ROW_RSP_DEREF], t.at_rbp, t.kinds[LK_ROW_PLT], t.kinds[LK_ROW_SIGFRAME],
		t.kinds[LK_ROW_END], t.kinds[LK_ROW_UNKNOWN]);
	image_close(&m);
}

/* A walk by rows over this thread's own stack, as the capture does it. */
struct regs {
	uint64_t pc, sp, bp;
};

static uint64_t load(uint64_t addr)
{
	return *(const uint64_t *)(uintptr_t)addr;
}

static uint64_t walk_cfa(const struct lk_row *row, const struct regs *at)
{
	switch (row->kind) {
	case LK_ROW_RSP:
		return at->sp + (uint64_t)(int64_t)row->cfa_off;
	case LK_ROW_RBP:
		return at->bp + (uint64_t)(int64_t)row->cfa_off;
	case LK_ROW_RBP_DEREF:
		return load(at->bp + (uint64_t)(int64_t)row->cfa_off);
	case LK_ROW_RSP_DEREF:
		return load(at->sp + (uint64_t)(int64_t)row->cfa_off);
	case LK_ROW_PLT:
		return at->sp + 8 + ((at->pc & 15) >= (uint64_t)row->cfa_off ? 8 : 0);
	default:
		return 0;
	}
}

static unsigned walked_kinds[LK_ROW_SIGFRAME + 1];

static bool walk_step(struct regs *at, bool *exact)
{
	struct lk_row row;
	uint64_t cfa, saved;

	if (lk_cfi_row(at->pc - !*exact, &row))
		return false;
	walked_kinds[row.kind]++;
	*exact = row.kind == LK_ROW_SIGFRAME;
	if (*exact) {
		const ucontext_t *uc = (const ucontext_t *)(uintptr_t)at->sp;

		*at = (struct regs){(uint64_t)uc->uc_mcontext.gregs[REG_RIP],
			(uint64_t)uc->uc_mcontext.gregs[REG_RSP],
			(uint64_t)uc->uc_mcontext.gregs[REG_RBP]};
		return true;
	}
	cfa = walk_cfa(&row, at);
	if (!cfa)
		return false;
	saved = row.flags & LK_ROW_RBP_AT_RBP ? at->bp : cfa;
	if (row.flags & LK_ROW_RBP_SAVED)
		at->bp = load(saved + 8ul * (uint64_t)(int64_t)row.rbp_off);
	*at = (struct regs){load(cfa - 8), cfa, at->bp};
	return true;
}

#define WALK_MAX 64

static int walk(void **pcs)
{
	/* Static, since gcc takes getcontext for a function that returns twice. */
	static ucontext_t uc;
	static struct regs at;
	static bool exact;
	int nr = 0;

	getcontext(&uc);
	exact = false;
	at = (struct regs){(uint64_t)uc.uc_mcontext.gregs[REG_RIP],
		(uint64_t)uc.uc_mcontext.gregs[REG_RSP], (uint64_t)uc.uc_mcontext.gregs[REG_RBP]};
	while (nr < WALK_MAX && at.pc) {
		pcs[nr++] = (void *)(uintptr_t)at.pc;
		if (!walk_step(&at, &exact))
			break;
	}
	return nr;
}

static int walked, traced;
static void *walk_pcs[WALK_MAX], *trace_pcs[WALK_MAX];

/* Both walks start in this function; their first pc is the only one to differ. */
static LK_NOINLINE void walk_both(void)
{
	traced = backtrace(trace_pcs, WALK_MAX);
	walked = walk(walk_pcs);
	/* walk() itself comes first in ours. */
	walked--;
	memmove(walk_pcs, walk_pcs + 1, (size_t)walked * sizeof(*walk_pcs));
}

/* Under a sanitizer backtrace() is a wrapper, which shows up as one pc more. */
static bool same_walk(void)
{
	int more = traced - walked;

	return walked > 3 && (more == 0 || more == 1) &&
	       !memcmp(walk_pcs + 1, trace_pcs + 1 + more,
		       (size_t)(walked - 1) * sizeof(*walk_pcs));
}

static int compare_ints(const void *a, const void *b)
{
	if (!walked)
		walk_both();
	return *(const int *)a - *(const int *)b;
}

static void on_signal(int sig)
{
	walk_both();
}

/*
 * An aligned local in a function with stack arguments and a variable frame makes
 * gcc realign the stack and keep the CFA in the frame (DRAP).
 */
static __attribute__((noipa)) int realigned(int n, int b, int c, int d, int e, int f, int g)
{
	volatile char area[n];
	volatile int v __attribute__((aligned(64))) = n;
	int some[3] = {3, 1, v};

	area[0] = 1;
	qsort(some, 3, sizeof(some[0]), compare_ints);
	return some[0] + area[0] + b + c + d + e + f + g;
}

static void test_walks(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct sigaction old;
	int some[2] = {2, 1};

	qsort(some, 2, sizeof(some[0]), compare_ints);
	tap_ok(same_walk(), "a walk through libc's qsort equals backtrace()");
	walked = 0;
	realigned(100, 2, 3, 4, 5, 6, 7);
	if (walked_kinds[LK_ROW_RBP_DEREF])
		tap_ok(same_walk(), "a walk over a realigned stack equals backtrace()");
	else
		tap_skip("a walk over a realigned stack equals backtrace()",
			"a function for which the compiler keeps the CFA in the frame");
	sigaction(SIGUSR1, &act, &old);
	raise(SIGUSR1);
	tap_ok(same_walk() && walked_kinds[LK_ROW_SIGFRAME],
		"a walk out of a signal handler equals backtrace()");
	sigaction(SIGUSR1, &old, NULL);
}

static void test_lookup(void)
{
	static const uint8_t code[16];
	struct lk_row row = {.pc = 42};

	tap_ok(!lk_cfi_row((uint64_t)(uintptr_t)test_lookup, &row) && row.kind == LK_ROW_RSP &&
			row.cfa_off == 8 && !row.flags && row.pc == 42,
		"a function's first instruction has its CFA at rsp + 8, and the key is left alone");
	tap_ok(lk_cfi_row((uint64_t)(uintptr_t)code, &row) == -ENODATA, "data has no row");
	tap_ok(lk_cfi_row(0, &row) == -ENODATA && lk_cfi_row(UINT64_MAX, &row) == -ENODATA,
		"addresses of no module have no row");
}

/* Call frame programs written by hand. */
#define DEF_RSP_8 0x0c, 7, 8
#define RA_AT_8	  0x90, 1
#define RBP_AT_16 0x86, 2
#define PUSHED	  0x0e, 16, RBP_AT_16
#define MOVED	  0x0d, 6

struct program {
	const char *name;
	int r;
	uint64_t pc;
	struct lk_row row;
	uint8_t size;
	uint8_t ops[48];
};

#define OPS(...)                                                                                   \
	sizeof((uint8_t[]){__VA_ARGS__}),                                                          \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define SAVED LK_ROW_RBP_SAVED

static const struct program programs[] = {
	{"before the first advance, the rules at entry hold", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 8}, OPS(DEF_RSP_8, RA_AT_8, 0x41, PUSHED)},
	{"a rule holds from its location on", 0, 1,
		{.kind = LK_ROW_RSP, .cfa_off = 16, .rbp_off = -2, .flags = SAVED},
		OPS(DEF_RSP_8, RA_AT_8, 0x41, PUSHED, 0x43, MOVED)},
	{"advances of 1, 2, 4 and 8 bytes add up", 0, 1 + 0x81 + 0x101 + 0x10001 + 5,
		{.kind = LK_ROW_RBP, .cfa_off = 16, .rbp_off = -2, .flags = SAVED},
		OPS(DEF_RSP_8, RA_AT_8, 0x41, PUSHED, 2, 0x81, 3, 1, 1, 4, 1, 0, 1, 0, 0x1d, 5, 0,
			0, 0, 0, 0, 0, 0, MOVED)},
	{"an advance of 8 bytes beyond all code ends the program", 0, 9,
		{.kind = LK_ROW_RSP, .cfa_off = 8},
		OPS(DEF_RSP_8, 0x1d, 255, 255, 255, 255, 255, 255, 255, 255, PUSHED)},
	{"remember and restore give back CFA and RBP", 0, 3,
		{.kind = LK_ROW_RBP, .cfa_off = 16, .rbp_off = -2, .flags = SAVED},
		OPS(DEF_RSP_8, PUSHED, MOVED, 0x0a, 0x41, DEF_RSP_8, 0xc6, 0x41, 0x0b)},
	{"restore goes back to the rule at entry", 0, 0, {.kind = LK_ROW_RSP, .cfa_off = 8},
		OPS(DEF_RSP_8, RBP_AT_16, 0x06, 6)},
	{"same_value takes a saved RBP back", 0, 0, {.kind = LK_ROW_RSP, .cfa_off = 8},
		OPS(DEF_RSP_8, RBP_AT_16, 0x08, 6)},
	{"the signed and extended forms are factored", 0, 0,
		{.kind = LK_ROW_RBP, .cfa_off = 24, .rbp_off = -3, .flags = SAVED},
		OPS(0x12, 6, 0x7d, 0x11, 6, 3, 0x11, 16, 1)},
	{"def_cfa_offset_sf and offset_extended", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 32, .rbp_off = -4, .flags = SAVED},
		OPS(DEF_RSP_8, 0x13, 0x7c, 0x05, 6, 4)},
	{"GNU_negative_offset_extended", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 8, .rbp_off = 2, .flags = SAVED},
		OPS(DEF_RSP_8, 0x2f, 6, 2)},
	{"GNU_args_size and GNU_window_save are read past", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 8}, OPS(0x2e, 0x90, 1, 0x2d, 0, DEF_RSP_8)},
	{"rules of other registers are read past", 0, 0, {.kind = LK_ROW_RSP, .cfa_off = 8},
		OPS(DEF_RSP_8, 0x83, 4, 0x09, 3, 12, 0x14, 12, 1, 0x15, 12, 1, 0x16, 12, 2, 0x77, 0,
			0x10, 3, 2, 0x76, 8, 0x07, 0)},
	{"the PLT's expression is recognised", 0, 0, {.kind = LK_ROW_PLT, .cfa_off = 11},
		OPS(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22)},
	{"a PLT's expression with something after it is not", -EOPNOTSUPP, 0, {0},
		OPS(0x0f, 12, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22, 0x06)},
	{"a realigned stack: the CFA loaded from the frame", 0, 0,
		{.kind = LK_ROW_RBP_DEREF, .cfa_off = -24, .flags = SAVED | LK_ROW_RBP_AT_RBP},
		OPS(0x10, 6, 2, 0x76, 0, 0x0f, 3, 0x76, 0x68, 0x06)},
	{"a CFA loaded from the stack", 0, 0, {.kind = LK_ROW_RSP_DEREF, .cfa_off = 160},
		OPS(0x0f, 4, 0x77, 0xa0, 1, 0x06)},
	{"an expression that is only a register and an offset", 0, 0,
		{.kind = LK_ROW_RBP, .cfa_off = 16}, OPS(0x0f, 2, 0x76, 16)},
	{"a CFA in r10 is beyond a row", -EOPNOTSUPP, 0, {0}, OPS(0x0c, 10, 0)},
	{"the offset outlives a register that a row does not know", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 24}, OPS(0x0c, 3, 8, 0x0e, 24, 0x0d, 7)},
	{"no CFA at all is beyond a row", -EOPNOTSUPP, 0, {0}, OPS(0x41, RBP_AT_16)},
	{"an undefined return address is the end", 0, 0, {.kind = LK_ROW_END},
		OPS(DEF_RSP_8, 0x07, 16)},
	{"a return address elsewhere is beyond a row", -EOPNOTSUPP, 0, {0},
		OPS(DEF_RSP_8, 0x90, 2)},
	{"an RBP in a register is beyond a row", -EOPNOTSUPP, 0, {0}, OPS(DEF_RSP_8, 0x09, 6, 3)},
	{"an RBP by val_offset is beyond a row", -EOPNOTSUPP, 0, {0}, OPS(DEF_RSP_8, 0x14, 6, 2)},
	{"an RBP by val_expression is beyond a row", -EOPNOTSUPP, 0, {0},
		OPS(DEF_RSP_8, 0x16, 6, 2, 0x76, 0)},
	{"an undefined RBP is beyond a row", -EOPNOTSUPP, 0, {0}, OPS(DEF_RSP_8, 0x07, 6)},
	{"an RBP at an odd address is beyond a row", -EOPNOTSUPP, 0, {0},
		OPS(DEF_RSP_8, 0x10, 6, 2, 0x76, 4)},
	{"an RBP further away than 16 bits of words is beyond a row", -EOPNOTSUPP, 0, {0},
		OPS(DEF_RSP_8, 0x05, 6, 0x81, 0x80, 2)},
	{"the furthest RBP that fits", 0, 0,
		{.kind = LK_ROW_RSP, .cfa_off = 8, .rbp_off = INT16_MIN, .flags = SAVED},
		OPS(DEF_RSP_8, 0x05, 6, 0x80, 0x80, 2)},
	{"a CFA offset of more than 32 bits is beyond a row", -EOPNOTSUPP, 0, {0},
		OPS(0x0c, 7, 0x88, 0x80, 0x80, 0x80, 0x10)},
	{"def_cfa_offset after an expression is refused", -EBADMSG, 0, {0},
		OPS(0x0f, 4, 0x77, 0xa0, 1, 0x06, 0x0e, 8)},
	{"def_cfa_register after an expression is refused", -EBADMSG, 0, {0},
		OPS(0x0f, 4, 0x77, 0xa0, 1, 0x06, 0x0d, 6)},
	{"an instruction that does not exist is refused", -EBADMSG, 0, {0},
		OPS(DEF_RSP_8, 0x17, 6)},
	{"set_loc has no meaning outside .eh_frame", -EBADMSG, 0, {0},
		OPS(DEF_RSP_8, 0x01, 0, 0, 0, 0, 0, 0, 0, 0)},
	{"restore_state without remember_state is refused", -EBADMSG, 0, {0}, OPS(DEF_RSP_8, 0x0b)},
	{"nine states remembered are too many", -EOPNOTSUPP, 0, {0},
		OPS(DEF_RSP_8, 10, 10, 10, 10, 10, 10, 10, 10, 10)},
	{"a block longer than the program is refused", -EBADMSG, 0, {0},
		OPS(0x0f, 0xff, 0xff, 3, 0x77)},
	{"an operand that is cut off is refused", -EBADMSG, 0, {0}, OPS(DEF_RSP_8, 0x86, 0x80)},
	{"what follows Mono's epilogue mark does not hold in the body", 0, 8,
		{.kind = LK_ROW_RSP, .cfa_off = 128},
		OPS(DEF_RSP_8, RA_AT_8, 0x44, 0x0e, 0x80, 1, 0x1c, 0x0a, 0x44, DEF_RSP_8, 0x41,
			0x0b)},
};

static void test_programs(void)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(programs); i++) {
		const struct program *p = &programs[i];
		struct lk_row row = {.pc = 42};
		int r = lk_cfi_run(p->ops, p->size, 1, -8, p->pc, &row);

		tap_ok(r == p->r && row.pc == 42 && (r || same_row(&row, &p->row)), "%s", p->name);
	}
}

/* xorshift64: the same damage every time. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Copies that end (or start) exactly where a page that cannot be read starts (or ends). */
static uint8_t *guarded_copy(const uint8_t *bytes, size_t size, bool at_end)
{
	size_t room = lk_align_up(size, PAGE);
	uint8_t *pages = mmap(NULL, room + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *copy = pages + PAGE + (at_end ? room - size : 0);

	if (pages == MAP_FAILED || mprotect(pages + PAGE, room, PROT_READ | PROT_WRITE))
		return NULL;
	memcpy(copy, bytes, size);
	return copy;
}

static unsigned long damage_round(const uint8_t *hdr, uint8_t *copy, size_t size, uint64_t *seed)
{
	unsigned long answered = 0;
	uint32_t nr, at_nr;
	int32_t off;

	memcpy(&nr, hdr + 8, sizeof(nr));
	for (int i = 0; i < 400; i++) {
		struct lk_row row;

		at_nr = (uint32_t)(random_next(seed) % nr);
		memcpy(&off, hdr + 12 + 8ul * at_nr, sizeof(off));
		answered += !lk_cfi_row_in(copy, copy, copy + size,
			(uint64_t)(uintptr_t)copy + (uint64_t)(int64_t)off + random_next(seed) % 64,
			&row);
	}
	return answered;
}

/* Flips some bytes in every part: header and table, then the entries. */
static void damage(uint8_t *copy, size_t size, int nr, uint64_t *seed)
{
	copy[random_next(seed) % 12] ^= (uint8_t)(random_next(seed) % 3 ? 0 : random_next(seed));
	while (nr--)
		copy[12 + random_next(seed) % (size - 12)] ^= (uint8_t)random_next(seed);
}

/* Where .eh_frame ends: at its terminator, found by entry lengths. */
static size_t frame_size(const uint8_t *hdr)
{
	int32_t off;
	uint32_t length;
	const uint8_t *p;

	memcpy(&off, hdr + 4, sizeof(off));
	p = hdr + 4 + off;
	do {
		memcpy(&length, p, sizeof(length));
		p += 4 + length;
	} while (length);
	return (size_t)(p - hdr);
}

/* Without its sorted table, the same entries are found by reading all of .eh_frame. */
static void test_linear(const uint8_t *hdr, size_t size)
{
	uint8_t *copy = guarded_copy(hdr, size, true);
	uint64_t base = (uint64_t)(uintptr_t)copy;
	unsigned long nr = 0, same = 0;
	uint32_t count;

	memcpy(&count, hdr + 8, sizeof(count));
	for (uint32_t i = 0; i < count; i += 1 + count / 100) {
		struct lk_row sorted = {0}, linear = {0};
		uint64_t pc;
		int32_t off;

		memcpy(&off, hdr + 12 + 8ul * i, sizeof(off));
		pc = base + (uint64_t)(int64_t)off + i % 40;
		copy[3] = hdr[3];
		int r = lk_cfi_row_in(copy, copy, copy + size, pc, &sorted);
		copy[3] = 0xff;
		same += r == lk_cfi_row_in(copy, copy, copy + size, pc, &linear) &&
			same_row(&sorted, &linear);
		nr++;
	}
	tap_ok(nr > 50 && same == nr, "rows are the same without the sorted table (%lu)", nr);
}

static void test_damage(void)
{
	struct dl_find_object found;
	const uint8_t *hdr;
	size_t size;
	unsigned long whole = 0, damaged = 0;
	uint64_t seed = 0x9e3779b97f4a7c15;

	if (_dl_find_object((void *)qsort, &found) || !found.dlfo_eh_frame) {
		tap_skip("damaged tables are read within their bounds", "libc's .eh_frame_hdr");
		return;
	}
	hdr = found.dlfo_eh_frame;
	size = frame_size(hdr);
	test_linear(hdr, size);
	for (int round = 0; round < 20; round++) {
		uint8_t *copy = guarded_copy(hdr, size, round % 2);

		whole += damage_round(hdr, copy, size, &seed);
		for (int i = 0; i < 10; i++) {
			damage(copy, size, 200 << i, &seed);
			damaged += damage_round(hdr, copy, size, &seed);
		}
		munmap((void *)((uintptr_t)copy & ~(PAGE - 1)), lk_align_up(size, PAGE));
	}
	tap_ok(whole > 20 * 300, "a copy of libc's tables gives rows (%lu)", whole);
	tap_ok(damaged < 10 * whole, "damaged tables are read within their bounds (%lu rows)",
		damaged);
}

static const char *const files[] = {
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/lib64/ld-linux-x86-64.so.2",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libsqlite3.so.0",
	"/usr/bin/python3",
	"/usr/bin/redis-server",
	"/usr/bin/mono",
	"/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
};

int main(int argc, char **argv)
{
	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			compare(argv[i], 1ul << 40);
		return tap_done();
	}
	test_lookup();
	test_programs();
	test_walks();
	test_damage();
	for (size_t i = 0; i < LK_ARRAY_SIZE(files); i++)
		compare(files[i], ROWS_MAX);
	return tap_done();
}
