#include "symbol/lines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symtab.h"

#define MAX_INLINED 64
#define MAX_DEPTH   256

/* The inlined functions at an address, outermost first. */
struct chain {
	Dwarf_Die inlined[MAX_INLINED];
	size_t nr;
	uint64_t addr;
	struct lk_walk walk;
};

struct position {
	const char *file;
	uint32_t line;
};

static bool is_absolute(const char *name)
{
	/* Windows' too: cross-compiled objects name such. */
	return name[0] == '/' || name[0] == '\\' || (name[0] && name[1] == ':');
}

static void drop_empty_parts(char *path)
{
	char *to = path;

	for (const char *at = path; *at;) {
		bool starts_part = to == path || to[-1] == '/';

		if (starts_part && at[0] == '.' && at[1] == '/')
			at += 2;
		else if (at[0] == '/' && to != path && to[-1] == '/')
			at++;
		else
			*to++ = *at++;
	}
	*to = 0;
}

/*
 * libdw joins a relative name to directory 0 of the line table, which is the
 * unit's directory, but not names in a relative directory to that.  Where the
 * directory is itself relative (-ffile-prefix-map), only the text tells.
 */
static bool is_joined(const char *directory, const char *name)
{
	size_t size = strlen(directory);

	return is_absolute(name) || (!strncmp(name, directory, size) && name[size] == '/');
}

const char *lk_source_path(struct lk_strings *strings, const char *directory, const char *name)
{
	const char *text;
	char *path;

	if (!name || !*name || !strcmp(name, "???"))
		return NULL; /* libdw's word for a file number that the table lacks */
	if (directory && *directory && !is_joined(directory, name))
		path = lk_xasprintf("%s/%s", directory, name);
	else
		path = lk_xstrdup(name);
	drop_empty_parts(path);
	text = *path ? lk_strings_add(strings, path) : NULL;
	free(path);
	return text;
}

static const char *directory_of(struct lk_unit *unit)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr(&unit->die, DW_AT_comp_dir, &attribute));
}

static struct position line_at(struct lk_unit *unit, uint64_t addr, struct lk_strings *strings)
{
	Dwarf_Line *row = dwarf_getsrc_die(&unit->die, addr);
	struct position p = {0};
	int line;

	if (!row)
		return p;
	p.file = lk_source_path(strings, directory_of(unit), dwarf_linesrc(row, NULL, NULL));
	if (p.file && !dwarf_lineno(row, &line) && line > 0)
		p.line = (uint32_t)line;
	return p;
}

static bool get_number(Dwarf_Die *die, unsigned name, uint64_t *ret_value)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &value))
		return false;
	*ret_value = value;
	return true;
}

static struct position call_of(struct lk_unit *unit, Dwarf_Die *inlined, struct lk_strings *strings)
{
	struct position p = {0};
	Dwarf_Files *files;
	size_t nr;
	uint64_t file, line;

	if (!get_number(inlined, DW_AT_call_file, &file) ||
		dwarf_getsrcfiles(&unit->body, &files, &nr) || file >= nr)
		return p;
	p.file =
		lk_source_path(strings, directory_of(unit), dwarf_filesrc(files, file, NULL, NULL));
	if (p.file && get_number(inlined, DW_AT_call_line, &line) && line <= INT32_MAX)
		p.line = (uint32_t)line;
	return p;
}

static const char *linkage_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name;

	name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
	if (!name)
		name = dwarf_formstring(
			dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute));
	return name && *name ? name : NULL;
}

/*
 * A mangled name says most.  Other linkage names are the library's business
 * (glibc: __GI_abort); the name in the source is what people know.
 */
static const char *function_name(Dwarf_Die *die, struct lk_strings *strings, bool *ret_full)
{
	const char *linkage = linkage_name(die), *name;

	*ret_full = linkage && lk_is_mangled(linkage);
	if (*ret_full)
		return lk_demangle(strings, linkage);
	name = dwarf_diename(die);
	if (!name || !*name)
		name = linkage;
	return name ? lk_strings_add(strings, name) : NULL;
}

/* A block that says nothing of where it is may hold the address. */
static bool may_hold(Dwarf_Die *die, int tag, uint64_t addr)
{
	switch (tag) {
	case DW_TAG_inlined_subroutine:
		return dwarf_haspc(die, addr) > 0;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
		return dwarf_haspc(die, addr) > 0 ||
		       (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges));
	default:
		return false;
	}
}

/* Adds the inlined functions inside scope that hold the address: true if there were some. */
static bool descend(struct chain *chain, Dwarf_Die *scope, unsigned depth)
{
	size_t nr_before = chain->nr;
	Dwarf_Die die;

	if (depth > MAX_DEPTH || chain->nr == MAX_INLINED ||
		!lk_walk_child(&chain->walk, scope, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (!may_hold(&die, tag, chain->addr))
			continue;
		if (tag == DW_TAG_inlined_subroutine)
			chain->inlined[chain->nr++] = die;
		descend(chain, &die, depth + 1);
		if (chain->nr > nr_before)
			return true;
	} while (lk_walk_sibling(&chain->walk, &die));
	return false;
}

/* Adds what is inlined, innermost first, from where the code itself came. */
static void put_inlined(
	struct lk_lines *q, struct lk_unit *unit, struct chain *chain, struct position *position)
{
	bool full;

	for (size_t i = chain->nr; i--;) {
		Dwarf_Die *die = &chain->inlined[i];

		/* The last line is the function's, however few there are. */
		if (q->nr + 1 < q->max)
			q->lines[q->nr++] = (struct lk_line){
				.function = function_name(die, q->strings, &full),
				.file = position->file,
				.line = position->line,
				.inlined = true,
			};
		*position = call_of(unit, die, q->strings);
	}
}

static void put_function(struct lk_lines *q, Dwarf_Die *function, struct position position)
{
	Dwarf_Addr base, low, high;

	q->lines[q->nr++] = (struct lk_line){
		.function = function_name(function, q->strings, &q->full_name),
		.file = position.file,
		.line = position.line,
	};
	if (dwarf_ranges(function, 0, &base, &low, &high) > 0)
		q->entry = low;
}

static void find_in_unit(struct lk_lines *q, struct lk_unit *unit)
{
	struct chain chain = {.addr = q->addr};
	struct position position = line_at(unit, q->addr, q->strings);
	Dwarf_Die function;

	if (lk_unit_function(q->units, unit, q->addr, &function)) {
		descend(&chain, &function, 0);
		put_inlined(q, unit, &chain, &position);
		put_function(q, &function, position);
	} else if (position.file) {
		q->lines[q->nr++] = (struct lk_line){.file = position.file, .line = position.line};
	}
}

void lk_lines_find(struct lk_lines *q)
{
	size_t at = LK_SPANS_NONE;
	struct lk_unit *unit;

	q->nr = 0;
	q->full_name = false;
	q->entry = q->addr;
	while (!q->nr && (unit = lk_units_find(q->units, q->addr, &at)))
		find_in_unit(q, unit);
}
