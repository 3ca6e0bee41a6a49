/*
 * Looks after the stores of one run: pushes their clocks on, reads what dies
 * with a process when it is about to end, and makes recordings.  The loop calls
 * lk_tracker_tick a hundred times a second; a tick costs some microseconds.
 */
#ifndef LK_CLI_TRACKER_H
#define LK_CLI_TRACKER_H

#include "cli/sampler.h"
#include "leak/snapshot.h"
#include "process/storefile.h"
#include "util/err.h"

#include <sys/types.h>

struct lk_tracked {
	char path[512];
	uint32_t pid;
	struct lk_storefile store;
	struct lk_content *contents; /* read when the process was about to end */
	size_t nr_contents;
	struct lk_sampler *sampler; /* NULL: not sampled */
};

struct lk_tracker {
	char run_dir[512];
	struct lk_tracked *tracked;
	size_t nr, capacity;
	uint64_t last_scan_ns;	      /* when the folder was last listed */
	struct lk_patterns *patterns; /* of leaks; the tracker's own */
	uint32_t main_pid;	      /* the program itself; 0 none is */
	bool children;		      /* the others get recordings too, so they are sampled */
	bool no_counters;	      /* nobody is sampled */
};

void lk_tracker_tick(struct lk_tracker *t);

/* Finds new stores at once, also those of processes that just ended. */
void lk_tracker_scan(struct lk_tracker *t);

/* The newest store of pid, or NULL: the agent never came up there. */
struct lk_tracked *lk_tracker_find(const struct lk_tracker *t, uint32_t pid);

/* Writes the recording of one process; status as waitpid gives it, -1 unknown. */
int lk_tracker_record(const struct lk_tracker *t, struct lk_tracked *p, int status,
	const char *path, struct lk_err *err);

/* Forgets a store and removes its file. */
void lk_tracker_drop(struct lk_tracker *t, struct lk_tracked *p);

/* Closes all; `remove`: also removes the stores and the run's folder. */
void lk_tracker_done(struct lk_tracker *t, bool remove);

#endif
