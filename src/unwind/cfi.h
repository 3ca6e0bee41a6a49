/*
 * Rows from .eh_frame, in the process itself.  Finds the module by
 * _dl_find_object (glibc 2.35: no lock, async-signal-safe), the FDE by the
 * sorted table of .eh_frame_hdr, and runs the CFI program up to pc.  Nothing is
 * kept: callers cache the row.  No heap, no locks, no libc calls but
 * _dl_find_object; about 0.5 us.  Any thread, any moment, also in a signal.
 */
#ifndef LK_UNWIND_CFI_H
#define LK_UNWIND_CFI_H

#include "unwind/row.h"

/*
 * Makes the row for code at lookup_pc: for a return address that is pc - 1, the
 * call itself, for an interrupted instruction pc.  ret_row->pc is left alone.
 * 0: a row, which may be of kind END or UNKNOWN (rules beyond what a row says).
 * -ENODATA: no module or no unwind table covers lookup_pc (JIT'd code, say).
 */
int lk_cfi_row(uint64_t lookup_pc, struct lk_row *ret_row);

/*
 * The same from an .eh_frame_hdr already at hand; for tests and other sources of
 * modules.  hdr points to the mapped header; [low, high) is memory that may be read.
 */
int lk_cfi_row_in(const uint8_t *hdr, const uint8_t *low, const uint8_t *high, uint64_t lookup_pc,
	struct lk_row *ret_row);

/*
 * Runs call frame instructions alone, with the encoding constants a CIE would
 * give, from code offset 0 up to pc_off, and makes the row.  Mono's JIT unwind
 * information is such a program (code_align 1, data_align -8).
 * -EBADMSG: not such a program; -EOPNOTSUPP: rules that a row cannot say.
 */
int lk_cfi_run(const uint8_t *ops, size_t ops_size, uint64_t code_align, int64_t data_align,
	uint64_t pc_off, struct lk_row *ret_row);

#endif
