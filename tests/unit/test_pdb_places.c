#include "runtime/pdb_places.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const uint8_t guid[16] = {0x72, 0xf6, 0x7b, 0x49, 0x0a, 0x39, 0xfc, 0x44, 0x87, 0x8e, 0x5a,
	0x2d, 0x63, 0xb6, 0xcc, 0x4b};

static char tried[4096];

static bool note(void *arg, const char *path)
{
	const char *wanted = arg;

	strcat(tried, path);
	strcat(tried, "\n");
	return wanted && !strcmp(path, wanted);
}

static bool search(const char *symbols, const char *assembly, const char *built, char *wanted)
{
	*tried = 0;
	if (symbols)
		setenv("LEAKLINE_SYMBOLS", symbols, 1);
	else
		unsetenv("LEAKLINE_SYMBOLS");
	return lk_pdb_places(assembly, built, guid, note, wanted);
}

int main(void)
{
	static char server[] = "/sym/app.pdb/497bf672390a44fc878e5a2d63b6cc4bffffffff/app.pdb";
	char longer[400];

	tap_ok(!search(NULL, "/app/App.dll", "/build/obj/App.pdb", NULL) &&
			!strcmp(tried, "/app/App.pdb\n/build/obj/App.pdb\n"),
		"a PDB is looked for beside its assembly and where it was built");
	tap_ok(search("/sym", "/app/App.dll", NULL, (char[]){"/app/App.pdb"}) &&
			!strcmp(tried, "/app/App.pdb\n"),
		"the first that is right ends the search");
	tap_ok(search("/none:/sym", "/app/App.dll", "C:\\obj\\App.pdb", (char[]){"/sym/App.pdb"}),
		"then in each folder of symbols, by the name that the build gave it");
	tap_ok(search("/sym", "/app/App.dll", "C:\\obj\\App.pdb", server),
		"and as symbol servers store it");
	tap_ok(!search("/sym", "/app/App.dll", NULL, NULL) &&
			strstr(tried,
				"/sym/App.pdb/497bf672390a44fc878e5a2d63b6cc4bFFFFFFFF/App.pdb"),
		"in any case of name and age");
	tap_ok(!search("/sym", "", NULL, NULL) && !*tried,
		"an assembly without path or name is not looked for");
	tap_ok(!search("::", "/app/App.dll", NULL, NULL) && !strcmp(tried, "/app/App.pdb\n"),
		"nor is anything in folders without a name");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	tap_ok(!search("/sym", "", longer, NULL) && !strstr(tried, "/sym"),
		"a name longer than any file has is not looked for in folders");
	return tap_done();
}
