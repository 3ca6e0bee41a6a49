#include "store/shadow.h"

struct lk_mid *lk_shadow_top[2][LK_TOP_ENTRIES];

static struct lk_mid *make_mid(uint64_t addr)
{
	struct lk_mid **slot = &lk_shadow_top[addr >> 3 & 1][addr >> LK_MID_SHIFT];

	if (!*slot)
		lk_store_rel(slot, (struct lk_mid *)lk_private_alloc(sizeof(**slot)));
	return *slot;
}

uint64_t *lk_shadow_make(uint64_t addr)
{
	uint64_t number, key;
	struct lk_mid *mid;
	uint32_t *entry;

	if (addr >> LK_ADDRESS_BITS || lk_region_closed(LK_REGION_SHADOW))
		return NULL;
	lk_store_lock();
	mid = make_mid(addr);
	entry = mid ? &mid->page[addr >> LK_SHADOW_PAGE_SHIFT & (LK_MID_ENTRIES - 1)] : NULL;
	if (!entry)
		goto full;
	if (!*entry) {
		/* Page and key grow together: key n belongs to page n. */
		number = lk_region_alloc(LK_REGION_SHADOW, 1);
		if (number == UINT64_MAX || lk_region_alloc(LK_REGION_SHADOW_KEYS, 1) != number)
			goto full;
		key = LK_SHADOW_KEY(addr);
		*(uint64_t *)lk_region_at(LK_REGION_SHADOW_KEYS, number) = key;
		lk_region_publish(LK_REGION_SHADOW_KEYS, number, 1);
		lk_region_publish(LK_REGION_SHADOW, number, 1);
		lk_store_rel(entry, (uint32_t)number + 1); /* pairs with lk_shadow_find */
	}
	lk_store_unlock();
	return lk_shadow_word_in(*entry, addr);
full:
	lk_store_unlock();
	return NULL;
}
