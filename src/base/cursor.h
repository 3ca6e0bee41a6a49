/*
 * A cursor reads bytes that somebody else wrote.  It never reads outside its
 * range; the first read that would do so latches `bad`, and from then on every
 * read gives zeros, so that a parser reads a record in straight lines and asks
 * once, at its end, whether all of it was there.  Little-endian.
 *
 * Shared by guest and host: no heap, no libc calls beyond what gcc may emit.
 */
#ifndef LK_BASE_CURSOR_H
#define LK_BASE_CURSOR_H

#include "base/defs.h"

struct lk_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

/* NULL is an empty range, and gets an address: C adds nothing, not even 0, to NULL. */
LK_INLINE struct lk_cursor lk_cursor_over(const void *bytes, size_t size)
{
	const uint8_t *at = bytes ? bytes : (const uint8_t *)"";

	return (struct lk_cursor){.at = at, .end = at + (bytes ? size : 0), .bad = false};
}

LK_INLINE size_t lk_cursor_left(const struct lk_cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* Gives the next n bytes, or NULL (and latches) where there are not so many. */
LK_INLINE const uint8_t *lk_cursor_take(struct lk_cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (c->bad || lk_cursor_left(c) < n) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += n;
	return at;
}

#define LK_CURSOR_FIXED(name, type)                                                                \
	LK_INLINE type lk_cursor_##name(struct lk_cursor *c)                                       \
	{                                                                                          \
		const uint8_t *p = lk_cursor_take(c, sizeof(type));                                \
		type v = 0;                                                                        \
		if (p)                                                                             \
			__builtin_memcpy(&v, p, sizeof(v));                                        \
		return v;                                                                          \
	}
LK_CURSOR_FIXED(u8, uint8_t)
LK_CURSOR_FIXED(u16, uint16_t)
LK_CURSOR_FIXED(u32, uint32_t)
LK_CURSOR_FIXED(u64, uint64_t)
LK_CURSOR_FIXED(s8, int8_t)
LK_CURSOR_FIXED(s16, int16_t)
LK_CURSOR_FIXED(s32, int32_t)
LK_CURSOR_FIXED(s64, int64_t)
#undef LK_CURSOR_FIXED

/* LEB128; bits beyond 64 are dropped, as every reader of DWARF does. */
LK_INLINE uint64_t lk_cursor_uleb(struct lk_cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = lk_cursor_u8(c);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	return v;
}

LK_INLINE int64_t lk_cursor_sleb(struct lk_cursor *c)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t b;

	do {
		b = lk_cursor_u8(c);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (shift < 64 && (b & 0x40))
		v |= ~0ull << shift;
	return (int64_t)v;
}

/* A NUL-terminated string inside the range, or NULL (and latches). */
LK_INLINE const char *lk_cursor_str(struct lk_cursor *c)
{
	const uint8_t *start = c->at;

	while (!c->bad && c->at < c->end)
		if (!*c->at++)
			return (const char *)start;
	c->bad = true;
	return NULL;
}

#endif
