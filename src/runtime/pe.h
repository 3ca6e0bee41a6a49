/*
 * A managed assembly is a PE file with a CLI header.  This locates the pieces
 * that naming needs (metadata, method bodies, debug directory) and checks that
 * each lies inside the file.  Nothing is copied: all pointers lie in the bytes
 * given, which the caller keeps.  Format: ECMA-335 II.25 and Microsoft's PE/COFF
 * specification.
 */
#ifndef LK_RUNTIME_PE_H
#define LK_RUNTIME_PE_H

#include "base/defs.h"

struct lk_pe {
	const uint8_t *bytes;
	size_t size;
	const uint8_t *sections; /* section headers, 40 bytes each */
	unsigned nr_sections;
	const uint8_t *metadata;
	size_t metadata_size;
	const uint8_t *debug; /* debug directory, 28 bytes an entry; NULL none */
	size_t nr_debug;
};

#define LK_PE_DEBUG_CODEVIEW 2u
#define LK_PE_DEBUG_EMBEDDED 17u

/* An entry of the debug directory. */
struct lk_pe_debug {
	uint32_t type;	/* LK_PE_DEBUG_*, or one that we do not know */
	uint32_t stamp; /* of an LK_PE_DEBUG_CODEVIEW: last four bytes of the PDB's id */
	const uint8_t *data;
	size_t size;
};

/* -ENOEXEC: not a PE file, or no managed one; -EBADMSG: damaged. */
int lk_pe_read(const void *bytes, size_t size, struct lk_pe *ret_pe);

/* The file's bytes at a relative virtual address, and how many follow; NULL outside. */
const uint8_t *lk_pe_at(const struct lk_pe *pe, uint32_t rva, size_t *ret_left);

/* -ENODATA past the last entry, -EBADMSG where its data lies outside the file. */
int lk_pe_debug_entry(const struct lk_pe *pe, size_t index, struct lk_pe_debug *ret_entry);

/*
 * The code of the method body at rva (MethodDef.RVA): IL without its header.
 * -ENODATA: the method has no body; -EBADMSG: damaged.
 */
int lk_pe_il(const struct lk_pe *pe, uint32_t rva, const uint8_t **ret_il, size_t *ret_size);

#endif
