/*
 * Mini debug information: Fedora and its kin put an xz-packed ELF file into the
 * section .gnu_debugdata of stripped files, with a symbol table of what .dynsym
 * leaves out.  liblzma is loaded only when there is one (libdw needs it as well,
 * so it is there).
 */
#ifndef LK_SYMBOL_MINIDEBUG_H
#define LK_SYMBOL_MINIDEBUG_H

#include "symbol/elffile.h"

/* -ENODATA there is none, -EBADMSG damaged or huge, -EOPNOTSUPP no liblzma. */
int lk_minidebug_open(const struct lk_elffile *file, struct lk_elffile *ret_mini);

#endif
