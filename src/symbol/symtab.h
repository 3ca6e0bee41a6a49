/*
 * The functions that symbol tables name: .symtab and .dynsym of any number of
 * files that describe one module, and its PLT.  Names are pointers into those
 * files, which must outlive the table.
 *
 * Among names at one address the report wants the one that people know.  The
 * first rule that tells two apart decides:
 *   1. functions before labels without type;
 *   2. visible ones (global, weak) before local ones;
 *   3. default versions (and none) before compatibility versions (name@OLD);
 *   4. fewer leading underscores: malloc, not __libc_malloc;
 *   5. global before weak;
 *   6. the shorter one, then the alphabet.
 *
 * A symbol with a size covers just that: between sized symbols of a stripped
 * file lie functions that nobody names, and the neighbour's name would be a lie.
 * One without a size (hand-written assembler) reaches to the next symbol or to
 * the end of its section, and is asked last.
 */
#ifndef LK_SYMBOL_SYMTAB_H
#define LK_SYMBOL_SYMTAB_H

#include "symbol/elffile.h"

struct lk_function {
	const char *name; /* may end in @VERSION: lk_function_name */
	uint64_t addr, size;
	uint8_t kind; /* ELF's STT_*, and its binding STB_* */
	uint8_t binding;
};

struct lk_symtab {
	struct lk_function *functions; /* by address; one per address */
	size_t nr, capacity;
	struct lk_spans spans;
};

void lk_symtab_done(struct lk_symtab *symtab);

/*
 * Adds the functions of the file's tables of that type (SHT_SYMTAB, SHT_DYNSYM);
 * returns how many.  A damaged table gives what can be read.
 */
size_t lk_symtab_add(struct lk_symtab *symtab, struct lk_elffile *file, unsigned type);

/* Once, after the last add; code: the module's, for where sizeless symbols end. */
void lk_symtab_sort(struct lk_symtab *symtab, const struct lk_spans *code);

const struct lk_function *lk_symtab_find(const struct lk_symtab *symtab, uint64_t addr);

/* How much of the name counts: without its version. */
size_t lk_function_name_size(const struct lk_function *function);

/* C++ or Rust: such a name says more than the name in the source. */
bool lk_is_mangled(const char *name);

/*
 * Is the symbol's name what people know the function by, rather than its name in
 * the source?  Mangled names are, and exported ones that have fewer leading
 * underscores (malloc, not __libc_malloc) or lack only a suffix
 * (__libc_start_main, not __libc_start_main_impl).
 */
bool lk_function_is_known_as(const struct lk_function *function, const char *source_name);

#endif
