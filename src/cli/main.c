#include "cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct lk_command commands[] = {
	{"run", "start a program and track what it allocates", lk_cmd_run},
	{"report", "say what leaks, and on which line", lk_cmd_report},
	{"snapshot", "make a recording of a tracked process as it is now", lk_cmd_snapshot},
	{"query", "ask a recording in SQL", lk_cmd_query},
};

int lk_cli_failed(const struct lk_err *err)
{
	fprintf(stderr, "leakline: %s\n", err->what[0] ? err->what : "failed");
	if (err->remedy[0])
		fprintf(stderr, "leakline: remedy: %s\n", err->remedy);
	return LK_EXIT_FAILED;
}

int lk_cli_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fputs("leakline: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nleakline: see: leakline %s%s--help\n", command, *command ? " " : "");
	return LK_EXIT_USAGE;
}

bool lk_cli_colour(FILE *to)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fileno(to)) && !(no && *no);
}

static void help(FILE *to)
{
	fputs("leakline finds the line that leaks native memory, through managed code.\n\n"
	      "usage: leakline COMMAND [options] ...\n\n",
		to);
	for (size_t i = 0; i < LK_ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("  --version  the version\n\nleakline COMMAND --help tells more; so does: man leakline-COMMAND\n"
	      "First steps:\n"
	      "  leakline run -o app.leakline -- mono app.exe\n"
	      "  leakline report app.leakline\n",
		to);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help(stderr);
		return LK_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("leakline " LK_VERSION);
		return 0;
	}
	for (size_t i = 0; i < LK_ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return lk_cli_usage("", "there is no command \"%s\"", argv[1]);
}
