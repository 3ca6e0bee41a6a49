#include "report/source.h"
#include "tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lk-source-XXXXXX";
static char path[64];

static void write_file(const char *text, size_t size)
{
	FILE *f = fopen(path, "w");

	fwrite(text, 1, size, f);
	fclose(f);
}

int main(void)
{
	static char longest[5000];
	struct lk_source s;

	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/P.cs", folder);
	write_file("1\n2\r\n3\n4\n5\n6\n7\n8\n9", 18);
	tap_ok(!lk_source_read(path, 5, 0, &s) && s.first == 2 && s.nr_lines == 7 &&
			!strcmp(s.lines[0], "2") && !strcmp(s.lines[3], "5"),
		"a line is read with three before and after it, without their ends");
	lk_source_done(&s);
	tap_ok(!lk_source_read(path, 1, 0, &s) && s.first == 1 && s.nr_lines == 4,
		"the first line has none before it");
	lk_source_done(&s);
	tap_ok(!lk_source_read(path, 9, 0, &s) && s.nr_lines == 4 && !strcmp(s.lines[3], "9"),
		"the last line has none after it");
	lk_source_done(&s);
	tap_ok(lk_source_read(path, 10, 0, &s) == -ENODATA, "a line behind the end is not there");
	tap_ok(lk_source_read(path, 0, 0, &s) == -ENODATA, "line 0 is none");
	tap_ok(lk_source_read(path, UINT32_MAX, 0, &s) == -ENODATA, "the largest number is none");
	tap_ok(lk_source_read(path, 5, 1000, &s) == -ESTALE,
		"a file that was changed since is stale");
	tap_ok(lk_source_read(folder, 1, 0, &s) == -ENOENT, "a folder is no source");
	tap_ok(lk_source_read("/dev/zero", 1, 0, &s) == -ENOENT, "nor is a device");
	tap_ok(lk_source_read("/nowhere/P.cs", 1, 0, &s) == -ENOENT, "nor is what is not there");
	memset(longest, 'x', sizeof(longest));
	write_file(longest, sizeof(longest));
	tap_ok(!lk_source_read(path, 1, 0, &s) && strlen(s.lines[0]) == 160, "a long line is cut");
	lk_source_done(&s);
	unlink(path);
	mkfifo(path, 0600);
	tap_ok(lk_source_read(path, 1, 0, &s) == -ENOENT, "a pipe is no source and stops nobody");
	unlink(path);
	rmdir(folder);
	return tap_done();
}
