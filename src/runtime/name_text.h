/*
 * The text of one name while it is put together from foreign pieces.  Bounded: a
 * damaged or hostile file can make a signature as long as it likes; what does
 * not fit is cut, and the text then ends in "...".  Where text is NULL nothing is
 * written: so a reader passes over what nobody sees.
 */
#ifndef LK_RUNTIME_NAME_TEXT_H
#define LK_RUNTIME_NAME_TEXT_H

#include "base/defs.h"

#define LK_NAME_TEXT_MAX 4096u

struct lk_name_text {
	size_t used;
	bool cut;
	char at[LK_NAME_TEXT_MAX]; /* NUL-terminated at any moment after _init */
};

void lk_name_text_init(struct lk_name_text *text);
void lk_name_text_add(struct lk_name_text *text, const char *s);
void lk_name_text_add_n(struct lk_name_text *text, const void *bytes, size_t size);
/* Takes back what was added since `used` was text->used, if nothing was cut. */
void lk_name_text_take_back(struct lk_name_text *text, size_t used);
void lk_name_text_addf(struct lk_name_text *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
