#include "report/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recording_sample.h"
#include "tap.h"

static void make_recording(const char *path)
{
	struct lk_snapshot *s = make_snapshot();

	if (lk_recording_write(path, s, NULL, NULL))
		tap_ok(0, "a recording is made to break");
	lk_snapshot_free(s);
}

static void expect_unreadable(const char *path, int code, const char *name)
{
	struct lk_snapshot *back = NULL;
	struct lk_err err = {0};
	int r = lk_recording_read(path, &back, &err);

	tap_ok(r == code && !back && err.code == code && *err.what, "%s (%s)", name, err.what);
	lk_snapshot_free(back);
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	sqlite3_open(path, &db);
	sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
}

/* Each statement breaks one invariant of src/report/recording_schema.h. */
static void test_invariants(void)
{
	static const struct {
		const char *sql, *name;
		int code;
	} cases[] = {
		{"DELETE FROM block WHERE id = 1", "a gap in the ids (R1) is damage", -EBADMSG},
		{"DELETE FROM block WHERE id = 2", "a lost last row (R2) is damage", -EBADMSG},
		{"DELETE FROM row_count", "lost row counts (R2) are damage", -EBADMSG},
		{"DELETE FROM process", "a lost process is damage", -EBADMSG},
		{"UPDATE block SET stack = 3", "a stack out of range (R3) is damage", -EBADMSG},
		{"UPDATE block SET thread = -1", "a thread out of range (R3) is damage", -EBADMSG},
		{"UPDATE stack SET frames = '[99]'", "a frame out of range (R3) is damage",
			-EBADMSG},
		{"UPDATE frame SET function = 99", "a name out of range (R3) is damage", -EBADMSG},
		{"UPDATE stack SET frames = '[0,'", "frames that are no list are damage", -EBADMSG},
		{"UPDATE stack SET frames = x'5b'", "bytes for a text are damage", -EBADMSG},
		{"UPDATE block SET size = -1 WHERE id = 1", "a negative size (R4) is damage",
			-EBADMSG},
		{"UPDATE block SET size = 'x'", "a text for a number is damage", -EBADMSG},
		{"UPDATE frame SET origin = 'x'", "an unknown kind is damage", -EBADMSG},
		{"UPDATE frame SET inlined = 2", "a flag of 2 is damage", -EBADMSG},
		{"UPDATE process SET started_s = 9e999", "an infinite time is damage", -EBADMSG},
		{"UPDATE argument SET text = CAST(x'610062' AS TEXT)", "a NUL in a text is damage",
			-EBADMSG},
		{"UPDATE content SET bytes = zeroblob(65)", "a large content is damage", -EBADMSG},
		{"UPDATE content SET address = 5 WHERE id = 2", "unsorted contents are damage",
			-EBADMSG},
		{"UPDATE counter SET name = 'private'", "two counters of one name are damage",
			-EBADMSG},
		{"UPDATE counter_value SET counter = 2", "a value of no counter (R3) is damage",
			-EBADMSG},
		{"UPDATE counter_value SET time_ms = 5 - id", "values out of order are damage",
			-EBADMSG},
		{"UPDATE counter_value SET value = 9e999", "an infinite value is damage", -EBADMSG},
		{"DROP TABLE thread", "a lost table (R5) is damage", -EBADMSG},
		{"DROP TABLE thread; CREATE VIEW thread AS SELECT 1",
			"a view for a table (R5) is "
			"damage",
			-EBADMSG},
		{"ALTER TABLE block ADD COLUMN x", "a further column (R5) is damage", -EBADMSG},
		{"DROP VIEW sites", "a lost view (R5) is damage", -EBADMSG},
		{"PRAGMA user_version = 1", "another version is told", -EOPNOTSUPP},
		{"PRAGMA application_id = 1", "a foreign database is told", -EBADMSG},
		{"CREATE TABLE mine (x); CREATE INDEX fast ON block (address)",
			"further tables and indexes do no harm", 0},
	};
	struct lk_snapshot *back;

	for (size_t i = 0; i < LK_ARRAY_SIZE(cases); i++) {
		make_recording(at("case"));
		change(at("case"), cases[i].sql);
		if (cases[i].code)
			expect_unreadable(at("case"), cases[i].code, cases[i].name);
		else if (tap_ok(!lk_recording_read(at("case"), &back, NULL), "%s", cases[i].name))
			lk_snapshot_free(back);
		unlink(at("case"));
	}
}

static void test_unreadable(void)
{
	put_file(at("note"), "dear", 4);
	expect_unreadable(at("nothing"), -ENOENT, "a file that is not there is told");
	expect_unreadable(at("note"), -EBADMSG, "a foreign file is told");
	expect_unreadable(folder, -EBADMSG, "a folder is told");
	put_file(at("zero"), "", 0);
	expect_unreadable(at("zero"), -EBADMSG, "an empty file is told");
}

/* --- damage ---------------------------------------------------------------------------------- */

static size_t load(const char *path, uint8_t **ret_bytes)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	fstat(fd, &st);
	*ret_bytes = lk_xmalloc((size_t)st.st_size);
	if (read(fd, *ret_bytes, (size_t)st.st_size) != st.st_size)
		exit(1);
	close(fd);
	return (size_t)st.st_size;
}

static bool survives(const char *path)
{
	struct lk_snapshot *back = NULL;
	struct lk_err err = {0};
	int r = lk_recording_read(path, &back, &err);

	lk_snapshot_free(back);
	return r == 0 || (*err.what && (r == -EBADMSG || r == -EOPNOTSUPP));
}

static void test_truncated(void)
{
	struct lk_snapshot *back = NULL;
	uint8_t *bytes;
	size_t size;
	bool ok = true;

	make_recording(at("whole"));
	size = load(at("whole"), &bytes);
	for (size_t cut = 0; cut < size && ok; cut += 509) {
		put_file(at("cut"), bytes, cut);
		ok = lk_recording_read(at("cut"), &back, NULL) == -EBADMSG;
	}
	tap_ok(ok, "a recording cut anywhere is told");
	free(bytes);
}

/* LK_FUZZ=N in the environment makes N rounds instead of a few. */
static void test_flipped(void)
{
	const char *rounds = getenv("LK_FUZZ");
	uint32_t seed = 1;
	uint8_t *bytes;
	size_t size = load(at("whole"), &bytes);
	bool ok = true;

	for (int i = 0; i < (rounds ? atoi(rounds) : 300) && ok; i++) {
		uint8_t *copy = lk_xmalloc(size);

		memcpy(copy, bytes, size);
		for (int k = 0; k <= i % 8; k++) {
			seed = seed * 1664525u + 1013904223u;
			/* The ends of a page hold what is most easily misread. */
			copy[(k & 1 ? seed >> 4 : (seed >> 16) * 4096 + (seed >> 4) % 64) % size] ^=
				(uint8_t)(1u << (seed >> 29)) | (uint8_t)(k & 2 ? seed >> 8 : 0);
		}
		put_file(at("flipped"), copy, size);
		ok = survives(at("flipped"));
		free(copy);
	}
	tap_ok(ok, "recordings with flipped bytes are read or refused");
	free(bytes);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	test_invariants();
	test_unreadable();
	test_truncated();
	test_flipped();
	return remove_folder() || tap_done();
}
