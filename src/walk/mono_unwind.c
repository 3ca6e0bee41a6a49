/*
 * Unwind programs of JIT'd code.  MonoJitInfo.unwind_info is an index into
 *
 *   static struct { u32 size; u8 ops[]; } **cached_info
 *
 * which no symbol names.  The variable is found by its content: of all words in
 * the runtime's writable data, the one that points to an array in which every
 * index that real methods use leads to a program that begins as every program of
 * this architecture does.  The runtime replaces the array when it grows, so the
 * variable's address is kept, never the array's; old arrays are never freed
 * (mono/mini/unwind.c of Mono 6.8).
 *
 * The same pass notes the variables that may be the list of domains,
 * appdomains_list: arrays indexed by domain id that hold the root domain.
 */
#include "base/cursor.h"
#include "walk/mono.h"
#include "walk/peek.h"

#include <dlfcn.h>
#include <errno.h>

#define NR_SAMPLES  32u
#define MIN_SAMPLES 2u
#define SCAN_WORDS  64u
#define MAX_ENTRIES (1u << 24)
#define MAX_FAILED  8u

#define OP_OFFSET_RA 0x90 /* DW_CFA_offset | 16 */

struct samples {
	uint32_t nr;
	uint32_t index[NR_SAMPLES];
	uint64_t root;
	uint64_t root_id;
};

/* def_cfa rsp, N; offset r16 at cfa - 8: the state at a function's entry */
static bool ops_begin_well(const uint8_t ops[5])
{
	return ops[0] == 0x0c && ops[1] == 7 && ops[2] && ops[2] % 8 == 0 && ops[3] == 0x90 &&
	       ops[4] == 1;
}

static int entry_read(uint64_t array, uint32_t index, uint64_t *ret_ops, uint32_t *ret_size)
{
	uint64_t entry;
	uint8_t head[9];
	uint32_t size;

	if (index >= MAX_ENTRIES || lk_peek_u64(array + 8ull * index, &entry) || !entry ||
		entry % 4 || lk_peek(entry, head, sizeof(head)))
		return -ENODATA;
	__builtin_memcpy(&size, head, sizeof(size));
	if (size < 5 || size > LK_MONO_OPS_MAX || !ops_begin_well(head + 4))
		return -ENODATA;
	*ret_ops = entry + 4;
	*ret_size = size;
	return 0;
}

static bool in_data(uint64_t addr)
{
	for (unsigned i = 0; i < LK_MONO_NR_SEGMENTS; i++)
		if (addr >= lk_mono.data[i].start && addr < lk_mono.data[i].end)
			return true;
	return false;
}

/* Code in a loaded module is ahead-of-time code: its index means something else. */
static void sample_add(const struct lk_mono_code *code, void *data)
{
	struct samples *s = data;
	struct dl_find_object found;

	if (s->nr == NR_SAMPLES || _dl_find_object((void *)code->start, &found) == 0)
		return;
	for (uint32_t i = 0; i < s->nr; i++)
		if (s->index[i] == code->unwind_info)
			return;
	s->index[s->nr++] = code->unwind_info;
}

static bool is_unwind_array(const struct samples *s, uint64_t array)
{
	uint64_t ops;
	uint32_t size;

	/* Index 0 first: nearly every other array ends here, after two reads. */
	if (entry_read(array, 0, &ops, &size))
		return false;
	for (uint32_t i = 0; i < s->nr; i++)
		if (entry_read(array, s->index[i], &ops, &size))
			return false;
	return true;
}

static void note_domain_list(const struct samples *s, uint64_t var, uint64_t array)
{
	uint64_t domain;

	if (lk_peek_u64(array + 8 * s->root_id, &domain) || domain != s->root)
		return;
	for (unsigned i = 0; i < LK_MONO_NR_LISTS; i++) {
		uint64_t known = lk_load(&lk_mono.domain_list_vars[i]);

		if (known == var)
			return;
		if (!known) {
			lk_store(&lk_mono.domain_list_vars[i], var);
			return;
		}
	}
}

static uint64_t scan_words(const struct samples *s, uint64_t at, const uint64_t *words, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t w = words[i];

		if (w % 8 || w < 65536 || w >> LK_ADDRESS_BITS || in_data(w))
			continue;
		note_domain_list(s, at + 8 * i, w);
		if (is_unwind_array(s, w))
			return at + 8 * i;
	}
	return 0;
}

static uint64_t scan(const struct samples *s)
{
	uint64_t words[SCAN_WORDS], found = 0;

	for (unsigned i = 0; i < LK_MONO_NR_SEGMENTS; i++)
		for (uint64_t at = lk_mono.data[i].start; at < lk_mono.data[i].end;) {
			size_t left = lk_mono.data[i].end - at;
			size_t n = left < sizeof(words) ? left : sizeof(words);
			uint64_t var;

			n = lk_peek_some(at, words, n) / 8;
			if (!n)
				break;
			/* To the end even where it is found: the domain list may follow. */
			var = scan_words(s, at, words, n);
			if (var && !found)
				found = var;
			at += 8 * n;
		}
	return found;
}

/*
 * A search that finds nothing costs some milliseconds, and may find it when more
 * code is there to tell the array by; after a few failures it is tried ever more
 * rarely.
 */
static bool may_search(void)
{
	uint32_t n;

	if (lk_load(&lk_mono.nr_failed) < MAX_FAILED)
		return true;
	n = lk_add(&lk_mono.nr_asked, 1) + 1;
	return !(n & (n - 1));
}

static uint64_t unwind_var(void)
{
	uint64_t var = lk_load(&lk_mono.unwind_var);
	struct samples s = {0};
	uint32_t id;

	if (var)
		return var;
	s.root = lk_mono_root_domain();
	if (!s.root || lk_peek_u32(s.root + lk_mono.domain_id, &id) || !may_search())
		return 0;
	s.root_id = id & 0xffff;
	lk_mono_each_code(8 * NR_SAMPLES, sample_add, &s);
	if (s.nr < MIN_SAMPLES)
		return 0;
	var = scan(&s);
	if (var)
		lk_store(&lk_mono.unwind_var, var);
	else
		lk_add(&lk_mono.nr_failed, 1);
	return var;
}

/* Steps over one instruction; false: the program ends, or has one that Mono does not write. */
static bool skip_op(struct lk_cursor *c)
{
	uint8_t op = lk_cursor_u8(c);
	unsigned nr_ulebs = 0, nr_bytes = 0;

	if (op >> 6) {
		nr_ulebs = op >> 6 == 2; /* offset; advance_loc and restore have none */
	} else if (op >= 0x02 && op <= 0x04) {
		nr_bytes = 1u << (op - 2); /* advance_loc1, 2, 4 */
	} else if (op == 0x05 || op == 0x0c) {
		nr_ulebs = 2; /* offset_extended, def_cfa */
	} else if ((op >= 0x06 && op <= 0x08) || op == 0x0d || op == 0x0e) {
		nr_ulebs = 1; /* restore_extended, undefined, same_value, def_cfa_* */
	} else if (op != 0x00 && op != 0x0a && op != 0x0b) {
		return false; /* not nop, remember_state, restore_state */
	}
	lk_cursor_take(c, nr_bytes);
	while (nr_ulebs--)
		lk_cursor_uleb(c);
	return !c->bad && c->at < c->end;
}

/*
 * A generic trampoline saves all registers for the runtime's use, the return
 * address among them: a copy of the one at CFA - 8, which its program names as
 * the place from then on (mono_arch_create_generic_trampoline).  A row can say
 * only the original, which holds the same until the trampoline leaves.
 */
static void drop_copies(uint8_t *ops, uint32_t size)
{
	struct lk_cursor c = lk_cursor_over(ops, size);
	bool more = true;

	while (more) {
		uint8_t *at = ops + (c.at - ops);
		bool is_copy = at[0] == OP_OFFSET_RA && at + 1 < c.end && at[1] != 1;

		more = skip_op(&c);
		while (is_copy && !c.bad && at < c.at)
			*at++ = 0;
	}
}

int lk_mono_unwind_ops(uint32_t index, uint8_t ops[LK_MONO_OPS_MAX])
{
	uint64_t var = unwind_var(), array, at;
	uint32_t size;

	if (!var || lk_peek_u64(var, &array) || entry_read(array, index, &at, &size) ||
		lk_peek(at, ops, size))
		return -ENODATA;
	drop_copies(ops, size);
	return (int)size;
}
