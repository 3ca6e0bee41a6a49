#include "leak/counter.h"

#include <math.h>
#include <string.h>

#include "tap.h"

static struct lk_counter_set set;

static void add(uint64_t ms, double value)
{
	lk_counter_add(&set, "x", "bytes", "an x", ms, value);
}

static void keeps(void)
{
	const struct lk_counter *c;

	add(10, 1);
	add(20, 5);
	add(20, 3);
	add(15, 9);
	add(30, (double)NAN);
	add(30, (double)INFINITY);
	lk_counter_add(&set, "y", "percent", "a y", 0, 7);
	c = lk_counter_find(&set, "x");
	tap_ok(c && c->nr_points == 3 && c->points[2].value == 3, "points come in order of time");
	tap_ok(lk_counter_max(c) == 1, "the largest is known");
	tap_ok(set.nr == 2 && !strcmp(lk_counter_find(&set, "y")->unit, "percent"),
		"counters are told apart by name");
	tap_ok(!lk_counter_find(&set, "z"), "one that is not there is not found");
	lk_counter_done(&set);
}

static void bounded(void)
{
	const struct lk_counter *c;
	uint64_t gap = 0, ms;
	bool rising = true, spike = false;

	for (ms = 0; ms <= 1000000000; ms += 1000)
		add(ms, ms == 123456000 ? 1e9 : (double)ms / 1e6);
	c = lk_counter_find(&set, "x");
	tap_ok(c->nr_points > LK_COUNTER_POINTS_MAX / 3 && c->nr_points <= LK_COUNTER_POINTS_MAX,
		"a million seconds are %zu points", c->nr_points);
	tap_ok(c->points[0].time_ms == 0 && c->points[c->nr_points - 1].time_ms == 1000000000,
		"from the first to the last");
	for (size_t i = 1; i < c->nr_points; i++) {
		uint64_t d = c->points[i].time_ms - c->points[i - 1].time_ms;

		gap = d > gap ? d : gap;
		rising &= d > 0;
		spike |= c->points[i].value == 1e9;
	}
	tap_ok(rising && gap < 3000000, "evenly spread: at most %llu ms apart",
		(unsigned long long)gap);
	tap_ok(spike && c->points[lk_counter_max(c)].value == 1e9, "with the largest of all");
	lk_counter_done(&set);
}

static void chooses(void)
{
	size_t chosen[120], nr;

	for (unsigned i = 0; i < 1000; i++)
		add(i, i);
	nr = lk_counter_choose(lk_counter_find(&set, "x"), 120, chosen);
	tap_ok(nr == 120 && chosen[0] == 0 && chosen[119] == 999, "few of many: first and last");
	for (size_t i = 1; i < nr; i++)
		nr = chosen[i] > chosen[i - 1] && chosen[i] - chosen[i - 1] < 10 ? nr : 0;
	tap_ok(nr == 120, "and evenly between");
	lk_counter_done(&set);
	add(0, 1);
	nr = lk_counter_choose(lk_counter_find(&set, "x"), 120, chosen);
	tap_ok(nr == 1 && chosen[0] == 0, "of one, that one");
	lk_counter_done(&set);
}

static bool flat(double from, double to)
{
	bool is;

	add(0, from);
	add(1, to);
	is = lk_counter_flat(lk_counter_find(&set, "x"));
	lk_counter_done(&set);
	return is;
}

int main(void)
{
	keeps();
	bounded();
	chooses();
	tap_ok(flat(12e6, 12.9e6) && flat(100e6, 96e6) && !flat(100e6, 106e6) && !flat(1e6, 3e6),
		"flat is what changes by less than 5 %% or a mebibyte");
	return tap_done();
}
