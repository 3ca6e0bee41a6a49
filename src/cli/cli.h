/*
 * The command line: one file per command, one line per command in main.c.  Only
 * cli/ prints.  A command gets its own name as argv[0] and gives the exit
 * status: 0 done, 1 leaks found under --fail-on, 2 wrong usage, 3 could not.
 */
#ifndef LK_CLI_CLI_H
#define LK_CLI_CLI_H

#include "leak/snapshot.h"
#include "util/err.h"

#include <stdbool.h>
#include <stdio.h>

#define LK_EXIT_LEAKS  1
#define LK_EXIT_USAGE  2
#define LK_EXIT_FAILED 3

struct lk_command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

int lk_cmd_run(int argc, char **argv);
int lk_cmd_report(int argc, char **argv);
int lk_cmd_snapshot(int argc, char **argv);
int lk_cmd_query(int argc, char **argv);

/* "leakline: WHAT" and the remedy on stderr; gives LK_EXIT_FAILED. */
int lk_cli_failed(const struct lk_err *err);
/* Wrong usage of a command: says what, and where help is; gives LK_EXIT_USAGE. */
int lk_cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Is colour wanted on this stream? */
bool lk_cli_colour(FILE *to);

/*
 * What the user named: a recording, a store file, or the pid of a tracked
 * process, running or ended.
 */
int lk_cli_load(const char *what, struct lk_snapshot **ret_snapshot, struct lk_err *err);
/* The same for a pid alone. */
int lk_cli_load_pid(unsigned pid, struct lk_snapshot **ret_snapshot, struct lk_err *err);

#endif
