#include "runtime/pdb_places.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

/* Longer than any file name that Linux takes; a damaged assembly may name a longer one. */
#define NAME_MAX_SIZE 256u

struct search {
	bool (*try)(void *arg, const char *path);
	void *arg;
};

static bool try_and_free(const struct search *s, char *path)
{
	bool found = s->try(s->arg, path);

	free(path);
	return found;
}

/* "dir/name.dll" gives "dir/name.pdb". */
static char *path_beside(const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
	size_t stem = dot && (!slash || dot > slash) ? (size_t)(dot - path) : strlen(path);

	return lk_xasprintf("%.*s.pdb", (int)stem, path);
}

/* What follows the last separator of either system: PDBs are built on Windows too. */
static const char *file_name(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/' || *path == '\\')
			name = path + 1;
	return name;
}

/* A GUID is three little-endian numbers and eight bytes; its text has the numbers' digits. */
static void guid_text(const uint8_t *guid, char text[33])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (unsigned i = 0; i < 16; i++) {
		text[2 * i] = "0123456789abcdef"[guid[order[i]] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[guid[order[i]] & 15];
	}
	text[32] = 0;
}

/* Symbol servers use lower case; clients keep the name as it is, or the age in upper case. */
static bool try_server_layout(
	const struct search *s, const char *folder, const char *name, const uint8_t *guid)
{
	char lower[NAME_MAX_SIZE], id[33];
	size_t size = strlen(name) + 1;

	for (size_t i = 0; i < size; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	guid_text(guid, id);
	for (unsigned way = 0; way < 4; way++) {
		const char *file = way & 1 ? name : lower;

		if ((way & 1) && !strcmp(name, lower))
			continue;
		if (try_and_free(s, lk_xasprintf("%s/%s/%s%s/%s", folder, file, id,
					    way & 2 ? "FFFFFFFF" : "ffffffff", file)))
			return true;
	}
	return false;
}

static bool try_folders(const struct search *s, const char *name, const uint8_t *guid)
{
	const char *folders = getenv("LEAKLINE_SYMBOLS");
	char *copy, *rest, *folder;
	bool found = false;

	if (!folders || !*folders || !*name || strlen(name) >= NAME_MAX_SIZE)
		return false;
	copy = lk_xstrdup(folders);
	for (folder = strtok_r(copy, ":", &rest); folder && !found;
		folder = strtok_r(NULL, ":", &rest))
		found = try_and_free(s, lk_xasprintf("%s/%s", folder, name)) ||
			try_server_layout(s, folder, name, guid);
	free(copy);
	return found;
}

bool lk_pdb_places(const char *assembly_path, const char *built, const uint8_t *guid,
	bool (*try)(void *arg, const char *path), void *arg)
{
	const struct search s = {try, arg};
	char *beside = path_beside(assembly_path);
	bool found = *assembly_path && try(arg, beside);

	found = found || (built && try(arg, built));
	if (built || *assembly_path)
		found = found || try_folders(&s, file_name(built ? built : beside), guid);
	free(beside);
	return found;
}
