/*
 * What .NET 8 and 9 do not describe, found by what it holds.
 */
#ifndef LK_WALK_CLR_LEARN_H
#define LK_WALK_CLR_LEARN_H

#include "walk/clr.h"

/* The address of the Module's path; 0: not found. */
uint64_t lk_clr_learn_path(uint64_t module);

/* Finds where images have their maps of entry points, by one entry whose token is known. */
bool lk_clr_learn_entries(const struct lk_clr_code *code, uint64_t entry, uint32_t token);

#endif
