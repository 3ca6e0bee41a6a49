#include "runtime/diag_ipc.h"

#include "base/cursor.h"
#include "process/procfs.h"
#include "process/storefile.h"
#include "util/mem.h"
#include "util/utf16.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Every message begins so: 14 bytes, u16 size of all, u8 set, u8 command, u16 0. */
#define MAGIC	    "DOTNET_IPC_V1"
#define HEADER_SIZE 20u
#define SET_ANSWER  0xffu
#define ANSWER_OK   0x00u
#define ANSWER_FAIL 0xffu

#define STOP_TRACING	 0x0201u
#define COLLECT_TRACING2 0x0203u /* since .NET 5; a flag chooses the whole rundown */
#define COLLECT_TRACING4 0x0205u /* since .NET 9; keywords choose the rundown, no stacks */
#define COLLECT_TRACING5 0x0206u /* since .NET 10; and events by their ids */
#define PROCESS_INFO	 0x0400u
#define PROCESS_INFO2	 0x0404u
#define FORMAT_NETTRACE	 1u

#define HRESULT_UNKNOWN_COMMAND 0x80131385u

/* --- finding the socket ------------------------------------------------------- */

/* The runtime reads numbers in hexadecimal. */
static bool is_off(uint32_t pid, const char *name)
{
	static const char *const prefixes[] = {"DOTNET_", "COMPlus_"};
	char variable[64], value[32], *end;

	for (size_t i = 0; i < LK_ARRAY_SIZE(prefixes); i++) {
		snprintf(variable, sizeof(variable), "%s%s", prefixes[i], name);
		if (lk_procfs_env(pid, variable, value, sizeof(value)))
			continue;
		if (!strtoul(value, &end, 16) && end != value)
			return true;
	}
	return false;
}

static int fail_absent(uint32_t pid, struct lk_err *err)
{
	static const char *const names[] = {"EnableDiagnostics", "EnableDiagnostics_IPC"};

	for (size_t i = 0; i < LK_ARRAY_SIZE(names); i++) {
		if (!is_off(pid, names[i]))
			continue;
		lk_fail(err, -EOPNOTSUPP,
			"process %" PRIu32 " has no diagnostics socket: DOTNET_%s=0 stands in its "
			"environment",
			pid, names[i]);
		return lk_remedy(err, "start it without DOTNET_%s", names[i]);
	}
	lk_fail(err, -ENOENT, "process %" PRIu32 " has no diagnostics socket of .NET", pid);
	return lk_remedy(err, "if it is a .NET program: is it starting or ending, or does its "
			      "runtimeconfig.json switch diagnostics off?");
}

int lk_diag_find(uint32_t pid, struct lk_diag_address *ret, struct lk_err *err)
{
	struct lk_diag_address a = {.pid = pid};
	uint64_t key = lk_process_start_ticks(pid);
	char tmp[400], path[700];
	int r;

	if (!key)
		return lk_fail(err, -ESRCH, "there is no process %" PRIu32, pid);
	r = lk_procfs_env(pid, "TMPDIR", tmp, sizeof(tmp));
	if (r == -EPERM) {
		lk_fail(err, r, "process %" PRIu32 " is another user's", pid);
		return lk_remedy(err, "ask as that user, or as root");
	}
	if (r || !tmp[0])
		strcpy(tmp, "/tmp");
	snprintf(a.dir, sizeof(a.dir), "/proc/%" PRIu32 "/root%s%s", pid, tmp[0] == '/' ? "" : "/",
		tmp);
	snprintf(a.name, sizeof(a.name), "dotnet-diagnostic-%" PRIu32 "-%" PRIu64 "-socket",
		lk_procfs_inner_pid(pid), key);
	snprintf(path, sizeof(path), "%s/%s", a.dir, a.name);
	if (access(path, F_OK)) {
		if (errno != EACCES && errno != EPERM)
			return fail_absent(pid, err);
		return lk_fail(err, -EPERM, "not allowed to look into %s", a.dir);
	}
	*ret = a;
	return 0;
}

/* --- connecting --------------------------------------------------------------- */

/* The name of a socket holds 107 bytes at most, and a path through /proc may be longer. */
static int connect_in(int fd, const struct lk_diag_address *a)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int dir = open(a->dir, O_PATH | O_DIRECTORY | O_CLOEXEC), r, n;

	if (dir < 0)
		return -errno;
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", dir, a->name);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		r = -ENAMETOOLONG;
	else
		r = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
	close(dir);
	return r;
}

/* A file in /tmp proves nothing: who listens must be the process that was meant. */
static int check_peer(int fd, uint32_t pid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	return (uint32_t)peer.pid == pid ? 0 : -EPERM;
}

static int open_connection(const struct lk_diag_address *a, int *ret_fd, struct lk_err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return lk_fail_errno(err, "cannot make a socket");
	r = connect_in(fd, a);
	if (!r)
		r = check_peer(fd, a->pid);
	if (r) {
		close(fd);
		r = r == -EACCES ? -EPERM : r == -ENOENT ? -ECONNREFUSED : r;
		lk_fail(err, r,
			"cannot connect to the diagnostics socket of process %" PRIu32 ": %s",
			a->pid,
			r == -EPERM ? "it is not that process's, or not ours to use"
				    : strerror(-r));
		if (r == -ECONNREFUSED)
			lk_remedy(err, "the process is ending or has ended");
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* --- a call ------------------------------------------------------------------- */

/* Puts a request together; what does not fit latches `full`. */
struct builder {
	struct lk_diag_call *call;
	bool full;
};

static void put(struct builder *b, const void *bytes, size_t size)
{
	struct lk_diag_call *call = b->call;

	if (sizeof(call->request) - call->request_size < size) {
		b->full = true;
		return;
	}
	if (size)
		memcpy(call->request + call->request_size, bytes, size);
	call->request_size += size;
}

static void put_u8(struct builder *b, uint8_t v)
{
	put(b, &v, sizeof(v));
}

static void put_u32(struct builder *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_u64(struct builder *b, uint64_t v)
{
	put(b, &v, sizeof(v));
}

/* u32 count of code units with the terminating 0, then those; count 0: no text. */
static void put_text(struct builder *b, const char *text)
{
	uint16_t units[128];
	size_t nr = text ? lk_utf16_units(text, units, LK_ARRAY_SIZE(units)) : 0;

	b->full |= text && !nr;
	put_u32(b, (uint32_t)nr);
	put(b, units, nr * sizeof(units[0]));
}

static struct builder build(struct lk_diag_call *call, uint32_t command)
{
	struct builder b = {.call = call};
	const uint8_t tail[] = {0, 0, (uint8_t)(command >> 8), (uint8_t)command, 0, 0};

	*call = (struct lk_diag_call){.fd = -1};
	put(&b, MAGIC, sizeof(MAGIC));
	put(&b, tail, sizeof(tail));
	return b;
}

/* Nothing incomplete is ever sent: it would kill the process. */
static int begin(struct builder *b, const struct lk_diag_address *a, struct lk_err *err)
{
	struct lk_diag_call *call = b->call;
	uint16_t size = (uint16_t)call->request_size;

	if (b->full)
		return lk_fail(
			err, -E2BIG, "the request to process %" PRIu32 " is too long", a->pid);
	memcpy(call->request + sizeof(MAGIC), &size, sizeof(size));
	call->pid = a->pid;
	return open_connection(a, &call->fd, err);
}

static int hung_up(const struct lk_diag_call *call, struct lk_err *err)
{
	lk_fail(err, -ECONNRESET, "process %" PRIu32 " closed its diagnostics socket", call->pid);
	return lk_remedy(err, "it is ending");
}

static int send_request(struct lk_diag_call *call, struct lk_err *err)
{
	while (call->sent < call->request_size) {
		ssize_t n = send(call->fd, call->request + call->sent,
			call->request_size - call->sent, MSG_NOSIGNAL);

		if (n >= 0)
			call->sent += (size_t)n;
		else if (errno == EAGAIN)
			return -EAGAIN;
		else if (errno != EINTR)
			return hung_up(call, err);
	}
	return 0;
}

/* Reads exactly `want` bytes of the answer: what follows may be a stream. */
static int receive(
	struct lk_diag_call *call, uint8_t *to, size_t at, size_t want, struct lk_err *err)
{
	while (call->got < at + want) {
		size_t have = call->got - at;
		ssize_t n = recv(call->fd, to + have, want - have, 0);

		if (n > 0)
			call->got += (size_t)n;
		else if (!n || (errno != EAGAIN && errno != EINTR))
			return hung_up(call, err);
		else if (errno == EAGAIN)
			return -EAGAIN;
	}
	return 0;
}

static int read_header(struct lk_diag_call *call, struct lk_err *err)
{
	uint16_t size;

	memcpy(&size, call->header + sizeof(MAGIC), sizeof(size));
	if (memcmp(call->header, MAGIC, sizeof(MAGIC)) || size < HEADER_SIZE ||
		call->header[16] != SET_ANSWER)
		return lk_fail(err, -EBADMSG,
			"what process %" PRIu32 " answers is not of this protocol", call->pid);
	call->answer_size = size;
	call->answer = lk_xmalloc(size);
	return 0;
}

static int read_verdict(struct lk_diag_call *call, struct lk_err *err)
{
	if (call->header[17] == ANSWER_OK)
		return 0;
	if (call->answer_size >= HEADER_SIZE + 4)
		memcpy(&call->hresult, call->answer, sizeof(call->hresult));
	if (call->hresult == HRESULT_UNKNOWN_COMMAND)
		return lk_fail(err, -ENOSYS,
			"the runtime of process %" PRIu32 " does not know this request", call->pid);
	return lk_fail(err, -EPROTO,
		"the runtime of process %" PRIu32 " refused: HRESULT 0x%08" PRIx32, call->pid,
		call->hresult);
}

int lk_diag_call_step(struct lk_diag_call *call, struct lk_err *err)
{
	int r = send_request(call, err);

	if (!r && !call->answer_size) {
		r = receive(call, call->header, 0, HEADER_SIZE, err);
		if (!r)
			r = read_header(call, err);
	}
	if (!r)
		r = receive(call, call->answer, HEADER_SIZE, call->answer_size - HEADER_SIZE, err);
	return r ? r : read_verdict(call, err);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int fail_silent(const struct lk_diag_call *call, unsigned timeout_ms, struct lk_err *err)
{
	char state = lk_procfs_state(call->pid);

	lk_fail(err, -ETIMEDOUT,
		"process %" PRIu32 " does not answer on its diagnostics socket for %u ms%s",
		call->pid, timeout_ms, state == 'T' || state == 't' ? ": it is stopped" : "");
	if (state == 'T' || state == 't')
		lk_remedy(err, "let it go on (kill -CONT %" PRIu32 ") and ask again", call->pid);
	return -ETIMEDOUT;
}

int lk_diag_call_wait(struct lk_diag_call *call, unsigned timeout_ms, struct lk_err *err)
{
	int64_t until = now_ms() + timeout_ms;
	int r;

	while ((r = lk_diag_call_step(call, err)) == -EAGAIN) {
		struct pollfd p = {.fd = call->fd,
			.events = call->sent < call->request_size ? POLLOUT : POLLIN};
		int64_t left = until - now_ms();

		if (left <= 0)
			return fail_silent(call, timeout_ms, err);
		poll(&p, 1, (int)left);
	}
	return r;
}

void lk_diag_call_done(struct lk_diag_call *call)
{
	if (call->fd >= 0)
		close(call->fd);
	free(call->answer);
	*call = (struct lk_diag_call){.fd = -1};
}

/* --- requests ----------------------------------------------------------------- */

int lk_diag_begin_info(const struct lk_diag_address *address, bool second,
	struct lk_diag_call *call, struct lk_err *err)
{
	struct builder b = build(call, second ? PROCESS_INFO2 : PROCESS_INFO);

	return begin(&b, address, err);
}

static struct lk_cursor payload(const struct lk_diag_call *call)
{
	return lk_cursor_over(call->answer, call->answer_size - HEADER_SIZE);
}

static void take_text(struct lk_cursor *c, char *text, size_t size)
{
	uint32_t nr = lk_cursor_u32(c);
	const uint8_t *units = lk_cursor_take(c, (size_t)nr * 2);

	text[0] = 0;
	if (units && nr) /* the last unit is the terminating 0 */
		lk_utf16_text(units, nr - 1, text, size);
}

int lk_diag_read_info(
	const struct lk_diag_call *call, bool second, struct lk_diag_info *ret, struct lk_err *err)
{
	struct lk_cursor c = payload(call);
	struct lk_diag_info info = {.major = second ? 0 : 5};

	info.pid = lk_cursor_u64(&c);
	lk_cursor_take(&c, 16); /* the runtime's GUID */
	take_text(&c, info.command, sizeof(info.command));
	take_text(&c, info.os, sizeof(info.os));
	take_text(&c, info.arch, sizeof(info.arch));
	if (second) {
		take_text(&c, info.entry, sizeof(info.entry));
		take_text(&c, info.version, sizeof(info.version));
		if (sscanf(info.version, "%u.%u", &info.major, &info.minor) != 2)
			info.major = 0; /* not known yet: it starts */
	}
	if (c.bad)
		return lk_fail(err, -EBADMSG, "process %" PRIu32 " says damaged things of itself",
			call->pid);
	*ret = info;
	return 0;
}

int lk_diag_ask_info(const struct lk_diag_address *address, unsigned timeout_ms,
	struct lk_diag_info *ret, struct lk_err *err)
{
	bool second = true;
	struct lk_diag_call call;
	int r;

	for (;;) {
		r = lk_diag_begin_info(address, second, &call, err);
		if (!r)
			r = lk_diag_call_wait(&call, timeout_ms, err);
		if (r != -ENOSYS || !second)
			break;
		lk_diag_call_done(&call);
		second = false;
	}
	if (!r)
		r = lk_diag_read_info(&call, second, ret, err);
	lk_diag_call_done(&call);
	return r;
}

static void put_providers(struct builder *b, const struct lk_diag_session *s, bool filters)
{
	put_u32(b, s->nr_providers);
	for (uint32_t i = 0; i < s->nr_providers; i++) {
		const struct lk_diag_provider *p = &s->providers[i];

		put_u64(b, p->keywords);
		put_u32(b, p->level);
		put_text(b, p->name);
		put_text(b, p->arguments);
		if (filters) {
			put_u8(b, p->nr_ids > 0);
			put_u32(b, p->nr_ids);
			put(b, p->ids, p->nr_ids * sizeof(*p->ids));
		}
	}
}

/*
 * The newest request that this version surely knows; each has its own order of fields.
 * CollectTracing3 (0x0204) is documented for .NET 8, whose 8.0.31 does not know it.
 */
static struct builder build_session(
	struct lk_diag_call *call, unsigned major, const struct lk_diag_session *s)
{
	bool filters = major >= LK_DIAG_ID_FILTER_SINCE;
	struct builder b = build(call, filters	    ? COLLECT_TRACING5
				       : major >= 9 ? COLLECT_TRACING4
						    : COLLECT_TRACING2);

	if (filters)
		put_u32(&b, 0); /* a stream */
	put_u32(&b, s->buffer_mb);
	put_u32(&b, FORMAT_NETTRACE);
	if (major >= 9)
		put_u64(&b, s->rundown);
	else
		put_u8(&b, s->rundown != 0);
	if (major >= 9)
		put_u8(&b, 0); /* no stacks */
	put_providers(&b, s, filters);
	return b;
}

int lk_diag_begin_session(const struct lk_diag_address *address, const struct lk_diag_info *info,
	const struct lk_diag_session *session, struct lk_diag_call *call, struct lk_err *err)
{
	struct builder b;

	*call = (struct lk_diag_call){.fd = -1};
	if (info->major < 5) {
		lk_fail(err, -EOPNOTSUPP, "process %" PRIu32 " runs a .NET that is too old (%s)",
			address->pid, info->version[0] ? info->version : "it does not tell which");
		return lk_remedy(err, "leakline asks .NET 5 and newer");
	}
	b = build_session(call, info->major, session);
	return begin(&b, address, err);
}

int lk_diag_read_session(const struct lk_diag_call *call, uint64_t *ret_id, struct lk_err *err)
{
	struct lk_cursor c = payload(call);
	uint64_t id = lk_cursor_u64(&c);

	if (c.bad)
		return lk_fail(err, -EBADMSG,
			"process %" PRIu32 " started a session without a number", call->pid);
	*ret_id = id;
	return 0;
}

int lk_diag_begin_stop(const struct lk_diag_address *address, uint64_t id,
	struct lk_diag_call *call, struct lk_err *err)
{
	struct builder b = build(call, STOP_TRACING);

	put_u64(&b, id);
	return begin(&b, address, err);
}
