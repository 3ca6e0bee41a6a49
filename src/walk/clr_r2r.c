/*
 * ReadyToRun images (docs/design/coreclr/botr/readytorun-format.md of
 * dotnet/runtime; versions 5 to 17 agree on what is read here).
 *
 *   header     u32 "RTR\0", u16 major, u16 minor, u32 flags, u32 nr,
 *              { u32 type, u32 rva, u32 size } [nr]
 *   type 102   RUNTIME_FUNCTION [], sorted by begin
 *   type 103   NativeArray by MethodDef row - 1: varuint id; bit 0: fixups follow; the
 *              rest is the number of the RUNTIME_FUNCTION
 *   type 105   NativeArray by RUNTIME_FUNCTION: varuint lookback; 0: the blob follows,
 *              else it stands so far before the element
 *
 * The parts of a composite image have headers of their own for their methods; what
 * belongs to code lies in the composite's.
 *
 * Invariants:
 *   1. A table is read only inside its bounds, which lie in its image, and whose
 *      first and last byte were seen to be readable.  Such images are never unmapped:
 *      collectible assemblies are not precompiled.
 *   2. known[] entries are filled by one thread and published with their `module`.
 */
#include "walk/clr_r2r.h"

#include "base/syscall.h"
#include "walk/clr_array.h"
#include "walk/clr_debug.h"
#include "walk/clr_pe.h"
#include "walk/peek.h"

#include <errno.h>
#include <sys/mman.h>

#define TYPE_FUNCTIONS 102u
#define TYPE_METHODS   103u
#define TYPE_DEBUG     105u
#define SECTIONS_MAX   64u
#define RIDS_MAX       (1u << 24)
#define FUNCTIONS_MAX  (1u << 26)
#define BUCKETS_MAX    (1u << 24)
#define TOKEN_METHOD   0x06000000u
#define FUNCTION_SIZE  12u

#define CLI_NATIVE 64u /* in the CLI header: rva of what is precompiled */
#define R2R_MAGIC  0x00525452u

#define BUCKET_SLOTS 4u
#define BUCKET_SIZE  (16u * BUCKET_SLOTS)
#define VALUE_MASK   0x7fffffffffffffffull

/* What is known of an image; one entry each, by its Module. */
static struct lk_clr_native {
	uint64_t module; /* written last; 0 free, 1 being written */
	uint64_t begin;
	uint64_t header;  /* of the code */
	uint64_t methods; /* likewise; 0: a composite, whose methods lie elsewhere */
	uint64_t entries; /* the runtime's map from entry points to MethodDescs; 0 unknown */
	const uint8_t *functions;
	uint32_t nr_functions;
	uint32_t rids_tried;
	const uint32_t *rids; /* by RUNTIME_FUNCTION: MethodDef row whose entry it is, or 0 */
} known[1024];

static bool readable(uint64_t at, uint64_t size)
{
	uint8_t byte;

	return size && !lk_peek(at, &byte, 1) && !lk_peek(at + size - 1, &byte, 1);
}

/* The table of this type in the header at `header`, of the image at base. */
static bool find_table(uint64_t base, uint64_t header, uint32_t type, struct lk_clr_array *ret)
{
	uint32_t head[4], section[3];

	if (!header || lk_peek(header, head, sizeof(head)) || head[0] != R2R_MAGIC ||
		head[3] > SECTIONS_MAX)
		return false;
	for (uint32_t i = 0; i < head[3]; i++) {
		if (lk_peek(header + 16 + 12 * i, section, sizeof(section)))
			return false;
		if (section[0] != type)
			continue;
		if (!readable(base + section[1], section[2]))
			return false;
		ret->at = (const uint8_t *)base + section[1];
		ret->end = ret->at + section[2];
		return true;
	}
	return false;
}

/* --- where an image's tables are ------------------------------------------------------ */

/* .NET 10: the runtime's own ReadyToRunInfo tells. */
static int describe_by_runtime(const struct lk_clr_section *s, struct lk_clr_native *n)
{
	uint64_t own, info, at;

	if (lk_peek_u64(s->module + lk_clr.module_r2r, &own) || !own)
		return -ENODATA;
	if (lk_peek_u64(own + lk_clr.r2r_composite, &info) || !info)
		info = own;
	if (lk_peek_u64(info + lk_clr.r2r_functions, &at) ||
		lk_peek_u32(info + lk_clr.r2r_nr_functions, &n->nr_functions) ||
		lk_peek_u64(info + lk_clr.r2r_header, &n->header))
		return -ENODATA;
	/* A composite's code is of many assemblies; which one, the entry points tell. */
	n->methods = own == info ? n->header : 0;
	n->functions = (const uint8_t *)at;
	n->entries = info + lk_clr.r2r_entries;
	return 0;
}

/* Before: the image's PE headers tell, but for composite images, which have no CLI header. */
static int describe_by_headers(const struct lk_clr_section *s, struct lk_clr_native *n)
{
	uint64_t base = s->begin;
	struct lk_clr_pe pe = {.base = base};
	uint32_t rva = lk_clr_pe_read(&pe) ? 0 : lk_clr_pe_dir(&pe, LK_CLR_DIR_CLI).rva;
	struct lk_clr_array a;

	if (!rva || lk_peek_u32(base + rva + CLI_NATIVE, &rva) || !rva)
		return -ENODATA;
	n->header = n->methods = base + rva;
	if (!find_table(base, n->header, TYPE_FUNCTIONS, &a))
		return -ENODATA;
	n->functions = a.at;
	n->nr_functions = (uint32_t)((size_t)(a.end - a.at) / FUNCTION_SIZE);
	return 0;
}

static int describe(const struct lk_clr_section *s, struct lk_clr_native *n)
{
	uint64_t at;
	int r = lk_clr.described ? describe_by_runtime(s, n) : describe_by_headers(s, n);

	at = (uint64_t)n->functions;
	if (r || !n->nr_functions || n->nr_functions > FUNCTIONS_MAX || at < s->begin ||
		at + (uint64_t)n->nr_functions * FUNCTION_SIZE > s->end ||
		!readable(at, (uint64_t)n->nr_functions * FUNCTION_SIZE))
		return -ENODATA;
	n->begin = s->begin;
	return 0;
}

/* The entry of the section's image; NULL where it is no such image, or all places are taken. */
static struct lk_clr_native *native_of(const struct lk_clr_section *s)
{
	uint64_t hash = s->module ^ s->module >> 12;

	for (unsigned i = 0; i < 16; i++) {
		struct lk_clr_native *n = &known[(hash + i) & (LK_ARRAY_SIZE(known) - 1)], fresh;
		uint64_t module = lk_load_acq(&n->module); /* pairs with the store below */

		if (module == s->module && n->begin == s->begin)
			return n;
		if (module)
			continue;
		fresh = (struct lk_clr_native){0};
		if (describe(s, &fresh))
			return NULL;
		if (!__atomic_compare_exchange_n(
			    &n->module, &module, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		fresh.module = 1;
		*n = fresh;
		lk_store_rel(&n->module, s->module);
		return n;
	}
	return NULL;
}

/* --- functions ------------------------------------------------------------------------- */

static uint32_t u32_at(const uint8_t *at)
{
	uint32_t v;

	__builtin_memcpy(&v, at, sizeof(v));
	return v;
}

uint32_t lk_clr_r2r_begin(const struct lk_clr_code *code, uint32_t i)
{
	return u32_at(code->native->functions + (size_t)FUNCTION_SIZE * i);
}

uint64_t lk_clr_r2r_table(const struct lk_clr_code *code)
{
	return (uint64_t)code->native->functions;
}

int lk_clr_find_r2r(const struct lk_clr_section *s, uint64_t pc, struct lk_clr_code *code)
{
	struct lk_clr_native *n = native_of(s);
	uint64_t rva = pc - s->begin;
	uint32_t low = 0, high;
	const uint8_t *at;

	if (!n)
		return -ENODATA;
	code->kind = LK_CLR_CODE_R2R;
	code->permanent = true;
	code->module = s->module;
	code->native = n;
	for (high = n->nr_functions; high - low > 1;) {
		uint32_t middle = low + (high - low) / 2;

		if (lk_clr_r2r_begin(code, middle) <= rva)
			low = middle;
		else
			high = middle;
	}
	at = n->functions + (size_t)FUNCTION_SIZE * low;
	code->index = low;
	code->start = code->function = s->begin + u32_at(at);
	code->end = s->begin + u32_at(at + 4);
	code->unwind = s->begin + u32_at(at + 8);
	return pc >= code->start && pc < code->end && code->unwind < s->end ? 0 : -ENODATA;
}

/* --- methods --------------------------------------------------------------------------- */

static const uint32_t *make_rids(const struct lk_clr_code *code)
{
	const struct lk_clr_native *n = code->native;
	uint32_t count, *rids;
	struct lk_clr_array a;
	long at;

	if (!find_table(code->base, n->methods, TYPE_METHODS, &a))
		return NULL;
	count = lk_clr_array_count(a);
	if (!count || count > RIDS_MAX)
		return NULL;
	at = lk_syscall6(SYS_mmap, 0, (long)n->nr_functions * 4, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lk_syscall_failed(at))
		return NULL;
	rids = (uint32_t *)at;
	for (uint32_t i = 0; i < count; i++) {
		struct lk_cursor c = lk_clr_array_element(a, i);
		uint32_t id = lk_clr_varuint(&c);

		id = id & 1 ? id >> 2 : id >> 1;
		if (!c.bad && id < n->nr_functions)
			rids[id] = i + 1;
	}
	return rids;
}

uint32_t lk_clr_r2r_token(const struct lk_clr_code *code, uint32_t i)
{
	struct lk_clr_native *n = code->native;
	const uint32_t *rids;

	/* Whoever comes first makes the table; the others do without it until it is there. */
	if (!__atomic_exchange_n(&n->rids_tried, 1, __ATOMIC_RELAXED))
		lk_store_rel(&n->rids, make_rids(code));
	rids = lk_load_acq(&n->rids);
	return rids && rids[i] ? TOKEN_METHOD | rids[i] : 0;
}

/*
 * The runtime's hash map of pointers: open hashing with two hash functions; a
 * bucket has four keys and their values, which are kept shifted right by one; the
 * top bit of the first value says that the search goes on.  The first bucket
 * holds the number of buckets (src/coreclr/vm/hash.cpp).
 */
uint64_t lk_clr_map_find(uint64_t map, uint64_t entry)
{
	uint64_t buckets, words[2 * BUCKET_SLOTS];
	uint32_t size, seed = (uint32_t)(entry >> 2), step;

	if (lk_peek_u64(map + lk_clr.map_buckets, &buckets) || buckets % 8 || !(buckets >> 16) ||
		lk_peek_u32(buckets, &size) || size < 2 || size > BUCKETS_MAX)
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

uint64_t lk_clr_r2r_method(const struct lk_clr_code *code, uint64_t entry)
{
	uint64_t map = code->native->entries, info;
	uint32_t offset = lk_load_acq(&lk_clr.r2r_entries); /* pairs with lk_clr_learn_entries */

	if (!map && offset && !lk_peek_u64(code->module + lk_load(&lk_clr.module_r2r), &info) &&
		info)
		map = info + offset;
	return map ? lk_clr_map_find(map, entry) : 0;
}

/* --- native to IL ---------------------------------------------------------------------- */

size_t lk_clr_r2r_map(const struct lk_clr_code *code, uint64_t entry, uint8_t *to, size_t size)
{
	uint32_t i = code->index, lookback;
	const uint8_t *element;
	struct lk_clr_array a;
	struct lk_cursor c;

	if (!find_table(code->base, code->native->header, TYPE_DEBUG, &a))
		return 0;
	while (i && code->base + lk_clr_r2r_begin(code, i) > entry)
		i--;
	c = lk_clr_array_element(a, i);
	element = c.at;
	lookback = lk_clr_varuint(&c);
	if (c.bad || lookback > (size_t)(element - a.at))
		return 0;
	if (lookback)
		c.at = element - lookback;
	return lk_clr_copy_map((uint64_t)c.at, (size_t)(a.end - c.at), LK_CLR_MAP_R2R, to, size);
}
