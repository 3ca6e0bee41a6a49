/*
 * The lines of pattern texts (docs/PATTERNS.md) and what a whole pattern must have.
 * pattern_read.h latches what is wrong; loops ask once per line.
 */
#include "leak/naming.h"
#include "leak/pattern_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void lk_pattern_canonical(char *name)
{
	char *out = name;

	for (; *name; name++) {
		if (*name == ':' && name[1] == ':')
			name++;
		*out++ = (char)(strchr(":/+", *name) ? '.' : *name);
	}
	*out = '\0';
}

/* ---- globs */

static uint32_t glob_number(struct lk_pattern_reader *r, const char *text)
{
	struct lk_patterns *p = r->p;

	for (size_t i = 0; i < p->nr_globs; i++)
		if (p->globs[i] == text) /* strings are interned */
			return (uint32_t)i;
	if (p->nr_globs == LK_PATTERN_GLOBS_MAX) {
		lk_read_blame(r, "there are too many different names", "4,096 in all patterns");
		return 0;
	}
	p->globs = lk_grow(p->globs, p->nr_globs, &p->globs_capacity, sizeof(*p->globs));
	p->globs[p->nr_globs] = text;
	return (uint32_t)p->nr_globs++;
}

static void add_glob(
	struct lk_pattern_reader *r, const char *at, size_t size, struct lk_glob_list *list)
{
	struct lk_patterns *p = r->p;
	bool negated = size && *at == '!';
	char name[LK_NAME_MAX];

	while (size > negated && lk_read_blank(at[size - 1]))
		size--;
	at += negated;
	size -= negated;
	if (!size || size >= sizeof(name) || lk_read_is(at, lk_read_word(at, at + size), "|")) {
		lk_read_blame_at(r, at, "a name is missing here, or too long",
			"names are separated by \" | \"; none is empty");
		return;
	}
	memcpy(name, at, size);
	name[size] = '\0';
	lk_pattern_canonical(name);
	p->uses = lk_grow(p->uses, p->nr_uses, &p->uses_capacity, sizeof(*p->uses));
	p->uses[p->nr_uses++] = (struct lk_glob_use){
		.glob = glob_number(r, lk_strings_add(p->strings, name)),
		.negated = negated,
	};
	list->count++;
	list->positive |= !negated;
}

/* "A | B | !C" to the line's end.  A '|' without blanks belongs to a name. */
static void take_globs(struct lk_pattern_reader *r, struct lk_glob_list *list)
{
	*list = (struct lk_glob_list){.first = (uint32_t)r->p->nr_uses};
	do {
		const char *start, *bar;

		lk_read_skip(r);
		start = r->at;
		bar = memmem(start, lk_read_left(r), " | ", 3);
		r->at = bar ? bar : r->end;
		add_glob(r, start, (size_t)(r->at - start), list);
		r->at += bar ? 3 : 0;
		if (bar && r->at == r->end)
			lk_read_blame(
				r, "a name is missing here, or too long", "a name after the \"|\"");
	} while (lk_read_going(r) && r->at < r->end);
}

/* ---- signatures */

static struct lk_element *element_new(struct lk_pattern_reader *r, enum lk_element_kind kind)
{
	struct lk_pattern *row = r->row;
	struct lk_signature *s;

	if (!row->nr_signatures) {
		lk_read_blame(r, "there is no signature that this could belong to",
			"a line \"stack\" before the first frame");
		return NULL;
	}
	s = &row->signatures[row->nr_signatures - 1];
	if (s->nr_elements == LK_PATTERN_ELEMENTS) {
		lk_read_blame(r, "the signature is too long", "at most 12 frames and gaps");
		return NULL;
	}
	s->elements[s->nr_elements] = (struct lk_element){.kind = kind, .longest = UINT32_MAX};
	return &s->elements[s->nr_elements++];
}

static const char *condition_value(
	struct lk_pattern_reader *r, const char *at, size_t size, size_t key)
{
	if (size > key)
		return lk_strings_add_n(r->p->strings, at + key, size - key);
	lk_read_blame_at(
		r, at + size, "a value is missing here", "it stands right behind the \"=\"");
	return NULL;
}

static const char *take_as(struct lk_pattern_reader *r, const char *at, size_t size)
{
	for (size_t i = 3; i < size; i++)
		if (!islower((unsigned char)at[i]))
			lk_read_blame_at(
				r, at + i, "a frame's name has small letters only", "as=call");
	return condition_value(r, at, size, 3);
}

static void take_condition(
	struct lk_pattern_reader *r, const char *at, size_t size, struct lk_element *e)
{
	if (lk_read_is(at, size, "native"))
		e->origins |= 1u << LK_ORIGIN_NATIVE;
	else if (lk_read_is(at, size, "managed"))
		e->origins |= 1u << LK_ORIGIN_MANAGED;
	else if (lk_read_is(at, size, "generated"))
		e->origins |= 1u << LK_ORIGIN_GENERATED;
	else if (lk_read_is(at, size, "framework"))
		e->framework = true;
	else if (lk_read_is(at, size, "library"))
		e->library = true;
	else if (lk_read_is(at, size, "responsible"))
		e->responsible = true;
	else if (size >= 7 && !memcmp(at, "module=", 7))
		e->module = condition_value(r, at, size, 7);
	else if (size >= 5 && !memcmp(at, "file=", 5))
		e->file = condition_value(r, at, size, 5);
	else if (size >= 3 && !memcmp(at, "as=", 3))
		e->as = take_as(r, at, size);
	else
		lk_read_blame_word(r, at, size, "there is no such condition",
			"native, managed, generated, framework, library, responsible, "
			"module=GLOB, file=GLOB, as=NAME");
}

/* "[native library as=callee]"; a name may begin with '[' no more than with a blank. */
static void take_conditions(struct lk_pattern_reader *r, struct lk_element *e)
{
	const char *close;

	lk_read_skip(r);
	if (r->at == r->end || *r->at != '[')
		return;
	close = memchr(r->at, ']', lk_read_left(r));
	if (!close) {
		lk_read_blame(r, "the bracket is not closed", "[CONDITION ...] before the names");
		return;
	}
	for (r->at++; lk_read_going(r) && r->at < close;) {
		size_t n;

		lk_read_skip(r);
		n = lk_read_word(r->at, close);
		if (n)
			take_condition(r, r->at, n, e);
		r->at += n;
	}
	r->at = close + 1;
}

static void take_frame(struct lk_pattern_reader *r, enum lk_element_kind kind)
{
	struct lk_element *e = element_new(r, kind);

	if (!e)
		return;
	take_conditions(r, e);
	if (e->as && kind == LK_ELEMENT_MAYBE)
		lk_read_blame(
			r, "a frame that may be missing bears no name", "frame [as=NAME] ...");
	take_globs(r, &e->names);
}

static void take_gap(struct lk_pattern_reader *r)
{
	struct lk_element *e = element_new(r, LK_ELEMENT_GAP);
	size_t n;

	if (!e)
		return;
	lk_read_skip(r);
	n = lk_read_word(r->at, r->end);
	if (lk_read_is(r->at, n, "beyond")) {
		e->beyond = true;
		r->at += n;
		lk_read_skip(r);
	}
	if (r->at < r->end)
		e->longest = (uint32_t)lk_read_number(r, LK_PATTERN_FRAMES);
	lk_read_nothing(r);
}

static void take_stack(struct lk_pattern_reader *r)
{
	struct lk_pattern *row = r->row;

	lk_read_nothing(r);
	if (row->nr_signatures == LK_PATTERN_SIGNATURES) {
		lk_read_blame(r, "there are too many signatures", "at most 8 of a pattern");
		return;
	}
	row->signatures = lk_grow(row->signatures, row->nr_signatures, &row->signatures_capacity,
		sizeof(*row->signatures));
	row->signatures[row->nr_signatures++] = (struct lk_signature){0};
}

/* ---- the other lines of a pattern */

static void take_size(struct lk_pattern_reader *r)
{
	struct lk_pattern *row = r->row;

	row->size_least = lk_read_number(r, INT64_MAX);
	row->size_most = row->size_least;
	if (lk_read_left(r) >= 2 && !memcmp(r->at, "..", 2)) {
		r->at += 2;
		row->size_most = r->at < r->end ? lk_read_number(r, INT64_MAX) : UINT64_MAX;
	}
	if (row->size_most < row->size_least)
		lk_read_blame(r, "the largest size is below the smallest", "size LEAST..MOST");
	lk_read_nothing(r);
}

static void take_content(struct lk_pattern_reader *r)
{
	static const char *const kinds[] = {"bstr", "utf-16", "utf-8", LK_PATTERN_OBJECT};
	size_t n = lk_read_word(r->at, r->end);

	for (size_t i = 0; i < LK_ARRAY_SIZE(kinds); i++)
		if (lk_read_is(r->at, n, kinds[i]))
			r->row->content = kinds[i];
	if (!r->row->content)
		lk_read_blame_word(
			r, r->at, n, "there is no such content", "bstr, utf-16, utf-8 or object");
	r->at += n;
	lk_read_nothing(r);
}

static uint32_t take_percent(struct lk_pattern_reader *r)
{
	uint32_t v = (uint32_t)lk_read_number(r, 100);

	lk_read_nothing(r);
	return v;
}

static void take_evidence(struct lk_pattern_reader *r)
{
	struct lk_pattern *row = r->row;

	if (row->nr_evidence == LK_PATTERN_EVIDENCE)
		lk_read_blame(r, "there is too much evidence", "at most 4 sentences");
	else
		row->evidence[row->nr_evidence++] = lk_read_text(r, NULL);
}

static void take_without(struct lk_pattern_reader *r)
{
	struct lk_glob_list *list = &r->row->without;

	take_globs(r, list);
	for (uint32_t i = 0; i < list->count && lk_read_going(r); i++)
		if (r->p->uses[list->first + i].negated)
			lk_read_blame(r, "\"!\" says nothing here", "names without it");
}

/* False where the keyword is none. */
static bool take_line(struct lk_pattern_reader *r, const char *key, size_t n)
{
	struct lk_pattern *row = r->row;

	lk_read_skip(r);
	if (lk_read_is(key, n, "title"))
		row->title = lk_read_text(r, row->title);
	else if (lk_read_is(key, n, "runtime"))
		row->runtime = lk_read_text(r, row->runtime);
	else if (lk_read_is(key, n, "explain"))
		row->explanation = lk_read_text(r, row->explanation);
	else if (lk_read_is(key, n, "fix"))
		row->fix = lk_read_text(r, row->fix);
	else if (lk_read_is(key, n, "release"))
		row->release = lk_read_text(r, row->release);
	else if (lk_read_is(key, n, "evidence"))
		take_evidence(r);
	else if (lk_read_is(key, n, "stack"))
		take_stack(r);
	else if (lk_read_is(key, n, "frame"))
		take_frame(r, LK_ELEMENT_FRAME);
	else if (lk_read_is(key, n, "maybe"))
		take_frame(r, LK_ELEMENT_MAYBE);
	else if (lk_read_is(key, n, "gap"))
		take_gap(r);
	else if (lk_read_is(key, n, "without"))
		take_without(r);
	else if (lk_read_is(key, n, "manager"))
		take_globs(r, &row->managers);
	else if (lk_read_is(key, n, "size"))
		take_size(r);
	else if (lk_read_is(key, n, "content"))
		take_content(r);
	else if (lk_read_is(key, n, "churn"))
		row->churn = take_percent(r);
	else if (lk_read_is(key, n, "confidence"))
		row->confidence = take_percent(r);
	else
		return false;
	return true;
}

/* ---- whole patterns */

/* Is there a frame [as=name] in every signature? */
static bool is_named(const struct lk_pattern *row, const char *name, size_t size)
{
	for (size_t i = 0; i < row->nr_signatures; i++) {
		const struct lk_signature *s = &row->signatures[i];
		bool found = false;

		for (uint32_t k = 0; k < s->nr_elements; k++)
			found |= s->elements[k].as && lk_read_is(name, size, s->elements[k].as);
		if (!found)
			return false;
	}
	return true;
}

static void check_text(struct lk_pattern_reader *r, const char *text)
{
	while (text && (text = strchr(text, '{'))) {
		size_t n = strcspn(++text, "}");

		if (!text[n])
			lk_read_blame(
				r, "a text of this pattern has a \"{\" without \"}\"", "{NAME}");
		else if (!lk_read_is(text, n, "responsible") && !is_named(r->row, text, n))
			lk_read_blame_word(r, r->at, 0,
				"a text of this pattern has a {NAME} that is not as=NAME of a frame "
				"of every signature",
				"{responsible}, or a frame [as=NAME] in each");
	}
}

static void check_signature(struct lk_pattern_reader *r, const struct lk_signature *s)
{
	bool named = false;

	if (!s->nr_elements) {
		lk_read_blame(r, "a signature of this pattern is empty", "a \"frame\" in it");
		return;
	}
	for (uint32_t i = 0; i < s->nr_elements; i++) {
		const struct lk_element *e = &s->elements[i];

		named |= e->kind == LK_ELEMENT_FRAME && (e->library || e->module || e->file);
		for (uint32_t k = 0; e->kind == LK_ELEMENT_FRAME && k < e->names.count; k++) {
			const struct lk_glob_use *use = &r->p->uses[e->names.first + k];

			named |= !use->negated && strcmp(r->p->globs[use->glob], "*");
		}
	}
	if (!named)
		lk_read_blame(r,
			"a signature of this pattern names no frame, so it would fit any stack",
			"a \"frame\" with a name, or [library], [module=] or [file=]");
	else if (s->elements[s->nr_elements - 1].kind == LK_ELEMENT_GAP)
		lk_read_blame(r, "a signature of this pattern ends in a gap", "a frame at its end");
}

/* The pattern that was being read is whole. */
static void finish_row(struct lk_pattern_reader *r)
{
	const struct lk_pattern *row = r->row;

	if (!row || !lk_read_going(r))
		return;
	if (!row->title || !row->explanation || !row->fix || !row->nr_signatures)
		lk_read_blame(r,
			"the pattern before this line lacks a title, stack, explain or fix",
			"all four are needed");
	for (size_t i = 0; i < row->nr_signatures; i++)
		check_signature(r, &row->signatures[i]);
	check_text(r, row->title);
	check_text(r, row->explanation);
	check_text(r, row->fix);
	for (uint32_t i = 0; i < row->nr_evidence; i++)
		check_text(r, row->evidence[i]);
	if (!lk_read_going(r))
		r->wrong_line = r->row_line, r->wrong_column = 1;
}

static bool is_id(const char *at, size_t size)
{
	if (!size || size > LK_PATTERN_ID_MAX || !isalpha((unsigned char)*at))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)at[i]) && at[i] != '-')
			return false;
	return true;
}

static void take_pattern(struct lk_pattern_reader *r)
{
	struct lk_patterns *p = r->p;
	size_t n;

	finish_row(r);
	lk_read_skip(r);
	n = lk_read_word(r->at, r->end);
	if (!is_id(r->at, n))
		lk_read_blame_word(r, r->at, n, "this is no id of a pattern",
			"a letter, then letters, digits and \"-\", at most 15");
	for (size_t i = r->first_row; i < p->nr_rows; i++)
		if (lk_read_is(r->at, n, p->rows[i].id))
			lk_read_blame_word(
				r, r->at, n, "this id is taken by a pattern above", "another one");
	if (!lk_read_going(r))
		return;
	p->rows = lk_grow(p->rows, p->nr_rows, &p->rows_capacity, sizeof(*p->rows));
	r->row = &p->rows[p->nr_rows++];
	*r->row = (struct lk_pattern){
		.id = lk_strings_add_n(p->strings, r->at, n),
		.size_most = UINT64_MAX,
		.churn = LK_PATTERN_CHURN,
		.confidence = LK_PATTERN_CONFIDENCE,
	};
	r->row_line = r->nr_line;
	r->at += n;
	lk_read_nothing(r);
}

void lk_pattern_line(struct lk_pattern_reader *r)
{
	const char *key;
	size_t n;

	lk_read_skip(r);
	if (r->at == r->end || *r->at == '#')
		return;
	key = r->at;
	n = lk_read_word(key, r->end);
	r->at += n;
	if (r->ended) {
		lk_read_blame_at(
			r, key, "there is text after the line \"end\"", "\"end\" at the very end");
	} else if (lk_read_is(key, n, "pattern")) {
		take_pattern(r);
	} else if (lk_read_is(key, n, "end")) {
		finish_row(r);
		lk_read_nothing(r);
		r->ended = true;
	} else if (!r->row) {
		lk_read_blame_word(
			r, key, n, "this line belongs to no pattern", "\"pattern ID\" first");
	} else if (!take_line(r, key, n)) {
		lk_read_blame_word(r, key, n, "there is no such keyword",
			"pattern, title, runtime, stack, frame, maybe, gap, without, manager, size, "
			"content, churn, confidence, release, evidence, explain, fix, end");
	}
}
