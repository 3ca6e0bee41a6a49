/*
 * Names native code: from a module (one ELF file) and an address in it to
 * functions and source lines, inlined ones included, by DWARF where there is
 * any, else by symbol tables.  Separate debug files are found by build-id,
 * debuglink and, where $DEBUGINFOD_URLS is set, debuginfod.  C++ and Rust names
 * are demangled.  Opening is cheap, the first lookup reads.  One thread at a time.
 */
#ifndef LK_SYMBOL_SYMBOL_H
#define LK_SYMBOL_SYMBOL_H

#include "base/defs.h"
#include "util/err.h"
#include "util/mem.h"

struct lk_module;

/* One source position at an address; the strings belong to the lk_strings given. */
struct lk_line {
	const char *function; /* demangled; NULL: unknown */
	const char *file;     /* NULL: unknown */
	uint32_t line;	      /* 0: unknown */
	bool inlined;	      /* inlined into the next one outwards */
};

/*
 * Opens the ELF file at path.  build_id (size 0: unknown) is what was mapped: a
 * file that has another one is refused with -ESTALE (replaced since).
 * -ENOENT no such file, -ENOEXEC not ELF, -EBADMSG damaged.  Missing debug
 * information is not a failure.  Strings handed out live in `strings`.
 */
int lk_module_open(const char *path, const uint8_t *build_id, size_t build_id_size,
	struct lk_strings *strings, struct lk_module **ret_module, struct lk_err *err);
struct lk_module *lk_module_free(struct lk_module *module);

/*
 * Fills lines, innermost first: the inlined functions at addr and last the
 * function that really holds it.  addr is in the file's own address space
 * (run-time address - bias); for a return address pass address - 1.
 * Returns how many lines (1..max), or -ENODATA where nothing covers addr.
 * Where max is too small the outer inlined functions are left out; the last line is
 * the function in any case, so that max 1 gives the function and the line in it.
 */
int lk_module_lines(struct lk_module *module, uint64_t addr, struct lk_line *lines, size_t max);

/* What is known of the module: for the report's "what it lacks". */
enum lk_module_info_level {
	LK_MODULE_STRIPPED, /* dynamic symbols only */
	LK_MODULE_SYMTAB,   /* symbol table, no lines */
	LK_MODULE_DWARF,
};
enum lk_module_info_level lk_module_level(struct lk_module *module);

/*
 * Demangles C++, Rust, D; gives the name itself where it is not mangled.  C++ names
 * have parameters but no return types; those over 200 characters lose the
 * parameters.  Rust's legacy hash is dropped.
 */
const char *lk_demangle(struct lk_strings *strings, const char *name);

#endif
