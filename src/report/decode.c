#include "report/decode.h"

#include "base/utf8.h"

#include "base/cursor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEX_BYTES     32
#define MIN_UTF8      4 /* shorter runs are chance */
#define MIN_UTF16     3
#define MAX_CHARACTER 0x10ffff

int lk_utf8_next(const uint8_t *at, size_t size, uint32_t *ret_char, size_t *ret_size)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = 1;
	uint32_t c;

	if (!size)
		return -EBADMSG;
	c = at[0];
	if (c >= 0x80) {
		if (c < 0xc2 || c > 0xf4)
			return -EBADMSG;
		n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		c &= 0x7fu >> n;
	}
	if (n > size)
		return -EBADMSG;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return -EBADMSG;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[n] || c > MAX_CHARACTER || (c >= 0xd800 && c < 0xe000))
		return -EBADMSG;
	*ret_char = c;
	*ret_size = n;
	return 0;
}

bool lk_is_printable(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	if (c >= 0x7f && c < 0xa0)
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff)
		return false; /* they would reorder or hide the line around them */
	return c <= MAX_CHARACTER && !(c >= 0xd800 && c <= 0xf8ff) && c < 0xe0000 &&
	       (c & 0xfffe) != 0xfffe;
}

/* One character of UTF-16 (width 2) or UTF-32 (width 4); UINT32_MAX where it is none. */
static uint32_t next_wide(struct lk_cursor *c, unsigned width)
{
	uint32_t high, low;

	if (width == 4)
		return lk_cursor_u32(c);
	high = lk_cursor_u16(c);
	if (high < 0xd800 || high >= 0xe000)
		return high;
	if (high >= 0xdc00 || lk_cursor_left(c) < 2)
		return UINT32_MAX;
	low = lk_cursor_u16(c);
	if (low < 0xdc00 || low >= 0xe000)
		return UINT32_MAX;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/*
 * Decodes printable text up to the end or, where `stops`, to a NUL.  Gives the
 * number of characters, or -EBADMSG.  Four bytes of output for two of input is
 * the most, so LK_CONTENT_MAX bytes always fit.
 */
static int decode_wide(
	const uint8_t *at, size_t size, unsigned width, bool stops, struct lk_decoded *d)
{
	struct lk_cursor c = lk_cursor_over(at, size - size % width);
	size_t n = 0;
	int count = 0;

	while (lk_cursor_left(&c)) {
		uint32_t ch;

		/* A pair that the sample cuts in two ends it. */
		if (width == 2 && lk_cursor_left(&c) == 2 && (c.at[1] & 0xfc) == 0xd8)
			break;
		ch = next_wide(&c, width);
		if (!ch && stops) {
			d->text[n] = '\0';
			d->cut = false;
			return count;
		}
		if (!lk_is_printable(ch))
			return -EBADMSG;
		n += lk_utf8_put(ch, d->text + n);
		count++;
	}
	d->text[n] = '\0';
	return count;
}

/*
 * A BSTR is a length in bytes, the text, a NUL.  The length lies right before the
 * text; runtimes put more or less before it (Mono 0 bytes, .NET 4), and a native
 * library may keep 8 bytes for it.
 */
static const struct bstr_layout {
	uint8_t length_at, text_at;
} layouts[] = {{0, 4}, {4, 8}, {0, 8}};

static int decode_bstr_as(const struct bstr_layout *l, unsigned width, const struct lk_content *k,
	size_t size, uint64_t block_size, struct lk_decoded *d)
{
	struct lk_cursor c = lk_cursor_over(k->bytes, size);
	uint32_t length;
	size_t shown;

	lk_cursor_take(&c, l->length_at);
	length = lk_cursor_u32(&c);
	if (c.bad || !length || length % width || size < l->text_at)
		return -EBADMSG;
	if ((uint64_t)l->text_at + length + width > block_size)
		return -EBADMSG;
	shown = size - l->text_at < length ? size - l->text_at : length;
	d->cut = shown < length;
	return decode_wide(k->bytes + l->text_at, shown, width, false, d) > 0 ? 0 : -EBADMSG;
}

static int decode_bstr(
	const struct lk_content *k, size_t size, uint64_t block_size, struct lk_decoded *d)
{
	static const uint8_t empty[8];

	d->encoding = "bstr";
	for (unsigned width = 2; width <= 4; width += 2)
		for (size_t i = 0; i < LK_ARRAY_SIZE(layouts); i++)
			if (!decode_bstr_as(&layouts[i], width, k, size, block_size, d))
				return 0;
	if (size < 6 || memcmp(k->bytes, empty, size < 8 ? size : 8))
		return -EBADMSG;
	d->text[0] = '\0';
	d->cut = false;
	return 0;
}

static int decode_utf8(const uint8_t *at, size_t size, bool more, struct lk_decoded *d)
{
	size_t n = 0, width = 0;
	unsigned count = 0;
	uint32_t c;

	for (; n < size && at[n]; n += width, count++) {
		if (lk_utf8_next(at + n, size - n, &c, &width)) {
			/* The sample may cut a character in two. */
			if (more && size - n < 4 && at[n] >= 0xc2)
				break;
			return -EBADMSG;
		}
		if (!lk_is_printable(c))
			return -EBADMSG;
	}
	if (count < MIN_UTF8)
		return -EBADMSG;
	memcpy(d->text, at, n);
	d->text[n] = '\0';
	d->encoding = "utf-8";
	d->cut = more && (n >= size || at[n]);
	return 0;
}

/* Text of one script, not numbers that happen to be characters. */
static bool is_likely_text(const char *text, int count)
{
	size_t left = strlen(text), width;
	int alphabetic = 0, east_asian = 0;
	uint32_t c;

	for (; left && !lk_utf8_next((const uint8_t *)text, left, &c, &width);
		text += width, left -= width) {
		alphabetic += c < 0x600;
		east_asian += (c >= 0x3000 && c < 0xa000) || (c >= 0xac00 && c < 0xd7a4);
	}
	return alphabetic * 2 >= count || alphabetic + east_asian == count;
}

/* Bytes of ASCII two by two look like Chinese. */
static bool is_ascii(const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (at[i] >= 0x80 || !at[i])
			return false;
	return true;
}

static int decode_utf16(const uint8_t *at, size_t size, bool more, struct lk_decoded *d)
{
	int count;

	if (is_ascii(at, size))
		return -EBADMSG;

	d->cut = more;
	count = decode_wide(at, size, 2, true, d);
	if (count < MIN_UTF16 || !is_likely_text(d->text, count))
		return -EBADMSG;
	d->encoding = "utf-16";
	return 0;
}

static void decode_hex(const uint8_t *at, size_t size, bool more, struct lk_decoded *d)
{
	size_t n = size < HEX_BYTES ? size : HEX_BYTES;

	d->encoding = "hex";
	d->cut = more || n < size;
	for (size_t i = 0; i < n; i++)
		sprintf(d->text + i * 3, "%02x ", at[i]);
	d->text[n * 3 - 1] = '\0';
}

int lk_decode(const struct lk_content *content, uint64_t block_size, const char *manager,
	struct lk_decoded *ret_decoded)
{
	size_t size = content->size < LK_CONTENT_MAX ? content->size : LK_CONTENT_MAX;
	bool more;

	if (size > block_size)
		size = block_size;
	if (!size)
		return -ENODATA;
	more = size < block_size;
	if (!strcmp(manager, "BSTR") && !decode_bstr(content, size, block_size, ret_decoded))
		return 0;
	if (decode_utf8(content->bytes, size, more, ret_decoded) &&
		decode_utf16(content->bytes, size, more, ret_decoded))
		decode_hex(content->bytes, size, more, ret_decoded);
	return 0;
}
