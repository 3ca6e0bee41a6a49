#include "leak/patterns.h"
#include "report/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recording_sample.h"
#include "tap.h"

/* --- equality, field by field ---------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_texts(const char **a, size_t nr_a, const char **b, size_t nr_b)
{
	for (size_t i = 0; i < nr_a && nr_a == nr_b; i++)
		if (!same_text(a[i], b[i]))
			return false;
	return nr_a == nr_b;
}

static bool same_frame(const struct lk_frame *a, const struct lk_frame *b)
{
	return a->address == b->address && same_text(a->module, b->module) &&
	       same_text(a->function, b->function) && same_text(a->file, b->file) &&
	       a->line == b->line && a->il_offset == b->il_offset && a->origin == b->origin &&
	       a->inlined == b->inlined && a->framework == b->framework;
}

static bool same_stacks(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_stacks && a->nr_stacks == b->nr_stacks; i++) {
		const struct lk_stack *x = &a->stacks[i], *y = &b->stacks[i];

		if (x->count != y->count || x->allocated_blocks != y->allocated_blocks ||
			x->allocated_bytes != y->allocated_bytes)
			return false;
		for (uint32_t k = 0; k < x->count; k++)
			if (!same_frame(&a->frames[x->first + k], &b->frames[y->first + k]))
				return false;
	}
	return a->nr_stacks == b->nr_stacks;
}

static bool same_blocks(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_blocks && a->nr_blocks == b->nr_blocks; i++) {
		const struct lk_block *x = &a->blocks[i], *y = &b->blocks[i];

		if (x->address != y->address || x->size != y->size || x->time_ms != y->time_ms ||
			x->stack != y->stack || x->thread != y->thread)
			return false;
	}
	return a->nr_blocks == b->nr_blocks;
}

static bool same_threads(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_threads && a->nr_threads == b->nr_threads; i++)
		if (a->threads[i].tid != b->threads[i].tid ||
			!same_text(a->threads[i].name, b->threads[i].name))
			return false;
	return a->nr_threads == b->nr_threads;
}

static bool same_contents(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_contents && a->nr_contents == b->nr_contents; i++) {
		const struct lk_content *x = &a->contents[i], *y = &b->contents[i];

		if (x->address != y->address || x->size != y->size ||
			memcmp(x->bytes, y->bytes, x->size))
			return false;
	}
	return a->nr_contents == b->nr_contents;
}

static bool same_modules(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_modules && a->nr_modules == b->nr_modules; i++) {
		const struct lk_module_fact *x = &a->modules[i], *y = &b->modules[i];

		if (!same_text(x->path, y->path) || !same_text(x->build_id, y->build_id) ||
			x->start != y->start || x->end != y->end || x->bias != y->bias ||
			!same_text(x->lacks, y->lacks))
			return false;
	}
	return a->nr_modules == b->nr_modules;
}

static bool same_not_seen(const struct lk_snapshot *a, const struct lk_snapshot *b)
{
	for (size_t i = 0; i < a->nr_not_seen && a->nr_not_seen == b->nr_not_seen; i++)
		if (!same_text(a->not_seen[i].key, b->not_seen[i].key) ||
			!same_text(a->not_seen[i].text, b->not_seen[i].text) ||
			a->not_seen[i].count != b->not_seen[i].count)
			return false;
	return a->nr_not_seen == b->nr_not_seen;
}

static bool same_counters(const struct lk_counter_set *a, const struct lk_counter_set *b)
{
	for (size_t i = 0; i < a->nr && a->nr == b->nr; i++) {
		const struct lk_counter *x = &a->at[i], *y = &b->at[i];

		if (!same_text(x->name, y->name) || !same_text(x->unit, y->unit) ||
			!same_text(x->text, y->text) || x->nr_points != y->nr_points)
			return false;
		for (size_t k = 0; k < x->nr_points; k++)
			if (x->points[k].time_ms != y->points[k].time_ms ||
				x->points[k].value != y->points[k].value)
				return false;
	}
	return a->nr == b->nr;
}

static void expect_same(const struct lk_snapshot *a, const struct lk_snapshot *b, const char *which)
{
	tap_ok(a->pid == b->pid && a->started_s == b->started_s && a->tracked_ms == b->tracked_ms,
		"%s keeps pid and times", which);
	tap_ok(a->ended == b->ended && a->exit_status == b->exit_status,
		"%s keeps how the process ended", which);
	tap_ok(same_texts(a->command, a->nr_command, b->command, b->nr_command),
		"%s keeps the command", which);
	tap_ok(same_texts(a->runtimes, a->nr_runtimes, b->runtimes, b->nr_runtimes),
		"%s keeps the runtimes", which);
	tap_ok(same_counters(&a->counters, &b->counters), "%s keeps the counters", which);
	tap_ok(same_stacks(a, b), "%s keeps stacks and frames", which);
	tap_ok(same_blocks(a, b), "%s keeps blocks", which);
	tap_ok(same_threads(a, b), "%s keeps threads", which);
	tap_ok(same_contents(a, b), "%s keeps contents", which);
	tap_ok(same_modules(a, b), "%s keeps modules", which);
	tap_ok(same_not_seen(a, b), "%s keeps what was not seen", which);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_round_trip(void)
{
	struct lk_snapshot *s = make_snapshot(), *back = NULL;
	struct lk_err err = {0};
	struct stat st;

	tap_ok(!lk_recording_write(at("a.leakline"), s, NULL, &err), "a snapshot is written");
	tap_ok(!stat(at("a.leakline"), &st) && (st.st_mode & 07777) == 0600,
		"a recording is the user's own");
	if (tap_ok(!lk_recording_read(at("a.leakline"), &back, &err), "it is read back (%s)",
		    err.what))
		expect_same(s, back, "a full snapshot");
	lk_snapshot_free(s);
	lk_snapshot_free(back);
}

/* One text from one row: every view is asked as a user would. */
static bool answers(const char *path, const char *sql, const char *expected)
{
	sqlite3_stmt *stmt = NULL;
	const char *text = NULL;
	sqlite3 *db;
	bool ok;

	if (lk_recording_open(path, &db, NULL))
		return false;
	if (!sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) && sqlite3_step(stmt) == SQLITE_ROW)
		text = (const char *)sqlite3_column_text(stmt, 0);
	ok = same_text(text, expected);
	if (!ok)
		printf("# %s: %s (%s)\n", sql, text ? text : "NULL", sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return ok;
}

static void fill_analysis(struct lk_analysis *a)
{
	static struct lk_site sites[2] = {
		{.id = "beef",
			.manager = "BSTR",
			.stack = 0,
			.responsible = 2,
			.nr_stacks = 1,
			.bytes = 26,
			.blocks = 1,
			.allocated_blocks = 1000,
			.freed_blocks = 999,
			.judgement = {.state = LK_SITE_GROWING,
				.probability = 98.5,
				.growth_bytes_per_min = 1560},
			.samples = {1, 0},
			.nr_samples = 2},
		{.id = "f00d",
			.manager = "C heap",
			.stack = 2,
			.responsible = LK_NO_FRAME,
			.nr_stacks = 2,
			.judgement = {.state = LK_SITE_EARLY,
				.growth_bytes_per_min = __builtin_nan("")}},
	};
	static struct lk_match match = {.id = "M1",
		.title = "lost",
		.explanation = "so",
		.fix = "do",
		.evidence = {"seen", "counted"},
		.nr_evidence = 2,
		.confidence = 85};
	static struct lk_share managers[2] = {{"BSTR", 26, 1}, {"C heap", 5, 2}};
	static struct lk_share modules[1] = {{NULL, 31, 3}};

	sites[1].match = &match;
	*a = (struct lk_analysis){.sites = sites,
		.nr_sites = 2,
		.managers = {managers, 2, 2},
		.modules = {modules, 1, 1},
		.verdict = {LK_VERDICT_NATIVE, 1560, 0.9, "it grows"}};
}

static void test_views(void)
{
	static const struct {
		const char *sql, *expected, *name;
	} cases[] = {
		{"SELECT group_concat(id) FROM sites", "beef,f00d", "sites are ranked"},
		{"SELECT rank || manager || state || function || line FROM sites",
			"1BSTRgrowingProgram:Main (string[])22", "a site has its responsible line"},
		{"SELECT growth_bytes_per_min FROM sites WHERE id = 'f00d'", NULL,
			"a growth that is unknown is NULL"},
		{"SELECT function FROM sites WHERE id = 'f00d'", NULL,
			"a site without a responsible frame has no function"},
		{"SELECT group_concat(depth || ':' || responsible) FROM site_frames WHERE "
		 "site = 'beef'",
			"0:0,1:0,2:1", "site_frames go outwards and mark the responsible one"},
		{"SELECT address FROM site_frames WHERE depth = 1", "0xffffffffffffffff",
			"addresses are unsigned hex"},
		{"SELECT group_concat(size || '@' || address) FROM samples",
			"9223372036854775807@0x7f1000,26@0x7f1000", "samples are blocks of a site"},
		{"SELECT hex(content) FROM samples LIMIT 1 OFFSET 1",
			"00050A0F14191E23282D32373C41464B50555A5F64696E73787D82878C91969BA0A5AAAF"
			"B4B9BEC3C8CDD2D7DCE1E6EBF0F5FAFF04090E13181D22272C31363B",
			"samples have their content"},
		{"SELECT name || bytes FROM managers", "BSTR26", "managers are listed"},
		{"SELECT blocks FROM modules", "3", "modules are listed"},
		{"SELECT count(*) FROM functions", "0", "functions are listed"},
		{"SELECT group_concat(size || 'x' || blocks) FROM sizes",
			"9223372036854775807x1,26x1,0x1", "sizes are listed, most bytes first"},
		{"SELECT function FROM frames WHERE stack = 0 AND depth = 0", "malloc",
			"frames have their names"},
		{"SELECT text FROM verdict", "it grows", "the verdict is there"},
		{"SELECT pattern FROM sites WHERE id = 'f00d'", "M1", "a site has its pattern"},
		{"SELECT pattern FROM sites WHERE id = 'beef'", NULL, "or none"},
		{"SELECT site || id || title || confidence || explanation || fix FROM patterns",
			"f00dM1lost0.85sodo", "patterns are listed with their texts"},
		{"SELECT evidence FROM patterns", "seen\ncounted", "and their evidence"},
		{"SELECT tracked_s > 0 FROM totals", NULL, "totals beyond 63 bits are an error"},
		{"PRAGMA integrity_check", "ok", "SQLite finds the file whole"},
	};
	struct lk_snapshot *s = make_snapshot();
	struct lk_analysis analysis;

	fill_analysis(&analysis);
	tap_ok(!lk_recording_write(at("views"), s, &analysis, NULL), "an analysis is written");
	for (size_t i = 0; i < LK_ARRAY_SIZE(cases); i++)
		tap_ok(answers(at("views"), cases[i].sql, cases[i].expected), "%s", cases[i].name);
	lk_snapshot_free(s);
}

/* Small sizes, so that sums stay within 63 bits. */
static void test_analysed(void)
{
	struct lk_snapshot *s = make_snapshot();
	struct lk_analysis *a;

	s->blocks[1].size = 100;
	s->stacks[2].allocated_bytes = s->stacks[2].allocated_blocks = 7;
	a = lk_analyse(s);
	tap_ok(!lk_recording_write(at("real"), s, a, NULL), "a real analysis is written");
	tap_ok(answers(at("real"), "SELECT count(*) FROM outstanding WHERE site IS NULL", "0"),
		"every outstanding block has a site");
	tap_ok(answers(at("real"),
		       "SELECT count(*) FROM sites JOIN (SELECT site, sum(size) AS bytes FROM "
		       "outstanding GROUP BY site) ON site = id AND bytes = outstanding_bytes",
		       "3"),
		"and the blocks of each site make its bytes");
	tap_ok(answers(at("real"), "SELECT sum(bytes) FROM managers", "126"),
		"shares are stored as analysed");
	tap_ok(answers(at("real"), "SELECT outstanding_bytes || freed_blocks FROM totals",
		       "1261004"),
		"totals add up");
	lk_analysis_free(a);
	lk_snapshot_free(s);
}

static void test_empty(void)
{
	struct lk_snapshot *s = lk_snapshot_new(), *back = NULL;
	const char *path = at("odd ?name#50%41.leakline");

	tap_ok(!lk_recording_write(path, s, NULL, NULL), "an empty snapshot is written");
	tap_ok(answers(path, "SELECT outstanding_bytes + freed_blocks FROM totals", "0"),
		"its totals are 0");
	if (tap_ok(!lk_recording_read(path, &back, NULL), "its odd file name is opened"))
		expect_same(s, back, "an empty snapshot");
	lk_snapshot_free(s);
	lk_snapshot_free(back);
}

static int write_expecting(const char *path, int code, const char *name)
{
	struct lk_snapshot *s = make_snapshot();
	struct lk_err err = {0};
	int r = lk_recording_write(path, s, NULL, &err);

	tap_ok(r == code && (r == 0 || (err.code == code && *err.what)), "%s (%s)", name, err.what);
	lk_snapshot_free(s);
	return r < 0 && !*err.remedy;
}

static void test_replacing(void)
{
	char text[8] = "";
	FILE *f;

	write_expecting(at("a.leakline"), 0, "a recording replaces a recording");
	put_file(at("empty"), "", 0);
	write_expecting(at("empty"), 0, "a recording replaces an empty file");
	put_file(at("note"), "dear", 4);
	tap_ok(!write_expecting(at("note"), -EEXIST, "a foreign file is not replaced"),
		"and the remedy is told");
	f = fopen(at("note"), "r");
	tap_ok(f && fread(text, 1, 7, f) == 4 && !strcmp(text, "dear"), "and keeps its bytes");
	if (f)
		fclose(f);
	symlink("note", at("link"));
	write_expecting(at("link"), -EEXIST, "a symbolic link is not replaced");
	mkdir(at("sub"), 0700);
	write_expecting(at("sub"), -EEXIST, "a folder is not replaced");
}

static void test_folders(void)
{
	tap_ok(!write_expecting(at("none/x"), -ENOENT, "a folder that is not there is an error"),
		"and the remedy is told");
	tap_ok(!write_expecting("/proc/self/x.leakline", -ENOENT,
		       "a folder that takes no files is an error"),
		"and the remedy is told");
}

static void test_stale_temporary(void)
{
	char name[64];

	snprintf(name, sizeof(name), "stale.tmp.%d", (int)getpid());
	put_file(at(name), "left", 4);
	write_expecting(at("stale"), 0, "a temporary left by a crash is no obstacle");
	tap_ok(!access(at(name), F_OK), "and is left alone");
	unlink(at(name));
}

/* Counts what lies in the folder beside what the tests put there. */
static bool has_temporaries(void)
{
	char command[300];

	snprintf(command, sizeof(command), "ls -A %s | grep -q '\\.tmp\\.'", folder);
	return !system(command);
}

static void test_invalid(void)
{
	struct lk_snapshot *s = make_snapshot();
	struct lk_err err = {0};

	s->blocks[0].stack = 3;
	tap_ok(lk_recording_write(at("bad"), s, NULL, &err) == -EBADMSG,
		"a block without its stack is not written (%s)", err.what);
	s->blocks[0].stack = 0;
	s->blocks[0].size = 1ull << 63;
	tap_ok(lk_recording_write(at("bad"), s, NULL, &err) == -EBADMSG,
		"a size beyond 63 bits is not written (%s)", err.what);
	s->blocks[0].size = 0;
	s->stacks[2].count = 3;
	tap_ok(lk_recording_write(at("bad"), s, NULL, &err) == -EBADMSG,
		"a stack without its frames is not written (%s)", err.what);
	tap_ok(access(at("bad"), F_OK) && !has_temporaries(), "and no file is left behind");
	lk_snapshot_free(s);
}

static struct lk_snapshot *make_large(size_t nr_blocks)
{
	struct lk_snapshot *s = make_snapshot();

	for (size_t i = 0; i < nr_blocks; i++)
		add_block(s, (struct lk_block){0x7f0000000000 + i * 48, 8 + i % 4000, i / 100,
				     i % 2 * 2, (uint32_t)(i % 2)});
	return s;
}

static void test_full_disk(void)
{
	struct lk_snapshot *s;
	struct lk_err err = {0};
	int r;

	mkdir(at("disk"), 0700);
	if (mount("none", at("disk"), "tmpfs", 0, "size=256k")) {
		tap_skip("a full disk is an error", "the right to mount a tmpfs");
		return;
	}
	s = make_large(50000);
	r = lk_recording_write(at("disk/x"), s, NULL, &err);
	tap_ok(r == -ENOSPC && *err.remedy, "a full disk is an error (%s)", err.what);
	tap_ok(rmdir(at("disk")) && errno == EBUSY && access(at("disk/x"), F_OK),
		"and no file is left behind");
	put_file(at("disk/probe"), "x", 1);
	tap_ok(!access(at("disk/probe"), F_OK), "and the space is free again");
	umount(at("disk"));
	rmdir(at("disk"));
	lk_snapshot_free(s);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_large(void)
{
	struct lk_snapshot *s = make_large(200000), *back = NULL;
	double start = now_s(), written;

	tap_ok(!lk_recording_write(at("large"), s, NULL, NULL), "200,000 blocks are written");
	written = now_s();
	tap_ok(!lk_recording_read(at("large"), &back, NULL) && same_blocks(s, back),
		"and read back the same");
	printf("# written in %.2f s, read in %.2f s\n", written - start, now_s() - written);
	lk_snapshot_free(s);
	lk_snapshot_free(back);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_round_trip();
	test_views();
	test_analysed();
	test_empty();
	test_replacing();
	test_folders();
	test_stale_temporary();
	test_invalid();
	test_full_disk();
	test_large();
	tap_ok(!has_temporaries(), "no temporary is left behind");
	return remove_folder() || tap_done();
}
