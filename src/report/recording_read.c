#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/number_list.h"
#include "report/recording.h"
#include "report/recording_schema.h"

/*
 * The reader takes the values of a row from left to right and latches the first one
 * that breaks an invariant (recording_schema.h), as a cursor does; loops ask once
 * per row.  Nothing is allocated by what a number in the file says, only by the rows
 * that came, so a damaged count costs nothing.
 */
struct reader {
	sqlite3 *db;
	sqlite3_stmt *stmt;
	struct lk_snapshot *s;
	enum lk_recording_table table;
	int column;
	int sql;			 /* SQLite's code */
	const char *wrong;		 /* what breaks an invariant; NULL nothing */
	uint64_t nr_rows;		 /* taken from this table */
	uint64_t expected[LK_NR_TABLES]; /* R2 */
	const char **strings;
	size_t nr_strings, strings_capacity;
	struct lk_frame *frames; /* the distinct ones */
	size_t nr_frames, frames_capacity;
};

static bool going(const struct reader *r)
{
	return r->sql == SQLITE_OK && !r->wrong;
}

static void blame(struct reader *r, const char *what)
{
	if (!r->wrong)
		r->wrong = what;
}

/* Every table is read in the order of its key, which costs no sort. */
static void table_begin(struct reader *r, enum lk_recording_table table)
{
	char sql[96];

	if (!going(r))
		return;
	r->table = table;
	r->nr_rows = 0;
	snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY rowid",
		lk_recording_tables[table].name);
	r->sql = sqlite3_prepare_v2(r->db, sql, -1, &r->stmt, NULL);
}

static void table_end(struct reader *r)
{
	sqlite3_finalize(r->stmt);
	r->stmt = NULL;
}

/* Goes to the next row; false at the table's end and after a failure. */
static bool row_next(struct reader *r)
{
	int code;

	if (going(r)) {
		code = sqlite3_step(r->stmt);
		if (code == SQLITE_ROW) {
			r->column = 0;
			r->nr_rows++;
			return true;
		}
		if (code != SQLITE_DONE)
			r->sql = code;
		else if (r->table != LK_TABLE_ROW_COUNT && r->nr_rows != r->expected[r->table])
			blame(r, "rows are missing");
	}
	table_end(r);
	return false;
}

static bool is_null(struct reader *r)
{
	return sqlite3_column_type(r->stmt, r->column) == SQLITE_NULL;
}

static uint64_t take_address(struct reader *r)
{
	if (sqlite3_column_type(r->stmt, r->column) != SQLITE_INTEGER)
		blame(r, "a value that is not an integer");
	return (uint64_t)sqlite3_column_int64(r->stmt, r->column++);
}

/* A number below limit; 0 where it is not (R3, R4). */
static uint64_t take_below(struct reader *r, uint64_t limit, const char *what)
{
	uint64_t v = take_address(r);

	if (v < limit)
		return v;
	blame(r, what);
	return 0;
}

static uint64_t take_count(struct reader *r)
{
	return take_below(r, (uint64_t)INT64_MAX + 1, "a size, count or time that is negative");
}

static uint32_t take_u32(struct reader *r)
{
	return (uint32_t)take_below(r, (uint64_t)UINT32_MAX + 1, "a number that is too large");
}

static uint32_t take_u32_or(struct reader *r, uint32_t unknown)
{
	if (!is_null(r))
		return take_u32(r);
	r->column++;
	return unknown;
}

static uint32_t take_index(struct reader *r, size_t limit)
{
	return (uint32_t)take_below(r, limit, "a number that refers to nothing");
}

/* R1: the row's own number. */
static void take_id(struct reader *r)
{
	if (take_address(r) != r->nr_rows - 1)
		blame(r, "rows that are not numbered one by one");
}

/* The text lives in the snapshot. */
static const char *take_text(struct reader *r)
{
	int column = r->column++;
	const char *text;

	if (sqlite3_column_type(r->stmt, column) == SQLITE_TEXT) {
		text = (const char *)sqlite3_column_text(r->stmt, column);
		if (text && strlen(text) == (size_t)sqlite3_column_bytes(r->stmt, column))
			return lk_strings_add(r->s->strings, text);
	}
	blame(r, "a value that is not a text");
	return "";
}

static const char *take_text_or_null(struct reader *r)
{
	if (!is_null(r))
		return take_text(r);
	r->column++;
	return NULL;
}

static const char *take_string(struct reader *r)
{
	uint32_t i;

	if (is_null(r)) {
		r->column++;
		return NULL;
	}
	i = take_index(r, r->nr_strings);
	return going(r) ? r->strings[i] : NULL;
}

static int take_name(struct reader *r, const char *const *names)
{
	const char *text = take_text(r);

	for (int i = 0; i < LK_NR_NAMES; i++)
		if (!strcmp(text, names[i]))
			return i;
	blame(r, "a kind that is not known");
	return 0;
}

static void read_row_counts(struct reader *r)
{
	table_begin(r, LK_TABLE_ROW_COUNT);
	while (row_next(r)) {
		const char *name = take_text(r);
		uint64_t rows = take_count(r);

		if (r->nr_rows > LK_TABLE_ROW_COUNT ||
			strcmp(name, lk_recording_tables[r->nr_rows - 1].name))
			blame(r, "a table that is not known");
		else
			r->expected[r->nr_rows - 1] = rows;
	}
	if (going(r) && r->nr_rows != LK_TABLE_ROW_COUNT)
		blame(r, "rows are missing");
}

static int take_exit_status(struct reader *r)
{
	int64_t v;

	if (is_null(r)) {
		r->column++;
		return -1;
	}
	v = (int64_t)take_address(r);
	if (v < INT32_MIN || v > INT32_MAX)
		blame(r, "an exit status that is none");
	return (int)v;
}

static void read_process(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_PROCESS);
	while (row_next(r)) {
		if (r->nr_rows > 1)
			blame(r, "more than one process");
		s->pid = take_u32(r);
		if (sqlite3_column_type(r->stmt, r->column) != SQLITE_FLOAT)
			blame(r, "a time that is not a number");
		s->started_s = sqlite3_column_double(r->stmt, r->column++);
		if (!isfinite(s->started_s))
			blame(r, "a time that is not a number");
		s->tracked_ms = take_count(r);
		s->ended = (enum lk_ended)take_name(r, lk_recording_ended);
		s->exit_status = take_exit_status(r);
		take_text(r); /* leakline's version */
	}
	if (going(r) && r->nr_rows != 1)
		blame(r, "rows are missing");
}

static void read_texts(
	struct reader *r, enum lk_recording_table table, const char ***texts, size_t *nr_texts)
{
	size_t capacity = 0;

	table_begin(r, table);
	while (row_next(r)) {
		*texts = lk_grow(*texts, *nr_texts, &capacity, sizeof(**texts));
		take_id(r);
		(*texts)[(*nr_texts)++] = take_text(r);
	}
}

static void read_modules(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_MODULE);
	while (row_next(r)) {
		struct lk_module_fact *m;

		s->modules = lk_grow(s->modules, s->nr_modules, &s->modules_capacity, sizeof(*m));
		m = &s->modules[s->nr_modules++];
		take_id(r);
		m->path = take_text_or_null(r);
		m->build_id = take_text_or_null(r);
		m->start = take_address(r);
		m->end = take_address(r);
		m->bias = take_address(r);
		m->lacks = take_text_or_null(r);
	}
}

static void read_threads(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_THREAD);
	while (row_next(r)) {
		struct lk_thread *t;

		s->threads = lk_grow(s->threads, s->nr_threads, &s->threads_capacity, sizeof(*t));
		t = &s->threads[s->nr_threads++];
		take_id(r);
		t->tid = take_u32(r);
		t->name = take_text_or_null(r);
	}
}

static void read_frames(struct reader *r)
{
	table_begin(r, LK_TABLE_FRAME);
	while (row_next(r)) {
		struct lk_frame *f;

		r->frames = lk_grow(r->frames, r->nr_frames, &r->frames_capacity, sizeof(*f));
		f = &r->frames[r->nr_frames++];
		memset(f, 0, sizeof(*f));
		take_id(r);
		f->address = take_address(r);
		f->module = take_string(r);
		f->function = take_string(r);
		f->file = take_string(r);
		f->line = take_u32_or(r, 0);
		f->il_offset = take_u32_or(r, LK_NO_IL);
		f->origin = (uint8_t)take_name(r, lk_recording_origin);
		f->inlined = take_below(r, 2, "a flag that is neither 0 nor 1");
		f->framework = take_below(r, 2, "a flag that is neither 0 nor 1");
	}
}

/* The frames of a stack follow those of the stack before. */
static void take_frames(struct reader *r, struct lk_stack *stack)
{
	const char *at = (const char *)sqlite3_column_text(r->stmt, r->column);
	const char *end = at ? at + sqlite3_column_bytes(r->stmt, r->column) : NULL;
	struct lk_snapshot *s = r->s;
	uint32_t number;
	int more = -EBADMSG;

	r->column++;
	stack->first = (uint32_t)s->nr_frames;
	while (at && (more = lk_number_list_next(&at, end, &number)) == 1) {
		if (number >= r->nr_frames || s->nr_frames == UINT32_MAX) {
			more = -EBADMSG;
			break;
		}
		s->frames =
			lk_grow(s->frames, s->nr_frames, &s->frames_capacity, sizeof(*s->frames));
		s->frames[s->nr_frames++] = r->frames[number];
		stack->count++;
	}
	if (more < 0)
		blame(r, "a stack whose frames are no list of frames");
}

/* The site is a result; whoever wants it analyses the snapshot again. */
static void read_stacks(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_STACK);
	while (row_next(r)) {
		struct lk_stack *stack;

		s->stacks = lk_grow(s->stacks, s->nr_stacks, &s->stacks_capacity, sizeof(*stack));
		stack = &s->stacks[s->nr_stacks++];
		*stack = (struct lk_stack){0};
		take_id(r);
		r->column++;
		stack->allocated_blocks = take_count(r);
		stack->allocated_bytes = take_count(r);
		take_frames(r, stack);
	}
}

static void read_blocks(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_BLOCK);
	while (row_next(r)) {
		struct lk_block *b;

		s->blocks = lk_grow(s->blocks, s->nr_blocks, &s->blocks_capacity, sizeof(*b));
		b = &s->blocks[s->nr_blocks++];
		take_id(r);
		b->address = take_address(r);
		b->size = take_count(r);
		b->time_ms = take_count(r);
		b->stack = take_index(r, s->nr_stacks);
		if (is_null(r))
			b->thread = UINT32_MAX;
		else
			b->thread = take_index(r, s->nr_threads);
	}
}

static void take_bytes(struct reader *r, struct lk_content *c)
{
	int column = r->column++;
	int size;

	if (sqlite3_column_type(r->stmt, column) != SQLITE_BLOB) {
		blame(r, "a value that is not bytes");
		return;
	}
	size = sqlite3_column_bytes(r->stmt, column);
	if (size > LK_CONTENT_MAX) {
		blame(r, "a content that is too large");
		return;
	}
	c->size = (uint32_t)size;
	if (size)
		memcpy(c->bytes, sqlite3_column_blob(r->stmt, column), (size_t)size);
}

static void read_contents(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_CONTENT);
	while (row_next(r)) {
		struct lk_content c = {0};

		s->contents =
			lk_grow(s->contents, s->nr_contents, &s->contents_capacity, sizeof(c));
		take_id(r);
		c.address = take_address(r);
		take_bytes(r, &c);
		if (s->nr_contents && s->contents[s->nr_contents - 1].address > c.address)
			blame(r, "contents that are not sorted");
		s->contents[s->nr_contents++] = c;
	}
}

static void read_not_seen(struct reader *r)
{
	struct lk_snapshot *s = r->s;

	table_begin(r, LK_TABLE_NOT_SEEN);
	while (row_next(r)) {
		struct lk_not_seen *n;

		s->not_seen =
			lk_grow(s->not_seen, s->nr_not_seen, &s->not_seen_capacity, sizeof(*n));
		n = &s->not_seen[s->nr_not_seen++];
		take_id(r);
		n->key = take_text(r);
		n->text = take_text(r);
		n->count = take_count(r);
	}
}

static double take_real(struct reader *r)
{
	double v = sqlite3_column_double(r->stmt, r->column);

	if (sqlite3_column_type(r->stmt, r->column++) != SQLITE_FLOAT || !isfinite(v))
		blame(r, "a value that is not a number");
	return v;
}

/* A counter is found by its name, so names must differ. */
static void read_counter_names(struct reader *r)
{
	struct lk_counter_set *set = &r->s->counters;

	table_begin(r, LK_TABLE_COUNTER);
	while (row_next(r)) {
		struct lk_counter c = {0};

		take_id(r);
		c.name = take_text(r);
		c.unit = take_text(r);
		c.text = take_text(r);
		if (lk_counter_find(set, c.name))
			blame(r, "two counters of one name");
		set->at = lk_grow(set->at, set->nr, &set->capacity, sizeof(c));
		set->at[set->nr++] = c;
		if (set->nr > LK_COUNTERS_MAX)
			blame(r, "more counters than there are");
	}
}

/* Rows come counter by counter, each in the order of time. */
static void read_counter_values(struct reader *r)
{
	const struct lk_counter_set *set = &r->s->counters;
	uint32_t last = 0;

	table_begin(r, LK_TABLE_COUNTER_VALUE);
	while (row_next(r)) {
		struct lk_counter *c;
		struct lk_point p;
		uint32_t i;

		take_id(r);
		i = take_index(r, set->nr);
		p.time_ms = take_count(r);
		p.value = take_real(r);
		if (!going(r))
			continue;
		c = &set->at[i];
		if (i < last || c->nr_points >= LK_COUNTER_POINTS_MAX ||
			(c->nr_points && c->points[c->nr_points - 1].time_ms > p.time_ms)) {
			blame(r, "values that are not in order");
			continue;
		}
		last = i;
		c->points = lk_grow(c->points, c->nr_points, &c->capacity, sizeof(p));
		c->points[c->nr_points++] = p;
	}
}

static void read_all(struct reader *r)
{
	read_row_counts(r);
	read_process(r);
	read_texts(r, LK_TABLE_ARGUMENT, &r->s->command, &r->s->nr_command);
	read_texts(r, LK_TABLE_RUNTIME, &r->s->runtimes, &r->s->nr_runtimes);
	read_modules(r);
	read_threads(r);
	read_texts(r, LK_TABLE_STRING, &r->strings, &r->nr_strings);
	read_frames(r);
	read_stacks(r);
	read_blocks(r);
	read_contents(r);
	read_not_seen(r);
	read_counter_names(r);
	read_counter_values(r);
}

static int fail_read(const struct reader *r, const char *path, struct lk_err *err)
{
	const char *table = lk_recording_tables[r->table].name;

	if (r->sql == SQLITE_NOMEM)
		return lk_fail(err, -ENOMEM, "no memory left to read %s", path);
	if (r->sql != SQLITE_OK)
		lk_fail(err, -EBADMSG, "%s is damaged: table %s: %s", path, table,
			sqlite3_errstr(r->sql));
	else
		lk_fail(err, -EBADMSG, "%s is damaged: table %s, row %llu: %s", path, table,
			(unsigned long long)r->nr_rows, r->wrong);
	lk_remedy(err, "copy it again from where it was made, or record again");
	return -EBADMSG;
}

int lk_recording_read(const char *path, struct lk_snapshot **ret_snapshot, struct lk_err *err)
{
	struct reader r = {0};
	int code = lk_recording_open(path, &r.db, err);

	if (code < 0)
		return code;
	r.s = lk_snapshot_new();
	read_all(&r);
	code = going(&r) ? 0 : fail_read(&r, path, err);
	table_end(&r);
	sqlite3_close(r.db);
	free(r.strings);
	free(r.frames);
	if (code < 0) {
		lk_snapshot_free(r.s);
		return code;
	}
	*ret_snapshot = r.s;
	return 0;
}
