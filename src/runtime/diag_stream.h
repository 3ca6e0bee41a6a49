/*
 * An EventPipe session that is started and read without blocking: the caller's loop
 * steps it, and events come through a function.  One thread at a time.
 */
#ifndef LK_RUNTIME_DIAG_STREAM_H
#define LK_RUNTIME_DIAG_STREAM_H

#include "runtime/diag_ipc.h"
#include "runtime/nettrace.h"

struct lk_diag_stream {
	struct lk_diag_call call; /* starts it */
	int fd;			  /* the stream; -1 before it runs and after it ended */
	uint64_t id;
	struct lk_nettrace *reader;
	lk_nettrace_fn *fn;
	void *arg;
};

/* No session; what _close leaves, too. */
void lk_diag_stream_init(struct lk_diag_stream *s);

/* Begins to start it; fails as lk_diag_begin_session does, and nothing is to be closed then. */
int lk_diag_stream_begin(struct lk_diag_stream *s, const struct lk_diag_address *address,
	const struct lk_diag_info *info, const struct lk_diag_session *session, lk_nettrace_fn *fn,
	void *arg, struct lk_err *err);

/* Is there one, starting or running?  Does it run? */
bool lk_diag_stream_begun(const struct lk_diag_stream *s);
bool lk_diag_stream_runs(const struct lk_diag_stream *s);

/*
 * Goes on: -EAGAIN for now all is done; 0 the runtime ended the stream; else as
 * lk_diag_call_step and lk_nettrace_feed fail.  Reads 128 kB at most.
 */
int lk_diag_stream_step(struct lk_diag_stream *s, struct lk_err *err);

/*
 * Drops it.  The runtime notices when it next has something to send; with `address` it
 * is told at once, and its answer is not waited for.
 */
void lk_diag_stream_close(struct lk_diag_stream *s, const struct lk_diag_address *address);

#endif
