/*
 * Names CoreCLR's frames.  The agent tells a token and the assembly as the process had
 * it; name, parameters and lines come from that assembly's metadata and symbols, in the
 * words of those who wrote the method (clr_name.h).  What no assembly can tell goes by
 * what the agent was told itself.
 */
#include <string.h>

#include "runtime/adapter.h"
#include "runtime/clr_framework.h"
#include "runtime/clr_map.h"
#include "runtime/clr_name.h"
#include "runtime/name_text.h"

#define TOKEN_METHOD 0x06000000u
#define TOKEN_ROW    0x00ffffffu
/* What the runtime calls the stub of a P/Invoke, compiled ahead of time or not. */
#define PINVOKE_STUB "IL_STUB_PInvoke"

/* The method that code was compiled from. */
struct method {
	struct lk_assembly *assembly; /* NULL: could not be read */
	const struct lk_metadata *md;
	uint32_t row;	  /* of MethodDef; 0 unknown */
	uint32_t kickoff; /* row of the method it was made from, or 0 */
};

static bool given(const char *s)
{
	return s && *s;
}

static uint32_t row_of(const struct lk_metadata *md, uint32_t token)
{
	uint32_t row = token & TOKEN_ROW;

	if ((token & ~TOKEN_ROW) != TOKEN_METHOD || row > md->tables[LK_TABLE_METHOD].rows)
		return 0;
	return row;
}

static struct method find_method(struct lk_runtime_ctx *ctx, const struct lk_code *code)
{
	struct method m = {.assembly = lk_runtime_image(ctx, code)};
	const struct lk_metadata *md;

	if (!m.assembly)
		return m;
	m.md = md = lk_assembly_metadata(m.assembly);
	m.row = row_of(md, code->info.token);
	if (!m.row)
		return m;
	m.kickoff = row_of(md, lk_assembly_kickoff(m.assembly, code->info.token));
	if (!m.kickoff)
		m.kickoff = lk_clr_kickoff(md, m.row);
	return m;
}

/* From the agent's strings alone; false where it has none that name the method. */
static bool add_told_name(const struct lk_code *code, const char *name, struct lk_name_text *text)
{
	if (!given(name))
		return false;
	if (given(code->space)) {
		lk_name_text_add(text, code->space);
		lk_name_text_add(text, ".");
	}
	if (given(code->klass)) {
		lk_name_text_add(text, code->klass);
		lk_name_text_add(text, ".");
	}
	lk_name_text_add(text, name);
	return true;
}

static bool add_token(const struct lk_code *code, const char *module, struct lk_name_text *text)
{
	if (!(code->info.token & TOKEN_ROW))
		return false;
	lk_name_text_addf(text, "%.200s!0x%08x", module ? module : "?", code->info.token);
	return true;
}

/* File, line and IL offset of pc. */
static void find_line(const struct lk_code *code, uint64_t pc, bool exact, const struct method *m,
	struct lk_managed_line *line)
{
	uint64_t at = pc - !exact; /* the call lies before its return address */
	struct lk_il_point point;
	uint32_t il;

	if (!code->map || at < code->info.start || at - code->info.start >= code->info.size)
		return;
	at = at - code->info.start + code->info.entry_off;
	if (lk_clr_map_il(code->map, code->map_size, at, &il) < 0)
		return;
	if (il != LK_CLR_EXIT)
		line->il_offset = il;
	if (!m->row || lk_assembly_line(m->assembly, code->info.token, il, &point) < 0)
		return;
	line->file = point.file;
	line->line = point.line;
}

/* The file that the method stands in: where the frame has no line, that of any other. */
static const char *source_of(const struct method *m, uint32_t token, const char *line_file)
{
	const struct lk_il_points *points;

	if (line_file)
		return line_file;
	if (lk_assembly_points(m->assembly, token, &points) < 0 || !points->count)
		return NULL;
	return points->at[0].file;
}

/*
 * Somebody's own file is the surest sign that somebody wrote the method, where it is only
 * its type that says otherwise: a type may be written in part and generated in part.
 */
static bool is_generated(const struct method *m, uint32_t token, const char *line_file)
{
	enum lk_clr_author author = lk_clr_method_author(m->md, m->kickoff ? m->kickoff : m->row);
	const char *file = source_of(m, token, line_file);

	if (file && lk_clr_is_generated_file(file))
		return true;
	return author == LK_CLR_BY_TYPE ? !file : author != LK_CLR_BY_USER;
}

static void name_method(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc,
	bool exact, const struct method *m, struct lk_managed_line *line)
{
	struct lk_name_text text;

	lk_name_text_init(&text);
	if (m->row) {
		bool pinvoke = lk_clr_method_author(m->md, m->row) == LK_CLR_BY_RUNTIME;

		if (pinvoke) /* its only code is the stub that calls out */
			lk_name_text_add(&text, "(wrapper " PINVOKE_STUB ") ");
		else
			find_line(code, pc, exact, m, line);
		lk_clr_method_name(m->md, m->row, m->kickoff, &text);
		line->generated = pinvoke || is_generated(m, code->info.token, line->file);
	} else {
		find_line(code, pc, exact, m, line);
		if (!add_told_name(code, code->name, &text) &&
			!add_token(code, line->module, &text)) {
			lk_name_text_add(&text, "(clr code)");
			line->generated = true; /* there is nothing that anybody could open */
		}
	}
	line->function = lk_strings_add(lk_runtime_strings(ctx), text.at);
}

/* "(wrapper IL_STUB_PInvoke) Native.SayHello(string&)": its kind, and what it serves. */
static void name_stub(struct lk_runtime_ctx *ctx, const struct lk_code *code,
	const struct method *m, struct lk_managed_line *line)
{
	struct lk_name_text text;

	lk_name_text_init(&text);
	lk_name_text_addf(&text, "(wrapper %.200s)", given(code->name) ? code->name : "IL_STUB");
	if (m->row) {
		lk_name_text_add(&text, " ");
		lk_clr_method_name(m->md, m->row, m->kickoff, &text);
	} else if (code->info.token & TOKEN_ROW) {
		lk_name_text_add(&text, " ");
		add_token(code, line->module, &text);
	}
	line->function = lk_strings_add(lk_runtime_strings(ctx), text.at);
	line->generated = true;
}

static void name_other(
	struct lk_runtime_ctx *ctx, const struct lk_code *code, struct lk_managed_line *line)
{
	bool dynamic = code->info.kind == LK_CLR_DYNAMIC;
	struct lk_name_text text;

	lk_name_text_init(&text);
	lk_name_text_add(&text, dynamic ? "(dynamic) " : "");
	if (!add_told_name(code, code->name, &text))
		lk_name_text_add(&text, dynamic ? "method" : "(clr helper)");
	line->function = lk_strings_add(lk_runtime_strings(ctx), text.at);
	line->generated = true;
}

static void name(struct lk_runtime_ctx *ctx, const struct lk_code *code, uint64_t pc, bool exact,
	struct lk_managed_line *line)
{
	struct method m = {0};

	if (code->info.kind == LK_CLR_METHOD || code->info.kind == LK_CLR_STUB)
		m = find_method(ctx, code);
	if (!line->module && m.assembly && *lk_assembly_module(m.assembly))
		line->module =
			lk_strings_add(lk_runtime_strings(ctx), lk_assembly_module(m.assembly));
	line->framework = lk_clr_is_framework(code->image, m.md);
	if (code->info.kind == LK_CLR_METHOD)
		name_method(ctx, code, pc, exact, &m, line);
	else if (code->info.kind == LK_CLR_STUB)
		name_stub(ctx, code, &m, line);
	else
		name_other(ctx, code, line);
}

const struct lk_runtime_adapter lk_runtime_clr = {
	.runtime = LK_RUNTIME_CLR,
	.name = name,
};
