#include "leak/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The constants of docs/LEAK-PROBABILITY.md. */
#define START_UP_SPANS	  21   /* as many may be cut off as start-up: a third */
#define YOUNG_SLACK	  3    /* blocks */
#define STRAYS		  0.02 /* share of blocks before the site really starts */
#define NUMBER_HALF	  4.0  /* blocks that halve the doubt */
#define NUMBER_HALF_FREED 6.0  /* so many more where all others are freed */
#define BLOCKS_PER_MOMENT 4    /* what one moment may count for */
#define COVERED_SHARE	  0.25 /* of the time, for full trust */
#define GAP_CHANCE	  0.05 /* a silence less likely than this speaks for an end */
#define SHORT_MS	  1000 /* a shorter run has no course to go by */
#define SHORT_START_MS	  50   /* nor one to tell its start-up by */
#define SHORT_START	  0.25 /* of a short run is start-up */
#define SHORT_NUMBER_HALF 100.0
#define SHORT_COVERED	  0.9
#define ENDING_MS	  400.0 /* so long a program may take to end */
#define ENDING_SHARE	  0.2	/* and so much of its run */
#define CERTAIN_PERCENT	  99.9	/* no cut can make more of it */
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

/* How the youngest survivors are told from the rest; all ways are tried. */
static const struct young {
	unsigned from, to; /* spans whose median is what the young stand out from */
	double factor;	   /* a span is young above factor x median + YOUNG_SLACK */
	unsigned limit;	   /* spans that may be young */
	unsigned cuts;	   /* spans of start-up that may be cut off besides */
} youngs[] = {
	{0, LK_NR_SPANS, 0, 0, START_UP_SPANS},
	{0, LK_NR_SPANS, 3, LK_NR_SPANS / 4, START_UP_SPANS},
	{LK_NR_SPANS / 2, LK_NR_SPANS, 3, LK_NR_SPANS / 4, START_UP_SPANS},
	{0, LK_NR_SPANS / 2, 2, LK_NR_SPANS / 2, START_UP_SPANS / 3},
};

/*
 * Where blocks are freed at all, the youngest survivors are still in use: the
 * last spans that stand out are left out.  Gives the end of the rest.
 */
static unsigned end_before_young(const struct lk_series *s, unsigned cut, const struct young *young)
{
	uint32_t sorted[LK_NR_SPANS];
	unsigned from = cut > young->from ? cut : young->from, n = young->to - from;
	unsigned end = LK_NR_SPANS;
	double limit;

	if (!young->limit)
		return end;
	memcpy(sorted, s->blocks + from, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_u32);
	limit = young->factor * (double)sorted[n / 2] + YOUNG_SLACK;
	while (end > LK_NR_SPANS - young->limit && s->blocks[end - 1] > limit)
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

/* Older half against younger half of spans [from, to): 0 where it is much less, 1 where alike. */
static double level(const struct lk_series *s, unsigned from, unsigned to)
{
	unsigned middle = (from + to) / 2;
	double older = count(s, from, middle), younger = count(s, middle, to);

	if (older <= 0)
		return 0;
	/* Half a standard deviation is given to chance. */
	older += sqrt(older + younger) / 2;
	return clamp01((older / fmax(younger, 1) - 0.5) / 0.3);
}

/*
 * Are there more old survivors than a steady stream of blocks with lives of
 * random length leaves?  Little's law gives the mean life if all survivors were
 * in flight, live / allocated of the time; a share of exp(-k) is then older than
 * k mean lives.
 */
static double overdue(const struct lk_series *s, unsigned cut, double live, double mean)
{
	double most = 0;

	for (int k = 2; k <= 8; k++) {
		double limit = (1 - k * mean) * LK_NR_SPANS, old = 0;

		for (unsigned i = cut; i < LK_NR_SPANS && i < limit; i++)
			old += s->blocks[i] * clamp01(limit - i);
		old -= sqrt(old);
		if (old > 0)
			most = fmax(most, (log(old / live) + k - 0.3) / 0.7);
	}
	return clamp01(most);
}

/* Of the blocks allocated after the start-up spans, the share that is live. */
static double survival_after(const struct lk_series *s, unsigned cut)
{
	double early = count(s, 0, cut), live = count(s, cut, LK_NR_SPANS);

	return live / fmax((double)s->allocated - early, live);
}

/* Three signs that survivors are kept and not merely in flight; one is enough. */
static double kept(const struct lk_series *s, unsigned cut, const struct window *w)
{
	double live = count(s, cut, LK_NR_SPANS), survival = survival_after(s, cut);
	double sign = fmax(clamp01((survival - 0.7) / 0.25), level(s, cut, w->end));
	double flat = level(s, w->first, w->end);

	if (flat > sign)
		sign = fmax(sign, fmin(flat, overdue(s, cut, live, survival)));
	return sign;
}

/*
 * Where nearly all is freed, a few survivors say less than where nothing is.
 */
static double number(const struct window *w, double survival)
{
	double n = fmin(w->blocks, BLOCKS_PER_MOMENT * (double)w->moments);

	return n <= 2 ? 0 : 1 - exp2(-(n - 2) / (NUMBER_HALF + NUMBER_HALF_FREED * (1 - survival)));
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
 * A program that has ended took a while for that, in which it lost nothing: a runtime
 * stops its threads and runs its finalizers.
 */
static unsigned ending_spans(const struct lk_series *s)
{
	double spans = s->final ? ENDING_MS * LK_NR_SPANS / fmax(1, (double)s->tracked_ms) : 0;

	return (unsigned)fmin(ceil(spans), ENDING_SHARE * LK_NR_SPANS);
}

/*
 * Is it still going on?  The chance that an ongoing loss would have been silent
 * since the last survivor, and the last third's part of all.
 */
static double lasting(const struct lk_series *s, const struct window *w)
{
	unsigned idle = w->end - 1 - w->last, ending = ending_spans(s);
	unsigned end = w->end - (idle < ending ? idle : ending);
	double width = end - w->first, gap = (end - 1 - w->last) / width;
	double chance = pow(1 - gap, w->occupied), tail, third = width / 3;
	unsigned from = end - (unsigned)ceil(third);

	tail = count(s, from, end) / w->blocks;
	return fmin(clamp01(chance / GAP_CHANCE), clamp01(tail / (ceil(third) / width / 2)));
}

/* Judges spans [cut, end): the first ones are start-up, the last ones young. */
static struct window judge_between(
	const struct lk_series *s, unsigned cut, unsigned end, struct lk_judgement *j)
{
	struct window w = window_of(s, start_of(s, cut, end), end);

	if (w.blocks <= 0)
		return w;
	j->number = number(&w, survival_after(s, cut));
	j->kept = kept(s, cut, &w);
	j->even = even(s, &w);
	j->lasting = lasting(s, &w);
	j->covered = clamp01((w.end - w.first) / (LK_NR_SPANS * COVERED_SHARE));
	j->probability = 100 * j->number * j->kept * j->even * j->lasting * j->covered;
	return w;
}

/* The worst that can be said of the site: over all cuts, the highest probability. */
static struct window judge_all(const struct lk_series *s, struct lk_judgement *best)
{
	bool frees = (double)s->allocated > count(s, 0, LK_NR_SPANS);
	struct window best_window = {0};

	*best = (struct lk_judgement){.probability = -1};
	for (unsigned cut = 0; cut <= START_UP_SPANS; cut++) {
		/* To cut an empty span off is to cut nothing. */
		if (cut && !s->blocks[cut - 1])
			continue;
		for (size_t i = 0; i < (frees ? LK_ARRAY_SIZE(youngs) : 1); i++) {
			unsigned end = end_before_young(s, cut, &youngs[i]);
			struct lk_judgement j = {0};
			struct window w;

			if (cut > youngs[i].cuts)
				continue;
			w = judge_between(s, cut, end, &j);
			if (j.probability <= best->probability)
				continue;
			*best = j;
			best_window = w;
		}
		if (best->probability > CERTAIN_PERCENT)
			break;
	}
	return best_window;
}

static double middle_span(const struct lk_series *s, double survivors)
{
	double n = 0;
	unsigned i;

	for (i = 0; i + 1 < LK_NR_SPANS && n + s->blocks[i] < survivors / 2; i++)
		n += s->blocks[i];
	return i;
}

/*
 * A loop of ten thousand calls takes ten milliseconds, and ending a runtime four
 * times as long.  Of a short run that has ended we ask only how many blocks it
 * left, of how many, and whether that was more than its start-up.
 */
static bool judge_short(const struct lk_series *s, double survivors, struct lk_judgement *j)
{
	struct lk_judgement own = {.even = 1, .lasting = 1, .covered = SHORT_COVERED};

	if (!s->final || s->tracked_ms >= SHORT_MS)
		return false;
	if (s->tracked_ms >= SHORT_START_MS &&
		middle_span(s, survivors) < SHORT_START * LK_NR_SPANS)
		return false;
	own.number = 1 - exp2(-(survivors - 2) / SHORT_NUMBER_HALF);
	own.kept = clamp01((survival_after(s, 0) - 0.5) / 0.4);
	own.probability = 100 * own.number * own.kept * own.even * own.lasting * own.covered;
	if (own.probability <= j->probability)
		return false;
	*j = own;
	return true;
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

static void measure(
	const struct lk_series *s, const struct window *w, bool is_short, struct lk_judgement *j)
{
	double spans_per_min =
		LK_NR_SPANS * 60000.0 / fmax(LK_MIN_TRACKED_MS, (double)s->tracked_ms);
	double blocks[LK_NR_SPANS];

	for (unsigned i = 0; i < LK_NR_SPANS; i++)
		blocks[i] = s->blocks[i];
	j->growth_bytes_per_min =
		spans_per_min * (is_short ? w->bytes / LK_NR_SPANS : slope(s->bytes, w));
	j->growth_blocks_per_min =
		spans_per_min * (is_short ? w->blocks / LK_NR_SPANS : slope(blocks, w));
}

/* The state of a site that does not grow: by what speaks most against growth. */
static enum lk_site_state state_of(const struct lk_judgement *j)
{
	double stopped = fmin(j->even, j->lasting);

	if (j->kept <= stopped && j->kept < 0.5)
		return LK_SITE_STEADY;
	if (stopped < 0.7)
		return LK_SITE_STOPPED;
	return j->covered < j->number ? LK_SITE_EARLY : LK_SITE_FEW;
}

void lk_judge(const struct lk_series *series, struct lk_judgement *ret_judgement)
{
	double survivors = count(series, 0, LK_NR_SPANS);
	struct lk_judgement best = {.state = LK_SITE_FEW};
	struct window window;
	bool is_short;

	if (survivors < FEW_BLOCKS) {
		*ret_judgement = best;
		return;
	}
	window = judge_all(series, &best);
	if (series->tracked_ms < LK_MIN_TRACKED_MS)
		best.probability = best.covered = 0;
	is_short = judge_short(series, survivors, &best);
	if (is_short)
		window = window_of(series, 0, LK_NR_SPANS);
	if (best.probability >= LK_GROWING_PERCENT) {
		best.state = LK_SITE_GROWING;
		measure(series, &window, is_short, &best);
	} else if (series->tracked_ms < LK_MIN_TRACKED_MS) {
		best.state = LK_SITE_EARLY;
	} else {
		best.state = state_of(&best);
	}
	if (best.state == LK_SITE_EARLY)
		best.growth_bytes_per_min = best.growth_blocks_per_min = NAN;
	*ret_judgement = best;
}
