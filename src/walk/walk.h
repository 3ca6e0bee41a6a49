/*
 * Walkers give rows and names for code that no .eh_frame covers: the machine
 * code of a managed runtime.  One table per runtime, found by what the runtime
 * exports.  A walker runs inside the hooks: it only reads memory, never takes a
 * lock, calls nothing that allocates, and is asked once per pc and thread, since
 * the capture caches rows.
 */
#ifndef LK_WALK_WALK_H
#define LK_WALK_WALK_H

#include "abi/store.h"
#include "unwind/row.h"

#define LK_WALK_STRING 512
#define LK_WALK_MAP    16384

/*
 * What a walker tells of the code at a pc.  Strings are NUL-terminated, empty
 * where unknown; map is the runtime's own native-to-IL table.  About 20 KB: one
 * static instance, guarded by the caller.
 */
struct lk_walk_name {
	struct lk_code_info info; /* start, size, handle, runtime, kind, token, flags, entry_off */
	uint64_t image_handle;	  /* of the lk_walk_image; 0: image below tells all there is */
	bool replaceable;	  /* code and image may be gone one day, others in their place */
	char name[LK_WALK_STRING];
	char klass[LK_WALK_STRING];
	char space[LK_WALK_STRING];
	char image[LK_WALK_STRING];
	uint8_t map[LK_WALK_MAP];
	uint32_t map_size;
};

/*
 * An assembly that code belongs to, by the runtime's own handle.  Strings as above;
 * what no file can tell later is to be copied from where it lies in memory.
 */
#define LK_WALK_DEBUGS 8

struct lk_walk_image {
	char path[LK_WALK_STRING];
	uint8_t mvid[16];
	uint64_t meta_addr; /* metadata; meta_size 0: the file has it */
	uint32_t meta_size;
	uint32_t nr_debugs;
	struct {
		uint32_t type, stamp;
		uint64_t addr;
		uint32_t size;
	} debugs[LK_WALK_DEBUGS]; /* the debug directory; with meta_size only */
};

/* The place of the frame on the calling thread's stack: [sp, cfa). */
struct lk_walk_stack {
	uint64_t sp, cfa;
};

/*
 * A body of code as the runtime's tables know it at this moment: as in struct
 * lk_code_info.  size 0: code that never is replaced, no need to compare.  handle 0:
 * start and size alone are compared.
 */
struct lk_code_body {
	uint64_t start, size, handle;
};

struct lk_walker {
	const char *name;
	uint32_t runtime; /* enum lk_runtime_id */
	/*
	 * Looks for its runtime among the loaded modules.  Called when the module
	 * list may have changed, outside hot paths, by one thread at a time.  0:
	 * found and ready; -ENODATA: not here; -EOPNOTSUPP: here, but of a version
	 * it does not understand.  The rest is asked only after a 0, and attach no more.
	 */
	int (*attach)(void);
	/*
	 * Makes the row for a return address (lookup_pc = pc - 1; exact: execution
	 * stood at lookup_pc itself) in the runtime's code, and says whose it is.  The
	 * row has LK_ROW_MANAGED where the code may be replaced.  -ENODATA: not its code.
	 */
	int (*row)(uint64_t lookup_pc, bool exact, struct lk_row *ret_row,
		struct lk_code_body *ret_body);
	/*
	 * Copies identity and names of the code that holds lookup_pc; serves: as place
	 * gave it.  One thread at a time, like place.  -ENODATA as above.
	 */
	int (*describe)(uint64_t lookup_pc, uint64_t serves, struct lk_walk_name *ret_name);
	/*
	 * Where the body starts, at a fraction of what describe costs.  One body may
	 * serve several callees (a marshalling stub); stack tells which, as the handle
	 * that describe will give; 0: the body is all there is to tell.  NULL: there is no
	 * cheaper way than describe.
	 */
	int (*place)(uint64_t lookup_pc, const struct lk_walk_stack *stack, uint64_t *ret_start,
		uint64_t *ret_serves);
	/* Tells of the assembly; NULL where image_handle is never used.  -ENODATA: gone. */
	int (*image)(uint64_t image_handle, struct lk_walk_image *ret_image);
};

extern const struct lk_walker lk_walker_mono;
extern const struct lk_walker lk_walker_clr;

#endif
