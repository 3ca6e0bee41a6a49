/*
 * Portable PDB: symbol files as CLI metadata (the Portable PDB specification,
 * version 1.0), beside the assembly or deflated inside it.  The bytes stay the
 * caller's.
 */
#ifndef LK_RUNTIME_PDB_PORTABLE_H
#define LK_RUNTIME_PDB_PORTABLE_H

#include "runtime/il_points.h"
#include "runtime/metadata.h"
#include "util/mem.h"

struct lk_pdb {
	struct lk_metadata md;
};

/*
 * guid: the one that the assembly's debug directory names; NULL where the PDB was
 * found inside the assembly.  -ENOEXEC: no portable PDB; -ESTALE: of another
 * build; -EBADMSG: damaged; -EOPNOTSUPP: has a table we do not know.
 */
int lk_pdb_open(const void *bytes, size_t size, const uint8_t *guid, struct lk_pdb *ret_pdb);

/*
 * Adds the points of the method with this token.  -ENODATA: it has none;
 * -EBADMSG: damaged.  File names go to strings.
 */
int lk_pdb_points(const struct lk_pdb *pdb, uint32_t token, struct lk_strings *strings,
	struct lk_il_points *points);

/*
 * The token of the method that the user wrote, where the method with this token is the
 * body that the compiler made of it (MoveNext of an async method or iterator); 0 else.
 */
uint32_t lk_pdb_kickoff(const struct lk_pdb *pdb, uint32_t token);

/*
 * Unpacks an embedded PDB, the data of an LK_PE_DEBUG_EMBEDDED entry.  The bytes
 * are the caller's to free.  -EBADMSG: damaged.
 */
int lk_pdb_unpack(const void *data, size_t size, uint8_t **ret_bytes, size_t *ret_size);

#endif
