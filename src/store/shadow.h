/*
 * Where the word of a block is: the agent's index over the shadow pages.
 *
 *   address  46 ...... 26 25 ...... 13 12 ... 4 3 2..0
 *            | top entry | mid entry  | word   |plane
 *
 * top[plane][..] points to a mid table, private and wiped at fork; its entry is
 * the number + 1 of the shadow page in the store, 0 where there is none.  Three
 * dependent loads, the first two nearly always in the first-level cache.
 */
#ifndef LK_STORE_SHADOW_H
#define LK_STORE_SHADOW_H

#include "store/writer.h"

#define LK_MID_SHIFT   26
#define LK_MID_ENTRIES (1u << (LK_MID_SHIFT - LK_SHADOW_PAGE_SHIFT))
#define LK_TOP_ENTRIES (1u << (LK_ADDRESS_BITS - LK_MID_SHIFT))

struct lk_mid {
	uint32_t page[LK_MID_ENTRIES];
};

extern struct lk_mid *lk_shadow_top[2][LK_TOP_ENTRIES];

/* Makes the page that holds addr's word; NULL: the store is full. */
uint64_t *lk_shadow_make(uint64_t addr);

LK_INLINE uint64_t *lk_shadow_word_in(uint32_t page, uint64_t addr)
{
	return (uint64_t *)(lk_shadow_base + (uint64_t)(page - 1) * LK_SHADOW_PAGE) +
	       (addr >> 4 & (LK_SHADOW_WORDS - 1));
}

/* The word of addr, or NULL where no page was made for it. */
LK_INLINE uint64_t *lk_shadow_find(uint64_t addr)
{
	struct lk_mid *mid;
	uint32_t page;

	if (LK_UNLIKELY(addr >> LK_ADDRESS_BITS))
		return NULL;
	mid = lk_shadow_top[addr >> 3 & 1][addr >> LK_MID_SHIFT];
	if (LK_UNLIKELY(!mid))
		return NULL;
	page = lk_load_acq(&mid->page[addr >> LK_SHADOW_PAGE_SHIFT & (LK_MID_ENTRIES - 1)]);
	if (LK_UNLIKELY(!page))
		return NULL;
	return lk_shadow_word_in(page, addr);
}

LK_INLINE uint64_t *lk_shadow_get(uint64_t addr)
{
	uint64_t *word = lk_shadow_find(addr);

	return LK_LIKELY(word != NULL) ? word : lk_shadow_make(addr);
}

/* Makes a block live (S2, S3); false: no room, the caller counts it. */
LK_INLINE bool lk_shadow_put(uint64_t addr, struct lk_word w)
{
	uint64_t *word = lk_shadow_get(addr);
	uint64_t *cont;

	if (LK_UNLIKELY(!word))
		return false;
	if (lk_word_tag(w.first) == LK_TAG_LIVE) {
		cont = word + 1;
		if (LK_UNLIKELY(!((uint64_t)cont & (LK_SHADOW_PAGE - 1)))) {
			cont = lk_shadow_get(addr + 16);
			if (LK_UNLIKELY(!cont))
				return false;
		}
		lk_store(cont, w.cont);
	}
	lk_store_rel(word, w.first);
	return true;
}

/* Ends a block's life; its words as they were, first == 0 where it was not known. */
LK_INLINE struct lk_word lk_shadow_take(uint64_t addr)
{
	uint64_t *word = lk_shadow_find(addr);
	struct lk_word w = {0};

	if (LK_UNLIKELY(!word))
		return w;
	w.first = lk_load(word);
	if (LK_UNLIKELY(!lk_word_is_block(w.first)))
		return (struct lk_word){0};
	lk_store(word, 0);
	return w;
}

/* Undoes lk_shadow_take: the block was not given back after all (realloc failed). */
LK_INLINE void lk_shadow_restore(uint64_t addr, struct lk_word w)
{
	uint64_t *word = lk_shadow_find(addr);

	if (word)
		lk_store_rel(word, w.first);
}

#endif
