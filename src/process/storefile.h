/*
 * Reads a store, of a living process or of one that is gone.  A store is foreign
 * bytes: whatever its header says is checked before it is used, and the process
 * may write on while we read.
 */
#ifndef LK_PROCESS_STOREFILE_H
#define LK_PROCESS_STOREFILE_H

#include "abi/store.h"
#include "util/err.h"

#include <stdbool.h>

struct lk_storefile {
	int fd;
	bool writable;
	uint64_t size;
	uint8_t *map; /* the whole file; sparse */
	struct lk_store_header *header;
	uint64_t nr[LK_NR_REGIONS]; /* records that were there when it was opened */
};

/*
 * Maps the store at path.  -ENOENT, -EBADMSG not a store or damaged, -EOPNOTSUPP
 * another version.  writable: for the host that pushes the tick on.
 */
int lk_storefile_open(
	const char *path, bool writable, struct lk_storefile *ret, struct lk_err *err);
void lk_storefile_close(struct lk_storefile *s);

/* Looks again at how many records there are; the process goes on adding. */
void lk_storefile_refresh(struct lk_storefile *s);

/* Record `index` of a region, or NULL where there is none. */
const void *lk_storefile_at(const struct lk_storefile *s, enum lk_region_id id, uint64_t index);

/* A NUL-terminated string of the bytes region; NULL for 0 and for what is not one. */
const char *lk_storefile_string(const struct lk_storefile *s, uint64_t at);
/* Bytes of the bytes region, NULL where they are not all there. */
const uint8_t *lk_storefile_bytes(const struct lk_storefile *s, uint64_t at, uint64_t size);

/* Is the process that writes this store still there (the same one, not a reused pid)? */
bool lk_storefile_process_alive(const struct lk_storefile *s);

/* When the store at path was last known to be written, us since the epoch; UINT64_MAX
 * while its process lives, 0 for what cannot be read. */
uint64_t lk_storefile_last_us(const char *path);
bool lk_process_exists(uint32_t pid);

/* Field 22 of /proc/PID/stat, 0 where there is no such process. */
uint64_t lk_process_start_ticks(uint32_t pid);

/*
 * Calls visit for every live block, in no order.  Blocks that change meanwhile
 * are seen before or after the change, never torn: words are single loads.
 */
struct lk_live_block {
	uint64_t address, size;
	uint32_t stack, time_packed, thread;
};
void lk_storefile_blocks(const struct lk_storefile *s,
	void (*visit)(void *arg, const struct lk_live_block *block), void *arg);

/* Blocks allocated so far, by node: S5.  *ret holds nr[NODES] entries, freed by the caller. */
struct lk_node_count {
	uint64_t allocs, bytes;
};
struct lk_node_count *lk_storefile_counts(const struct lk_storefile *s);

#endif
