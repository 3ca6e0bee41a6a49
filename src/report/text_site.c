#include "leak/naming.h"
#include "leak/patterns.h"
#include "leak/wording.h"
#include "report/decode.h"
#include "report/source.h"
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Deeper stacks are cut unless all frames are asked for. */
#define MAX_FRAMES  32
#define TAIL_FRAMES 4

/* Values stand behind names of this width; paragraphs end before this column. */
#define VALUES 20
#define WIDTH  100

void lk_text_place(const struct lk_text *t, const struct lk_frame *f)
{
	if (!f) {
		fputs("an unknown place", t->say.out);
		return;
	}
	if (f->file && f->line) {
		lk_say_text(&t->say, lk_base_name(f->file));
		fprintf(t->say.out, ":%" PRIu32 " in ", f->line);
	}
	if (f->function)
		lk_say_text(&t->say, f->function);
	else
		fprintf(t->say.out, "0x%" PRIx64, f->address);
	if (f->module && !(f->file && f->line)) {
		fputs(" (", t->say.out);
		lk_say_text(&t->say, lk_base_name(f->module));
		fputc(')', t->say.out);
	}
}

static void say_heading(const struct lk_text *t, size_t number, const struct lk_site *site)
{
	bool grows = site->judgement.state == LK_SITE_GROWING;
	char percent[LK_WORDING_MAX];

	fputc('\n', t->say.out);
	lk_say_style(&t->say, grows ? LK_STYLE_BAD : LK_STYLE_TITLE);
	fprintf(t->say.out, "Site %zu  %s  ", number, site->id);
	lk_text_place(t, lk_site_frame(t->s, site));
	fputs(", ", t->say.out);
	lk_say_text(&t->say, site->manager);
	lk_say_plain(&t->say);
	fprintf(t->say.out, "\n  leak probability  %s, ",
		lk_word_percent(percent, site->judgement.probability));
}

static void say_state(const struct lk_text *t, const struct lk_site *site)
{
	static const char *const sentences[] = {
		[LK_SITE_GROWING] = "growing",
		[LK_SITE_STEADY] = "steady: no more is left than what is in use at any time",
		[LK_SITE_STOPPED] = "stopped: start-up, or a cache that is full",
		[LK_SITE_FEW] = "too few blocks to tell",
		[LK_SITE_EARLY] = "too early to tell",
	};
	const struct lk_judgement *j = &site->judgement;
	char bytes[LK_WORDING_MAX], blocks[LK_WORDING_MAX];

	fputs(sentences[j->state], t->say.out);
	if (j->state == LK_SITE_GROWING)
		fprintf(t->say.out, " by %s a minute, %s blocks",
			lk_word_bytes(bytes, j->growth_bytes_per_min),
			lk_word_count(blocks, (uint64_t)(j->growth_blocks_per_min + 0.5)));
	fputc('\n', t->say.out);
}

static void say_counts(const struct lk_text *t, const struct lk_site *site)
{
	char a[LK_WORDING_MAX], b[LK_WORDING_MAX], c[LK_WORDING_MAX];

	fprintf(t->say.out, "  outstanding       %s (%s) in %s block%s",
		lk_word_bytes(a, (double)site->bytes), lk_word_count(b, site->bytes),
		lk_word_count(c, site->blocks), site->blocks == 1 ? "" : "s");
	for (uint32_t i = 0; i < site->nr_sizes; i++)
		fprintf(t->say.out, "%s%s of %s", i ? ", " : ": ",
			lk_word_count(a, site->sizes[i].blocks),
			lk_word_count(b, site->sizes[i].size));
	if (site->nr_distinct_sizes > site->nr_sizes)
		fprintf(t->say.out, ", and %s more sizes",
			lk_word_count(a, site->nr_distinct_sizes - site->nr_sizes));
	fprintf(t->say.out, "\n  since the start   %s allocated, %s freed\n",
		lk_word_count(a, site->allocated_blocks), lk_word_count(b, site->freed_blocks));
	fprintf(t->say.out, "  age               oldest %s, median %s, youngest %s\n",
		lk_word_seconds(a, (double)site->oldest_ms / 1000),
		lk_word_seconds(b, (double)site->median_ms / 1000),
		lk_word_seconds(c, (double)site->youngest_ms / 1000));
}

static void say_value(const struct lk_text *t, const char *name, const char *value)
{
	fprintf(t->say.out, "  %-*s", VALUES - 2, name);
	lk_say_paragraph(&t->say, value, VALUES, WIDTH);
}

/* Why it leaks, where that is known.  What does not grow may be no leak at all. */
static void say_match(const struct lk_text *t, const struct lk_site *site)
{
	const struct lk_match *m = site->match;
	char confidence[LK_WORDING_MAX], *head;

	if (!m)
		return;
	head = lk_xasprintf("%s, confidence %s: %s", m->id,
		lk_word_percent(confidence, m->confidence), m->title);
	say_value(t, site->judgement.state == LK_SITE_GROWING ? "why" : "if it leaks", head);
	free(head);
	say_value(t, "", m->explanation);
	for (uint32_t i = 0; i < m->nr_evidence; i++)
		say_value(t, i ? "" : "evidence", m->evidence[i]);
	say_value(t, "fix", m->fix);
}

static void say_source(const struct lk_text *t, const struct lk_frame *f)
{
	struct lk_source source;
	int r;

	if (!f || !f->file || !f->line)
		return;
	fputs("\n  ", t->say.out);
	lk_say_text(&t->say, f->file);
	fprintf(t->say.out, ":%" PRIu32 "\n", f->line);
	r = lk_source_read(f->file, f->line, t->s->started_s, &source);
	if (r == -ESTALE)
		fputs("    (the file was changed after the program started; it is not shown)\n",
			t->say.out);
	if (r)
		return;
	for (unsigned i = 0; i < source.nr_lines; i++) {
		bool here = source.first + i == f->line;

		lk_say_style(&t->say, here ? LK_STYLE_TITLE : LK_STYLE_DIM);
		fprintf(t->say.out, "  %c %5u  ", here ? '>' : ' ', source.first + i);
		lk_say_text(&t->say, source.lines[i]);
		lk_say_plain(&t->say);
		fputc('\n', t->say.out);
	}
	lk_source_done(&source);
}

static void say_frame(const struct lk_text *t, uint32_t number, const struct lk_frame *f, bool here)
{
	fprintf(t->say.out, "  %c %3" PRIu32 "  ", here ? '>' : ' ', number);
	lk_say_style(&t->say, here ? LK_STYLE_TITLE : f->framework ? LK_STYLE_DIM : LK_STYLE_NAME);
	if (f->function)
		lk_say_text(&t->say, f->function);
	else
		fprintf(t->say.out, "0x%" PRIx64, f->address);
	lk_say_plain(&t->say);
	if (f->module) {
		fputs("  ", t->say.out);
		lk_say_text(&t->say, lk_base_name(f->module));
	}
	if (f->file && f->line) {
		fputs("  ", t->say.out);
		lk_say_text(&t->say, lk_base_name(f->file));
		fprintf(t->say.out, ":%" PRIu32, f->line);
	}
	if (f->il_offset != LK_NO_IL)
		fprintf(t->say.out, "  IL_%04" PRIx32, f->il_offset);
	if (f->origin == LK_ORIGIN_MANAGED)
		fputs("  [managed]", t->say.out);
	if (f->origin == LK_ORIGIN_GENERATED)
		fputs("  [generated]", t->say.out);
	if (f->inlined)
		fputs("  [inlined]", t->say.out);
	fputc('\n', t->say.out);
}

static void say_stack(const struct lk_text *t, const struct lk_site *site)
{
	uint32_t count, head;
	const struct lk_frame *f = lk_stack_frames(t->s, site->stack, &count);

	fputs("\n  call stack, allocation first", t->say.out);
	if (site->nr_stacks > 1)
		fprintf(t->say.out, " (one of %" PRIu32 " that are alike)", site->nr_stacks);
	fputs(count ? "\n" : "\n    unknown\n", t->say.out);
	head = count;
	if (!t->options->all_frames && count > MAX_FRAMES) {
		head = MAX_FRAMES - TAIL_FRAMES;
		if (site->responsible < count - TAIL_FRAMES && site->responsible >= head)
			head = site->responsible + 1;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (i == head && count - TAIL_FRAMES > head) {
			fprintf(t->say.out, "        ... %" PRIu32 " more ...\n",
				count - TAIL_FRAMES - head);
			i = count - TAIL_FRAMES;
		}
		say_frame(t, i, &f[i], i == site->responsible);
	}
}

static void say_content(
	const struct lk_text *t, const struct lk_site *site, const struct lk_block *b)
{
	const struct lk_content *c = lk_snapshot_content(t->s, b->address);
	struct lk_decoded d;
	bool hex;

	if (!c || lk_decode(c, b->size, site->manager, &d)) {
		fputs("not read\n", t->say.out);
		return;
	}
	hex = !strcmp(d.encoding, "hex");
	fputs(hex ? "" : "\"", t->say.out);
	lk_say_text(&t->say, d.text);
	fprintf(t->say.out, "%s%s  (%s)\n", hex ? "" : "\"", d.cut ? " ..." : "", d.encoding);
}

static void say_samples(const struct lk_text *t, const struct lk_site *site)
{
	uint32_t chosen[LK_SITE_SAMPLES];
	uint32_t nr = lk_site_samples(t->s, site, t->options->nr_samples, chosen);
	char time[LK_WORDING_MAX], size[LK_WORDING_MAX];

	if (!nr)
		return;
	fputs("\n  samples: address, time since tracking started, size, content\n", t->say.out);
	for (uint32_t i = 0; i < nr; i++) {
		const struct lk_block *b = &t->s->blocks[chosen[i]];

		fprintf(t->say.out, "    0x%012" PRIx64 "  %12s  %10s  ", b->address,
			lk_word_seconds(time, (double)b->time_ms / 1000),
			lk_word_count(size, b->size));
		say_content(t, site, b);
	}
}

void lk_text_site(const struct lk_text *t, size_t number, const struct lk_site *site)
{
	say_heading(t, number, site);
	say_state(t, site);
	say_counts(t, site);
	say_match(t, site);
	say_source(t, lk_site_frame(t->s, site));
	say_stack(t, site);
	say_samples(t, site);
}
