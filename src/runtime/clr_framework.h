/*
 * Whether an assembly is of .NET's own class library: what its makers wrote is not the
 * line that an engineer opens.
 */
#ifndef LK_RUNTIME_CLR_FRAMEWORK_H
#define LK_RUNTIME_CLR_FRAMEWORK_H

#include "runtime/metadata.h"

/*
 * By where it lies (a shared framework), else by its name and its public key together:
 * a self-contained program has the class library in its own folder, and anybody may name
 * an assembly System.Something.  path, md: NULL unknown.
 */
bool lk_clr_is_framework(const char *path, const struct lk_metadata *md);

#endif
