/*
 * Invariants of the passes:
 *
 *   A1  site_of[stack] is a site for every stack that exists, also for one
 *       without frames.
 *   A2  A site with up to LK_SITE_SAMPLES live blocks has them all in `samples`
 *       and no detail; a site with more has a detail from the start of the block
 *       pass on.
 *   A3  The tracked time of the passes is not below any block's time.
 */
#include "leak/sites.h"

#include "leak/frames.h"
#include "leak/rules.h"
#include "leak/tally.h"
#include "leak/tiers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_BLOCK UINT32_MAX

/* The constants of docs/LEAK-PROBABILITY.md, covered. */
#define WARM_UP_MS	60000
#define WARM_UP_COVERED 0.4

/* What is kept of a site with many blocks while they pass. */
struct detail {
	struct lk_series series;
	uint32_t sample[LK_NR_SPANS]; /* a block of each span; one with content if there is one */
	bool has_content[LK_NR_SPANS];
	uint32_t oldest, newest;
};

/* A site while it is collected; the same index as analysis->sites. */
struct draft {
	uint64_t key;
	uint32_t next;	    /* in the hash chain */
	uint32_t most_live; /* of one stack */
	uint32_t detail;    /* index, or UINT32_MAX */
	size_t last_slot;   /* of the size tally */
	uint64_t first_ms, last_ms;
};

/* Addresses whose content was read: asked once a block. */
struct addresses {
	uint64_t *slots;
	size_t nr_slots;
};

struct pass {
	const struct lk_snapshot *snapshot;
	struct lk_analysis *analysis;
	uint64_t tracked_ms; /* A3 */
	uint32_t *site_of;   /* A1 */
	uint32_t *live;	     /* blocks per stack */
	struct draft *drafts;
	size_t nr_sites, sites_capacity, drafts_capacity;
	uint32_t *chains;
	size_t nr_chains;
	struct detail *details;
	size_t nr_details;
	struct addresses with_content;
	struct lk_size_tally sizes;
};

/* --- stacks to sites --- */

static void chains_grow(struct pass *p)
{
	p->nr_chains = p->nr_chains ? p->nr_chains * 2 : 1024;
	p->chains = lk_xrealloc(p->chains, p->nr_chains * sizeof(*p->chains));
	memset(p->chains, 0xff, p->nr_chains * sizeof(*p->chains));
	for (uint32_t i = 0; i < p->nr_sites; i++) {
		uint32_t *chain = &p->chains[p->drafts[i].key & (p->nr_chains - 1)];

		p->drafts[i].next = *chain;
		*chain = i;
	}
}

static uint32_t site_add(struct pass *p, const struct lk_stack_facts *facts)
{
	struct lk_analysis *a = p->analysis;
	uint32_t site = (uint32_t)p->nr_sites;
	uint32_t *chain;

	if (p->nr_sites >= p->nr_chains)
		chains_grow(p);
	chain = &p->chains[facts->key & (p->nr_chains - 1)];
	a->sites = lk_grow(a->sites, site, &p->sites_capacity, sizeof(*a->sites));
	p->drafts = lk_grow(p->drafts, site, &p->drafts_capacity, sizeof(*p->drafts));
	a->sites[site] = (struct lk_site){.manager = facts->manager, .stack = UINT32_MAX};
	p->drafts[site] = (struct draft){
		.key = facts->key,
		.next = *chain,
		.detail = UINT32_MAX,
		.last_slot = SIZE_MAX,
		.first_ms = UINT64_MAX,
	};
	*chain = site;
	p->nr_sites++;
	return site;
}

static uint32_t site_find(struct pass *p, const struct lk_stack_facts *facts)
{
	if (p->nr_chains) {
		uint32_t i = p->chains[facts->key & (p->nr_chains - 1)];

		for (; i != UINT32_MAX; i = p->drafts[i].next)
			if (p->drafts[i].key == facts->key)
				return i;
	}
	return site_add(p, facts);
}

static void stack_to_site(struct pass *p, uint32_t stack, const struct lk_stack_facts *facts)
{
	const struct lk_stack *s = &p->snapshot->stacks[stack];
	struct lk_site *site;
	uint32_t i;

	i = p->site_of[stack] = site_find(p, facts);
	site = &p->analysis->sites[i];
	site->nr_stacks++;
	site->allocated_blocks += s->allocated_blocks;
	site->allocated_bytes += s->allocated_bytes;
	if (site->stack == UINT32_MAX || p->live[stack] > p->drafts[i].most_live) {
		site->stack = stack;
		site->responsible = facts->responsible;
		site->users = facts->users;
		p->drafts[i].most_live = p->live[stack];
	}
	site->blocks += p->live[stack];
}

static void group_stacks(struct pass *p)
{
	struct lk_frames *frames = lk_frames_new(p->snapshot, p->analysis->strings);
	struct lk_stack_facts *facts = lk_xcalloc(p->snapshot->nr_stacks, sizeof(*facts));

	for (uint32_t i = 0; i < p->snapshot->nr_stacks; i++) {
		uint32_t count;
		const struct lk_frame *f = lk_stack_frames(p->snapshot, i, &count);

		lk_frames_judge(frames, f, count, &facts[i]);
	}
	lk_tiers_settle(facts, p->snapshot->nr_stacks);
	for (uint32_t i = 0; i < p->snapshot->nr_stacks; i++)
		stack_to_site(p, i, &facts[i]);
	free(facts);
	lk_frames_free(frames);
}

/* --- blocks --- */

static void count_live(struct pass *p)
{
	const struct lk_snapshot *s = p->snapshot;

	p->tracked_ms = s->tracked_ms;
	for (size_t i = 0; i < s->nr_blocks; i++) {
		if (s->blocks[i].stack >= s->nr_stacks) {
			p->analysis->nr_dropped++;
			continue;
		}
		p->live[s->blocks[i].stack]++;
		if (s->blocks[i].time_ms > p->tracked_ms)
			p->tracked_ms = s->blocks[i].time_ms;
	}
}

static void give_details(struct pass *p)
{
	struct lk_site *sites = p->analysis->sites;

	for (size_t i = 0; i < p->nr_sites; i++)
		if (sites[i].blocks > LK_SITE_SAMPLES)
			p->drafts[i].detail = (uint32_t)p->nr_details++;
	p->details = lk_xcalloc(p->nr_details, sizeof(*p->details));
	for (size_t i = 0; i < p->nr_details; i++) {
		memset(p->details[i].sample, 0xff, sizeof(p->details[i].sample));
		p->details[i].oldest = p->details[i].newest = NO_BLOCK;
	}
}

static size_t address_slot(const struct addresses *a, uint64_t address)
{
	size_t at = (size_t)((address * 0x9e3779b97f4a7c15ull) >> 32) & (a->nr_slots - 1);

	while (a->slots[at] && a->slots[at] != address)
		at = (at + 1) & (a->nr_slots - 1);
	return at;
}

static void note_contents(struct pass *p)
{
	const struct lk_snapshot *s = p->snapshot;
	struct addresses *a = &p->with_content;

	if (!s->nr_contents)
		return;
	for (a->nr_slots = 16; a->nr_slots < s->nr_contents * 4;)
		a->nr_slots *= 2;
	a->slots = lk_xcalloc(a->nr_slots, sizeof(*a->slots));
	for (size_t i = 0; i < s->nr_contents; i++)
		if (s->contents[i].address)
			a->slots[address_slot(a, s->contents[i].address)] = s->contents[i].address;
}

static unsigned span_of(const struct pass *p, uint64_t time_ms)
{
	double span = (double)time_ms * LK_NR_SPANS / ((double)p->tracked_ms + 1e-9);

	return span < LK_NR_SPANS - 1 ? (unsigned)span : LK_NR_SPANS - 1;
}

static void detail_add(struct pass *p, struct detail *d, uint32_t i, const struct lk_block *b,
	const struct draft *draft)
{
	unsigned span = span_of(p, b->time_ms);

	d->series.blocks[span]++;
	d->series.bytes[span] += (double)b->size;
	if (d->oldest == NO_BLOCK || b->time_ms < draft->first_ms)
		d->oldest = i;
	if (d->newest == NO_BLOCK || b->time_ms >= draft->last_ms)
		d->newest = i;
	if (d->sample[span] == NO_BLOCK)
		d->sample[span] = i;
	if (p->with_content.nr_slots && !d->has_content[span] &&
		p->with_content.slots[address_slot(&p->with_content, b->address)]) {
		d->sample[span] = i;
		d->has_content[span] = true;
	}
}

static void block_add(struct pass *p, uint32_t i)
{
	const struct lk_block *b = &p->snapshot->blocks[i];
	uint32_t index = p->site_of[b->stack];
	struct lk_site *site = &p->analysis->sites[index];
	struct draft *draft = &p->drafts[index];

	site->bytes += b->size;
	if (draft->detail != UINT32_MAX)
		detail_add(p, &p->details[draft->detail], i, b, draft);
	else
		site->samples[site->nr_samples++] = i; /* A2 */
	if (b->time_ms < draft->first_ms)
		draft->first_ms = b->time_ms;
	if (b->time_ms > draft->last_ms)
		draft->last_ms = b->time_ms;
	draft->last_slot = lk_size_tally_add(&p->sizes, index, b->size, draft->last_slot);
}

static void pass_blocks(struct pass *p)
{
	const struct lk_snapshot *s = p->snapshot;

	for (size_t i = 0; i < s->nr_blocks; i++)
		if (s->blocks[i].stack < s->nr_stacks)
			block_add(p, (uint32_t)i);
}

/* --- what follows from the counts --- */

/* Inserts b into samples, which stay sorted by time; blocks named twice are dropped. */
static void sample_insert(struct pass *p, struct lk_site *site, uint32_t b)
{
	const struct lk_block *blocks = p->snapshot->blocks;
	uint32_t at = site->nr_samples;

	for (uint32_t i = 0; i < site->nr_samples; i++)
		if (site->samples[i] == b)
			return;
	for (; at > 0 && blocks[site->samples[at - 1]].time_ms > blocks[b].time_ms; at--)
		site->samples[at] = site->samples[at - 1];
	site->samples[at] = b;
	site->nr_samples++;
}

/*
 * The oldest, the newest, and one of each of equal parts of the spans between
 * them: one with content if there is one.
 */
static void choose_samples(struct pass *p, struct lk_site *site, const struct detail *d)
{
	unsigned spans[LK_NR_SPANS], nr = 0, parts = LK_SITE_SAMPLES - 2;

	for (unsigned i = 0; i < LK_NR_SPANS; i++)
		if (d->sample[i] != NO_BLOCK && d->sample[i] != d->oldest &&
			d->sample[i] != d->newest)
			spans[nr++] = i;
	parts = nr < parts ? nr : parts;
	sample_insert(p, site, d->oldest);
	sample_insert(p, site, d->newest);
	for (unsigned i = 0; i < parts; i++) {
		unsigned from = i * nr / parts, to = (i + 1) * nr / parts;
		unsigned span = spans[(from + to) / 2];

		for (unsigned k = from; k < to; k++)
			if (d->has_content[spans[k]]) {
				span = spans[k];
				break;
			}
		sample_insert(p, site, d->sample[span]);
	}
}

static void sort_few(struct pass *p, struct lk_site *site)
{
	uint32_t all[LK_SITE_SAMPLES], n = site->nr_samples;

	memcpy(all, site->samples, sizeof(all));
	site->nr_samples = 0;
	for (uint32_t i = 0; i < n; i++)
		sample_insert(p, site, all[i]);
}

static void series_of_few(struct pass *p, const struct lk_site *site, struct lk_series *series)
{
	*series = (struct lk_series){0};
	for (uint32_t i = 0; i < site->nr_samples; i++) {
		const struct lk_block *b = &p->snapshot->blocks[site->samples[i]];
		unsigned span = span_of(p, b->time_ms);

		series->blocks[span]++;
		series->bytes[span] += (double)b->size;
	}
}

static uint64_t median_time(struct pass *p, const struct lk_series *series, uint64_t blocks)
{
	double before = 0, half = (double)blocks / 2;
	unsigned i;

	for (i = 0; i + 1 < LK_NR_SPANS && before + series->blocks[i] < half; i++)
		before += series->blocks[i];
	before = series->blocks[i] ? (half - before) / series->blocks[i] : 0;
	return (uint64_t)((i + before) * (double)p->tracked_ms / LK_NR_SPANS);
}

/*
 * May the site be judged without a course (docs/LEAK-PROBABILITY.md, short runs)?
 * Only code that somebody built to look at: what a program of the distribution
 * leaves behind in its first milliseconds is its start-up.
 */
static bool is_final(const struct lk_snapshot *s, const struct lk_site *site)
{
	const struct lk_frame *f = lk_site_frame(s, site);

	return s->ended != LK_ENDED_RUNNING && site->users && f && f->file && f->line &&
	       !lk_manager_is_internal(site->manager);
}

/*
 * What a runtime does in the background in its first minute, none of the program's code
 * on the stack, is warming up, however evenly (docs/LEAK-PROBABILITY.md, covered).
 */
static void judge_warm_up(const struct pass *p, struct lk_site *site)
{
	struct lk_judgement *j = &site->judgement;

	if (j->state != LK_SITE_GROWING || p->tracked_ms >= WARM_UP_MS || site->users ||
		!lk_manager_is_internal(site->manager))
		return;
	j->covered *= WARM_UP_COVERED;
	j->probability *= WARM_UP_COVERED;
	j->state = LK_SITE_EARLY;
	j->growth_bytes_per_min = j->growth_blocks_per_min = NAN;
}

static void finish_site(struct pass *p, uint32_t index)
{
	struct lk_site *site = &p->analysis->sites[index];
	const struct draft *draft = &p->drafts[index];
	struct lk_series few, *series = &few;
	uint64_t median;

	if (draft->detail != UINT32_MAX) {
		series = &p->details[draft->detail].series;
		choose_samples(p, site, &p->details[draft->detail]);
	} else {
		sort_few(p, site);
		series_of_few(p, site, &few);
	}
	if (site->allocated_blocks < site->blocks)
		site->allocated_blocks = site->blocks;
	if (site->allocated_bytes < site->bytes)
		site->allocated_bytes = site->bytes;
	site->freed_blocks = site->allocated_blocks - site->blocks;
	series->allocated = site->allocated_blocks;
	series->tracked_ms = p->tracked_ms;
	series->final = is_final(p->snapshot, site);
	lk_judge(series, &site->judgement);
	judge_warm_up(p, site);
	median = median_time(p, series, site->blocks);
	if (draft->detail == UINT32_MAX)
		median = p->snapshot->blocks[site->samples[site->nr_samples / 2]].time_ms;
	median = median < draft->first_ms ? draft->first_ms : median;
	median = median > draft->last_ms ? draft->last_ms : median;
	site->oldest_ms = p->tracked_ms - draft->first_ms;
	site->median_ms = p->tracked_ms - median;
	site->youngest_ms = p->tracked_ms - draft->last_ms;
	site->key = draft->key;
}

static void site_size_add(struct lk_site *site, uint64_t size, uint64_t blocks)
{
	uint32_t at = site->nr_sizes;

	site->nr_distinct_sizes++;
	if (at == LK_SITE_SIZES) {
		if (site->sizes[at - 1].blocks >= blocks)
			return;
		at--;
	} else {
		site->nr_sizes++;
	}
	for (; at > 0 && site->sizes[at - 1].blocks < blocks; at--)
		site->sizes[at] = site->sizes[at - 1];
	site->sizes[at] = (struct lk_size){.size = size, .blocks = blocks};
}

static void finish_sizes(struct pass *p)
{
	struct lk_analysis *a = p->analysis;
	struct lk_shares *rows = &a->sizes;
	size_t n = lk_size_tally_sort(&p->sizes);
	uint64_t last = 0;

	for (size_t i = 0; i < n; i++) {
		const struct lk_tally_entry *e = &p->sizes.slots[i];
		char name[24];

		site_size_add(&a->sites[e->site], e->size, e->blocks);
		if (!rows->nr_rows || last != e->size) {
			rows->rows = lk_grow(rows->rows, rows->nr_rows, &rows->rows_capacity,
				sizeof(*rows->rows));
			snprintf(name, sizeof(name), "%" PRIu64, e->size);
			rows->rows[rows->nr_rows++] =
				(struct lk_share){.name = lk_strings_add(a->strings, name)};
		}
		last = e->size;
		rows->rows[rows->nr_rows - 1].blocks += e->blocks;
		rows->rows[rows->nr_rows - 1].bytes += e->blocks * e->size;
	}
}

/* Adds up the totals and moves the sites with live blocks to the front. */
static void keep_live(struct pass *p)
{
	struct lk_analysis *a = p->analysis;

	for (size_t i = 0; i < p->nr_sites; i++) {
		struct lk_site *site = &a->sites[i];

		a->allocated_blocks += site->allocated_blocks;
		a->allocated_bytes += site->allocated_bytes;
		a->blocks += site->blocks;
		a->bytes += site->bytes;
		if (site->blocks)
			a->sites[a->nr_sites++] = *site;
	}
	/* Counts of a damaged recording may wrap around. */
	if (a->allocated_blocks < a->blocks)
		a->allocated_blocks = a->blocks;
	a->freed_blocks = a->allocated_blocks - a->blocks;
}

void lk_sites_collect(const struct lk_snapshot *snapshot, struct lk_analysis *analysis)
{
	struct pass p = {
		.snapshot = snapshot,
		.analysis = analysis,
		.site_of = lk_xcalloc(snapshot->nr_stacks, sizeof(*p.site_of)),
		.live = lk_xcalloc(snapshot->nr_stacks, sizeof(*p.live)),
	};

	count_live(&p);
	group_stacks(&p);
	give_details(&p);
	note_contents(&p);
	pass_blocks(&p);
	finish_sizes(&p);
	for (uint32_t i = 0; i < p.nr_sites; i++)
		if (analysis->sites[i].blocks)
			finish_site(&p, i);
	keep_live(&p);
	lk_size_tally_done(&p.sizes);
	free(p.with_content.slots);
	free(p.details);
	free(p.chains);
	free(p.drafts);
	free(p.live);
	free(p.site_of);
}
