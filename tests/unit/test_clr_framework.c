#include "runtime/clr_framework.h"

#include "managed_fixture.h"
#include "tap.h"

/* Metadata of one row, an assembly of this name and public key. */
static struct lk_metadata assembly_of(const char *name, const void *key, size_t key_size)
{
	static char strings[64];
	static uint8_t blobs[256], row[4] = {1, 0, 1, 0};
	struct lk_metadata md = {.strings = {(const uint8_t *)strings, sizeof(strings)},
		.blobs = {blobs, sizeof(blobs)}};

	snprintf(strings + 1, sizeof(strings) - 1, "%s", name);
	blobs[1] = (uint8_t)(0x80 | key_size >> 8);
	blobs[2] = (uint8_t)key_size;
	if (key_size)
		memcpy(blobs + 3, key, key_size);
	md.tables[LK_TABLE_ASSEMBLY] = (struct lk_table){.at = row,
		.rows = 1,
		.row_size = 4,
		.nr_columns = 9,
		.offset = {0, 0, 0, 0, 0, 0, 0, 2, 4, 4}};
	return md;
}

static bool framework(const char *path, const char *name, const void *key, size_t key_size)
{
	struct lk_metadata md = assembly_of(name, key, key_size);

	return lk_clr_is_framework(path, &md);
}

int main(void)
{
	static const uint8_t ecma[16] = {[8] = 4}, other[16] = {[8] = 5};
	static const uint8_t token[8] = {0x7c, 0xec, 0x85, 0xd7, 0xbe, 0xa7, 0x79, 0x8e};
	uint8_t key[160] = {0x00, 0x24};

	memcpy(key + 32, "\x07\xd1\xfa\x57\xc4\xae\xd9\xf0", 8);
	tap_ok(lk_clr_is_framework(
		       "/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/X.dll", NULL),
		"what lies in a shared framework is of it, read or not");
	tap_ok(!lk_clr_is_framework("/app/System.Private.CoreLib.dll", NULL) &&
			!lk_clr_is_framework(NULL, NULL),
		"a name alone tells nothing");
	tap_ok(framework("/app/System.Linq.dll", "System.Linq", key, sizeof(key)),
		"in a program's own folder name and key tell");
	tap_ok(framework("/app/x.dll", "netstandard", ecma, sizeof(ecma)) &&
			framework("/app/x.dll", "System", ecma, sizeof(ecma)),
		"also the key of the standard");
	tap_ok(framework("/app/x.dll", "System.Private.CoreLib", token, sizeof(token)),
		"and a token instead of a key");
	tap_ok(!framework("/app/System.Mine.dll", "System.Mine", NULL, 0) &&
			!framework("/app/System.Mine.dll", "System.Mine", other, sizeof(other)),
		"somebody's own System.Mine is his");
	tap_ok(!framework("/app/Mine.dll", "Mine", key, sizeof(key)) &&
			!framework("/app/SystemMonitor.dll", "SystemMonitor", key, sizeof(key)),
		"and so is any other name");
	tap_ok(!framework("/app/System.Linq.dll", "System.Linq", key, 39),
		"a key that is cut tells nothing");
	return tap_done();
}
