#include "runtime/attributes.h"

#include "managed_fixture.h"
#include "runtime/pe.h"
#include "runtime/signature.h"
#include "tap.h"

/* The only row of a table whose string at `column` is name. */
static uint32_t row_named(
	const struct lk_metadata *md, enum lk_table_id table, unsigned column, const char *name)
{
	for (uint32_t row = 1; row <= md->tables[table].rows; row++)
		if (!strcmp(lk_metadata_string(md, lk_metadata_cell(md, table, row, column)), name))
			return row;
	return 0;
}

static bool find(const struct lk_metadata *md, enum lk_attribute_owner kind, uint32_t row,
	const char *name, struct lk_attribute *ret)
{
	struct lk_attributes walk = lk_attributes_of(md, kind, row);

	while (lk_attributes_next(&walk, ret))
		if (!strcmp(ret->name, name))
			return true;
	return false;
}

static bool text_is(const struct lk_attribute *a, const char *want)
{
	const char *text;
	size_t size;

	return lk_attribute_text(a, &text, &size) && size == strlen(want) &&
	       !memcmp(text, want, size);
}

static void real(const struct lk_metadata *md)
{
	uint32_t mixed = row_named(md, LK_TABLE_TYPE_DEF, LK_TYPE_DEF_NAME, "Mixed");
	uint32_t inner = row_named(md, LK_TABLE_TYPE_DEF, LK_TYPE_DEF_NAME, "Inner");
	uint32_t made = row_named(md, LK_TABLE_METHOD, LK_METHOD_NAME, "Generated");
	uint32_t written = row_named(md, LK_TABLE_METHOD, LK_METHOD_NAME, "Written");
	struct lk_attribute a;

	tap_ok(find(md, LK_ATTRIBUTE_OF_TYPE, mixed, "GeneratedCodeAttribute", &a) &&
			!strcmp(a.space, "System.CodeDom.Compiler"),
		"a type's attribute is found");
	tap_ok(text_is(&a, "SomeGenerator"), "and its first argument read");
	tap_ok(find(md, LK_ATTRIBUTE_OF_METHOD, made, "GeneratedCodeAttribute", &a),
		"so is a method's");
	tap_ok(!find(md, LK_ATTRIBUTE_OF_METHOD, written, "GeneratedCodeAttribute", &a) &&
			!find(md, LK_ATTRIBUTE_OF_TYPE, inner, "GeneratedCodeAttribute", &a) &&
			!find(md, LK_ATTRIBUTE_OF_METHOD, 0, "GeneratedCodeAttribute", &a) &&
			!find(md, LK_ATTRIBUTE_OF_METHOD, UINT32_MAX, "GeneratedCodeAttribute", &a),
		"what has none has none");
	tap_ok(find(md, LK_ATTRIBUTE_OF_ASSEMBLY, 1, "DisableRuntimeMarshallingAttribute", &a),
		"and the assembly's");
}

static void texts(void)
{
	struct lk_attribute a = {.value = lk_cursor_over("\x01\x00\xff", 3)};
	const char *text;
	size_t size;

	tap_ok(!lk_attribute_text(&a, &text, &size), "null is no text");
	a.value = lk_cursor_over("\x01\x00\x05"
				 "ab",
		5);
	tap_ok(!lk_attribute_text(&a, &text, &size), "nor is one that is cut");
	a.value = lk_cursor_over("\x02\x00\x01"
				 "a",
		4);
	tap_ok(!lk_attribute_text(&a, &text, &size), "nor what does not begin as a value does");
}

static unsigned nr_read;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_attribute a;
	struct lk_metadata md;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	for (uint32_t row = 1; row < 0x20; row++) {
		struct lk_attributes walk = lk_attributes_of(&md, LK_ATTRIBUTE_OF_METHOD, row);
		const char *text;
		size_t n;

		while (lk_attributes_next(&walk, &a))
			nr_read += lk_attribute_text(&a, &text, &n);
	}
}

int main(void)
{
	struct lk_metadata md;
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("clr-com.dll", &size);
	if (lk_pe_read(bytes, size, &pe) < 0 ||
		lk_metadata_read(pe.metadata, pe.metadata_size, &md) < 0)
		return 1;
	real(&md);
	texts();
	fixture_damage(pe.metadata, pe.metadata_size, 3, use);
	tap_ok(nr_read > 1000, "attributes of damaged metadata are read without harm (%u)",
		nr_read);
	free(bytes);
	return tap_done();
}
