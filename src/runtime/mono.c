/*
 * Names Mono's frames.  What the agent copied (names, token, wrapper type, map)
 * is believed; the assembly on disk adds parameters and lines, but only where it
 * has the same method under the same token: a file that was rebuilt meanwhile
 * must not lend its lines to other code.
 */
#include <string.h>

#include "runtime/adapter.h"
#include "runtime/name_text.h"
#include "runtime/seq_points.h"
#include "runtime/signature.h"

/* MonoMethod.wrapper_type as Mono 6.8.0.105 counts and calls it (read in its binary). */
static const char *const wrappers[] = {
	"none",
	"delegate-invoke",
	"delegate-begin-invoke",
	"delegate-end-invoke",
	"runtime-invoke",
	"native-to-managed",
	"managed-to-native",
	"managed-to-managed",
	"remoting-invoke",
	"remoting-invoke-with-check",
	"xdomain-invoke",
	"xdomain-dispatch",
	"ldfld",
	"stfld",
	"synchronized",
	"dynamic-method",
	"castclass",
	"proxy_isinst",
	"stelemref",
	"unbox",
	"ldflda",
	"write-barrier",
	"other",
	"cominterop-invoke",
	"cominterop",
	"alloc",
};

static bool given(const char *s)
{
	return s && *s;
}

static bool starts_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

/* Mono's class library, by where it is installed or by the names that Mono reserves. */
static bool is_framework(const char *image, const char *module)
{
	return strstr(image, "/lib/mono/") || strstr(image, "/gac/") ||
	       !strcmp(module, "mscorlib.dll") || !strcmp(module, "System.dll") ||
	       starts_with(module, "System.") || starts_with(module, "Mono.");
}

static bool same_or_unknown(const char *told, const char *read)
{
	return !given(told) || !strcmp(told, read);
}

/* The code's method as the assembly on disk has it. */
static bool find_method(struct lk_runtime_ctx *ctx, const struct lk_code *code,
	struct lk_assembly **ret_assembly, struct lk_method *ret_method)
{
	struct lk_assembly *assembly;

	if (!code->info.token || !given(code->image))
		return false;
	assembly = lk_runtime_assembly(ctx, code->image);
	if (!assembly || lk_assembly_method(assembly, code->info.token, ret_method) < 0)
		return false;
	*ret_assembly = assembly;
	return same_or_unknown(code->name, ret_method->name) &&
	       same_or_unknown(code->klass, ret_method->klass);
}

static void add_told_type(const struct lk_code *code, struct lk_name_text *text)
{
	const char *space = code->space ? code->space : "";
	const char *s = code->klass ? lk_type_short_name(space, code->klass) : NULL;

	if (!given(code->klass))
		return;
	if (!s && *space) {
		lk_name_text_add(text, space);
		lk_name_text_add(text, ".");
	}
	lk_name_text_add(text, s ? s : code->klass);
	lk_name_text_add(text, ":");
}

/* From the agent's strings alone; a method that has none goes by its token. */
static void add_told_name(
	const struct lk_code *code, const struct lk_managed_line *line, struct lk_name_text *text)
{
	if (given(code->name)) {
		add_told_type(code, text);
		lk_name_text_add(text, code->name);
	} else if (code->info.token) {
		lk_name_text_addf(
			text, "%.200s!0x%08x", line->module ? line->module : "?", code->info.token);
	} else {
		lk_name_text_add(text, "(mono code)");
	}
}

static void add_method(const struct lk_method *method, struct lk_name_text *text)
{
	lk_name_text_add(text, method->type);
	lk_name_text_add(text, ":");
	lk_name_text_add(text, method->name);
	lk_name_text_add(text, method->generics);
	if (!method->params)
		return;
	lk_name_text_add(text, " (");
	lk_name_text_add(text, method->params);
	lk_name_text_add(text, ")");
}

static void add_wrapper(uint32_t kind, struct lk_name_text *text)
{
	if (kind < LK_ARRAY_SIZE(wrappers))
		lk_name_text_addf(text, "(wrapper %s) ", wrappers[kind]);
	else
		lk_name_text_addf(text, "(wrapper %u) ", kind);
}

/* File, line and IL offset of pc in a method that somebody wrote. */
static void find_line(const struct lk_code *code, uint64_t pc, bool exact,
	struct lk_assembly *assembly, struct lk_managed_line *line)
{
	uint64_t at = pc - !exact; /* the call lies before its return address */
	struct lk_il_point point;
	uint32_t il;

	if (!code->map || at < code->info.start || at - code->info.start >= code->info.size)
		return;
	if (lk_seq_points_il(code->map, code->map_size, at - code->info.start, &il) < 0)
		return;
	if (il != LK_SEQ_EXIT)
		line->il_offset = il;
	if (!assembly || lk_assembly_line(assembly, code->info.token, il, &point) < 0)
		return;
	line->file = point.file;
	line->line = point.line;
}

static void name_trampoline(
	struct lk_runtime_ctx *ctx, const struct lk_code *code, struct lk_managed_line *line)
{
	line->function = given(code->name) ? lk_strings_add(lk_runtime_strings(ctx), code->name)
					   : "(mono trampoline)";
	line->generated = true;
}

static void name(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc, bool exact,
	struct lk_managed_line *line)
{
	struct lk_assembly *assembly = NULL;
	struct lk_method method;
	struct lk_name_text text;
	bool known;

	line->framework = line->module && is_framework(code->image, line->module);
	if (code->info.flags & LK_CODE_FLAG_TRAMPOLINE) {
		name_trampoline(ctx, code, line);
		return;
	}
	known = find_method(ctx, code, &assembly, &method);
	lk_name_text_init(&text);
	line->generated = code->info.kind != 0;
	if (line->generated)
		add_wrapper(code->info.kind, &text);
	if (known)
		add_method(&method, &text);
	else
		add_told_name(code, line, &text);
	line->function = lk_strings_add(lk_runtime_strings(ctx), text.at);
	if (!line->generated)
		find_line(code, pc, exact, known ? assembly : NULL, line);
}

const struct lk_runtime_adapter lk_runtime_mono = {
	.runtime = LK_RUNTIME_MONO,
	.name = name,
};
