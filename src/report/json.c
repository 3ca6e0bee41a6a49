/*
 * The JSON report.  The top level is written by hand and each site is one jansson
 * value on a line of its own, so that a report of a hundred thousand sites needs
 * no more memory than one of them.  A key is never left out; what is not known is
 * null.
 */
#include "leak/naming.h"
#include "leak/patterns.h"
#include "report/decode.h"
#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Enough for a curve; the recording has them all. */
#define COUNTER_POINTS 120

#define FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))

struct writer {
	const struct lk_snapshot *s;
	const struct lk_analysis *a;
	const struct lk_report_options *options;
	FILE *out;
};

/* Names come from other people's files: what is not UTF-8 becomes U+FFFD. */
static json_t *text(const char *t)
{
	size_t left, n = 0, width;
	json_t *value;
	uint32_t c;
	char *clean;

	if (!t)
		return json_null();
	left = strlen(t);
	clean = lk_xmalloc(left * 3 + 1);
	for (; left; t += width, left -= width) {
		if (lk_utf8_next((const uint8_t *)t, left, &c, &width)) {
			memcpy(clean + n, "\xef\xbf\xbd", 3);
			n += 3;
			width = 1;
			continue;
		}
		memcpy(clean + n, t, width);
		n += width;
	}
	value = json_stringn_nocheck(clean, n);
	free(clean);
	return value;
}

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *real(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *seconds(uint64_t ms)
{
	return json_real((double)ms / 1000);
}

static json_t *address(uint64_t a)
{
	char buffer[24];

	snprintf(buffer, sizeof(buffer), "0x%" PRIx64, a);
	return json_string(buffer);
}

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new_nocheck(object, key, value);
}

static void write_value(struct writer *w, json_t *value)
{
	json_dumpf(value, w->out, FLAGS);
	json_decref(value);
}

static void write_key(struct writer *w, const char *key, json_t *value)
{
	fprintf(w->out, ",\n\"%s\": ", key);
	write_value(w, value);
}

static json_t *texts(const char **list, size_t nr)
{
	json_t *array = json_array();

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(array, text(list[i]));
	return array;
}

static json_t *process(const struct lk_snapshot *s)
{
	static const char *const ended[] = {
		[LK_ENDED_RUNNING] = "running",
		[LK_ENDED_EXITED] = "exited",
		[LK_ENDED_KILLED] = "killed",
	};
	json_t *o = json_object();

	set(o, "pid", number(s->pid));
	set(o, "command", texts(s->command, s->nr_command));
	set(o, "runtimes", texts(s->runtimes, s->nr_runtimes));
	set(o, "tracked_s", seconds(s->tracked_ms));
	set(o, "ended",
		(unsigned)s->ended < LK_ARRAY_SIZE(ended) ? text(ended[s->ended]) : json_null());
	set(o, "wait_status", s->exit_status >= 0 ? json_integer(s->exit_status) : json_null());
	set(o, "started_s", s->started_s > 0 ? real(s->started_s) : json_null());
	return o;
}

static json_t *verdict(const struct lk_verdict *v)
{
	json_t *o = json_object();

	set(o, "class", text(lk_verdict_name(v->verdict_class)));
	set(o, "growth_bytes_per_min", real(v->growth_bytes_per_min));
	set(o, "confidence", real(v->confidence));
	set(o, "text", text(v->text));
	return o;
}

static json_t *not_seen(const struct lk_snapshot *s, const struct lk_analysis *a)
{
	json_t *o = json_object();

	set(o, "lost_events", number(a->lost_events));
	if (a->nr_dropped)
		set(o, "blocks_without_stack", number(a->nr_dropped));
	for (size_t i = 0; i < s->nr_not_seen; i++) {
		const struct lk_not_seen *n = &s->not_seen[i];

		/* Keys are leakline's own, but a recording may be damaged. */
		if (n->key && n->count && strcmp(n->key, "lost_events")) {
			json_t *key = text(n->key);

			json_object_set_new(o, json_string_value(key), number(n->count));
			json_decref(key);
		}
	}
	return o;
}

static json_t *totals(const struct lk_analysis *a)
{
	json_t *o = json_object();

	set(o, "outstanding_bytes", number(a->bytes));
	set(o, "outstanding_blocks", number(a->blocks));
	set(o, "allocated_blocks", number(a->allocated_blocks));
	set(o, "freed_blocks", number(a->freed_blocks));
	set(o, "allocated_bytes", number(a->allocated_bytes));
	set(o, "tracked_bytes_peak", json_null()); /* nobody measures it yet */
	return o;
}

/* Bytes and counts without a fraction, as elsewhere. */
static json_t *figure(double v)
{
	return fabs(v) < 9e15 && v == floor(v) ? json_integer((json_int_t)v) : real(v);
}

static json_t *point(const struct lk_point *p)
{
	json_t *pair = json_array();

	json_array_append_new(pair, seconds(p->time_ms));
	json_array_append_new(pair, figure(p->value));
	return pair;
}

static json_t *counter(const struct lk_counter *c)
{
	size_t chosen[COUNTER_POINTS], nr = lk_counter_choose(c, COUNTER_POINTS, chosen);
	json_t *o = json_object(), *points = json_array();

	for (size_t i = 0; i < nr; i++)
		json_array_append_new(points, point(&c->points[chosen[i]]));
	set(o, "unit", text(c->unit));
	set(o, "text", text(c->text));
	set(o, "first", figure(c->points[0].value));
	set(o, "last", figure(c->points[c->nr_points - 1].value));
	set(o, "max", figure(c->points[lk_counter_max(c)].value));
	set(o, "points", points);
	return o;
}

static json_t *counters(const struct lk_snapshot *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < s->counters.nr; i++) {
		const struct lk_counter *c = &s->counters.at[i];
		json_t *name = text(c->name);

		if (c->nr_points)
			json_object_set_new(o, json_string_value(name), counter(c));
		json_decref(name);
	}
	return o;
}

static json_t *rows(const struct lk_shares *r, bool sizes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->nr_rows; i++) {
		json_t *o = json_object();

		set(o, "name", text(r->rows[i].name));
		if (sizes)
			set(o, "size", number(strtoull(r->rows[i].name, NULL, 10)));
		set(o, "bytes", number(r->rows[i].bytes));
		set(o, "blocks", number(r->rows[i].blocks));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *frame(const struct lk_frame *f)
{
	static const char *const origins[] = {
		[LK_ORIGIN_NATIVE] = "native",
		[LK_ORIGIN_MANAGED] = "managed",
		[LK_ORIGIN_GENERATED] = "generated",
	};
	json_t *o = json_object();

	set(o, "address", f->address ? address(f->address) : json_null());
	set(o, "module", text(f->module ? lk_base_name(f->module) : NULL));
	set(o, "module_path", text(f->module));
	set(o, "function", text(f->function));
	set(o, "file", text(f->file));
	set(o, "line", f->line ? number(f->line) : json_null());
	set(o, "il_offset", f->il_offset != LK_NO_IL ? number(f->il_offset) : json_null());
	set(o, "origin",
		text(f->origin < LK_ARRAY_SIZE(origins) ? origins[f->origin] : origins[0]));
	set(o, "inlined", json_boolean(f->inlined));
	set(o, "framework", json_boolean(f->framework));
	return o;
}

static json_t *frames(const struct lk_snapshot *s, const struct lk_site *site)
{
	json_t *array = json_array();
	uint32_t count;
	const struct lk_frame *f = lk_stack_frames(s, site->stack, &count);

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, frame(&f[i]));
	return array;
}

static json_t *sample(const struct lk_snapshot *s, const struct lk_site *site, uint32_t index)
{
	const struct lk_block *b = &s->blocks[index];
	const struct lk_content *c = lk_snapshot_content(s, b->address);
	struct lk_decoded d;
	json_t *o = json_object();

	set(o, "address", address(b->address));
	set(o, "size", number(b->size));
	set(o, "time_s", seconds(b->time_ms));
	if (c && !lk_decode(c, b->size, site->manager, &d)) {
		set(o, "content", text(d.text));
		set(o, "encoding", text(d.encoding));
		set(o, "cut", json_boolean(d.cut));
	} else {
		set(o, "content", json_null());
		set(o, "encoding", json_null());
		set(o, "cut", json_null());
	}
	return o;
}

static json_t *samples(const struct writer *w, const struct lk_site *site)
{
	json_t *array = json_array();
	uint32_t chosen[LK_SITE_SAMPLES], nr;

	nr = lk_site_samples(w->s, site, w->options->nr_samples, chosen);
	for (uint32_t i = 0; i < nr; i++)
		json_array_append_new(array, sample(w->s, site, chosen[i]));
	return array;
}

static json_t *sizes(const struct lk_site *site)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < site->nr_sizes; i++) {
		json_t *o = json_object();

		set(o, "size", number(site->sizes[i].size));
		set(o, "blocks", number(site->sizes[i].blocks));
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *factors(const struct lk_judgement *j)
{
	json_t *o = json_object();

	set(o, "number", real(j->number));
	set(o, "kept", real(j->kept));
	set(o, "even", real(j->even));
	set(o, "lasting", real(j->lasting));
	set(o, "covered", real(j->covered));
	return o;
}

static json_t *age(const struct lk_site *site)
{
	json_t *o = json_object();

	set(o, "oldest_s", seconds(site->oldest_ms));
	set(o, "median_s", seconds(site->median_ms));
	set(o, "youngest_s", seconds(site->youngest_ms));
	return o;
}

static json_t *pattern(const struct lk_match *m)
{
	json_t *o, *evidence;

	if (!m)
		return json_null();
	o = json_object();
	evidence = json_array();
	for (uint32_t i = 0; i < m->nr_evidence; i++)
		json_array_append_new(evidence, text(m->evidence[i]));
	set(o, "id", text(m->id));
	set(o, "title", text(m->title));
	set(o, "confidence", real(m->confidence / 100.0));
	set(o, "evidence", evidence);
	set(o, "explanation", text(m->explanation));
	set(o, "fix", text(m->fix));
	return o;
}

static json_t *site_object(const struct writer *w, const struct lk_site *site)
{
	const struct lk_judgement *j = &site->judgement;
	uint32_t count;
	json_t *o = json_object();

	lk_stack_frames(w->s, site->stack, &count);
	set(o, "id", text(site->id));
	set(o, "manager", text(site->manager));
	set(o, "state", text(lk_site_state_name(j->state)));
	set(o, "outstanding_bytes", number(site->bytes));
	set(o, "outstanding_blocks", number(site->blocks));
	set(o, "allocated_blocks", number(site->allocated_blocks));
	set(o, "freed_blocks", number(site->freed_blocks));
	set(o, "allocated_bytes", number(site->allocated_bytes));
	set(o, "growth_bytes_per_min", real(j->growth_bytes_per_min));
	set(o, "growth_blocks_per_min", real(j->growth_blocks_per_min));
	set(o, "leak_probability", real(j->probability));
	set(o, "factors", factors(j));
	set(o, "age", age(site));
	set(o, "pattern", pattern(site->match));
	set(o, "nr_stacks", number(site->nr_stacks));
	set(o, "sizes", sizes(site));
	set(o, "responsible", site->responsible < count ? number(site->responsible) : json_null());
	set(o, "frames", frames(w->s, site));
	set(o, "samples", samples(w, site));
	return o;
}

static void write_sites(struct writer *w)
{
	size_t nr = w->a->nr_sites;

	if (w->options->max_sites && nr > w->options->max_sites)
		nr = w->options->max_sites;
	fprintf(w->out, ",\n\"nr_sites\": %zu,\n\"nr_growing\": %zu,\n\"sites\": [", w->a->nr_sites,
		w->a->nr_growing);
	for (size_t i = 0; i < nr && !ferror(w->out); i++) {
		fputs(i ? ",\n" : "\n", w->out);
		write_value(w, site_object(w, &w->a->sites[i]));
	}
	fputs(nr ? "\n]" : "]", w->out);
}

int lk_report_json(const struct lk_snapshot *snapshot, const struct lk_analysis *analysis,
	const struct lk_report_options *options, FILE *out, struct lk_err *err)
{
	struct writer w = {.s = snapshot, .a = analysis, .options = options, .out = out};

	errno = 0;
	fputs("{\"schema\": \"leakline.report/1\"", out);
	write_key(&w, "process", process(snapshot));
	write_key(&w, "verdict", verdict(&analysis->verdict));
	write_key(&w, "not_seen", not_seen(snapshot, analysis));
	write_key(&w, "totals", totals(analysis));
	write_key(&w, "counters", counters(snapshot));
	write_key(&w, "managers", rows(&analysis->managers, false));
	write_key(&w, "modules", rows(&analysis->modules, false));
	write_key(&w, "functions", rows(&analysis->functions, false));
	write_key(&w, "sizes", rows(&analysis->sizes, true));
	write_sites(&w);
	fputs("}\n", out);
	if (fflush(out) || ferror(out)) {
		errno = errno ? errno : EIO;
		return lk_fail_errno(err, "cannot write the report");
	}
	return 0;
}
