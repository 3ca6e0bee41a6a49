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
	struct lk_code_info info; /* start, size, handle, runtime, kind, token, flags */
	char name[LK_WALK_STRING];
	char klass[LK_WALK_STRING];
	char space[LK_WALK_STRING];
	char image[LK_WALK_STRING];
	uint8_t map[LK_WALK_MAP];
	uint32_t map_size;
};

/*
 * A body of code as the runtime's tables know it at this moment: as in struct
 * lk_code_info.  size 0: code that never is replaced, no need to compare.
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
	 * it does not understand.
	 */
	int (*attach)(void);
	/*
	 * Makes the row for a return address (lookup_pc = pc - 1) in the runtime's
	 * code, and says whose it is.  -ENODATA: not its code.
	 */
	int (*row)(uint64_t lookup_pc, struct lk_row *ret_row, struct lk_code_body *ret_body);
	/* Copies identity and names of the code that holds lookup_pc.  -ENODATA as above. */
	int (*describe)(uint64_t lookup_pc, struct lk_walk_name *ret_name);
};

extern const struct lk_walker lk_walker_mono;

#endif
