/*
 * Where the portable PDB of an assembly may lie: beside the assembly, where it was
 * built, and in the folders of the environment variable LEAKLINE_SYMBOLS (separated by
 * colons), there as NAME.pdb or as symbol servers store it,
 * name.pdb/GUIDffffffff/name.pdb (the Simple Symbol Query Protocol of dotnet/symstore).
 */
#ifndef LK_RUNTIME_PDB_PLACES_H
#define LK_RUNTIME_PDB_PLACES_H

#include "base/defs.h"

/*
 * Calls try with each path, until it says true; gives whether it did.  assembly_path: ""
 * unknown; built: the path that the assembly names, NULL unknown; guid: 16 bytes.
 */
bool lk_pdb_places(const char *assembly_path, const char *built, const uint8_t *guid,
	bool (*try)(void *arg, const char *path), void *arg);

#endif
