#include "report/recording_dedup.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* Open addressing; a slot holds number + 1, so that 0 is an empty one. */
struct lk_dedup {
	size_t words;
	uint64_t *keys;
	size_t nr_keys, keys_capacity; /* capacity in keys */
	uint32_t *slots;
	size_t nr_slots;
};

struct lk_dedup *lk_dedup_new(size_t words_per_key)
{
	struct lk_dedup *d = lk_xcalloc(1, sizeof(*d));

	d->words = words_per_key;
	d->nr_slots = 1024;
	d->slots = lk_xcalloc(d->nr_slots, sizeof(*d->slots));
	return d;
}

struct lk_dedup *lk_dedup_free(struct lk_dedup *d)
{
	if (!d)
		return NULL;
	free(d->keys);
	free(d->slots);
	free(d);
	return NULL;
}

static size_t hash_key(const struct lk_dedup *d, const uint64_t *key)
{
	uint64_t h = 0;

	for (size_t i = 0; i < d->words; i++) {
		h = (h ^ key[i]) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return (size_t)h;
}

static void rehash(struct lk_dedup *d)
{
	free(d->slots);
	d->nr_slots *= 2;
	d->slots = lk_xcalloc(d->nr_slots, sizeof(*d->slots));
	for (size_t i = 0; i < d->nr_keys; i++) {
		size_t at = hash_key(d, d->keys + i * d->words) & (d->nr_slots - 1);

		while (d->slots[at])
			at = (at + 1) & (d->nr_slots - 1);
		d->slots[at] = (uint32_t)i + 1;
	}
}

/* The slot that holds key, or the empty one where it belongs. */
static size_t find_slot(const struct lk_dedup *d, const uint64_t *key)
{
	size_t at = hash_key(d, key) & (d->nr_slots - 1);

	for (; d->slots[at]; at = (at + 1) & (d->nr_slots - 1))
		if (!memcmp(d->keys + (d->slots[at] - 1) * d->words, key, d->words * sizeof(*key)))
			break;
	return at;
}

uint32_t lk_dedup_number(struct lk_dedup *d, const uint64_t *key, bool *ret_new)
{
	size_t size = d->words * sizeof(*key);
	size_t at;

	if (d->nr_keys * 2 >= d->nr_slots)
		rehash(d);
	at = find_slot(d, key);
	*ret_new = !d->slots[at];
	if (*ret_new) {
		d->keys = lk_grow(d->keys, d->nr_keys, &d->keys_capacity, size);
		memcpy(d->keys + d->nr_keys * d->words, key, size);
		d->slots[at] = (uint32_t)++d->nr_keys;
	}
	return d->slots[at] - 1;
}

uint32_t lk_dedup_find(const struct lk_dedup *d, const uint64_t *key)
{
	size_t at = find_slot(d, key);

	return d->slots[at] ? d->slots[at] - 1 : LK_DEDUP_NONE;
}
