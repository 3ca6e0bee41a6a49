#include "symbol/units.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* Against damaged files; Chromium has some 30,000 units. */
#define MAX_UNITS  (1u << 20)
#define MAX_RANGES (1u << 20)
#define MAX_DEPTH  64

static bool go_on(struct lk_walk *walk, const Dwarf_Die *die)
{
	if (walk->seen && (uintptr_t)die->addr <= (uintptr_t)walk->seen)
		return false;
	walk->seen = die->addr;
	return true;
}

bool lk_walk_child(struct lk_walk *walk, Dwarf_Die *parent, Dwarf_Die *ret_child)
{
	return !dwarf_child(parent, ret_child) && go_on(walk, ret_child);
}

bool lk_walk_sibling(struct lk_walk *walk, Dwarf_Die *die)
{
	Dwarf_Die next;

	if (dwarf_siblingof(die, &next) || !go_on(walk, &next))
		return false;
	*die = next;
	return true;
}

/* Code that the linker dropped keeps its entry, at address 0 or thereabouts. */
static bool is_code(const struct lk_units *units, uint64_t low)
{
	return lk_spans_find(units->code, low, LK_SPANS_NONE) != LK_SPANS_NONE;
}

/* Adds the entry's ranges; false where it has none. */
static bool add_ranges(
	const struct lk_units *units, struct lk_spans *spans, Dwarf_Die *die, uint32_t value)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;
	size_t nr = 0;

	while (nr < MAX_RANGES && (at = dwarf_ranges(die, at, &base, &low, &high)) > 0) {
		nr++;
		if (is_code(units, low))
			lk_spans_add(spans, low, high, value);
	}
	return nr > 0;
}

static void add_unit(struct lk_units *units, Dwarf_Die *die)
{
	size_t i = units->nr;

	units->units = lk_grow(units->units, units->nr, &units->capacity, sizeof(*units->units));
	units->units[units->nr++] = (struct lk_unit){.die = *die};
	if (!add_ranges(units, &units->spans, die, (uint32_t)i))
		units->some_unplaced = true;
}

/*
 * elfutils 0.188 reads file names in .debug_line_str up to a NUL that it takes for
 * granted.  The sections are in memory by now, unpacked: libdw looked at them.
 */
static bool has_sound_strings(Elf *elf)
{
	size_t names;
	GElf_Shdr header;

	if (elf_getshdrstrndx(elf, &names))
		return false;
	for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
		const char *name = NULL;
		Elf_Data *data;

		if (gelf_getshdr(s, &header) && header.sh_type != SHT_NOBITS)
			name = elf_strptr(elf, names, header.sh_name);
		if (!name || (strncmp(name, ".debug_str", 10) != 0 &&
				     strncmp(name, ".debug_line_str", 15) != 0 &&
				     strncmp(name, ".zdebug_str", 11) != 0))
			continue;
		if (strstr(name, "_offsets"))
			continue;
		data = elf_rawdata(s, NULL);
		if (data && data->d_size && ((const char *)data->d_buf)[data->d_size - 1])
			return false;
	}
	return true;
}

struct lk_units *lk_units_open(Elf *elf, const struct lk_spans *code)
{
	struct lk_units *units;
	Dwarf *dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;

	if (!dwarf)
		return NULL;
	if (!has_sound_strings(elf)) {
		dwarf_end(dwarf);
		return NULL;
	}
	units = lk_xcalloc(1, sizeof(*units));
	units->dwarf = dwarf;
	units->code = code;
	for (unsigned n = 0; n < MAX_UNITS; n++) {
		if (dwarf_get_units(dwarf, cu, &cu, &version, &type, &die, NULL))
			break;
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			add_unit(units, &die);
	}
	lk_spans_sort(&units->spans);
	return units;
}

struct lk_units *lk_units_close(struct lk_units *units)
{
	if (!units)
		return NULL;
	for (size_t i = 0; i < units->nr; i++) {
		lk_spans_done(&units->units[i].spans);
		free(units->units[i].functions);
	}
	lk_spans_done(&units->spans);
	free(units->units);
	dwarf_end(units->dwarf);
	free(units);
	return NULL;
}

/* By .debug_aranges, for units whose entry does not say where their code is. */
static struct lk_unit *find_unplaced(struct lk_units *units, uint64_t addr)
{
	Dwarf_Die die;
	size_t low = 0, high = units->nr;

	if (!units->some_unplaced || !dwarf_addrdie(units->dwarf, addr, &die))
		return NULL;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct lk_unit *unit = &units->units[mid];

		if (unit->die.addr == die.addr)
			return unit;
		if ((uintptr_t)unit->die.addr < (uintptr_t)die.addr)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct lk_unit *lk_units_find(struct lk_units *units, uint64_t addr, size_t *at)
{
	bool is_first = *at == LK_SPANS_NONE;

	if (*at == units->spans.nr)
		return NULL;
	*at = lk_spans_find(&units->spans, addr, *at);
	if (*at != LK_SPANS_NONE)
		return &units->units[units->spans.at[*at].value];
	*at = units->spans.nr;
	return is_first ? find_unplaced(units, addr) : NULL;
}

static void add_function(struct lk_units *units, struct lk_unit *unit, Dwarf_Die *die)
{
	if (!add_ranges(units, &unit->spans, die, (uint32_t)unit->nr_functions))
		return;
	unit->functions = lk_grow(
		unit->functions, unit->nr_functions, &unit->capacity, sizeof(*unit->functions));
	unit->functions[unit->nr_functions++] = *die;
}

static bool is_looked_into(int tag, enum lk_unit_indexed how)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
		return true;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust: methods of an enum */
	case DW_TAG_inlined_subroutine:
		return how == LK_UNIT_ALL;
	default:
		return false;
	}
}

static void index_children(struct lk_units *units, struct lk_unit *unit, struct lk_walk *walk,
	Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth > MAX_DEPTH || !lk_walk_child(walk, parent, &die))
		return;
	do {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram)
			add_function(units, unit, &die);
		if (is_looked_into(tag, unit->indexed))
			index_children(units, unit, walk, &die, depth + 1);
	} while (lk_walk_sibling(walk, &die));
}

/* Where the functions are: a skeleton unit names the .dwo file that has them. */
static void find_body(struct lk_unit *unit)
{
	Dwarf_Half version;
	uint8_t type;

	if (dwarf_cu_info(unit->die.cu, &version, &type, NULL, &unit->body, NULL, NULL, NULL) ||
		type != DW_UT_skeleton || !unit->body.addr || !unit->body.cu ||
		!has_sound_strings(dwarf_getelf(dwarf_cu_getdwarf(unit->body.cu))))
		unit->body = unit->die;
}

static void index_unit(struct lk_units *units, struct lk_unit *unit, enum lk_unit_indexed how)
{
	struct lk_walk walk = {0};

	if (unit->indexed == LK_UNIT_UNREAD)
		find_body(unit);
	unit->indexed = how;
	unit->nr_functions = 0;
	lk_spans_done(&unit->spans);
	index_children(units, unit, &walk, &unit->body, 0);
	lk_spans_sort(&unit->spans);
}

static bool find_function(const struct lk_unit *unit, uint64_t addr, Dwarf_Die *ret_function)
{
	size_t at = lk_spans_find(&unit->spans, addr, LK_SPANS_NONE);

	if (at == LK_SPANS_NONE)
		return false;
	*ret_function = unit->functions[unit->spans.at[at].value];
	return true;
}

bool lk_unit_function(
	struct lk_units *units, struct lk_unit *unit, uint64_t addr, Dwarf_Die *ret_function)
{
	for (int how = LK_UNIT_OUTER; how <= LK_UNIT_ALL; how++) {
		if ((int)unit->indexed < how)
			index_unit(units, unit, (enum lk_unit_indexed)how);
		if (find_function(unit, addr, ret_function))
			return true;
	}
	return false;
}
