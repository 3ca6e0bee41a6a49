#include "leak/frames.h"
#include "leak/patterns.h"
#include "report/number_list.h"
#include "report/recording_dedup.h"
#include "report/recording_put.h"

#include <stdlib.h>

struct frame_list {
	char *text;
	uint32_t room; /* frames */
};

/* Numbers the sites by their keys, so that a stack's key tells its site. */
static struct lk_dedup *number_sites(const struct lk_analysis *a)
{
	struct lk_dedup *keys = lk_dedup_new(1);
	bool is_new;

	for (size_t i = 0; i < a->nr_sites; i++)
		lk_dedup_number(keys, &a->sites[i].key, &is_new);
	return keys;
}

/* The stack's frames as text; `list` has room for those of any stack before it. */
static const char *frame_list(struct lk_recording_writer *w, const struct lk_snapshot *s,
	const struct lk_stack *stack, const uint32_t *numbers, struct frame_list *list)
{
	if ((uint64_t)stack->first + stack->count > s->nr_frames) {
		w->invalid = "a stack whose frames are not there";
		return NULL;
	}
	if (stack->count > list->room) {
		list->room = 2 * stack->count;
		list->text = lk_xrealloc(list->text, LK_NUMBER_LIST_ROOM(list->room));
	}
	lk_number_list_write(numbers + stack->first, stack->count, list->text);
	return list->text;
}

/* Stacks without outstanding blocks may have no site: then NULL is written. */
void lk_writer_stacks(struct lk_recording_writer *w, const struct lk_snapshot *s,
	const struct lk_analysis *a, const uint32_t *numbers)
{
	struct frame_list list = {.text = lk_xmalloc(LK_NUMBER_LIST_ROOM(0))};
	struct lk_strings *names = lk_strings_new();
	struct lk_frames *frames = lk_frames_new(s, names);
	struct lk_dedup *keys = a ? number_sites(a) : NULL;
	struct lk_stack_facts facts;

	lk_writer_table(w, LK_TABLE_STACK);
	for (size_t i = 0; i < s->nr_stacks && lk_writer_going(w); i++) {
		const struct lk_stack *stack = &s->stacks[i];
		const char *text = frame_list(w, s, stack, numbers, &list);
		uint32_t site = LK_DEDUP_NONE;

		if (a && text) {
			lk_frames_judge(frames, s->frames + stack->first, stack->count, &facts);
			site = lk_dedup_find(keys, &facts.key);
		}
		lk_put_count(w, i);
		lk_put_unless(w, site, LK_DEDUP_NONE);
		lk_put_count(w, stack->allocated_blocks);
		lk_put_count(w, stack->allocated_bytes);
		lk_put_text(w, text);
		lk_writer_row_end(w);
	}
	free(list.text);
	lk_dedup_free(keys);
	lk_frames_free(frames);
	lk_strings_free(names);
}

static void write_verdict(struct lk_recording_writer *w, const struct lk_verdict *v)
{
	lk_writer_table(w, LK_TABLE_VERDICT);
	lk_put_text(w, lk_verdict_name(v->verdict_class));
	lk_put_real(w, v->growth_bytes_per_min);
	lk_put_real(w, v->confidence);
	lk_put_text(w, v->text);
	lk_writer_row_end(w);
}

static void put_judgement(struct lk_recording_writer *w, const struct lk_judgement *j)
{
	lk_put_real(w, j->growth_bytes_per_min);
	lk_put_real(w, j->growth_blocks_per_min);
	lk_put_real(w, j->probability);
	lk_put_real(w, j->number);
	lk_put_real(w, j->kept);
	lk_put_real(w, j->even);
	lk_put_real(w, j->lasting);
	lk_put_real(w, j->covered);
}

static void write_sites(
	struct lk_recording_writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	lk_writer_table(w, LK_TABLE_SITE);
	for (size_t i = 0; i < a->nr_sites && lk_writer_going(w); i++) {
		const struct lk_site *site = &a->sites[i];

		lk_put_count(w, i);
		lk_put_text(w, site->id);
		lk_put_text(w, site->manager);
		lk_put_text(w, lk_site_state_name(site->judgement.state));
		lk_put_index(w, site->stack, s->nr_stacks);
		lk_put_unless(w, site->responsible, LK_NO_FRAME);
		lk_put_count(w, site->nr_stacks);
		lk_put_count(w, site->bytes);
		lk_put_count(w, site->blocks);
		lk_put_count(w, site->allocated_bytes);
		lk_put_count(w, site->allocated_blocks);
		lk_put_count(w, site->freed_blocks);
		lk_put_count(w, site->oldest_ms);
		lk_put_count(w, site->median_ms);
		lk_put_count(w, site->youngest_ms);
		put_judgement(w, &site->judgement);
		lk_writer_row_end(w);
	}
}

static void write_samples(
	struct lk_recording_writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	uint64_t id = 0;

	lk_writer_table(w, LK_TABLE_SAMPLE);
	for (size_t i = 0; i < a->nr_sites; i++) {
		for (uint32_t k = 0; k < a->sites[i].nr_samples; k++) {
			lk_put_count(w, id++);
			lk_put_count(w, i);
			lk_put_index(w, a->sites[i].samples[k], s->nr_blocks);
			lk_writer_row_end(w);
		}
	}
}

static void write_patterns(struct lk_recording_writer *w, const struct lk_analysis *a)
{
	uint64_t id = 0;

	lk_writer_table(w, LK_TABLE_PATTERN);
	for (size_t i = 0; i < a->nr_sites && lk_writer_going(w); i++) {
		const struct lk_match *m = a->sites[i].match;

		if (!m)
			continue;
		lk_put_count(w, id++);
		lk_put_count(w, i);
		lk_put_text(w, m->id);
		lk_put_text(w, m->title);
		lk_put_real(w, m->confidence / 100.0);
		lk_put_text(w, m->explanation);
		lk_put_text(w, m->fix);
		lk_writer_row_end(w);
	}
}

static void write_evidence(struct lk_recording_writer *w, const struct lk_analysis *a)
{
	uint64_t id = 0, pattern = 0;

	lk_writer_table(w, LK_TABLE_EVIDENCE);
	for (size_t i = 0; i < a->nr_sites && lk_writer_going(w); i++) {
		const struct lk_match *m = a->sites[i].match;

		for (uint32_t k = 0; m && k < m->nr_evidence; k++) {
			lk_put_count(w, id++);
			lk_put_count(w, pattern);
			lk_put_text(w, m->evidence[k]);
			lk_writer_row_end(w);
		}
		pattern += m != NULL;
	}
}

static void write_share(
	struct lk_recording_writer *w, uint64_t *id, const char *kind, const struct lk_shares *rows)
{
	for (size_t i = 0; i < rows->nr_rows; i++) {
		lk_put_count(w, (*id)++);
		lk_put_text(w, kind);
		lk_put_text(w, rows->rows[i].name);
		lk_put_count(w, rows->rows[i].bytes);
		lk_put_count(w, rows->rows[i].blocks);
		lk_writer_row_end(w);
	}
}

void lk_writer_analysis(
	struct lk_recording_writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	uint64_t id = 0;

	if (!a)
		return;
	write_verdict(w, &a->verdict);
	write_sites(w, s, a);
	write_samples(w, s, a);
	write_patterns(w, a);
	write_evidence(w, a);
	lk_writer_table(w, LK_TABLE_SHARE);
	write_share(w, &id, "manager", &a->managers);
	write_share(w, &id, "module", &a->modules);
	write_share(w, &id, "function", &a->functions);
}
