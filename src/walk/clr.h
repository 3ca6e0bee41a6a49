/*
 * CoreCLR, seen from inside by plain memory reads; shared by the clr*.c files
 * only.  Nothing of the runtime is called.  What it says about itself:
 *
 *   RangeSectionMap    five levels of 256 pointers by address bits 17 to 56, then a list of
 *   fragment           { next, begin, end, RangeSection }
 *   RangeSection       { begin, end, flags, jit manager, R2R Module, CodeHeapListNode }
 *
 * A section is either a heap of JIT'd code
 *
 *   CodeHeapListNode   { next, heap, start, end, map base, header map }
 *   header map         a nibble per 32 bytes of code: where in them a method begins
 *   RealCodeHeader     the word before a method's code points to it:
 *                      { debug info, EH info, GC info, MethodDesc, u32 nr, RUNTIME_FUNCTION [nr] }
 *
 * or an image with precompiled (ReadyToRun) code, whose tables are sorted by
 * address.  Both kinds lead to a RUNTIME_FUNCTION { u32 begin, end, unwind info },
 * offsets from the section's begin, and so to the unwind codes of Windows x64.
 *
 * .NET 10 and later describe all offsets in JSON (DotNetRuntimeContractDescriptor,
 * docs/design/datacontracts of dotnet/runtime); clr_layout.c reads them.  .NET 8
 * and 9 describe none of this: there the offsets are those of these versions'
 * binaries, the range map is found by its content, and everything is checked
 * before it is believed.  Facts: seen running, docs/RUNTIMES.md.
 */
#ifndef LK_WALK_CLR_H
#define LK_WALK_CLR_H

#include "walk/walk.h"

#include <link.h>

/* Filled by attach, constant afterwards, but for range_map where it is 0: lazy. */
struct lk_clr {
	uint64_t range_map;	 /* address of the map's first level; 0: to be found in globals */
	const uint64_t *globals; /* .NET 8, 9: the DAC's table of variables */
	uint32_t nr_globals;

	uint32_t fragment_next, fragment_begin, fragment_end, fragment_section;
	uint32_t section_begin, section_end, section_flags, section_module, section_heap;
	uint32_t heap_start, heap_end, heap_map_base, heap_map;
	uint32_t code_debug, code_method, code_nr_unwind, code_unwind;
	uint32_t module_r2r; /* 0: by the image's own headers */
	uint32_t r2r_composite, r2r_functions, r2r_nr_functions, r2r_header, r2r_entries;
	uint32_t map_buckets;
	uint32_t method_chunk_index, method_flags, method_token, method_size;
	uint32_t chunk_table, chunk_token, chunk_size;
	uint32_t dynamic_name, dynamic_flags;
	uint32_t table_module;	 /* in MethodTable */
	uint32_t module_emitted; /* metadata of a module that was never a file; 0: not known */
	uint32_t emitted_size, emitted_data;
	uint32_t module_path, module_assembly, module_base;
	uint32_t image_path; /* of .NET 8, where module_path is 0 */
	uint32_t assembly_image, image_layout, layout_base, layout_size, layout_flags;
	uint32_t token_bits; /* of a method's token that stand with the method, not its chunk */
	uint32_t stub_last;  /* words below stand before stubs, not methods */
	bool described;	     /* by the runtime itself: .NET 10 and later */
};

extern struct lk_clr lk_clr;

/* Fills lk_clr from runtime module m.  -EOPNOTSUPP: of a version we do not understand. */
int lk_clr_layout_read(const struct link_map *m);

enum lk_clr_code_kind { LK_CLR_CODE_JIT, LK_CLR_CODE_R2R };

struct lk_clr_section {
	uint64_t begin, end;
	uint64_t flags;
	uint64_t module; /* R2R Module, or 0 */
	uint64_t heap;	 /* CodeHeapListNode, or 0 */
};
#define LK_CLR_SECTION_COLLECTIBLE 1u

/* The code that holds a pc. */
struct lk_clr_code {
	enum lk_clr_code_kind kind;
	bool permanent;	   /* never freed while the process lives */
	uint64_t base;	   /* RUNTIME_FUNCTIONs and unwind information count from here */
	uint64_t start;	   /* of the body: JIT: the method, R2R: the RUNTIME_FUNCTION */
	uint64_t end;	   /* likewise; JIT: of the part that holds pc */
	uint64_t function; /* where the part with an unwind information of its own begins */
	uint64_t unwind;   /* address of its unwind information */
	uint64_t header;   /* JIT: RealCodeHeader */
	uint64_t method;   /* JIT: MethodDesc */
	uint64_t module;   /* R2R: the section's Module */
	struct lk_clr_native *native; /* R2R: the image's tables; index: which of its functions */
	uint32_t index;
};

/* Finds the section that holds pc.  -ENODATA: no managed code there. */
int lk_clr_find_section(uint64_t pc, struct lk_clr_section *ret_section);

/* Finds the code at pc.  -ENODATA: none there, or a stub without unwind information. */
int lk_clr_find_code(uint64_t pc, struct lk_clr_code *ret_code);

/*
 * Runs the code's unwind codes and makes the row for pc.  -ENODATA: codes that a row
 * cannot say, or memory that is gone.
 */
int lk_clr_unwind_row(
	const struct lk_clr_code *code, uint64_t pc, bool exact, struct lk_row *ret_row);

/* lk_peek, or for memory that is there as long as the process a plain copy, which can't fail. */
int lk_clr_read(uint64_t addr, void *to, size_t size, bool stays);

/*
 * Which call a marshalling stub serves: the MethodDesc of a P/Invoke; 0 where the
 * code is no such stub, or it can't be told.
 */
uint64_t lk_clr_serves(const struct lk_clr_code *code, const struct lk_walk_stack *stack);

/* Fills name for the code; serves: as above. */
void lk_clr_name(const struct lk_clr_code *code, uint64_t serves, struct lk_walk_name *name);

/* Tells of the module at this address.  -ENODATA: it is gone. */
int lk_clr_image(uint64_t module, struct lk_walk_image *ret_image);

#endif
