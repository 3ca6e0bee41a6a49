/*
 * What CoreCLR's walker reads in the target's memory (libFuzzer's interface): byte 0
 * says what the rest is: the runtime's description, a NativeArray, or unwind
 * information behind some code.  Seeds: tests/fuzz/corpus/walk, made by tests/fuzz/seeds.
 */
#include "walk/clr.h"
#include "walk/clr_array.h"
#include "walk/clr_json.h"

#include <stdlib.h>
#include <string.h>

struct lk_clr lk_clr;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_json(const uint8_t *data, size_t size)
{
	struct lk_json json = {(const char *)data, (const char *)data + size};
	static const char *const names[] = {"types", "globals", "contracts", "Thread", "!", ""};
	uint64_t number;

	for (size_t i = 0; i < LK_ARRAY_SIZE(names); i++) {
		struct lk_json value = lk_json_member(json, names[i]);

		lk_json_number(lk_json_element(value, 1), &number);
		for (size_t k = 0; k < LK_ARRAY_SIZE(names); k++)
			lk_json_number(lk_json_member(value, names[k]), &number);
	}
}

static void read_array(const uint8_t *data, size_t size)
{
	struct lk_clr_array array = {data, data + size};
	uint32_t count = lk_clr_array_count(array);

	for (uint32_t i = 0; i < 70 && i <= count; i++) {
		struct lk_cursor c = lk_clr_array_element(array, i);

		lk_clr_varuint(&c);
	}
}

/* 32 bytes of code, then the information; both ends are those of the bytes. */
static void read_unwind(const uint8_t *data, size_t size)
{
	struct lk_clr_code code = {.kind = LK_CLR_CODE_JIT, .function = (uint64_t)data};
	struct lk_row row;

	if (size < 36)
		return;
	code.unwind = (uint64_t)data + 32;
	code.base = code.unwind;
	for (uint64_t at = 0; at < 32; at += 3) {
		lk_clr_unwind_row(&code, code.function + at, false, &row);
		lk_clr_unwind_row(&code, code.function + at, true, &row);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] % 3 == 0)
		read_json(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		read_array(data + 1, size - 1);
	else
		read_unwind(data + 1, size - 1);
	return 0;
}
