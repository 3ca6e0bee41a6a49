/*
 * The diagnostics socket of a .NET runtime: finding it, one request and its answer,
 * and the requests that leakline makes.  Protocol: dotnet/diagnostics,
 * documentation/design-docs/ipc-protocol.md.
 *
 * A request whose payload is empty or too short kills the process that is asked
 * (seen on .NET 10: requests 0x0202, 0x0203, 0x0205, 0x0206, 0x0405).  So requests
 * are built by the functions here and nowhere else, each completely, and for
 * the version that ProcessInfo told; no version is probed by trying.
 *
 * A stopped process (SIGSTOP) accepts a connection and never answers.  Therefore a
 * request is a struct lk_diag_call that never blocks and is asked again by
 * lk_diag_call_step; the functions with a timeout wait for it with poll(2).
 */
#ifndef LK_RUNTIME_DIAG_IPC_H
#define LK_RUNTIME_DIAG_IPC_H

#include "base/defs.h"
#include "util/err.h"

/* Where the socket of a process is. */
struct lk_diag_address {
	uint32_t pid;  /* as we see it */
	char dir[512]; /* through /proc/PID/root, so of the process's own container */
	char name[96]; /* in dir */
};

/*
 * Finds the socket of process pid.  -ESRCH: no such process; -EPERM: of another
 * user; -EOPNOTSUPP: its environment switches diagnostics off; -ENOENT: no socket:
 * no .NET program, one that starts or ends, or one whose runtimeconfig.json
 * switches diagnostics off.
 */
int lk_diag_find(uint32_t pid, struct lk_diag_address *ret, struct lk_err *err);

/* One request on a connection of its own.  All zeroes but for fd -1: none. */
struct lk_diag_call {
	int fd;		  /* -1 none; non-blocking */
	uint32_t pid;	  /* who is asked */
	uint32_t hresult; /* after -EPROTO */
	size_t request_size, sent;
	uint8_t request[1024];
	size_t answer_size, got; /* of the whole answer; 0 until its header is here */
	uint8_t header[20];
	uint8_t *answer; /* payload */
};

/*
 * Steps a call: 0 the answer is here, -EAGAIN not yet, ask again when fd is ready.
 * -EPROTO: the runtime refused, see hresult; -ENOSYS: the runtime does not know
 * this request; -ECONNRESET: it hung up (it is ending); -EBADMSG: not an answer.
 */
int lk_diag_call_step(struct lk_diag_call *call, struct lk_err *err);

/* Steps until there is an answer; -ETIMEDOUT: none in time, which err explains. */
int lk_diag_call_wait(struct lk_diag_call *call, unsigned timeout_ms, struct lk_err *err);

/* Closes and frees; for a call that never began too. */
void lk_diag_call_done(struct lk_diag_call *call);

/* What a runtime says of itself.  Texts are cut to fit. */
struct lk_diag_info {
	uint64_t pid; /* in its own pid namespace */
	unsigned major, minor;
	char version[64]; /* "10.0.12"; "" for .NET 5 and 6, whose major is 5 then */
	char entry[256];  /* name of the main assembly; "" while the runtime starts */
	char os[32], arch[32];
	char command[1024];
};

/*
 * Begins a request for what the runtime says of itself: 0, or as connect(2)
 * fails: -ECONNREFUSED (ended; a socket file may stay behind), -EAGAIN (its queue
 * is full), -EPERM (of another user, or the socket is not that process's).
 * `second` asks with ProcessInfo2 (.NET 7 and later), else with ProcessInfo.
 */
int lk_diag_begin_info(const struct lk_diag_address *address, bool second,
	struct lk_diag_call *call, struct lk_err *err);

/* Reads its answer.  -EBADMSG: damaged. */
int lk_diag_read_info(
	const struct lk_diag_call *call, bool second, struct lk_diag_info *ret, struct lk_err *err);

/* Both with a timeout, the older request where the newer one is not known. */
int lk_diag_ask_info(const struct lk_diag_address *address, unsigned timeout_ms,
	struct lk_diag_info *ret, struct lk_err *err);

struct lk_diag_provider {
	const char *name, *arguments; /* ASCII; arguments NULL: none */
	uint64_t keywords;
	uint32_t level;
	const uint32_t *ids; /* these events only; from .NET 10 on, ignored before */
	uint32_t nr_ids;
};

#define LK_DIAG_ID_FILTER_SINCE 10u /* the major version that knows `ids` */

/* What an EventPipe session sends. */
struct lk_diag_session {
	uint32_t buffer_mb;
	uint64_t rundown; /* keywords of the rundown at the end; 0 none */
	const struct lk_diag_provider *providers;
	uint32_t nr_providers;
};

/*
 * Begins to start a session.  After its answer call->fd goes on with the stream:
 * the caller takes it (sets fd to -1) and reads nettrace until its end.  A
 * session that nobody reads holds up the end of its process, as soon as the
 * socket's buffer is full: read it or close it.  -EOPNOTSUPP: older than .NET 5.
 */
int lk_diag_begin_session(const struct lk_diag_address *address, const struct lk_diag_info *info,
	const struct lk_diag_session *session, struct lk_diag_call *call, struct lk_err *err);
int lk_diag_read_session(const struct lk_diag_call *call, uint64_t *ret_id, struct lk_err *err);

/*
 * Begins to stop a session: the runtime sends the rundown, ends the stream, and
 * answers only then.  So whoever waits for the answer reads the stream meanwhile.
 */
int lk_diag_begin_stop(const struct lk_diag_address *address, uint64_t id,
	struct lk_diag_call *call, struct lk_err *err);

#endif
