#include "runtime/clr_counters.h"

#include "base/cursor.h"
#include "process/procfs.h"
#include "runtime/diag_stream.h"
#include "util/mem.h"
#include "util/utf16.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Looking for a runtime costs up to a millisecond, so it gets rarer: ms. */
#define LOOK_FIRST_MS 1000u
#define LOOK_LAST_MS  60000u
/* An answer that takes longer is worth a sentence. */
#define SILENT_MS 2000u
/* Of the runtime's buffer: a second of our figures is 4 kB. */
#define BUFFER_MB 1u
/*
 * Handles are told by an event that every collection sends.  Asking for it costs a program
 * that collects two thousand times a second a tenth of its time (docs/PERFORMANCE.md), so it
 * is asked for until it came once, and then not for so long: ms.
 */
#define HANDLES_MS 10000u

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

enum state { LOOKING, ASKING, STREAMING, OVER };

struct lk_clr_counters {
	uint32_t pid;
	lk_clr_counters_fn *fn;
	void *arg;
	enum state state;
	uint64_t start_ms;	    /* no session before */
	uint64_t next_ms, pause_ms; /* LOOKING: when, and how long after that */
	uint64_t since_ms;	    /* the state began */
	bool older;		    /* ASKING: with the request of .NET 5 and 6 */
	bool any;		    /* a figure came */
	bool silent;		    /* no answer for long; until one comes */
	struct lk_diag_address address;
	struct lk_diag_call call;
	struct lk_diag_info info;
	struct lk_diag_stream counters, handles;
	uint64_t handles_next_ms;
	bool handles_came;
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
	c->start_ms = now_ms + LK_CLR_COUNTERS_START_MS;
	c->next_ms = now_ms + LOOK_FIRST_MS;
	c->pause_ms = LOOK_FIRST_MS;
	c->call.fd = -1;
	lk_diag_stream_init(&c->counters);
	lk_diag_stream_init(&c->handles);
	return c;
}

static void close_session(struct lk_clr_counters *c)
{
	lk_diag_call_done(&c->call);
	lk_diag_stream_close(&c->counters, NULL);
	lk_diag_stream_close(&c->handles, NULL);
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
	return lk_diag_stream_runs(&c->counters);
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

static void on_counters(void *arg, const struct lk_nettrace_event *event)
{
	const struct lk_clr_counter *counter;
	struct lk_clr_counters *c = arg;
	double value;

	if (strcmp(event->name, "EventCounters") ||
		lk_clr_counter_read(event->payload, event->size, &counter, &value))
		return;
	c->any = true;
	c->fn(c->arg, counter, value);
}

static void on_collection(void *arg, const struct lk_nettrace_event *event)
{
	struct lk_cursor payload = lk_cursor_over(event->payload, event->size);
	struct lk_clr_counters *c = arg;
	double value;

	if (event->id != GC_HEAP_STATS || c->handles_came)
		return;
	/* After sizes of generations and counts of what the collection met. */
	lk_cursor_take(&payload, 88);
	value = lk_cursor_u32(&payload);
	if (payload.bad)
		return;
	c->handles_came = true;
	c->fn(c->arg, &handles, value);
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
	c->err.code = r;
	if (r)
		failed(c, r, now_ms);
	else if (now_ms < c->start_ms)
		c->next_ms = c->start_ms;
	else
		ask(c, now_ms);
}

static void start_counters(struct lk_clr_counters *c, uint64_t now_ms)
{
	static const struct lk_diag_provider provider = {
		.name = "System.Runtime", .arguments = "EventCounterIntervalSec=1", .level = 4};
	static const struct lk_diag_session session = {
		.buffer_mb = BUFFER_MB, .providers = &provider, .nr_providers = 1};
	int r = lk_diag_stream_begin(
		&c->counters, &c->address, &c->info, &session, on_counters, c, &c->err);

	c->handles_next_ms = now_ms;
	enter(c, STREAMING, now_ms);
	if (r)
		failed(c, r, now_ms);
}

static int start_handles(struct lk_clr_counters *c)
{
	/* The first of a collection's events too: alone, the other did not come. */
	static const uint32_t ids[] = {GC_START, GC_HEAP_STATS};
	static const struct lk_diag_provider provider = {
		.name = RUNTIME_PROVIDER, .keywords = 1, .level = 4, .ids = ids, .nr_ids = 2};
	static const struct lk_diag_session session = {
		.buffer_mb = BUFFER_MB, .providers = &provider, .nr_providers = 1};

	c->handles_came = false;
	return lk_diag_stream_begin(
		&c->handles, &c->address, &c->info, &session, on_collection, c, NULL);
}

/* A session of its own, so that it can end when the event came; failing, it is tried later. */
static void step_handles(struct lk_clr_counters *c, uint64_t now_ms)
{
	int r = -EAGAIN;

	if (lk_diag_stream_begun(&c->handles))
		r = lk_diag_stream_step(&c->handles, NULL);
	else if (now_ms >= c->handles_next_ms)
		r = start_handles(c) ? 0 : -EAGAIN;
	if (r == -EAGAIN && !c->handles_came)
		return;
	lk_diag_stream_close(&c->handles, &c->address);
	c->handles_next_ms = now_ms + HANDLES_MS;
	c->handles_came = false;
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
		start_counters(c, now_ms);
}

static void step_counters(struct lk_clr_counters *c, uint64_t now_ms)
{
	bool ran = lk_diag_stream_runs(&c->counters);
	int r = lk_diag_stream_step(&c->counters, &c->err);

	if (lk_diag_stream_runs(&c->counters))
		c->silent = false;
	else
		c->silent |= r == -EAGAIN && now_ms - c->since_ms > SILENT_MS;
	if (r == -EAGAIN) {
		if (ran)
			step_handles(c, now_ms);
	} else if (!r) {
		c->err.code = 0; /* the program ended, and so does the session */
		give_up(c, now_ms);
	} else {
		failed(c, r, now_ms);
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
	case STREAMING:
		step_counters(c, now_ms);
		break;
	case OVER:
		break;
	}
	if (c->silent)
		lk_fail(&c->err, -ETIMEDOUT,
			"process %u did not answer on its diagnostics socket: was it stopped?",
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
