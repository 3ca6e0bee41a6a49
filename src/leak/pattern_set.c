/* Pattern texts as a whole: first and last line, messages, and the set that they fill. */
#include "leak/pattern_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "leakline-patterns 1"

static void check_bytes(struct lk_pattern_reader *r)
{
	for (const char *at = r->at; at < r->end; at++)
		if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
			lk_read_blame_at(r, at, "a character that is no text", "plain text");
}

static void parse_header(struct lk_pattern_reader *r)
{
	lk_read_skip(r);
	if (r->at == r->end || *r->at == '#')
		return;
	if (!lk_read_is(r->at, lk_read_left(r), FIRST_LINE))
		lk_read_blame(r, "this is no text of patterns, or one of another version",
			"\"" FIRST_LINE "\" as the first line");
	r->headed = true;
}

static void parse_lines(struct lk_pattern_reader *r, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end && lk_read_going(r)) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		r->line = r->at = text;
		r->end = newline ? newline : end;
		r->nr_line++;
		text = newline ? newline + 1 : end;
		if (r->end > r->at && r->end[-1] == '\r')
			r->end--;
		check_bytes(r);
		if (r->headed)
			lk_pattern_line(r);
		else
			parse_header(r);
	}
	if (!r->ended)
		lk_read_blame(r, "the text is cut off", "\"end\" as the last line");
}

static int fail(const struct lk_pattern_reader *r, const char *name, struct lk_err *err)
{
	const char *quote = r->word[0] ? "\"" : "";

	lk_fail(err, -EBADMSG, "%s, line %u, column %u: %s%s%s%s%s", name, r->wrong_line,
		r->wrong_column, r->wrong, r->word[0] ? ": " : "", quote, r->word, quote);
	lk_remedy(err, "write there: %s (docs/PATTERNS.md describes the lines)", r->right);
	return -EBADMSG;
}

static void drop_rows(struct lk_patterns *p, size_t first)
{
	for (size_t i = first; i < p->nr_rows; i++)
		free(p->rows[i].signatures);
	p->nr_rows = first;
}

/* Patterns whose id an earlier text has give way to it. */
static void drop_known(struct lk_patterns *p, size_t first)
{
	size_t n = first;

	for (size_t i = first; i < p->nr_rows; i++) {
		bool known = false;

		for (size_t k = 0; k < first; k++)
			known |= p->rows[k].id == p->rows[i].id; /* interned */
		if (known)
			free(p->rows[i].signatures);
		else
			p->rows[n++] = p->rows[i];
	}
	p->nr_rows = n;
}

int lk_patterns_add(struct lk_patterns *patterns, const char *text, size_t size, const char *name,
	struct lk_err *err)
{
	struct lk_pattern_reader r = {
		.p = patterns,
		.first_row = patterns->nr_rows,
		.line = text,
		.at = text,
		.end = text,
		.nr_line = size == 0,
	};

	parse_lines(&r, text, size);
	if (!lk_read_going(&r)) {
		drop_rows(patterns, r.first_row);
		return fail(&r, name, err);
	}
	drop_known(patterns, r.first_row);
	return 0;
}

struct lk_patterns *lk_patterns_new(void)
{
	struct lk_patterns *p = lk_xcalloc(1, sizeof(*p));

	p->strings = lk_strings_new();
	return p;
}

struct lk_patterns *lk_patterns_free(struct lk_patterns *p)
{
	if (!p)
		return NULL;
	drop_rows(p, 0);
	free(p->rows);
	free(p->globs);
	free(p->uses);
	lk_strings_free(p->strings);
	free(p);
	return NULL;
}

size_t lk_patterns_count(const struct lk_patterns *patterns)
{
	return patterns->nr_rows;
}

const char *lk_patterns_id(const struct lk_patterns *patterns, size_t index)
{
	return patterns->rows[index].id;
}
