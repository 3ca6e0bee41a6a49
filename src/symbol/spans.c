#include "symbol/spans.h"

#include <stdlib.h>

#include "util/mem.h"

void lk_spans_done(struct lk_spans *spans)
{
	free(spans->at);
	free(spans->reach);
	*spans = (struct lk_spans){0};
}

void lk_spans_add(struct lk_spans *spans, uint64_t low, uint64_t high, uint32_t value)
{
	if (high <= low)
		return;
	spans->at = lk_grow(spans->at, spans->nr, &spans->capacity, sizeof(*spans->at));
	spans->at[spans->nr++] = (struct lk_span){.low = low, .high = high, .value = value};
}

static int by_start(const void *a, const void *b)
{
	const struct lk_span *x = a, *y = b;

	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

void lk_spans_sort(struct lk_spans *spans)
{
	uint64_t reach = 0;

	if (!spans->nr)
		return;
	qsort(spans->at, spans->nr, sizeof(*spans->at), by_start);
	spans->reach = lk_xrealloc(spans->reach, spans->nr * sizeof(*spans->reach));
	for (size_t i = 0; i < spans->nr; i++) {
		if (spans->at[i].high > reach)
			reach = spans->at[i].high;
		spans->reach[i] = reach;
	}
}

/* How many ranges start at or below addr. */
static size_t nr_started(const struct lk_spans *spans, uint64_t addr)
{
	size_t low = 0, high = spans->nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (spans->at[mid].low <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t lk_spans_find(const struct lk_spans *spans, uint64_t addr, size_t after)
{
	size_t i = after == LK_SPANS_NONE ? nr_started(spans, addr) : after;

	while (i-- && spans->reach[i] > addr)
		if (spans->at[i].high > addr)
			return i;
	return LK_SPANS_NONE;
}
