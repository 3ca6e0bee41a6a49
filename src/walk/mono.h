/*
 * Mono, seen from inside by plain memory reads; shared by the mono*.c files
 * only.  Nothing of the runtime is called.  What it says about itself:
 *
 *   mono_root_domain -> MonoDomain { ..., jit_info_table, aot_modules, ... }
 *   MonoJitInfoTable { domain, i32 nr_chunks, i32, chunk *[nr_chunks] }
 *   chunk            { i32 refs, i32 nr, last_code_end, tombstones, MonoJitInfo *[64] }
 *   MonoJitInfo      { owner, next, code_start, u32 unwind_info, i32 code_size, u32 bits,
 *                      gc_info, seq_points, ... }
 *
 * Both tables are sorted by the end of the code.  owner is the MonoMethod, for
 * a trampoline the MonoTrampInfo, in aot_modules the MonoImage; NULL marks an
 * entry that was removed.  Writers publish with barriers for readers that take
 * no lock, so a reader sees each entry old or new.
 *
 * Offsets that accessor functions reveal are taken from their machine code, the
 * rest is found by its content and checked against it (mono_layout.c).  Facts:
 * mono/metadata/domain-internals.h and jit-info.c of Mono 6.8.
 */
#ifndef LK_WALK_MONO_H
#define LK_WALK_MONO_H

#include "walk/walk.h"

#include <link.h>

/* Unwind programs are 5 to 60 bytes; 53 is the longest of mscorlib's 24,395. */
#define LK_MONO_OPS_MAX 512

#define LK_MONO_NR_SEGMENTS 4
#define LK_MONO_NR_LISTS    4
#define LK_MONO_NR_DOMAINS  64

struct lk_mono_range {
	uint64_t start;
	uint64_t end;
};

/*
 * Filled by attach and then constant, but for the words marked lazy: these need
 * a running domain, are found by whoever comes first, always with the same
 * result, and are read and written atomically, 0 meaning not yet.
 */
struct lk_mono {
	struct lk_mono_range data[LK_MONO_NR_SEGMENTS]; /* the runtime's writable segments */
	uint64_t root_domain_var;
	uint64_t object_class_var;
	uint32_t method_token, method_class, method_name; /* offsets */
	uint32_t class_nested, class_image, class_name, class_space;
	uint32_t image_path;
	uint32_t image_table_rows; /* u32 of table 0; each further table 16 bytes on; 0: unknown */
	uint32_t domain_id;

	uint64_t tables_off;			     /* lazy: of jit_info_table in MonoDomain */
	uint64_t unwind_var;			     /* lazy: cached_info */
	uint64_t domain_list_vars[LK_MONO_NR_LISTS]; /* lazy: appdomains_list and its likes */
	uint32_t names_ok;			     /* lazy: 1 good, 2 bad */
	uint32_t nr_failed;			     /* searches for unwind_var in vain */
	uint32_t nr_asked;			     /* after which it was asked for so often */
};

extern struct lk_mono lk_mono;

/* A table entry, copied. */
struct lk_mono_code {
	uint64_t owner;
	uint64_t start;
	uint32_t size;
	uint32_t unwind_info;
	uint64_t seq_points;
};

/* Reads accessors and segments of runtime module m.  -EOPNOTSUPP: not understood. */
int lk_mono_layout_read(const struct link_map *m);

/* Checks the offsets for names on System.Object.  -EAGAIN: no such class yet. */
int lk_mono_names_check(void);

/* Finds the code at pc among the JIT'd code of all domains.  -ENODATA: none there. */
int lk_mono_find_code(uint64_t pc, struct lk_mono_code *ret_code);

/* Whether code is a trampoline, its owner a MonoTrampInfo; else it is a MonoMethod. */
bool lk_mono_is_trampoline(const struct lk_mono_code *code);

/* Finds the MonoImage whose ahead-of-time code holds pc.  -ENODATA: none does. */
int lk_mono_find_image(uint64_t pc, uint64_t *ret_image);

/* Calls use for up to max entries of the root domain's jit_info_table. */
void lk_mono_each_code(unsigned max, void (*use)(const struct lk_mono_code *, void *), void *data);

/* The root domain, or 0 before there is one. */
uint64_t lk_mono_root_domain(void);

/*
 * Copies the unwind program number index of JIT'd code; gives its size.
 * -ENODATA: the runtime's table of them is not found (yet), or has no such entry.
 */
int lk_mono_unwind_ops(uint32_t index, uint8_t ops[LK_MONO_OPS_MAX]);

/* A method compiled ahead of time; ops lie in the mapped module. */
struct lk_mono_aot {
	uint64_t start;
	uint64_t size; /* up to the next method */
	uint32_t index;
	uint32_t nr_own; /* methods with an index below are the image's own, in token order */
	const uint8_t *ops;
	size_t ops_size;
};

/*
 * Finds the method at pc in the ahead-of-time module m.  -ENODATA: not code of
 * a method, or m is no such module.  -EOPNOTSUPP: a format we do not know.
 * -EBADMSG: its tables contradict themselves.
 */
int lk_mono_aot_find(const struct link_map *m, uint64_t pc, struct lk_mono_aot *ret_aot);

/* Fills name from a table entry: method or trampoline. */
void lk_mono_name_code(const struct lk_mono_code *code, struct lk_walk_name *name);

/* Fills name of an ahead-of-time method that the table does not have (yet). */
void lk_mono_name_aot(const struct lk_mono_aot *aot, uint64_t image, struct lk_walk_name *name);

#endif
