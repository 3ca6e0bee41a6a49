#include "runtime/mdb.h"

#include <errno.h>

#include "managed_fixture.h"
#include "tap.h"

static struct lk_strings *strings;
static uint8_t mvid[16];

static void opens(const uint8_t *bytes, size_t size)
{
	static const uint8_t other[16];
	struct lk_il_points points = {0};
	struct lk_mdb mdb;

	tap_ok(lk_mdb_open(bytes, size, other, &mdb) == -ESTALE,
		"symbols of another build are refused");
	tap_ok(lk_mdb_open(bytes, 40, mvid, &mdb) == -EBADMSG, "a cut file is damaged");
	tap_ok(lk_mdb_open("BSJB....", 8, mvid, &mdb) == -ENOEXEC, "other files are refused");
	tap_ok(lk_mdb_open(bytes, size, mvid, &mdb) == 0, "symbols of this build open");
	tap_ok(lk_mdb_points(&mdb, 0x0600000b, strings, &points) == -ENODATA,
		"a method without code has no points");
	tap_ok(lk_mdb_points(&mdb, 0x06000009, strings, &points) == 0 && points.count > 3,
		"a method with code has some");
	tap_ok(points.count && !strcmp(points.at[0].file, "/src/managed.cs") &&
			points.at[0].line == 15,
		"the first is where its body starts");
	lk_il_points_done(&points);
}

static void refuses_version(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size);
	struct lk_mdb mdb;

	memcpy(copy, bytes, size);
	copy[8] = 51;
	tap_ok(lk_mdb_open(copy, size, mvid, &mdb) == -EOPNOTSUPP, "another version is refused");
	free(copy);
}

static unsigned nr_read;

static void use(const uint8_t *bytes, size_t size)
{
	struct lk_mdb mdb;

	if (lk_mdb_open(bytes, size, mvid, &mdb) < 0)
		return;
	for (uint32_t row = 1; row <= 0x1b; row++) {
		struct lk_il_points points = {0};

		nr_read += lk_mdb_points(&mdb, 0x06000000 | row, strings, &points) == 0;
		lk_il_points_done(&points);
	}
}

int main(void)
{
	uint8_t *bytes;
	size_t size;

	strings = lk_strings_new();
	bytes = fixture_read("managed.exe.mdb", &size);
	memcpy(mvid, bytes + 16, 16);
	opens(bytes, size);
	refuses_version(bytes, size);
	fixture_damage(bytes, size, 1, use);
	tap_ok(nr_read > 1000, "damaged symbol files are read without harm (%u methods)", nr_read);
	free(bytes);
	lk_strings_free(strings);
	return tap_done();
}
