#include "cli/cli.h"

#include "leak/analysis.h"
#include "report/catalogue.h"
#include "report/report.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
	"usage: leakline report [options] RECORDING|PID\n\n"
	"Says what leaks in a recording, or in a tracked process, running or ended.\n\n"
	"  --json         the report as JSON (leakline.report/1)\n"
	"  -n, --sites N  details of at most N sites (text: 10, JSON: all)\n"
	"  --samples N    samples per site (5)\n"
	"  --all-frames   deep stacks whole\n"
	"  -o, --output FILE  write to FILE\n"
	"  --fail-on WHAT exit status 1 where WHAT holds: growth (a site grows)\n"
	"  -h, --help     this text\n";

struct wish {
	struct lk_report_options report;
	bool json, fail_on_growth;
	const char *out;
};

static int parse_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (!*text || *end || v > 1000000)
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct wish *w)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"sites", required_argument, NULL, 'n'},
		{"all-frames", no_argument, NULL, 'a'},
		{"samples", required_argument, NULL, 's'},
		{"output", required_argument, NULL, 'o'},
		{"fail-on", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "hn:o:", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			w->json = true;
			break;
		case 'n':
			if (parse_number(optarg, &w->report.max_sites))
				return lk_cli_usage(
					"report", "--sites takes a number, not \"%s\"", optarg);
			break;
		case 's':
			if (parse_number(optarg, &w->report.nr_samples))
				return lk_cli_usage(
					"report", "--samples takes a number, not \"%s\"", optarg);
			break;
		case 'a':
			w->report.all_frames = true;
			break;
		case 'o':
			w->out = optarg;
			break;
		case 'f':
			if (strcmp(optarg, "growth"))
				return lk_cli_usage(
					"report", "--fail-on knows growth, not \"%s\"", optarg);
			w->fail_on_growth = true;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return lk_cli_usage(
				"report", "%s: wrong or incomplete option", argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return lk_cli_usage("report", "name one recording or process");
	return -1;
}

static int print(const struct wish *w, const struct lk_snapshot *s, const struct lk_analysis *a,
	FILE *to, struct lk_err *err)
{
	int r = w->json ? lk_report_json(s, a, &w->report, to, err)
			: lk_report_text(s, a, &w->report, to, err);

	if (!r && (fflush(to) || ferror(to)))
		r = lk_fail_errno(err, "cannot write the report%s%s", w->out ? " to " : "",
			w->out ? w->out : "");
	return r;
}

int lk_cmd_report(int argc, char **argv)
{
	struct wish w = {.report = {.nr_samples = 5}};
	struct lk_snapshot *s = NULL;
	struct lk_patterns *patterns = NULL;
	struct lk_analysis *a;
	struct lk_err err = {0};
	FILE *to = stdout;
	bool grows;
	int r = parse(argc, argv, &w);

	if (r >= 0)
		return r;
	if (lk_catalogue_load(&patterns, &err))
		return lk_cli_failed(&err);
	if (lk_cli_load(argv[optind], &s, &err)) {
		lk_patterns_free(patterns);
		return lk_cli_failed(&err);
	}
	if (!w.json && !w.report.max_sites)
		w.report.max_sites = 10;
	if (w.out)
		to = fopen(w.out, "we");
	if (!to) {
		lk_fail_errno(&err, "cannot write %s", w.out);
		lk_snapshot_free(s);
		lk_patterns_free(patterns);
		return lk_cli_failed(&err);
	}
	w.report.colour = lk_cli_colour(to);
	a = lk_analyse(s);
	lk_catalogue_judge(patterns, s, a, w.report.max_sites);
	lk_patterns_free(patterns);
	r = print(&w, s, a, to, &err);
	grows = a->nr_growing != 0;
	if (to != stdout && fclose(to) && !r)
		r = lk_fail_errno(&err, "cannot write %s", w.out);
	lk_analysis_free(a);
	lk_snapshot_free(s);
	if (r)
		return lk_cli_failed(&err);
	return w.fail_on_growth && grows ? LK_EXIT_LEAKS : 0;
}
