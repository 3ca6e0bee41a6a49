/*
 * Native-to-IL maps, copied as the runtime keeps them: nibble-coded sizes of bounds
 * and of variables, padding to a byte, bounds.  The host decodes them.
 */
#include "walk/clr_debug.h"
#include "walk/peek.h"

/* A number of 3-bit groups, most significant first; bit 3 of a nibble: more follow. */
static uint32_t nibbles(const uint8_t *bytes, size_t nr, size_t *at)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 11 && *at < 2 * nr; i++) {
		uint8_t n = bytes[*at / 2] >> (*at & 1 ? 4 : 0) & 15;

		++*at;
		v = v << 3 | (n & 7);
		if (!(n & 8))
			return v;
	}
	*at = SIZE_MAX;
	return 0;
}

/* Where a profiler rewrote the IL, the header begins with this, and has a map more. */
#define INSTRUMENTED 0xffffffffu

/* The size of header and bounds of the blob that begins with these bytes; 0: not known. */
static size_t blob_size(const uint8_t *bytes, size_t nr)
{
	size_t at = 0;
	uint32_t bounds = nibbles(bytes, nr, &at), instrumented = 0;

	if (at != SIZE_MAX && bounds == INSTRUMENTED) {
		bounds = nibbles(bytes, nr, &at);
		if (at != SIZE_MAX)
			instrumented = nibbles(bytes, nr, &at);
	}
	if (at != SIZE_MAX)
		nibbles(bytes, nr, &at);
	if (at == SIZE_MAX || !bounds)
		return 0;
	return (at + 1) / 2 + (size_t)bounds + instrumented;
}

size_t lk_clr_copy_map(uint64_t from, size_t left, uint8_t format, uint8_t *to, size_t size)
{
	uint8_t head[32];
	size_t n = lk_peek_some(from, head, left < sizeof(head) ? left : sizeof(head));

	n = blob_size(head, n);
	if (!n || n > left || n + 1 > size)
		return 0;
	to[0] = format;
	return lk_peek(from, to + 1, n) ? 0 : n + 1;
}

/*
 * JIT'd code: a byte of flags before the blob.  Bit 0: what moving a running frame to
 * better code needs stands between, u64 saved registers, from .NET 10 on u64 start of
 * the method, u32 number of locals, 20 bytes, 4 bytes per local.  Bit 1: a table of
 * inlinees, with its size.
 */
#define FLAG_PATCHPOINT 1u
#define FLAG_RICH	2u

static uint64_t after_patchpoint(const struct lk_clr_code *code, uint64_t at)
{
	uint64_t start;
	uint32_t nr;

	if (lk_peek_u64(at + 8, &start))
		return 0;
	at += start == code->start ? 16 : 8;
	if (lk_peek_u32(at, &nr) || nr > 65536)
		return 0;
	return at + 24 + 4ull * nr;
}

size_t lk_clr_jit_map(const struct lk_clr_code *code, uint8_t *to, size_t size)
{
	uint64_t at;
	uint32_t rich;
	uint8_t flags;

	if (lk_peek_u64(code->header + lk_clr.code_debug, &at) || !at || lk_peek(at, &flags, 1) ||
		flags & ~(FLAG_PATCHPOINT | FLAG_RICH))
		return 0;
	at++;
	if (flags & FLAG_PATCHPOINT)
		at = after_patchpoint(code, at);
	if (flags & FLAG_RICH) {
		if (!at || lk_peek_u32(at, &rich))
			return 0;
		at += 4ull + rich;
	}
	return at ? lk_clr_copy_map(at, 1u << 20, LK_CLR_MAP_JIT, to, size) : 0;
}
