/*
 * ELF files made for the test by the compilers and binutils that are there, in a
 * directory of their own that vanishes at the end.
 */
#ifndef ELF_FIXTURE_H
#define ELF_FIXTURE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/symbol.h"

static char fixture_dir[256];
static struct lk_strings *fixture_strings;

static inline void fixture_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(fixture_dir, sizeof(fixture_dir), "%s/leakline-test-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(fixture_dir) || chdir(fixture_dir)) {
		perror(fixture_dir);
		exit(1);
	}
	fixture_strings = lk_strings_new();
	unsetenv("DEBUGINFOD_URLS");
	unsetenv("LEAKLINE_DEBUG_PATH");
}

/* Runs a command in the fixture's directory; true: it succeeded. */
__attribute__((format(printf, 1, 2))) static inline bool run(const char *fmt, ...)
{
	char command[2048] = "{ ";
	size_t n = strlen(command);
	va_list ap;

	va_start(ap, fmt);
	n += (size_t)vsnprintf(command + n, sizeof(command) - 40, fmt, ap);
	va_end(ap);
	if (n >= sizeof(command) - 32)
		return false;
	strcpy(command + n, "; } >/dev/null 2>>errors");
	return !system(command);
}

static inline bool have(const char *program)
{
	return run("command -v %s", program);
}

static inline void fixture_end(void)
{
	lk_strings_free(fixture_strings);
	if (!chdir("/"))
		run("rm -rf %s", fixture_dir);
}

static inline void write_file(const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(name, "w");

	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file)) {
		perror(name);
		exit(1);
	}
}

/* A whole file, with a NUL after its end; for free(). */
static inline uint8_t *read_file(const char *name, size_t *ret_size)
{
	FILE *file = fopen(name, "r");
	size_t room = 1 << 22;
	uint8_t *bytes = malloc(room);

	if (!file || !bytes) {
		perror(name);
		exit(1);
	}
	*ret_size = fread(bytes, 1, room - 1, file);
	bytes[*ret_size] = 0;
	fclose(file);
	return bytes;
}

/* The line, from 1, on which the marker first stands in the source. */
static inline uint32_t line_of(const char *source, const char *marker)
{
	const char *at = strstr(source, marker);
	uint32_t line = 1;

	for (const char *c = source; at && c < at; c++)
		line += *c == '\n';
	return at ? line : 0;
}

/* Without a build-id to hold it against; NULL: it does not open. */
static inline struct lk_module *open_module(const char *path)
{
	struct lk_module *module;
	struct lk_err err;

	if (!lk_module_open(path, NULL, 0, fixture_strings, &module, &err))
		return module;
	printf("# %s\n", err.what);
	return NULL;
}

/* A section's address and size as readelf gives them. */
static inline bool section_range(
	const char *path, const char *name, uint64_t *ret_low, uint64_t *ret_high)
{
	char command[512], line[512];
	unsigned long long addr = 0, size = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "readelf -SW %s 2>/dev/null", path);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe)) {
		const char *at = strchr(line, ']');
		char found[64] = "";

		if (at && sscanf(at + 1, "%63s %*s %llx %*s %llx", found, &addr, &size) == 3 &&
			!strcmp(found, name))
			break;
		size = 0;
	}
	if (pipe)
		pclose(pipe);
	*ret_low = addr;
	*ret_high = addr + size;
	return size > 0;
}

/* The address of a symbol as nm gives it, 0 where it has none. */
static inline uint64_t address_of(const char *path, const char *name)
{
	char command[512], line[512], found[256], type;
	unsigned long long addr, result = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "nm %s 2>/dev/null", path);
	pipe = popen(command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		if (sscanf(line, "%llx %c %255s", &addr, &type, found) == 3 && !strcmp(found, name))
			result = addr;
	if (pipe)
		pclose(pipe);
	return result;
}

/* What the last line at addr calls the function; "" where it says nothing. */
static inline const char *name_at(struct lk_module *module, uint64_t addr)
{
	struct lk_line lines[64];
	int nr = lk_module_lines(module, addr, lines, 64);

	return nr > 0 && lines[nr - 1].function ? lines[nr - 1].function : "";
}

#endif
