#include "runtime/pdb_portable.h"

#include <errno.h>

#include "managed_fixture.h"
#include "runtime/pe.h"
#include "tap.h"

static struct lk_strings *strings;

static void opens(void)
{
	static const uint8_t other[16];
	struct lk_il_points points = {0};
	unsigned nr_hidden = 0;
	struct lk_pdb pdb;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read("managed-csc.pdb", &size);
	tap_ok(lk_pdb_open(bytes, size, other, &pdb) == -ESTALE,
		"symbols of another build are refused");
	tap_ok(lk_pdb_open(bytes, 100, NULL, &pdb) == -EBADMSG, "a cut file is damaged");
	tap_ok(lk_pdb_open("MZ", 2, NULL, &pdb) == -ENOEXEC, "other files are refused");
	tap_ok(lk_pdb_open(bytes, size, NULL, &pdb) == 0, "a portable PDB opens");
	tap_ok(lk_pdb_points(&pdb, 0x0600ffff, strings, &points) == -ENODATA,
		"a method that does not exist has no points");
	for (uint32_t row = 1; row < 0x30; row++)
		lk_pdb_points(&pdb, 0x06000000 | row, strings, &points);
	for (size_t i = 0; i < points.count; i++)
		nr_hidden += points.at[i].hidden && !points.at[i].line;
	tap_ok(nr_hidden > 0 && nr_hidden < points.count, "hidden points are told apart");
	lk_il_points_done(&points);
	free(bytes);
}

static unsigned nr_read, nr_unpacked;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_pdb pdb;

	if (lk_pdb_open(bytes, size, NULL, &pdb) < 0)
		return;
	for (uint32_t row = 1; row <= 0x20; row++) {
		struct lk_il_points points = {0};

		nr_read += lk_pdb_points(&pdb, 0x06000000 | row, strings, &points) == 0;
		lk_pdb_kickoff(&pdb, 0x06000000 | row);
		lk_il_points_done(&points);
	}
}

static void use_packed(const uint8_t *bytes, size_t size)
{
	uint8_t *unpacked;
	size_t n;

	if (lk_pdb_unpack(bytes, size, &unpacked, &n) < 0)
		return;
	nr_unpacked++;
	use(unpacked, n);
	free(unpacked);
}

static void embedded(void)
{
	struct lk_pe_debug entry = {0};
	uint8_t *bytes, *unpacked, *bomb;
	struct lk_pe pe;
	size_t size, n;

	bytes = fixture_read("managed-embedded.dll", &size);
	lk_pe_read(bytes, size, &pe);
	for (size_t i = 0; i < pe.nr_debug && entry.type != LK_PE_DEBUG_EMBEDDED; i++)
		lk_pe_debug_entry(&pe, i, &entry);
	tap_ok(lk_pdb_unpack(entry.data, entry.size, &unpacked, &n) == 0,
		"an embedded PDB unpacks");
	use(unpacked, n);
	free(unpacked);
	tap_ok(nr_read == 1, "and tells of the one method");
	tap_ok(lk_pdb_unpack("MPDB\xff\xff\xff\xff\x01", 9, &unpacked, &n) == -EBADMSG,
		"a size that deflate cannot reach is a lie, not an allocation");
	bomb = calloc(1, 2 << 20);
	memcpy(bomb, "MPDB\x01\x00\x00\x40", 8);
	tap_ok(lk_pdb_unpack(bomb, 2 << 20, &unpacked, &n) == -EBADMSG,
		"nor does it take a gigabyte where two megabytes could make one");
	free(bomb);
	fixture_damage(entry.data, entry.size, 1, use_packed);
	tap_ok(nr_unpacked > 0, "damaged embedded PDBs are unpacked without harm (%u)",
		nr_unpacked);
	free(bytes);
}

/* The async methods, iterators, async lambdas and local functions of data/clr.cs. */
static void kickoffs(void)
{
	struct lk_pdb pdb;
	uint8_t *bytes;
	unsigned n = 0;
	size_t size;

	bytes = fixture_read("clr.pdb", &size);
	if (lk_pdb_open(bytes, size, NULL, &pdb) == 0)
		for (uint32_t row = 1; row < 0x100; row++)
			n += !!lk_pdb_kickoff(&pdb, 0x06000000 | row);
	tap_ok(n == 8, "a PDB tells the methods of %u state machines", n);
	tap_ok(!lk_pdb_kickoff(&pdb, 0x06000001) && !lk_pdb_kickoff(&pdb, 0) &&
			!lk_pdb_kickoff(&pdb, 0x06ffffff),
		"and nothing of other methods");
	free(bytes);
}

int main(void)
{
	uint8_t *bytes;
	size_t size;

	strings = lk_strings_new();
	opens();
	embedded();
	kickoffs();
	bytes = fixture_read("managed-csc.pdb", &size);
	nr_read = 0;
	fixture_damage(bytes, size, 1, use);
	tap_ok(nr_read > 1000, "damaged PDBs are read without harm (%u methods)", nr_read);
	free(bytes);
	bytes = fixture_read("clr.pdb", &size);
	nr_read = 0;
	fixture_damage(bytes, size, 9, use);
	tap_ok(nr_read > 1000, "also those of state machines (%u methods)", nr_read);
	free(bytes);
	lk_strings_free(strings);
	return tap_done();
}
