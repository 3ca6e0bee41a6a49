#include "util/utf16.h"

#include <string.h>

#include "tap.h"

static bool becomes(const uint16_t *units, size_t nr, const char *text)
{
	char out[64];

	return lk_utf16_text((const uint8_t *)units, nr, out, sizeof(out)) == strlen(text) &&
	       !strcmp(out, text);
}

int main(void)
{
	static const uint16_t latin[] = {'a', 0xe9, 0x20ac}, pair[] = {0xd83d, 0xde00, 'x'};
	static const uint16_t odd[] = {0xde00, 'x', 0xd83d}, high[] = {0xd83d, 'y'};
	static const uint16_t ended[] = {'h', 'i', 0, 'z'};
	struct lk_cursor c = lk_cursor_over(ended, sizeof(ended));
	uint16_t units[4];
	char out[8];

	tap_ok(becomes(latin, 3, "a\xc3\xa9\xe2\x82\xac"), "one to three bytes");
	tap_ok(becomes(pair, 3, "\xf0\x9f\x98\x80x"), "a pair is one character");
	tap_ok(becomes(odd, 3, "\xef\xbf\xbdx\xef\xbf\xbd"), "halves of pairs are replaced");
	tap_ok(becomes(high, 2, "\xef\xbf\xbdy"), "and what follows them is kept");
	tap_ok(lk_utf16_text((const uint8_t *)latin, 3, out, 4) == 3 && !strcmp(out, "a\xc3\xa9"),
		"a text is cut at a whole character");
	tap_ok(lk_utf16_take(&c, out, sizeof(out)) == 2 && !strcmp(out, "hi") &&
			lk_cursor_left(&c) == 2,
		"a text ends at its 0");
	tap_ok(!lk_utf16_take(&c, out, sizeof(out)) && c.bad && !*out, "one without is damaged");
	tap_ok(lk_utf16_units("abc", units, 4) == 4 && units[2] == 'c' && !units[3] &&
			!lk_utf16_units("abcd", units, 4),
		"text becomes units where there is room");
	return tap_done();
}
