/*
 * Code of managed runtimes, through their walkers: rows, and records of the store
 * that name it.  Slow paths only: a row per pc and thread, a record per body.
 */
#ifndef LK_AGENT_MANAGED_H
#define LK_AGENT_MANAGED_H

#include "store/writer.h"
#include "walk/walk.h"

/* The row for lookup_pc and where its body starts.  -ENODATA: no runtime's code. */
int lk_managed_row(uint64_t lookup_pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start);

/*
 * The record of the code that holds lookup_pc, made where it is new;
 * LK_CODE_NONE: no runtime's code, or no room.  Store lock held.
 */
uint32_t lk_managed_code(uint64_t lookup_pc, const struct lk_walk_stack *stack);

/* Whether the code (LK_CODE_*) is what it is only on this path: a stub's. */
bool lk_managed_by_path(uint32_t code);

#endif
