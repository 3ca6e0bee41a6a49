#include "runtime/clr_counters.h"

#include "base/cursor.h"
#include "process/procfs.h"
#include "runtime/diag_ipc.h"
#include "runtime/nettrace.h"
#include "util/mem.h"
#include "util/utf16.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Looking for a runtime costs up to a millisecond, so it gets rarer: ms. */
#define LOOK_FIRST_MS 500u
#define LOOK_LAST_MS  60000u
/* An answer that takes longer is worth a sentence. */
#define SILENT_MS 2000u
/* Of the runtime's buffer: a second of our figures is 4 kB. */
#define BUFFER_MB 1u
/* What one step reads at most: the caller's loop has other work. */
#define READS_MAX 8

#define RUNTIME_PROVIDER "Microsoft-Windows-DotNETRuntime"
#define GC_START	 1u
#define GC_HEAP_STATS	 4u

/* How the runtime's figure becomes ours. */
enum kind { MEAN, RATE }; /* RATE: an increment, per second */

static const struct known {
	const char *theirs;
	struct lk_clr_counter ours;
	enum kind kind;
	double factor;
} known[] = {
	{"gc-heap-size", {"gc_heap", "bytes", "managed heap"}, MEAN, 1e6},
	{"gc-committed", {"gc_committed", "bytes", "committed by the garbage collector"}, MEAN,
		1e6},
	{"gc-fragmentation", {"gc_fragmentation", "percent", "of the managed heap is free space"},
		MEAN, 1},
	{"alloc-rate", {"gc_allocation_rate", "bytes/s", "allocated on the managed heap"}, RATE, 1},
	{"time-in-gc", {"gc_time", "percent", "of the time is garbage collection"}, MEAN, 1},
	{"gen-0-size", {"gc_gen0", "bytes", "generation 0"}, MEAN, 1},
	{"gen-1-size", {"gc_gen1", "bytes", "generation 1"}, MEAN, 1},
	{"gen-2-size", {"gc_gen2", "bytes", "generation 2"}, MEAN, 1},
	{"loh-size", {"gc_loh", "bytes", "large object heap"}, MEAN, 1},
	{"poh-size", {"gc_poh", "bytes", "pinned object heap"}, MEAN, 1},
};

static const struct lk_clr_counter handles = {"gc_handles", "handles", "GC handles"};

enum state { LOOKING, ASKING, STARTING, STREAMING, OVER };

struct lk_clr_counters {
	uint32_t pid;
	lk_clr_counters_fn *fn;
	void *arg;
	enum state state;
	uint64_t next_ms, pause_ms; /* LOOKING: when, and how long after that */
	uint64_t since_ms;	    /* the state began */
	bool older;		    /* ASKING: with the request of .NET 5 and 6 */
	bool any;		    /* a figure came */
	bool silent;		    /* no answer for long; until one comes */
	struct lk_diag_address address;
	struct lk_diag_call call;
	struct lk_diag_info info;
	int stream;
	struct lk_nettrace *reader;
	struct lk_err err; /* code 0: nothing to say */
	char lacks[1100];
};

struct lk_clr_counters *lk_clr_counters_new(
	uint32_t pid, uint64_t now_ms, lk_clr_counters_fn *fn, void *arg)
{
	struct lk_clr_counters *c = lk_xcalloc(1, sizeof(*c));

	c->pid = pid;
	c->fn = fn;
	c->arg = arg;
	c->next_ms = now_ms + LK_CLR_COUNTERS_START_MS;
	c->pause_ms = LOOK_FIRST_MS;
	c->call.fd = -1;
	c->stream = -1;
	return c;
}

static void close_session(struct lk_clr_counters *c)
{
	lk_diag_call_done(&c->call);
	if (c->stream >= 0)
		close(c->stream);
	c->stream = -1;
	c->reader = lk_nettrace_free(c->reader);
}

struct lk_clr_counters *lk_clr_counters_free(struct lk_clr_counters *c)
{
	if (!c)
		return NULL;
	close_session(c);
	return lk_free(c);
}

bool lk_clr_counters_streaming(const struct lk_clr_counters *c)
{
	return c->state == STREAMING;
}

/* --- events ------------------------------------------------------------------- */

static int read_value(struct lk_cursor *c, const struct known *k, double *ret)
{
	double value;
	uint64_t bits;
	float interval = 1;
	uint32_t interval_bits;
	char text[64];

	if (k->kind == RATE)
		lk_utf16_take(c, text, sizeof(text)); /* the scale that a user would see */
	bits = lk_cursor_u64(c);
	memcpy(&value, &bits, sizeof(value));
	if (k->kind == RATE) {
		interval_bits = lk_cursor_u32(c);
		memcpy(&interval, &interval_bits, sizeof(interval));
	}
	value = value * k->factor / (double)interval;
	if (c->bad || !isfinite(value) || value < 0)
		return -EBADMSG;
	*ret = value;
	return 0;
}

int lk_clr_counter_read(
	const uint8_t *payload, size_t size, const struct lk_clr_counter **ret, double *ret_value)
{
	struct lk_cursor c = lk_cursor_over(payload, size);
	char name[64], text[64];
	int r = -ENODATA;

	lk_utf16_take(&c, name, sizeof(name));
	lk_utf16_take(&c, text, sizeof(text)); /* the name that a user would see */
	if (c.bad)
		return -EBADMSG;
	for (size_t i = 0; i < LK_ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].theirs, name))
			continue;
		r = read_value(&c, &known[i], ret_value);
		if (!r)
			*ret = &known[i].ours;
		break;
	}
	return r;
}

static void on_event(void *arg, const struct lk_nettrace_event *event)
{
	struct lk_cursor payload = lk_cursor_over(event->payload, event->size);
	const struct lk_clr_counter *counter = &handles;
	struct lk_clr_counters *c = arg;
	double value;

	if (!strcmp(event->name, "EventCounters")) {
		if (lk_clr_counter_read(event->payload, event->size, &counter, &value))
			return;
	} else if (event->id == GC_HEAP_STATS && !strcmp(event->provider, RUNTIME_PROVIDER)) {
		/* After sizes of generations and counts of what the collection met. */
		lk_cursor_take(&payload, 88);
		value = lk_cursor_u32(&payload);
		if (payload.bad)
			return;
	} else {
		return;
	}
	c->any = true;
	c->fn(c->arg, counter, value);
}

/* --- states ------------------------------------------------------------------- */

static void enter(struct lk_clr_counters *c, enum state state, uint64_t now_ms)
{
	c->state = state;
	c->since_ms = now_ms;
}

static void look_later(struct lk_clr_counters *c, uint64_t now_ms)
{
	close_session(c);
	c->older = false;
	enter(c, LOOKING, now_ms);
	c->next_ms = now_ms + c->pause_ms;
	c->pause_ms = c->pause_ms * 2 < LOOK_LAST_MS ? c->pause_ms * 2 : LOOK_LAST_MS;
}

/* What cannot get better ends the attempts; c->err says why. */
static void give_up(struct lk_clr_counters *c, uint64_t now_ms)
{
	close_session(c);
	enter(c, OVER, now_ms);
}

/* Not every program is .NET, and not every .NET program is there already. */
static void failed(struct lk_clr_counters *c, int r, uint64_t now_ms)
{
	switch (r) {
	case -ENOENT:
	case -EOPNOTSUPP:
		/* The socket comes some time after the library. */
		if (!lk_procfs_maps_file(c->pid, "libcoreclr.so") ||
			(r == -ENOENT && c->pause_ms == LOOK_FIRST_MS))
			c->err.code = 0;
		if (r == -EOPNOTSUPP && c->err.code)
			give_up(c, now_ms);
		else
			look_later(c, now_ms);
		break;
	case -EAGAIN:
	case -ECONNREFUSED:
	case -ECONNRESET:
		c->err.code = 0;
		look_later(c, now_ms);
		break;
	case -EBADMSG: /* a runtime that starts answers with half of it */
		if (c->state == ASKING)
			look_later(c, now_ms);
		else
			give_up(c, now_ms);
		break;
	case -ESRCH:
		c->err.code = 0;
		give_up(c, now_ms);
		break;
	default:
		give_up(c, now_ms);
	}
}

static void ask(struct lk_clr_counters *c, uint64_t now_ms)
{
	int r = lk_diag_begin_info(&c->address, !c->older, &c->call, &c->err);

	c->err.code = r;
	enter(c, ASKING, now_ms);
	if (r)
		failed(c, r, now_ms);
}

static void look(struct lk_clr_counters *c, uint64_t now_ms)
{
	int r;

	if (now_ms < c->next_ms)
		return;
	r = lk_diag_find(c->pid, &c->address, &c->err);
	if (r)
		failed(c, r, now_ms);
	else
		ask(c, now_ms);
}

static void start_session(struct lk_clr_counters *c, uint64_t now_ms)
{
	/* The first of a collection's events is asked for as well: alone, the other did not come.
	 */
	static const uint32_t ids[] = {GC_START, GC_HEAP_STATS};
	const struct lk_diag_provider providers[] = {
		{.name = "System.Runtime", .arguments = "EventCounterIntervalSec=1", .level = 4},
		{.name = RUNTIME_PROVIDER, .keywords = 1, .level = 4, .ids = ids, .nr_ids = 2},
	};
	/*
	 * Before .NET 10 events cannot be chosen by their ids, and a collection sends
	 * 1.4 kB: too much for a program that collects a thousand times a second.
	 */
	const struct lk_diag_session session = {
		.buffer_mb = BUFFER_MB,
		.providers = providers,
		.nr_providers = c->info.major >= LK_DIAG_ID_FILTER_SINCE ? 2 : 1,
	};
	int r = lk_diag_begin_session(&c->address, &c->info, &session, &c->call, &c->err);

	enter(c, STARTING, now_ms);
	if (r)
		failed(c, r, now_ms);
}

static void read_info(struct lk_clr_counters *c, uint64_t now_ms)
{
	int r = lk_diag_call_step(&c->call, &c->err);

	if (r == -EAGAIN) {
		c->silent |= now_ms - c->since_ms > SILENT_MS;
		return;
	}
	if (r == -ENOSYS && !c->older) {
		lk_diag_call_done(&c->call);
		c->older = true;
		ask(c, now_ms);
		return;
	}
	if (!r)
		r = lk_diag_read_info(&c->call, !c->older, &c->info, &c->err);
	lk_diag_call_done(&c->call);
	/* The name of the main assembly is the last thing that a starting runtime knows. */
	if (!r && !c->older && (!c->info.entry[0] || !c->info.major))
		r = -EAGAIN;
	c->silent &= r != 0;
	if (r)
		failed(c, r, now_ms);
	else
		start_session(c, now_ms);
}

static void read_started(struct lk_clr_counters *c, uint64_t now_ms)
{
	int r = lk_diag_call_step(&c->call, &c->err);
	uint64_t id;

	if (r == -EAGAIN) {
		c->silent |= now_ms - c->since_ms > SILENT_MS;
		return;
	}
	if (!r)
		r = lk_diag_read_session(&c->call, &id, &c->err);
	if (r) {
		failed(c, r, now_ms);
		return;
	}
	c->stream = c->call.fd;
	c->call.fd = -1;
	lk_diag_call_done(&c->call);
	c->reader = lk_nettrace_new(on_event, c);
	c->silent = false;
	enter(c, STREAMING, now_ms);
}

static void drain(struct lk_clr_counters *c, uint64_t now_ms)
{
	uint8_t bytes[16384];
	int r = 0;

	for (int i = 0; i < READS_MAX && !r; i++) {
		ssize_t n = read(c->stream, bytes, sizeof(bytes));

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			c->err.code = 0; /* it ended, and so does the session */
			give_up(c, now_ms);
			return;
		}
		r = lk_nettrace_feed(c->reader, bytes, (size_t)n);
	}
	if (r) {
		lk_fail(&c->err, r, "what process %u sends on its diagnostics socket is damaged",
			c->pid);
		give_up(c, now_ms);
	}
}

void lk_clr_counters_step(struct lk_clr_counters *c, uint64_t now_ms)
{
	switch (c->state) {
	case LOOKING:
		look(c, now_ms);
		break;
	case ASKING:
		read_info(c, now_ms);
		break;
	case STARTING:
		read_started(c, now_ms);
		break;
	case STREAMING:
		drain(c, now_ms);
		break;
	case OVER:
		break;
	}
	if (c->silent)
		lk_fail(&c->err, -ETIMEDOUT, "process %u does not answer on its diagnostics socket",
			c->pid);
	if (c->err.code && !c->any)
		snprintf(c->lacks, sizeof(c->lacks), "%s%s%s", c->err.what,
			c->err.remedy[0] ? "; " : "", c->err.remedy);
	else
		c->lacks[0] = 0;
}

void lk_clr_counters_end(struct lk_clr_counters *c, uint64_t now_ms)
{
	lk_clr_counters_step(c, now_ms);
	close_session(c);
	enter(c, OVER, now_ms);
}

const char *lk_clr_counters_lacks(const struct lk_clr_counters *c)
{
	return c->lacks[0] ? c->lacks : NULL;
}
