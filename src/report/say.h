/*
 * Writing for a terminal.  What comes from a recording (names, paths, contents)
 * is somebody else's text: it goes through lk_say_text, so that it cannot move the
 * cursor, change colours or pretend to be a line of the report.
 */
#ifndef LK_REPORT_SAY_H
#define LK_REPORT_SAY_H

#include "base/defs.h"

#include <stdio.h>

struct lk_say {
	FILE *out;
	bool colour;
};

enum lk_style { LK_STYLE_TITLE, LK_STYLE_BAD, LK_STYLE_DIM, LK_STYLE_NAME };

/* Between the two, text is in the style; both do nothing without colour. */
void lk_say_style(const struct lk_say *s, enum lk_style style);
void lk_say_plain(const struct lk_say *s);

/* A title line after an empty one. */
void lk_say_title(const struct lk_say *s, const char *title);

/*
 * Foreign text; what is not printable UTF-8 is shown as \xNN.  Returns the columns
 * it takes, each character counted as one.
 */
int lk_say_text(const struct lk_say *s, const char *text);

/* The same, cut in the middle ("...") to at most `columns`, and filled up to them. */
void lk_say_column(const struct lk_say *s, const char *text, int columns);

/*
 * The same as a paragraph: broken between words before `width` columns, every line
 * but the first behind `indent` blanks.  The first begins where the caller stands,
 * at column `indent`.  Ends the line.
 */
void lk_say_paragraph(const struct lk_say *s, const char *text, int indent, int width);

#endif
