/*
 * Native-to-IL maps of methods, copied as struct lk_code_info says.  All give the size;
 * 0: there is none, or it does not fit.
 */
#ifndef LK_WALK_CLR_DEBUG_H
#define LK_WALK_CLR_DEBUG_H

#include "walk/clr.h"

/* Of JIT'd code. */
size_t lk_clr_jit_map(const struct lk_clr_code *code, uint8_t *to, size_t size);

/* From a blob of at most `left` bytes at an address. */
size_t lk_clr_copy_map(uint64_t from, size_t left, uint8_t format, uint8_t *to, size_t size);

#endif
