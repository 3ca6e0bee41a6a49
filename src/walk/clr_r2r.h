/*
 * Precompiled code: the tables of ReadyToRun images, as they lie in memory.  Each is
 * checked to lie in its image before it is read.  Shared by clr*.c only; all take code of
 * kind R2R.
 */
#ifndef LK_WALK_CLR_R2R_H
#define LK_WALK_CLR_R2R_H

#include "walk/clr.h"

/* Finds the code at pc in the image of a section.  -ENODATA: none there. */
int lk_clr_find_r2r(
	const struct lk_clr_section *section, uint64_t pc, struct lk_clr_code *ret_code);

/* The begin of RUNTIME_FUNCTION i, from the section's begin. */
uint32_t lk_clr_r2r_begin(const struct lk_clr_code *code, uint32_t i);

/* The address of the image's RUNTIME_FUNCTION table. */
uint64_t lk_clr_r2r_table(const struct lk_clr_code *code);

/* The MethodDesc whose entry point is at address entry; 0: none, or it never ran. */
uint64_t lk_clr_r2r_method(const struct lk_clr_code *code, uint64_t entry);

/* The same in one map of the runtime's, which may be no map at all: then 0. */
uint64_t lk_clr_map_find(uint64_t map, uint64_t entry);

/* The token of the method whose entry is RUNTIME_FUNCTION i; 0: none. */
uint32_t lk_clr_r2r_token(const struct lk_clr_code *code, uint32_t i);

/* Copies the native-to-IL map of the method that begins at entry: clr_debug.h. */
size_t lk_clr_r2r_map(const struct lk_clr_code *code, uint64_t entry, uint8_t *to, size_t size);

#endif
