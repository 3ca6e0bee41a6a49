/*
 * Names managed code from what the agent copied into the store, long after the
 * process is gone: one adapter per runtime, the host's half of walk/<runtime>.c.
 * Reads assemblies and symbol files from disk, as untrusted input: a damaged one
 * costs names, never a crash.  One thread at a time.
 */
#ifndef LK_RUNTIME_RUNTIME_H
#define LK_RUNTIME_RUNTIME_H

#include "abi/store.h"
#include "util/err.h"
#include "util/mem.h"

/* A code record with its offsets resolved to memory; NULL strings where unknown. */
struct lk_code {
	struct lk_code_info info;
	const char *name, *klass, *space, *image;
	const uint8_t *map;
	size_t map_size;
	/* Of record info.image; image_info NULL where there is none, the rest NULL where not
	 * copied. */
	const struct lk_image_info *image_info;
	const uint8_t *meta, *debug;
};

#define LK_IL_UNKNOWN 0xffffffffu

/* How a managed frame is shown.  Strings live in the context's lk_strings. */
struct lk_managed_line {
	const char *function; /* "Namespace.Type:Method (params)" or the stub's text; never NULL */
	const char *module;   /* assembly file's base name; NULL unknown */
	const char *file;     /* source file; NULL unknown */
	uint32_t line;	      /* 0 unknown */
	uint32_t il_offset;   /* LK_IL_UNKNOWN */
	bool generated;	      /* wrapper, stub, trampoline: nobody wrote it */
	bool framework;	      /* of the runtime's own class library, not the user's */
};

struct lk_runtime_ctx; /* opened assemblies and symbol files */
struct lk_runtime_ctx *lk_runtime_ctx_new(struct lk_strings *strings);
struct lk_runtime_ctx *lk_runtime_ctx_free(struct lk_runtime_ctx *ctx);

/*
 * Tells the path of the program: symbols of assemblies that lie inside of it, which have no
 * path of their own, are looked for beside it.
 */
void lk_runtime_ctx_program(struct lk_runtime_ctx *ctx, const char *path);

/*
 * Names the frame whose return address is pc (exact: pc itself is meant) in
 * code.  Always fills ret_line as well as it can.
 */
void lk_runtime_name(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc,
	bool exact, struct lk_managed_line *ret_line);

/* "mono", "clr", ...: the name in reports and JSON. */
const char *lk_runtime_id_name(uint32_t runtime);

#endif
