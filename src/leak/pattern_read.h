/*
 * Reads the words of a pattern text from left to right, line by line, and latches
 * the first thing that is wrong with its place, as a cursor does.  Used by
 * pattern_parse.c and pattern_set.c only.
 */
#ifndef LK_LEAK_PATTERN_READ_H
#define LK_LEAK_PATTERN_READ_H

#include "leak/pattern.h"

struct lk_pattern_reader {
	struct lk_patterns *p;
	const char *line;     /* its start */
	const char *at, *end; /* what is left of it */
	uint32_t nr_line;
	const char *wrong; /* the first thing that is; NULL nothing */
	const char *right; /* what would be right */
	uint32_t wrong_line, wrong_column;
	char word[64];		/* quoted in the message; empty: none */
	struct lk_pattern *row; /* the pattern being read; NULL: none yet */
	size_t first_row;	/* of this text */
	uint32_t row_line;
	bool headed, ended; /* the first and the last line were seen */
};

bool lk_read_going(const struct lk_pattern_reader *r);

/* Something is wrong here, at a place of the line, with a word of it. */
void lk_read_blame(struct lk_pattern_reader *r, const char *what, const char *right);
void lk_read_blame_at(
	struct lk_pattern_reader *r, const char *at, const char *what, const char *right);
void lk_read_blame_word(struct lk_pattern_reader *r, const char *at, size_t size, const char *what,
	const char *right);

bool lk_read_blank(char c);
void lk_read_skip(struct lk_pattern_reader *r); /* blanks */
size_t lk_read_left(const struct lk_pattern_reader *r);
size_t lk_read_word(const char *at, const char *end); /* the size of the word at `at` */
bool lk_read_is(const char *at, size_t size, const char *word);

/* Latches where something is left on the line. */
void lk_read_nothing(struct lk_pattern_reader *r);

/* Digits; latches where they make more than `most`. */
uint64_t lk_read_number(struct lk_pattern_reader *r, uint64_t most);

/* The rest of the line, behind `before` (NULL: none) and a blank. */
const char *lk_read_text(struct lk_pattern_reader *r, const char *before);

/* Takes a line of a pattern, or one that begins or ends one: pattern_parse.c. */
void lk_pattern_line(struct lk_pattern_reader *r);

#endif
