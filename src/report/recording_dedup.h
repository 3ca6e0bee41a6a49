/*
 * Numbers distinct keys in the order of their first appearance: 0, 1, 2, ..  A key
 * is a fixed count of 64-bit words.  A recording keeps each distinct frame and name
 * once this way.  One thread at a time.
 */
#ifndef LK_REPORT_RECORDING_DEDUP_H
#define LK_REPORT_RECORDING_DEDUP_H

#include "base/defs.h"

struct lk_dedup;

struct lk_dedup *lk_dedup_new(size_t words_per_key);
struct lk_dedup *lk_dedup_free(struct lk_dedup *dedup);

/* The key's number; *ret_new tells whether it was just given. */
uint32_t lk_dedup_number(struct lk_dedup *dedup, const uint64_t *key, bool *ret_new);

/* The number of a key that has one, else LK_DEDUP_NONE. */
#define LK_DEDUP_NONE UINT32_MAX
uint32_t lk_dedup_find(const struct lk_dedup *dedup, const uint64_t *key);

#endif
