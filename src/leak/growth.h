/*
 * Does a site grow?  Judged from when its surviving blocks were allocated and how
 * many were allocated in all; no history is kept while the program runs.  The
 * formula and what it means: docs/LEAK-PROBABILITY.md; this is its only
 * implementation.  Pure arithmetic, about 2,000 steps a site.
 */
#ifndef LK_LEAK_GROWTH_H
#define LK_LEAK_GROWTH_H

#include "base/defs.h"

/* The tracked time is cut into so many equal spans. */
#define LK_NR_SPANS 64

/* What is known of one site: its survivors by the span they were allocated in. */
struct lk_series {
	uint32_t blocks[LK_NR_SPANS];
	double bytes[LK_NR_SPANS];
	uint64_t allocated; /* blocks since tracking started, freed ones included */
	uint64_t tracked_ms;
	bool final; /* the program has ended and its own code allocated these: they stay */
};

enum lk_site_state {
	LK_SITE_GROWING, /* loses memory, and did so up to the end */
	LK_SITE_STEADY,	 /* survivors are no more than what is in flight */
	LK_SITE_STOPPED, /* start-up, or a cache that is full: nothing new stays */
	LK_SITE_FEW,	 /* too few blocks to tell */
	LK_SITE_EARLY,	 /* looks like growth, over too little of the time to tell */
};

/* "growing", "steady", "stopped", "few", "early": the words of the JSON report. */
const char *lk_site_state_name(enum lk_site_state state);

/* The factors are 0..1; docs/LEAK-PROBABILITY.md names them alike. */
struct lk_judgement {
	enum lk_site_state state;
	double number;		     /* enough blocks at enough moments */
	double kept;		     /* they are not merely in flight */
	double even;		     /* spread over the time, not one burst */
	double lasting;		     /* still going on at the end */
	double covered;		     /* over enough of the tracked time */
	double probability;	     /* percent, 0..100: 100 times the product */
	double growth_bytes_per_min; /* 0 unless growing; NAN where early */
	double growth_blocks_per_min;
};

/* From this probability on a site counts as growing. */
#define LK_GROWING_PERCENT 50.0

/* Below this many milliseconds the span that a tick covers is too wide to tell. */
#define LK_MIN_TRACKED_MS 10

void lk_judge(const struct lk_series *series, struct lk_judgement *ret_judgement);

#endif
