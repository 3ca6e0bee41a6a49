/*
 * UTF-8, shared by guest and host.
 */
#ifndef LK_BASE_UTF8_H
#define LK_BASE_UTF8_H

#include "base/defs.h"

/* Writes the bytes of character c (at most 0x1fffff) to out; gives how many. */
LK_INLINE size_t lk_utf8_put(uint32_t c, char out[4])
{
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = size; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(leads[size] | c);
	return size;
}

#endif
