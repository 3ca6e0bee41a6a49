/*
 * What CoreCLR's images and code headers tell about methods: ReadyToRun tables
 * and native-to-IL maps.  Images lie in memory as they were mapped; each table is
 * checked to lie in its image before it is read.  Shared by clr*.c only.
 */
#ifndef LK_WALK_CLR_IMAGE_H
#define LK_WALK_CLR_IMAGE_H

#include "base/cursor.h"
#include "walk/clr.h"

/* The begin of RUNTIME_FUNCTION i, from the section's begin.  Code of kind R2R, as below. */
uint32_t lk_clr_r2r_begin(const struct lk_clr_code *code, uint32_t i);

/* The address of the image's RUNTIME_FUNCTION table. */
uint64_t lk_clr_r2r_table(const struct lk_clr_code *code);

/* The MethodDesc whose entry point is at address entry; 0: none, or it never ran. */
uint64_t lk_clr_r2r_method(const struct lk_clr_code *code, uint64_t entry);

/* The same in one map of the runtime's, which may be no map at all: then 0. */
uint64_t lk_clr_map_find(uint64_t map, uint64_t entry);

/* The token of a MethodDesc; 0: it has none, or is none. */
uint32_t lk_clr_method_token(uint64_t method);

/*
 * .NET 8 and 9: the address of the Module's path; 0: not found.  And finds where
 * images have their maps of entry points, by one entry whose token is known.
 */
uint64_t lk_clr_learn_path(uint64_t module);
bool lk_clr_learn_entries(const struct lk_clr_code *code, uint64_t entry, uint32_t token);

/* The token of the method whose entry is RUNTIME_FUNCTION i; 0: none. */
uint32_t lk_clr_r2r_token(const struct lk_clr_code *code, uint32_t i);

/* Where a data directory of the mapped image at base lies; 0: it has none. */
uint32_t lk_clr_directory(uint64_t base, unsigned index);

/* A table of an image: NativeArray, from its first byte.  Damage ends in "not there". */
struct lk_clr_array {
	const uint8_t *at, *end;
};

/* The number of elements; 0 where the bytes are no array. */
uint32_t lk_clr_array_count(struct lk_clr_array a);

/* A cursor on element `index`, up to the array's end; bad where there is none. */
struct lk_cursor lk_clr_array_element(struct lk_clr_array a, uint32_t index);

/* An unsigned number of 1 to 5 bytes, as these tables have them. */
uint32_t lk_clr_varuint(struct lk_cursor *c);

/*
 * Copies the native-to-IL map of the method that begins at entry, as struct
 * lk_code_info says; gives its size, 0: none, or it does not fit.
 */
size_t lk_clr_r2r_map(const struct lk_clr_code *code, uint64_t entry, uint8_t *to, size_t size);

/* The same from a blob of at most `left` bytes at an address. */
size_t lk_clr_copy_map(uint64_t from, size_t left, uint8_t format, uint8_t *to, size_t size);
size_t lk_clr_jit_map(const struct lk_clr_code *code, uint8_t *to, size_t size);

#endif
