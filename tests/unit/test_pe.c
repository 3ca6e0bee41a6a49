#include "runtime/pe.h"

#include <errno.h>

#include "managed_fixture.h"
#include "tap.h"

static void locates(void)
{
	struct lk_pe_debug entry;
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("managed-csc.dll", &size);
	tap_ok(lk_pe_read(bytes, size, &pe) == 0, "a .NET assembly opens");
	tap_ok(!memcmp(pe.metadata, "BSJB", 4), "its metadata is located");
	tap_ok(pe.nr_debug > 0 && lk_pe_debug_entry(&pe, 0, &entry) == 0 &&
			entry.type == LK_PE_DEBUG_CODEVIEW && !memcmp(entry.data, "RSDS", 4),
		"its debug directory names a PDB");
	tap_ok(lk_pe_debug_entry(&pe, pe.nr_debug, &entry) == -ENODATA,
		"past the last debug entry there is none");
	tap_ok(!lk_pe_at(&pe, 0xfffffff0, &size), "an address outside every section gives nothing");
	free(bytes);
}

static void refuses(void)
{
	static const char elf[64] = "\177ELF";
	struct lk_pe pe;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("managed.exe", &size);
	tap_ok(lk_pe_read(elf, sizeof(elf), &pe) == -ENOEXEC, "an ELF file is no assembly");
	tap_ok(lk_pe_read(elf, 0, &pe) == -ENOEXEC, "an empty file is no assembly");
	tap_ok(lk_pe_read(bytes, 0x100, &pe) == -EBADMSG,
		"an assembly cut in its headers is damaged");
	bytes[0x80 + 24 + 208] = bytes[0x80 + 24 + 209] = 0; /* CLI directory's address */
	bytes[0x80 + 24 + 210] = bytes[0x80 + 24 + 211] = 0;
	tap_ok(lk_pe_read(bytes, size, &pe) == -ENOEXEC,
		"a PE file without CLI header is unmanaged");
	free(bytes);
}

static unsigned nr_opened;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_pe_debug entry;
	const uint8_t *il;
	struct lk_pe pe;
	uint32_t sum = 0;
	size_t n;

	if (lk_pe_read(bytes, size, &pe) < 0)
		return;
	nr_opened++;
	for (size_t i = 0; i < pe.metadata_size; i++)
		sum += pe.metadata[i];
	for (size_t i = 0; i < pe.nr_debug && i < 100; i++)
		if (lk_pe_debug_entry(&pe, i, &entry) == 0 && entry.size)
			sum += entry.data[entry.size - 1];
	for (uint32_t rva = 0x2000; rva < 0x2400; rva += 4)
		if (lk_pe_il(&pe, rva, &il, &n) == 0 && n)
			sum += il[n - 1];
	tap_failed += sum == 1; /* the sum is used, so that the reads are made */
}

int main(void)
{
	uint8_t *bytes;
	size_t size;

	locates();
	refuses();
	bytes = fixture_read("managed-csc.dll", &size);
	fixture_damage(bytes, size, 7, use);
	free(bytes);
	tap_ok(nr_opened > 1000, "damaged assemblies are read without harm (%u opened)", nr_opened);
	return tap_done();
}
