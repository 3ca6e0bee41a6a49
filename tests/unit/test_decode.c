#include "report/decode.h"
#include "tap.h"

#include <errno.h>
#include <string.h>

static struct lk_content content(const void *bytes, size_t size)
{
	struct lk_content c = {.address = 0x1000, .size = (uint32_t)size};

	memcpy(c.bytes, bytes, size < LK_CONTENT_MAX ? size : LK_CONTENT_MAX);
	return c;
}

static void is(const char *name, const void *bytes, size_t size, uint64_t block_size,
	const char *manager, const char *encoding, const char *text, bool cut)
{
	struct lk_content c = content(bytes, size);
	struct lk_decoded d = {.encoding = "none"};

	lk_decode(&c, block_size, manager, &d);
	tap_ok(!strcmp(d.encoding, encoding) && !strcmp(d.text, text) && d.cut == cut,
		"%s (%s \"%s\"%s)", name, d.encoding, d.text, d.cut ? " cut" : "");
}

#define HELLO16 "H\0e\0l\0l\0o\0 \0W\0o\0r\0l\0d\0"

static void test_bstr(void)
{
	char large[64] = "\xa0\x0f\0\0";

	is("Mono's BSTR has its length right at the start", "\x16\0\0\0" HELLO16 "\0", 28, 28,
		"BSTR", "bstr", "Hello World", false);
	is(".NET's BSTR has its length 4 bytes on", "\0\0\0\0\x16\0\0\0" HELLO16 "\0", 32, 48,
		"BSTR", "bstr", "Hello World", false);
	is("a native BSTR may keep 8 bytes for it", "\x16\0\0\0\0\0\0\0" HELLO16 "\0", 32, 32,
		"BSTR", "bstr", "Hello World", false);
	is("a BSTR of 32-bit characters is read", "\x08\0\0\0H\0\0\0i\0\0\0\0\0\0\0", 16, 16,
		"BSTR", "bstr", "Hi", false);
	is("an empty BSTR is an empty text", "\0\0\0\0\0\0", 6, 6, "BSTR", "bstr", "", false);
	for (size_t i = 4; i < 64; i += 2)
		large[i] = 'x';
	is("a long BSTR is cut", large, 64, 4006, "BSTR", "bstr", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		true);
	is("a length that does not fit the block is none", "\xff\xff\xff\x7f" HELLO16, 26, 26,
		"BSTR", "hex",
		"ff ff ff 7f 48 00 65 00 6c 00 6c 00 6f 00 20 00 57 00 6f 00 72 00 6c 00 64 00",
		false);
	is("other managers have no length word", "\x16\0\0\0" HELLO16 "\0", 8, 8, "C heap", "hex",
		"16 00 00 00 48 00 65 00", false);
}

static void test_text(void)
{
	is("UTF-8 ends at its NUL", "caf\xc3\xa9\0rest", 10, 10, "C heap", "utf-8", "caf\xc3\xa9",
		false);
	is("UTF-8 without a NUL goes to the end", "abcdefgh", 8, 100, "C heap", "utf-8", "abcdefgh",
		true);
	is("a character that the sample cuts is left out", "abcd\xe2\x82", 6, 100, "C heap",
		"utf-8", "abcd", true);
	is("three characters are chance", "abc\0", 4, 4, "C heap", "hex", "61 62 63 00", false);
	is("UTF-16 ends at its NUL", HELLO16 "\0\0zzzz", 28, 28, "C heap", "utf-16", "Hello World",
		false);
	is("surrogate pairs are one character", "a\0b\0c\0\x3d\xd8\x00\xde\0\0", 12, 12, "C heap",
		"utf-16", "abc\xf0\x9f\x98\x80", false);
	is("a lone surrogate is no text", "a\0b\0\x00\xdc\x63\0\0\0", 10, 10, "C heap", "hex",
		"61 00 62 00 00 dc 63 00 00 00", false);
	is("Japanese UTF-16 is text", "\xe5\x65\x2c\x67\x9e\x8a\0\0", 8, 8, "C heap", "utf-16",
		"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", false);
	is("escapes for a terminal are no text", "\x1b[31mred", 8, 8, "C heap", "hex",
		"1b 5b 33 31 6d 72 65 64", false);
}

static void test_limits(void)
{
	struct lk_content c = content("x", 0);
	struct lk_decoded d;
	uint32_t seed = 1;
	bool whole = true;

	tap_ok(lk_decode(&c, 10, "C heap", &d) == -ENODATA,
		"without bytes there is nothing to show");
	c.size = UINT32_MAX;
	tap_ok(!lk_decode(&c, UINT64_MAX, "BSTR", &d), "a size beyond the sample is cut to it");
	tap_ok(lk_decode(&c, 0, "BSTR", &d) == -ENODATA, "a block of no bytes has no content");
	for (unsigned i = 0; i < 20000; i++) {
		static const uint8_t odd[] = {
			0, 4, 8, 'a', 0xd8, 0xdc, 0xe2, 0x82, 0xff, 0x1b, 0xc3, 16};

		for (unsigned k = 0; k < LK_CONTENT_MAX; k++) {
			seed = seed * 1103515245 + 12345;
			c.bytes[k] =
				i & 1 ? (uint8_t)(seed >> 16) : odd[(seed >> 16) % sizeof(odd)];
		}
		c.size = seed % (LK_CONTENT_MAX + 1);
		if (lk_decode(&c, seed % 200, i & 2 ? "BSTR" : "x", &d))
			continue;
		for (size_t at = 0, left = strlen(d.text), width; left;
			at += width, left -= width) {
			uint32_t ch;

			if (lk_utf8_next((uint8_t *)d.text + at, left, &ch, &width)) {
				whole = false;
				break;
			}
		}
		whole &= strlen(d.text) < sizeof(d.text);
	}
	tap_ok(whole, "whatever the bytes are, what is shown is whole UTF-8");
}

static void test_utf8(void)
{
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"};
	uint32_t c;
	size_t size;
	bool refused = true;

	for (size_t i = 0; i < LK_ARRAY_SIZE(bad); i++)
		refused &= lk_utf8_next((const uint8_t *)bad[i], strlen(bad[i]), &c, &size) ==
			   -EBADMSG;
	tap_ok(refused, "overlong, surrogate, too large and cut UTF-8 is refused");
	tap_ok(!lk_utf8_next((const uint8_t *)"\xf0\x9f\x98\x80", 4, &c, &size) && c == 0x1f600 &&
			size == 4,
		"four bytes are one character");
}

int main(void)
{
	test_bstr();
	test_text();
	test_limits();
	test_utf8();
	return tap_done();
}
