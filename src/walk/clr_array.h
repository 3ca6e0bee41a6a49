/*
 * NativeArray: the compressed tables of ReadyToRun images.  Damage ends in "not there".
 */
#ifndef LK_WALK_CLR_ARRAY_H
#define LK_WALK_CLR_ARRAY_H

#include "base/cursor.h"

/* A table, from its first byte to the end of what may be read of it. */
struct lk_clr_array {
	const uint8_t *at, *end;
};

/* The number of elements; 0 where the bytes are no array. */
uint32_t lk_clr_array_count(struct lk_clr_array a);

/* A cursor on element `index`, up to the array's end; bad where there is none. */
struct lk_cursor lk_clr_array_element(struct lk_clr_array a, uint32_t index);

/* An unsigned number of 1 to 5 bytes, as these tables have them. */
uint32_t lk_clr_varuint(struct lk_cursor *c);

#endif
