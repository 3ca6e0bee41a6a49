/*
 * Ahead-of-time code: a shared object per assembly that exports
 * mono_aot_file_info and has neither .eh_frame nor symbols the loader sees.
 *
 *   method_addresses   nr_methods times `call rel32`; one that was not compiled
 *                      calls the table itself.  Mostly in order of address.
 *   ex_info_offsets    index -> offset in blob, delta coded in groups:
 *                      { u32 count, group, groups, entry size } offsets deltas
 *   blob + offset      flags, offset of the unwind program, ...
 *   unwind_info        { size, bytes } each
 *
 * Numbers are Mono's own variable-length, big-endian ones.  Facts:
 * mono/mini/aot-runtime.h, aot-runtime.c and aot-compiler.c of Mono 6.8, whose
 * format is number 171.
 *
 * The tables are read in place: code of this module is on the stack, so it is mapped.
 */
#include "base/cursor.h"
#include "elf/dynsym.h"
#include "walk/mono.h"
#include "walk/peek.h"

#include <elf.h>
#include <errno.h>

#define AOT_VERSION	  171u
#define AOT_SEPARATE_DATA 64u
#define CALL_SIZE	  5u
#define EX_HAS_UNWIND	  2u
#define NR_KNOWN	  64u

enum info_offset {
	INFO_CODE_START = 48,
	INFO_CODE_END = 56,
	INFO_METHODS = 64,
	INFO_BLOB = 88,
	INFO_EX_OFFSETS = 120,
	INFO_UNWIND = 280,
	INFO_NR_METHODS = 324,
	INFO_NR_EXTRA = 328,
	INFO_FLAGS = 332,
	INFO_CALL_SIZE = 376,
	INFO_SIZE = 552,
};

struct aot_module {
	const struct link_map *map;
	const uint8_t *info;
	uint64_t code_start, code_end;
	const uint8_t *methods; /* nr_methods * CALL_SIZE bytes, checked */
	uint32_t nr_methods, nr_own;
};

static uint64_t info_u64(const struct aot_module *m, enum info_offset off)
{
	uint64_t v;

	__builtin_memcpy(&v, m->info + off, sizeof(v));
	return v;
}

static uint32_t info_u32(const struct aot_module *m, enum info_offset off)
{
	uint32_t v;

	__builtin_memcpy(&v, m->info + off, sizeof(v));
	return v;
}

/* A cursor from addr to the end of the module's segment that holds it; empty if none does. */
static struct lk_cursor cursor_at(const struct link_map *map, uint64_t addr)
{
	struct lk_cursor none = {.bad = true};
	const Elf64_Ehdr *ehdr = (const Elf64_Ehdr *)map->l_addr;
	const Elf64_Phdr *phdr = (const Elf64_Phdr *)(map->l_addr + ehdr->e_phoff);

	for (unsigned i = 0; i < ehdr->e_phnum; i++) {
		uint64_t start = map->l_addr + phdr[i].p_vaddr;

		if (phdr[i].p_type == PT_LOAD && phdr[i].p_flags & PF_R && addr >= start &&
			addr - start < phdr[i].p_memsz)
			return lk_cursor_over((const void *)addr, phdr[i].p_memsz - (addr - start));
	}
	return none;
}

/* 1 byte below 0x80, 2 below 0xc0, 5 for 0xff, else 4. */
static uint32_t number(struct lk_cursor *c)
{
	uint32_t b = lk_cursor_u8(c), v;

	if (b < 0x80)
		return b;
	if (b < 0xc0)
		return (b & 0x3f) << 8 | lk_cursor_u8(c);
	v = b == 0xff ? lk_cursor_u8(c) : b & 0x1f;
	v = v << 8 | lk_cursor_u8(c);
	v = v << 8 | lk_cursor_u8(c);
	return v << 8 | lk_cursor_u8(c);
}

static int module_open(const struct link_map *map, struct aot_module *m)
{
	uint8_t magic[SELFMAG];
	struct lk_cursor c;

	*m = (struct aot_module){.map = map};
	m->info = lk_elf_symbol(map, "mono_aot_file_info");
	if (!m->info)
		return -ENODATA;
	if (lk_peek(map->l_addr, &magic, sizeof(magic)) || __builtin_memcmp(magic, ELFMAG, SELFMAG))
		return -EOPNOTSUPP;
	c = cursor_at(map, (uint64_t)m->info);
	if (!lk_cursor_take(&c, INFO_SIZE))
		return -EBADMSG;
	if (info_u32(m, 0) != AOT_VERSION || info_u32(m, INFO_FLAGS) & AOT_SEPARATE_DATA ||
		info_u32(m, INFO_CALL_SIZE) != CALL_SIZE)
		return -EOPNOTSUPP;
	m->code_start = info_u64(m, INFO_CODE_START);
	m->code_end = info_u64(m, INFO_CODE_END);
	m->nr_methods = info_u32(m, INFO_NR_METHODS);
	m->nr_own = m->nr_methods - info_u32(m, INFO_NR_EXTRA);
	c = cursor_at(map, info_u64(m, INFO_METHODS));
	m->methods = lk_cursor_take(&c, (size_t)m->nr_methods * CALL_SIZE);
	return m->methods && m->nr_own <= m->nr_methods ? 0 : -EBADMSG;
}

/* Where method i's code starts; 0: it has none. */
static uint64_t method_start(const struct aot_module *m, uint32_t i)
{
	const uint8_t *call = m->methods + (size_t)i * CALL_SIZE;
	uint64_t to;
	int32_t rel;

	__builtin_memcpy(&rel, call + 1, sizeof(rel));
	to = (uint64_t)call + CALL_SIZE + (uint64_t)(int64_t)rel;
	return to >= m->code_start && to < m->code_end ? to : 0;
}

static bool methods_sorted(const struct aot_module *m)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < m->nr_methods; i++) {
		uint64_t start = method_start(m, i);

		if (start && start < last)
			return false;
		if (start)
			last = start;
	}
	return true;
}

/*
 * Modules whose methods are known to be in order, so that the search can be a
 * binary one.  A slot is written once; one that says nothing only costs time.
 */
static bool is_sorted(const struct aot_module *m)
{
	static uint64_t known[NR_KNOWN]; /* address of the info; bit 0: sorted */
	uint64_t *slot = &known[(uint64_t)m->info / 64 % NR_KNOWN];
	uint64_t key = (uint64_t)m->info & ~1ull, is = lk_load(slot);

	if ((is & ~1ull) != key) {
		is = key | methods_sorted(m);
		lk_store(slot, is);
	}
	return is & 1;
}

struct bounds {
	uint64_t start, end;
	uint32_t index;
};

static void bounds_add(struct bounds *b, uint64_t pc, uint32_t i, uint64_t start)
{
	if (start && start <= pc && start >= b->start)
		*b = (struct bounds){.start = start, .end = b->end, .index = i};
	else if (start > pc && start < b->end)
		b->end = start;
}

/* Steps over methods without code, which have no place in the order. */
static struct bounds search_sorted(const struct aot_module *m, uint64_t pc)
{
	struct bounds b = {.end = m->code_end};
	uint32_t low = 0, high = m->nr_methods;

	while (low < high) {
		uint32_t i = low + (high - low) / 2, middle = i;
		uint64_t start = 0;

		while (i < high && !(start = method_start(m, i)))
			i++;
		if (!start) {
			high = middle;
			continue;
		}
		bounds_add(&b, pc, i, start);
		if (start <= pc)
			low = i + 1;
		else
			high = middle;
	}
	return b;
}

static struct bounds search_all(const struct aot_module *m, uint64_t pc)
{
	struct bounds b = {.end = m->code_end};

	for (uint32_t i = 0; i < m->nr_methods; i++)
		bounds_add(&b, pc, i, method_start(m, i));
	return b;
}

/* Entry index of a table of offsets. */
static int table_offset(
	const struct aot_module *m, enum info_offset table, uint32_t index, uint32_t *ret_offset)
{
	uint64_t at = info_u64(m, table);
	struct lk_cursor c = cursor_at(m->map, at);
	uint32_t count = lk_cursor_u32(&c), group = lk_cursor_u32(&c);
	uint32_t nr_groups = lk_cursor_u32(&c), entry = lk_cursor_u32(&c), offset, start;

	if (c.bad || index >= count || !group || index / group >= nr_groups ||
		(entry != 2 && entry != 4))
		return -EBADMSG;
	lk_cursor_take(&c, (size_t)entry * (index / group));
	start = entry == 2 ? lk_cursor_u16(&c) : lk_cursor_u32(&c);
	c = cursor_at(m->map, at + 16 + (uint64_t)entry * nr_groups + start);
	offset = number(&c);
	for (uint32_t i = index / group * group; i < index; i++)
		offset += number(&c);
	if (c.bad)
		return -EBADMSG;
	*ret_offset = offset;
	return 0;
}

static int ops_find(const struct aot_module *m, struct lk_mono_aot *aot)
{
	struct lk_cursor c;
	uint32_t offset, flags;
	int r = table_offset(m, INFO_EX_OFFSETS, aot->index, &offset);

	if (r)
		return r;
	c = cursor_at(m->map, info_u64(m, INFO_BLOB) + offset);
	flags = number(&c);
	offset = number(&c);
	if (c.bad)
		return -EBADMSG;
	if (!(flags & EX_HAS_UNWIND))
		return -EOPNOTSUPP;
	c = cursor_at(m->map, info_u64(m, INFO_UNWIND) + offset);
	aot->ops_size = number(&c);
	aot->ops = lk_cursor_take(&c, aot->ops_size);
	return aot->ops ? 0 : -EBADMSG;
}

int lk_mono_aot_find(const struct link_map *m, uint64_t pc, struct lk_mono_aot *ret_aot)
{
	struct aot_module module;
	struct lk_mono_aot aot;
	struct bounds b;
	int r = module_open(m, &module);

	if (r)
		return r;
	if (pc < module.code_start || pc >= module.code_end)
		return -ENODATA;
	b = is_sorted(&module) ? search_sorted(&module, pc) : search_all(&module, pc);
	if (!b.start)
		return -ENODATA;
	aot = (struct lk_mono_aot){
		.start = b.start,
		.size = b.end - b.start,
		.index = b.index,
		.nr_own = module.nr_own,
	};
	r = ops_find(&module, &aot);
	if (!r)
		*ret_aot = aot;
	return r;
}
