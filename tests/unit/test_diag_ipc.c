/*
 * The socket of a runtime that this test plays itself: it listens where a runtime of
 * this process would.
 */
#include "runtime/diag_ipc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cursor.h"
#include "process/storefile.h"
#include "tap.h"

static char folder[] = "/tmp/leakline-test-diag.XXXXXX";
static char path[256];
static struct lk_diag_address address;

static int listen_at(const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.100s", name);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) || listen(fd, 8)) {
		printf("Bail out! cannot listen at %s\n", name);
		exit(1);
	}
	return fd;
}

/* Takes the request off the next connection. */
static size_t take_request(int server, int *ret_fd, uint8_t *bytes, size_t size)
{
	int fd = accept(server, NULL, NULL);
	ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);

	*ret_fd = fd;
	return n < 0 ? 0 : (size_t)n;
}

static void answer(int fd, uint8_t id, const void *payload, size_t size)
{
	uint8_t header[20] = "DOTNET_IPC_V1";
	uint16_t all = (uint16_t)(size + 20);

	memcpy(header + 14, &all, 2);
	header[16] = 0xff;
	header[17] = id;
	if (write(fd, header, 20) != 20 || write(fd, payload, size) != (ssize_t)size)
		printf("Bail out! cannot answer\n");
}

static void finds(void)
{
	struct lk_err err = {0};
	int fd;

	tap_ok(lk_diag_find(0x7ffffffe, &address, &err) == -ESRCH, "a process that is gone: %s",
		err.what);
	tap_ok(lk_diag_find((uint32_t)getpid(), &address, &err) == -ENOENT && *err.remedy,
		"one without socket: %s", err.what);
	snprintf(path, sizeof(path), "%s/dotnet-diagnostic-%d-%llu-socket", folder, (int)getpid(),
		(unsigned long long)lk_process_start_ticks((uint32_t)getpid()));
	fd = listen_at(path);
	tap_ok(!lk_diag_find((uint32_t)getpid(), &address, &err), "the socket is in its TMPDIR");
	close(fd);
	unlink(path);
}

/* The environment of a process is what it was started with: a child with another one. */
static void switched_off(void)
{
	int to[2], from[2];
	struct lk_err err = {0};
	char c;
	pid_t pid;
	int r;

	if (pipe(to) || pipe(from))
		return;
	pid = fork();
	if (!pid) {
		char *args[] = {"sh", "-c", "echo; read x", NULL};
		char *env[] = {"DOTNET_EnableDiagnostics=0", NULL};

		dup2(to[0], 0);
		dup2(from[1], 1);
		execve("/bin/sh", args, env);
		_exit(1);
	}
	if (read(from[0], &c, 1) != 1)
		printf("Bail out! no child\n");
	r = lk_diag_find((uint32_t)pid, &address, &err);
	tap_ok(r == -EOPNOTSUPP && strstr(err.what, "DOTNET_EnableDiagnostics=0") && *err.remedy,
		"diagnostics switched off: %s; %s", err.what, err.remedy);
	if (write(to[1], "\n", 1) != 1)
		printf("# the child stays\n");
}

static void put_text(uint8_t **at, const char *text)
{
	uint32_t nr = (uint32_t)strlen(text) + 1;

	memcpy(*at, &nr, 4);
	*at += 4;
	for (uint32_t i = 0; i < nr; i++) {
		*(*at)++ = (uint8_t)text[i];
		*(*at)++ = 0;
	}
}

static size_t make_info(uint8_t *payload, const char *entry, const char *version)
{
	uint8_t *at = payload;
	uint64_t pid = 77;

	memcpy(at, &pid, 8);
	memset(at + 8, 0xaa, 16);
	at += 24;
	put_text(&at, "dotnet app.dll");
	put_text(&at, "Linux");
	put_text(&at, "x64");
	if (version) {
		put_text(&at, entry);
		put_text(&at, version);
	}
	return (size_t)(at - payload);
}

static void asks(int server)
{
	uint8_t request[64], payload[512];
	struct lk_diag_call call;
	struct lk_diag_info info;
	struct lk_err err = {0};
	size_t size = make_info(payload, "app", "10.0.12");
	int fd, r;

	tap_ok(!lk_diag_begin_info(&address, true, &call, &err) &&
			lk_diag_call_step(&call, &err) == -EAGAIN,
		"a request does not wait for its answer");
	size_t n = take_request(server, &fd, request, sizeof(request));
	tap_ok(n == 20 && !memcmp(request, "DOTNET_IPC_V1\0\x14\0\x04\x04\0\0", 20),
		"ProcessInfo2 has no payload, which is complete");
	if (write(fd, "DOTNET_IP", 9) != 9)
		return;
	r = lk_diag_call_step(&call, &err);
	tap_ok(r == -EAGAIN, "an answer may come in pieces");
	uint16_t all = (uint16_t)(20 + size);
	uint8_t rest[11] = {
		'C', '_', 'V', '1', 0, (uint8_t)all, (uint8_t)(all >> 8), 0xff, 0, 0, 0};
	if (write(fd, rest, 11) != 11 || write(fd, payload, size) != (ssize_t)size ||
		write(fd, "stream", 6) != 6)
		return;
	r = lk_diag_call_step(&call, &err);
	tap_ok(!r && !lk_diag_read_info(&call, true, &info, &err) && info.pid == 77 &&
			info.major == 10 && info.minor == 0 && !strcmp(info.entry, "app") &&
			!strcmp(info.version, "10.0.12") && !strcmp(info.command, "dotnet app.dll"),
		"it says version and main assembly");
	tap_ok(read(call.fd, payload, 10) == 6 && !memcmp(payload, "stream", 6),
		"what follows the answer is left on the socket");
	lk_diag_call_done(&call);
	close(fd);
}

static void starting(int server)
{
	uint8_t request[64], payload[512];
	struct lk_diag_call call;
	struct lk_diag_info info;
	unsigned nr_bad = 0;
	size_t size;
	int fd, r;

	for (size = make_info(payload, "", ""); size > 0; size--) {
		uint8_t *exact = malloc(size);

		memcpy(exact, payload, size);
		call = (struct lk_diag_call){.fd = -1, .answer = exact, .answer_size = 20 + size};
		r = lk_diag_read_info(&call, true, &info, NULL);
		nr_bad += r == -EBADMSG;
		if (!r)
			tap_ok(!info.major && !*info.entry,
				"a runtime that starts has no version yet");
		lk_diag_call_done(&call);
	}
	tap_ok(nr_bad > 50, "shorter answers are damaged");
	lk_diag_begin_info(&address, false, &call, NULL);
	lk_diag_call_step(&call, NULL);
	take_request(server, &fd, request, sizeof(request));
	answer(fd, 0, payload, make_info(payload, NULL, NULL));
	r = lk_diag_call_step(&call, NULL);
	tap_ok(!r && !lk_diag_read_info(&call, false, &info, NULL) && info.major == 5,
		"the older request tells no version: it is taken for .NET 5");
	lk_diag_call_done(&call);
	close(fd);
}

/* --- a session, field by field, for each version ------------------------------ */

static bool take_text(struct lk_cursor *c, const char *text)
{
	uint32_t nr = lk_cursor_u32(c);
	bool same = nr == (*text ? strlen(text) + 1 : 0);

	for (uint32_t i = 0; i < nr && !c->bad; i++)
		same &= lk_cursor_u16(c) == (uint8_t)text[i];
	return same;
}

static bool take_session(struct lk_cursor *c, unsigned major)
{
	bool good = true;

	if (major >= 10)
		good &= lk_cursor_u32(c) == 0;
	good &= lk_cursor_u32(c) == 64 && lk_cursor_u32(c) == 1;
	good &= major >= 9 ? lk_cursor_u64(c) == 0x20018 : lk_cursor_u8(c) == 1;
	if (major >= 9)
		good &= lk_cursor_u8(c) == 0;
	good &= lk_cursor_u32(c) == 2;
	for (int i = 0; i < 2; i++) {
		good &= lk_cursor_u64(c) == (i ? 1 : 0) && lk_cursor_u32(c) == 4;
		good &= take_text(c, i ? "Native" : "System.Runtime");
		good &= take_text(c, i ? "" : "EventCounterIntervalSec=1");
		if (major < 10)
			continue;
		good &= lk_cursor_u8(c) == (i ? 1 : 0) && lk_cursor_u32(c) == (i ? 2 : 0);
		if (i)
			good &= lk_cursor_u32(c) == 1 && lk_cursor_u32(c) == 4;
	}
	return good && !c->bad && !lk_cursor_left(c);
}

static void starts(int server, unsigned major, uint8_t command)
{
	static const uint32_t ids[] = {1, 4};
	const struct lk_diag_provider providers[] = {
		{.name = "System.Runtime", .arguments = "EventCounterIntervalSec=1", .level = 4},
		{.name = "Native", .keywords = 1, .level = 4, .ids = ids, .nr_ids = 2},
	};
	const struct lk_diag_session session = {
		.buffer_mb = 64, .rundown = 0x20018, .providers = providers, .nr_providers = 2};
	const struct lk_diag_info info = {.major = major};
	uint8_t request[512];
	struct lk_diag_call call;
	struct lk_cursor c;
	uint64_t id = 42, got = 0;
	size_t n;
	int fd;

	lk_diag_begin_session(&address, &info, &session, &call, NULL);
	lk_diag_call_step(&call, NULL);
	n = take_request(server, &fd, request, sizeof(request));
	c = lk_cursor_over(request + 20, n - 20);
	tap_ok(n > 20 && (request[14] | request[15] << 8) == (int)n && request[16] == 2 &&
			request[17] == command && take_session(&c, major),
		"a session of .NET %u is asked for with request 02%02x, complete", major, command);
	answer(fd, 0, &id, sizeof(id));
	tap_ok(!lk_diag_call_step(&call, NULL) && !lk_diag_read_session(&call, &got, NULL) &&
			got == 42,
		"and gets its number");
	lk_diag_call_done(&call);
	close(fd);
}

static void never_short(void)
{
	static const struct lk_diag_session session = {0};
	struct lk_diag_info info = {.major = 3};
	struct lk_diag_provider large = {.name = "x"};
	struct lk_diag_call call;
	struct lk_err err = {0};
	char arguments[300];

	tap_ok(lk_diag_begin_session(&address, &info, &session, &call, &err) == -EOPNOTSUPP &&
			call.fd < 0,
		"an older runtime is not asked: %s", err.what);
	memset(arguments, 'a', sizeof(arguments) - 1);
	arguments[sizeof(arguments) - 1] = 0;
	large.arguments = arguments;
	info.major = 10;
	tap_ok(lk_diag_begin_session(&address, &info,
		       &(struct lk_diag_session){.providers = &large, .nr_providers = 1}, &call,
		       &err) == -E2BIG &&
			call.fd < 0,
		"a request that does not fit is not sent at all");
}

static void fails(int server)
{
	static const uint8_t unknown[] = {0x85, 0x13, 0x13, 0x80}, no[] = {5, 0x40, 0, 0x80};
	struct {
		const char *what;
		const void *payload;
		size_t size;
		int r;
	} cases[] = {
		{"an unknown request", unknown, 4, -ENOSYS},
		{"a refusal", no, 4, -EPROTO},
		{"a refusal without reason", no, 0, -EPROTO},
	};
	uint8_t request[64];
	struct lk_diag_call call;
	struct lk_err err = {0};
	int fd, r;

	for (size_t i = 0; i < LK_ARRAY_SIZE(cases); i++) {
		lk_diag_begin_stop(&address, 42, &call, &err);
		lk_diag_call_step(&call, &err);
		r = (int)take_request(server, &fd, request, sizeof(request));
		answer(fd, 0xff, cases[i].payload, cases[i].size);
		tap_ok(r == 28 && request[20] == 42 && lk_diag_call_step(&call, &err) == cases[i].r,
			"%s: %s", cases[i].what, err.what);
		lk_diag_call_done(&call);
		close(fd);
	}
	lk_diag_begin_info(&address, true, &call, &err);
	lk_diag_call_step(&call, &err);
	take_request(server, &fd, request, sizeof(request));
	close(fd);
	tap_ok(lk_diag_call_step(&call, &err) == -ECONNRESET, "hanging up: %s", err.what);
	lk_diag_call_done(&call);
	lk_diag_begin_info(&address, true, &call, &err);
	lk_diag_call_step(&call, &err);
	take_request(server, &fd, request, sizeof(request));
	if (write(fd, "HTTP/1.1 400 Bad Request\r\n", 26) != 26)
		return;
	tap_ok(lk_diag_call_step(&call, &err) == -EBADMSG, "another protocol: %s", err.what);
	lk_diag_call_done(&call);
	close(fd);
	lk_diag_begin_info(&address, true, &call, &err);
	tap_ok(lk_diag_call_wait(&call, 50, &err) == -ETIMEDOUT, "silence: %s", err.what);
	lk_diag_call_done(&call);
	take_request(server, &fd, request, sizeof(request));
	close(fd);
}

/* A socket file that somebody else listens at: a child of ours. */
static void impostor(void)
{
	struct lk_diag_address other = address;
	struct lk_diag_call call;
	struct lk_err err = {0};

	other.pid = 1;
	tap_ok(lk_diag_begin_info(&other, true, &call, &err) == -EPERM && call.fd < 0,
		"who listens must be the process that is meant: %s", err.what);
	lk_diag_call_done(&call);
}

int main(int argc, char **argv)
{
	char command[300];
	struct lk_diag_call call;
	struct lk_err err = {0};
	int server;

	(void)argc;
	if (!getenv("LK_TEST_AGAIN")) {
		if (!mkdtemp(folder))
			return 1;
		setenv("LK_TEST_AGAIN", folder, 1);
		setenv("TMPDIR", folder, 1);
		execv("/proc/self/exe", argv);
	}
	snprintf(folder, sizeof(folder), "%s", getenv("LK_TEST_AGAIN"));
	finds();
	switched_off();
	server = listen_at(path);
	if (lk_diag_find((uint32_t)getpid(), &address, &err))
		return 1;
	asks(server);
	starting(server);
	starts(server, 5, 3);
	starts(server, 7, 3);
	starts(server, 8, 3);
	starts(server, 9, 5);
	starts(server, 10, 6);
	starts(server, 12, 6);
	never_short();
	fails(server);
	impostor();
	close(server);
	tap_ok(lk_diag_begin_info(&address, true, &call, &err) == -ECONNREFUSED,
		"a socket file that stayed behind: %s", err.what);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command))
		return 1;
	return tap_done();
}
