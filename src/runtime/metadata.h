/*
 * CLI metadata: the tables and heaps that every assembly and every portable PDB
 * carries (ECMA-335 II.22 to II.24; the PDB tables: the Portable PDB
 * specification, version 1.0).  Opening locates every table and checks that it
 * lies inside the bytes; cells are decoded when they are asked for.  Pointers
 * lie in the bytes given, which the caller keeps.  Rows are counted from 1, as
 * tokens do; row 0 and rows past the end read as zeros.
 */
#ifndef LK_RUNTIME_METADATA_H
#define LK_RUNTIME_METADATA_H

#include "base/cursor.h"

enum lk_table_id {
	LK_TABLE_MODULE = 0x00,
	LK_TABLE_TYPE_REF = 0x01,
	LK_TABLE_TYPE_DEF = 0x02,
	LK_TABLE_METHOD_PTR = 0x05,
	LK_TABLE_METHOD = 0x06,
	LK_TABLE_PARAM = 0x08,
	LK_TABLE_MEMBER_REF = 0x0a,
	LK_TABLE_ATTRIBUTE = 0x0c,
	LK_TABLE_TYPE_SPEC = 0x1b,
	LK_TABLE_ASSEMBLY = 0x20,
	LK_TABLE_NESTED_CLASS = 0x29,
	LK_TABLE_GENERIC_PARAM = 0x2a,
	LK_TABLE_DOCUMENT = 0x30,
	LK_TABLE_METHOD_DEBUG = 0x31,
	LK_TABLE_STATE_MACHINE = 0x36,
	LK_NR_TABLES = 0x38,
};

/* Columns that we read, by table. */
enum {
	LK_MODULE_NAME = 1,
	LK_MODULE_MVID = 2,
	LK_TYPE_REF_SCOPE = 0,
	LK_TYPE_REF_NAME = 1,
	LK_TYPE_REF_SPACE = 2,
	LK_TYPE_DEF_NAME = 1,
	LK_TYPE_DEF_SPACE = 2,
	LK_TYPE_DEF_METHODS = 5,
	LK_METHOD_PTR_METHOD = 0,
	LK_METHOD_RVA = 0,
	LK_METHOD_FLAGS = 2,
	LK_METHOD_NAME = 3,
	LK_METHOD_SIGNATURE = 4,
	LK_METHOD_PARAMS = 5,
	LK_PARAM_SEQUENCE = 1,
	LK_PARAM_NAME = 2,
	LK_MEMBER_REF_CLASS = 0,
	LK_ATTRIBUTE_PARENT = 0,
	LK_ATTRIBUTE_TYPE = 1,
	LK_ATTRIBUTE_VALUE = 2,
	LK_TYPE_SPEC_SIGNATURE = 0,
	LK_ASSEMBLY_KEY = 6,
	LK_ASSEMBLY_NAME = 7,
	LK_NESTED_CLASS_NESTED = 0,
	LK_NESTED_CLASS_ENCLOSING = 1,
	LK_GENERIC_PARAM_NUMBER = 0,
	LK_GENERIC_PARAM_OWNER = 2,
	LK_GENERIC_PARAM_NAME = 3,
	LK_DOCUMENT_NAME = 0,
	LK_METHOD_DEBUG_DOCUMENT = 0,
	LK_METHOD_DEBUG_POINTS = 1,
	LK_STATE_MACHINE_MOVE_NEXT = 0,
	LK_STATE_MACHINE_KICKOFF = 1,
};

#define LK_TABLE_COLUMNS 9

struct lk_table {
	const uint8_t *at;
	uint32_t rows; /* rows present */
	uint32_t row_size;
	uint8_t nr_columns;
	uint8_t offset[LK_TABLE_COLUMNS + 1]; /* of each column; the last is row_size */
};

struct lk_heap {
	const uint8_t *at;
	size_t size;
};

struct lk_metadata {
	struct lk_heap strings, blobs, guids;
	struct lk_heap pdb; /* "#Pdb": only in a portable PDB; size 0 else */
	struct lk_table tables[LK_NR_TABLES];
};

/*
 * -ENOEXEC: no metadata; -EBADMSG: damaged; -EOPNOTSUPP: has a table that no
 * specification knows, so that those after it cannot be found.
 */
int lk_metadata_read(const void *bytes, size_t size, struct lk_metadata *ret_metadata);

uint32_t lk_metadata_cell(
	const struct lk_metadata *md, enum lk_table_id table, uint32_t row, unsigned column);

/* A NUL-terminated string of the #Strings heap; "" where offset is outside. */
const char *lk_metadata_string(const struct lk_metadata *md, uint32_t offset);

/* The blob at offset; an empty, bad cursor where there is none. */
struct lk_cursor lk_metadata_blob(const struct lk_metadata *md, uint32_t offset);

/* The 16 bytes of GUID number index (from 1), or NULL. */
const uint8_t *lk_metadata_guid(const struct lk_metadata *md, uint32_t index);

/* Compressed integers of blobs (II.23.2). */
uint32_t lk_metadata_unsigned(struct lk_cursor *c);
int32_t lk_metadata_signed(struct lk_cursor *c);

/*
 * The last row whose cell in an ascending column is at most value, or 0.  In a
 * damaged table that is not ascending: some row.
 */
uint32_t lk_metadata_last_at_most(
	const struct lk_metadata *md, enum lk_table_id table, unsigned column, uint32_t value);

#endif
