#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/adapter.h"
#include "runtime/name_text.h"

static const struct lk_runtime_adapter *const adapters[] = {
	&lk_runtime_mono,
	&lk_runtime_clr,
};

/* An assembly that was asked for; NULL: it could not be opened, don't try again. */
struct opened {
	const char *path;    /* interned: paths compare by pointer */
	const uint8_t *meta; /* where it is a copy; NULL: the file at path */
	struct lk_assembly *assembly;
};

struct lk_runtime_ctx {
	struct lk_strings *strings;
	const char *folder; /* of the program, with its '/'; "" unknown */
	struct opened *opened;
	size_t nr_opened, opened_capacity;
};

struct lk_runtime_ctx *lk_runtime_ctx_new(struct lk_strings *strings)
{
	struct lk_runtime_ctx *ctx = lk_xcalloc(1, sizeof(*ctx));

	ctx->strings = strings;
	ctx->folder = "";
	return ctx;
}

void lk_runtime_ctx_program(struct lk_runtime_ctx *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash)
		ctx->folder = lk_strings_add_n(ctx->strings, path, (size_t)(slash - path) + 1);
}

struct lk_runtime_ctx *lk_runtime_ctx_free(struct lk_runtime_ctx *ctx)
{
	if (!ctx)
		return NULL;
	for (size_t i = 0; i < ctx->nr_opened; i++)
		lk_assembly_free(ctx->opened[i].assembly);
	free(ctx->opened);
	free(ctx);
	return NULL;
}

struct lk_strings *lk_runtime_strings(struct lk_runtime_ctx *ctx)
{
	return ctx->strings;
}

/* Gives whether the assembly was asked for before; if not, the last entry is its. */
static struct opened *find_opened(
	struct lk_runtime_ctx *ctx, const char *path, const uint8_t *meta, bool *ret_known)
{
	struct opened o = {.path = lk_strings_add(ctx->strings, path), .meta = meta};

	*ret_known = true;
	for (size_t i = 0; i < ctx->nr_opened; i++)
		if (ctx->opened[i].path == o.path && ctx->opened[i].meta == meta)
			return &ctx->opened[i];
	*ret_known = false;
	ctx->opened =
		lk_grow(ctx->opened, ctx->nr_opened, &ctx->opened_capacity, sizeof(*ctx->opened));
	ctx->opened[ctx->nr_opened++] = o;
	return &ctx->opened[ctx->nr_opened - 1];
}

struct lk_assembly *lk_runtime_assembly(struct lk_runtime_ctx *ctx, const char *path)
{
	bool known;
	struct opened *o = find_opened(ctx, path, NULL, &known);

	if (!known && lk_assembly_open(path, ctx->strings, &o->assembly, NULL) < 0)
		o->assembly = NULL;
	return o->assembly;
}

static struct lk_assembly *copied_image(struct lk_runtime_ctx *ctx, const struct lk_code *code)
{
	const struct lk_image_info *info = code->image_info;
	const char *path = code->image && *code->image ? code->image : ctx->folder;
	bool known;
	struct opened *o = find_opened(ctx, path, code->meta, &known);

	if (!known &&
		lk_assembly_open_copy(path, code->meta, info->meta_size, code->debug,
			code->debug ? info->debug_size : 0, ctx->strings, &o->assembly, NULL) < 0)
		o->assembly = NULL;
	return o->assembly;
}

struct lk_assembly *lk_runtime_image(struct lk_runtime_ctx *ctx, const struct lk_code *code)
{
	static const uint8_t unknown[16];
	const struct lk_image_info *info = code->image_info;
	struct lk_assembly *assembly;
	const uint8_t *mvid;

	if (info && code->meta)
		return copied_image(ctx, code);
	if (!code->image || !*code->image)
		return NULL;
	assembly = lk_runtime_assembly(ctx, code->image);
	if (!assembly || !info || !memcmp(info->mvid, unknown, sizeof(unknown)))
		return assembly;
	mvid = lk_assembly_mvid(assembly);
	return mvid && !memcmp(mvid, info->mvid, sizeof(unknown)) ? assembly : NULL;
}

const char *lk_runtime_id_name(uint32_t runtime)
{
	static const char *const names[] = {
		[LK_RUNTIME_NONE] = "none",
		[LK_RUNTIME_MONO] = "mono",
		[LK_RUNTIME_CLR] = "clr",
		[LK_RUNTIME_JVM] = "jvm",
		[LK_RUNTIME_PYTHON] = "python",
		[LK_RUNTIME_NODE] = "node",
	};

	return runtime < LK_ARRAY_SIZE(names) ? names[runtime] : "unknown";
}

/* What the agent's own strings tell, for a runtime without an adapter. */
static const char *plain_name(struct lk_runtime_ctx *ctx, const struct lk_code *code)
{
	struct lk_name_text text;

	lk_name_text_init(&text);
	if (code->space && *code->space) {
		lk_name_text_add(&text, code->space);
		lk_name_text_add(&text, ".");
	}
	if (code->klass && *code->klass) {
		lk_name_text_add(&text, code->klass);
		lk_name_text_add(&text, ":");
	}
	if (code->name && *code->name)
		lk_name_text_add(&text, code->name);
	else
		lk_name_text_addf(&text, "(%s code)", lk_runtime_id_name(code->info.runtime));
	return lk_strings_add(ctx->strings, text.at);
}

static const char *base_name(struct lk_runtime_ctx *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	return lk_strings_add(ctx->strings, slash ? slash + 1 : path);
}

void lk_runtime_name(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc,
	bool exact, struct lk_managed_line *ret_line)
{
	struct lk_managed_line line = {.il_offset = LK_IL_UNKNOWN};

	if (code->image && *code->image)
		line.module = base_name(ctx, code->image);
	for (size_t i = 0; i < LK_ARRAY_SIZE(adapters); i++)
		if (adapters[i]->runtime == code->info.runtime)
			adapters[i]->name(ctx, code, pc, exact, &line);
	if (!line.function) {
		line.function = plain_name(ctx, code);
		line.generated |= code->info.flags & LK_CODE_FLAG_TRAMPOLINE;
	}
	*ret_line = line;
}
