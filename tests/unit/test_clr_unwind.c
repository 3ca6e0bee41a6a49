/* Rows from unwind codes, as CoreCLR's compiler writes them. */
#include "walk/clr.h"

#include "tap.h"

#include <string.h>

/* What the walker's other files define. */
struct lk_clr lk_clr;

struct bytes {
	uint8_t at[64];
};

/* push rbp; push r15; push rbx; sub rsp, 40; lea rbp, [rsp + 56]: each op where it is done. */
static const uint8_t framed[] = {
	1, 14, 5, 5 | 3 << 4, 14, 3, 9, 2 | 4 << 4, 4, 0 | 3 << 4, 3, 0 | 15 << 4, 1, 0 | 5 << 4};
/* push rbx; sub rsp, 32 */
static const uint8_t frameless[] = {1, 5, 2, 0, 5, 2 | 3 << 4, 1, 0 | 3 << 4};
/* push rbp; sub rsp, 0x12340; lea rbp, [rsp + 0x12340] by the long forms */
static const uint8_t large[] = {
	1, 20, 7, 5, 20, 11, 0x34, 0x12, 0, 0, 12, 1 | 1 << 4, 0x40, 0x23, 1, 0, 1, 0 | 5 << 4};

static int row_at(const void *info, size_t size, const uint8_t *code, uint64_t at, bool exact,
	struct lk_row *row)
{
	static struct bytes copy;
	struct lk_clr_code c = {.kind = LK_CLR_CODE_JIT, .function = (uint64_t)code};

	memset(&copy, 0, sizeof(copy));
	memcpy(&copy, info, size);
	c.unwind = (uint64_t)&copy;
	c.base = 0;
	return lk_clr_unwind_row(&c, c.function + at, exact, row);
}

static bool row_is(const struct lk_row *row, uint8_t kind, int32_t cfa, bool saved, int16_t rbp)
{
	return row->kind == kind && row->cfa_off == cfa &&
	       !!(row->flags & LK_ROW_RBP_SAVED) == saved && (!saved || row->rbp_off == rbp);
}

static void test_bodies(void)
{
	static const uint8_t code[64] = {0x90};
	struct lk_row row;

	tap_ok(!row_at(framed, sizeof(framed), code, 30, false, &row) &&
			row_is(&row, LK_ROW_RBP, 24, true, -2),
		"a method with a frame pointer: CFA by RBP");
	tap_ok(!row_at(frameless, sizeof(frameless), code, 30, false, &row) &&
			row_is(&row, LK_ROW_RSP, 48, false, 0),
		"one without: CFA by RSP");
	tap_ok(!row_at(large, sizeof(large), code, 30, false, &row) &&
			row_is(&row, LK_ROW_RBP, 16, true, -2),
		"long forms of offsets");
}

static void test_prolog(void)
{
	static const uint8_t code[64] = {0x90};
	struct lk_row row;

	tap_ok(!row_at(framed, sizeof(framed), code, 0, true, &row) &&
			row_is(&row, LK_ROW_RSP, 8, false, 0),
		"before the first instruction nothing is done");
	tap_ok(!row_at(framed, sizeof(framed), code, 1, true, &row) &&
			row_is(&row, LK_ROW_RSP, 16, true, -2),
		"behind the first push RBP is saved");
	tap_ok(!row_at(framed, sizeof(framed), code, 9, true, &row) &&
			row_is(&row, LK_ROW_RSP, 72, true, -2),
		"before the frame pointer is set RSP counts");
}

static void test_epilog(void)
{
	/* add rsp, 40; pop rbx; pop r15; pop rbp; ret */
	static const uint8_t code[64] = {[20] = 0x48,
		[21] = 0x83,
		[22] = 0xc4,
		[23] = 40,
		[24] = 0x5b,
		[25] = 0x41,
		[26] = 0x5f,
		[27] = 0x5d,
		[28] = 0xc3};
	struct lk_row row;

	tap_ok(!row_at(framed, sizeof(framed), code, 20, true, &row) &&
			row_is(&row, LK_ROW_RSP, 72, true, -2),
		"an epilog from its first instruction");
	tap_ok(!row_at(framed, sizeof(framed), code, 25, true, &row) &&
			row_is(&row, LK_ROW_RSP, 24, true, -2),
		"in the middle of its pops");
	tap_ok(!row_at(framed, sizeof(framed), code, 28, true, &row) &&
			row_is(&row, LK_ROW_RSP, 8, false, 0),
		"at its return RBP is the caller's");
	tap_ok(!row_at(framed, sizeof(framed), code, 28, false, &row) &&
			row_is(&row, LK_ROW_RBP, 24, true, -2),
		"a return address is never in an epilog");
}

static void test_damage(void)
{
	static const uint8_t code[64] = {0x90};
	uint8_t bad[sizeof(framed)];
	struct lk_row row;

	memcpy(bad, framed, sizeof(bad));
	bad[0] = 7; /* a version that is not known */
	tap_ok(row_at(bad, sizeof(bad), code, 30, false, &row) < 0, "another version gives no row");
	memcpy(bad, framed, sizeof(bad));
	bad[3] = 3; /* rbx as frame register */
	tap_ok(row_at(bad, sizeof(bad), code, 30, false, &row) < 0,
		"another frame register gives no row");
	memcpy(bad, framed, sizeof(bad));
	bad[5] = 12; /* an operation that is not known */
	tap_ok(row_at(bad, sizeof(bad), code, 30, false, &row) < 0,
		"an unknown operation gives no row");
	memcpy(bad, framed, sizeof(bad));
	bad[0] = 1 | 4 << 3; /* chained to offset 0, where no unwind information is */
	tap_ok(row_at(bad, sizeof(bad), code, 30, false, &row) < 0,
		"a chain to nowhere gives no row");
}

int main(void)
{
	test_bodies();
	test_prolog();
	test_epilog();
	test_damage();
	return tap_done();
}
