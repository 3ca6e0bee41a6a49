#include "runtime/clr_name.h"

#include "managed_fixture.h"
#include "runtime/assembly.h"
#include "runtime/pe.h"
#include "runtime/signature.h"
#include "tap.h"

/* test_clr.c holds the names of whole assemblies against their sources. */

static const char *type_and_name(const struct lk_metadata *md, uint32_t row)
{
	static struct lk_name_text text;

	lk_name_text_init(&text);
	lk_type_def_path(md, lk_method_type(md, row), &text);
	lk_name_text_add(&text, ":");
	lk_name_text_add(&text,
		lk_metadata_string(md, lk_metadata_cell(md, LK_TABLE_METHOD, row, LK_METHOD_NAME)));
	return text.at;
}

static uint32_t find(const struct lk_metadata *md, const char *name)
{
	for (uint32_t row = 1; row <= md->tables[LK_TABLE_METHOD].rows; row++)
		if (!strcmp(type_and_name(md, row), name))
			return row;
	return 0;
}

static void kickoffs(const struct lk_metadata *md)
{
	uint32_t first = find(md, "Program:Load");

	tap_ok(first && lk_clr_kickoff(md, find(md, "Program/<Load>d__0:MoveNext")) == first &&
			lk_clr_kickoff(md, find(md, "Program/<Load>d__1:MoveNext")) == first + 1,
		"each of two overloads claims its own state machine");
	tap_ok(!lk_clr_kickoff(md, first) && !lk_clr_kickoff(md, 0),
		"what is no state machine has no kickoff");
}

/* Every kickoff of the PDB's table is what the metadata says without it. */
static void as_the_pdb(void)
{
	struct lk_strings *strings = lk_strings_new();
	struct lk_assembly *a = NULL;
	unsigned seen = 0, wrong = 0;

	if (lk_assembly_open(fixture_path("clr.dll"), strings, &a, NULL) == 0)
		for (uint32_t row = 1; row < 0x100; row++) {
			uint32_t told = lk_assembly_kickoff(a, 0x06000000 | row) & 0xffffff;

			seen += !!told;
			wrong += told && told != lk_clr_kickoff(lk_assembly_metadata(a), row);
		}
	tap_ok(seen > 5 && !wrong, "%u state machines are matched as their PDB does", seen);
	lk_assembly_free(a);
	lk_strings_free(strings);
}

static void authors(const struct lk_metadata *md)
{
	tap_ok(lk_clr_method_author(md, find(md, "Program:Load")) == LK_CLR_BY_USER,
		"a plain method is somebody's");
	tap_ok(lk_clr_method_author(md, find(md, "Native:Length")) == LK_CLR_BY_RUNTIME,
		"a P/Invoke's code is the runtime's");
	tap_ok(lk_clr_method_author(md, find(md, "Native:Size")) == LK_CLR_BY_GENERATOR,
		"a LibraryImport's is its generator's");
	tap_ok(lk_clr_method_author(md, find(md, "Program:<Main>")) == LK_CLR_BY_GENERATOR,
		"what waits for an async Main is the compiler's");
	tap_ok(lk_clr_method_author(md, 0) == LK_CLR_BY_USER,
		"and nobody claims what is not there");
}

static void files(void)
{
	tap_ok(lk_clr_is_generated_file("obj/Microsoft.Interop.LibraryImportGenerator/x/L.g.cs") &&
			lk_clr_is_generated_file("C:\\x\\Form.g.vb") &&
			lk_clr_is_generated_file("/o/Microsoft.Interop.ComInterfaceGenerator/a.cs"),
		"a generator's files are known by their names");
	tap_ok(!lk_clr_is_generated_file("/src/Program.cs") && !lk_clr_is_generated_file("g.cs"),
		"others are somebody's");
}

static unsigned nr_named;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_metadata md;

	if (lk_metadata_read(bytes, size, &md) < 0)
		return;
	for (uint32_t row = 1; row <= 0x60; row++) {
		struct lk_name_text text;

		lk_name_text_init(&text);
		lk_clr_method_name(&md, row, lk_clr_kickoff(&md, row), &text);
		lk_clr_method_author(&md, row);
		nr_named += text.used > 2;
	}
}

int main(void)
{
	struct lk_metadata md;
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("clr.dll", &size);
	if (lk_pe_read(bytes, size, &pe) < 0 ||
		lk_metadata_read(pe.metadata, pe.metadata_size, &md) < 0)
		return 1;
	kickoffs(&md);
	as_the_pdb();
	authors(&md);
	files();
	fixture_damage(pe.metadata, pe.metadata_size, 29, use);
	tap_ok(nr_named > 10000, "damaged metadata gives some names and no harm (%u)", nr_named);
	free(bytes);
	return tap_done();
}
