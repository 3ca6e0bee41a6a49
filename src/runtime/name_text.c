#include "runtime/name_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lk_name_text_init(struct lk_name_text *text)
{
	text->used = 0;
	text->cut = false;
	text->at[0] = 0;
}

void lk_name_text_add_n(struct lk_name_text *text, const void *bytes, size_t size)
{
	const size_t most = sizeof(text->at) - sizeof("...");

	if (!text || text->cut)
		return;
	if (size > most - text->used) {
		memcpy(text->at + text->used, bytes, most - text->used);
		memcpy(text->at + most, "...", sizeof("..."));
		text->used = most + 3;
		text->cut = true;
		return;
	}
	memcpy(text->at + text->used, bytes, size);
	text->used += size;
	text->at[text->used] = 0;
}

void lk_name_text_add(struct lk_name_text *text, const char *s)
{
	lk_name_text_add_n(text, s, strlen(s));
}

void lk_name_text_addf(struct lk_name_text *text, const char *fmt, ...)
{
	char piece[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(piece, sizeof(piece), fmt, ap);
	va_end(ap);
	lk_name_text_add(text, piece);
}

void lk_name_text_take_back(struct lk_name_text *text, size_t used)
{
	if (text->cut || used > text->used)
		return;
	text->used = used;
	text->at[used] = 0;
}
