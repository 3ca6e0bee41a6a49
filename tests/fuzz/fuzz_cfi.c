/*
 * Unwind tables and call frame programs of any bytes (libFuzzer's interface).
 * Byte 0 chooses: a program alone, or a window with a header at its start.
 * Seeds: tests/fuzz/corpus/cfi, made by tests/fuzz/seeds.
 */
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t window_pc(const uint8_t *window, uint8_t choice)
{
	return (uint64_t)(uintptr_t)window + 16ul * choice;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_row row = {0};
	uint8_t *copy;

	if (size < 3)
		return 0;
	copy = malloc(size - 2);
	if (!copy)
		return 0;
	memcpy(copy, data + 2, size - 2);
	if (data[0] & 1)
		lk_cfi_run(copy, size - 2, data[0] >> 1, -8, data[1], &row);
	else
		lk_cfi_row_in(copy, copy, copy + size - 2, window_pc(copy, data[1]), &row);
	free(copy);
	return 0;
}
