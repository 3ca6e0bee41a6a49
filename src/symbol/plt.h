/*
 * Names for PLT entries (x86): a stub jumps through a slot of the GOT, and the
 * relocation of that slot says for which symbol.  The stubs are recognised by
 * their jump, so that lazy, -z now, IBT and .plt.got stubs are all the same.
 */
#ifndef LK_SYMBOL_PLT_H
#define LK_SYMBOL_PLT_H

#include "symbol/elffile.h"
#include "util/mem.h"

/*
 * "symbol@plt" for the stub at addr, or NULL: no stub, or nothing known of it.
 * Reads the relocations at each call: stubs are rarely asked for.
 */
const char *lk_plt_name(struct lk_elffile *file, uint64_t addr, struct lk_strings *strings);

#endif
