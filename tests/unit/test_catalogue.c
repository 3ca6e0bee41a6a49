#include "report/catalogue.h"
#include "tap.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lk-catalogue-XXXXXX";

static const char *write_file(const char *name, const char *text, size_t size)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	fwrite(text, 1, size, f);
	fclose(f);
	return path;
}

static size_t load(int expected, struct lk_err *err)
{
	struct lk_patterns *p = NULL;
	size_t nr = 0;
	int r = lk_catalogue_load(&p, err);

	if (r != expected)
		printf("# %d: %s\n", r, err->what);
	if (!r)
		nr = lk_patterns_count(p);
	lk_patterns_free(p);
	return r == expected ? nr : SIZE_MAX;
}

static void test_users_file(size_t own)
{
	static const char good[] = "leakline-patterns 1\npattern Z1\ntitle t\nstack\nframe malloc\n"
				   "frame f\nexplain e\nfix f\nend\n";
	static const char bad[] = "leakline-patterns 1\npattern Z1\n titel t\nend\n";
	static char large[(1 << 20) + 1];
	struct lk_err err = {0};

	setenv("LEAKLINE_PATTERNS", write_file("good", good, sizeof(good) - 1), 1);
	tap_ok(load(0, &err) == own + 1, "LEAKLINE_PATTERNS adds a file");
	setenv("LEAKLINE_PATTERNS", write_file("bad", bad, sizeof(bad) - 1), 1);
	tap_ok(!load(-EBADMSG, &err) && strstr(err.what, "/bad, line 3, column 2: ") &&
			strstr(err.what, "\"titel\"") && strstr(err.remedy, "title"),
		"a damaged one is an error with its line and column (%s)", err.what);
	memset(large, ' ', sizeof(large));
	setenv("LEAKLINE_PATTERNS", write_file("large", large, sizeof(large)), 1);
	tap_ok(!load(-EFBIG, &err) && strstr(err.what, "too large"), "so is one that is too large");
	setenv("LEAKLINE_PATTERNS", folder, 1);
	tap_ok(!load(-EISDIR, &err), "so is a folder (%s)", err.what);
	setenv("LEAKLINE_PATTERNS", "/nowhere/at/all", 1);
	tap_ok(!load(-ENOENT, &err) && strstr(err.remedy, "LEAKLINE_PATTERNS"),
		"so is one that is not there, with the remedy");
	setenv("LEAKLINE_PATTERNS", "", 1);
	tap_ok(load(0, &err) == own, "an empty name names none");
}

int main(void)
{
	struct lk_err err = {0};
	struct lk_patterns *p = lk_patterns_new();
	size_t own;
	char command[64];

	mkdtemp(folder);
	tap_ok(!lk_patterns_add(p, (const char *)lk_catalogue_text, lk_catalogue_size, "own", &err),
		"what is compiled in is whole (%s)", err.what);
	own = lk_patterns_count(p);
	lk_patterns_free(p);
	unsetenv("LEAKLINE_PATTERNS");
	/* This test lies in a folder of its own, so it has no file beside it. */
	tap_ok(own && load(0, &err) == own, "without a file, what is compiled in is used");
	test_users_file(own);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return tap_done() | !!system(command);
}
