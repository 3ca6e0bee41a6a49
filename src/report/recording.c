#include "report/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leak/frames.h"
#include "report/recording_dedup.h"
#include "report/recording_file.h"
#include "report/recording_schema.h"

/*
 * The writer latches its first failure, as a cursor does, so that rows are written
 * in straight lines: begin a table, put the values of a row from left to right, end
 * the row.  `sql` is SQLite's code; `invalid` says that the snapshot itself holds
 * what no recording may hold (R3, R4).
 */
struct writer {
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int column;
	int sql;
	const char *invalid;
	enum lk_recording_table table;
	uint64_t nr_rows[LK_NR_TABLES];
	struct lk_dedup *strings;
};

static bool going(const struct writer *w)
{
	return w->sql == SQLITE_OK && !w->invalid;
}

static void latch(struct writer *w, int sql)
{
	if (w->sql == SQLITE_OK)
		w->sql = sql;
}

static void table_end(struct writer *w)
{
	sqlite3_finalize(w->stmt);
	w->stmt = NULL;
}

static void table_begin(struct writer *w, enum lk_recording_table table)
{
	char sql[160];
	size_t n;

	table_end(w);
	w->table = table;
	w->column = 0;
	n = (size_t)snprintf(
		sql, sizeof(sql), "INSERT INTO %s VALUES (?", lk_recording_tables[table].name);
	for (int i = 1; i < lk_recording_tables[table].nr_columns; i++)
		n += (size_t)snprintf(sql + n, sizeof(sql) - n, ",?");
	snprintf(sql + n, sizeof(sql) - n, ")");
	if (going(w))
		latch(w, sqlite3_prepare_v2(w->db, sql, -1, &w->stmt, NULL));
}

static void put_address(struct writer *w, uint64_t address)
{
	if (going(w))
		latch(w, sqlite3_bind_int64(w->stmt, ++w->column, (sqlite3_int64)address));
}

static void put_count(struct writer *w, uint64_t count)
{
	if (count > INT64_MAX)
		w->invalid = "a size or count beyond 63 bits";
	put_address(w, count);
}

static void put_null(struct writer *w)
{
	if (going(w))
		latch(w, sqlite3_bind_null(w->stmt, ++w->column));
}

/* unknown is written as NULL. */
static void put_unless(struct writer *w, uint64_t value, uint64_t unknown)
{
	if (value == unknown)
		put_null(w);
	else
		put_count(w, value);
}

static void put_index(struct writer *w, uint64_t index, size_t count)
{
	if (index >= count)
		w->invalid = "a number that refers to nothing";
	put_address(w, index);
}

static void put_real(struct writer *w, double value)
{
	if (going(w))
		latch(w, sqlite3_bind_double(w->stmt, ++w->column, value));
}

/* The text must stay until the row ends.  NULL is written as NULL. */
static void put_text(struct writer *w, const char *text)
{
	if (going(w))
		latch(w, sqlite3_bind_text(w->stmt, ++w->column, text, -1, SQLITE_STATIC));
}

static void put_blob(struct writer *w, const void *bytes, size_t size)
{
	if (going(w))
		latch(w, sqlite3_bind_blob(w->stmt, ++w->column, size ? bytes : "", (int)size,
				 SQLITE_STATIC));
}

static void put_name(struct writer *w, const char *const *texts, uint32_t index)
{
	if (index >= LK_NR_NAMES)
		w->invalid = "a kind that has no name";
	else
		put_text(w, texts[index]);
}

static void row_end(struct writer *w)
{
	int code;

	if (!going(w))
		return;
	code = sqlite3_step(w->stmt);
	latch(w, code == SQLITE_DONE ? SQLITE_OK : code);
	sqlite3_reset(w->stmt);
	w->column = 0;
	w->nr_rows[w->table]++;
}

static void write_process(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_PROCESS);
	put_count(w, s->pid);
	put_real(w, s->started_s);
	put_count(w, s->tracked_ms);
	put_name(w, lk_recording_ended, s->ended);
	if (s->exit_status == -1)
		put_null(w);
	else
		put_address(w, (uint64_t)(int64_t)s->exit_status);
	put_text(w, LK_VERSION);
	row_end(w);
}

static void write_texts(
	struct writer *w, enum lk_recording_table table, const char **texts, size_t nr_texts)
{
	table_begin(w, table);
	for (size_t i = 0; i < nr_texts; i++) {
		put_count(w, i);
		put_text(w, texts[i]);
		row_end(w);
	}
}

static void write_modules(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_MODULE);
	for (size_t i = 0; i < s->nr_modules; i++) {
		const struct lk_module_fact *m = &s->modules[i];

		put_count(w, i);
		put_text(w, m->path);
		put_text(w, m->build_id);
		put_address(w, m->start);
		put_address(w, m->end);
		put_address(w, m->bias);
		put_text(w, m->lacks);
		row_end(w);
	}
}

static void write_threads(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_THREAD);
	for (size_t i = 0; i < s->nr_threads; i++) {
		put_count(w, i);
		put_count(w, s->threads[i].tid);
		put_text(w, s->threads[i].name);
		row_end(w);
	}
}

/* The number of a name that was written; names are told apart by their pointer. */
static void write_string(struct writer *w, const char *text)
{
	uint64_t key = (uintptr_t)text;
	bool is_new;
	uint32_t number;

	if (!text)
		return;
	number = lk_dedup_number(w->strings, &key, &is_new);
	if (!is_new)
		return;
	put_count(w, number);
	put_text(w, text);
	row_end(w);
}

static void write_strings(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_STRING);
	for (size_t i = 0; i < s->nr_frames && going(w); i++) {
		write_string(w, s->frames[i].module);
		write_string(w, s->frames[i].function);
		write_string(w, s->frames[i].file);
	}
}

#define NO_STRING UINT32_MAX

static uint32_t string_number(struct writer *w, const char *text)
{
	uint64_t key = (uintptr_t)text;
	bool is_new;

	return text ? lk_dedup_number(w->strings, &key, &is_new) : NO_STRING;
}

static void write_frame(struct writer *w, uint32_t number, const struct lk_frame *f)
{
	put_count(w, number);
	put_address(w, f->address);
	put_unless(w, string_number(w, f->module), NO_STRING);
	put_unless(w, string_number(w, f->function), NO_STRING);
	put_unless(w, string_number(w, f->file), NO_STRING);
	put_unless(w, f->line, 0);
	put_unless(w, f->il_offset, LK_NO_IL);
	put_name(w, lk_recording_origin, f->origin);
	put_count(w, f->inlined);
	put_count(w, f->framework);
	row_end(w);
}

/* Writes each distinct frame once; numbers[i] is the row of the snapshot's frame i. */
static void write_frames(struct writer *w, const struct lk_snapshot *s, uint32_t *numbers)
{
	struct lk_dedup *frames = lk_dedup_new(6);

	table_begin(w, LK_TABLE_FRAME);
	for (size_t i = 0; i < s->nr_frames && going(w); i++) {
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
			write_frame(w, numbers[i], f);
	}
	lk_dedup_free(frames);
}

static void write_stack_frames(struct writer *w, const struct lk_snapshot *s)
{
	uint32_t *numbers = lk_xcalloc(s->nr_frames, sizeof(*numbers));

	write_frames(w, s, numbers);
	table_begin(w, LK_TABLE_STACK_FRAME);
	for (size_t i = 0; i < s->nr_stacks && going(w); i++) {
		const struct lk_stack *stack = &s->stacks[i];

		if ((uint64_t)stack->first + stack->count > s->nr_frames) {
			w->invalid = "a stack whose frames are not there";
			break;
		}
		for (uint32_t k = 0; k < stack->count; k++) {
			put_count(w, i);
			put_count(w, k);
			put_count(w, numbers[stack->first + k]);
			row_end(w);
		}
	}
	free(numbers);
}

/* Numbers the sites by their keys, so that a stack's key tells its site. */
static struct lk_dedup *number_sites(const struct lk_analysis *a)
{
	struct lk_dedup *keys = lk_dedup_new(1);
	bool is_new;

	for (size_t i = 0; i < a->nr_sites; i++)
		lk_dedup_number(keys, &a->sites[i].key, &is_new);
	return keys;
}

/* Stacks without outstanding blocks may have no site: then NULL is written. */
static void write_stacks(struct writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	struct lk_strings *names = lk_strings_new();
	struct lk_frames *frames = lk_frames_new(s, names);
	struct lk_dedup *keys = a ? number_sites(a) : NULL;
	struct lk_stack_facts facts;

	table_begin(w, LK_TABLE_STACK);
	for (size_t i = 0; i < s->nr_stacks && going(w); i++) {
		const struct lk_stack *stack = &s->stacks[i];
		uint32_t site = LK_DEDUP_NONE;

		if (a) {
			lk_frames_judge(frames, s->frames + stack->first, stack->count, &facts);
			site = lk_dedup_find(keys, &facts.key);
		}
		put_count(w, i);
		put_unless(w, site, LK_DEDUP_NONE);
		put_count(w, stack->allocated_blocks);
		put_count(w, stack->allocated_bytes);
		row_end(w);
	}
	lk_dedup_free(keys);
	lk_frames_free(frames);
	lk_strings_free(names);
}

static void write_blocks(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_BLOCK);
	for (size_t i = 0; i < s->nr_blocks && going(w); i++) {
		const struct lk_block *b = &s->blocks[i];

		put_count(w, i);
		put_address(w, b->address);
		put_count(w, b->size);
		put_count(w, b->time_ms);
		put_index(w, b->stack, s->nr_stacks);
		if (b->thread == UINT32_MAX)
			put_null(w);
		else
			put_index(w, b->thread, s->nr_threads);
		row_end(w);
	}
}

static void write_contents(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_CONTENT);
	for (size_t i = 0; i < s->nr_contents; i++) {
		const struct lk_content *c = &s->contents[i];

		put_count(w, i);
		put_address(w, c->address);
		if (c->size > LK_CONTENT_MAX)
			w->invalid = "a content larger than its buffer";
		put_blob(w, c->bytes, c->size);
		row_end(w);
	}
}

static void write_not_seen(struct writer *w, const struct lk_snapshot *s)
{
	table_begin(w, LK_TABLE_NOT_SEEN);
	for (size_t i = 0; i < s->nr_not_seen; i++) {
		put_count(w, i);
		put_text(w, s->not_seen[i].key);
		put_text(w, s->not_seen[i].text);
		put_count(w, s->not_seen[i].count);
		row_end(w);
	}
}

static void write_verdict(struct writer *w, const struct lk_verdict *v)
{
	table_begin(w, LK_TABLE_VERDICT);
	put_text(w, lk_verdict_name(v->verdict_class));
	put_real(w, v->growth_bytes_per_min);
	put_real(w, v->confidence);
	put_text(w, v->text);
	row_end(w);
}

static void put_judgement(struct writer *w, const struct lk_judgement *j)
{
	put_real(w, j->growth_bytes_per_min);
	put_real(w, j->growth_blocks_per_min);
	put_real(w, j->probability);
	put_real(w, j->number);
	put_real(w, j->kept);
	put_real(w, j->even);
	put_real(w, j->lasting);
	put_real(w, j->covered);
}

static void write_sites(struct writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	table_begin(w, LK_TABLE_SITE);
	for (size_t i = 0; i < a->nr_sites && going(w); i++) {
		const struct lk_site *site = &a->sites[i];

		put_count(w, i);
		put_text(w, site->id);
		put_text(w, site->manager);
		put_text(w, lk_site_state_name(site->judgement.state));
		put_index(w, site->stack, s->nr_stacks);
		put_unless(w, site->responsible, LK_NO_FRAME);
		put_count(w, site->nr_stacks);
		put_count(w, site->bytes);
		put_count(w, site->blocks);
		put_count(w, site->allocated_bytes);
		put_count(w, site->allocated_blocks);
		put_count(w, site->freed_blocks);
		put_count(w, site->oldest_ms);
		put_count(w, site->median_ms);
		put_count(w, site->youngest_ms);
		put_judgement(w, &site->judgement);
		row_end(w);
	}
}

static void write_samples(
	struct writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	uint64_t id = 0;

	table_begin(w, LK_TABLE_SAMPLE);
	for (size_t i = 0; i < a->nr_sites; i++) {
		for (uint32_t k = 0; k < a->sites[i].nr_samples; k++) {
			put_count(w, id++);
			put_count(w, i);
			put_index(w, a->sites[i].samples[k], s->nr_blocks);
			row_end(w);
		}
	}
}

static void write_share(
	struct writer *w, uint64_t *id, const char *kind, const struct lk_rows *rows)
{
	for (size_t i = 0; i < rows->nr_rows; i++) {
		put_count(w, (*id)++);
		put_text(w, kind);
		put_text(w, rows->rows[i].name);
		put_count(w, rows->rows[i].bytes);
		put_count(w, rows->rows[i].blocks);
		row_end(w);
	}
}

static void write_analysis(
	struct writer *w, const struct lk_snapshot *s, const struct lk_analysis *a)
{
	uint64_t id = 0;

	write_verdict(w, &a->verdict);
	write_sites(w, s, a);
	write_samples(w, s, a);
	table_begin(w, LK_TABLE_SHARE);
	write_share(w, &id, "manager", &a->managers);
	write_share(w, &id, "module", &a->modules);
	write_share(w, &id, "function", &a->functions);
}

static void write_row_counts(struct writer *w)
{
	table_begin(w, LK_TABLE_ROW_COUNT);
	for (int i = 0; i < LK_TABLE_ROW_COUNT; i++) {
		put_text(w, lk_recording_tables[i].name);
		put_count(w, w->nr_rows[i]);
		row_end(w);
	}
}

/* The last write of all, so a file that has it was written whole. */
static void write_marks(struct writer *w)
{
	char sql[96];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		LK_RECORDING_APPLICATION, LK_RECORDING_VERSION);
	latch(w, sqlite3_exec(w->db, sql, NULL, NULL, NULL));
}

static void create(struct writer *w, const struct lk_recording_object *object)
{
	if (going(w))
		latch(w, sqlite3_exec(w->db, object->sql, NULL, NULL, NULL));
}

/*
 * No journal and no waiting for the disk: the file has no real name yet, and a
 * broken one is removed.  lk_recording_file_commit brings it to disk once.
 */
static void create_schema(struct writer *w)
{
	latch(w, sqlite3_exec(w->db,
			 "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
			 "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -16384;"
			 "PRAGMA temp_store = MEMORY; PRAGMA encoding = 'UTF-8'; BEGIN",
			 NULL, NULL, NULL));
	for (size_t i = 0; i < LK_NR_TABLES; i++)
		create(w, &lk_recording_tables[i]);
	for (size_t i = 0; i < lk_recording_nr_views; i++)
		create(w, &lk_recording_views[i]);
}

static void write_all(
	struct writer *w, const struct lk_snapshot *s, const struct lk_analysis *analysis)
{
	write_process(w, s);
	write_texts(w, LK_TABLE_ARGUMENT, s->command, s->nr_command);
	write_texts(w, LK_TABLE_RUNTIME, s->runtimes, s->nr_runtimes);
	write_modules(w, s);
	write_threads(w, s);
	write_strings(w, s);
	write_stack_frames(w, s);
	write_stacks(w, s, analysis);
	write_blocks(w, s);
	write_contents(w, s);
	write_not_seen(w, s);
	if (analysis)
		write_analysis(w, s, analysis);
	write_row_counts(w);
	table_end(w);
	write_marks(w);
	if (going(w))
		latch(w, sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL));
}

static int fail_write(const struct writer *w, const char *path, struct lk_err *err)
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
	struct writer w = {.strings = lk_dedup_new(1)};
	int r = 0;

	latch(&w, sqlite3_open_v2(temp, &w.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	create_schema(&w);
	if (going(&w))
		write_all(&w, s, analysis);
	if (!going(&w))
		r = fail_write(&w, path, err);
	table_end(&w);
	sqlite3_close(w.db);
	lk_dedup_free(w.strings);
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
