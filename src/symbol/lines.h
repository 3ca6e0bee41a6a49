/*
 * From an address to source lines by DWARF, inlined functions included: the line
 * table says where the innermost code came from; each entry of an inlined
 * function around the address says where it was called.
 */
#ifndef LK_SYMBOL_LINES_H
#define LK_SYMBOL_LINES_H

#include "symbol/symbol.h"
#include "symbol/units.h"

/* One question: what is at addr?  The caller fills the first part. */
struct lk_lines {
	struct lk_units *units;
	struct lk_strings *strings;
	uint64_t addr;
	struct lk_line *lines;
	size_t max; /* 1 at least */

	size_t nr;	/* lines written; 0: DWARF says nothing of addr */
	bool full_name; /* the last one's comes from a mangled name and says all there is to say */
	uint64_t entry; /* where the last one's function begins; addr where that is unknown */
};

/* Fills the lines as lk_module_lines does; the last function may have no name. */
void lk_lines_find(struct lk_lines *q);

/*
 * A source file's name as reports show it: joined to the directory where it is
 * relative, without empty and "." parts.  ".." stays, it may lead through a link.
 */
const char *lk_source_path(struct lk_strings *strings, const char *directory, const char *name);

#endif
