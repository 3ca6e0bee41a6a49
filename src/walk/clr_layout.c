#include "elf/dynsym.h"
#include "walk/clr.h"
#include "walk/clr_json.h"
#include "walk/peek.h"

#include <errno.h>

#define DESCRIPTOR_MAGIC 0x0043414443434e44ull /* "DNCCDAC\0" */
#define JSON_MAX	 (256u << 10)
#define POINTERS_MAX	 4096u
#define GLOBALS		 150u	/* of 157 and 158 in 8.0 and 9.0 */
#define FIELD_MAX	 65536u /* no field lies further into its structure */

#define NOT_DESCRIBED UINT32_MAX

/* As the runtime lays it out (docs/design/datacontracts/contract-descriptor.md). */
struct descriptor {
	uint64_t magic;
	uint32_t flags;
	uint32_t json_size;
	const char *json;
	uint32_t nr_pointers;
	uint32_t pad;
	const uint64_t *pointers;
};
_Static_assert(sizeof(struct descriptor) == 40, "the runtime's layout");

/*
 * A field by its name in the description.  `before` is its offset in .NET 8 and 9,
 * which do not describe it; fields that the description may lack have one that
 * holds for .NET 10 too.
 */
struct field {
	const char *type, *name;
	uint32_t *offset;
	bool optional;
};

static const struct field fields[] = {
	{"RangeSectionFragment", "Next", &lk_clr.fragment_next, true},
	{"RangeSectionFragment", "RangeBegin", &lk_clr.fragment_begin, false},
	{"RangeSectionFragment", "RangeEndOpen", &lk_clr.fragment_end, false},
	{"RangeSectionFragment", "RangeSection", &lk_clr.fragment_section, false},
	{"RangeSection", "RangeBegin", &lk_clr.section_begin, false},
	{"RangeSection", "RangeEndOpen", &lk_clr.section_end, false},
	{"RangeSection", "Flags", &lk_clr.section_flags, false},
	{"RangeSection", "R2RModule", &lk_clr.section_module, false},
	{"RangeSection", "HeapList", &lk_clr.section_heap, false},
	{"CodeHeapListNode", "StartAddress", &lk_clr.heap_start, false},
	{"CodeHeapListNode", "EndAddress", &lk_clr.heap_end, false},
	{"CodeHeapListNode", "MapBase", &lk_clr.heap_map_base, false},
	{"CodeHeapListNode", "HeaderMap", &lk_clr.heap_map, false},
	{"RealCodeHeader", "MethodDesc", &lk_clr.code_method, false},
	{"RealCodeHeader", "NumUnwindInfos", &lk_clr.code_nr_unwind, false},
	{"RealCodeHeader", "UnwindInfos", &lk_clr.code_unwind, false},
	{"RealCodeHeader", "DebugInfo", &lk_clr.code_debug, true},
	{"Module", "ReadyToRunInfo", &lk_clr.module_r2r, false},
	{"Module", "Path", &lk_clr.module_path, false},
	{"Module", "DynamicMetadata", &lk_clr.module_emitted, true},
	{"DynamicMetadata", "Size", &lk_clr.emitted_size, true},
	{"DynamicMetadata", "Data", &lk_clr.emitted_data, true},
	{"Module", "PEAssembly", &lk_clr.module_assembly, true},
	{"Module", "Base", &lk_clr.module_base, true},
	{"PEAssembly", "PEImage", &lk_clr.assembly_image, true},
	{"PEImage", "LoadedImageLayout", &lk_clr.image_layout, true},
	{"PEImageLayout", "Base", &lk_clr.layout_base, true},
	{"PEImageLayout", "Size", &lk_clr.layout_size, true},
	{"PEImageLayout", "Flags", &lk_clr.layout_flags, true},
	{"ReadyToRunInfo", "ReadyToRunHeader", &lk_clr.r2r_header, false},
	{"ReadyToRunInfo", "CompositeInfo", &lk_clr.r2r_composite, false},
	{"ReadyToRunInfo", "RuntimeFunctions", &lk_clr.r2r_functions, false},
	{"ReadyToRunInfo", "NumRuntimeFunctions", &lk_clr.r2r_nr_functions, false},
	{"ReadyToRunInfo", "EntryPointToMethodDescMap", &lk_clr.r2r_entries, false},
	{"HashMap", "Buckets", &lk_clr.map_buckets, false},
	{"MethodDesc", "ChunkIndex", &lk_clr.method_chunk_index, false},
	{"MethodDesc", "Flags", &lk_clr.method_flags, false},
	{"MethodDesc", "Flags3AndTokenRemainder", &lk_clr.method_token, false},
	{"MethodDescChunk", "MethodTable", &lk_clr.chunk_table, false},
	{"MethodDescChunk", "FlagsAndTokenRange", &lk_clr.chunk_token, false},
	{"MethodTable", "Module", &lk_clr.table_module, false},
	{"DynamicMethodDesc", "MethodName", &lk_clr.dynamic_name, false},
	{"StoredSigMethodDesc", "ExtendedFlags", &lk_clr.dynamic_flags, true},
};

/* What no description says, or not every one. */
static const struct lk_clr undescribed = {
	.fragment_begin = 8,
	.fragment_end = 16,
	.fragment_section = 24,
	.section_end = 8,
	.section_flags = 16,
	.section_module = 32,
	.section_heap = 40,
	.heap_start = 16,
	.heap_end = 24,
	.heap_map_base = 32,
	.heap_map = 40,
	.code_debug = NOT_DESCRIBED,
	.code_method = 24,
	.code_nr_unwind = 32,
	.code_unwind = 36,
	.method_chunk_index = 2,
	.method_flags = 6,
	.method_size = 8,
	.chunk_token = 18,
	.chunk_size = 24,
	.table_module = 24,
	.dynamic_name = 32,
	.dynamic_flags = 28,
	.map_buckets = 16,
	.token_bits = 12,
	.stub_last = 15,
};

/* A global is a number, or [number of a pointer, type]; in either case maybe with a type. */
static bool read_global(struct lk_json globals, const char *name, const struct descriptor *d,
	bool by_pointer, uint64_t *ret_value)
{
	struct lk_json value = lk_json_member(globals, name), first;
	uint64_t n;

	if (lk_json_is(value, '['))
		first = lk_json_element(value, 0);
	else
		first = value;
	if (by_pointer) {
		if (!lk_json_is(first, '['))
			first = value;
		if (!lk_json_number(lk_json_element(first, 0), &n) || n >= d->nr_pointers ||
			n >= POINTERS_MAX)
			return false;
		return !lk_peek_u64((uint64_t)(d->pointers + n), ret_value) && *ret_value;
	}
	return lk_json_number(first, ret_value);
}

static bool read_fields(struct lk_json types)
{
	bool all = true;

	for (size_t i = 0; i < LK_ARRAY_SIZE(fields); i++) {
		struct lk_json type = lk_json_member(types, fields[i].type);
		struct lk_json value = lk_json_member(type, fields[i].name);
		uint64_t n;

		if (lk_json_is(value, '['))
			value = lk_json_element(value, 0);
		if (lk_json_number(value, &n) && n < FIELD_MAX)
			*fields[i].offset = (uint32_t)n;
		else if (!fields[i].optional)
			all = false;
	}
	return all;
}

/* Sizes, under the name "!". */
static void read_size(struct lk_json types, const char *type, uint32_t *size)
{
	struct lk_json value = lk_json_member(lk_json_member(types, type), "!");
	uint64_t n;

	if (lk_json_is(value, '['))
		value = lk_json_element(value, 0);
	if (lk_json_number(value, &n) && n < FIELD_MAX)
		*size = (uint32_t)n;
}

/* Contracts whose versions we were written for: another one may mean other rules. */
static bool contract_known(
	struct lk_json contracts, const char *name, uint64_t first, uint64_t last)
{
	uint64_t version;

	return lk_json_number(lk_json_member(contracts, name), &version) && version >= first &&
	       version <= last;
}

static int read_description(struct lk_json json, const struct descriptor *d)
{
	struct lk_json types = lk_json_member(json, "types");
	struct lk_json globals = lk_json_member(json, "globals");
	struct lk_json contracts = lk_json_member(json, "contracts");
	uint64_t value;

	if (!contract_known(contracts, "ExecutionManager", 1, 2) ||
		!contract_known(contracts, "RuntimeTypeSystem", 1, 1) ||
		!contract_known(contracts, "Loader", 1, 1) || !read_fields(types) ||
		!read_global(
			globals, "ExecutionManagerCodeRangeMapAddress", d, true, &lk_clr.range_map))
		return -EOPNOTSUPP;
	read_size(types, "MethodDescChunk", &lk_clr.chunk_size);
	if (read_global(globals, "MethodDescTokenRemainderBitCount", d, false, &value) &&
		value < 16)
		lk_clr.token_bits = (uint32_t)value;
	if (read_global(globals, "MethodDescAlignment", d, false, &value) && value < 64)
		lk_clr.method_size = (uint32_t)value;
	if (read_global(globals, "StubCodeBlockLast", d, false, &value) && value < 4096)
		lk_clr.stub_last = (uint32_t)value;
	/* Debug information stands before the method in every version seen. */
	if (lk_clr.code_debug == NOT_DESCRIBED)
		lk_clr.code_debug = lk_clr.code_method - 24;
	lk_clr.described = true;
	return 0;
}

/*
 * .NET 8 describes nothing and .NET 9 no code.  What both have is the debugger's
 * table of global variables, without names; the range map is among them.
 * Offsets that .NET 9 does describe are taken, the others are as in 8.0 and 9.0.
 */
static int use_globals(const struct link_map *m, const struct lk_json *json)
{
	lk_clr.globals = lk_elf_symbol(m, "g_dacTable");
	if (!lk_clr.globals)
		return -EOPNOTSUPP;
	lk_clr.nr_globals = GLOBALS;
	lk_clr.code_debug = lk_clr.code_method - 24;
	if (json) {
		read_fields(lk_json_member(*json, "types"));
	} else {
		lk_clr.dynamic_name = 24;
		lk_clr.dynamic_flags = 20;
	}
	return 0;
}

int lk_clr_layout_read(const struct link_map *m)
{
	const void *at = lk_elf_symbol(m, "DotNetRuntimeContractDescriptor");
	struct descriptor d;
	struct lk_json json;

	lk_clr = undescribed;
	if (!at || lk_peek((uint64_t)at, &d, sizeof(d)) || d.magic != DESCRIPTOR_MAGIC ||
		d.json_size > JSON_MAX)
		return use_globals(m, NULL);
	/* The text is a constant of the module that we just found the symbol in. */
	json = (struct lk_json){.at = d.json, .end = d.json + d.json_size};
	if (!lk_json_is(lk_json_member(lk_json_member(json, "types"), "RangeSection"), '{'))
		return use_globals(m, &json);
	return read_description(json, &d);
}
