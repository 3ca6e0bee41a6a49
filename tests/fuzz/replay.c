/*
 * Runs a fuzz target over files instead of under a fuzzer: each as it is, then so many
 * times with some of its bytes changed or its end cut off, the same way in every run.
 * Usage: fuzz_NAME CHANGES FILE...; prints how many inputs it tried.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state;

static uint32_t next_random(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 20) % below);
}

/* In a block of exactly its size, so that a sanitizer sees the first byte read beyond. */
static void try(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void change(uint8_t *bytes, uint32_t size)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};

	for (uint32_t n = 1 + next_random(4); n; n--) {
		uint32_t at =
			next_random(4) ? next_random(size) : next_random(size < 64 ? size : 64);

		bytes[at] = next_random(2) ? values[next_random(sizeof(values))]
					   : (uint8_t)(bytes[at] ^ 1 << next_random(8));
	}
}

/* The first byte chooses the reader: it stays. */
static void try_changed(const uint8_t *bytes, size_t size, unsigned long changes)
{
	uint8_t *copy = malloc(size);

	for (unsigned long i = 0; i < changes && size > 1; i++) {
		memcpy(copy, bytes, size);
		change(copy + 1, (uint32_t)size - 1);
		try(copy, next_random(4) ? size : 1 + next_random((uint32_t)size));
	}
	free(copy);
}

static int replay(const char *path, unsigned long changes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes;
	size_t size;

	if (!f) {
		perror(path);
		return 1;
	}
	bytes = malloc(1 << 20);
	size = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	state = 88172645463325252ull;
	fprintf(stderr, "%s\n", path); /* the last one named is the culprit */
	try(bytes, size);
	try_changed(bytes, size, changes);
	free(bytes);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long changes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	int failed = 0;

	for (int i = 2; i < argc; i++)
		failed |= replay(argv[i], changes);
	printf("%lu inputs\n", argc > 2 ? (unsigned long)(argc - 2) * (changes + 1) : 0);
	return failed;
}
