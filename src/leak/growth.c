#include "leak/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The constants of docs/LEAK-PROBABILITY.md. */
#define START_UP_SPANS	  21   /* as many may be cut off as start-up: a third */
#define YOUNG_SPANS	  16   /* as many may be cut off as in flight: a quarter */
#define YOUNG_FACTOR	  3    /* a span is in flight above 3 x median + 3 */
#define STRAYS		  0.02 /* share of blocks before the site really starts */
#define NUMBER_HALF	  4.0  /* blocks that halve the doubt */
#define BLOCKS_PER_MOMENT 4    /* what one moment may count for */
#define COVERED_SHARE	  0.25 /* of the time, for full trust */
#define GAP_CHANCE	  0.05 /* a silence less likely than this speaks for an end */
#define FEW_BLOCKS	  3
#define MIN_MOMENTS	  3 /* fewer have no course to speak of */

/* The part of the tracked time that is looked at: spans [first, end). */
struct window {
	unsigned first, end;
	unsigned occupied; /* spans with survivors */
	unsigned moments;  /* bursts: two spans side by side may be one */
	unsigned last;	   /* the last of them */
	double blocks, bytes;
};

const char *lk_site_state_name(enum lk_site_state state)
{
	static const char *const names[] = {
		[LK_SITE_GROWING] = "growing",
		[LK_SITE_STEADY] = "steady",
		[LK_SITE_STOPPED] = "stopped",
		[LK_SITE_FEW] = "few",
		[LK_SITE_EARLY] = "early",
	};

	return names[state];
}

static double clamp01(double v)
{
	return v < 0 ? 0 : v > 1 ? 1 : v;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double count(const struct lk_series *s, unsigned from, unsigned to)
{
	double n = 0;

	for (unsigned i = from; i < to; i++)
		n += s->blocks[i];
	return n;
}

static struct window window_of(const struct lk_series *s, unsigned first, unsigned end)
{
	struct window w = {.first = first, .end = end, .last = first};
	unsigned run = 0;

	for (unsigned i = first; i < end; i++) {
		run = s->blocks[i] ? run + 1 : 0;
		if (!run)
			continue;
		w.moments += run & 1;
		w.blocks += s->blocks[i];
		w.bytes += s->bytes[i];
		w.occupied++;
		w.last = i;
	}
	return w;
}

/*
 * Where blocks are freed at all, the youngest survivors are still in use: the
 * last spans that stand out from the median are left out.  Gives the end of the
 * rest.
 */
static unsigned end_before_young(const struct lk_series *s, unsigned cut, bool frees)
{
	uint32_t sorted[LK_NR_SPANS];
	unsigned n = LK_NR_SPANS - cut, end = LK_NR_SPANS;
	double limit;

	if (!frees)
		return end;
	memcpy(sorted, s->blocks + cut, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_u32);
	limit = YOUNG_FACTOR * (double)sorted[n / 2] + YOUNG_FACTOR;
	while (end > LK_NR_SPANS - YOUNG_SPANS && s->blocks[end - 1] > limit)
		end--;
	return end;
}

/* The first span by which more than the strays were allocated. */
static unsigned start_of(const struct lk_series *s, unsigned cut, unsigned end)
{
	double strays = STRAYS * count(s, cut, end), n = 0;
	unsigned i;

	for (i = cut; i + 1 < end; i++) {
		n += s->blocks[i];
		if (n > strays)
			break;
	}
	return i;
}

/*
 * Three independent signs that survivors are kept and not in flight; any of
 * them is enough.  Little's law gives what the mean life would be if all were in
 * flight: live / allocated of the time.
 */
static double kept(const struct lk_series *s, unsigned cut, unsigned end)
{
	double early = count(s, 0, cut), live = count(s, cut, LK_NR_SPANS);
	double allocated = fmax((double)s->allocated - early, live);
	double survival = live / allocated, old = 0, first_half, second_half, reach;
	double limit = (1 - 2 * survival) * LK_NR_SPANS; /* older: before this span */
	unsigned middle = (cut + end) / 2;

	for (unsigned i = cut; i < LK_NR_SPANS; i++)
		old += s->blocks[i] * clamp01(limit - i);
	first_half = count(s, cut, middle);
	second_half = count(s, middle, end);
	reach = (first_half + sqrt(first_half + second_half) / 2) / fmax(second_half, 1);
	if (first_half <= 0)
		reach = 0;
	return fmax(clamp01((survival - 0.7) / 0.25),
		fmax(clamp01((old / live - 0.15) / 0.35), clamp01((reach - 0.5) / 0.3)));
}

static double number(const struct window *w)
{
	double n = fmin(w->blocks, BLOCKS_PER_MOMENT * (double)w->moments);

	return n <= 2 ? 0 : 1 - exp2(-(n - 2) / NUMBER_HALF);
}

/*
 * The greatest distance of the cumulative curve from a straight line
 * (Kolmogorov-Smirnov), less the step that so few moments make anyway.
 */
static double even(const struct lk_series *s, const struct window *w)
{
	double distance = 0, n = 0, width = w->end - w->first;

	if (w->moments < MIN_MOMENTS)
		return 0;
	for (unsigned i = w->first; i < w->end; i++) {
		n += s->blocks[i];
		distance = fmax(distance, fabs(n / w->blocks - (i + 1 - w->first) / width));
	}
	distance -= 1.0 / w->moments;
	return clamp01((0.5 - distance) / 0.3);
}

/*
 * Is it still going on?  The chance that an ongoing loss would have been silent
 * since the last survivor, and the last third's part of all.
 */
static double lasting(const struct lk_series *s, const struct window *w)
{
	double width = w->end - w->first, gap = (w->end - 1 - w->last) / width;
	double chance = pow(1 - gap, w->occupied), tail, third = width / 3;
	unsigned from = w->end - (unsigned)ceil(third);

	tail = count(s, from, w->end) / w->blocks;
	return fmin(clamp01(chance / GAP_CHANCE), clamp01(tail / (ceil(third) / width / 2)));
}

/* Judges the time after `cut` spans of start-up. */
static struct window judge_after(const struct lk_series *s, unsigned cut, struct lk_judgement *j)
{
	bool frees = (double)s->allocated > count(s, 0, LK_NR_SPANS);
	unsigned end = end_before_young(s, cut, frees);
	struct window w = window_of(s, start_of(s, cut, end), end);

	if (w.blocks <= 0)
		return w;
	j->number = number(&w);
	j->kept = kept(s, cut, end);
	j->even = even(s, &w);
	j->lasting = lasting(s, &w);
	j->covered = clamp01((w.end - w.first) / (LK_NR_SPANS * COVERED_SHARE));
	j->probability = 100 * j->number * j->kept * j->even * j->lasting * j->covered;
	return w;
}

/*
 * Theil's incomplete method: the median slope between points half a window
 * apart.  Where that is 0 (rare bursts), the mean.
 */
static double slope(const double *steps, const struct window *w)
{
	double curve[LK_NR_SPANS + 1] = {0}, slopes[LK_NR_SPANS];
	unsigned n = w->end - w->first, half = (n + 1) / 2, nr = 0;

	for (unsigned i = 0; i < n; i++)
		curve[i + 1] = curve[i] + steps[w->first + i];
	for (unsigned i = 0; i + half <= n; i++)
		slopes[nr++] = (curve[i + half] - curve[i]) / half;
	qsort(slopes, nr, sizeof(*slopes), compare_double);
	return slopes[nr / 2] > 0 ? slopes[nr / 2] : curve[n] / n;
}

static void measure(const struct lk_series *s, const struct window *w, struct lk_judgement *j)
{
	double spans_per_min = LK_NR_SPANS * 60000.0 / (double)s->tracked_ms;
	double blocks[LK_NR_SPANS];

	for (unsigned i = 0; i < LK_NR_SPANS; i++)
		blocks[i] = s->blocks[i];
	j->growth_bytes_per_min = slope(s->bytes, w) * spans_per_min;
	j->growth_blocks_per_min = slope(blocks, w) * spans_per_min;
}

/* The state of a site that does not grow: by what speaks most against growth. */
static enum lk_site_state state_of(const struct lk_judgement *j, double survivors)
{
	double stopped = fmin(j->even, j->lasting);

	if (survivors < FEW_BLOCKS)
		return LK_SITE_FEW;
	if (j->kept <= stopped && j->kept < 0.5)
		return LK_SITE_STEADY;
	if (stopped < 0.7)
		return LK_SITE_STOPPED;
	return j->covered < j->number ? LK_SITE_EARLY : LK_SITE_FEW;
}

void lk_judge(const struct lk_series *series, struct lk_judgement *ret_judgement)
{
	struct lk_judgement best = {.probability = -1};
	struct window best_window = {0};
	double survivors = count(series, 0, LK_NR_SPANS);

	for (unsigned cut = 0; cut <= START_UP_SPANS; cut++) {
		struct lk_judgement j = {0};
		struct window w = judge_after(series, cut, &j);

		if (j.probability > best.probability) {
			best = j;
			best_window = w;
		}
	}
	if (series->tracked_ms < LK_MIN_TRACKED_MS) {
		best.probability = best.covered = 0;
		best.state = survivors < FEW_BLOCKS ? LK_SITE_FEW : LK_SITE_EARLY;
	} else if (best.probability >= LK_GROWING_PERCENT) {
		best.state = LK_SITE_GROWING;
		measure(series, &best_window, &best);
	} else {
		best.state = state_of(&best, survivors);
	}
	if (best.state == LK_SITE_EARLY)
		best.growth_bytes_per_min = best.growth_blocks_per_min = NAN;
	*ret_judgement = best;
}
