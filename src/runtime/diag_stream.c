#include "runtime/diag_stream.h"

#include <errno.h>
#include <unistd.h>

#define READS_MAX 8

void lk_diag_stream_init(struct lk_diag_stream *s)
{
	*s = (struct lk_diag_stream){.fd = -1, .call = {.fd = -1}};
}

int lk_diag_stream_begin(struct lk_diag_stream *s, const struct lk_diag_address *address,
	const struct lk_diag_info *info, const struct lk_diag_session *session, lk_nettrace_fn *fn,
	void *arg, struct lk_err *err)
{
	int r;

	lk_diag_stream_init(s);
	s->fn = fn;
	s->arg = arg;
	r = lk_diag_begin_session(address, info, session, &s->call, err);
	if (r)
		lk_diag_call_done(&s->call);
	return r;
}

bool lk_diag_stream_begun(const struct lk_diag_stream *s)
{
	return s->fd >= 0 || s->call.fd >= 0;
}

bool lk_diag_stream_runs(const struct lk_diag_stream *s)
{
	return s->fd >= 0;
}

static int start(struct lk_diag_stream *s, struct lk_err *err)
{
	int r = lk_diag_call_step(&s->call, err);

	if (!r)
		r = lk_diag_read_session(&s->call, &s->id, err);
	if (r)
		return r;
	s->fd = s->call.fd;
	s->call.fd = -1;
	lk_diag_call_done(&s->call);
	s->reader = lk_nettrace_new(s->fn, s->arg);
	return 0;
}

static int drain(struct lk_diag_stream *s, struct lk_err *err)
{
	uint8_t bytes[16384];

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(s->fd, bytes, sizeof(bytes));
		int r;

		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? -EAGAIN : 0;
		r = lk_nettrace_feed(s->reader, bytes, (size_t)n);
		if (r)
			return lk_fail(err, r, "what the runtime sends is damaged");
	}
	return -EAGAIN;
}

int lk_diag_stream_step(struct lk_diag_stream *s, struct lk_err *err)
{
	int r = s->fd < 0 ? start(s, err) : 0;

	return r ? r : drain(s, err);
}

void lk_diag_stream_close(struct lk_diag_stream *s, const struct lk_diag_address *address)
{
	struct lk_diag_call stop;

	if (s->fd >= 0)
		close(s->fd);
	if (s->fd >= 0 && address) {
		if (!lk_diag_begin_stop(address, s->id, &stop, NULL))
			lk_diag_call_step(&stop, NULL);
		lk_diag_call_done(&stop);
	}
	lk_diag_call_done(&s->call);
	lk_nettrace_free(s->reader);
	lk_diag_stream_init(s);
}
