#include "leak/growth.h"
#include "tap.h"

#include <math.h>

static struct lk_series series;

static void begin(uint64_t tracked_ms)
{
	series = (struct lk_series){.tracked_ms = tracked_ms};
}

/* n surviving blocks of `size` at equal distances in [from, to) of the tracked time, 0..1. */
static void survive(unsigned n, double size, double from, double to)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned span = (unsigned)((from + (to - from) * (i + 0.5) / n) * LK_NR_SPANS);

		series.blocks[span]++;
		series.bytes[span] += size;
	}
	series.allocated += n;
}

/* The survivors of a steady stream whose blocks live `mean` of the time, exponentially. */
static void churn(uint64_t allocated, double size, double mean)
{
	for (unsigned i = 0; i < LK_NR_SPANS; i++) {
		double age = (LK_NR_SPANS - 1 - i) / (double)LK_NR_SPANS;
		double part = mean * (1 - exp(-1 / (mean * LK_NR_SPANS))) * LK_NR_SPANS;
		double alive = allocated / (double)LK_NR_SPANS * part * exp(-age / mean);

		series.blocks[i] += (uint32_t)(alive + 0.5);
		series.bytes[i] += (uint32_t)(alive + 0.5) * size;
	}
	series.allocated += allocated;
}

static struct lk_judgement judge(void)
{
	struct lk_judgement j;

	lk_judge(&series, &j);
	return j;
}

static void is(enum lk_site_state state, double low, double high, const char *name)
{
	struct lk_judgement j = judge();

	tap_ok(j.state == state && j.probability >= low && j.probability <= high,
		"%s (%s, %.1f %%: number %.2f kept %.2f even %.2f lasting %.2f covered %.2f)", name,
		lk_site_state_name(j.state), j.probability, j.number, j.kept, j.even, j.lasting,
		j.covered);
}

/* One row of the table in docs/LEAK-PROBABILITY.md. */
static void row(const char *name, double number, double kept, double even, double lasting,
	double covered, double probability)
{
	struct lk_judgement j = judge();

	tap_ok(fabs(j.number - number) <= 0.005 && fabs(j.kept - kept) <= 0.005 &&
			fabs(j.even - even) <= 0.005 && fabs(j.lasting - lasting) <= 0.005 &&
			fabs(j.covered - covered) <= 0.005 &&
			fabs(j.probability - probability) <= 0.5,
		"documented: %s (number %.3f kept %.3f even %.3f lasting %.3f covered %.3f: %.1f)",
		name, j.number, j.kept, j.even, j.lasting, j.covered, j.probability);
}

static void test_documented_examples(void)
{
	begin(60000);
	survive(1000, 28, 0, 1);
	row("1,000 blocks left, evenly", 1, 1, 1, 1, 1, 100);
	series.allocated = 3000;
	row("the same, and 2,000 others freed", 1, 1, 1, 1, 1, 100);
	begin(60000);
	survive(300, 100, 0, 1);
	series.allocated = 30000;
	series.blocks[63] += 300;
	row("1 % left, and as many in flight", 1, 1, 1, 1, 1, 100);
	begin(60000);
	survive(20, 100, 0, 1);
	row("20 blocks", 0.956, 1, 1, 1, 1, 96);
	begin(60000);
	for (unsigned i = 0; i < 4; i++)
		survive(250, 40, 0.10 + 0.25 * i, 0.11 + 0.25 * i);
	row("four bursts", 0.912, 1, 1, 1, 1, 91);
	begin(60000);
	survive(4, 100, 0, 1);
	row("4 blocks", 0.293, 1, 1, 1, 1, 29);
	begin(60000);
	survive(500, 100, 0.9, 1);
	row("the last tenth", 0.912, 1, 1, 1, 0.4375, 40);
	begin(60000);
	survive(5000, 64, 0, 0.01);
	row("start-up", 0.293, 1, 0, 0, 1, 0);
	begin(60000);
	survive(5000, 64, 0, 0.5);
	row("a cache full at half-time", 1, 1, 0.21, 0, 1, 0);
	begin(60000);
	survive(1000, 64, 0.99, 1);
	series.allocated = 100000;
	row("all young", 0.13, 0, 0, 1, 0.0625, 0);
}

static void test_leaks(void)
{
	struct lk_judgement j;

	begin(60000);
	survive(1000, 28, 0, 1);
	is(LK_SITE_GROWING, 95, 100, "a steady leak grows");
	j = judge();
	tap_ok(fabs(j.growth_bytes_per_min - 28000) < 500, "its growth is its bytes a minute");
	tap_ok(fabs(j.growth_blocks_per_min - 1000) < 20, "its growth is its blocks a minute");

	begin(60000);
	survive(1000, 28, 0, 1);
	series.allocated = 3000;
	is(LK_SITE_GROWING, 95, 100, "a leak of a third of the blocks grows");
	series.allocated = 2000;
	is(LK_SITE_GROWING, 95, 100, "a leak of half of the blocks grows");
	series.allocated = 1300;
	is(LK_SITE_GROWING, 95, 100, "a leak of most blocks grows");

	begin(60000);
	survive(300, 100, 0, 1);
	series.allocated = 30000;
	series.blocks[63] += 300;
	is(LK_SITE_GROWING, 95, 100, "a leak of 1 % grows under as many young blocks in flight");

	begin(60000);
	survive(200, 100, 0, 1);
	churn(20000, 100, 0.02);
	is(LK_SITE_GROWING, 90, 100, "a leak of 1 % grows under churn that lives longer");

	begin(60000);
	survive(400, 10, 0.5, 1);
	is(LK_SITE_GROWING, 95, 100, "a leak that starts late grows");
	j = judge();
	tap_ok(fabs(j.growth_bytes_per_min - 8000) < 300, "its growth is that since it started");
	series.allocated = 40000;
	is(LK_SITE_GROWING, 95, 100, "a leak of 1 % that starts late grows");

	begin(60000);
	survive(10000, 50, 0, 0.015);
	survive(300, 50, 0.015, 1);
	is(LK_SITE_GROWING, 95, 100, "a slow leak grows behind a large start-up");
	j = judge();
	tap_ok(fabs(j.growth_bytes_per_min - 15000) < 1000, "start-up is no part of its growth");
}

static void test_bursts(void)
{
	begin(60000);
	for (unsigned i = 0; i < 4; i++)
		survive(250, 40, 0.10 + 0.25 * i, 0.11 + 0.25 * i);
	is(LK_SITE_GROWING, 60, 100, "a leak in four bursts grows");

	begin(60000);
	for (unsigned i = 0; i < 12; i++)
		survive(100, 40, 0.05 + 0.08 * i, 0.06 + 0.08 * i);
	is(LK_SITE_GROWING, 95, 100, "a leak in twelve bursts grows");
	tap_ok(judge().growth_bytes_per_min > 40000, "bursts grow by their mean");

	begin(60000);
	survive(500, 40, 0.1, 0.11);
	survive(500, 40, 0.8, 0.81);
	is(LK_SITE_STOPPED, 0, 30, "two bursts do not grow");
}

static void test_no_leaks(void)
{
	begin(60000);
	survive(5000, 64, 0, 0.01);
	is(LK_SITE_STOPPED, 0, 5, "start-up does not grow");

	begin(60000);
	survive(2000, 64, 0, 0.2);
	is(LK_SITE_STOPPED, 0, 5, "a long start-up does not grow");

	begin(60000);
	survive(5000, 64, 0, 0.5);
	is(LK_SITE_STOPPED, 0, 5, "a cache that filled up half-way does not grow");
	series.allocated = 20000;
	is(LK_SITE_STOPPED, 0, 5, "nor does one whose site goes on allocating");

	begin(60000);
	survive(5000, 64, 0, 0.7);
	is(LK_SITE_STOPPED, 0, 20, "a cache that filled up at 70 % does not grow");

	begin(60000);
	survive(1000, 64, 0.99, 1);
	series.allocated = 100000;
	is(LK_SITE_STEADY, 0, 5, "a queue of young blocks does not grow");

	begin(60000);
	survive(3000, 64, 0.7, 1);
	series.allocated = 10000;
	is(LK_SITE_STEADY, 0, 20, "a cache that replaces its oldest does not grow");

	begin(60000);
	churn(100000, 64, 0.1);
	is(LK_SITE_STEADY, 0, 5, "a cache that replaces at random does not grow");
	begin(60000);
	churn(100000, 64, 0.25);
	is(LK_SITE_STEADY, 0, 20, "nor does one that replaces slowly");

	begin(60000);
	survive(1000, 64, 0, 0.01);
	churn(10000, 64, 0.1);
	is(LK_SITE_STOPPED, 0, 30, "start-up with churn after it does not grow");

	begin(60000);
	survive(1000, 64, 0, 0.01);
	survive(20, 64, 0.99, 1);
	series.allocated = 100000;
	is(LK_SITE_STOPPED, 0, 5, "start-up with blocks in flight does not grow");
	tap_ok(judge().growth_bytes_per_min == 0, "what does not grow has growth 0");
}

static void test_few_and_early(void)
{
	begin(60000);
	survive(1, 1000000, 0.9, 1);
	series.allocated = 10000;
	is(LK_SITE_FEW, 0, 0, "one block that is replaced at each call does not grow");
	begin(60000);
	survive(2, 1000000, 0, 1);
	is(LK_SITE_FEW, 0, 0, "two blocks never grow");
	begin(60000);
	survive(4, 100, 0, 1);
	is(LK_SITE_FEW, 0, 49, "four blocks are too few to tell");
	begin(60000);
	survive(20, 100, 0, 1);
	is(LK_SITE_GROWING, 90, 100, "twenty blocks at equal distances grow");

	begin(60000);
	survive(500, 100, 0.9, 1);
	is(LK_SITE_EARLY, 0, 49, "growth in the last tenth alone is too early to tell");
	tap_ok(isnan(judge().growth_bytes_per_min), "its growth is unknown");
	begin(5);
	survive(500, 100, 0, 1);
	is(LK_SITE_EARLY, 0, 0, "five milliseconds are too early to tell");
	begin(0);
	series.blocks[63] = 100;
	is(LK_SITE_EARLY, 0, 0, "no time at all is too early to tell");
}

static void test_short_runs(void)
{
	begin(50);
	for (unsigned tick = 0; tick < 5; tick++) {
		series.blocks[tick * 10 * 64 / 50] = 200;
		series.bytes[tick * 10 * 64 / 50] = 200 * 28;
	}
	series.allocated = 1000;
	is(LK_SITE_GROWING, 80, 100, "1,000 blocks in 50 ms at a resolution of 10 ms grow");
	series.allocated = 1800;
	is(LK_SITE_GROWING, 80, 100, "so does a leak of more than half of the blocks");

	begin(300);
	survive(1000, 28, 0.7, 1);
	is(LK_SITE_GROWING, 90, 100, "a leak grows behind a runtime's long start");
}

static void test_short_ended_runs(void)
{
	begin(110);
	survive(10000, 28, 0.47, 0.55);
	is(LK_SITE_STOPPED, 0, 5, "a burst in a short run stopped while the program runs");
	series.final = true;
	is(LK_SITE_GROWING, 85, 90, "of a program that has ended it stays");
	tap_ok(fabs(judge().growth_bytes_per_min - 280000 / 0.11 * 60) < 1000,
		"its growth is the mean of the whole run");
	series.allocated = 20000;
	is(LK_SITE_STOPPED, 0, 5, "not where half of it was freed");

	begin(110);
	survive(10000, 28, 0, 0.1);
	series.final = true;
	is(LK_SITE_STOPPED, 0, 5, "start-up of a short run does not grow");
	begin(110);
	survive(50, 28, 0.47, 0.55);
	series.final = true;
	is(LK_SITE_FEW, 0, 49, "nor do a few blocks");
	begin(60000);
	survive(10000, 28, 0.47, 0.55);
	series.final = true;
	is(LK_SITE_STOPPED, 0, 5,
		"a burst in a long run has stopped, though the program has ended");
	begin(2);
	series.blocks[0] = 1000;
	series.allocated = 1000;
	series.final = true;
	is(LK_SITE_GROWING, 85, 90, "a program of 2 ms that leaves 1,000 blocks leaks them");
}

static void test_slow_ends(void)
{
	begin(2400);
	survive(4000, 28, 0.05, 0.86);
	is(LK_SITE_STOPPED, 0, 30, "0.3 s of silence at the end of a running program are an end");
	series.final = true;
	is(LK_SITE_GROWING, 90, 100, "of one that ended, they may be its ending");
	begin(2400);
	survive(4000, 28, 0.05, 0.7);
	series.final = true;
	is(LK_SITE_STOPPED, 0, 30, "0.7 s are not");
	begin(60000);
	survive(4000, 28, 0.05, 0.9);
	series.final = true;
	is(LK_SITE_STOPPED, 0, 30, "nor are 6 s of a minute");
}

static void test_odd_input(void)
{
	struct lk_judgement j;

	begin(1000);
	j = judge();
	tap_ok(j.probability == 0 && j.state == LK_SITE_FEW, "no block at all is too few");
	begin(60000);
	for (unsigned i = 0; i < LK_NR_SPANS; i++)
		series.blocks[i] = UINT32_MAX;
	series.allocated = 0;
	j = judge();
	tap_ok(j.probability >= 95 && j.probability <= 100,
		"counts that contradict are judged all the same");
}

int main(void)
{
	test_documented_examples();
	test_leaks();
	test_bursts();
	test_no_leaks();
	test_few_and_early();
	test_short_runs();
	test_short_ended_runs();
	test_slow_ends();
	test_odd_input();
	return tap_done();
}
