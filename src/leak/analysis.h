/*
 * The analysis of a snapshot: one leak, one row.  Stacks that differ only in
 * addresses, in compiled versions of a method, in inlining or in the sizes asked
 * for are one site; each site is told its memory manager, its responsible frame,
 * its growth and its leak probability, and the sites are ranked.
 *
 * Costs a few passes over the blocks and one over the frames (about 0.1 us a
 * block); nothing is allocated per block.  Takes any snapshot, also one whose
 * indices or counts are wrong (a damaged recording): what points nowhere is left
 * out and counted in nr_dropped.  One thread; strings and indices refer to the
 * snapshot, which must outlive the analysis.
 */
#ifndef LK_LEAK_ANALYSIS_H
#define LK_LEAK_ANALYSIS_H

#include "leak/growth.h"
#include "leak/snapshot.h"

#define LK_NO_FRAME 0xffffffffu

struct lk_match; /* patterns.h */

struct lk_share {
	const char *name;
	uint64_t bytes;
	uint64_t blocks;
};

/* Rows by bytes, most first; equal ones by name. */
struct lk_shares {
	struct lk_share *rows;
	size_t nr_rows, rows_capacity;
};

struct lk_size {
	uint64_t size; /* of one block, as asked for */
	uint64_t blocks;
};

#define LK_SITE_ID_MAX	20
#define LK_SITE_SIZES	5
#define LK_SITE_SAMPLES 16

struct lk_site {
	char id[LK_SITE_ID_MAX]; /* hex digits; the same in every run of the same program */
	uint64_t key;		 /* what the id is made of */
	const char *manager;	 /* "BSTR", "C heap", ...: managers.c */
	uint32_t stack;		 /* index into the snapshot: the one with most live blocks */
	uint32_t responsible;	 /* index into that stack's frames, or LK_NO_FRAME */
	bool users;		 /* the responsible frame is the user's own code */
	uint32_t nr_stacks;	 /* of the snapshot, merged into this site */
	uint64_t bytes, blocks;	 /* outstanding */
	uint64_t allocated_blocks, freed_blocks; /* since tracking started */
	uint64_t allocated_bytes;
	uint64_t oldest_ms, median_ms, youngest_ms; /* ages; median within 1/64 of the time */
	struct lk_judgement judgement;
	struct lk_size sizes[LK_SITE_SIZES]; /* most blocks first */
	uint32_t nr_sizes;		     /* filled in `sizes` */
	uint64_t nr_distinct_sizes;
	uint32_t samples[LK_SITE_SAMPLES]; /* blocks of the snapshot, oldest first */
	uint32_t nr_samples;
	const struct lk_match *match; /* the known pattern, or NULL: set by lk_patterns_judge */
};

enum lk_verdict_class {
	LK_VERDICT_NATIVE,
	LK_VERDICT_RUNTIME, /* only what a runtime keeps for itself grows */
	LK_VERDICT_NONE,
	LK_VERDICT_UNKNOWN,
};

/* "native", "runtime", "none", "unknown". */
const char *lk_verdict_name(enum lk_verdict_class verdict_class);

struct lk_verdict {
	enum lk_verdict_class verdict_class;
	double growth_bytes_per_min; /* of all growing sites; NAN where unknown */
	double confidence;	     /* 0..1 */
	const char *text;	     /* one sentence, no full stop */
};

struct lk_analysis {
	struct lk_verdict verdict;
	uint64_t bytes, blocks; /* outstanding */
	uint64_t allocated_blocks, freed_blocks, allocated_bytes;
	uint64_t lost_events; /* that could not be recorded, dropped blocks included */
	uint64_t nr_dropped;  /* blocks whose stack does not exist */
	struct lk_shares managers, modules, functions, sizes;
	/* Worst first: the program's that grow, a runtime's own that grow, the others. */
	struct lk_site *sites;
	size_t nr_sites;
	size_t nr_growing;	   /* of the program */
	size_t nr_runtime_growing; /* after those: lk_manager_is_internal */
	struct lk_match *matches;  /* what sites refer to; NULL before lk_patterns_judge */
	struct lk_strings *strings;
};

/* Never fails; an empty snapshot gives an empty analysis with verdict unknown. */
struct lk_analysis *lk_analyse(const struct lk_snapshot *snapshot);
struct lk_analysis *lk_analysis_free(struct lk_analysis *analysis);

/* The responsible frame of a site, or NULL. */
const struct lk_frame *lk_site_frame(const struct lk_snapshot *s, const struct lk_site *site);

/*
 * Chooses at most nr of the site's samples, spread over the time, preferring those
 * whose content was read, and writes their block numbers to ret_blocks; gives how
 * many, never more than LK_SITE_SAMPLES.
 */
uint32_t lk_site_samples(
	const struct lk_snapshot *s, const struct lk_site *site, uint32_t nr, uint32_t *ret_blocks);

/* The frames of a stack; *ret_count is 0 for a stack that does not exist or points nowhere. */
const struct lk_frame *lk_stack_frames(
	const struct lk_snapshot *s, uint32_t stack, uint32_t *ret_count);

#endif
