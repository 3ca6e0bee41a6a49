/*
 * ReadyToRun tables (docs/design/coreclr/botr/readytorun-format.md of
 * dotnet/runtime; versions 5 to 17 agree on what is read here).
 *
 *   header     u32 "RTR\0", u16 major, u16 minor, u32 flags, u32 nr,
 *              { u32 type, u32 rva, u32 size } [nr]
 *   type 103   NativeArray by MethodDef row - 1: varuint id; bit 0: fixups follow; the
 *              rest is the number of the RUNTIME_FUNCTION
 *   type 105   NativeArray by RUNTIME_FUNCTION: varuint lookback; 0: the blob follows,
 *              else it stands so far before the element
 *
 * Invariants:
 *   1. A table is read only inside its bounds, which lie in its image, and whose
 *      first and last byte were seen to be readable.
 *   2. known[] entries are filled by one thread and published with their `module`.
 */
#include "base/syscall.h"
#include "walk/clr_image.h"
#include "walk/peek.h"

#include <errno.h>
#include <sys/mman.h>

#define TYPE_METHODS 103u
#define TYPE_DEBUG   105u
#define SECTIONS_MAX 64u
#define RIDS_MAX     (1u << 24)
#define BUCKETS_MAX  (1u << 24)
#define TOKEN_METHOD 0x06000000u

#define BUCKET_SLOTS 4u
#define BUCKET_SIZE  (16u * BUCKET_SLOTS)
#define VALUE_MASK   0x7fffffffffffffffull

uint32_t lk_clr_varuint(struct lk_cursor *c)
{
	uint32_t v = lk_cursor_u8(c);

	if (!(v & 1))
		return v >> 1;
	if (!(v & 2))
		return (v | (uint32_t)lk_cursor_u8(c) << 8) >> 2;
	if (!(v & 4)) {
		v |= (uint32_t)lk_cursor_u8(c) << 8;
		return (v | (uint32_t)lk_cursor_u8(c) << 16) >> 3;
	}
	if (!(v & 8)) {
		v |= (uint32_t)lk_cursor_u8(c) << 8;
		v |= (uint32_t)lk_cursor_u8(c) << 16;
		return (v | (uint32_t)lk_cursor_u8(c) << 24) >> 4;
	}
	return lk_cursor_u32(c);
}

uint32_t lk_clr_array_count(struct lk_clr_array a)
{
	struct lk_cursor c = lk_cursor_over(a.at, (size_t)(a.end - a.at));
	uint32_t head = lk_clr_varuint(&c);

	return c.bad || (head & 3) == 3 ? 0 : head >> 2;
}

static void move_to(struct lk_cursor *c, const uint8_t *base, uint64_t offset, const uint8_t *end)
{
	c->bad |= offset > (uint64_t)(end - base);
	c->at = c->bad ? end : base + offset;
}

/*
 * Elements stand in blocks of 16, each a tree over the four bits of the index: at
 * each level a number says whether the two halves are there, and how far on the
 * second begins.  A number whose low bits are 0 is a leaf: the only element.
 */
struct lk_cursor lk_clr_array_element(struct lk_clr_array a, uint32_t index)
{
	struct lk_cursor c = lk_cursor_over(a.at, (size_t)(a.end - a.at)), block;
	uint32_t head = lk_clr_varuint(&c), width = head & 3, offset;
	const uint8_t *base = c.at;

	if (c.bad || width == 3 || index >= head >> 2) {
		c.bad = true;
		return c;
	}
	block = c;
	move_to(&block, base, (uint64_t)(index / 16) << width, a.end);
	offset = width == 0   ? lk_cursor_u8(&block)
		 : width == 1 ? lk_cursor_u16(&block)
			      : lk_cursor_u32(&block);
	c.bad |= block.bad;
	move_to(&c, base, offset, a.end);
	for (uint32_t bit = 8; bit; bit >>= 1) {
		const uint8_t *here = c.at;
		uint32_t v = lk_clr_varuint(&c);

		if (index & bit && v & 2) {
			move_to(&c, here, v >> 2, a.end);
			continue;
		}
		if (!(index & bit) && v & 1)
			continue;
		if ((v & 3) == 0 && v >> 2 == (index & 15))
			break;
		c.bad = true;
		break;
	}
	return c;
}

/* --- an image's header -------------------------------------------------------------- */

static bool readable(uint64_t at, uint64_t size)
{
	uint8_t byte;

	return size && !lk_peek(at, &byte, 1) && !lk_peek(at + size - 1, &byte, 1);
}

/* The table of this type in the header at `header`, of the image at code->base. */
static bool find_table(
	const struct lk_clr_code *code, uint64_t header, uint32_t type, struct lk_clr_array *ret)
{
	uint32_t head[4], section[3];

	if (lk_peek(header, head, sizeof(head)) || head[0] != 0x00525452 || head[3] > SECTIONS_MAX)
		return false;
	for (uint32_t i = 0; i < head[3]; i++) {
		if (lk_peek(header + 16 + 12 * i, section, sizeof(section)))
			return false;
		if (section[0] != type)
			continue;
		if (!readable(code->base + section[1], section[2]))
			return false;
		ret->at = (const uint8_t *)code->base + section[1];
		ret->end = ret->at + section[2];
		return true;
	}
	return false;
}

/* The ReadyToRunInfo of the image: a composite's, or the module's own. */
static uint64_t info_of(uint64_t module, bool composite)
{
	uint64_t info, whole;

	if (!module || lk_peek_u64(module + lk_clr.module_r2r, &info))
		return 0;
	if (composite && !lk_peek_u64(info + lk_clr.r2r_composite, &whole) && whole)
		return whole;
	return info;
}

static uint64_t header_of(uint64_t info)
{
	uint64_t header;

	return info && !lk_peek_u64(info + lk_clr.r2r_header, &header) ? header : 0;
}

/* --- methods ---------------------------------------------------------------------------- */

/* Which method's entry each RUNTIME_FUNCTION is; kept for the process's life. */
static struct known_rids {
	uint64_t module; /* written last; 0 free, 1 being written */
	const uint32_t *rids;
	uint32_t nr;
} known[256];

static const uint32_t *make_rids(const struct lk_clr_code *code)
{
	uint64_t header = header_of(info_of(code->module, false));
	uint32_t count, *rids;
	struct lk_clr_array a;
	long at;

	if (!header || !find_table(code, header, TYPE_METHODS, &a))
		return NULL;
	count = lk_clr_array_count(a);
	if (!count || count > RIDS_MAX)
		return NULL;
	at = lk_syscall6(SYS_mmap, 0, (long)code->nr_functions * 4, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lk_syscall_failed(at))
		return NULL;
	rids = (uint32_t *)at;
	for (uint32_t i = 0; i < count; i++) {
		struct lk_cursor c = lk_clr_array_element(a, i);
		uint32_t id = lk_clr_varuint(&c);

		id = id & 1 ? id >> 2 : id >> 1;
		if (!c.bad && id < code->nr_functions)
			rids[id] = i + 1;
	}
	return rids;
}

static void find_rids(const struct lk_clr_code *code, struct lk_clr_r2r *ret)
{
	struct known_rids *k = &known[(code->module >> 6) & (LK_ARRAY_SIZE(known) - 1)];
	uint64_t none = 0;

	if (!lk_load_acq(&k->module) && __atomic_compare_exchange_n(&k->module, &none, 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		k->rids = make_rids(code);
		k->nr = k->rids ? code->nr_functions : 0;
		lk_store_rel(&k->module, code->module); /* pairs with the load above */
	}
	if (lk_load_acq(&k->module) == code->module) {
		ret->rids = k->rids;
		ret->nr_rids = k->nr;
	}
}

int lk_clr_r2r_open(const struct lk_clr_code *code, struct lk_clr_r2r *ret)
{
	uint64_t info = info_of(code->module, true);

	*ret = (struct lk_clr_r2r){.entries = info ? info + lk_clr.r2r_entries : 0};
	find_rids(code, ret);
	return ret->entries || ret->rids ? 0 : -ENODATA;
}

uint32_t lk_clr_r2r_begin(const struct lk_clr_code *code, uint32_t i)
{
	uint32_t begin;

	__builtin_memcpy(&begin, code->functions + 12ull * i, sizeof(begin));
	return begin;
}

/*
 * The runtime's hash map of pointers: open hashing with two hash functions; a
 * bucket has four keys and their values, which are kept shifted right by one; the
 * top bit of the first value says that the search goes on.  The first bucket
 * holds the number of buckets (src/coreclr/vm/hash.cpp).
 */
uint64_t lk_clr_r2r_method(const struct lk_clr_r2r *image, uint64_t entry)
{
	uint64_t buckets, words[2 * BUCKET_SLOTS];
	uint32_t size, seed = (uint32_t)(entry >> 2), step;

	if (!image->entries || lk_peek_u64(image->entries + lk_clr.map_buckets, &buckets) ||
		!buckets || lk_peek_u32(buckets, &size) || size < 2 || size > BUCKETS_MAX)
		return 0;
	step = 1 + ((uint32_t)(entry >> 5) + 1) % (size - 1);
	for (uint32_t n = 0; n < size && n < 1024; n++, seed += step) {
		if (lk_peek(buckets + BUCKET_SIZE * (1ull + seed % size), words, sizeof(words)))
			return 0;
		for (unsigned i = 0; i < BUCKET_SLOTS; i++)
			if (words[i] == entry)
				return (words[BUCKET_SLOTS + i] & VALUE_MASK) << 1;
		if (!(words[BUCKET_SLOTS] & ~VALUE_MASK))
			break;
	}
	return 0;
}

uint32_t lk_clr_r2r_token(const struct lk_clr_r2r *image, uint32_t i)
{
	return i < image->nr_rids && image->rids[i] ? TOKEN_METHOD | image->rids[i] : 0;
}

/* --- native to IL ------------------------------------------------------------------------- */

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

/* The size of header and bounds of the blob that begins with these bytes; 0: not known. */
static size_t blob_size(const uint8_t *bytes, size_t nr)
{
	size_t at = 0;
	uint32_t bounds = nibbles(bytes, nr, &at);

	if (at != SIZE_MAX)
		nibbles(bytes, nr, &at);
	return at == SIZE_MAX || !bounds ? 0 : (at + 1) / 2 + bounds;
}

static size_t copy_blob(uint64_t from, size_t left, uint8_t format, uint8_t *to, size_t size)
{
	uint8_t head[16];
	size_t n = lk_peek_some(from, head, left < sizeof(head) ? left : sizeof(head));

	n = blob_size(head, n);
	if (!n || n > left || n + 1 > size)
		return 0;
	to[0] = format;
	return lk_peek(from, to + 1, n) ? 0 : n + 1;
}

static uint32_t index_of(const struct lk_clr_code *code, uint64_t entry)
{
	uint32_t i = code->index;

	while (i && code->base + lk_clr_r2r_begin(code, i) > entry)
		i--;
	return i;
}

size_t lk_clr_r2r_map(const struct lk_clr_code *code, uint64_t entry, uint8_t *to, size_t size)
{
	uint64_t header = header_of(info_of(code->module, true));
	const uint8_t *element;
	struct lk_clr_array a;
	struct lk_cursor c;
	uint32_t lookback;

	if (!header || !find_table(code, header, TYPE_DEBUG, &a))
		return 0;
	c = lk_clr_array_element(a, index_of(code, entry));
	element = c.at;
	lookback = lk_clr_varuint(&c);
	if (c.bad || lookback > (size_t)(element - a.at))
		return 0;
	if (lookback)
		c.at = element - lookback;
	return copy_blob((uint64_t)c.at, (size_t)(a.end - c.at), LK_CLR_MAP_R2R, to, size);
}

/*
 * JIT'd code: a byte of flags before the blob; bit 0: the table of a method that
 * may be replaced on the stack stands between (its number of locals at 8, 4 bytes each
 * behind a fixed part); bit 1: a table of inlinees, with its size.
 */
#define FLAG_PATCHPOINT	  1u
#define FLAG_RICH	  2u
#define PATCHPOINT_FIXED  40u
#define PATCHPOINT_LOCALS 8u

size_t lk_clr_jit_map(uint64_t header, uint8_t *to, size_t size)
{
	uint64_t at;
	uint32_t nr;
	uint8_t flags;

	if (lk_peek_u64(header + lk_clr.code_debug, &at) || !at || lk_peek(at, &flags, 1))
		return 0;
	at++;
	if (flags & FLAG_PATCHPOINT) {
		if (lk_peek_u32(at + PATCHPOINT_LOCALS, &nr) || nr > 65536)
			return 0;
		at += PATCHPOINT_FIXED + 4ull * nr;
	}
	if (flags & FLAG_RICH) {
		if (lk_peek_u32(at, &nr))
			return 0;
		at += 4ull + nr;
	}
	return flags & ~(FLAG_PATCHPOINT | FLAG_RICH)
		       ? 0
		       : copy_blob(at, 1u << 20, LK_CLR_MAP_JIT, to, size);
}
