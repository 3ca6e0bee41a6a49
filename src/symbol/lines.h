/*
 * From an address to source lines by DWARF, inlined functions included: the line
 * table says where the innermost code came from; each entry of an inlined
 * function around the address says where it was called.
 */
#ifndef LK_SYMBOL_LINES_H
#define LK_SYMBOL_LINES_H

#include "symbol/symbol.h"
#include "symbol/units.h"

/*
 * As lk_module_lines, but 0 where DWARF says nothing of addr.  The last
 * function's name may be missing; ret_full_name: it came from a linkage name and
 * says all there is to say.
 */
size_t lk_lines_find(struct lk_units *units, uint64_t addr, struct lk_strings *strings,
	struct lk_line *lines, size_t max, bool *ret_full_name);

/*
 * A source file's name as reports show it: joined to the directory where only
 * that is absolute (libdw has joined it to the line table's own directory, and a
 * relative one, from -ffile-prefix-map, would stand there twice), without empty
 * and "." parts.  ".." stays, it may lead through a link.
 */
const char *lk_source_path(struct lk_strings *strings, const char *directory, const char *name);

#endif
