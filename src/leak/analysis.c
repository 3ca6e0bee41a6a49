#include "leak/analysis.h"

#include "leak/naming.h"
#include "leak/rules.h"
#include "leak/sites.h"
#include "leak/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct lk_frame *lk_stack_frames(
	const struct lk_snapshot *s, uint32_t stack, uint32_t *ret_count)
{
	const struct lk_stack *k;

	*ret_count = 0;
	if (stack >= s->nr_stacks)
		return NULL;
	k = &s->stacks[stack];
	if (k->first > s->nr_frames || k->count > s->nr_frames - k->first)
		return NULL;
	*ret_count = k->count;
	return k->count ? s->frames + k->first : NULL;
}

const struct lk_frame *lk_site_frame(const struct lk_snapshot *s, const struct lk_site *site)
{
	uint32_t count;
	const struct lk_frame *frames = lk_stack_frames(s, site->stack, &count);

	return site->responsible < count ? &frames[site->responsible] : NULL;
}

static bool has_content(const struct lk_snapshot *s, uint32_t block)
{
	const struct lk_content *c = lk_snapshot_content(s, s->blocks[block].address);

	return c && c->size;
}

uint32_t lk_site_samples(
	const struct lk_snapshot *s, const struct lk_site *site, uint32_t nr, uint32_t *ret_blocks)
{
	uint32_t known = site->nr_samples;

	if (nr > known)
		nr = known;
	/* One of each of nr equal parts: the newest of the last, the oldest of the others. */
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t from = i * known / nr, to = (i + 1) * known / nr, n = to - from;
		bool newest = i + 1 == nr;

		ret_blocks[i] = site->samples[newest ? to - 1 : from];
		for (uint32_t k = 0; k < n; k++) {
			uint32_t block = site->samples[newest ? to - 1 - k : from + k];

			if (has_content(s, block)) {
				ret_blocks[i] = block;
				break;
			}
		}
	}
	return nr;
}

static void name_site(struct lk_site *site, int digits)
{
	if (digits == 8)
		snprintf(site->id, sizeof(site->id), "%08" PRIx32,
			(uint32_t)(site->key ^ site->key >> 32));
	else
		snprintf(site->id, sizeof(site->id), "%016" PRIx64, site->key);
}

static int by_id(const void *a, const void *b)
{
	const struct lk_site *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order ? order : x->key < y->key ? -1 : x->key > y->key;
}

/* Eight digits name a site; those that share them get sixteen. */
static void name_sites(struct lk_analysis *a)
{
	for (size_t i = 0; i < a->nr_sites; i++)
		name_site(&a->sites[i], 8);
	if (a->nr_sites)
		qsort(a->sites, a->nr_sites, sizeof(*a->sites), by_id);
	for (size_t i = 0, j; i < a->nr_sites; i = j) {
		for (j = i + 1; j < a->nr_sites && !strcmp(a->sites[i].id, a->sites[j].id);)
			j++;
		for (size_t k = i; j - i > 1 && k < j; k++)
			name_site(&a->sites[k], 16);
	}
}

static bool grows(const struct lk_site *s)
{
	return s->judgement.state == LK_SITE_GROWING;
}

/* What the program loses, then what a runtime takes for itself, then what does not grow. */
static int rank_of(const struct lk_site *s)
{
	if (!grows(s))
		return 2;
	return lk_manager_is_internal(s->manager);
}

/* Growing first, by bytes a minute times probability; then the rest by bytes. */
static int by_rank(const void *a, const void *b)
{
	const struct lk_site *x = a, *y = b;
	double u = x->judgement.growth_bytes_per_min * x->judgement.probability;
	double v = y->judgement.growth_bytes_per_min * y->judgement.probability;

	if (rank_of(x) != rank_of(y))
		return rank_of(x) - rank_of(y);
	if (grows(x) && u != v)
		return u > v ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->id, y->id);
}

static void rank_sites(struct lk_analysis *a)
{
	if (a->nr_sites)
		qsort(a->sites, a->nr_sites, sizeof(*a->sites), by_rank);
	for (size_t i = 0; i < a->nr_sites; i++) {
		a->nr_growing += rank_of(&a->sites[i]) == 0;
		a->nr_runtime_growing += rank_of(&a->sites[i]) == 1;
	}
}

static void row_append(struct lk_shares *r, const char *name, const struct lk_site *site)
{
	r->rows = lk_grow(r->rows, r->nr_rows, &r->rows_capacity, sizeof(*r->rows));
	r->rows[r->nr_rows++] =
		(struct lk_share){.name = name, .bytes = site->bytes, .blocks = site->blocks};
}

static int by_name(const void *a, const void *b)
{
	const struct lk_share *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_bytes(const void *a, const void *b)
{
	const struct lk_share *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Rows of equal name become one; then the order of lk_rows. */
static void rows_finish(struct lk_shares *r)
{
	size_t n = 0;

	if (!r->nr_rows)
		return;
	qsort(r->rows, r->nr_rows, sizeof(*r->rows), by_name);
	for (size_t i = 1; i < r->nr_rows; i++) {
		if (!strcmp(r->rows[n].name, r->rows[i].name)) {
			r->rows[n].bytes += r->rows[i].bytes;
			r->rows[n].blocks += r->rows[i].blocks;
		} else {
			r->rows[++n] = r->rows[i];
		}
	}
	r->nr_rows = n + 1;
	qsort(r->rows, r->nr_rows, sizeof(*r->rows), by_bytes);
}

static void break_down(const struct lk_snapshot *s, struct lk_analysis *a)
{
	for (size_t i = 0; i < a->nr_sites; i++) {
		const struct lk_site *site = &a->sites[i];
		const struct lk_frame *f = lk_site_frame(s, site);
		const char *module = f && f->module ? lk_base_name(f->module) : "(unknown module)";
		const char *function = f && f->function ? f->function : "(unknown function)";

		row_append(&a->managers, site->manager, site);
		row_append(&a->modules, module, site);
		row_append(&a->functions, function, site);
	}
	rows_finish(&a->managers);
	rows_finish(&a->modules);
	rows_finish(&a->functions);
	if (a->sizes.nr_rows)
		qsort(a->sizes.rows, a->sizes.nr_rows, sizeof(*a->sizes.rows), by_bytes);
}

/* The sum that the taker gives under "lost_events", or of all "lost_..." counts. */
static uint64_t lost_events(const struct lk_snapshot *s)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < s->nr_not_seen; i++) {
		const char *key = s->not_seen[i].key;

		if (key && !strcmp(key, "lost_events"))
			return s->not_seen[i].count;
		if (key && !strncmp(key, "lost_", 5))
			lost += s->not_seen[i].count;
	}
	return lost;
}

struct lk_analysis *lk_analyse(const struct lk_snapshot *snapshot)
{
	struct lk_analysis *a = lk_xcalloc(1, sizeof(*a));

	a->strings = lk_strings_new();
	lk_sites_collect(snapshot, a);
	a->lost_events = lost_events(snapshot) + a->nr_dropped;
	name_sites(a);
	rank_sites(a);
	break_down(snapshot, a);
	lk_verdict_make(snapshot, a);
	return a;
}

struct lk_analysis *lk_analysis_free(struct lk_analysis *a)
{
	if (!a)
		return NULL;
	free(a->managers.rows);
	free(a->modules.rows);
	free(a->functions.rows);
	free(a->sizes.rows);
	free(a->sites);
	free(a->matches);
	lk_strings_free(a->strings);
	free(a);
	return NULL;
}
