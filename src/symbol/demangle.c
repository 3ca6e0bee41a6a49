/*
 * How a function is called in a report:
 *
 *  - C++: qualified name and parameters, without the return type that mangled
 *    templates carry.  A name that would be longer than LONG_NAME is given
 *    without its parameters.
 *  - Rust: the path, without the legacy hash (::h0123456789abcdef).
 *  - D: as the D demangler prints it.
 *
 * A mangled name may refer back to its own parts, and each level can double what
 * is printed: some hundred bytes stand for terabytes.  The demanglers bound how
 * deep they recurse, not how much they print, so the printing is left (longjmp,
 * their state is on the stack) at MAX_PRINTED, and such a name stays as it is.
 */
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

#define LONG_NAME   200
#define MAX_MANGLED 16384
#define MAX_PRINTED 65536

/* Without a callback to leave by, back references are what is bounded. */
#define MAX_D_REFERENCES 12

struct printed {
	jmp_buf enough;
	size_t size;
	char text[MAX_PRINTED];
};

static void print_piece(const char *piece, size_t size, void *opaque)
{
	struct printed *out = opaque;

	if (size >= MAX_PRINTED - out->size)
		longjmp(out->enough, 1);
	memcpy(out->text + out->size, piece, size);
	out->size += size;
}

typedef int demangler(const char *name, int options, demangle_callbackref print, void *opaque);

static bool print_name(demangler *demangle, const char *name, int options, struct printed *out)
{
	out->size = 0;
	if (setjmp(out->enough))
		return false;
	if (!demangle(name, options, print_piece, out))
		return false;
	out->text[out->size] = 0;
	return out->size > 0;
}

static bool print_cpp(const char *name, struct printed *out)
{
	int options = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP;

	if (!print_name(cplus_demangle_v3_callback, name, options, out))
		return false;
	if (out->size <= LONG_NAME)
		return true;
	return print_name(cplus_demangle_v3_callback, name, DMGL_ANSI, out);
}

static bool print_d(const char *name, struct printed *out)
{
	size_t nr_references = 0;
	char *text;

	for (const char *at = name; (at = strchr(at, 'Q')); at++)
		nr_references++;
	if (nr_references > MAX_D_REFERENCES)
		return false;
	text = dlang_demangle(name, DMGL_NO_OPTS);
	if (!text)
		return false;
	out->size = strnlen(text, MAX_PRINTED - 1);
	memcpy(out->text, text, out->size);
	out->text[out->size] = 0;
	free(text);
	return out->size > 0;
}

static bool print_any(const char *name, struct printed *out)
{
	if (name[0] != '_')
		return false;
	if (name[1] == 'R')
		return print_name(rust_demangle_callback, name, DMGL_NO_OPTS, out);
	if (name[1] == 'D')
		return print_d(name, out);
	if (name[1] != 'Z' && strncmp(name, "_GLOBAL_", 8))
		return false;
	/* Legacy Rust is C++ mangling with a hash at its end; it refuses C++ names. */
	return print_name(rust_demangle_callback, name, DMGL_NO_OPTS, out) || print_cpp(name, out);
}

const char *lk_demangle(struct lk_strings *strings, const char *name)
{
	struct printed *out;
	const char *text;

	if (name[0] != '_' || strnlen(name, MAX_MANGLED) == MAX_MANGLED)
		return lk_strings_add(strings, name);
	out = lk_xmalloc(sizeof(*out));
	text = print_any(name, out) ? lk_strings_add_n(strings, out->text, out->size)
				    : lk_strings_add(strings, name);
	free(out);
	return text;
}
