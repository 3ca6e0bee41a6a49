/*
 * A counter is one figure of a process over time: private bytes, the managed heap, ..
 * Its length is bounded whatever the length of the run: when it is full, every
 * second point goes, and from then on points stand twice as far apart.  The first, the
 * last and the largest point always stay.  One thread at a time.
 */
#ifndef LK_LEAK_COUNTER_H
#define LK_LEAK_COUNTER_H

#include "base/defs.h"

#define LK_COUNTER_POINTS_MAX 4096u
#define LK_COUNTERS_MAX	      256u

struct lk_point {
	uint64_t time_ms; /* since tracking started */
	double value;	  /* finite */
};

struct lk_counter {
	const char *name;	 /* "private", "gc_heap", ..: JSON key */
	const char *unit;	 /* "bytes", "bytes/s", "percent", "handles" */
	const char *text;	 /* for people: "private bytes" */
	struct lk_point *points; /* in the order of time */
	size_t nr_points, capacity;
	uint64_t step_ms; /* points closer together than this replace one another */
};

struct lk_counter_set {
	struct lk_counter *at;
	size_t nr, capacity;
};

/*
 * Adds a point to the counter of this name, which is made at its first point; texts are
 * not copied.  A value that is not finite, and a time before the last point's, is
 * left out.
 */
void lk_counter_add(struct lk_counter_set *set, const char *name, const char *unit,
	const char *text, uint64_t time_ms, double value);

/* NULL where the set has no such counter. */
const struct lk_counter *lk_counter_find(const struct lk_counter_set *set, const char *name);

/* Index of the largest point; the counter has one. */
size_t lk_counter_max(const struct lk_counter *counter);

/*
 * Chooses at most max (2 or more) points, spread over time, the first and the last
 * among them: their indices, rising.  Gives how many.
 */
size_t lk_counter_choose(const struct lk_counter *counter, size_t max, size_t *ret_indices);

/* Did it change by less than 5 % of its first value and less than a mebibyte, whichever is more? */
bool lk_counter_flat(const struct lk_counter *counter);

void lk_counter_done(struct lk_counter_set *set);

#endif
