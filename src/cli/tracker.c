#include "cli/tracker.h"

#include "leak/analysis.h"
#include "process/storedir.h"
#include "report/catalogue.h"
#include "report/recording.h"
#include "report/take.h"

#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* New processes are looked for this often; their own clocks serve until then. */
#define SCAN_NS 50000000ull
/* Most children live short lives, and nobody draws a curve of those. */
#define CHILD_DELAY_MS 1000u

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static bool known(const struct lk_tracker *t, const char *path)
{
	for (size_t i = 0; i < t->nr; i++)
		if (!strcmp(t->tracked[i].path, path))
			return true;
	return false;
}

static uint64_t since_start_ms(const struct lk_store_header *h, uint64_t now)
{
	return now > h->started_mono_ns ? (now - h->started_mono_ns) / 1000000 : 0;
}

/* A program that replaced itself by exec has a store per image: only the last one runs. */
static void end_older(struct lk_tracker *t, uint32_t pid)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->tracked[i].pid == pid)
			t->tracked[i].sampler = lk_sampler_free(t->tracked[i].sampler);
}

static struct lk_sampler *new_sampler(const struct lk_tracker *t, const struct lk_tracked *p)
{
	bool main = p->pid == t->main_pid;

	if (t->no_counters || (!main && !t->children))
		return NULL;
	return lk_sampler_new(
		p->pid, since_start_ms(p->store.header, now_ns()), main ? 0 : CHILD_DELAY_MS);
}

void lk_tracker_scan(struct lk_tracker *t)
{
	struct lk_store_name *names;
	size_t nr;

	t->last_scan_ns = now_ns();
	if (lk_storedir_list(t->run_dir, &names, &nr, NULL))
		return;
	for (size_t i = 0; i < nr; i++) {
		struct lk_tracked p = {.pid = names[i].pid};

		/* One that is being made has no magic yet: next time. */
		if (known(t, names[i].path) ||
			lk_storefile_open(names[i].path, true, &p.store, NULL))
			continue;
		memcpy(p.path, names[i].path, sizeof(p.path));
		lk_store(&p.store.header->host_reads_end, !p.store.header->forked);
		end_older(t, p.pid);
		p.sampler = new_sampler(t, &p);
		t->tracked = lk_grow(t->tracked, t->nr, &t->capacity, sizeof(*t->tracked));
		t->tracked[t->nr++] = p;
	}
	free(names);
}

static void push_clock(struct lk_store_header *h, uint64_t now)
{
	uint64_t ms = since_start_ms(h, now);

	if (ms > lk_load(&h->tick_ms))
		lk_store(&h->tick_ms, ms);
	lk_store(&h->host_beat_ms, ms ? ms : 1);
}

/* The process waits for us: what only it knows is read now. */
static void read_ending(struct lk_tracked *p)
{
	struct lk_store_header *h = p->store.header;

	push_clock(h, now_ns());
	lk_storefile_refresh(&p->store);
	free(p->contents);
	p->contents = NULL;
	p->nr_contents = 0;
	lk_take_contents(&p->store, &p->contents, &p->nr_contents, NULL);
	if (p->sampler)
		lk_sampler_end(p->sampler, since_start_ms(h, now_ns()));
	lk_store_rel(&h->state, LK_STATE_READ);
	syscall(SYS_futex, &h->state, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void lk_tracker_tick(struct lk_tracker *t)
{
	uint64_t now = now_ns();

	if (now - t->last_scan_ns > SCAN_NS || !t->nr)
		lk_tracker_scan(t);
	for (size_t i = 0; i < t->nr; i++) {
		struct lk_store_header *h = t->tracked[i].store.header;

		switch (lk_load_acq(&h->state)) {
		case LK_STATE_RUNNING:
			push_clock(h, now);
			if (t->tracked[i].sampler)
				lk_sampler_tick(t->tracked[i].sampler, since_start_ms(h, now));
			break;
		case LK_STATE_ENDING:
			read_ending(&t->tracked[i]);
			break;
		default:
			break;
		}
	}
}

struct lk_tracked *lk_tracker_find(const struct lk_tracker *t, uint32_t pid)
{
	for (size_t i = t->nr; i-- > 0;)
		if (t->tracked[i].pid == pid)
			return &t->tracked[i];
	return NULL;
}

/* Processes that ended without a recording, which the user may have come for. */
static void say_children(const struct lk_tracker *t, struct lk_snapshot *s)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < t->nr; i++) {
		const struct lk_tracked *p = &t->tracked[i];

		if (p->pid != t->main_pid && p == lk_tracker_find(t, p->pid) &&
			!lk_storefile_process_alive(&p->store))
			nr++;
	}
	if (nr)
		lk_snapshot_not_seen(s, "children",
			"child processes have no recording: run with --children to have one of each",
			nr);
}

int lk_tracker_record(const struct lk_tracker *t, struct lk_tracked *p, int status,
	const char *path, struct lk_err *err)
{
	struct lk_take_options options = {
		.ended = LK_ENDED_EXITED,
		.exit_status = status,
		.contents = p->contents,
		.nr_contents = p->nr_contents,
	};
	struct lk_snapshot *s;
	struct lk_analysis *a;
	int r;

	if (status != -1 ? WIFSIGNALED(status) : !lk_load(&p->store.header->state))
		options.ended = LK_ENDED_KILLED;
	lk_storefile_refresh(&p->store);
	r = lk_take_snapshot(&p->store, &options, &s, err);
	if (r)
		return r;
	if (p->sampler)
		lk_sampler_put(p->sampler, s);
	if (p->pid == t->main_pid && !t->children)
		say_children(t, s);
	a = lk_analyse(s);
	lk_catalogue_judge(t->patterns, s, a, 0);
	r = lk_recording_write(path, s, a, err);
	lk_analysis_free(a);
	lk_snapshot_free(s);
	return r;
}

static void forget(struct lk_tracked *p)
{
	lk_storefile_close(&p->store);
	free(p->contents);
	lk_sampler_free(p->sampler);
}

void lk_tracker_drop(struct lk_tracker *t, struct lk_tracked *p)
{
	unlink(p->path);
	forget(p);
	*p = t->tracked[--t->nr];
}

void lk_tracker_done(struct lk_tracker *t, bool remove)
{
	for (size_t i = 0; i < t->nr; i++)
		forget(&t->tracked[i]);
	free(t->tracked);
	t->tracked = NULL;
	t->nr = 0;
	t->patterns = lk_patterns_free(t->patterns);
	if (remove)
		lk_storedir_remove(t->run_dir);
}
