/*
 * Without arguments: a rundown from a runtime that this test plays.  With a pid: from
 * that .NET process, of tests/programs/dotnet_counters, after NR sessions that were
 * opened and closed (tests/integration/dotnet_counters.t).
 */
#include "runtime/rundown.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "nettrace_fixture.h"
#include "process/storefile.h"
#include "tap.h"

static uint8_t *stream;
static size_t stream_size;
static bool answers; /* the runtime that we play; else it is silent */

static void reply(int fd)
{
	uint8_t message[28] = "DOTNET_IPC_V1\0\x1c\0\xff";

	if (write(fd, message, sizeof(message)) != sizeof(message))
		printf("# cannot answer\n");
}

/* As the runtime does: the answer to the stop comes when the stream was read. */
static void *play(void *arg)
{
	int server = *(int *)arg, session = accept(server, NULL, NULL), stop;
	uint8_t request[512];

	if (read(session, request, sizeof(request)) <= 20)
		printf("# a short request\n");
	if (!answers) {
		usleep(300000);
		close(session);
		return NULL;
	}
	reply(session);
	stop = accept(server, NULL, NULL);
	if (read(stop, request, sizeof(request)) != 28 ||
		write(session, stream, stream_size) != (ssize_t)stream_size)
		printf("# the stream was not read\n");
	close(session);
	reply(stop);
	close(stop);
	return NULL;
}

static int take(
	int server, size_t size, unsigned timeout_ms, struct lk_rundown **ret, struct lk_err *err)
{
	const struct lk_diag_info info = {.major = 10};
	struct lk_diag_address address;
	pthread_t thread;
	int r;

	stream_size = size;
	pthread_create(&thread, NULL, play, &server);
	r = lk_diag_find((uint32_t)getpid(), &address, err);
	if (!r)
		r = lk_rundown_take(&address, &info, timeout_ms, ret, err);
	pthread_join(thread, NULL);
	return r;
}

static void played(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct lk_rundown *r = NULL;
	struct lk_err err = {0};
	size_t size;
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stream = fixture_stream("rundown.nettrace.gz", &size);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/dotnet-diagnostic-%d-%llu-socket",
		(int)getpid(), (unsigned long long)lk_process_start_ticks((uint32_t)getpid()));
	if (bind(server, (struct sockaddr *)&sun, sizeof(sun)) || listen(server, 4)) {
		printf("Bail out! cannot listen at %s\n", sun.sun_path);
		exit(1);
	}
	tap_ok(take(server, size, 100, &r, &err) == -ETIMEDOUT, "silence: %s", err.what);
	answers = true;
	tap_ok(!take(server, size, 20000, &r, &err) && lk_rundown_nr_methods(r) > 1000,
		"a stream larger than the socket's buffer is read while its end is asked for");
	lk_rundown_free(r);
	tap_ok(take(server, size / 2, 20000, &r, &err) == -ENODATA, "one that is cut: %s",
		err.what);
	stream[33] ^= 0xff;
	tap_ok(take(server, 100, 20000, &r, &err) == -EBADMSG, "a damaged one: %s", err.what);
	unlink(sun.sun_path);
	close(server);
	free(stream);
}

/* --- a real one --------------------------------------------------------------- */

/* Starts a session and, every other time, drops it without a word. */
static int session(const struct lk_diag_address *a, const struct lk_diag_info *info, bool stop,
	struct lk_err *err)
{
	const struct lk_diag_provider provider = {
		.name = "System.Runtime", .arguments = "EventCounterIntervalSec=1", .level = 4};
	const struct lk_diag_session s = {
		.buffer_mb = 1, .providers = &provider, .nr_providers = 1};
	struct lk_diag_call start, end = {.fd = -1};
	uint64_t id;
	int r = lk_diag_begin_session(a, info, &s, &start, err);

	if (!r)
		r = lk_diag_call_wait(&start, 10000, err);
	if (!r)
		r = lk_diag_read_session(&start, &id, err);
	if (!r && stop)
		r = lk_diag_begin_stop(a, id, &end, err);
	if (!r && stop)
		r = lk_diag_call_wait(&end, 10000, err);
	lk_diag_call_done(&end);
	lk_diag_call_done(&start);
	return r;
}

static void real(uint32_t pid, unsigned nr_sessions)
{
	const struct lk_rundown_method *m, *main = NULL;
	struct lk_diag_address address;
	struct lk_diag_info info = {0};
	struct lk_rundown *r = NULL;
	struct lk_err err = {0};
	unsigned nr = 0;
	uint32_t il = 0;
	int code = lk_diag_find(pid, &address, &err);

	if (!code)
		code = lk_diag_ask_info(&address, 10000, &info, &err);
	tap_ok(!code && info.major >= 8 && !strcmp(info.entry, "dotnet_counters"),
		"it says what it is: .NET %s %s", info.version, err.what);
	while (!code && nr < nr_sessions) {
		code = session(&address, &info, nr % 2, &err);
		nr += !code;
	}
	tap_ok(!code && nr == nr_sessions, "%u sessions were opened and closed %s", nr, err.what);
	if (!code)
		code = lk_rundown_take(&address, &info, 20000, &r, &err);
	tap_ok(!code, "a rundown %s", err.what);
	for (size_t i = 0; !code && (m = lk_rundown_nth(r, i)); i++)
		if (!strcmp(m->type, "Program") && !strcmp(m->name, "Main"))
			main = m;
	if (main)
		code = lk_rundown_il(r, main, main->size / 2, &il);
	tap_ok(main && lk_rundown_at(r, main->start_addr + main->size / 2) == main && !code && il,
		"Main is found by its address, with IL offset %u", il);
	if (!code)
		printf("# %zu methods, %zu maps, %zu modules\n", lk_rundown_nr_methods(r),
			lk_rundown_nr_maps(r), lk_rundown_nr_modules(r));
	lk_rundown_free(r);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		real((uint32_t)atoi(argv[1]), (unsigned)atoi(argv[2]));
		return tap_done();
	}
	/* The socket stands in /tmp: where a runtime of this process would put it. */
	if (getenv("TMPDIR")) {
		unsetenv("TMPDIR");
		execv("/proc/self/exe", argv);
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that gives up closes its end */
	played();
	return tap_done();
}
