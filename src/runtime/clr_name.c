#include "runtime/clr_name.h"

#include <string.h>

#include "runtime/attributes.h"
#include "runtime/signature.h"

/* Lambdas in lambdas, types in types: real ones stay below ten. */
#define DEPTH_MAX 16u
/* Methods of one type that are looked at; a damaged table may give it all of them. */
#define METHODS_MAX    65536u
#define METHOD_PINVOKE 0x2000u

/* Visual Basic's names for the pieces of a method. */
#define VB_LAMBDA	 "_Lambda$__"
#define VB_CLOSURE	 "_Closure$__"
#define VB_STATE_MACHINE "VB$StateMachine_"

/* A piece of a name; not NUL-terminated. */
struct piece {
	const char *at;
	size_t size;
};

static struct piece piece_of(const char *s)
{
	return (struct piece){s, strlen(s)};
}

static bool starts_with(struct piece p, const char *start)
{
	size_t size = strlen(start);

	return p.size >= size && !memcmp(p.at, start, size);
}

static bool same(struct piece p, const char *s)
{
	return p.size == strlen(s) && !memcmp(p.at, s, p.size);
}

/* Cuts "<inner>rest" in two.  The inner name may have brackets of its own. */
static bool split(struct piece name, struct piece *ret_inner, struct piece *ret_rest)
{
	size_t depth = 0;

	if (!name.size || *name.at != '<')
		return false;
	for (size_t i = 0; i < name.size; i++) {
		if (name.at[i] == '<')
			depth++;
		else if (name.at[i] == '>' && !--depth) {
			*ret_inner = (struct piece){name.at + 1, i - 1};
			*ret_rest = (struct piece){name.at + i + 1, name.size - i - 1};
			return true;
		}
	}
	return false;
}

/* The digits behind the last '_' of "b__2_1"; what an edit at run time appends ("#1") is not one.
 */
static struct piece lambda_number(struct piece rest)
{
	size_t end = rest.size, start;

	for (size_t i = 0; i < rest.size; i++)
		if (rest.at[i] == '#')
			end = i;
	for (start = end; start && rest.at[start - 1] >= '0' && rest.at[start - 1] <= '9'; start--)
		;
	return (struct piece){rest.at + start, end - start};
}

static void add_readable(struct piece name, struct lk_name_text *text, unsigned depth);

/* "g__Local|0_0": the stub in a LibraryImport is named as what it serves. */
static void add_local_function(
	struct piece inner, struct piece rest, struct lk_name_text *text, unsigned depth)
{
	const char *bar;

	rest.at += 3;
	rest.size -= 3;
	bar = memchr(rest.at, '|', rest.size);
	if (bar)
		rest.size = (size_t)(bar - rest.at);
	add_readable(inner, text, depth + 1);
	if (same(rest, "__PInvoke"))
		return;
	lk_name_text_add(text, ".");
	lk_name_text_add_n(text, rest.at, rest.size);
}

static void add_readable(struct piece name, struct lk_name_text *text, unsigned depth)
{
	struct piece inner, rest;

	if (starts_with(name, VB_LAMBDA)) {
		lk_name_text_add(text, "lambda");
		lk_name_text_add_n(
			text, name.at + strlen(VB_LAMBDA), name.size - strlen(VB_LAMBDA));
	} else if (depth > DEPTH_MAX || !split(name, &inner, &rest) || !inner.size) {
		lk_name_text_add_n(text, name.at, name.size);
	} else if (!rest.size || same(rest, "$") || same(rest, "d") || starts_with(rest, "d__")) {
		add_readable(inner, text, depth + 1);
	} else if (starts_with(rest, "b__")) {
		struct piece number = lambda_number(rest);

		add_readable(inner, text, depth + 1);
		lk_name_text_add(text, ".lambda");
		lk_name_text_add_n(text, number.at, number.size);
	} else if (starts_with(rest, "g__")) {
		add_local_function(inner, rest, text, depth);
	} else {
		lk_name_text_add_n(text, name.at, name.size);
	}
}

static const char *type_name(const struct lk_metadata *md, uint32_t type)
{
	return lk_metadata_string(
		md, lk_metadata_cell(md, LK_TABLE_TYPE_DEF, type, LK_TYPE_DEF_NAME));
}

static const char *method_name(const struct lk_metadata *md, uint32_t row)
{
	return lk_metadata_string(md, lk_metadata_cell(md, LK_TABLE_METHOD, row, LK_METHOD_NAME));
}

/* "VB$StateMachine_3_Load". */
static bool is_vb_state_machine(struct piece name, struct piece *ret_method)
{
	size_t at = strlen(VB_STATE_MACHINE);

	if (!starts_with(name, VB_STATE_MACHINE))
		return false;
	while (at < name.size && name.at[at] >= '0' && name.at[at] <= '9')
		at++;
	if (at + 1 >= name.size || name.at[at] != '_')
		return false;
	*ret_method = (struct piece){name.at + at + 1, name.size - at - 1};
	return true;
}

/* "<Load>d__3", "<<Main>b__0_0>d": the type of an async method's or iterator's state. */
static bool is_state_machine(const struct lk_metadata *md, uint32_t type, struct piece *ret_method)
{
	struct piece name = piece_of(type_name(md, type)), rest;
	const char *tick = memrchr(name.at, '`', name.size);

	if (tick)
		name.size = (size_t)(tick - name.at);
	if (is_vb_state_machine(name, ret_method))
		return true;
	return split(name, ret_method, &rest) && ret_method->size &&
	       (same(rest, "d") || starts_with(rest, "d__"));
}

/* The innermost type around that somebody wrote: past "<>c", "<>c__DisplayClass0_0". */
static uint32_t written_type(const struct lk_metadata *md, uint32_t type)
{
	struct piece unused;

	for (unsigned n = 0; type && n < DEPTH_MAX; n++) {
		uint32_t outer = lk_type_def_enclosing(md, type);

		struct piece name = piece_of(type_name(md, type));

		if (!outer || (!starts_with(name, "<>c") && !starts_with(name, VB_CLOSURE) &&
				      !is_state_machine(md, type, &unused)))
			break;
		type = outer;
	}
	return type;
}

/* Whether [AsyncStateMachine(typeof(Program.<Load>d__3))] or its like is on the method. */
static bool claims_machine(const struct lk_metadata *md, uint32_t row, const char *machine)
{
	static const char suffix[] = "StateMachineAttribute";
	struct lk_attributes walk = lk_attributes_of(md, LK_ATTRIBUTE_OF_METHOD, row);
	size_t machine_size = strlen(machine);
	struct lk_attribute attribute;

	while (lk_attributes_next(&walk, &attribute)) {
		size_t size = strlen(attribute.name);
		const char *text;

		if (size < sizeof(suffix) - 1 ||
			strcmp(attribute.name + size - (sizeof(suffix) - 1), suffix) ||
			!lk_attribute_text(&attribute, &text, &size))
			continue;
		if (size > machine_size && text[size - machine_size - 1] == '+' &&
			!memcmp(text + size - machine_size, machine, machine_size))
			return true;
	}
	return false;
}

/* The method that a state machine was made from: the one that claims it, or the only namesake. */
static uint32_t find_kickoff(const struct lk_metadata *md, uint32_t machine, struct piece method)
{
	uint32_t outer = lk_type_def_enclosing(md, machine), only = 0;
	uint32_t first = lk_metadata_cell(md, LK_TABLE_TYPE_DEF, outer, LK_TYPE_DEF_METHODS);
	uint32_t end = lk_metadata_cell(md, LK_TABLE_TYPE_DEF, outer + 1, LK_TYPE_DEF_METHODS);
	uint32_t rows = md->tables[LK_TABLE_METHOD].rows;
	unsigned namesakes = 0;

	if (!outer || !first || md->tables[LK_TABLE_METHOD_PTR].rows)
		return 0;
	if (!end || end > rows + 1)
		end = rows + 1;
	if (end > first && end - first > METHODS_MAX)
		end = first + METHODS_MAX;
	for (uint32_t row = first; row < end; row++) {
		if (!same(method, method_name(md, row)))
			continue;
		if (claims_machine(md, row, type_name(md, machine)))
			return row;
		only = row;
		namesakes++;
	}
	return namesakes == 1 ? only : 0;
}

/* "global::Com.IHello.SayHello" in a class that the COM generator made is what it serves. */
static bool add_served(struct piece name, struct lk_name_text *text)
{
	static const char start[] = "global::";

	if (!starts_with(name, start) || name.size == sizeof(start) - 1)
		return false;
	lk_name_text_add_n(text, name.at + sizeof(start) - 1, name.size - (sizeof(start) - 1));
	return true;
}

static void add_type_and_name(
	const struct lk_metadata *md, uint32_t type, struct piece name, struct lk_name_text *text)
{
	if (add_served(name, text))
		return;
	type = written_type(md, type);
	/* Functions outside of any type are members of "<Module>". */
	if (type > 1 || strcmp(type_name(md, type), "<Module>")) {
		lk_type_def_name(md, type, LK_STYLE_CLR, text);
		lk_name_text_add(text, ".");
	}
	add_readable(name, text, 0);
}

static void add_method(const struct lk_metadata *md, uint32_t row, struct lk_name_text *text)
{
	add_type_and_name(md, lk_method_type(md, row), piece_of(method_name(md, row)), text);
	lk_method_generics(md, row, text);
	lk_name_text_add(text, "(");
	lk_method_params(md, row, LK_STYLE_CLR, text);
	lk_name_text_add(text, ")");
}

/* The pieces of a state machine that hold code of the user's. */
static bool is_users_piece(const char *name)
{
	return !strcmp(name, "MoveNext") || !strncmp(name, "<>m__Finally", 12);
}

uint32_t lk_clr_kickoff(const struct lk_metadata *md, uint32_t row)
{
	uint32_t type = lk_method_type(md, row);
	struct piece method;

	return is_state_machine(md, type, &method) ? find_kickoff(md, type, method) : 0;
}

void lk_clr_method_name(
	const struct lk_metadata *md, uint32_t row, uint32_t kickoff, struct lk_name_text *text)
{
	uint32_t type = lk_method_type(md, row);
	const char *name = method_name(md, row);
	struct piece method;

	if (!is_state_machine(md, type, &method)) {
		add_method(md, kickoff ? kickoff : row, text);
	} else if (!is_users_piece(name)) {
		add_type_and_name(md, type, method, text);
		lk_name_text_add(text, ".");
		lk_name_text_add(text, name);
	} else if (kickoff) {
		add_method(md, kickoff, text);
	} else {
		add_type_and_name(md, type, method, text);
	}
}

static bool says_generated(const struct lk_metadata *md, enum lk_attribute_owner kind, uint32_t row)
{
	struct lk_attributes walk = lk_attributes_of(md, kind, row);
	struct lk_attribute attribute;

	while (lk_attributes_next(&walk, &attribute))
		if (!strcmp(attribute.name, "GeneratedCodeAttribute") &&
			!strcmp(attribute.space, "System.CodeDom.Compiler"))
			return true;
	return false;
}

enum lk_clr_author lk_clr_method_author(const struct lk_metadata *md, uint32_t row)
{
	uint32_t type = lk_method_type(md, row);

	if (lk_metadata_cell(md, LK_TABLE_METHOD, row, LK_METHOD_FLAGS) & METHOD_PINVOKE)
		return LK_CLR_BY_RUNTIME;
	/* "<Main>" waits for an async Main: no line of the user's stands for it. */
	if (says_generated(md, LK_ATTRIBUTE_OF_METHOD, row) ||
		!strcmp(method_name(md, row), "<Main>"))
		return LK_CLR_BY_GENERATOR;
	for (unsigned n = 0; type && n < DEPTH_MAX; n++) {
		if (says_generated(md, LK_ATTRIBUTE_OF_TYPE, type))
			return LK_CLR_BY_TYPE;
		type = lk_type_def_enclosing(md, type);
	}
	return LK_CLR_BY_USER;
}

bool lk_clr_is_generated_file(const char *file)
{
	static const char *const ends[] = {".g.cs", ".g.vb"};
	size_t size = strlen(file);

	for (size_t i = 0; i < LK_ARRAY_SIZE(ends); i++)
		if (size >= strlen(ends[i]) && !strcmp(file + size - strlen(ends[i]), ends[i]))
			return true;
	return strstr(file, "Microsoft.Interop.LibraryImportGenerator") ||
	       strstr(file, "Microsoft.Interop.ComInterfaceGenerator");
}
