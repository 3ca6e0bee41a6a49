#include "base/cursor.h"
#include "walk/clr.h"
#include "walk/peek.h"

#include <errno.h>

#define LEVELS		 5u
#define LEVEL_SHIFT	 17u
#define FRAGMENTS_MAX	 1024u
#define FUNCTION_SIZE	 12u
#define PARTS_MAX	 4096u /* funclets of one method */
#define SECTION_CODEHEAP 2u

/* The header map: nibbles, most significant first, each for 32 bytes of code. */
#define MAP_WORDS_MAX (1u << 20)

/* Section facts are read in one piece; this is more than any of the offsets reach. */
#define SECTION_SIZE 96u
#define HEAP_SIZE    64u

static uint64_t word_at(const uint8_t *bytes, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	if (offset + 8 <= size)
		__builtin_memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static int read_section(uint64_t at, struct lk_clr_section *ret)
{
	uint8_t bytes[SECTION_SIZE];

	if (lk_peek(at, bytes, sizeof(bytes)))
		return -ENODATA;
	*ret = (struct lk_clr_section){
		.begin = word_at(bytes, lk_clr.section_begin, sizeof(bytes)),
		.end = word_at(bytes, lk_clr.section_end, sizeof(bytes)),
		.flags = word_at(bytes, lk_clr.section_flags, sizeof(bytes)) & UINT32_MAX,
		.module = word_at(bytes, lk_clr.section_module, sizeof(bytes)),
		.heap = word_at(bytes, lk_clr.section_heap, sizeof(bytes)),
	};
	return 0;
}

static uint64_t first_fragment(uint64_t pc)
{
	uint64_t at = lk_clr.range_map;

	for (unsigned level = LEVELS; level && at; level--) {
		uint64_t index = pc >> (LEVEL_SHIFT + 8 * (level - 1)) & 255;

		if (lk_peek_u64(at + 8 * index, &at))
			return 0;
		at &= ~1ull;
	}
	return at;
}

int lk_clr_find_section(uint64_t pc, struct lk_clr_section *ret_section)
{
	uint64_t at = lk_clr.range_map ? first_fragment(pc) : 0;

	for (unsigned i = 0; at && i < FRAGMENTS_MAX; i++) {
		uint64_t words[4], begin, end;

		if (lk_peek(at, words, sizeof(words)))
			return -ENODATA;
		begin = word_at((uint8_t *)words, lk_clr.fragment_begin, sizeof(words));
		end = word_at((uint8_t *)words, lk_clr.fragment_end, sizeof(words));
		if (pc >= begin && pc < end) {
			at = word_at((uint8_t *)words, lk_clr.fragment_section, sizeof(words));
			if (read_section(at, ret_section) || pc < ret_section->begin ||
				pc >= ret_section->end)
				return -ENODATA;
			return 0;
		}
		at = word_at((uint8_t *)words, lk_clr.fragment_next, sizeof(words)) & ~1ull;
	}
	return -ENODATA;
}

/* --- JIT'd code ------------------------------------------------------------------ */

/*
 * The start of the method whose code holds offset `at` from the map's base.  A map
 * word describes 256 bytes of code; where a method covers all of them, .NET 10
 * writes the method's start there instead (low nibble above 8), and older versions
 * leave it 0, so that one looks back.
 */
static int method_start(uint64_t map, uint64_t at, uint64_t *ret_start)
{
	uint64_t index = at >> 8, first;
	int nibble = (int)(at >> 5 & 7);
	uint32_t words[64], word;

	for (uint64_t n = 0; n < MAP_WORDS_MAX; n++) {
		uint64_t in_chunk = index & 63;

		if (!n || in_chunk == 63) {
			first = index & ~63ull;
			if (lk_peek(map + 4 * first, words, 4 * (in_chunk + 1)))
				return -ENODATA;
		}
		word = words[in_chunk];
		if ((word & 15) > 8) {
			*ret_start = (word & ~15u) + (((word & 15) - 9) << 2);
			return 0;
		}
		for (; nibble >= 0; nibble--) {
			uint32_t v = word >> (28 - 4 * nibble) & 15;
			uint64_t start = (index << 8) + 32ull * (unsigned)nibble + 4 * (v - 1ull);

			if (v && start <= at) {
				*ret_start = start;
				return 0;
			}
		}
		if (!index--)
			break;
		nibble = 7;
	}
	return -ENODATA;
}

/* Finds which part of the method (itself or a funclet) holds pc, and where all of it ends. */
static int find_part(
	const struct lk_clr_section *s, uint32_t nr, uint64_t pc, struct lk_clr_code *code)
{
	uint8_t bytes[16 * FUNCTION_SIZE];
	uint64_t at = code->header + lk_clr.code_unwind;
	bool found = false;

	if (!nr || nr > PARTS_MAX)
		return -ENODATA;
	for (uint32_t i = 0; i < nr;) {
		uint32_t n = nr - i < 16 ? nr - i : 16;
		struct lk_cursor c = lk_cursor_over(bytes, n * FUNCTION_SIZE);

		if (lk_peek(at + i * FUNCTION_SIZE, bytes, n * FUNCTION_SIZE))
			return -ENODATA;
		for (i += n; n; n--) {
			uint64_t begin = s->begin + lk_cursor_u32(&c);
			uint64_t end = s->begin + lk_cursor_u32(&c);
			uint64_t unwind = s->begin + lk_cursor_u32(&c);

			if (end > code->end)
				code->end = end;
			if (pc < begin || pc >= end)
				continue;
			code->function = begin;
			code->unwind = unwind;
			found = true;
		}
	}
	return found && code->end <= s->end ? 0 : -ENODATA;
}

/* Code of a DynamicMethod is freed with it; its heap is not marked as collectible. */
static bool is_freed_alone(uint64_t method)
{
	uint16_t flags;

	return lk_peek(method + lk_clr.method_flags, &flags, 2) || (flags & 7) == 7;
}

static int find_jit(const struct lk_clr_section *s, uint64_t pc, struct lk_clr_code *code)
{
	uint8_t heap[HEAP_SIZE], header[HEAP_SIZE];
	uint64_t base, map, start;
	uint32_t nr;

	if (lk_peek(s->heap, heap, sizeof(heap)))
		return -ENODATA;
	base = word_at(heap, lk_clr.heap_map_base, sizeof(heap));
	map = word_at(heap, lk_clr.heap_map, sizeof(heap));
	if (pc < word_at(heap, lk_clr.heap_start, sizeof(heap)) ||
		pc >= word_at(heap, lk_clr.heap_end, sizeof(heap)) || pc < base ||
		method_start(map, pc - base, &start))
		return -ENODATA;
	start += base;
	if (start < s->begin || lk_peek_u64(start - 8, &code->header) ||
		code->header <= lk_clr.stub_last || lk_peek(code->header, header, sizeof(header)))
		return -ENODATA;
	__builtin_memcpy(&nr, header + lk_clr.code_nr_unwind, sizeof(nr));
	code->kind = LK_CLR_CODE_JIT;
	code->start = code->end = start;
	code->method = word_at(header, lk_clr.code_method, sizeof(header));
	code->permanent &= !is_freed_alone(code->method);
	return find_part(s, nr, pc, code);
}

/* --- precompiled code ---------------------------------------------------------------- */

static uint32_t u32_at(const uint8_t *at)
{
	uint32_t v;

	__builtin_memcpy(&v, at, sizeof(v));
	return v;
}

/*
 * An image's tables are read without asking the kernel for each word: images with
 * precompiled code are never unmapped (collectible assemblies are not
 * precompiled), and the ends of the table were read once.
 */
static int search_functions(const struct lk_clr_section *s, uint64_t rva, struct lk_clr_code *code)
{
	uint32_t low = 0, high = code->nr_functions;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (u32_at(code->functions + middle * FUNCTION_SIZE) <= rva)
			low = middle;
		else
			high = middle;
	}
	code->index = low;
	code->start = code->function = s->begin + u32_at(code->functions + low * FUNCTION_SIZE);
	code->end = s->begin + u32_at(code->functions + low * FUNCTION_SIZE + 4);
	code->unwind = s->begin + u32_at(code->functions + low * FUNCTION_SIZE + 8);
	return rva + s->begin >= code->start && rva + s->begin < code->end ? 0 : -ENODATA;
}

/* Where an image's table is, kept for the images met last; written once each. */
static struct known_image {
	uint64_t module; /* written last; 0: free */
	uint64_t begin;
	const uint8_t *functions;
	uint32_t nr_functions;
} known_images[1024];

static int read_functions(const struct lk_clr_section *s, struct lk_clr_code *code)
{
	uint64_t info, composite, at;
	uint32_t nr, end;

	if (lk_peek_u64(s->module + lk_clr.module_r2r, &info) || !info)
		return -ENODATA;
	if (!lk_peek_u64(info + lk_clr.r2r_composite, &composite) && composite)
		info = composite;
	if (lk_peek_u64(info + lk_clr.r2r_functions, &at) ||
		lk_peek_u32(info + lk_clr.r2r_nr_functions, &nr) || !nr || nr > 1u << 26 ||
		at < s->begin || at + (uint64_t)nr * FUNCTION_SIZE > s->end ||
		lk_peek_u32(at, &end) || lk_peek_u32(at + (nr - 1ull) * FUNCTION_SIZE, &end))
		return -ENODATA;
	code->functions = (const uint8_t *)at;
	code->nr_functions = nr;
	return 0;
}

int lk_clr_find_r2r(const struct lk_clr_section *s, uint64_t pc, struct lk_clr_code *code)
{
	struct known_image *k =
		&known_images[(s->module ^ s->module >> 12) & (LK_ARRAY_SIZE(known_images) - 1)];
	uint64_t none = 0;

	code->kind = LK_CLR_CODE_R2R;
	code->module = s->module;
	if (lk_load_acq(&k->module) == s->module && k->begin == s->begin) {
		code->functions = k->functions;
		code->nr_functions = k->nr_functions;
	} else {
		if (read_functions(s, code))
			return -ENODATA;
		/* 1: being written.  Another image may have the place: then this one is not kept.
		 */
		if (__atomic_compare_exchange_n(
			    &k->module, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			k->begin = s->begin;
			k->functions = code->functions;
			k->nr_functions = code->nr_functions;
			lk_store_rel(&k->module, s->module); /* pairs with the load above */
		}
	}
	return search_functions(s, pc - s->begin, code);
}

int lk_clr_find_code(uint64_t pc, struct lk_clr_code *ret_code)
{
	struct lk_clr_section s;
	struct lk_clr_code code = {0};
	int r = lk_clr_find_section(pc, &s);

	if (r)
		return r;
	code.base = s.begin;
	code.permanent = !(s.flags & LK_CLR_SECTION_COLLECTIBLE);
	if (s.flags & SECTION_CODEHEAP)
		r = find_jit(&s, pc, &code);
	else if (s.module)
		r = lk_clr_find_r2r(&s, pc, &code);
	else
		r = -ENODATA;
	if (!r)
		*ret_code = code;
	return r;
}
