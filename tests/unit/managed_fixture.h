/*
 * The assemblies of data/managed.sh in memory, each in a block of exactly its
 * size, so that a sanitiser sees the first byte read beyond; and damage to them.
 */
#ifndef MANAGED_FIXTURE_H
#define MANAGED_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *fixture_path(const char *name)
{
	static char path[4096];
	const char *slash = strrchr(__FILE__, '/');

	snprintf(path, sizeof(path), "%.*s/data/%s", slash ? (int)(slash - __FILE__) : 1,
		slash ? __FILE__ : ".", name);
	return path;
}

static inline uint8_t *fixture_read(const char *name, size_t *ret_size)
{
	FILE *f = fopen(fixture_path(name), "rb");
	uint8_t *bytes = NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0) {
		printf("Bail out! cannot read %s\n", fixture_path(name));
		exit(1);
	}
	rewind(f);
	bytes = malloc((size_t)size);
	*ret_size = fread(bytes, 1, (size_t)size, f);
	fclose(f);
	return bytes;
}

/*
 * Calls try for every `step`th truncation of the bytes and, at every `step`th
 * place, with one byte replaced in four ways.  try gets a copy that it may not keep.
 */
static inline void fixture_damage(const uint8_t *bytes, size_t size, size_t step,
	void (*try)(const uint8_t *bytes, size_t size))
{
	for (size_t n = 0; n < size; n += step) {
		uint8_t *copy = malloc(n ? n : 1);

		memcpy(copy, bytes, n);
		try(copy, n);
		free(copy);
	}
	for (size_t at = 0; at < size; at += step) {
		const uint8_t ways[] = {0, 0xff, (uint8_t)~bytes[at], (uint8_t)(bytes[at] + 1)};
		uint8_t *copy = malloc(size);

		for (size_t i = 0; i < sizeof(ways); i++) {
			memcpy(copy, bytes, size);
			copy[at] = ways[i];
			try(copy, size);
		}
		free(copy);
	}
}

#endif
