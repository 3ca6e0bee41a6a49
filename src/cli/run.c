#include "cli/cli.h"

#include "cli/tracker.h"
#include "process/launch.h"
#include "process/storedir.h"
#include "report/catalogue.h"
#include "report/recording.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 10

static const char help_text[] =
	"usage: leakline run [options] [--] PROGRAM [ARG...]\n\n"
	"Starts PROGRAM, tracks every native block that it allocates, with the whole\n"
	"stack through managed and native code, and makes a recording when it ends.\n"
	"The program's output and exit status are its own.\n\n"
	"  -o, --output FILE  the recording (PROGRAM.PID.leakline in this folder)\n"
	"  --children         recordings of child processes too, each its own\n"
	"  --no-counters      don't sample memory and managed heap while it runs\n"
	"  -v, --verbose      say on stderr where the recording is, also where that is no terminal,\n"
	"                     and what it cost\n"
	"  -q, --quiet        say nothing\n"
	"  -h, --help         this text\n\n"
	"While it runs: leakline report PID, leakline snapshot PID.\n";

struct run {
	const char *out;
	int talk; /* -1 never, 0 to a terminal, 1 always */
	pid_t pid;
	int status;
	struct rusage usage; /* of the program and the children it waited for */
	char name[512];
	struct lk_tracker tracker;
};

static volatile sig_atomic_t child_pid; /* for the handler */

static void pass_on(int sig)
{
	if (child_pid > 0)
		kill((pid_t)child_pid, sig);
}

static int parse(int argc, char **argv, struct run *run)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"children", no_argument, NULL, 'c'},
		{"no-counters", no_argument, NULL, 'n'},
		{"verbose", no_argument, NULL, 'v'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+ho:vq", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			run->out = optarg;
			break;
		case 'c':
			run->tracker.children = true;
			break;
		case 'n':
			run->tracker.no_counters = true;
			break;
		case 'v':
			run->talk = 1;
			break;
		case 'q':
			run->talk = -1;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return lk_cli_usage(
				"run", "%s: wrong or incomplete option", argv[optind - 1]);
		}
	}
	return optind < argc ? -1 : lk_cli_usage("run", "name the program to run");
}

/* An older recording may be replaced; anything else is somebody's work. */
static int check_replaceable(const char *out, struct lk_err *err)
{
	struct sqlite3 *db = NULL;
	int r = lk_recording_open(out, &db, err);

	sqlite3_close(db);
	if (!r || r == -EOPNOTSUPP)
		return 0;
	lk_fail(err, -EEXIST, "%s exists and is not a recording: it is left alone", out);
	return lk_remedy(err, "name another file with -o, or remove that one");
}

/* A run of hours must not end with a folder that cannot be written. */
static int check_output(const char *out, struct lk_err *err)
{
	char *copy = lk_xstrdup(out ? out : "./x"), *folder = dirname(copy);
	struct stat st;
	int r = 0;

	if (access(folder, W_OK | X_OK)) {
		lk_fail_errno(err, "cannot write the recording in %s", folder);
		r = lk_remedy(err, "name a file in another folder with -o");
	} else if (out && !stat(out, &st) && S_ISDIR(st.st_mode)) {
		lk_fail(err, -EISDIR, "cannot write the recording %s: it is a folder", out);
		r = lk_remedy(err, "name a file in it: -o %s/NAME.leakline", out);
	} else if (out && !stat(out, &st) && st.st_size) {
		r = check_replaceable(out, err);
	}
	free(copy);
	return r;
}

/* As time(1) and the shell do: what the terminal sends is the program's affair. */
static void handle_signals(pid_t pid)
{
	static const int passed[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
	struct sigaction sa = {.sa_handler = pass_on, .sa_flags = SA_RESTART};

	child_pid = pid;
	for (size_t i = 0; i < LK_ARRAY_SIZE(passed); i++)
		sigaction(passed[i], &sa, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

static void wait_for_end(struct run *run)
{
	int fd = (int)syscall(SYS_pidfd_open, run->pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		pid_t got = wait4(run->pid, &run->status, WNOHANG, &run->usage);

		if (got == run->pid || (got < 0 && errno == ECHILD))
			break;
		lk_tracker_tick(&run->tracker);
		poll(&p, fd >= 0, TICK_MS);
	}
	if (fd >= 0)
		close(fd);
	lk_tracker_scan(&run->tracker);
}

static const char *recording_name(const struct run *run, uint32_t pid, char *buf, size_t size)
{
	snprintf(buf, size, "%s.%u.leakline", run->name, pid);
	return buf;
}

/* Recordings of the children that ended, where they are wanted; else they are dropped. */
static void settle_children(struct run *run, bool wanted)
{
	struct lk_tracker *t = &run->tracker;
	char buf[600];

	for (size_t i = t->nr; i-- > 0;) {
		struct lk_tracked *p = &t->tracked[i];

		if (lk_storefile_process_alive(&p->store))
			continue;
		if (wanted && p->pid != (uint32_t)run->pid)
			lk_tracker_record(
				t, p, -1, recording_name(run, p->pid, buf, sizeof(buf)), NULL);
		lk_tracker_drop(t, p);
	}
}

/*
 * The program ended and left children behind, a daemon perhaps: a copy of us
 * looks after them, while the shell gets its answer.  What they lose is what
 * the user came for, so they get recordings.
 */
static void keep_looking_after(struct run *run)
{
	struct timespec tick = {.tv_nsec = TICK_MS * 1000000};

	if (fork()) {
		lk_tracker_done(&run->tracker, false);
		return;
	}
	setsid();
	if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
		!freopen("/dev/null", "w", stderr))
		_exit(LK_EXIT_FAILED);
	run->pid = 0;
	run->tracker.children = true;
	while (lk_storedir_used(run->tracker.run_dir)) {
		for (int i = 0; i < 100; i++) {
			lk_tracker_tick(&run->tracker);
			nanosleep(&tick, NULL);
		}
		settle_children(run, true);
	}
	lk_tracker_scan(&run->tracker);
	settle_children(run, true);
	lk_tracker_done(&run->tracker, true);
	_exit(0);
}

static double cpu_s(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e6;
}

static void say_done(const struct run *run, const char *out)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	fprintf(stderr, "leakline: recorded in %s; next: leakline report %s\n", out, out);
	if (run->talk > 0)
		fprintf(stderr, "leakline: CPU seconds: program %.2f, leakline %.2f\n",
			cpu_s(&run->usage), cpu_s(&own));
}

static int record_program(struct run *run, struct lk_err *err)
{
	struct lk_tracked *p = lk_tracker_find(&run->tracker, (uint32_t)run->pid);
	char buf[600];
	const char *out =
		run->out ? run->out : recording_name(run, (uint32_t)run->pid, buf, sizeof(buf));
	int r;

	if (!p) {
		lk_fail(err, -ENODATA, "%s ran, but the agent did not come up in it", run->name);
		return lk_remedy(err,
			"is it a static program, or does it clear its environment? is %s full?",
			run->tracker.run_dir);
	}
	r = lk_tracker_record(&run->tracker, p, run->status, out, err);
	if (r) {
		/* Nothing recorded is lost: the store stays, and can be asked again. */
		lk_remedy(err, "the store is kept: leakline snapshot -o ELSEWHERE %s", p->path);
		return r;
	}
	if (run->talk > 0 || (run->talk == 0 && isatty(STDERR_FILENO)))
		say_done(run, out);
	return 0;
}

/* Ends as the program ended, so that our caller sees what it would have seen. */
static int end_like(int status)
{
	if (WIFSIGNALED(status)) {
		struct sigaction sa = {.sa_handler = SIG_DFL};
		sigset_t all;

		/* The core, if one was wanted, is the program's, not ours. */
		syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 0, 0, 0, 0);
		sigaction(WTERMSIG(status), &sa, NULL);
		sigemptyset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		kill(getpid(), WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}

static int start(struct run *run, char **argv, struct lk_err *err)
{
	char path[4096], agent[4096], dir[512];
	char *copy = lk_xstrdup(argv[0]);
	int r;

	snprintf(run->name, sizeof(run->name), "%.200s", basename(copy));
	free(copy);
	r = lk_launch_check(argv[0], path, sizeof(path), err);
	if (!r)
		r = lk_launch_agent(agent, sizeof(agent), err);
	if (!r)
		r = check_output(run->out, err);
	if (!r)
		r = lk_catalogue_load(&run->tracker.patterns, err);
	if (!r)
		r = lk_storedir(true, dir, sizeof(dir), err);
	if (r)
		return r;
	lk_storedir_sweep(dir);
	r = lk_storedir_make_run(dir, run->tracker.run_dir, sizeof(run->tracker.run_dir), err);
	if (r)
		return r;
	r = lk_launch(path, argv, agent, run->tracker.run_dir, &run->pid, err);
	if (r)
		lk_storedir_remove(run->tracker.run_dir);
	return r;
}

int lk_cmd_run(int argc, char **argv)
{
	struct run run = {0};
	struct lk_err err = {0};
	int r = parse(argc, argv, &run);

	if (r >= 0)
		return r;
	if (start(&run, argv + optind, &err))
		return lk_cli_failed(&err);
	run.tracker.main_pid = (uint32_t)run.pid;
	handle_signals(run.pid);
	wait_for_end(&run);
	r = record_program(&run, &err);
	if (r) {
		lk_cli_failed(&err);
		lk_tracker_done(&run.tracker, !lk_tracker_find(&run.tracker, (uint32_t)run.pid));
		return LK_EXIT_FAILED;
	}
	settle_children(&run, run.tracker.children);
	if (lk_storedir_used(run.tracker.run_dir))
		keep_looking_after(&run);
	else
		lk_tracker_done(&run.tracker, true);
	return end_like(run.status);
}
