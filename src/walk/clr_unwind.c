/*
 * Unwind codes of Windows x64, as CoreCLR writes them on Unix too:
 *
 *   u8 version:3 flags:5, u8 size of the prolog, u8 nr of codes, u8 frame register:4 offset:4,
 *   u16 codes[nr], padded to an even number; with flag CHAINED a RUNTIME_FUNCTION follows
 *
 * A code is u8 offset of the next instruction in the prolog, u8 operation:4 info:4; some
 * take more slots.  They undo the prolog, last instruction first, so one pass
 * from the innermost state gives the place of the return address (Microsoft's
 * "x64 exception handling"; UWOP 11 is CoreCLR's own, inc/win64unwind.h).
 */
#include "base/cursor.h"
#include "walk/clr.h"
#include "walk/peek.h"

#include <errno.h>

#define FLAG_CHAINED 4u
#define CHAIN_MAX    8u
#define SLOTS_MAX    256u
#define REG_RBP	     5u

enum op {
	OP_PUSH = 0,
	OP_ALLOC_LARGE = 1,
	OP_ALLOC_SMALL = 2,
	OP_SET_FRAME = 3,
	OP_SAVE = 4,
	OP_SAVE_FAR = 5,
	OP_SAVE_XMM = 8,
	OP_SAVE_XMM_FAR = 9,
	OP_SET_FRAME_LARGE = 11,
};

/* Where the walk through the prolog stands: at base + at. */
struct undo {
	bool by_rbp; /* base is RBP, not RSP */
	bool rbp_saved;
	bool rbp_by_rbp; /* rbp_at counts from RBP */
	int64_t at;
	int64_t rbp_at;
};

struct info {
	uint8_t flags, nr_slots, frame;
	uint8_t bytes[2 * SLOTS_MAX + 2 + 12]; /* codes, padding, chained RUNTIME_FUNCTION */
};

/* An image's unwind information ends before its last page does. */
static int read_info(uint64_t addr, bool in_image, struct info *info)
{
	uint8_t first[64];
	size_t size, got = sizeof(first);

	if (in_image && (addr & 4095) <= 4096 - sizeof(first))
		__builtin_memcpy(first, (const void *)addr, sizeof(first));
	else
		got = lk_peek_some(addr, first, sizeof(first));

	if (got < 4 || (first[0] & 7) < 1 || (first[0] & 7) > 2)
		return -ENODATA;
	info->flags = first[0] >> 3;
	info->nr_slots = first[2];
	info->frame = first[3];
	size = 2 * ((info->nr_slots + 1u) & ~1u) + (info->flags & FLAG_CHAINED ? 12 : 0);
	if (size <= got - 4)
		__builtin_memcpy(info->bytes, first + 4, size);
	else if (lk_peek(addr + 4, info->bytes, size))
		return -ENODATA;
	return 0;
}

static unsigned slots_of(unsigned op, unsigned arg)
{
	switch (op) {
	case OP_ALLOC_LARGE:
		return arg ? 3 : 2;
	case OP_SAVE:
	case OP_SAVE_XMM:
		return 2;
	case OP_SAVE_FAR:
	case OP_SAVE_XMM_FAR:
	case OP_SET_FRAME_LARGE:
		return 3;
	default:
		return 1;
	}
}

static int undo_frame(struct undo *u, uint8_t frame, int64_t offset)
{
	if ((frame & 15) != REG_RBP)
		return -ENODATA;
	u->by_rbp = true;
	u->at = -offset;
	return 0;
}

static int undo_one(
	struct undo *u, const struct info *info, unsigned op, unsigned arg, struct lk_cursor rest)
{
	switch (op) {
	case OP_PUSH:
		if (arg == REG_RBP) {
			u->rbp_saved = true;
			u->rbp_by_rbp = u->by_rbp;
			u->rbp_at = u->at;
		}
		u->at += 8;
		return 0;
	case OP_ALLOC_LARGE:
		u->at += arg ? (int64_t)lk_cursor_u32(&rest) : 8 * (int64_t)lk_cursor_u16(&rest);
		break;
	case OP_ALLOC_SMALL:
		u->at += 8 * (int64_t)arg + 8;
		break;
	case OP_SET_FRAME:
		return undo_frame(u, info->frame, 16 * (info->frame >> 4));
	case OP_SET_FRAME_LARGE:
		return undo_frame(u, info->frame, 16 * (int64_t)lk_cursor_u32(&rest));
	case OP_SAVE:
	case OP_SAVE_FAR: /* CoreCLR pushes RBP, never stores it */
		return arg == REG_RBP ? -ENODATA : 0;
	case OP_SAVE_XMM:
	case OP_SAVE_XMM_FAR:
		return 0;
	default:
		return -ENODATA;
	}
	return rest.bad ? -ENODATA : 0;
}

/* Undoes what of this prolog was done at offset `at` of its function. */
static int undo_codes(struct undo *u, const struct info *info, uint64_t at)
{
	struct lk_cursor c = lk_cursor_over(info->bytes, 2u * info->nr_slots);

	while (lk_cursor_left(&c)) {
		uint8_t done_at = lk_cursor_u8(&c), code = lk_cursor_u8(&c);
		unsigned op = code & 15, arg = code >> 4;

		if (done_at <= at && undo_one(u, info, op, arg, c))
			return -ENODATA;
		lk_cursor_take(&c, 2 * (slots_of(op, arg) - 1));
	}
	return c.bad ? -ENODATA : 0;
}

/*
 * In an epilog (a signal may stand there) part of the frame is gone already.  An
 * epilog is what the rest of the function can only be: frees of stack, pops, and
 * then the return or a jump out.
 */
static bool in_epilog(uint64_t pc, struct undo *u)
{
	uint8_t code[48];
	size_t n = lk_peek_some(pc, code, sizeof(code)), i = 0;
	struct undo e = {0};

	if (n < 8)
		return false;
	if (code[0] == 0x48 && code[1] == 0x83 && code[2] == 0xc4) { /* add rsp, imm8 */
		e.at = (int8_t)code[3];
		i = 4;
	} else if (code[0] == 0x48 && code[1] == 0x81 && code[2] == 0xc4) { /* add rsp, imm32 */
		int32_t imm;

		__builtin_memcpy(&imm, code + 3, sizeof(imm));
		e.at = imm;
		i = 7;
	} else if (code[0] == 0x48 && code[1] == 0x8d && code[2] == 0x65) { /* lea rsp, [rbp+d8] */
		e.by_rbp = true;
		e.at = (int8_t)code[3];
		i = 4;
	}
	for (; i + 2 < n; i++) {
		bool wide = code[i] == 0x41;

		i += wide;
		if (code[i] < 0x58 || code[i] > 0x5f) {
			i -= wide;
			break;
		}
		if (!wide && code[i] == 0x5d) {
			e.rbp_saved = true;
			e.rbp_by_rbp = e.by_rbp;
			e.rbp_at = e.at;
		}
		e.at += 8;
	}
	if (i + 2 >= n || (code[i] != 0xc3 && !(code[i] == 0xff && code[i + 1] == 0x25) &&
				  !(code[i] == 0xff && code[i + 1] == 0xe0) &&
				  !(code[i] == 0x48 && code[i + 1] == 0xff && code[i + 2] == 0xe0)))
		return false;
	*u = e;
	return true;
}

static int row_of(const struct undo *u, struct lk_row *ret_row)
{
	int64_t cfa = u->at + 8, saved = u->rbp_at - cfa;

	if (cfa <= INT32_MIN || cfa > INT32_MAX ||
		(u->rbp_saved && (u->rbp_by_rbp != u->by_rbp || saved % 8 ||
					 saved / 8 < INT16_MIN || saved >= 0)))
		return -ENODATA;
	*ret_row = (struct lk_row){
		.cfa_off = (int32_t)cfa,
		.kind = u->by_rbp ? LK_ROW_RBP : LK_ROW_RSP,
		.rbp_off = u->rbp_saved ? (int16_t)(saved / 8) : 0,
		.flags = u->rbp_saved ? LK_ROW_RBP_SAVED : 0,
	};
	return 0;
}

int lk_clr_unwind_row(
	const struct lk_clr_code *code, uint64_t pc, bool exact, struct lk_row *ret_row)
{
	struct undo u = {0};
	uint64_t at = pc - code->function, unwind = code->unwind;
	struct info info;

	if (exact && in_epilog(pc, &u))
		return row_of(&u, ret_row);
	for (unsigned i = 0; i < CHAIN_MAX; i++) {
		uint32_t next;

		if (read_info(unwind, code->kind == LK_CLR_CODE_R2R, &info) ||
			undo_codes(&u, &info, at))
			return -ENODATA;
		if (!(info.flags & FLAG_CHAINED))
			return row_of(&u, ret_row);
		/* A part without a prolog of its own: all of its parent's was done. */
		__builtin_memcpy(
			&next, info.bytes + 2 * ((info.nr_slots + 1u) & ~1u) + 8, sizeof(next));
		unwind = code->base + next;
		at = UINT64_MAX;
	}
	return -ENODATA;
}
