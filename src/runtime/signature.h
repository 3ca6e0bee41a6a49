/*
 * Writes types and parameter lists in the words of a runtime's users.  As Mono does
 * in mono_method_full_name, so that a name in a report is the one that
 * `mono --debug` users know and can search: "string&", "int16[]", "System.Func`2<T, R>",
 * "Outer/Inner".  As .NET's users write C#: "string&", "short[]", "System.Func<T, R>",
 * "Outer<T>+Inner".  Signatures are foreign bytes (ECMA-335 II.23.2): nesting is limited,
 * text is bounded.
 */
#ifndef LK_RUNTIME_SIGNATURE_H
#define LK_RUNTIME_SIGNATURE_H

#include "runtime/metadata.h"
#include "runtime/name_text.h"

enum lk_style {
	LK_STYLE_MONO,
	LK_STYLE_CLR,
};

/* Mono's short name ("string") of a type of the core library, or NULL. */
const char *lk_type_short_name(const char *space, const char *name);

/* Whether md is of the library whose types have short names. */
bool lk_metadata_is_core_library(const struct lk_metadata *md);

/* The type that declares a method, as a row of TypeDef; 0 where none does. */
uint32_t lk_method_type(const struct lk_metadata *md, uint32_t method_row);

/* "Outer/Inner" without its namespace, and the namespace: that of the outermost. */
void lk_type_def_path(const struct lk_metadata *md, uint32_t type_row, struct lk_name_text *text);
const char *lk_type_def_space(const struct lk_metadata *md, uint32_t type_row);

/* The type that encloses a nested one, or 0. */
uint32_t lk_type_def_enclosing(const struct lk_metadata *md, uint32_t type_row);

/* "Namespace.Outer/Inner", or the short name; "Namespace.Outer<T>+Inner". */
void lk_type_def_name(const struct lk_metadata *md, uint32_t type_row, enum lk_style style,
	struct lk_name_text *text);

/* A TypeRef's name, in the same form; generic parameters are not known. */
void lk_type_ref_name(const struct lk_metadata *md, uint32_t ref_row, enum lk_style style,
	struct lk_name_text *text);

/* "<T, U>" of a generic method, nothing of any other. */
void lk_method_generics(
	const struct lk_metadata *md, uint32_t method_row, struct lk_name_text *text);

/* "int,string&" or "int, string&".  -EBADMSG: damaged; what could be read is written. */
int lk_method_params(const struct lk_metadata *md, uint32_t method_row, enum lk_style style,
	struct lk_name_text *text);

#endif
