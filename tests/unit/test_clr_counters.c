#include "runtime/clr_counters.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "nettrace_fixture.h"
#include "tap.h"

struct seen {
	unsigned nr[16], nr_names;
	const char *names[16];
	double heap_min, heap_max, rate_max, committed, loh;
	unsigned nr_bad;
};

static void see(void *arg, const struct lk_nettrace_event *e)
{
	const struct lk_clr_counter *c;
	struct seen *s = arg;
	double v;
	unsigned i;
	int r;

	if (strcmp(e->name, "EventCounters"))
		return;
	r = lk_clr_counter_read(e->payload, e->size, &c, &v);
	s->nr_bad += r && r != -ENODATA;
	if (r)
		return;
	for (i = 0; i < s->nr_names && strcmp(s->names[i], c->name); i++)
		;
	if (i == s->nr_names)
		s->names[s->nr_names++] = c->name;
	s->nr[i]++;
	if (!strcmp(c->name, "gc_heap")) {
		s->heap_min = s->heap_min && s->heap_min < v ? s->heap_min : v;
		s->heap_max = v > s->heap_max ? v : s->heap_max;
	}
	if (!strcmp(c->name, "gc_allocation_rate") && v > s->rate_max)
		s->rate_max = v;
	if (!strcmp(c->name, "gc_committed"))
		s->committed = v;
	if (!strcmp(c->name, "gc_loh"))
		s->loh = v;
}

/* The program said what it had, from its start to its end. */
static void oracle(double *ret_first, double *ret_last)
{
	FILE *f = fopen(fixture_path("counters.nettrace.heap"), "r");
	double bytes = 0;
	long ms;

	*ret_first = 0;
	while (f && fscanf(f, "heap %ld %lf\n", &ms, &bytes) == 2)
		if (ms <= 1000)
			*ret_first = bytes;
	*ret_last = bytes;
	if (f)
		fclose(f);
}

static void fixture(void)
{
	struct seen s = {0};
	struct lk_nettrace *n = lk_nettrace_new(see, &s);
	double first, last;
	uint8_t *bytes;
	size_t size;

	bytes = fixture_stream("counters.nettrace.gz", &size);
	lk_nettrace_feed(n, bytes, size);
	oracle(&first, &last);
	tap_ok(s.nr_names == 10 && !s.nr_bad, "ten figures are known");
	tap_ok(s.nr[0] >= 3 && s.nr[9] == s.nr[0], "each came once a second: %u times", s.nr[0]);
	tap_ok(first > 0 && s.heap_min > first && s.heap_max < last && s.heap_max > 2 * s.heap_min,
		"the managed heap grows within what the program said: %.0f to %.0f of %.0f to %.0f",
		s.heap_min, s.heap_max, first, last);
	tap_ok(s.rate_max > 5e6 && s.rate_max < 11e6, "100 kB in 10 ms are about 9 MB/s: %.0f",
		s.rate_max);
	tap_ok(s.committed > 1e6 && s.loh > 1e6, "committed and large objects are bytes");
	lk_nettrace_free(n);
	free(bytes);
}

static void put_double(struct made *m, double v)
{
	made_bytes(m, &v, sizeof(v));
}

static void by_hand(void)
{
	const struct lk_clr_counter *c;
	struct made m = {.size = 0};
	float interval = 2;
	double v = 0;

	made_text(&m, "alloc-rate");
	made_text(&m, "Allocation Rate");
	made_text(&m, "00:00:01");
	put_double(&m, 3000);
	made_bytes(&m, &interval, sizeof(interval));
	tap_ok(!lk_clr_counter_read(m.at, m.size, &c, &v) && v == 1500 &&
			!strcmp(c->unit, "bytes/s"),
		"a rate is the increment by the interval");
	tap_ok(lk_clr_counter_read(m.at, m.size - 1, &c, &v) == -EBADMSG, "cut off, it is damage");
	m.size = 0;
	made_text(&m, "gc-heap-size");
	made_text(&m, "GC Heap Size");
	put_double(&m, 12.5);
	tap_ok(!lk_clr_counter_read(m.at, m.size, &c, &v) && v == 12.5e6, "megabytes become bytes");
	m.size -= 8;
	put_double(&m, (double)NAN);
	tap_ok(lk_clr_counter_read(m.at, m.size, &c, &v) == -EBADMSG,
		"what is no number is damage");
	m.size = 0;
	made_text(&m, "assembly-count");
	made_text(&m, "Number of Assemblies Loaded");
	tap_ok(lk_clr_counter_read(m.at, m.size, &c, &v) == -ENODATA, "other figures are left out");
}

static void on_counter(void *arg, const struct lk_clr_counter *counter, double value)
{
	(void)counter;
	(void)value;
	++*(unsigned *)arg;
}

/* This test is no .NET program. */
static void without_runtime(void)
{
	unsigned nr = 0;
	struct lk_clr_counters *c = lk_clr_counters_new((uint32_t)getpid(), 0, on_counter, &nr);

	for (uint64_t ms = 0; ms < 100000; ms += 10)
		lk_clr_counters_step(c, ms);
	tap_ok(!nr && !lk_clr_counters_streaming(c) && !lk_clr_counters_lacks(c),
		"a program without .NET lacks nothing");
	lk_clr_counters_free(c);
	c = lk_clr_counters_new(0x7ffffffe, 0, on_counter, &nr);
	lk_clr_counters_step(c, 5000);
	lk_clr_counters_step(c, 10000);
	tap_ok(!lk_clr_counters_lacks(c), "a process that is gone lacks nothing");
	lk_clr_counters_end(c, 10000);
	lk_clr_counters_free(c);
}

int main(void)
{
	fixture();
	by_hand();
	without_runtime();
	return tap_done();
}
