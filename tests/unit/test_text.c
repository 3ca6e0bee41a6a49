/* LK_ACCEPT=1 build/tests/test_text accepts what is printed as tests/golden/report.txt. */
#include "report/report.h"
#include "report_sample.h"
#include "tap.h"

#include <sys/stat.h>
#include <unistd.h>

#define GOLDEN "tests/golden/report.txt"

static char *report(const struct lk_snapshot *s, const struct lk_report_options *o)
{
	struct lk_analysis *a = sample_analysis(s);
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	lk_report_text(s, a, o, f, NULL);
	fclose(f);
	lk_analysis_free(a);
	return text;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (f) {
		text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void test_golden(const char *text)
{
	char *golden;

	if (getenv("LK_ACCEPT")) {
		FILE *f = fopen(GOLDEN, "w");

		fputs(text, f);
		fclose(f);
	}
	golden = read_file(GOLDEN);
	if (!tap_ok(!strcmp(text, golden), "the report is the one in " GOLDEN))
		printf("# got:\n%s\n", text);
	free(golden);
}

static void test_safety(const struct lk_snapshot *s, const char *text)
{
	struct lk_report_options colour = {.colour = true, .nr_samples = 2};
	char *coloured;

	tap_ok(!strchr(text, '\033') && !strchr(text, '\a'),
		"no name reaches the terminal as a command");
	tap_ok(strstr(text, "evil\\x1b[31m\\xff") != NULL,
		"what is not text is shown as its bytes");
	coloured = report(s, &colour);
	tap_ok(strchr(coloured, '\033') && !strstr(coloured, "evil\033"),
		"colours are leakline's own, where they are asked for");
	free(coloured);
}

/* The pattern's texts are wrapped; a name without blanks is not cut. */
static void test_match(const char *text)
{
	struct lk_snapshot *s = lk_snapshot_new();
	struct lk_report_options options = {0};
	char stack[600] = "malloc <- _cgo_1_Cfunc_", *early;

	tap_ok(strstr(text, "\n  why               M1, confidence 90 %: ") &&
			strstr(text, "\n  evidence          ") &&
			strstr(text, "\n  fix               Declare "),
		"a site that grows says why, with evidence and fix");
	memset(stack + strlen(stack), 'x', 400);
	made_block(s, made_stack(s, stack), 8, 3);
	s->tracked_ms = 1000;
	early = report(s, &options);
	tap_ok(strstr(early, "\n  if it leaks       G2, confidence ") && !strstr(early, "\n  why "),
		"one that does not grow says what it would be");
	for (char *line = strtok(strstr(early, "G2, "), "\n"); line; line = strtok(NULL, "\n"))
		if (strlen(line) > 100 && !strstr(line, "xxx"))
			printf("# %s\n", line), tap_ok(0, "a line is longer than 100 columns");
	free(early);
	lk_snapshot_free(s);
}

static void test_source(void)
{
	struct lk_snapshot *s = sample_snapshot();
	struct lk_report_options options = {0};
	char path[] = "/tmp/lk-text-XXXXXX", *text;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	for (int i = 1; i < 40; i++)
		fprintf(f, "line %d\n", i);
	fclose(f);
	s->frames[6].file = path;
	s->started_s = 4e9;
	text = report(s, &options);
	tap_ok(strstr(text, "    >    22  line 22\n") || strstr(text, ">    22  line 22"),
		"the responsible line is marked");
	tap_ok(strstr(text, "19  line 19\n") && strstr(text, "25  line 25\n") &&
			!strstr(text, "line 26"),
		"with three lines before and after it");
	free(text);
	s->started_s = 1000;
	text = report(s, &options);
	tap_ok(strstr(text, "changed after the program started") && !strstr(text, "line 22"),
		"a source file that is newer than the program is not shown");
	free(text);
	unlink(path);
	lk_snapshot_free(s);
}

static void test_deep_stack(void)
{
	struct lk_snapshot *s = lk_snapshot_new();
	struct lk_report_options options = {.max_sites = 1};
	char stack[4000] = "malloc", *text;

	for (int i = 0; i < 200; i++)
		sprintf(stack + strlen(stack), " <- f%d@p", i);
	s->tracked_ms = 1000;
	made_block(s, made_stack(s, stack), 8, 3);
	text = report(s, &options);
	tap_ok(strstr(text, "169 more ...") && strstr(text, "f199") && !strstr(text, "f100"),
		"the middle of a deep stack is left out");
	free(text);
	options.all_frames = true;
	text = report(s, &options);
	tap_ok(strstr(text, "f100") && !strstr(text, "more ..."),
		"unless all frames are asked for");
	free(text);
	lk_snapshot_free(s);
}

int main(void)
{
	struct lk_snapshot *s = sample_snapshot(), *empty = lk_snapshot_new();
	struct lk_report_options options = {.max_sites = 10, .nr_samples = 5};
	char *text = report(s, &options);

	test_golden(text);
	test_safety(s, text);
	test_match(text);
	free(text);
	test_source();
	test_deep_stack();
	text = report(empty, &options);
	tap_ok(strstr(text, "Too early to say") != NULL, "an empty snapshot has a report");
	free(text);
	lk_snapshot_free(empty);
	lk_snapshot_free(s);
	return tap_done();
}
