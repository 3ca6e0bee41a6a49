/*
 * Symbols of a loaded module by its dynamic hash table, without the loader: no
 * lock, no heap, nothing kept.  A lookup costs about 100 ns, nearly always
 * decided by the Bloom filter where the module does not have the name.  Any
 * thread, any moment, as long as the module stays mapped.
 *
 * Formats: System V gABI, "Dynamic Section" and "Hash Table"; DT_GNU_HASH as
 * binutils and glibc write and read it.
 */
#ifndef LK_ELF_DYNSYM_H
#define LK_ELF_DYNSYM_H

#include "base/defs.h"

#include <link.h>

/*
 * The run-time address of a function or object that module m defines and
 * exports under name; NULL where it has none.  Symbol versions are not looked
 * at; indirect functions and thread-local variables count as not there.
 */
const void *lk_elf_symbol(const struct link_map *m, const char *name);

/* The first loaded module that exports name as above; NULL: none does. */
const struct link_map *lk_elf_module_with(const char *name);

#endif
