/*
 * One table per runtime: how its frames are named.  A new runtime is a file of
 * its own and one line in runtime.c.
 */
#ifndef LK_RUNTIME_ADAPTER_H
#define LK_RUNTIME_ADAPTER_H

#include "runtime/assembly.h"
#include "runtime/runtime.h"

struct lk_runtime_adapter {
	uint32_t runtime; /* enum lk_runtime_id */
	/* Fills what it can of line, which comes zeroed but for il_offset and module. */
	void (*name)(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc,
		bool exact, struct lk_managed_line *line);
};

extern const struct lk_runtime_adapter lk_runtime_mono, lk_runtime_clr;

/* The context's strings, and the assembly at path: opened once, NULL where it can't be. */
struct lk_strings *lk_runtime_strings(struct lk_runtime_ctx *ctx);
struct lk_assembly *lk_runtime_assembly(struct lk_runtime_ctx *ctx, const char *path);

/*
 * The assembly that code belongs to: from the bytes that were copied, else the file at its
 * path if it has the MVID that the process saw.  NULL where there is none.
 */
struct lk_assembly *lk_runtime_image(struct lk_runtime_ctx *ctx, const struct lk_code *code);

#endif
