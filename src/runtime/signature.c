#include "runtime/signature.h"

#include <errno.h>
#include <string.h>

/* Types in types, and types in outer types.  Real ones stay below ten. */
#define DEPTH_MAX 32u
/* Types in one signature: a type can name itself, so depth alone bounds nothing. */
#define TYPES_MAX 4096u

/* Element types (II.23.1.16). */
enum {
	ELEMENT_PTR = 0x0f,
	ELEMENT_BYREF = 0x10,
	ELEMENT_VALUETYPE = 0x11,
	ELEMENT_CLASS = 0x12,
	ELEMENT_VAR = 0x13,
	ELEMENT_ARRAY = 0x14,
	ELEMENT_GENERICINST = 0x15,
	ELEMENT_FNPTR = 0x1b,
	ELEMENT_SZARRAY = 0x1d,
	ELEMENT_MVAR = 0x1e,
	ELEMENT_CMOD_REQD = 0x1f,
	ELEMENT_CMOD_OPT = 0x20,
	ELEMENT_SENTINEL = 0x41,
	ELEMENT_PINNED = 0x45,
};

#define SIGNATURE_GENERIC 0x10u

static const struct primitive {
	const char *text[2]; /* by enum lk_style */
	const char *type;    /* in the namespace System */
} primitives[] = {
	[0x01] = {{"void", "void"}, "Void"},
	[0x02] = {{"bool", "bool"}, "Boolean"},
	[0x03] = {{"char", "char"}, "Char"},
	[0x04] = {{"sbyte", "sbyte"}, "SByte"},
	[0x05] = {{"byte", "byte"}, "Byte"},
	[0x06] = {{"int16", "short"}, "Int16"},
	[0x07] = {{"uint16", "ushort"}, "UInt16"},
	[0x08] = {{"int", "int"}, "Int32"},
	[0x09] = {{"uint", "uint"}, "UInt32"},
	[0x0a] = {{"long", "long"}, "Int64"},
	[0x0b] = {{"ulong", "ulong"}, "UInt64"},
	[0x0c] = {{"single", "float"}, "Single"},
	[0x0d] = {{"double", "double"}, "Double"},
	[0x0e] = {{"string", "string"}, "String"},
	[0x16] = {{"typedbyref", "typedbyref"}, "TypedReference"},
	[0x18] = {{"intptr", "nint"}, "IntPtr"},
	[0x19] = {{"uintptr", "nuint"}, "UIntPtr"},
	[0x1c] = {{"object", "object"}, "Object"},
};

/* Where a signature stands: its bytes, and whose generic parameters it names. */
struct writer {
	const struct lk_metadata *md;
	enum lk_style style;
	struct lk_cursor c;
	struct lk_name_text *text;
	uint32_t type_row;
	uint32_t method_row;
	unsigned *types_left;
};

const char *lk_type_short_name(const char *space, const char *name)
{
	if (strcmp(space, "System"))
		return NULL;
	for (size_t i = 0; i < LK_ARRAY_SIZE(primitives); i++)
		if (primitives[i].type && !strcmp(primitives[i].type, name))
			return primitives[i].text[LK_STYLE_MONO];
	return NULL;
}

bool lk_metadata_is_core_library(const struct lk_metadata *md)
{
	const char *name = lk_metadata_string(
		md, lk_metadata_cell(md, LK_TABLE_ASSEMBLY, 1, LK_ASSEMBLY_NAME));

	return !strcmp(name, "mscorlib") || !strcmp(name, "System.Private.CoreLib");
}

uint32_t lk_method_type(const struct lk_metadata *md, uint32_t method_row)
{
	uint32_t rows = md->tables[LK_TABLE_METHOD_PTR].rows;

	/* Uncompressed tables: types own rows of MethodPtr, which point to methods. */
	for (uint32_t i = 1; i <= rows; i++) {
		if (lk_metadata_cell(md, LK_TABLE_METHOD_PTR, i, LK_METHOD_PTR_METHOD) ==
			method_row) {
			method_row = i;
			break;
		}
	}
	return lk_metadata_last_at_most(md, LK_TABLE_TYPE_DEF, LK_TYPE_DEF_METHODS, method_row);
}

uint32_t lk_type_def_enclosing(const struct lk_metadata *md, uint32_t type_row)
{
	uint32_t row = lk_metadata_last_at_most(
		md, LK_TABLE_NESTED_CLASS, LK_NESTED_CLASS_NESTED, type_row);

	if (lk_metadata_cell(md, LK_TABLE_NESTED_CLASS, row, LK_NESTED_CLASS_NESTED) != type_row)
		return 0;
	return lk_metadata_cell(md, LK_TABLE_NESTED_CLASS, row, LK_NESTED_CLASS_ENCLOSING);
}

/* Fills chain with a type and those around it, innermost first; a loop ends at the limit. */
static unsigned type_chain(const struct lk_metadata *md, uint32_t type_row, uint32_t *chain)
{
	unsigned n = 0;

	for (; type_row && n < DEPTH_MAX; type_row = lk_type_def_enclosing(md, type_row))
		chain[n++] = type_row;
	return n;
}

void lk_type_def_path(const struct lk_metadata *md, uint32_t type_row, struct lk_name_text *text)
{
	uint32_t chain[DEPTH_MAX];

	for (unsigned n = type_chain(md, type_row, chain); n; n--) {
		lk_name_text_add(
			text, lk_metadata_string(md, lk_metadata_cell(md, LK_TABLE_TYPE_DEF,
							     chain[n - 1], LK_TYPE_DEF_NAME)));
		if (n > 1)
			lk_name_text_add(text, "/");
	}
}

const char *lk_type_def_space(const struct lk_metadata *md, uint32_t type_row)
{
	uint32_t chain[DEPTH_MAX];
	unsigned n = type_chain(md, type_row, chain);

	return lk_metadata_string(md,
		lk_metadata_cell(md, LK_TABLE_TYPE_DEF, n ? chain[n - 1] : 0, LK_TYPE_DEF_SPACE));
}

static const char *type_def_string(const struct lk_metadata *md, uint32_t row, unsigned column)
{
	return lk_metadata_string(md, lk_metadata_cell(md, LK_TABLE_TYPE_DEF, row, column));
}

static void mono_type_name(
	const struct lk_metadata *md, uint32_t type_row, struct lk_name_text *text)
{
	const char *space = lk_type_def_space(md, type_row);
	const char *name = type_def_string(md, type_row, LK_TYPE_DEF_NAME);
	const char *s = lk_metadata_is_core_library(md) && !lk_type_def_enclosing(md, type_row)
				? lk_type_short_name(space, name)
				: NULL;

	if (s) {
		lk_name_text_add(text, s);
		return;
	}
	if (*space) {
		lk_name_text_add(text, space);
		lk_name_text_add(text, ".");
	}
	lk_type_def_path(md, type_row, text);
}

/* The number behind the '`' of a generic type's name, and how long the name is without. */
static unsigned arity_of(const char *name, size_t *ret_size)
{
	const char *tick = strrchr(name, '`');
	unsigned n = 0;

	*ret_size = strlen(name);
	if (!tick || !tick[1] || strlen(tick) > 4)
		return 0;
	for (const char *p = tick + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		n = n * 10 + (unsigned)(*p - '0');
	}
	*ret_size = (size_t)(tick - name);
	return n;
}

/* A type of one file only, "<Client>F0123..__Stub", is "Stub" in its source. */
static const char *without_file(const char *name)
{
	const char *behind = *name == '<' ? strchr(name, '>') : NULL;

	if (!behind || behind[1] != 'F' || strspn(behind + 2, "0123456789ABCDEF") != 64 ||
		strncmp(behind + 66, "__", 2) || !behind[68])
		return name;
	return behind + 68;
}

/* Parameter `number` of the owner, a TypeOrMethodDef; "" where it has none. */
static const char *generic_name(const struct lk_metadata *md, uint32_t owner, uint32_t number)
{
	/* The owner's rows stand together, in the order of their numbers. */
	uint32_t row = 1 + number +
		       lk_metadata_last_at_most(
			       md, LK_TABLE_GENERIC_PARAM, LK_GENERIC_PARAM_OWNER, owner - 1);

	if (lk_metadata_cell(md, LK_TABLE_GENERIC_PARAM, row, LK_GENERIC_PARAM_OWNER) != owner)
		return "";
	return lk_metadata_string(
		md, lk_metadata_cell(md, LK_TABLE_GENERIC_PARAM, row, LK_GENERIC_PARAM_NAME));
}

/* "List`1" becomes "List<T>"; a nested type's row repeats the `outer` parameters around it. */
static unsigned clr_type_part(
	const struct lk_metadata *md, uint32_t row, unsigned outer, struct lk_name_text *text)
{
	const char *name = without_file(type_def_string(md, row, LK_TYPE_DEF_NAME));
	size_t size;
	unsigned n = arity_of(name, &size);

	lk_name_text_add_n(text, name, size);
	for (unsigned i = 0; i < n && !text->cut; i++) {
		lk_name_text_add(text, i ? ", " : "<");
		lk_name_text_add(text, generic_name(md, row << 1, outer + i));
	}
	lk_name_text_add(text, n ? ">" : "");
	return outer + n;
}

static void clr_type_name(const struct lk_metadata *md, uint32_t type_row, bool with_generics,
	struct lk_name_text *text)
{
	uint32_t chain[DEPTH_MAX];
	unsigned n = type_chain(md, type_row, chain), outer = 0;
	const char *space = n ? type_def_string(md, chain[n - 1], LK_TYPE_DEF_SPACE) : "";
	size_t size;

	if (!text)
		return;
	lk_name_text_add(text, space);
	lk_name_text_add(text, *space ? "." : "");
	for (; n; n--) {
		const char *name =
			without_file(type_def_string(md, chain[n - 1], LK_TYPE_DEF_NAME));

		if (with_generics) {
			outer = clr_type_part(md, chain[n - 1], outer, text);
		} else {
			arity_of(name, &size);
			lk_name_text_add_n(text, name, size);
		}
		lk_name_text_add(text, n > 1 ? "+" : "");
	}
}

void lk_type_def_name(const struct lk_metadata *md, uint32_t type_row, enum lk_style style,
	struct lk_name_text *text)
{
	if (style == LK_STYLE_CLR)
		clr_type_name(md, type_row, true, text);
	else
		mono_type_name(md, type_row, text);
}

/* A type of another assembly; its scope is the enclosing type where it is nested. */
static void type_ref_name(const struct lk_metadata *md, uint32_t row, enum lk_style style,
	struct lk_name_text *text, unsigned depth)
{
	uint32_t scope = lk_metadata_cell(md, LK_TABLE_TYPE_REF, row, LK_TYPE_REF_SCOPE);
	const char *space = lk_metadata_string(
		md, lk_metadata_cell(md, LK_TABLE_TYPE_REF, row, LK_TYPE_REF_SPACE));
	const char *name = lk_metadata_string(
		md, lk_metadata_cell(md, LK_TABLE_TYPE_REF, row, LK_TYPE_REF_NAME));
	size_t size = strlen(name);

	if ((scope & 3) == 3 && depth < DEPTH_MAX) {
		type_ref_name(md, scope >> 2, style, text, depth + 1);
		lk_name_text_add(text, style == LK_STYLE_CLR ? "+" : "/");
	} else if (*space) {
		lk_name_text_add(text, space);
		lk_name_text_add(text, ".");
	}
	if (style == LK_STYLE_CLR)
		arity_of(name, &size);
	lk_name_text_add_n(text, name, size);
}

void lk_type_ref_name(const struct lk_metadata *md, uint32_t ref_row, enum lk_style style,
	struct lk_name_text *text)
{
	type_ref_name(md, ref_row, style, text, 0);
}

static void write_type(struct writer *w, unsigned depth);

/* A TypeDefOrRef of a signature: two bits of tag below the row. */
static void write_token(struct writer *w, unsigned depth)
{
	uint32_t coded = lk_metadata_unsigned(&w->c);
	struct writer inner = *w;

	if (w->c.bad)
		return;
	switch (coded & 3) {
	case 0:
		if (w->style == LK_STYLE_CLR)
			clr_type_name(w->md, coded >> 2, false, w->text);
		else
			mono_type_name(w->md, coded >> 2, w->text);
		break;
	case 1:
		type_ref_name(w->md, coded >> 2, w->style, w->text, 0);
		break;
	case 2: /* a TypeSpec is a signature of its own */
		inner.c = lk_metadata_blob(w->md, lk_metadata_cell(w->md, LK_TABLE_TYPE_SPEC,
							  coded >> 2, LK_TYPE_SPEC_SIGNATURE));
		write_type(&inner, depth + 1);
		w->c.bad |= inner.c.bad;
		break;
	default:
		w->c.bad = true;
	}
}

/* Name of generic parameter `number` of a type or method; "!0", "!!0" where it has none. */
static void write_generic(struct writer *w, bool of_method, uint32_t number)
{
	uint32_t owner = (of_method ? w->method_row : w->type_row) << 1 | of_method;
	const char *name = generic_name(w->md, owner, number);

	if (*name)
		lk_name_text_add(w->text, name);
	else
		lk_name_text_addf(w->text, "%s%u", of_method ? "!!" : "!", number);
}

static void write_array(struct writer *w, unsigned depth)
{
	uint32_t rank, n;

	write_type(w, depth);
	rank = lk_metadata_unsigned(&w->c);
	n = lk_metadata_unsigned(&w->c);
	for (; n && !w->c.bad; n--)
		lk_metadata_unsigned(&w->c); /* sizes */
	n = lk_metadata_unsigned(&w->c);
	for (; n && !w->c.bad; n--)
		lk_metadata_unsigned(&w->c); /* lower bounds */
	if (rank > 255)			     /* Mono's own limit for a rank */
		w->c.bad = true;
	lk_name_text_add(w->text, "[");
	for (; rank > 1 && !w->c.bad; rank--)
		lk_name_text_add(w->text, ",");
	lk_name_text_add(w->text, "]");
}

static void write_instance(struct writer *w, unsigned depth)
{
	uint32_t n;

	write_type(w, depth);
	n = lk_metadata_unsigned(&w->c);
	lk_name_text_add(w->text, "<");
	for (uint32_t i = 0; i < n && !w->c.bad; i++) {
		lk_name_text_add(w->text, i ? ", " : "");
		write_type(w, depth);
	}
	lk_name_text_add(w->text, ">");
}

/* Passes over the signature of a function pointer, which nobody shows. */
static void write_function_pointer(struct writer *w, unsigned depth)
{
	struct writer inner = *w;
	uint8_t convention = lk_cursor_u8(&inner.c);
	uint32_t n;

	inner.text = NULL;
	if (convention & SIGNATURE_GENERIC)
		lk_metadata_unsigned(&inner.c);
	n = lk_metadata_unsigned(&inner.c);
	for (uint32_t i = 0; i <= n && !inner.c.bad; i++)
		write_type(&inner, depth);
	w->c = inner.c;
	lk_name_text_add(w->text, w->style == LK_STYLE_CLR ? "delegate*" : "*()");
}

static void write_modifier(struct writer *w, bool required, unsigned depth)
{
	struct writer modifier = *w;

	/* The modifier stands before the type, but is shown behind it, by Mono. */
	lk_metadata_unsigned(&w->c);
	write_type(w, depth);
	if (w->style == LK_STYLE_CLR)
		return;
	lk_name_text_add(w->text, required ? " modreq(" : " modopt(");
	write_token(&modifier, depth);
	lk_name_text_add(w->text, ")");
	w->c.bad |= modifier.c.bad;
}

static void write_element(struct writer *w, uint8_t element, unsigned depth)
{
	switch (element) {
	case ELEMENT_PTR:
		write_type(w, depth);
		lk_name_text_add(w->text, "*");
		break;
	case ELEMENT_BYREF:
		write_type(w, depth);
		lk_name_text_add(w->text, "&");
		break;
	case ELEMENT_VALUETYPE:
	case ELEMENT_CLASS:
		write_token(w, depth);
		break;
	case ELEMENT_VAR:
	case ELEMENT_MVAR:
		write_generic(w, element == ELEMENT_MVAR, lk_metadata_unsigned(&w->c));
		break;
	case ELEMENT_ARRAY:
		write_array(w, depth);
		break;
	case ELEMENT_GENERICINST:
		write_instance(w, depth);
		break;
	case ELEMENT_FNPTR:
		write_function_pointer(w, depth);
		break;
	case ELEMENT_SZARRAY:
		write_type(w, depth);
		lk_name_text_add(w->text, "[]");
		break;
	case ELEMENT_CMOD_REQD:
	case ELEMENT_CMOD_OPT:
		write_modifier(w, element == ELEMENT_CMOD_REQD, depth);
		break;
	case ELEMENT_SENTINEL: /* what follows are the arguments of "..." */
	case ELEMENT_PINNED:
		write_type(w, depth);
		break;
	default:
		w->c.bad = true;
	}
}

static void write_type(struct writer *w, unsigned depth)
{
	uint8_t element = lk_cursor_u8(&w->c);

	if (depth >= DEPTH_MAX || !*w->types_left)
		w->c.bad = true;
	if (w->c.bad)
		return;
	--*w->types_left;
	if (element < LK_ARRAY_SIZE(primitives) && primitives[element].type)
		lk_name_text_add(w->text, primitives[element].text[w->style]);
	else
		write_element(w, element, depth + 1);
}

void lk_method_generics(
	const struct lk_metadata *md, uint32_t method_row, struct lk_name_text *text)
{
	struct writer w = {.md = md, .text = text, .method_row = method_row};
	uint32_t n;

	w.c = lk_metadata_blob(
		md, lk_metadata_cell(md, LK_TABLE_METHOD, method_row, LK_METHOD_SIGNATURE));
	if (!(lk_cursor_u8(&w.c) & SIGNATURE_GENERIC))
		return;
	n = lk_metadata_unsigned(&w.c);
	/* Each name has a row of its own; a count beyond the rows is damage. */
	if (w.c.bad || !n || n > md->tables[LK_TABLE_GENERIC_PARAM].rows)
		return;
	lk_name_text_add(text, "<");
	for (uint32_t i = 0; i < n && !text->cut; i++) {
		lk_name_text_add(text, i ? ", " : "");
		write_generic(&w, true, i);
	}
	lk_name_text_add(text, ">");
}

/* A local function gets the variables that it shares as parameters that nobody wrote. */
static bool is_closure(const char *param)
{
	size_t size = strlen(param);

	return size && param[size - 1] == '&' && strstr(param, "+<>c__DisplayClass");
}

int lk_method_params(const struct lk_metadata *md, uint32_t method_row, enum lk_style style,
	struct lk_name_text *text)
{
	const char *separator = style == LK_STYLE_CLR ? ", " : ",";
	unsigned types_left = TYPES_MAX;
	struct writer w = {
		.md = md,
		.style = style,
		.method_row = method_row,
		.types_left = &types_left,
	};
	uint8_t convention;
	uint32_t n;

	w.type_row = lk_method_type(md, method_row);
	w.c = lk_metadata_blob(
		md, lk_metadata_cell(md, LK_TABLE_METHOD, method_row, LK_METHOD_SIGNATURE));
	convention = lk_cursor_u8(&w.c);
	if (convention & SIGNATURE_GENERIC)
		lk_metadata_unsigned(&w.c);
	n = lk_metadata_unsigned(&w.c);
	write_type(&w, 0); /* the return type is not shown */
	w.text = text;
	for (uint32_t i = 0; i < n && !w.c.bad && !text->cut; i++) {
		size_t before = text->used;

		lk_name_text_add(text, i ? separator : "");
		write_type(&w, 0);
		if (style == LK_STYLE_CLR && is_closure(text->at + before))
			lk_name_text_take_back(text, before);
	}
	return w.c.bad ? -EBADMSG : 0;
}
