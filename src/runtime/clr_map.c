#include "runtime/clr_map.h"

#include <errno.h>

#include "abi/store.h"
#include "base/cursor.h"

#define SIZE_INSTRUMENTED 0xffffffffu
/* What an IL offset + 3 can stand for besides an offset. */
#define IL_EXIT	  0u
#define IL_PROLOG 1u
#define IL_NONE	  2u
#define IL_BIAS	  3u
/* No method body has more IL, and no code is longer: either would be a wrong reading. */
#define IL_MAX	   (64u << 20)
#define NATIVE_MAX (512u << 20)
/* The flags of the plain form: any of "stack is empty" and "call instruction". */
#define FLAGS_KNOWN 0x12u

/* Reads nibbles; after _align, bytes follow at c. */
struct nibbles {
	struct lk_cursor c;
	uint8_t high;
	bool has_high;
};

static uint8_t read_nibble(struct nibbles *n)
{
	uint8_t byte;

	if (n->has_high) {
		n->has_high = false;
		return n->high;
	}
	byte = lk_cursor_u8(&n->c);
	n->high = byte >> 4;
	n->has_high = true;
	return byte & 15;
}

static uint32_t read_number(struct nibbles *n)
{
	uint64_t v = 0;
	uint8_t nibble;

	do {
		nibble = read_nibble(n);
		v = v << 3 | (nibble & 7);
		if (v > UINT32_MAX)
			n->c.bad = true;
	} while ((nibble & 8) && !n->c.bad);
	return n->c.bad ? 0 : (uint32_t)v;
}

/* Passes over the rest of a byte, which the writer left zero. */
static void align(struct nibbles *n)
{
	if (n->has_high && n->high)
		n->c.bad = true;
	n->has_high = false;
}

struct entry {
	uint64_t native;
	uint32_t il; /* biased */
};

/* What a walk over the entries looks for. */
struct search {
	uint64_t native;    /* offset asked for */
	struct entry best;  /* the last one at or before it that has an IL offset or exit */
	bool found, prolog; /* prolog: one without an offset of its own was passed */
};

/* Entries come in the order of their native offsets; of several at one the real one counts. */
static void consider(struct search *s, const struct entry *e)
{
	if (e->native > s->native)
		return;
	s->prolog |= e->il == IL_PROLOG;
	if (e->il == IL_PROLOG || e->il == IL_NONE)
		return;
	if (e->il == IL_EXIT && s->found && s->best.native == e->native)
		return;
	s->best = *e;
	s->found = true;
}

static bool makes_sense(const struct entry *e, bool first)
{
	if (first && (e->native || e->il != IL_PROLOG))
		return false;
	return e->native <= NATIVE_MAX && e->il <= IL_MAX;
}

static uint64_t read_bits(const uint8_t *bytes, uint64_t at, unsigned bits)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bits; i++, at++)
		v |= (uint64_t)(bytes[at / 8] >> (at % 8) & 1) << i;
	return v;
}

static int search_packed(struct lk_cursor bounds, struct search *s)
{
	struct nibbles n = {.c = bounds};
	uint32_t count = read_number(&n), native_bits = read_number(&n), il_bits = read_number(&n);
	uint64_t bits, left, at = 0;
	struct entry e = {0};

	align(&n);
	if (n.c.bad || !count || native_bits > 31 || il_bits > 31)
		return -EBADMSG;
	native_bits++;
	il_bits++;
	bits = 2ull + native_bits + il_bits;
	left = 8ull * lk_cursor_left(&n.c);
	if (count > left / bits || left - count * bits >= 8 ||
		read_bits(n.c.at, count * bits, (unsigned)(left - count * bits)))
		return -EBADMSG;
	for (uint32_t i = 0; i < count; i++, at += bits) {
		e.native += read_bits(n.c.at, at + 2, native_bits);
		e.il = (uint32_t)read_bits(n.c.at, at + 2 + native_bits, il_bits);
		if (!makes_sense(&e, !i))
			return -EBADMSG;
		consider(s, &e);
	}
	return 0;
}

static int search_plain(struct lk_cursor bounds, struct search *s)
{
	struct nibbles n = {.c = bounds};
	uint32_t count = read_number(&n);
	struct entry e = {0};

	if (!count || count > 2 * lk_cursor_left(&bounds) / 3)
		return -EBADMSG;
	for (uint32_t i = 0; i < count && !n.c.bad; i++) {
		e.native += read_number(&n);
		e.il = read_number(&n);
		if ((read_number(&n) & ~FLAGS_KNOWN) || !makes_sense(&e, !i))
			return -EBADMSG;
		consider(s, &e);
	}
	align(&n);
	return n.c.bad || lk_cursor_left(&n.c) ? -EBADMSG : 0;
}

/* The bounds of the IL that is on disk, which the PDB speaks of. */
static int find_bounds(const void *map, size_t map_size, struct lk_cursor *ret_bounds)
{
	struct nibbles n = {.c = lk_cursor_over(map, map_size)};
	uint32_t size, skipped = 0;
	const uint8_t *at;
	uint8_t origin = lk_cursor_u8(&n.c);

	if (origin != LK_CLR_MAP_JIT && origin != LK_CLR_MAP_R2R)
		return -EBADMSG;
	size = read_number(&n);
	if (size == SIZE_INSTRUMENTED) {
		uint32_t instrumented = read_number(&n), plain = read_number(&n);

		skipped = plain ? instrumented : 0;
		size = plain ? plain : instrumented;
	}
	read_number(&n); /* variables */
	align(&n);
	lk_cursor_take(&n.c, skipped);
	at = lk_cursor_take(&n.c, size);
	if (!at)
		return -EBADMSG;
	*ret_bounds = lk_cursor_over(at, size);
	return size ? 0 : -ENODATA;
}

static int result_of(const struct search *s, uint32_t *ret_il)
{
	if (!s->found && !s->prolog)
		return -ENODATA;
	if (!s->found)
		*ret_il = 0;
	else
		*ret_il = s->best.il == IL_EXIT ? LK_CLR_EXIT : s->best.il - IL_BIAS;
	return 0;
}

int lk_clr_map_il(const void *map, size_t map_size, uint64_t native_offset, uint32_t *ret_il)
{
	struct search packed = {.native = native_offset}, plain = packed;
	struct lk_cursor bounds;
	bool is_packed, is_plain;
	int r;

	r = find_bounds(map, map_size, &bounds);
	if (r < 0)
		return r;
	is_packed = search_packed(bounds, &packed) == 0;
	is_plain = search_plain(bounds, &plain) == 0;
	if (is_packed && is_plain)
		return -ENOTUNIQ;
	if (!is_packed && !is_plain)
		return -EBADMSG;
	return result_of(is_packed ? &packed : &plain, ret_il);
}
