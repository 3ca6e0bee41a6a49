#include "base/cursor.h"
#include "walk/clr.h"
#include "walk/clr_method.h"
#include "walk/clr_r2r.h"
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

/* Structures are read in one piece, up to the last of the fields that are wanted. */
#define PIECE_MAX 256u

int lk_clr_read(uint64_t addr, void *to, size_t size, bool stays)
{
	if (!stays)
		return lk_peek(addr, to, size);
	__builtin_memcpy(to, (const void *)addr, size);
	return 0;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint64_t word_at(const uint8_t *bytes, uint32_t offset, uint32_t size)
{
	uint64_t value = 0;

	if (offset + 8 <= size)
		__builtin_memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static int read_section(uint64_t at, struct lk_clr_section *ret)
{
	uint32_t size = 8 + later(later(lk_clr.section_begin, lk_clr.section_end),
				    later(later(lk_clr.section_flags, lk_clr.section_module),
					    lk_clr.section_heap));
	uint8_t bytes[PIECE_MAX];

	if (size > sizeof(bytes) || lk_peek(at, bytes, size))
		return -ENODATA;
	*ret = (struct lk_clr_section){
		.begin = word_at(bytes, lk_clr.section_begin, size),
		.end = word_at(bytes, lk_clr.section_end, size),
		.flags = word_at(bytes, lk_clr.section_flags, size) & UINT32_MAX,
		.module = word_at(bytes, lk_clr.section_module, size),
		.heap = word_at(bytes, lk_clr.section_heap, size),
	};
	return 0;
}

static uint64_t first_fragment(uint64_t map, uint64_t pc)
{
	uint64_t at = map;

	for (unsigned level = LEVELS; level && at; level--) {
		uint64_t index = pc >> (LEVEL_SHIFT + 8 * (level - 1)) & 255;

		if (lk_peek_u64(at + 8 * index, &at))
			return 0;
		at &= ~1ull;
	}
	return at;
}

static int find_in_map(uint64_t map, uint64_t pc, struct lk_clr_section *ret_section)
{
	uint64_t at = first_fragment(map, pc);

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

/*
 * The map is the one global variable that leads from a pc of managed code to a
 * section that holds it.  A search in vain costs a tenth of a millisecond, and is made
 * for code of others too; after many it is made ever more rarely.
 */
#define SEARCHES 256u

static bool may_search(void)
{
	static uint32_t nr_searched;
	uint32_t n = lk_add(&nr_searched, 1) + 1;

	return n < SEARCHES || !(n & (n - 1));
}

static int find_map(uint64_t pc, struct lk_clr_section *ret_section)
{
	uint64_t var;

	if (!lk_clr.globals || !may_search())
		return -ENODATA;
	for (uint32_t i = 0; i < lk_clr.nr_globals; i++) {
		if (lk_peek_u64((uint64_t)(lk_clr.globals + i), &var) || var % 8 || !(var >> 16) ||
			find_in_map(var, pc, ret_section))
			continue;
		lk_store(&lk_clr.range_map, var);
		return 0;
	}
	return -ENODATA;
}

int lk_clr_find_section(uint64_t pc, struct lk_clr_section *ret_section)
{
	uint64_t map = lk_load(&lk_clr.range_map);

	return map ? find_in_map(map, pc, ret_section) : find_map(pc, ret_section);
}

/* --- sections that stay -------------------------------------------------------------- */

/*
 * Sections that live as long as the process: images, and heaps in which a method
 * was seen that is not collectible and not a DynamicMethod (those have heaps of their
 * own).  By page of code; an entry is written under its own `busy` and read as a
 * sequence lock, so that threads find it whole or not at all.
 */
static struct known_section {
	uint32_t version; /* odd: being written */
	uint32_t pad;
	uint64_t page;
	struct lk_clr_section section;
} known[2048];

static struct known_section *known_at(uint64_t pc)
{
	return &known[(pc >> 12 ^ pc >> 23) & (LK_ARRAY_SIZE(known) - 1)];
}

static bool recall(uint64_t pc, struct lk_clr_section *ret)
{
	const struct known_section *k = known_at(pc);
	uint32_t version = lk_load_acq(&k->version); /* pairs with remember */
	bool same = !(version & 1) && lk_load(&k->page) == pc >> 12;

	if (!same)
		return false;
	*ret = k->section;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return lk_load(&k->version) == version && pc >= ret->begin && pc < ret->end;
}

static void remember(uint64_t pc, const struct lk_clr_section *section)
{
	struct known_section *k = known_at(pc);
	uint32_t version = lk_load(&k->version);

	if (version & 1 || !__atomic_compare_exchange_n(&k->version, &version, version + 1, false,
				   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	lk_store(&k->page, pc >> 12);
	k->section = *section;
	lk_store_rel(&k->version, version + 2); /* pairs with recall */
}

/* --- JIT'd code ------------------------------------------------------------------ */

/*
 * The start of the method whose code holds offset `at` from the map's base.  A map
 * word describes 256 bytes of code; where a method covers all of them, .NET 10
 * writes the method's start there instead (low nibble above 8), and older versions
 * leave it 0, so that one looks back.
 */
static int method_start(uint64_t map, uint64_t at, bool stays, uint64_t *ret_start)
{
	uint64_t index = at >> 8, first;
	int nibble = (int)(at >> 5 & 7);
	uint32_t words[64], word;

	for (uint64_t n = 0; n < MAP_WORDS_MAX; n++) {
		uint64_t in_chunk = index & 63;

		if (!n || in_chunk == 63) {
			first = index & ~63ull;
			if (lk_clr_read(map + 4 * first, words, 4 * (in_chunk + 1), stays))
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
	bool stays = code->permanent;
	uint64_t at = code->header + lk_clr.code_unwind;
	bool found = false;

	if (!nr || nr > PARTS_MAX)
		return -ENODATA;
	for (uint32_t i = 0; i < nr;) {
		uint32_t n = nr - i < 16 ? nr - i : 16;
		struct lk_cursor c = lk_cursor_over(bytes, n * FUNCTION_SIZE);

		if (lk_clr_read(at + i * FUNCTION_SIZE, bytes, n * FUNCTION_SIZE, stays))
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

/*
 * stays: the section is known to live on, so that its map and its code are read
 * without asking the kernel; what they point to is asked for once, then read.
 */
static int find_jit(
	const struct lk_clr_section *s, uint64_t pc, bool stays, struct lk_clr_code *code)
{
	uint32_t heap_size = 8 + later(later(lk_clr.heap_start, lk_clr.heap_end),
					 later(lk_clr.heap_map_base, lk_clr.heap_map));
	uint32_t header_size = later(lk_clr.code_method + 8, lk_clr.code_nr_unwind + 4), nr;
	uint8_t heap[PIECE_MAX], header[PIECE_MAX];
	uint64_t base, map, start;

	if (heap_size > sizeof(heap) || header_size > sizeof(header) ||
		lk_clr_read(s->heap, heap, heap_size, stays))
		return -ENODATA;
	base = word_at(heap, lk_clr.heap_map_base, heap_size);
	map = word_at(heap, lk_clr.heap_map, heap_size);
	if (pc < word_at(heap, lk_clr.heap_start, heap_size) ||
		pc >= word_at(heap, lk_clr.heap_end, heap_size) || pc < base ||
		method_start(map, pc - base, stays, &start))
		return -ENODATA;
	start += base;
	if (start < s->begin || start > pc ||
		lk_clr_read(start - 8, &code->header, sizeof(code->header), stays) ||
		code->header <= lk_clr.stub_last || lk_peek(code->header, header, header_size))
		return -ENODATA;
	__builtin_memcpy(&nr, header + lk_clr.code_nr_unwind, sizeof(nr));
	code->kind = LK_CLR_CODE_JIT;
	code->start = code->end = start;
	code->method = word_at(header, lk_clr.code_method, header_size);
	/* Code of a DynamicMethod goes with it; its heap is not marked as collectible. */
	code->permanent = stays || (!(s->flags & LK_CLR_SECTION_COLLECTIBLE) &&
					   !lk_clr_is_emitted(code->method));
	return find_part(s, nr, pc, code);
}

int lk_clr_find_code(uint64_t pc, struct lk_clr_code *ret_code)
{
	struct lk_clr_section s;
	struct lk_clr_code code = {0};
	bool stays = recall(pc, &s);
	int r = stays ? 0 : lk_clr_find_section(pc, &s);

	if (r)
		return r;
	code.base = s.begin;
	if (s.flags & SECTION_CODEHEAP)
		r = find_jit(&s, pc, stays, &code);
	else if (s.module)
		r = lk_clr_find_r2r(&s, pc, &code);
	else
		r = -ENODATA;
	if (r)
		return r;
	if (code.permanent && !stays)
		remember(pc, &s);
	*ret_code = code;
	return 0;
}
