#include "cli/cli.h"

#include "leak/analysis.h"
#include "report/catalogue.h"
#include "report/recording.h"

#include <getopt.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
	"usage: leakline snapshot [-o FILE] PID|STORE\n\n"
	"Makes a recording of a tracked process as it is now, or as it was when it\n"
	"ended; a running process goes on.\n\n"
	"  -o, --output FILE  the recording (PROGRAM.PID.leakline)\n"
	"  -h, --help         this text\n";

static const char *default_name(const struct lk_snapshot *s, char *buf, size_t size)
{
	char *program = lk_xstrdup(s->nr_command ? s->command[0] : "program");

	snprintf(buf, size, "%s.%u.leakline", basename(program), s->pid);
	free(program);
	return buf;
}

int lk_cmd_snapshot(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *out = NULL;
	char buf[4096];
	struct lk_snapshot *s = NULL;
	struct lk_patterns *patterns = NULL;
	struct lk_analysis *a;
	struct lk_err err = {0};
	int c, r;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "ho:", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help_text, stdout);
			return 0;
		}
		if (c != 'o')
			return lk_cli_usage(
				"snapshot", "%s: wrong or incomplete option", argv[optind - 1]);
		out = optarg;
	}
	if (optind != argc - 1)
		return lk_cli_usage("snapshot", "name one tracked process");
	if (lk_catalogue_load(&patterns, &err))
		return lk_cli_failed(&err);
	if (lk_cli_load(argv[optind], &s, &err)) {
		lk_patterns_free(patterns);
		return lk_cli_failed(&err);
	}
	if (!out)
		out = default_name(s, buf, sizeof(buf));
	a = lk_analyse(s);
	lk_catalogue_judge(patterns, s, a, 0);
	lk_patterns_free(patterns);
	r = lk_recording_write(out, s, a, &err);
	if (!r)
		printf("%s\n", out);
	lk_analysis_free(a);
	lk_snapshot_free(s);
	return r ? lk_cli_failed(&err) : 0;
}
