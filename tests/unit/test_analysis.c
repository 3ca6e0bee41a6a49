#include "leak/analysis.h"
#include "make_snapshot.h"
#include "tap.h"

#include <math.h>

/* A change of this id breaks everybody's baselines. */
#define LK_TEST_ID "ee06fb65"

static struct lk_snapshot *begin(uint64_t tracked_ms)
{
	struct lk_snapshot *s = lk_snapshot_new();

	s->tracked_ms = tracked_ms;
	s->ended = LK_ENDED_EXITED;
	return s;
}

static void end(struct lk_snapshot *s, struct lk_analysis *a)
{
	lk_analysis_free(a);
	lk_snapshot_free(s);
}

/* Start-up, churn and a cache: what every program has and what is no leak. */
static void add_noise(struct lk_snapshot *s)
{
	uint32_t start = made_stack(s, "calloc <- boot@/x/p!b.c:3 <- main@/x/p");
	uint32_t churn = made_stack(s, "malloc <- request@/x/p!r.c:7 <- main@/x/p");
	uint32_t cache = made_stack(s, "malloc <- cache_put@/x/p!c.c:1 <- main@/x/p");

	made_blocks(s, start, 4096, 500, 0, s->tracked_ms / 100);
	made_blocks(s, churn, 64, 40, s->tracked_ms * 99 / 100, s->tracked_ms);
	made_freed(s, churn, 64, 100000);
	made_blocks(s, cache, 1024, 2000, 0, s->tracked_ms / 3);
}

static void test_reference_case(void)
{
	struct lk_snapshot *s = begin(60000);
	uint32_t before = made_stack(s, MADE_REFERENCE);
	struct lk_analysis *a;
	const struct lk_frame *f;

	add_noise(s);
	made_blocks(s, before, 28, 50000, 500, 60000);
	made_freed(s, before, 28, 20);
	a = lk_analyse(s);
	f = lk_site_frame(s, &a->sites[0]);
	tap_ok(f && !strcmp(f->function, "Program:Main (string[])") && f->line == 22,
		"before the fix the first site is the line of the call in Main");
	tap_ok(!strcmp(a->sites[0].manager, "BSTR"), "its manager is BSTR");
	tap_ok(a->sites[0].judgement.probability > 95, "its leak probability is above 95 %%");
	tap_ok(a->nr_growing == 1, "it is the only site that grows");
	tap_ok(a->verdict.verdict_class == LK_VERDICT_NATIVE, "the verdict is native");
	tap_ok(!strcmp(a->verdict.text, "Native memory grows by 1.4 MB a minute; 100 % of it is "
					"allocated at Program.cs:22 in Program:Main (BSTR)"),
		"the verdict says it in one sentence: %s", a->verdict.text);
	tap_ok(a->verdict.confidence > 0.95 && a->verdict.confidence <= 1, "it is confident");
	tap_ok(fabs(a->verdict.growth_bytes_per_min - 1411764) < 20000, "its growth is right");
	tap_ok(a->sites[1].bytes >= a->sites[2].bytes && a->sites[2].bytes >= a->sites[3].bytes,
		"what does not grow follows by bytes");
	end(s, a);

	s = begin(60000);
	before = made_stack(s, MADE_REFERENCE);
	add_noise(s);
	made_block(s, before, 28, 59990);
	made_freed(s, before, 28, 50000);
	a = lk_analyse(s);
	tap_ok(a->nr_growing == 0, "after the fix no site grows");
	tap_ok(a->verdict.verdict_class == LK_VERDICT_NONE, "the verdict is none");
	tap_ok(a->verdict.growth_bytes_per_min == 0, "the growth is 0");
	tap_ok(!strncmp(a->verdict.text, "No site grows: ", 15), "it says so: %s", a->verdict.text);
	end(s, a);
}

static void test_grouping(void)
{
	struct lk_snapshot *s = begin(10000);
	uint32_t one = made_stack(s, "malloc <- f@/x/p!a.c:1 <- main@/x/p!a.c:9");
	uint32_t two = made_stack(s, "malloc <- ^f.constprop.0@/x/p!a.c:1 <- main@/x/p!a.c:9");
	uint32_t other = made_stack(s, "malloc <- f@/x/p!a.c:2 <- main@/x/p!a.c:9");
	struct lk_analysis *a;

	made_blocks(s, one, 10, 30, 0, 10000);
	made_blocks(s, two, 20, 60, 0, 10000);
	made_freed(s, two, 20, 5);
	made_block(s, other, 100000, 5);
	a = lk_analyse(s);
	tap_ok(a->nr_sites == 2, "stacks that differ in addresses and clones are one site");
	tap_ok(a->sites[0].blocks == 90 && a->sites[0].bytes == 30 * 10 + 60 * 20,
		"the site has the blocks and bytes of both");
	tap_ok(a->sites[0].allocated_blocks == 95 && a->sites[0].freed_blocks == 5,
		"and what both allocated and freed");
	tap_ok(a->sites[0].stack == two && a->sites[0].nr_stacks == 2,
		"it is shown by the stack with most blocks");
	tap_ok(a->sites[0].nr_sizes == 2 && a->sites[0].sizes[0].size == 20 &&
			a->sites[0].sizes[0].blocks == 60 && a->sites[0].nr_distinct_sizes == 2,
		"its sizes are counted, the commonest first");
	tap_ok(a->sites[0].oldest_ms == 10000 && a->sites[0].youngest_ms < 400 &&
			a->sites[0].median_ms > 4500 && a->sites[0].median_ms < 5500,
		"its ages are those of its blocks");
	tap_ok(a->sites[1].judgement.state == LK_SITE_FEW && a->sites[1].bytes == 100000,
		"a larger site that does not grow comes after it");
	end(s, a);
}

static uint64_t sum(const struct lk_shares *r, bool blocks)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->nr_rows; i++)
		n += blocks ? r->rows[i].blocks : r->rows[i].bytes;
	return n;
}

static void test_breakdowns(void)
{
	struct lk_snapshot *s = begin(60000);
	uint32_t bstr = made_stack(s, MADE_REFERENCE);
	const struct lk_shares *all[4];
	struct lk_analysis *a;
	bool whole = true;

	add_noise(s);
	made_blocks(s, bstr, 28, 1000, 0, 60000);
	a = lk_analyse(s);
	all[0] = &a->managers;
	all[1] = &a->modules;
	all[2] = &a->functions;
	all[3] = &a->sizes;
	for (size_t i = 0; i < 4; i++)
		whole &= sum(all[i], true) == a->blocks && sum(all[i], false) == a->bytes;
	tap_ok(whole, "each breakdown adds up to all blocks and bytes");
	tap_ok(a->blocks == s->nr_blocks && a->allocated_blocks == a->blocks + a->freed_blocks &&
			a->freed_blocks == 100000,
		"the totals are those of the snapshot");
	tap_ok(a->managers.nr_rows == 2 && !strcmp(a->managers.rows[0].name, "C heap") &&
			!strcmp(a->managers.rows[1].name, "BSTR"),
		"managers are ranked by bytes");
	tap_ok(a->modules.nr_rows == 2 && !strcmp(a->modules.rows[0].name, "p"),
		"modules are those of the responsible frames, without folders");
	tap_ok(a->functions.nr_rows == 4, "functions are the responsible ones");
	tap_ok(!strcmp(a->sizes.rows[0].name, "4096") || !strcmp(a->sizes.rows[0].name, "1024"),
		"sizes are ranked by bytes");
	end(s, a);
}

static void test_samples(void)
{
	struct lk_snapshot *s = begin(60000);
	uint32_t k = made_stack(s, "malloc <- f@/x/p <- main@/x/p"), chosen[LK_SITE_SAMPLES], nr;
	struct lk_analysis *a;
	const struct lk_site *site;
	bool sorted = true;

	made_blocks(s, k, 8, 10000, 0, 60000);
	made_content(s, s->blocks[5000].address, "Hello!!", 8);
	a = lk_analyse(s);
	site = &a->sites[0];
	for (uint32_t i = 1; i < site->nr_samples; i++)
		sorted &= s->blocks[site->samples[i - 1]].time_ms <
			  s->blocks[site->samples[i]].time_ms;
	tap_ok(sorted && site->nr_samples == LK_SITE_SAMPLES, "samples are in the order of time");
	tap_ok(site->samples[0] == 0 && site->samples[site->nr_samples - 1] == 9999,
		"the oldest and the newest block are among them");
	nr = lk_site_samples(s, site, 5, chosen);
	tap_ok(nr == 5 && chosen[0] == 0 && chosen[4] == 9999, "five of them reach as far");
	nr = 0;
	for (uint32_t i = 0; i < site->nr_samples; i++)
		nr += site->samples[i] == 5000;
	tap_ok(nr == 1, "a block whose content was read is preferred");
	tap_ok(lk_site_samples(s, site, 100, chosen) == LK_SITE_SAMPLES, "no more than there are");
	tap_ok(lk_site_samples(s, site, 0, chosen) == 0, "none where none is wanted");
	end(s, a);
}

static struct lk_analysis *identify(struct lk_snapshot **ret_s, uint64_t base, const char *folder)
{
	struct lk_snapshot *s = begin(1000);
	char stack[200];

	snprintf(stack, sizeof(stack), "malloc <- f@%s/p!%s/a.c:1 <- main@%s/p", folder, folder,
		folder);
	made_blocks(s, made_stack(s, stack), 8, 10, 0, 1000);
	for (size_t i = 0; i < s->nr_frames; i++)
		s->frames[i].address += base;
	*ret_s = s;
	return lk_analyse(s);
}

static void test_ids(void)
{
	struct lk_snapshot *s, *t;
	struct lk_analysis *a = identify(&s, 0x1000, "/x"),
			   *b = identify(&t, 0x7000, "/other/place");

	tap_ok(!strcmp(a->sites[0].id, b->sites[0].id) && strlen(a->sites[0].id) == 8,
		"a site keeps its id in another run, at other addresses, in another folder");
	tap_ok(!strcmp(a->sites[0].id, LK_TEST_ID),
		"ids stay the same from release to release (%s)", a->sites[0].id);
	end(s, a);
	end(t, b);
}

static void test_early(void)
{
	struct lk_snapshot *s = begin(50);
	uint32_t k = made_stack(s, "malloc <- f@/x/p!a.c:1 <- main@/x/p");
	struct lk_analysis *a;

	made_blocks(s, k, 8, 1000, 0, 50);
	for (size_t i = 0; i < s->nr_blocks; i++)
		s->blocks[i].time_ms -= s->blocks[i].time_ms % 10;
	a = lk_analyse(s);
	tap_ok(a->verdict.verdict_class == LK_VERDICT_NATIVE, "50 ms of regular growth are enough");
	end(s, a);

	s = begin(50);
	made_blocks(s, made_stack(s, "malloc <- f@/x/p <- main@/x/p"), 8, 20, 0, 5);
	a = lk_analyse(s);
	tap_ok(a->verdict.verdict_class == LK_VERDICT_UNKNOWN &&
			isnan(a->verdict.growth_bytes_per_min) && a->verdict.confidence == 0,
		"50 ms with a few blocks are too early: %s", a->verdict.text);
	end(s, a);

	s = begin(50);
	k = made_stack(s, "malloc <- f@/x/p <- main@/x/p");
	made_freed(s, k, 8, 10000);
	a = lk_analyse(s);
	tap_ok(a->verdict.verdict_class == LK_VERDICT_NONE,
		"50 ms that freed everything lose nothing: %s", a->verdict.text);
	end(s, a);

	s = begin(0);
	a = lk_analyse(s);
	tap_ok(a->nr_sites == 0 && a->verdict.verdict_class == LK_VERDICT_UNKNOWN,
		"an empty snapshot gives an empty analysis");
	end(s, a);
}

static void test_short_runs(void)
{
	static const char *const stacks[] = {
		"malloc <- f@/x/p!a.c:1 <- main@/x/p",
		"malloc <- f@/x/p <- main@/x/p",
		"malloc <- mini_init@/usr/bin/mono!m.c:1 <- %A:F ()@/app/a.exe!/s/A.cs:3",
	};
	bool grows[3], running;

	for (unsigned i = 0; i < 4; i++) {
		struct lk_snapshot *s = begin(110);
		struct lk_analysis *a;

		made_blocks(s, made_stack(s, stacks[i % 3]), 28, 10000, 52, 61);
		if (i == 3)
			s->ended = LK_ENDED_RUNNING;
		a = lk_analyse(s);
		*(i == 3 ? &running : &grows[i]) = a->nr_growing == 1;
		end(s, a);
	}
	tap_ok(grows[0], "10,000 blocks in 9 of 110 ms grow where the program has ended");
	tap_ok(!grows[1], "not without a source line: that is a program of the distribution");
	tap_ok(!grows[2], "not what a runtime keeps for itself");
	tap_ok(!running, "not while the program runs");
}

static void test_losses(void)
{
	static const struct lk_not_seen lost[] = {
		{"lost_store_full", "", 400}, {"truncated_stacks", "", 9}, {"lost_names", "", 100}};
	struct lk_snapshot *s = begin(60000);
	struct lk_analysis *a;

	made_blocks(s, made_stack(s, "malloc <- f@/x/p <- main@/x/p"), 8, 500, 0, 60000);
	a = lk_analyse(s);
	tap_ok(a->lost_events == 0 && a->verdict.confidence > 0.99,
		"nothing lost: full confidence");
	lk_analysis_free(a);
	s->not_seen = lk_xcalloc(LK_ARRAY_SIZE(lost), sizeof(*lost));
	memcpy(s->not_seen, lost, sizeof(lost));
	s->nr_not_seen = LK_ARRAY_SIZE(lost);
	a = lk_analyse(s);
	tap_ok(a->lost_events == 500, "lost events are added up");
	tap_ok(fabs(a->verdict.confidence - 0.5) < 0.01, "half of the events lost: half of it");
	end(s, a);
}

/* Code that a program makes at run time: the JIT's memory grows, and nobody loses a block. */
static void test_runtime_grows(void)
{
	struct lk_snapshot *s = begin(60000);
	uint32_t jit = made_stack(s, "malloc <- @/d/libclrjit.so <- %P.Main()@/app/a.dll!P.cs:3");
	uint32_t leak = made_stack(s, "malloc <- f@/x/p!f.c:3 <- main@/x/p");
	struct lk_analysis *a;

	add_noise(s);
	made_blocks(s, jit, 4096, 5000, 500, 60000);
	a = lk_analyse(s);
	tap_ok(a->nr_growing == 0 && a->nr_runtime_growing == 1, "a runtime's growth is no leak");
	tap_ok(a->verdict.verdict_class == LK_VERDICT_RUNTIME &&
			a->verdict.growth_bytes_per_min > 1e6 && a->verdict.confidence > 0.9,
		"the verdict is that the runtime grows: %s", a->verdict.text);
	tap_ok(!strcmp(a->sites[0].manager, "runtime"), "it comes before what does not grow");
	lk_analysis_free(a);
	made_blocks(s, leak, 16, 1000, 500, 60000);
	a = lk_analyse(s);
	tap_ok(a->nr_growing == 1 && !strcmp(a->sites[0].manager, "C heap") &&
			!strcmp(a->sites[1].manager, "runtime"),
		"a leak of the program comes first, however small");
	tap_ok(a->verdict.verdict_class == LK_VERDICT_NATIVE &&
			fabs(a->verdict.growth_bytes_per_min - 16000) < 1000,
		"and is all that the verdict counts: %s", a->verdict.text);
	end(s, a);
}

static void test_warm_up(void)
{
	static const char *const background =
		"malloc <- @/d/libcoreclr.so <- start_thread@/x/libc.so.6";

	for (unsigned minute = 0; minute < 2; minute++) {
		struct lk_snapshot *s = begin(minute ? 70000 : 5000);
		uint32_t jit = made_stack(s, background);
		struct lk_analysis *a;

		made_blocks(s, jit, 32, 1000, 0, s->tracked_ms);
		a = lk_analyse(s);
		tap_ok(a->nr_runtime_growing == minute,
			minute ? "a runtime that grows in the background after a minute grows"
			       : "before that it warms up");
		tap_ok((a->sites[0].judgement.state == LK_SITE_EARLY) == !minute,
			"and the site's state says so");
		end(s, a);
	}
}

static void test_damaged(void)
{
	struct lk_snapshot *s = begin(1000);
	uint32_t k = made_stack(s, "malloc <- f@/x/p <- main@/x/p");
	struct lk_analysis *a;

	made_blocks(s, k, UINT64_MAX / 2, 20, 0, 1000);
	s->blocks[3].stack = 77;
	s->blocks[4].stack = UINT32_MAX;
	s->blocks[5].time_ms = UINT64_MAX;
	s->stacks[k].allocated_blocks = 1;
	k = made_stack(s, "malloc <- g@/x/p");
	s->stacks[k].count = UINT32_MAX;
	made_block(s, k, 5, 3);
	a = lk_analyse(s);
	tap_ok(a->nr_dropped == 2 && a->blocks == 19,
		"blocks of stacks that do not exist are counted");
	tap_ok(a->nr_sites == 2, "a stack whose frames do not exist is one without frames");
	tap_ok(a->freed_blocks <= a->allocated_blocks,
		"counts that contradict give no absurd ones");
	end(s, a);
}

int main(void)
{
	test_reference_case();
	test_grouping();
	test_breakdowns();
	test_samples();
	test_ids();
	test_early();
	test_short_runs();
	test_losses();
	test_runtime_grows();
	test_warm_up();
	test_damaged();
	return tap_done();
}
