#include "report/recording.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/recording_dedup.h"
#include "report/recording_file.h"
#include "report/recording_put.h"
#include "report/recording_schema.h"

static void write_process(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_PROCESS);
	lk_put_count(w, s->pid);
	lk_put_real(w, s->started_s);
	lk_put_count(w, s->tracked_ms);
	lk_put_name(w, lk_recording_ended, s->ended);
	if (s->exit_status == -1)
		lk_put_null(w);
	else
		lk_put_address(w, (uint64_t)(int64_t)s->exit_status);
	lk_put_text(w, LK_VERSION);
	lk_writer_row_end(w);
}

static void write_texts(struct lk_recording_writer *w, enum lk_recording_table table,
	const char **texts, size_t nr_texts)
{
	lk_writer_table(w, table);
	for (size_t i = 0; i < nr_texts; i++) {
		lk_put_count(w, i);
		lk_put_text(w, texts[i]);
		lk_writer_row_end(w);
	}
}

static void write_modules(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_MODULE);
	for (size_t i = 0; i < s->nr_modules; i++) {
		const struct lk_module_fact *m = &s->modules[i];

		lk_put_count(w, i);
		lk_put_text(w, m->path);
		lk_put_text(w, m->build_id);
		lk_put_address(w, m->start);
		lk_put_address(w, m->end);
		lk_put_address(w, m->bias);
		lk_put_text(w, m->lacks);
		lk_writer_row_end(w);
	}
}

static void write_threads(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_THREAD);
	for (size_t i = 0; i < s->nr_threads; i++) {
		lk_put_count(w, i);
		lk_put_count(w, s->threads[i].tid);
		lk_put_text(w, s->threads[i].name);
		lk_writer_row_end(w);
	}
}

/* The number of a name that was written; names are told apart by their pointer. */
static void write_string(struct lk_recording_writer *w, struct lk_dedup *names, const char *text)
{
	uint64_t key = (uintptr_t)text;
	bool is_new;
	uint32_t number;

	if (!text)
		return;
	number = lk_dedup_number(names, &key, &is_new);
	if (!is_new)
		return;
	lk_put_count(w, number);
	lk_put_text(w, text);
	lk_writer_row_end(w);
}

static void write_strings(
	struct lk_recording_writer *w, struct lk_dedup *names, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_STRING);
	for (size_t i = 0; i < s->nr_frames && lk_writer_going(w); i++) {
		write_string(w, names, s->frames[i].module);
		write_string(w, names, s->frames[i].function);
		write_string(w, names, s->frames[i].file);
	}
}

#define NO_STRING UINT32_MAX

static uint32_t string_number(struct lk_dedup *names, const char *text)
{
	uint64_t key = (uintptr_t)text;
	bool is_new;

	return text ? lk_dedup_number(names, &key, &is_new) : NO_STRING;
}

static void write_frame(struct lk_recording_writer *w, struct lk_dedup *names, uint32_t number,
	const struct lk_frame *f)
{
	lk_put_count(w, number);
	lk_put_address(w, f->address);
	lk_put_unless(w, string_number(names, f->module), NO_STRING);
	lk_put_unless(w, string_number(names, f->function), NO_STRING);
	lk_put_unless(w, string_number(names, f->file), NO_STRING);
	lk_put_unless(w, f->line, 0);
	lk_put_unless(w, f->il_offset, LK_NO_IL);
	lk_put_name(w, lk_recording_origin, f->origin);
	lk_put_count(w, f->inlined);
	lk_put_count(w, f->framework);
	lk_writer_row_end(w);
}

/* Writes each distinct frame and its names once; frame i of the snapshot is row numbers[i]. */
static void write_frames(
	struct lk_recording_writer *w, const struct lk_snapshot *s, uint32_t *numbers)
{
	struct lk_dedup *names = lk_dedup_new(1);
	struct lk_dedup *frames = lk_dedup_new(6);

	write_strings(w, names, s);
	lk_writer_table(w, LK_TABLE_FRAME);
	for (size_t i = 0; i < s->nr_frames && lk_writer_going(w); i++) {
		const struct lk_frame *f = &s->frames[i];
		const uint64_t key[6] = {
			f->address,
			(uintptr_t)f->module,
			(uintptr_t)f->function,
			(uintptr_t)f->file,
			(uint64_t)f->line << 32 | f->il_offset,
			(uint64_t)f->origin << 2 | f->inlined << 1 | f->framework,
		};
		bool is_new;

		numbers[i] = lk_dedup_number(frames, key, &is_new);
		if (is_new)
			write_frame(w, names, numbers[i], f);
	}
	lk_dedup_free(frames);
	lk_dedup_free(names);
}

static void write_contents(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_CONTENT);
	for (size_t i = 0; i < s->nr_contents; i++) {
		const struct lk_content *c = &s->contents[i];

		lk_put_count(w, i);
		lk_put_address(w, c->address);
		if (c->size > LK_CONTENT_MAX)
			w->invalid = "a content larger than its buffer";
		lk_put_blob(w, c->bytes, c->size);
		lk_writer_row_end(w);
	}
}

static void write_not_seen(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	lk_writer_table(w, LK_TABLE_NOT_SEEN);
	for (size_t i = 0; i < s->nr_not_seen; i++) {
		lk_put_count(w, i);
		lk_put_text(w, s->not_seen[i].key);
		lk_put_text(w, s->not_seen[i].text);
		lk_put_count(w, s->not_seen[i].count);
		lk_writer_row_end(w);
	}
}

static void write_counters(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	uint64_t id = 0;

	lk_writer_table(w, LK_TABLE_COUNTER);
	for (size_t i = 0; i < s->counters.nr; i++) {
		lk_put_count(w, i);
		lk_put_text(w, s->counters.at[i].name);
		lk_put_text(w, s->counters.at[i].unit);
		lk_put_text(w, s->counters.at[i].text);
		lk_writer_row_end(w);
	}
	lk_writer_table(w, LK_TABLE_COUNTER_VALUE);
	for (size_t i = 0; i < s->counters.nr; i++) {
		const struct lk_counter *c = &s->counters.at[i];

		for (size_t k = 0; k < c->nr_points; k++) {
			lk_put_count(w, id++);
			lk_put_count(w, i);
			lk_put_count(w, c->points[k].time_ms);
			lk_put_real(w, c->points[k].value);
			lk_writer_row_end(w);
		}
	}
}

static void write_row_counts(struct lk_recording_writer *w)
{
	lk_writer_table(w, LK_TABLE_ROW_COUNT);
	for (int i = 0; i < LK_TABLE_ROW_COUNT; i++) {
		lk_put_text(w, lk_recording_tables[i].name);
		lk_put_count(w, w->nr_rows[i]);
		lk_writer_row_end(w);
	}
}

/* The last write of all, so a file that has it was written whole. */
static void write_marks(struct lk_recording_writer *w)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		LK_RECORDING_APPLICATION, LK_RECORDING_VERSION);
	lk_writer_latch(w, sqlite3_exec(w->db, sql, NULL, NULL, NULL));
}

static void create(struct lk_recording_writer *w, const struct lk_recording_object *object)
{
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_exec(w->db, object->sql, NULL, NULL, NULL));
}

/*
 * No journal and no waiting for the disk: the file has no real name yet, and a
 * broken one is removed.  lk_recording_file_commit brings it to disk once.
 */
static void create_schema(struct lk_recording_writer *w)
{
	lk_writer_latch(w, sqlite3_exec(w->db,
				   "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
				   "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16384;"
				   "PRAGMA temp_store = MEMORY; PRAGMA encoding = 'UTF-8'; BEGIN",
				   NULL, NULL, NULL));
	for (size_t i = 0; i < LK_NR_TABLES; i++)
		create(w, &lk_recording_tables[i]);
	for (size_t i = 0; i < lk_recording_nr_views; i++)
		create(w, &lk_recording_views[i]);
}

static void write_all(struct lk_recording_writer *w, const struct lk_snapshot *s,
	const struct lk_analysis *analysis)
{
	uint32_t *numbers = lk_xcalloc(s->nr_frames, sizeof(*numbers));

	write_process(w, s);
	write_texts(w, LK_TABLE_ARGUMENT, s->command, s->nr_command);
	write_texts(w, LK_TABLE_RUNTIME, s->runtimes, s->nr_runtimes);
	write_modules(w, s);
	write_threads(w, s);
	write_frames(w, s, numbers);
	lk_writer_stacks(w, s, analysis, numbers);
	free(numbers);
	lk_writer_blocks(w, s);
	write_contents(w, s);
	write_not_seen(w, s);
	write_counters(w, s);
	lk_writer_analysis(w, s, analysis);
	write_row_counts(w);
	lk_writer_table_end(w);
	write_marks(w);
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL));
}

static int fail_write(const struct lk_recording_writer *w, const char *path, struct lk_err *err)
{
	int code = w->sql & 0xff;
	int system = sqlite3_system_errno(w->db);

	if (w->invalid)
		return lk_fail(
			err, -EBADMSG, "cannot write %s: the snapshot has %s", path, w->invalid);
	if (code == SQLITE_NOMEM)
		return lk_fail(err, -ENOMEM, "no memory left to write %s", path);
	if (code == SQLITE_FULL || system == ENOSPC || system == EDQUOT) {
		system = system == EDQUOT ? EDQUOT : ENOSPC;
		lk_fail(err, -system, "cannot write %s: %s", path, strerror(system));
		lk_remedy(err, "free some space, or give a name on another disk with -o");
		return -system;
	}
	return lk_fail(err, -EIO, "cannot write %s: %s%s%s", path, sqlite3_errstr(w->sql),
		system ? ": " : "", system ? strerror(system) : "");
}

static int write_file(const char *temp, const char *path, const struct lk_snapshot *s,
	const struct lk_analysis *analysis, struct lk_err *err)
{
	struct lk_recording_writer w = {0};
	int r = 0;

	lk_writer_latch(&w,
		sqlite3_open_v2(temp, &w.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	create_schema(&w);
	if (lk_writer_going(&w))
		write_all(&w, s, analysis);
	if (!lk_writer_going(&w))
		r = fail_write(&w, path, err);
	lk_writer_table_end(&w);
	sqlite3_close(w.db);
	return r;
}

int lk_recording_write(const char *path, const struct lk_snapshot *snapshot,
	const struct lk_analysis *analysis, struct lk_err *err)
{
	struct lk_recording_file file;
	int r;

	r = lk_recording_file_begin(path, &file, err);
	if (r < 0)
		return r;
	r = write_file(file.temp, path, snapshot, analysis, err);
	if (r == 0)
		r = lk_recording_file_commit(&file, err);
	lk_recording_file_done(&file);
	return r;
}
