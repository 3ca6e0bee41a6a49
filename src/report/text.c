/*
 * The text report keeps the order of the classic memory analysis: what is
 * responsible, what is outstanding, by what, then the leaks one by one.
 */
#include "report/text.h"

#include "leak/naming.h"
#include "leak/wording.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Rows of the overview of sites, at the least. */
#define OVERVIEW 10

static void say_process(const struct lk_text *t)
{
	static const char *const ended[] = {
		[LK_ENDED_RUNNING] = "running",
		[LK_ENDED_EXITED] = "ended",
		[LK_ENDED_KILLED] = "was killed",
	};
	const struct lk_snapshot *s = t->s;

	lk_say_style(&t->say, LK_STYLE_TITLE);
	fputs("leakline: memory of ", t->say.out);
	for (size_t i = 0; i < s->nr_command; i++) {
		fputs(i ? " " : "", t->say.out);
		lk_say_text(&t->say, i ? s->command[i] : lk_base_name(s->command[i]));
	}
	lk_say_plain(&t->say);
	fprintf(t->say.out, "%sprocess %" PRIu32, s->nr_command ? ", " : "", s->pid);
	for (size_t i = 0; i < s->nr_runtimes; i++) {
		fputs(i ? " and " : " with ", t->say.out);
		lk_say_text(&t->say, s->runtimes[i]);
	}
	if ((unsigned)s->ended < LK_ARRAY_SIZE(ended))
		fprintf(t->say.out, ", %s", ended[s->ended]);
	fputs("\n\n", t->say.out);
}

static void say_verdict(const struct lk_text *t)
{
	const struct lk_verdict *v = &t->a->verdict;
	char percent[LK_WORDING_MAX];

	lk_say_style(
		&t->say, v->verdict_class == LK_VERDICT_NATIVE ? LK_STYLE_BAD : LK_STYLE_TITLE);
	lk_say_text(&t->say, v->text);
	fputs(".\n", t->say.out);
	lk_say_plain(&t->say);
	if (v->verdict_class != LK_VERDICT_UNKNOWN)
		fprintf(t->say.out, "Confidence %s.\n",
			lk_word_percent(percent, v->confidence * 100));
}

static void say_not_seen(const struct lk_text *t)
{
	const struct lk_snapshot *s = t->s;
	char count[LK_WORDING_MAX];
	bool titled = false;

	for (size_t i = 0; i < s->nr_not_seen; i++) {
		const struct lk_not_seen *n = &s->not_seen[i];

		if (!n->count)
			continue;
		if (!titled)
			lk_say_title(&t->say, "What was not seen");
		titled = true;
		fprintf(t->say.out, "  %13s  ", lk_word_count(count, n->count));
		lk_say_text(&t->say, n->text ? n->text : n->key ? n->key : "of an unknown kind");
		fputc('\n', t->say.out);
	}
	if (t->a->nr_dropped) {
		if (!titled)
			lk_say_title(&t->say, "What was not seen");
		fprintf(t->say.out, "  %13s  blocks whose call stack is not in the recording\n",
			lk_word_count(count, t->a->nr_dropped));
	}
}

/* Modules that cost names: the reader can install what is missing. */
static void say_lacks(const struct lk_text *t)
{
	bool titled = false;

	for (size_t i = 0; i < t->s->nr_modules; i++) {
		const struct lk_module_fact *m = &t->s->modules[i];
		bool named = false;

		for (size_t k = 0; m->lacks && k < t->a->modules.nr_rows && !named; k++)
			named = m->path &&
				!strcmp(t->a->modules.rows[k].name, lk_base_name(m->path));
		if (!named)
			continue;
		if (!titled)
			lk_say_title(&t->say, "What would name more");
		titled = true;
		fputs("  ", t->say.out);
		lk_say_text(&t->say, m->path);
		fputs(": ", t->say.out);
		lk_say_text(&t->say, m->lacks);
		fputc('\n', t->say.out);
	}
}

static void say_outstanding(const struct lk_text *t)
{
	const struct lk_analysis *a = t->a;
	char x[LK_WORDING_MAX], y[LK_WORDING_MAX];

	lk_say_title(&t->say, "Outstanding allocations");
	fprintf(t->say.out, "  blocks       %s\n", lk_word_count(x, a->blocks));
	fprintf(t->say.out, "  bytes        %s (%s)\n", lk_word_bytes(x, (double)a->bytes),
		lk_word_count(y, a->bytes));
	fprintf(t->say.out, "  tracked for  %s\n",
		lk_word_seconds(x, (double)t->s->tracked_ms / 1000));
	fprintf(t->say.out, "  in that time %s blocks allocated, %s freed\n",
		lk_word_count(x, a->allocated_blocks), lk_word_count(y, a->freed_blocks));
	fprintf(t->say.out, "  sites        %s, of which %s grow%s\n",
		lk_word_count(x, a->nr_sites), lk_word_count(y, a->nr_growing),
		a->nr_growing == 1 ? "s" : "");
}

static void say_counter(const struct lk_text *t, const struct lk_counter *c)
{
	char first[LK_WORDING_MAX], last[LK_WORDING_MAX], max[LK_WORDING_MAX];
	double from = c->points[0].value, to = c->points[c->nr_points - 1].value;

	fputs("  ", t->say.out);
	lk_say_text(&t->say, c->text);
	fprintf(t->say.out, " %s -> %s%s, at most %s\n", lk_word_bytes(first, from),
		lk_word_bytes(last, to), lk_counter_flat(c) ? " (flat)" : "",
		lk_word_bytes(max, c->points[lk_counter_max(c)].value));
}

/* The two figures that one compares first; JSON and the recording have the others. */
static void say_counters(const struct lk_text *t)
{
	static const char *const names[] = {"private", "gc_heap"};
	bool titled = false;

	for (size_t i = 0; i < LK_ARRAY_SIZE(names); i++) {
		const struct lk_counter *c = lk_counter_find(&t->s->counters, names[i]);

		if (!c || !c->nr_points)
			continue;
		if (!titled)
			lk_say_title(&t->say, "The process over time");
		titled = true;
		say_counter(t, c);
	}
}

static void say_overview_row(const struct lk_text *t, size_t number, const struct lk_site *site)
{
	char bytes[LK_WORDING_MAX], blocks[LK_WORDING_MAX], growth[LK_WORDING_MAX] = "?";
	char age[LK_WORDING_MAX], percent[LK_WORDING_MAX];
	const struct lk_judgement *j = &site->judgement;

	if (!isnan(j->growth_bytes_per_min))
		lk_word_bytes(growth, j->growth_bytes_per_min);
	fprintf(t->say.out, "  %3zu %10s %13s %12s %12s %6s  %-8s ", number,
		lk_word_bytes(bytes, (double)site->bytes), lk_word_count(blocks, site->blocks),
		growth, lk_word_seconds(age, (double)site->median_ms / 1000),
		lk_word_percent(percent, j->probability), lk_site_state_name(j->state));
	lk_say_text(&t->say, site->manager);
	fputs(" at ", t->say.out);
	lk_text_place(t, lk_site_frame(t->s, site));
	fputc('\n', t->say.out);
}

static void say_overview(const struct lk_text *t, size_t detailed)
{
	size_t nr = detailed > OVERVIEW ? detailed : OVERVIEW;

	if (nr > t->a->nr_sites)
		nr = t->a->nr_sites;
	lk_say_title(&t->say, "Sites, one leak one row: growing ones first, then by bytes");
	if (!nr) {
		fputs("  none\n", t->say.out);
		return;
	}
	lk_say_style(&t->say, LK_STYLE_DIM);
	fprintf(t->say.out, "  %3s %10s %13s %12s %12s %6s  %-8s %s\n", "", "bytes", "blocks",
		"per minute", "median age", "leak", "", "where");
	lk_say_plain(&t->say);
	for (size_t i = 0; i < nr; i++)
		say_overview_row(t, i + 1, &t->a->sites[i]);
	if (t->a->nr_sites > nr)
		fprintf(t->say.out, "  and %zu more\n", t->a->nr_sites - nr);
}

int lk_report_text(const struct lk_snapshot *snapshot, const struct lk_analysis *analysis,
	const struct lk_report_options *options, FILE *out, struct lk_err *err)
{
	struct lk_text t = {
		.say = {.out = out, .colour = options->colour},
		.s = snapshot,
		.a = analysis,
		.options = options,
	};
	size_t detailed = analysis->nr_sites;

	if (options->max_sites && detailed > options->max_sites)
		detailed = options->max_sites;
	errno = 0;
	say_process(&t);
	say_verdict(&t);
	say_not_seen(&t);
	say_lacks(&t);
	say_outstanding(&t);
	say_counters(&t);
	lk_text_breakdown(&t);
	say_overview(&t, detailed);
	for (size_t i = 0; i < detailed && !ferror(out); i++)
		lk_text_site(&t, i + 1, &analysis->sites[i]);
	if (fflush(out) || ferror(out)) {
		errno = errno ? errno : EIO;
		return lk_fail_errno(err, "cannot write the report");
	}
	return 0;
}
