/*
 * The engine.  Every distinct name of a stack is compared with all globs once and
 * becomes a set of bits; a signature is then held against a stack by bits alone.
 * The union of a stack's sets tells at once which signatures can't fit it, which is
 * nearly all of them.
 */
#include "leak/patterns.h"

#include "base/cursor.h"
#include "leak/naming.h"
#include "leak/pattern.h"
#include "leak/rules.h"
#include "leak/wording.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_MAX 3000
#define NAME_SHOWN   160

/* What is remembered of a name (its globs) or a module (its place), by its pointer. */
struct known {
	const void *key; /* NULL: the slot is free */
	size_t bits;	 /* where its set lies */
	enum lk_place place;
};

struct knowns {
	struct known *slots;
	size_t nr_slots, nr_used;
};

struct judge {
	const struct lk_patterns *p;
	const struct lk_snapshot *s;
	struct lk_analysis *a;
	struct lk_content_judge content;
	struct knowns names, modules;
	uint64_t *bits; /* sets, one behind the other */
	size_t nr_bits, bits_capacity;
	size_t words; /* of a set */

	/* the site in hand */
	const struct lk_site *site;
	const struct lk_frame *stack;
	uint32_t count;			  /* frames that are looked at */
	size_t sets[LK_PATTERN_FRAMES];	  /* of their names */
	uint64_t *any;			  /* union of these */
	const struct lk_signature *tried; /* and where its elements lie */
	uint32_t at[LK_PATTERN_ELEMENTS];
	uint64_t dead[LK_PATTERN_ELEMENTS][LK_PATTERN_FRAMES / 64 + 1];
};

/* ---- what is known of names and modules */

static void knowns_grow(struct knowns *k)
{
	size_t nr = k->nr_slots ? k->nr_slots * 2 : 256;
	struct known *slots = lk_xcalloc(nr, sizeof(*slots));

	for (size_t i = 0; i < k->nr_slots; i++) {
		size_t at = ((uintptr_t)k->slots[i].key * 0x9e3779b97f4a7c15ull >> 20) & (nr - 1);

		if (!k->slots[i].key)
			continue;
		while (slots[at].key)
			at = (at + 1) & (nr - 1);
		slots[at] = k->slots[i];
	}
	free(k->slots);
	k->slots = slots;
	k->nr_slots = nr;
}

/* Gives the slot of key; one that is new has key NULL and is the caller's to fill. */
static struct known *knowns_find(struct knowns *k, const void *key)
{
	size_t at;

	if (k->nr_used * 2 >= k->nr_slots)
		knowns_grow(k);
	at = ((uintptr_t)key * 0x9e3779b97f4a7c15ull >> 20) & (k->nr_slots - 1);
	while (k->slots[at].key && k->slots[at].key != key)
		at = (at + 1) & (k->nr_slots - 1);
	k->nr_used += !k->slots[at].key;
	return &k->slots[at];
}

/* A frame without a name is the name "": only "*" fits it. */
static size_t set_of(struct judge *j, const char *function)
{
	static const char nameless[] = "";
	const char *key = function ? function : nameless;
	struct known *k = knowns_find(&j->names, key);
	char name[LK_NAME_MAX];

	if (k->key)
		return k->bits;
	lk_name_normalise(key, name, sizeof(name));
	lk_pattern_canonical(name);
	*k = (struct known){.key = key, .bits = j->nr_bits};
	for (size_t w = 0; w < j->words; w++) {
		j->bits = lk_grow(j->bits, j->nr_bits, &j->bits_capacity, sizeof(*j->bits));
		j->bits[j->nr_bits++] = 0;
	}
	for (size_t i = 0; i < j->p->nr_globs; i++)
		if (lk_glob(j->p->globs[i], name))
			j->bits[k->bits + i / 64] |= 1ull << (i % 64);
	return k->bits;
}

static enum lk_place place_of(struct judge *j, const char *module)
{
	struct known *k = knowns_find(&j->modules, module);

	if (!k->key)
		*k = (struct known){.key = module, .place = lk_place_of(module)};
	return k->place;
}

static bool in_set(const uint64_t *set, uint32_t glob)
{
	return set[glob / 64] >> (glob % 64) & 1;
}

/* One of the names fits, and none of the negated ones. */
static bool list_fits(const struct judge *j, const struct lk_glob_list *list, const uint64_t *set)
{
	bool fits = !list->positive;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct lk_glob_use *use = &j->p->uses[list->first + i];

		if (!in_set(set, use->glob))
			continue;
		if (use->negated)
			return false;
		fits = true;
	}
	return fits;
}

/* Could one of the stack's names fit?  Negated names say nothing of other frames. */
static bool list_may_fit(
	const struct judge *j, const struct lk_glob_list *list, const uint64_t *any)
{
	for (uint32_t i = 0; i < list->count && list->positive; i++) {
		const struct lk_glob_use *use = &j->p->uses[list->first + i];

		if (!use->negated && in_set(any, use->glob))
			return true;
	}
	return !list->positive;
}

/* ---- a signature against a stack */

/* Native code that is neither a runtime's nor the system's. */
static bool is_library(struct judge *j, const struct lk_frame *f)
{
	enum lk_place place;

	if (f->origin != LK_ORIGIN_NATIVE || !f->module)
		return false;
	place = place_of(j, f->module);
	return place == LK_PLACE_USER || place == LK_PLACE_LIBRARY;
}

static bool frame_fits(struct judge *j, const struct lk_element *e, uint32_t i)
{
	const struct lk_frame *f = &j->stack[i];

	if (!list_fits(j, &e->names, j->bits + j->sets[i]))
		return false;
	if (e->origins && !(e->origins >> f->origin & 1))
		return false;
	if ((e->framework && !f->framework) || (e->library && !is_library(j, f)))
		return false;
	if (e->responsible && i != j->site->responsible)
		return false;
	if (e->module && !(f->module && lk_glob(e->module, lk_base_name(f->module))))
		return false;
	return !e->file || (f->file && lk_glob(e->file, f->file));
}

static bool fits_from(struct judge *j, uint32_t element, uint32_t frame);

static bool gap_fits(struct judge *j, uint32_t element, uint32_t frame)
{
	const struct lk_element *e = &j->tried->elements[element];

	for (uint32_t k = 0; k <= e->longest; k++) {
		if (fits_from(j, element + 1, frame + k))
			return true;
		if (frame + k >= j->count)
			return false;
		if (!e->beyond && j->site->users && frame + k == j->site->responsible)
			return false;
	}
	return false;
}

static bool element_fits(struct judge *j, uint32_t element, uint32_t frame)
{
	const struct lk_element *e = &j->tried->elements[element];

	if (e->kind == LK_ELEMENT_GAP)
		return gap_fits(j, element, frame);
	if (frame < j->count && frame_fits(j, e, frame) && fits_from(j, element + 1, frame + 1)) {
		j->at[element] = frame;
		return true;
	}
	return e->kind == LK_ELEMENT_MAYBE && fits_from(j, element + 1, frame);
}

/* What did not fit once is not tried again, so the work is bounded. */
static bool fits_from(struct judge *j, uint32_t element, uint32_t frame)
{
	if (element == j->tried->nr_elements)
		return true;
	if (j->dead[element][frame / 64] >> (frame % 64) & 1)
		return false;
	if (element_fits(j, element, frame))
		return true;
	j->dead[element][frame / 64] |= 1ull << (frame % 64);
	return false;
}

static bool signature_fits(struct judge *j, const struct lk_signature *s)
{
	for (uint32_t i = 0; i < s->nr_elements; i++)
		if (s->elements[i].kind == LK_ELEMENT_FRAME &&
			!list_may_fit(j, &s->elements[i].names, j->any))
			return false;
	j->tried = s;
	memset(j->dead, 0, sizeof(j->dead));
	memset(j->at, 0xff, sizeof(j->at));
	return fits_from(j, 0, 0);
}

/* ---- the other conditions */

static bool manager_fits(const struct judge *j, const struct lk_pattern *row)
{
	const struct lk_glob_list *list = &row->managers;
	char name[LK_NAME_MAX];
	bool fits = !list->positive;

	/* A manager is no function: it is compared as it stands. */
	snprintf(name, sizeof(name), "%s", j->site->manager);
	lk_pattern_canonical(name);
	for (uint32_t i = 0; i < list->count; i++) {
		const struct lk_glob_use *use = &j->p->uses[list->first + i];

		if (!lk_glob(j->p->globs[use->glob], name))
			continue;
		if (use->negated)
			return false;
		fits = true;
	}
	return fits;
}

static bool any_without(const struct judge *j, const struct lk_pattern *row)
{
	for (uint32_t i = 0; i < row->without.count; i++)
		if (in_set(j->any, j->p->uses[row->without.first + i].glob))
			return true;
	return false;
}

/* Nearly all is freed and nothing grows: blocks that come and go. */
static bool is_churn(const struct judge *j, const struct lk_pattern *row)
{
	const struct lk_site *site = j->site;

	if (row->churn >= LK_PATTERN_CHURN_NEVER || site->judgement.state == LK_SITE_GROWING)
		return false;
	return (double)site->freed_blocks * 100 > (double)site->allocated_blocks * row->churn;
}

static bool size_fits(const struct judge *j, const struct lk_pattern *row)
{
	if (!row->size_least && row->size_most == UINT64_MAX)
		return true;
	return j->site->nr_sizes && j->site->sizes[0].size >= row->size_least &&
	       j->site->sizes[0].size <= row->size_most;
}

/* Does the block begin with an address inside a module, as one that has a vtable does? */
static bool is_object(const struct lk_snapshot *s, const struct lk_content *content)
{
	struct lk_cursor c = lk_cursor_over(
		content->bytes, content->size < LK_CONTENT_MAX ? content->size : LK_CONTENT_MAX);
	uint64_t address = lk_cursor_u64(&c);

	for (size_t i = 0; i < s->nr_modules && !c.bad; i++)
		if (address >= s->modules[i].start && address < s->modules[i].end)
			return true;
	return false;
}

static bool needs_object(const struct lk_pattern *row)
{
	return row->content && !strcmp(row->content, LK_PATTERN_OBJECT);
}

/* How many of the site's samples were read, and how many are of the pattern's kind. */
static void read_samples(
	const struct judge *j, const struct lk_pattern *row, uint32_t *ret_read, uint32_t *ret_fit)
{
	const struct lk_site *site = j->site;

	*ret_read = *ret_fit = 0;
	for (uint32_t i = 0; i < site->nr_samples; i++) {
		const struct lk_block *b = &j->s->blocks[site->samples[i]];
		const struct lk_content *c = lk_snapshot_content(j->s, b->address);

		if (!c || (!needs_object(row) && !j->content.is))
			continue;
		++*ret_read;
		if (needs_object(row))
			*ret_fit += is_object(j->s, c);
		else
			*ret_fit += j->content.is(c, b->size, row->content);
	}
}

/* ---- what is said of a match */

struct sentence {
	char text[SENTENCE_MAX];
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void say(struct sentence *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->size, sizeof(s->text) - s->size, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->size += (size_t)n;
	if (s->size >= sizeof(s->text))
		s->size = sizeof(s->text) - 1;
}

/* The name as people use it: without the tag of a generated frame. */
static void say_name(struct sentence *s, const struct lk_frame *f)
{
	char name[LK_NAME_MAX];
	const char *at = name, *tag;

	if (!f->function) {
		say(s, "0x%" PRIx64, f->address);
		return;
	}
	lk_name_normalise(f->function, name, sizeof(name));
	tag = strncmp(name, "(wrapper ", 9) ? NULL : strstr(name, ") ");
	if (tag)
		at = tag + 2;
	say(s, "%.*s", NAME_SHOWN, at);
}

static void say_responsible(struct sentence *s, const struct judge *j)
{
	const struct lk_frame *f = lk_site_frame(j->s, j->site);

	if (!f) {
		say(s, "an unknown place");
		return;
	}
	if (f->file && f->line)
		say(s, "%.*s:%" PRIu32 " in ", NAME_SHOWN, lk_base_name(f->file), f->line);
	say_name(s, f);
}

static void say_named(struct sentence *s, const struct judge *j, const char *name, size_t size)
{
	for (uint32_t i = 0; i < j->tried->nr_elements; i++) {
		const char *as = j->tried->elements[i].as;

		if (as && strlen(as) == size && !memcmp(as, name, size)) {
			say_name(s, &j->stack[j->at[i]]);
			return;
		}
	}
	say_responsible(s, j);
}

/* A text of the pattern with its {NAME}s filled in. */
static const char *filled(const struct judge *j, const char *text)
{
	struct sentence s = {.size = 0};

	for (;;) {
		size_t n = strcspn(text, "{");
		size_t name;

		say(&s, "%.*s", (int)n, text);
		text += n;
		if (!*text)
			break;
		name = strcspn(++text, "}");
		say_named(&s, j, text, name);
		text += name + (text[name] == '}');
	}
	return lk_strings_add(j->a->strings, s.text);
}

static void add_evidence(const struct judge *j, struct lk_match *m, const char *text)
{
	if (m->nr_evidence < LK_MATCH_EVIDENCE)
		m->evidence[m->nr_evidence++] = lk_strings_add(j->a->strings, text);
}

/* The frames that fit, with their numbers in the stack. */
static void add_frames(const struct judge *j, struct lk_match *m)
{
	struct sentence s = {.size = 0};
	const char *before = "frames: ";

	for (uint32_t i = 0; i < j->tried->nr_elements; i++) {
		uint32_t at = j->at[i];

		if (j->tried->elements[i].kind == LK_ELEMENT_GAP || at == UINT32_MAX)
			continue;
		say(&s, "%s", before);
		say_name(&s, &j->stack[at]);
		say(&s, " (%" PRIu32 ")", at);
		before = ", called by ";
	}
	add_evidence(j, m, s.text);
}

static void add_counts(const struct judge *j, const struct lk_pattern *row, struct lk_match *m)
{
	const struct lk_site *site = j->site;
	char a[LK_WORDING_MAX], b[LK_WORDING_MAX], p[LK_WORDING_MAX];
	double all = site->allocated_blocks ? (double)site->allocated_blocks : 1;
	struct sentence s = {.size = 0};

	say(&s, "%s of %s block%s allocated here %s freed (%s)",
		lk_word_count(a, site->freed_blocks), lk_word_count(b, site->allocated_blocks),
		site->allocated_blocks == 1 ? "" : "s", site->freed_blocks == 1 ? "was" : "were",
		lk_word_percent(p, (double)site->freed_blocks * 100 / all));
	if (row->release)
		say(&s, "; what frees them: %s", row->release);
	add_evidence(j, m, s.text);
	if (row->size_least || row->size_most != UINT64_MAX) {
		s.size = 0;
		say(&s, "most blocks have %s bytes, as the pattern wants",
			lk_word_count(a, site->sizes[0].size));
		add_evidence(j, m, s.text);
	}
}

static void add_content(const struct judge *j, const struct lk_pattern *row, uint32_t nr_read,
	uint32_t nr_fit, struct lk_match *m)
{
	struct sentence s = {.size = 0};

	if (!row->content)
		return;
	if (needs_object(row))
		say(&s,
			"%" PRIu32 " of %" PRIu32
			" blocks that were read begin with an address in a module",
			nr_fit, nr_read);
	else if (nr_read)
		say(&s, "%" PRIu32 " of %" PRIu32 " blocks that were read hold a text of kind %s",
			nr_fit, nr_read, row->content);
	else
		say(&s, "no block was read, so that they hold a text of kind %s is not checked",
			row->content);
	add_evidence(j, m, s.text);
}

/* ---- sites */

static bool row_fits(struct judge *j, const struct lk_pattern *row)
{
	if (any_without(j, row) || is_churn(j, row) || !size_fits(j, row) || !manager_fits(j, row))
		return false;
	for (size_t i = 0; i < row->nr_signatures; i++)
		if (signature_fits(j, &row->signatures[i]))
			return true;
	return false;
}

/* False where the contents speak against the pattern. */
static bool make_match(struct judge *j, const struct lk_pattern *row, struct lk_match *m)
{
	uint32_t nr_read = 0, nr_fit = 0;

	if (row->content)
		read_samples(j, row, &nr_read, &nr_fit);
	if (nr_read ? nr_fit * 2 < nr_read : needs_object(row))
		return false;
	*m = (struct lk_match){
		.id = lk_strings_add(j->a->strings, row->id),
		.title = filled(j, row->title),
		.explanation = filled(j, row->explanation),
		.fix = filled(j, row->fix),
		.confidence = row->confidence,
	};
	/* Contents that nobody could read leave a tenth of doubt. */
	if (row->content && !nr_read)
		m->confidence -= m->confidence / 10;
	add_frames(j, m);
	add_content(j, row, nr_read, nr_fit, m);
	add_counts(j, row, m);
	for (uint32_t i = 0; i < row->nr_evidence; i++)
		add_evidence(j, m, filled(j, row->evidence[i]));
	return true;
}

static void take_site(struct judge *j, const struct lk_site *site)
{
	uint32_t count;

	j->site = site;
	j->stack = lk_stack_frames(j->s, site->stack, &count);
	j->count = count < LK_PATTERN_FRAMES ? count : LK_PATTERN_FRAMES;
	for (uint32_t i = 0; i < j->count; i++)
		j->sets[i] = set_of(j, j->stack[i].function);
	memset(j->any, 0, j->words * sizeof(*j->any));
	for (uint32_t i = 0; i < j->count; i++)
		for (size_t w = 0; w < j->words; w++)
			j->any[w] |= j->bits[j->sets[i] + w];
}

static void judge_site(struct judge *j, struct lk_site *site, struct lk_match *m)
{
	take_site(j, site);
	for (size_t i = 0; i < j->p->nr_rows && !site->match; i++)
		if (row_fits(j, &j->p->rows[i]) && make_match(j, &j->p->rows[i], m))
			site->match = m;
}

void lk_patterns_judge(const struct lk_patterns *patterns, const struct lk_snapshot *snapshot,
	struct lk_analysis *analysis, size_t nr_sites, struct lk_content_judge content)
{
	struct judge j = {
		.p = patterns,
		.s = snapshot,
		.a = analysis,
		.content = content,
		.words = patterns->nr_globs / 64 + 1,
	};

	if (nr_sites > analysis->nr_sites)
		nr_sites = analysis->nr_sites;
	j.any = lk_xcalloc(j.words, sizeof(*j.any));
	analysis->matches = lk_xcalloc(nr_sites, sizeof(*analysis->matches));
	for (size_t i = 0; i < nr_sites; i++)
		judge_site(&j, &analysis->sites[i], &analysis->matches[i]);
	free(j.any);
	free(j.bits);
	free(j.names.slots);
	free(j.modules.slots);
}
