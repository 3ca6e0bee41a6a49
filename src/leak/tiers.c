#include "leak/tiers.h"

#include <stdlib.h>
#include <string.h>

static int by_place(const void *a, const void *b)
{
	const struct lk_stack_facts *x = *(const struct lk_stack_facts *const *)a;
	const struct lk_stack_facts *y = *(const struct lk_stack_facts *const *)b;

	if (x->place_key != y->place_key)
		return x->place_key < y->place_key ? -1 : 1;
	return strcmp(x->manager, y->manager);
}

/* The first of the sorted ones whose place is not below the key. */
static size_t place_find(const struct lk_stack_facts *const *certain, size_t nr, uint64_t key)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (certain[mid]->place_key < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What all certain stacks of the place agree on, or NULL. */
static const struct lk_stack_facts *agreed(
	const struct lk_stack_facts *const *certain, size_t nr, uint64_t key)
{
	size_t first = place_find(certain, nr, key), i;

	if (first == nr || certain[first]->place_key != key)
		return NULL;
	for (i = first; i < nr && certain[i]->place_key == key; i++)
		if (strcmp(certain[i]->manager, certain[first]->manager))
			return NULL;
	return certain[first];
}

void lk_tiers_settle(struct lk_stack_facts *facts, size_t nr)
{
	const struct lk_stack_facts **certain = NULL;
	size_t nr_certain = 0, capacity = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!facts[i].place_key || facts[i].vague)
			continue;
		certain = lk_grow(certain, nr_certain, &capacity, sizeof(*certain));
		certain[nr_certain++] = &facts[i];
	}
	if (nr_certain)
		qsort(certain, nr_certain, sizeof(*certain), by_place);
	for (size_t i = 0; i < nr; i++) {
		const struct lk_stack_facts *known;

		if (!facts[i].place_key || !facts[i].vague)
			continue;
		known = agreed(certain, nr_certain, facts[i].place_key);
		if (!known)
			continue;
		facts[i].manager = known->manager;
		facts[i].key = known->key;
	}
	free(certain);
}
