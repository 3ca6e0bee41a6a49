#include "runtime/rundown.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/*
 * Of the runtime's buffer: 1 and 4 MB cut a rundown silently, 16 MB held 12 MB.  The
 * runtime takes what it uses, not all of it.
 */
#define BUFFER_MB 256u

struct taking {
	const struct lk_diag_address *address;
	struct lk_diag_call call; /* starts, then stops the session */
	int stream;
	struct lk_nettrace *reader;
	struct lk_rundown *rundown;
	struct timespec until;
};

static int left_ms(const struct taking *t)
{
	struct timespec now;
	int64_t ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (int64_t)(t->until.tv_sec - now.tv_sec) * 1000 +
	     (t->until.tv_nsec - now.tv_nsec) / 1000000;
	return ms < 0 ? 0 : (int)ms;
}

/* The session sends nothing but its rundown: nobody has a provider of this name. */
static int start(struct taking *t, const struct lk_diag_info *info, struct lk_err *err)
{
	const struct lk_diag_provider none = {.name = "leakline", .level = 1};
	const struct lk_diag_session session = {.buffer_mb = BUFFER_MB,
		.rundown = LK_RUNDOWN_KEYWORDS,
		.providers = &none,
		.nr_providers = 1};
	uint64_t id = 0;
	int r = lk_diag_begin_session(t->address, info, &session, &t->call, err);

	if (!r)
		r = lk_diag_call_wait(&t->call, (unsigned)left_ms(t), err);
	if (!r)
		r = lk_diag_read_session(&t->call, &id, err);
	if (r)
		return r;
	t->stream = t->call.fd;
	t->call.fd = -1;
	lk_diag_call_done(&t->call);
	return lk_diag_begin_stop(t->address, id, &t->call, err);
}

/* 1 at the end of the stream, 0 for now. */
static int drain(struct taking *t, struct lk_err *err)
{
	static uint8_t bytes[1 << 16];
	ssize_t n;

	while ((n = read(t->stream, bytes, sizeof(bytes))) > 0) {
		int r = lk_nettrace_feed(t->reader, bytes, (size_t)n);

		if (r)
			return lk_fail(err, r, "what process %" PRIu32 " sends is damaged",
				t->address->pid);
	}
	return !n || (errno != EAGAIN && errno != EINTR);
}

/*
 * The answer to the stop comes only after all of the stream was read, so both
 * are read at the same time.
 */
static int read_all(struct taking *t, struct lk_err *err)
{
	bool stopped = false;
	int r = 0;

	while (!r) {
		struct pollfd fds[2] = {{.fd = t->stream, .events = POLLIN},
			{.fd = stopped ? -1 : t->call.fd, .events = POLLIN}};
		int ms = left_ms(t);

		if (!ms)
			return lk_fail(err, -ETIMEDOUT,
				"process %" PRIu32 " did not end its rundown in time",
				t->address->pid);
		if (!stopped) {
			r = lk_diag_call_step(&t->call, err);
			stopped = r != -EAGAIN;
			if (r && r != -EAGAIN && r != -ECONNRESET)
				return r;
		}
		poll(fds, 2, ms);
		r = drain(t, err);
	}
	return r > 0 ? 0 : r;
}

int lk_rundown_take(const struct lk_diag_address *address, const struct lk_diag_info *info,
	unsigned timeout_ms, struct lk_rundown **ret, struct lk_err *err)
{
	struct taking t = {.address = address, .call = {.fd = -1}, .stream = -1};
	int r;

	clock_gettime(CLOCK_MONOTONIC, &t.until);
	t.until.tv_sec += timeout_ms / 1000;
	t.until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	t.rundown = lk_rundown_new();
	t.reader = lk_nettrace_new(lk_rundown_event, t.rundown);
	r = start(&t, info, err);
	if (!r)
		r = read_all(&t, err);
	if (!r) {
		r = lk_rundown_finish(t.rundown);
		if (r)
			lk_fail(err, r, "the rundown of process %" PRIu32 " is not complete",
				address->pid);
	}
	lk_diag_call_done(&t.call);
	if (t.stream >= 0)
		close(t.stream);
	lk_nettrace_free(t.reader);
	if (r)
		lk_rundown_free(t.rundown);
	else
		*ret = t.rundown;
	return r;
}
