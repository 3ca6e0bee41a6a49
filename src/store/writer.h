/*
 * The agent's end of the store: creates the file, grows its regions, and keeps
 * the indexes that finding things again takes.  The indexes are private memory
 * of the process and can be made anew from the store; after a fork the kernel
 * wipes them in the child (MADV_WIPEONFORK), which thereby knows that it is one.
 *
 * Growing is rare and takes one spin lock, known by the thread pointer of its holder,
 * so that a thread that left it by longjmp out of a signal handler finds itself
 * again.  Everything per event is lock-free.  Nothing here calls libc.
 */
#ifndef LK_STORE_WRITER_H
#define LK_STORE_WRITER_H

#include "abi/store.h"

#define LK_PATH_MAX 512

/*
 * Everything that must not survive a fork.  Lives in wiped pages: all zero in a
 * child until lk_store_create ran there.
 */
struct lk_writer {
	uint32_t ready;
	uint64_t lock; /* thread pointer of the holder, 0 free; pairs acquire/release with itself */
	struct lk_store_header *header; /* the mapping's start */
	uint64_t mapped_size;
	uint64_t populated[LK_NR_REGIONS]; /* bytes of each region that have pages */
	uint64_t full_until_ms;		   /* no new try to grow before that tick */
	uint32_t *node_index;		   /* open addressing over node numbers, 0 free */
	uint32_t node_index_mask;
	uint32_t nr_nodes;
	uint32_t *map_order; /* slots of live mappings by address */
	uint32_t nr_maps, maps_capacity;
	uint32_t nr_map_slots;
	char path[LK_PATH_MAX];
};

extern struct lk_writer *lk_writer; /* set once, before the first event; then constant */
/* Start of the shadow pages; constant while the writer is ready.  Hot. */
extern uint8_t *lk_shadow_base;

/* Reserves the wiped pages.  Once per process image.  0 or -errno. */
int lk_writer_reserve(void);

/*
 * Makes the store file dir/PID-TIME.store, mode 0600, and maps it; fills the
 * header.  -errno: no store, and nothing is left behind.
 */
int lk_store_create(const char *dir, bool forked);

/* Private memory that is wiped in a forked child; zeroed, never given back.  NULL: none. */
void *lk_private_alloc(size_t size);

void lk_store_lock(void);
void lk_store_unlock(void);

/*
 * Makes `count` more records of a region, backed and zeroed, and returns the
 * number of the first; UINT64_MAX where the store is full (counted by the
 * caller).  They are not published: the caller fills them and then calls
 * lk_region_publish with the same numbers.  Lock held.
 */
uint64_t lk_region_alloc(enum lk_region_id id, uint64_t count);
void lk_region_publish(enum lk_region_id id, uint64_t first, uint64_t count);

/*
 * Is it pointless to ask for more of a region now: the file system was full a
 * moment ago, and what was populated is used up?  No lock, no system call.
 */
LK_INLINE bool lk_region_closed(enum lk_region_id id)
{
	const struct lk_region *r = &lk_writer->header->regions[id];

	return lk_load(&lk_writer->header->tick_ms) < lk_load(&lk_writer->full_until_ms) &&
	       (lk_load(&r->used) + 1) * r->record_size > lk_load(&lk_writer->populated[id]);
}

/* The tick for fields of 32 bits: stays at its end after 49 days; never 0. */
LK_INLINE uint32_t lk_tick32(const struct lk_store_header *h)
{
	uint64_t ms = lk_load(&h->tick_ms);

	return ms > UINT32_MAX ? UINT32_MAX : ms ? (uint32_t)ms : 1;
}

LK_INLINE void *lk_region_at(enum lk_region_id id, uint64_t index)
{
	struct lk_region *r = &lk_writer->header->regions[id];

	return (uint8_t *)lk_writer->header + r->offset + index * r->record_size;
}

/* Copies bytes into the bytes region; 0 where size is 0 or there is no room.  Lock held. */
uint64_t lk_bytes_add(const void *bytes, size_t size);
uint64_t lk_string_add(const char *text);

LK_INLINE void lk_count_lost(enum lk_lost what)
{
	lk_add(&lk_writer->header->lost[what], 1);
}

#endif
