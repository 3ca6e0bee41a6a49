#include "runtime/metadata.h"

#include <errno.h>

#include "managed_fixture.h"
#include "runtime/pe.h"
#include "tap.h"

static void compressed_integers(void)
{
	/* The examples of ECMA-335 II.23.2. */
	static const struct {
		uint8_t bytes[4];
		uint32_t value;
	} plain[] = {
		{{0x03}, 0x03},
		{{0x7f}, 0x7f},
		{{0x80, 0x80}, 0x80},
		{{0xae, 0x57}, 0x2e57},
		{{0xbf, 0xff}, 0x3fff},
		{{0xc0, 0x00, 0x40, 0x00}, 0x4000},
		{{0xdf, 0xff, 0xff, 0xff}, 0x1fffffff},
	};
	static const struct {
		uint8_t bytes[4];
		int32_t value;
	} with_sign[] = {
		{{0x06}, 3},
		{{0x7b}, -3},
		{{0x80, 0x80}, 64},
		{{0x01}, -64},
		{{0xc0, 0x00, 0x40, 0x00}, 8192},
		{{0x80, 0x01}, -8192},
		{{0xdf, 0xff, 0xff, 0xfe}, 268435455},
		{{0xc0, 0x00, 0x00, 0x01}, -268435456},
	};
	unsigned wrong = 0;
	struct lk_cursor c;

	for (size_t i = 0; i < LK_ARRAY_SIZE(plain); i++) {
		c = lk_cursor_over(plain[i].bytes, 4);
		wrong += lk_metadata_unsigned(&c) != plain[i].value || c.bad;
	}
	for (size_t i = 0; i < LK_ARRAY_SIZE(with_sign); i++) {
		c = lk_cursor_over(with_sign[i].bytes, 4);
		wrong += lk_metadata_signed(&c) != with_sign[i].value || c.bad;
	}
	tap_ok(!wrong, "compressed integers read as the standard's examples do");
	c = lk_cursor_over("\xe0\0\0\0", 4);
	lk_metadata_unsigned(&c);
	tap_ok(c.bad, "a compressed integer of no known size is bad");
}

static void cells(void)
{
	struct lk_metadata md;
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("managed.exe", &size);
	lk_pe_read(bytes, size, &pe);
	tap_ok(lk_metadata_read(pe.metadata, pe.metadata_size, &md) == 0, "metadata of mcs opens");
	tap_ok(md.tables[LK_TABLE_METHOD].rows == 0x1b, "it has a row for each method");
	tap_ok(!strcmp(lk_metadata_string(
			       &md, lk_metadata_cell(&md, LK_TABLE_METHOD, 11, LK_METHOD_NAME)),
		       "SayHello"),
		"a row tells its method's name");
	tap_ok(!lk_metadata_cell(&md, LK_TABLE_METHOD, 0, LK_METHOD_NAME) &&
			!lk_metadata_cell(&md, LK_TABLE_METHOD, 0x1c, LK_METHOD_NAME),
		"rows outside the table read as zeros");
	tap_ok(lk_metadata_guid(&md, lk_metadata_cell(&md, LK_TABLE_MODULE, 1, LK_MODULE_MVID)) !=
			NULL,
		"the module has an id");
	tap_ok(!lk_metadata_guid(&md, 0) && !lk_metadata_guid(&md, 1000000),
		"ids outside the heap are none");
	tap_ok(!*lk_metadata_string(&md, 0xfffffff), "a string outside the heap is empty");
	tap_ok(lk_metadata_blob(&md, 0xfffffff).bad, "a blob outside the heap is bad");
	tap_ok(lk_metadata_read(pe.metadata + 1, pe.metadata_size - 1, &md) == -ENOEXEC,
		"other bytes are no metadata");
	free(bytes);
}

static unsigned nr_opened;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_metadata md;
	size_t sum = 0;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	nr_opened++;
	for (unsigned t = 0; t < LK_NR_TABLES; t++) {
		for (uint32_t row = 1; row <= md.tables[t].rows && row < 50; row++) {
			for (unsigned column = 0; column < LK_TABLE_COLUMNS; column++) {
				uint32_t v = lk_metadata_cell(&md, t, row, column);
				struct lk_cursor blob = lk_metadata_blob(&md, v);

				sum += strlen(lk_metadata_string(&md, v)) + lk_cursor_u8(&blob);
			}
		}
	}
	tap_failed += sum == SIZE_MAX;
}

int main(void)
{
	uint8_t *bytes, *alone;
	struct lk_pe pe;
	size_t size;

	compressed_integers();
	cells();
	bytes = fixture_read("managed.exe", &size);
	lk_pe_read(bytes, size, &pe);
	alone = malloc(pe.metadata_size);
	memcpy(alone, pe.metadata, pe.metadata_size);
	fixture_damage(alone, pe.metadata_size, 5, use);
	free(alone);
	free(bytes);
	tap_ok(nr_opened > 1000, "damaged metadata is read without harm (%u opened)", nr_opened);
	return tap_done();
}
