/*
 * A module: the file that was mapped, the file with its debug information, and
 * what they say together.  DWARF comes first; the symbol tables fill in what it
 * leaves out (assembler has lines but no functions) and correct two things:
 *
 *  - glibc's DWARF calls malloc __libc_malloc; the symbol that begins where the
 *    function begins may be the one that callers wrote;
 *  - DWARF without linkage names has only "push_back" where the symbol has the
 *    whole name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/debugfile.h"
#include "symbol/lines.h"
#include "symbol/minidebug.h"
#include "symbol/plt.h"
#include "symbol/symbol.h"
#include "symbol/symtab.h"

struct lk_module {
	struct lk_strings *strings;
	struct lk_elffile file;
	struct lk_elffile debug; /* the separate debug file */
	struct lk_elffile mini;	 /* .gnu_debugdata */
	struct lk_symtab symtab;
	struct lk_units *units; /* NULL: no DWARF */
	enum lk_module_info_level level;
	bool is_located; /* debug and level are known */
	bool is_read;	 /* symtab and units are */
};

static int check_build_id(
	const struct lk_elffile *file, const uint8_t *id, size_t size, struct lk_err *err)
{
	int r;

	if (!size || lk_elffile_has_build_id(file, id, size))
		return 0;
	r = lk_fail(err, -ESTALE, "%s is not the file that was mapped: its build-id differs",
		file->path);
	lk_remedy(err, "It was replaced since; restart the program, or put the old file back");
	return r;
}

int lk_module_open(const char *path, const uint8_t *build_id, size_t build_id_size,
	struct lk_strings *strings, struct lk_module **ret_module, struct lk_err *err)
{
	struct lk_module *module;
	struct lk_elffile file;
	int r = lk_elffile_open(path, &file, err);

	if (r)
		return r;
	r = check_build_id(&file, build_id, build_id_size, err);
	if (r) {
		lk_elffile_done(&file);
		return r;
	}
	module = lk_xcalloc(1, sizeof(*module));
	module->strings = strings;
	module->file = file;
	module->debug = LK_ELFFILE_CLOSED;
	module->mini = LK_ELFFILE_CLOSED;
	*ret_module = module;
	return 0;
}

struct lk_module *lk_module_free(struct lk_module *module)
{
	if (!module)
		return NULL;
	lk_units_close(module->units);
	lk_symtab_done(&module->symtab);
	lk_elffile_done(&module->mini);
	lk_elffile_done(&module->debug);
	lk_elffile_done(&module->file);
	free(module);
	return NULL;
}

static bool has_section(const struct lk_elffile *file, const char *name)
{
	GElf_Shdr header;

	return file->elf && lk_elffile_section(file, name, &header);
}

static bool has_dwarf(const struct lk_elffile *file)
{
	return has_section(file, ".debug_info") || has_section(file, ".zdebug_info");
}

/* Finds the files, reads nothing but their headers. */
static void locate(struct lk_module *module)
{
	if (module->is_located)
		return;
	module->is_located = true;
	if (!has_dwarf(&module->file))
		lk_debugfile_find(&module->file, &module->debug);
	if (has_dwarf(&module->file) || has_dwarf(&module->debug))
		module->level = LK_MODULE_DWARF;
	else if (has_section(&module->file, ".symtab") || has_section(&module->debug, ".symtab") ||
		 has_section(&module->file, ".gnu_debugdata"))
		module->level = LK_MODULE_SYMTAB;
}

static void read_symbols(struct lk_module *module)
{
	size_t nr = lk_symtab_add(&module->symtab, &module->file, SHT_SYMTAB);

	if (module->debug.elf)
		nr += lk_symtab_add(&module->symtab, &module->debug, SHT_SYMTAB);
	lk_symtab_add(&module->symtab, &module->file, SHT_DYNSYM);
	if (!nr && !lk_minidebug_open(&module->file, &module->mini))
		lk_symtab_add(&module->symtab, &module->mini, SHT_SYMTAB);
	lk_symtab_sort(&module->symtab, lk_elffile_code(&module->file));
}

static void read_all(struct lk_module *module)
{
	const struct lk_spans *code = lk_elffile_code(&module->file);

	if (module->is_read)
		return;
	module->is_read = true;
	locate(module);
	read_symbols(module);
	if (has_dwarf(&module->file))
		module->units = lk_units_open(module->file.elf, code);
	else if (has_dwarf(&module->debug))
		module->units = lk_units_open(module->debug.elf, code);
}

static const char *symbol_name(struct lk_module *module, const struct lk_function *symbol)
{
	size_t size = lk_function_name_size(symbol);

	return lk_demangle(module->strings, lk_strings_add_n(module->strings, symbol->name, size));
}

/* Where DWARF knows nothing; returns what lk_module_lines does. */
static int name_by_symbol(struct lk_module *module, uint64_t addr, struct lk_line *line)
{
	const struct lk_function *symbol = lk_symtab_find(&module->symtab, addr);
	const char *name = symbol ? symbol_name(module, symbol)
				  : lk_plt_name(&module->file, addr, module->strings);

	if (!name)
		return -ENODATA;
	*line = (struct lk_line){.function = name};
	return 1;
}

/* The name of the function that DWARF found: see the top of this file. */
static void correct_name(struct lk_module *module, const struct lk_lines *q, struct lk_line *line)
{
	const struct lk_function *symbol;

	if (q->full_name)
		return;
	/* At its entry: the parts of a split function have names of their own. */
	symbol = lk_symtab_find(&module->symtab, line->function ? q->entry : q->addr);
	if (symbol && (!line->function || lk_function_is_known_as(symbol, line->function)))
		line->function = symbol_name(module, symbol);
}

int lk_module_lines(struct lk_module *module, uint64_t addr, struct lk_line *lines, size_t max)
{
	struct lk_lines q = {.strings = module->strings, .addr = addr, .lines = lines, .max = max};

	if (!max)
		return -ENODATA;
	read_all(module);
	q.units = module->units;
	if (q.units)
		lk_lines_find(&q);
	if (!q.nr)
		return name_by_symbol(module, addr, &lines[0]);
	correct_name(module, &q, &lines[q.nr - 1]);
	return (int)q.nr;
}

enum lk_module_info_level lk_module_level(struct lk_module *module)
{
	locate(module);
	return module->level;
}
