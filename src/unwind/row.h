/*
 * A row says how to take one step outwards from a frame that stands at pc: where
 * the frame's CFA is (the stack pointer's value after the return), and where the
 * caller's RBP was saved.  The return address is always at CFA - 8, but for the
 * frames in which execution was interrupted.
 *
 * Rows are made from .eh_frame, or by a runtime's walker for code that has none;
 * the capture does not care which.  A row depends on immutable code only, so it
 * may be kept until that code goes away.
 */
#ifndef LK_UNWIND_ROW_H
#define LK_UNWIND_ROW_H

#include "base/defs.h"

enum lk_row_kind {
	LK_ROW_UNKNOWN,	  /* no rule: the walk ends, the stack is truncated */
	LK_ROW_END,	  /* the outermost frame: return address undefined */
	LK_ROW_RSP,	  /* CFA = rsp + cfa_off */
	LK_ROW_RBP,	  /* CFA = rbp + cfa_off */
	LK_ROW_RBP_DEREF, /* CFA = *(rbp + cfa_off): realigned stacks (DRAP) */
	LK_ROW_RSP_DEREF, /* CFA = *(rsp + cfa_off) */
	LK_ROW_PLT,	  /* CFA = rsp + 8 + ((rip & 15) >= cfa_off ? 8 : 0) */
	LK_ROW_SIGFRAME,  /* the kernel's signal frame: ucontext at rsp */
	LK_ROW_PUSHED,	  /* CFA = rsp + cfa_off; RBP saved as in any row, right below the pc, which
			   * is where execution stood, not at CFA - 8: a runtime's fault handler */
};

#define LK_ROW_RBP_SAVED  1u  /* caller's rbp at CFA + 8 * rbp_off */
#define LK_ROW_RBP_AT_RBP 2u  /* with RBP_SAVED: at rbp + 8 * rbp_off instead (DRAP) */
#define LK_ROW_MANAGED	  4u  /* from a runtime's walker */
#define LK_ROW_AGAIN	  16u /* kind UNKNOWN for now: ask again after cfa_off uses */
#define LK_ROW_GUESSED	  8u  /* not certain: the stack is marked approximate */

struct lk_row {
	uint64_t pc; /* the key: return address, or exact pc */
	int32_t cfa_off;
	int16_t rbp_off; /* in words of 8 bytes */
	uint8_t kind;	 /* enum lk_row_kind */
	uint8_t flags;	 /* LK_ROW_* */
};
_Static_assert(sizeof(struct lk_row) == 16, "rows are cached by the thousand");

#endif
