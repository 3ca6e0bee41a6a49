/*
 * The compilation units of a module's DWARF and the functions in them, found by
 * address.  The units' ranges are read when this is opened (their first entries,
 * not their contents; .debug_aranges is only asked about units that have no
 * ranges, as clang writes none and linkers mix files that have with files that
 * have not).  A unit's functions are read when an address first falls into it.
 */
#ifndef LK_SYMBOL_UNITS_H
#define LK_SYMBOL_UNITS_H

#include <elfutils/libdw.h>

#include "symbol/spans.h"

enum lk_unit_indexed {
	LK_UNIT_UNREAD,
	LK_UNIT_OUTER, /* functions of the unit and its namespaces */
	LK_UNIT_ALL,   /* also those inside of types and other functions */
};

struct lk_unit {
	Dwarf_Die die;	/* has the lines */
	Dwarf_Die body; /* has the functions: die itself, or its .dwo's */
	struct lk_spans spans;
	Dwarf_Die *functions;
	size_t nr_functions, capacity;
	enum lk_unit_indexed indexed;
};

struct lk_units {
	Dwarf *dwarf;
	const struct lk_spans *code;
	struct lk_unit *units;
	size_t nr, capacity;
	struct lk_spans spans;
	bool some_unplaced; /* units without ranges */
};

/* A walk over entries, in the order of the file: see lk_walk_child. */
struct lk_walk {
	const void *seen;
};

/*
 * code: the module's, kept; ranges outside of it (functions that the linker
 * dropped) are ignored.  NULL where there is no DWARF.
 */
struct lk_units *lk_units_open(Elf *elf, const struct lk_spans *code);
struct lk_units *lk_units_close(struct lk_units *units);

/*
 * The units that cover addr, one after the other: *at begins as LK_SPANS_NONE.
 * NULL after the last one.
 */
struct lk_unit *lk_units_find(struct lk_units *units, uint64_t addr, size_t *at);

/* Fills the function's entry: false where none covers addr. */
bool lk_unit_function(
	struct lk_units *units, struct lk_unit *unit, uint64_t addr, Dwarf_Die *ret_function);

/*
 * Step to the first child, to the next sibling.  Damaged references could lead
 * back and make a walk endless; in a sound file each entry of a walk lies behind
 * all those before, and the walk ends where that does not hold.
 */
bool lk_walk_child(struct lk_walk *walk, Dwarf_Die *parent, Dwarf_Die *ret_child);
bool lk_walk_sibling(struct lk_walk *walk, Dwarf_Die *die);

#endif
