/*
 * Address ranges that may overlap, each with a small value: "which of them
 * cover this address?".  Filled once, sorted once, then asked often.  Beside the
 * sorted ranges stands, for each, the highest end so far, so that a search that
 * walks down from the address knows where nothing can cover it any more.
 */
#ifndef LK_SYMBOL_SPANS_H
#define LK_SYMBOL_SPANS_H

#include "base/defs.h"

struct lk_span {
	uint64_t low, high; /* high is the first address after it */
	uint32_t value;
};

struct lk_spans {
	struct lk_span *at;
	uint64_t *reach;
	size_t nr, capacity;
};

#define LK_SPANS_NONE SIZE_MAX

void lk_spans_done(struct lk_spans *spans);

/* Empty ranges are dropped. */
void lk_spans_add(struct lk_spans *spans, uint64_t low, uint64_t high, uint32_t value);

/* Once, after the last add and before the first find.  Equal starts: the longest first. */
void lk_spans_sort(struct lk_spans *spans);

/*
 * The index of the range covering addr whose start is nearest; then, with the
 * index got before as `after`, the next one outwards.  LK_SPANS_NONE begins and ends.
 */
size_t lk_spans_find(const struct lk_spans *spans, uint64_t addr, size_t after);

#endif
