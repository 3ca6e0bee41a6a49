#include "util/utf16.h"

#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT 0xfffdu

static uint32_t unit_at(const uint8_t *bytes, size_t i)
{
	return (uint32_t)bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;
}

/* The character at unit *i, which is moved on. */
static uint32_t next_char(const uint8_t *bytes, size_t nr_units, size_t *i)
{
	uint32_t c = unit_at(bytes, (*i)++), low;

	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || *i == nr_units)
		return REPLACEMENT;
	low = unit_at(bytes, *i);
	if (low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	++*i;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

size_t lk_utf16_text(const uint8_t *bytes, size_t nr_units, char *text, size_t size)
{
	size_t n = 0, width;
	char out[4];

	for (size_t i = 0; i < nr_units;) {
		width = lk_utf8_put(next_char(bytes, nr_units, &i), out);
		if (n + width >= size)
			break;
		memcpy(text + n, out, width);
		n += width;
	}
	text[n] = 0;
	return n;
}

size_t lk_utf16_take(struct lk_cursor *c, char *text, size_t size)
{
	const uint8_t *start = c->at;
	size_t nr = 0;

	text[0] = 0;
	while (lk_cursor_u16(c))
		nr++;
	return c->bad ? 0 : lk_utf16_text(start, nr, text, size);
}

size_t lk_utf16_units(const char *ascii, uint16_t *units, size_t max)
{
	size_t nr = strlen(ascii) + 1;

	if (nr > max)
		return 0;
	for (size_t i = 0; i < nr; i++)
		units[i] = (unsigned char)ascii[i];
	return nr;
}
