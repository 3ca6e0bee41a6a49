#include "leak/tally.h"

#include "util/mem.h"

#include <stdlib.h>

static size_t slot_of(uint32_t site, uint64_t size, size_t nr_slots)
{
	uint64_t h = (size * 0x9e3779b97f4a7c15ull) ^ ((uint64_t)site * 0xc2b2ae3d27d4eb4full);

	return (size_t)(h ^ h >> 31) & (nr_slots - 1);
}

static size_t find(const struct lk_size_tally *t, uint32_t site, uint64_t size)
{
	size_t at = slot_of(site, size, t->nr_slots);

	while (t->slots[at].blocks && (t->slots[at].size != size || t->slots[at].site != site))
		at = (at + 1) & (t->nr_slots - 1);
	return at;
}

static void grow(struct lk_size_tally *t)
{
	struct lk_size_tally bigger = {.nr_slots = t->nr_slots ? t->nr_slots * 2 : 1024};

	bigger.slots = lk_xcalloc(bigger.nr_slots, sizeof(*bigger.slots));
	bigger.nr_used = t->nr_used;
	for (size_t i = 0; i < t->nr_slots; i++)
		if (t->slots[i].blocks)
			bigger.slots[find(&bigger, t->slots[i].site, t->slots[i].size)] =
				t->slots[i];
	free(t->slots);
	*t = bigger;
}

size_t lk_size_tally_add(struct lk_size_tally *t, uint32_t site, uint64_t size, size_t last)
{
	size_t at = last;

	if (at >= t->nr_slots || !t->slots[at].blocks || t->slots[at].site != site ||
		t->slots[at].size != size) {
		if (t->nr_used * 2 >= t->nr_slots)
			grow(t);
		at = find(t, site, size);
	}
	if (!t->slots[at].blocks++) {
		t->slots[at].site = site;
		t->slots[at].size = size;
		t->nr_used++;
	}
	return at;
}

static int compare(const void *a, const void *b)
{
	const struct lk_tally_entry *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

size_t lk_size_tally_sort(struct lk_size_tally *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nr_slots; i++)
		if (t->slots[i].blocks)
			t->slots[n++] = t->slots[i];
	if (n)
		qsort(t->slots, n, sizeof(*t->slots), compare);
	return n;
}

void lk_size_tally_done(struct lk_size_tally *t)
{
	free(t->slots);
	*t = (struct lk_size_tally){0};
}
