/*
 * Finds the file that holds a module's debug information when the module itself
 * was stripped.  Looked for, in this order, where ROOT is each directory of
 * $LEAKLINE_DEBUG_PATH (colon-separated) and then /usr/lib/debug:
 *
 *   ROOT/.build-id/xx/yyyy.debug                 the file's build-id
 *   DIR/LINK, DIR/.debug/LINK, ROOT/DIR/LINK     .gnu_debuglink of a file in DIR
 *   ROOT/PATH, ROOT/PATH.debug                   as older packages do
 *   debuginfod                                   if $DEBUGINFOD_URLS is set
 *
 * A candidate must have the module's build-id; where one of the two has none, it
 * must have the checksum that .gnu_debuglink gives.  (An equal build-id makes the
 * checksum, which reads the whole file, superfluous.)  A module seen through
 * /proc/PID/root is looked for in that root as well.
 *
 * debuginfod's library is loaded only to ask it, LEAKLINE_NO_DEBUGINFOD=1 keeps
 * it out, and it gets some seconds to begin to answer.
 */
#ifndef LK_SYMBOL_DEBUGFILE_H
#define LK_SYMBOL_DEBUGFILE_H

#include "symbol/elffile.h"

/* -ENODATA where none is found; a damaged candidate is passed over. */
int lk_debugfile_find(const struct lk_elffile *module, struct lk_elffile *ret_debug);

#endif
