#include "leak/verdict.h"

#include "leak/naming.h"
#include "leak/wording.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The constants of docs/LEAK-PROBABILITY.md. */
#define EARLY_MS	200  /* shorter runs are judged only by clear evidence */
#define CLEAR_ALLOCATED 50   /* of so many blocks ... */
#define CLEAR_SURVIVAL	0.05 /* ... this share or less is left: nothing was lost */
#define MANAGERS_TOLD	8    /* in one sentence */
#define HALF_TRUST_S	10.0 /* tracked time that earns half of the trust in "none" */

const char *lk_verdict_name(enum lk_verdict_class verdict_class)
{
	static const char *const names[] = {
		[LK_VERDICT_NATIVE] = "native",
		[LK_VERDICT_RUNTIME] = "runtime",
		[LK_VERDICT_NONE] = "none",
		[LK_VERDICT_UNKNOWN] = "unknown",
	};

	return names[verdict_class];
}

/* The share of events that was seen, but never below a half: a report is still worth reading. */
static double seen_share(const struct lk_analysis *a)
{
	double lost = (double)a->lost_events;

	return lost > 0 ? 1 - fmin(0.5, lost / (lost + (double)a->allocated_blocks)) : 1;
}

/* "Program.cs:22 in Program:Main", "Program:Main", "libfoo.so": as much as is known. */
static char *place_text(const struct lk_frame *f)
{
	char function[LK_NAME_MAX] = "";

	if (!f)
		return lk_xstrdup("an unknown place");
	if (f->function)
		lk_name_normalise(f->function, function, sizeof(function));
	if (f->file && f->line && *function)
		return lk_xasprintf("%s:%u in %s", lk_base_name(f->file), f->line, function);
	if (f->file && f->line)
		return lk_xasprintf("%s:%u", lk_base_name(f->file), f->line);
	if (*function && f->module)
		return lk_xasprintf("%s (%s)", function, lk_base_name(f->module));
	if (*function || f->module)
		return lk_xstrdup(*function ? function : lk_base_name(f->module));
	return lk_xasprintf("0x%llx", (unsigned long long)f->address);
}

static bool same_line(const struct lk_frame *a, const struct lk_frame *b)
{
	if (!a || !b)
		return a == b;
	if (!a->function || !b->function || a->line != b->line)
		return false;
	return !strcmp(a->function, b->function) &&
	       (a->file == b->file || (a->file && b->file && !strcmp(a->file, b->file)));
}

/* Joins the managers of the growing sites at the line of `worst`, each once. */
static char *managers_text(
	const struct lk_snapshot *s, const struct lk_analysis *a, const struct lk_frame *worst)
{
	const char *told[MANAGERS_TOLD];
	char *text = lk_xstrdup(a->sites[0].manager);
	size_t nr_told = 0;

	told[nr_told++] = a->sites[0].manager;
	for (size_t i = 1; i < a->nr_growing && nr_told < MANAGERS_TOLD; i++) {
		const char *manager = a->sites[i].manager;
		char *longer;
		size_t j = 0;

		while (j < nr_told && strcmp(told[j], manager))
			j++;
		if (j < nr_told || !same_line(lk_site_frame(s, &a->sites[i]), worst))
			continue;
		told[nr_told++] = manager;
		longer = lk_xasprintf("%s, %s", text, manager);
		free(text);
		text = longer;
	}
	return text;
}

static char *native_text(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	const struct lk_frame *worst = lk_site_frame(s, &a->sites[0]);
	double at_worst = 0, all = a->verdict.growth_bytes_per_min;
	char rate[LK_WORDING_MAX], share[LK_WORDING_MAX];
	char *place = place_text(worst), *managers, *text;

	for (size_t i = 0; i < a->nr_growing; i++)
		if (same_line(lk_site_frame(s, &a->sites[i]), worst))
			at_worst += a->sites[i].judgement.growth_bytes_per_min;
	managers = managers_text(s, a, worst);
	text = lk_xasprintf("Native memory grows by %s a minute; %s of it is allocated at %s (%s)",
		lk_word_bytes(rate, all),
		lk_word_percent(share, all > 0 ? fmin(100, 100 * at_worst / all) : 100), place,
		managers);
	free(managers);
	free(place);
	return text;
}

static char *runtime_text(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	char *place = place_text(lk_site_frame(s, &a->sites[0])), *text;
	char rate[LK_WORDING_MAX];

	text = lk_xasprintf(
		"No site of the program grows; what a runtime allocates for itself grows "
		"by %s a minute, most of it under %s",
		lk_word_bytes(rate, a->verdict.growth_bytes_per_min), place);
	free(place);
	return text;
}

static char *none_text(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	char bytes[LK_WORDING_MAX], blocks[LK_WORDING_MAX], time[LK_WORDING_MAX];

	if (!a->blocks)
		return lk_xasprintf("No site grows: nothing is outstanding after %s",
			lk_word_seconds(time, (double)s->tracked_ms / 1000));
	return lk_xasprintf(
		"No site grows: %s in %s block%s outstanding after %s %s from start-up, "
		"caches that are full, or still in use",
		lk_word_bytes(bytes, (double)a->bytes), lk_word_count(blocks, a->blocks),
		a->blocks == 1 ? "" : "s", lk_word_seconds(time, (double)s->tracked_ms / 1000),
		a->blocks == 1 ? "is" : "are");
}

static char *unknown_text(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	char bytes[LK_WORDING_MAX], blocks[LK_WORDING_MAX], time[LK_WORDING_MAX];

	return lk_xasprintf(
		"Too early to say: tracked for %s only, with %s in %s block%s outstanding",
		lk_word_seconds(time, (double)s->tracked_ms / 1000),
		lk_word_bytes(bytes, (double)a->bytes), lk_word_count(blocks, a->blocks),
		a->blocks == 1 ? "" : "s");
}

/* Bytes of sites that look like growth over too short a part of the time. */
static bool mostly_early(const struct lk_analysis *a)
{
	uint64_t early = 0;

	for (size_t i = 0; i < a->nr_sites; i++)
		if (a->sites[i].judgement.state == LK_SITE_EARLY)
			early += a->sites[i].bytes;
	return early > a->bytes / 2;
}

static double survival(const struct lk_analysis *a)
{
	return a->allocated_blocks ? (double)a->blocks / (double)a->allocated_blocks : 1;
}

static bool too_early(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	if (a->allocated_blocks >= CLEAR_ALLOCATED && survival(a) <= CLEAR_SURVIVAL)
		return false;
	return s->tracked_ms < EARLY_MS || mostly_early(a);
}

/* The first nr sites are those that grow, and of one class. */
static void make_growing(const struct lk_analysis *a, size_t nr,
	enum lk_verdict_class verdict_class, struct lk_verdict *v)
{
	double sum = 0, weighted = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct lk_judgement *j = &a->sites[i].judgement;

		sum += j->growth_bytes_per_min;
		weighted += j->growth_bytes_per_min * j->probability / 100;
	}
	v->verdict_class = verdict_class;
	v->growth_bytes_per_min = sum;
	v->confidence = seen_share(a) *
			(sum > 0 ? weighted / sum : a->sites[0].judgement.probability / 100);
}

static void make_none(
	const struct lk_snapshot *s, const struct lk_analysis *a, struct lk_verdict *v)
{
	double tracked_s = (double)s->tracked_ms / 1000;
	double trust = tracked_s / (tracked_s + HALF_TRUST_S);

	if (a->allocated_blocks >= CLEAR_ALLOCATED)
		trust = fmax(trust, 1 - survival(a));
	v->verdict_class = LK_VERDICT_NONE;
	v->growth_bytes_per_min = 0;
	v->confidence = trust * seen_share(a);
}

void lk_verdict_make(const struct lk_snapshot *snapshot, struct lk_analysis *analysis)
{
	struct lk_verdict *v = &analysis->verdict;
	char *text;

	if (analysis->nr_growing) {
		make_growing(analysis, analysis->nr_growing, LK_VERDICT_NATIVE, v);
		text = native_text(snapshot, analysis);
	} else if (analysis->nr_runtime_growing) {
		make_growing(analysis, analysis->nr_runtime_growing, LK_VERDICT_RUNTIME, v);
		text = runtime_text(snapshot, analysis);
	} else if (too_early(snapshot, analysis)) {
		*v = (struct lk_verdict){
			.verdict_class = LK_VERDICT_UNKNOWN, .growth_bytes_per_min = NAN};
		text = unknown_text(snapshot, analysis);
	} else {
		make_none(snapshot, analysis, v);
		text = none_text(snapshot, analysis);
	}
	v->text = lk_strings_add(analysis->strings, text);
	free(text);
}
