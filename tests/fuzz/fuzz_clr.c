/*
 * What names CoreCLR's code, of any bytes (libFuzzer's interface).  Byte 0 chooses: a
 * native-to-IL map; an image copied from a process (u16 size and bytes of a map, u16 size
 * and bytes of a debug directory, metadata); metadata for its attributes and names.
 * Seeds: tests/fuzz/corpus/clr, made by tests/fuzz/seeds.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "runtime/attributes.h"
#include "runtime/clr_framework.h"
#include "runtime/clr_map.h"
#include "runtime/clr_name.h"
#include "runtime/runtime.h"

#define METHODS 128u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_map(const uint8_t *bytes, size_t size)
{
	static const uint64_t offsets[] = {0, 1, 60, 4096, UINT64_MAX};
	uint32_t il;

	for (size_t i = 0; i < LK_ARRAY_SIZE(offsets); i++)
		lk_clr_map_il(bytes, size, offsets[i], &il);
}

static void try_image(struct lk_cursor c, struct lk_strings *strings)
{
	struct lk_runtime_ctx *ctx = lk_runtime_ctx_new(strings);
	struct lk_image_info image = {0};
	struct lk_code code = {
		.info = {.start = 4096, .size = 4096, .runtime = LK_RUNTIME_CLR},
		.image = "/nowhere/fuzz.dll",
		.image_info = &image,
	};
	struct lk_managed_line line;

	code.map_size = lk_cursor_u16(&c);
	code.map = lk_cursor_take(&c, code.map_size);
	image.debug_size = lk_cursor_u16(&c);
	code.debug = lk_cursor_take(&c, image.debug_size);
	image.meta_size = (uint32_t)lk_cursor_left(&c);
	code.meta = lk_cursor_take(&c, image.meta_size);
	for (uint32_t i = 0; i <= METHODS && code.meta; i++) {
		code.info.token = 0x06000000 | i;
		code.info.kind = i % 8 ? LK_CLR_METHOD : LK_CLR_STUB;
		lk_runtime_name(ctx, &code, 4096 + i, i & 1, &line);
	}
	lk_runtime_ctx_free(ctx);
}

static void try_metadata(const uint8_t *bytes, size_t size)
{
	struct lk_attribute attribute;
	struct lk_name_text text;
	struct lk_metadata md;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	lk_clr_is_framework("", &md);
	for (uint32_t row = 0; row <= METHODS; row++) {
		struct lk_attributes walk = lk_attributes_of(&md, LK_ATTRIBUTE_OF_TYPE, row);
		const char *argument;
		size_t n;

		while (lk_attributes_next(&walk, &attribute))
			lk_attribute_text(&attribute, &argument, &n);
		lk_name_text_init(&text);
		lk_clr_method_name(&md, row, lk_clr_kickoff(&md, row), &text);
		lk_clr_method_author(&md, row);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_strings *strings;
	uint8_t *copy;

	if (!size)
		return 0;
	copy = malloc(size > 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	strings = lk_strings_new();
	memcpy(copy, data + 1, --size);
	switch (data[0] % 3) {
	case 0:
		try_map(copy, size);
		break;
	case 1:
		try_image(lk_cursor_over(copy, size), strings);
		break;
	default:
		try_metadata(copy, size);
	}
	lk_strings_free(strings);
	free(copy);
	return 0;
}
