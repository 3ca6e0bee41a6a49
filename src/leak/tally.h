/*
 * Counts blocks by (site, size): an open-addressing table that only grows.  The
 * analysis asks it once a block, so a site's last slot is tried first.
 */
#ifndef LK_LEAK_TALLY_H
#define LK_LEAK_TALLY_H

#include "base/defs.h"

struct lk_tally_entry {
	uint64_t size;
	uint64_t blocks; /* 0: slot is free */
	uint32_t site;
	uint32_t reserved;
};

struct lk_size_tally {
	struct lk_tally_entry *slots;
	size_t nr_slots, nr_used;
};

/* Counts one block; gives its slot, to be passed as `last` for the site's next block. */
size_t lk_size_tally_add(struct lk_size_tally *t, uint32_t site, uint64_t size, size_t last);

/* Packs the entries to the front of slots, by size; gives how many.  The table is read-only then.
 */
size_t lk_size_tally_sort(struct lk_size_tally *t);

void lk_size_tally_done(struct lk_size_tally *t);

#endif
