/*
 * Mono's own symbol files: mcs -debug writes program.exe.mdb beside program.exe.
 * Version 50.0, frozen since Mono 2.0.  Nothing is copied: the bytes stay the
 * caller's.
 *
 *   magic u64, major u32, minor u32, module GUID (the assembly's MVID)
 *   offset table: 20 words, the ones read here:
 *     source count, table;  method count, table;  line base, line range, opcode base
 *   source entry: index u32, data offset u32;  there: length LEB128, UTF-8 path, ..
 *   method entry: token u32, data offset u32, line program offset u32; sorted by token
 *
 * A line program is like DWARF's, over IL offsets: it starts at file 1, line 1,
 * offset 0; opcodes 1 copy, 2 advance offset, 3 advance line, 4 set file, 8 add
 * the largest special advance; from opcode base on both offset and line advance;
 * 0 starts an extended one: size, code (1 end, 0x40 toggles "hidden").
 */
#ifndef LK_RUNTIME_MDB_H
#define LK_RUNTIME_MDB_H

#include "runtime/il_points.h"
#include "util/mem.h"

struct lk_mdb {
	const uint8_t *bytes;
	size_t size;
	const uint8_t *sources, *methods;
	uint32_t nr_sources, nr_methods;
	int32_t line_base;
	uint32_t line_range;
	uint32_t opcode_base;
};

/*
 * mvid: the assembly's.  -ENOEXEC: not such a file; -EOPNOTSUPP: another version;
 * -ESTALE: of another assembly; -EBADMSG: damaged.
 */
int lk_mdb_open(const void *bytes, size_t size, const uint8_t *mvid, struct lk_mdb *ret_mdb);

/*
 * Adds the points of the method with this token.  -ENODATA: it has none;
 * -EBADMSG: damaged.  File names go to strings.
 */
int lk_mdb_points(const struct lk_mdb *mdb, uint32_t token, struct lk_strings *strings,
	struct lk_il_points *points);

#endif
