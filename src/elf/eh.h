/*
 * The unwind table of a mapped module, as the linker left it: .eh_frame_hdr, its
 * sorted table, and the entries of .eh_frame it points to.  Everything is read
 * where it stands and nothing is kept, so any thread may ask at any moment, also
 * in a signal.  No byte outside the window is read, whatever the tables say.
 *
 * Formats: Linux Standard Base Core 5.0, chapter 10 (.eh_frame, .eh_frame_hdr,
 * DW_EH_PE_*); DWARF 5, section 6.4 for the call frame instructions themselves.
 */
#ifndef LK_ELF_EH_H
#define LK_ELF_EH_H

#include "base/cursor.h"
#include "base/defs.h"

/* The memory that may be read: the module's mapping, or a copy of its sections. */
struct lk_eh_window {
	const uint8_t *low;
	const uint8_t *high;
};

/* DW_EH_PE_omit: there is no such value. */
#define LK_EH_PE_OMIT 0xff

/*
 * One entry for a range of code, with what its CIE says.  Both programs are
 * bounded by their entries; they live as long as the window.
 */
struct lk_eh_fde {
	uint64_t pc_begin;
	uint64_t pc_size;
	struct lk_cursor cie_ops; /* run first: the rules at entry */
	struct lk_cursor ops;	  /* run from pc_begin on */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;     /* DWARF number of the return address column */
	uint8_t pc_encoding; /* DW_EH_PE_* of DW_CFA_set_loc */
	bool signal;	     /* augmentation 'S': the frame of a signal handler's caller */
};

/*
 * Finds the entry that covers pc through the header at hdr: by the sorted table
 * where it has one of the usual form, else by reading .eh_frame from its start.
 * -ENODATA: no entry covers pc; -EBADMSG: damaged; -EOPNOTSUPP: an encoding or
 * augmentation that is not known here.
 */
int lk_eh_find(const struct lk_eh_window *window, const uint8_t *hdr, uint64_t pc,
	struct lk_eh_fde *ret_fde);

/*
 * Reads one DW_EH_PE encoded value, which stands in the window at its own run
 * address; data_base is what DW_EH_PE_datarel adds.  What cannot be read or is
 * not known here latches the cursor.
 */
uint64_t lk_eh_pointer(const struct lk_eh_window *window, struct lk_cursor *c, uint8_t encoding,
	uint64_t data_base);

#endif
