#include "leak/naming.h"

#include <ctype.h>
#include <string.h>

/* Suffixes that a compiler, linker or runtime adds; '*' ends the name. */
static const char *const suffixes[] = {
	".constprop.",
	".isra.",
	".part.",
	".cold",
	".lto_priv.",
	".llvm.",
	".localalias",
	" [clone ",
	"@@",
	"@plt",
	"@GLIBC",
	"[Tier",
	"[OptimizedTier",
	"[PreJIT",
	"[Optimized",
	"[ReadyToRun",
	"[QuickJitted",
	"[Instrumented",
	"{{vtable.shim}}",
};

bool lk_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

const char *lk_base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if ((*path == '/' || *path == '\\') && path[1])
			base = path + 1;
	return base;
}

uint64_t lk_hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return (hash ^ 0xff) * 0x100000001b3ull; /* an end that no text contains */
}

uint64_t lk_hash_u64(uint64_t hash, uint64_t value)
{
	for (int i = 0; i < 8; i++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * 0x100000001b3ull;
	return hash;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '`';
}

/* ".cold" is a suffix, ".coldStart" a method: a suffix that ends in a word is a whole one. */
static const char *find_suffix(const char *name, size_t size, const char *suffix)
{
	size_t n = strlen(suffix);
	const char *from = name, *end = name + size, *at;

	while ((at = memmem(from, (size_t)(end - from), suffix, n))) {
		if (*suffix != '.' || !in_word(suffix[n - 1]) || at + n == end || !in_word(at[n]))
			return at;
		from = at + n;
	}
	return NULL;
}

static size_t length_without_suffixes(const char *name, size_t size)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(suffixes); i++) {
		const char *at = find_suffix(name, size, suffixes[i]);

		if (at && at > name)
			size = (size_t)(at - name);
	}
	while (size && name[size - 1] == ' ')
		size--;
	return size;
}

/* Gives what follows the bracket that matches the one at `at`, or NULL. */
static const char *after_bracket(const char *at, const char *end)
{
	char open = *at, close = open == '<' ? '>' : ')';
	int depth = 0;

	for (; at < end; at++) {
		if (*at == open)
			depth++;
		else if (*at == close && at[-1] != '-' && !--depth)
			return at + 1;
	}
	return NULL;
}

static bool ends_in(const char *out, size_t n, const char *word)
{
	size_t w = strlen(word);

	return n >= w && !memcmp(out + n - w, word, w) && (n == w || !in_word(out[n - w - 1]));
}

/*
 * A '<' that follows a word opens template arguments; one that starts a name
 * ("<init>", "<lambda>") belongs to it.  A '(' opens arguments unless it starts
 * a component, as in "(anonymous namespace)".
 */
static bool drops(char open, const char *out, size_t n)
{
	/* "operator<", "operator<<", "operator()": the bracket is the operator. */
	if (!n || ends_in(out, n, "operator") || (open == '<' && ends_in(out, n, "operator<")))
		return false;
	if (open == '<')
		return out[n - 1] == ' ' || in_word(out[n - 1]) || strchr(">)", out[n - 1]);
	return !strchr(":/.", out[n - 1]);
}

static size_t copy_without_arguments(const char *at, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (at < end && n + 1 < size) {
		if ((*at == '<' || *at == '(') && drops(*at, out, n)) {
			const char *after = after_bracket(at, end);

			if (after && *at == '(' && (after == end || !strchr(":#", *after)))
				break; /* " const", " &&" and the like follow an argument list */
			if (after) {
				at = after;
				continue;
			}
		}
		out[n++] = *at++;
	}
	while (n && out[n - 1] == ' ')
		n--;
	return n;
}

/* "void ns::f" -> "ns::f": a template function's name bears its return type. */
static size_t drop_return_type(char *out, size_t n)
{
	size_t start = 0;
	int depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (out[i] == '(' || out[i] == '<' || out[i] == '{')
			depth++;
		else if (out[i] == ')' || out[i] == '>' || out[i] == '}')
			depth--;
		if (!depth && n - i >= 8 && !memcmp(out + i, "operator", 8))
			break;
		if (!depth && out[i] == ' ' && i + 1 < n)
			start = i + 1;
	}
	memmove(out, out + start, n - start);
	return n - start;
}

/* Rust's old mangling ends each name in "::h" and 16 hex digits. */
static size_t drop_rust_hash(const char *out, size_t n)
{
	if (n <= 19 || memcmp(out + n - 19, "::h", 3))
		return n;
	for (size_t i = n - 16; i < n; i++)
		if (!isxdigit((unsigned char)out[i]))
			return n;
	return n - 19;
}

void lk_name_normalise(const char *name, char *out, size_t size)
{
	const char *end = name + length_without_suffixes(name, strlen(name));
	size_t n = 0, kept = 0;

	/* The tag of a frame that nobody wrote is part of what the frame is. */
	if (!strncmp(name, "(wrapper ", 9) || !strncmp(name, "(dynamic) ", 10)) {
		const char *after = memchr(name, ')', (size_t)(end - name));

		for (; after && name <= after && n + 2 < size;)
			out[n++] = *name++;
		while (name < end && *name == ' ')
			name++;
		if (n && name < end)
			out[n++] = ' ';
		kept = n;
	}
	n += copy_without_arguments(name, end, out + kept, size - kept);
	n = kept + drop_return_type(out + kept, n - kept);
	n = kept + drop_rust_hash(out + kept, n - kept);
	out[n] = '\0';
}
