#include "runtime/signature.h"

#include "managed_fixture.h"
#include "runtime/pe.h"
#include "tap.h"

/* A metadata of one method whose signature is given: enough for what a signature needs. */
static int params_of(const void *signature, size_t size, struct lk_name_text *text)
{
	static uint8_t blobs[256], row[4];
	struct lk_metadata md = {.blobs = {blobs, size + 2}};

	blobs[1] = (uint8_t)size;
	memcpy(blobs + 2, signature, size);
	row[0] = 1;
	md.tables[LK_TABLE_METHOD] = (struct lk_table){.at = row,
		.rows = 1,
		.row_size = 2,
		.nr_columns = 6,
		.offset = {0, 0, 0, 0, 0, 2, 2}};
	md.tables[LK_TABLE_TYPE_SPEC] = (struct lk_table){
		.at = row, .rows = 1, .row_size = 2, .nr_columns = 1, .offset = {0, 2}};
	lk_name_text_init(text);
	return lk_method_params(&md, 1, LK_STYLE_MONO, text);
}

static void shapes(void)
{
	static const struct {
		const char *what, *signature;
		size_t size;
		const char *text;
	} all[] = {
		{"no parameter", "\x00\x00\x01", 3, ""},
		{"primitives", "\x00\x03\x01\x08\x0e\x1c", 6, "int,string,object"},
		{"a reference", "\x00\x01\x01\x10\x0e", 5, "string&"},
		{"a pointer to a pointer", "\x00\x01\x01\x0f\x0f\x01", 6, "void**"},
		{"an array of arrays", "\x00\x01\x01\x1d\x1d\x05", 6, "byte[][]"},
		{"an array of rank 3", "\x00\x01\x01\x14\x08\x03\x01\x05\x02\x00\x02", 11,
			"int[,,]"},
		{"a function pointer", "\x00\x02\x01\x1b\x00\x01\x01\x08\x0e", 9, "*(),string"},
		{"generic parameters without names", "\x00\x02\x01\x13\x00\x1e\x01", 7, "!0,!!1"},
		{"a variable argument list", "\x05\x02\x01\x08\x41\x0e", 6, "int,string"},
	};
	struct lk_name_text text;

	for (size_t i = 0; i < LK_ARRAY_SIZE(all); i++) {
		int r = params_of(all[i].signature, all[i].size, &text);

		tap_ok(!r && !strcmp(text.at, all[i].text), "%s is written as Mono does",
			all[i].what);
	}
}

static void hostile(void)
{
	/* Method and TypeSpec 1 share the blob: the type is a generic instance of itself. */
	static const char itself[] = "\x15\x12\x06\x04\x12\x06\x12\x06\x12\x06\x12\x06";
	static const char count[] = "\x00\xdf\xff\xff\xff\x01\x08";
	static const char rank[] = "\x00\x01\x01\x14\x08\xdf\xff\xff\xff\x00\x00";
	struct lk_name_text text;
	uint8_t deep[120];

	memset(deep, 0x1d, sizeof(deep));
	memcpy(deep, "\x00\x01\x01", 3);
	tap_ok(params_of(deep, sizeof(deep), &text) < 0,
		"an array of arrays without end is damaged");
	tap_ok(params_of(itself, sizeof(itself) - 1, &text) < 0,
		"a type made of itself is damaged");
	tap_ok(params_of(count, sizeof(count) - 1, &text) < 0, "too few parameters are damaged");
	tap_ok(params_of(rank, sizeof(rank) - 1, &text) < 0, "an array of absurd rank is damaged");
	tap_ok(params_of("", 0, &text) < 0, "an empty signature is damaged");
}

/* What mono_method_full_name said of every method when data/managed.sh ran. */
static void as_mono(void)
{
	FILE *f = fopen(fixture_path("managed.exe.names"), "r");
	unsigned wrong = 0, seen = 0;
	struct lk_metadata md;
	char line[1024];
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("managed.exe", &size);
	lk_pe_read(bytes, size, &pe);
	lk_metadata_read(pe.metadata, pe.metadata_size, &md);
	while (f && fgets(line, sizeof(line), f)) {
		uint32_t row = (uint32_t)strtoul(line, NULL, 16) & 0xffffff;
		struct lk_name_text text;

		lk_name_text_init(&text);
		lk_type_def_name(&md, lk_method_type(&md, row), LK_STYLE_MONO, &text);
		lk_name_text_addf(&text, ":%s",
			lk_metadata_string(
				&md, lk_metadata_cell(&md, LK_TABLE_METHOD, row, LK_METHOD_NAME)));
		lk_method_generics(&md, row, &text);
		lk_name_text_add(&text, " (");
		lk_method_params(&md, row, LK_STYLE_MONO, &text);
		lk_name_text_add(&text, ")\n");
		seen++;
		wrong += strcmp(text.at, strchr(line, '\t') + 1) != 0;
	}
	if (f)
		fclose(f);
	free(bytes);
	tap_ok(seen == 0x1b && !wrong, "all %u methods are named as Mono names them", seen);
}

static unsigned nr_opened;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_metadata md;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	nr_opened++;
	for (uint32_t row = 1; row <= 0x1b; row++) {
		struct lk_name_text text;

		lk_name_text_init(&text);
		lk_type_def_name(&md, lk_method_type(&md, row), LK_STYLE_MONO, &text);
		lk_method_generics(&md, row, &text);
		lk_method_params(&md, row, LK_STYLE_MONO, &text);
		tap_failed += text.used >= sizeof(text.at);
	}
}

int main(void)
{
	uint8_t *bytes, *alone;
	struct lk_pe pe;
	size_t size;

	shapes();
	hostile();
	as_mono();
	tap_ok(!strcmp(lk_type_short_name("System", "Int32"), "int") &&
			!lk_type_short_name("Other", "Int32"),
		"short names are those of the namespace System alone");
	bytes = fixture_read("managed.exe", &size);
	lk_pe_read(bytes, size, &pe);
	alone = malloc(pe.metadata_size);
	memcpy(alone, pe.metadata, pe.metadata_size);
	fixture_damage(alone, pe.metadata_size, 3, use);
	free(alone);
	free(bytes);
	tap_ok(nr_opened > 1000, "damaged signatures are written without harm (%u)", nr_opened);
	return tap_done();
}
