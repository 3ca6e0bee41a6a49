/*
 * Asks debuginfod for a debug file.  libdebuginfod brings libcurl with it, some
 * twenty libraries: it is loaded at the first question and never without
 * $DEBUGINFOD_URLS.  What was fetched stays in debuginfod's own cache.
 */
#ifndef LK_SYMBOL_DEBUGSERVER_H
#define LK_SYMBOL_DEBUGSERVER_H

#include "base/defs.h"

/*
 * The path of the debug file of that build-id in the local cache, for free().
 * -ENODATA: not asked for ($DEBUGINFOD_URLS empty, LEAKLINE_NO_DEBUGINFOD=1, no
 * library, no build-id), or the servers do not have it or are too slow.
 */
int lk_debugserver_fetch(const uint8_t *build_id, size_t build_id_size, char **ret_path);

#endif
