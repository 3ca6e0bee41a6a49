/*
 * Figures of a .NET process's managed heap, once a second, told by the runtime itself
 * through an EventPipe session on its diagnostics socket: the EventCounters of
 * System.Runtime, and from .NET 10 on the count of GC handles (event GCHeapStats, one
 * per collection).  Nothing here blocks: the caller's loop calls lk_clr_counters_step,
 * which costs a system call while nothing came.
 *
 * The first session makes the program compile the event code of its class library: about
 * 0.1 s of CPU and 1.5 MB of the runtime's memory, on threads of its own.  So a session
 * starts only in a program that has lived LK_CLR_COUNTERS_START_MS.  It ends when it is
 * closed, also by our own death.  One thread at a time.
 */
#ifndef LK_RUNTIME_CLR_COUNTERS_H
#define LK_RUNTIME_CLR_COUNTERS_H

#include "base/defs.h"

#define LK_CLR_COUNTERS_START_MS 5000u

/* What the names are: "gc_heap", unit "bytes", text "managed heap". */
struct lk_clr_counter {
	const char *name, *unit, *text;
};

typedef void lk_clr_counters_fn(void *arg, const struct lk_clr_counter *counter, double value);

struct lk_clr_counters;

/* now_ms: of a clock of the caller's, the same in every call. */
struct lk_clr_counters *lk_clr_counters_new(
	uint32_t pid, uint64_t now_ms, lk_clr_counters_fn *fn, void *arg);
struct lk_clr_counters *lk_clr_counters_free(struct lk_clr_counters *c);

/* Looks for the runtime, goes on with the session, calls fn for each figure that came. */
void lk_clr_counters_step(struct lk_clr_counters *c, uint64_t now_ms);

/* Reads what came, and ends the session. */
void lk_clr_counters_end(struct lk_clr_counters *c, uint64_t now_ms);

/* Does a session run? */
bool lk_clr_counters_streaming(const struct lk_clr_counters *c);

/*
 * Why there are no figures although .NET runs there: one sentence with the remedy, for the
 * report.  NULL where there are some, where no .NET was seen, or where it ended too early.
 */
const char *lk_clr_counters_lacks(const struct lk_clr_counters *c);

/*
 * Reads the payload of an event EventCounters, for tests: 0 and the counter, or -ENODATA:
 * not one that we show, -EBADMSG: damaged.
 */
int lk_clr_counter_read(
	const uint8_t *payload, size_t size, const struct lk_clr_counter **ret, double *ret_value);

#endif
