#include "leak/pattern_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is wrong */

bool lk_read_going(const struct lk_pattern_reader *r)
{
	return !r->wrong;
}

void lk_read_blame_at(
	struct lk_pattern_reader *r, const char *at, const char *what, const char *right)
{
	if (r->wrong)
		return;
	r->wrong = what;
	r->right = right;
	r->wrong_line = r->nr_line;
	r->wrong_column = (uint32_t)(at - r->line) + 1;
}

void lk_read_blame(struct lk_pattern_reader *r, const char *what, const char *right)
{
	lk_read_blame_at(r, r->at, what, right);
}

void lk_read_blame_word(struct lk_pattern_reader *r, const char *at, size_t size, const char *what,
	const char *right)
{
	if (r->wrong)
		return;
	if (size >= sizeof(r->word))
		size = sizeof(r->word) - 1;
	memcpy(r->word, at, size);
	r->word[size] = '\0';
	lk_read_blame_at(r, at, what, right);
}

/* ---- words */

bool lk_read_blank(char c)
{
	return c == ' ' || c == '\t';
}

void lk_read_skip(struct lk_pattern_reader *r)
{
	while (r->at < r->end && lk_read_blank(*r->at))
		r->at++;
}

size_t lk_read_word(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && !lk_read_blank(at[n]))
		n++;
	return n;
}

bool lk_read_is(const char *at, size_t size, const char *word)
{
	return strlen(word) == size && !memcmp(at, word, size);
}

size_t lk_read_left(const struct lk_pattern_reader *r)
{
	return (size_t)(r->end - r->at);
}

void lk_read_nothing(struct lk_pattern_reader *r)
{
	lk_read_skip(r);
	if (r->at < r->end)
		lk_read_blame(r, "nothing more belongs on this line", "end the line here");
}

/* A number of at most `most`; `*ret_end` is where it stops. */
uint64_t lk_read_number(struct lk_pattern_reader *r, uint64_t most)
{
	uint64_t v = 0;
	const char *start = r->at;

	for (; r->at < r->end && isdigit((unsigned char)*r->at); r->at++) {
		uint64_t digit = (uint64_t)(*r->at - '0');

		if (v > (most - digit) / 10) {
			lk_read_blame_at(r, start, "the number is too large", "a smaller one");
			return 0;
		}
		v = v * 10 + digit;
	}
	if (r->at == start)
		lk_read_blame(r, "a number is missing here", "digits, such as 16");
	return v;
}

/* The rest of the line; texts of several lines become one. */
const char *lk_read_text(struct lk_pattern_reader *r, const char *before)
{
	size_t n = before ? strlen(before) : 0;
	const char *text;
	char *joined;

	lk_read_skip(r);
	if (r->at == r->end) {
		lk_read_blame(r, "a text is missing here", "the keyword and its text on one line");
		return before;
	}
	if (n + 1 + lk_read_left(r) > LK_PATTERN_TEXT_MAX) {
		lk_read_blame(r, "the text is too long", "at most 2,000 bytes in all its lines");
		return before;
	}
	joined = lk_xmalloc(n + lk_read_left(r) + 2);
	if (before)
		memcpy(joined, before, n);
	if (before)
		joined[n++] = ' ';
	memcpy(joined + n, r->at, lk_read_left(r));
	text = lk_strings_add_n(r->p->strings, joined, n + lk_read_left(r));
	free(joined);
	r->at = r->end;
	return text;
}
