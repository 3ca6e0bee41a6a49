#include "cli/sampler.h"

#include "process/procfs.h"
#include "runtime/clr_counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLE_MS 1000u
/*
 * The kernel's sums of a large process take long, and hold up its mappings meanwhile:
 * a sample is followed by a pause of at least this many times what it took.
 */
#define PAUSE_FACTOR 100u

struct lk_sampler {
	uint32_t pid;
	uint64_t now_ms, next_ms;
	struct lk_counter_set counters;
	struct lk_clr_counters *clr;
};

static void on_clr(void *arg, const struct lk_clr_counter *counter, double value)
{
	struct lk_sampler *c = arg;

	lk_counter_add(&c->counters, counter->name, counter->unit, counter->text, c->now_ms, value);
}

struct lk_sampler *lk_sampler_new(uint32_t pid, uint64_t now_ms, uint64_t delay_ms)
{
	struct lk_sampler *c = lk_xcalloc(1, sizeof(*c));

	c->pid = pid;
	c->now_ms = now_ms;
	c->next_ms = now_ms + delay_ms;
	c->clr = lk_clr_counters_new(pid, now_ms, on_clr, c);
	return c;
}

struct lk_sampler *lk_sampler_free(struct lk_sampler *c)
{
	if (!c)
		return NULL;
	lk_clr_counters_free(c->clr);
	lk_counter_done(&c->counters);
	return lk_free(c);
}

static uint64_t clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void sample(struct lk_sampler *c)
{
	uint64_t start = clock_us(), pause;
	struct lk_proc_memory m;
	int r = lk_procfs_memory(c->pid, &m);
	bool whole = !r;

	if (r)
		r = lk_procfs_sizes(c->pid, &m);
	pause = (clock_us() - start) / 1000 * PAUSE_FACTOR;
	c->next_ms = c->now_ms + (pause > SAMPLE_MS ? pause : SAMPLE_MS);
	if (r || !m.virtual_bytes) /* it ended: what the kernel shows of it then is 0 */
		return;
	if (whole)
		lk_counter_add(&c->counters, "private", "bytes", "private bytes", c->now_ms,
			(double)m.private_bytes);
	lk_counter_add(&c->counters, "resident", "bytes", "resident memory", c->now_ms,
		(double)m.resident);
	lk_counter_add(&c->counters, "virtual", "bytes", "address space", c->now_ms,
		(double)m.virtual_bytes);
}

void lk_sampler_tick(struct lk_sampler *c, uint64_t now_ms)
{
	c->now_ms = now_ms;
	lk_clr_counters_step(c->clr, now_ms);
	if (now_ms >= c->next_ms)
		sample(c);
}

void lk_sampler_end(struct lk_sampler *c, uint64_t now_ms)
{
	c->now_ms = now_ms;
	lk_clr_counters_end(c->clr, now_ms);
	sample(c);
}

/* The names live as long as the snapshot does. */
static void put_counter(struct lk_snapshot *s, const struct lk_counter *from)
{
	const char *name = lk_strings_add(s->strings, from->name);
	const char *unit = lk_strings_add(s->strings, from->unit);
	const char *text = lk_strings_add(s->strings, from->text);

	for (size_t i = 0; i < from->nr_points; i++)
		lk_counter_add(&s->counters, name, unit, text, from->points[i].time_ms,
			from->points[i].value);
}

void lk_sampler_put(const struct lk_sampler *c, struct lk_snapshot *s)
{
	const char *lacks = lk_clr_counters_lacks(c->clr);
	char *text;

	for (size_t i = 0; i < c->counters.nr; i++)
		put_counter(s, &c->counters.at[i]);
	if (!lacks)
		return;
	text = lk_xasprintf("runtime did not give the figures of its managed heap: %s", lacks);
	lk_snapshot_not_seen(s, "runtime_counters", lk_strings_add(s->strings, text), 1);
	free(text);
}
