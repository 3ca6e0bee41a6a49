#include "report/recording_put.h"

#include <sqlite3.h>
#include <stdio.h>

bool lk_writer_going(const struct lk_recording_writer *w)
{
	return w->sql == SQLITE_OK && !w->invalid;
}

void lk_writer_latch(struct lk_recording_writer *w, int sql)
{
	if (w->sql == SQLITE_OK)
		w->sql = sql;
}

void lk_writer_table_end(struct lk_recording_writer *w)
{
	sqlite3_finalize(w->stmt);
	w->stmt = NULL;
}

void lk_writer_table(struct lk_recording_writer *w, enum lk_recording_table table)
{
	char sql[160];
	size_t n;

	lk_writer_table_end(w);
	w->table = table;
	w->column = 0;
	n = (size_t)snprintf(
		sql, sizeof(sql), "INSERT INTO %s VALUES (?", lk_recording_tables[table].name);
	for (int i = 1; i < lk_recording_tables[table].nr_columns; i++)
		n += (size_t)snprintf(sql + n, sizeof(sql) - n, ",?");
	snprintf(sql + n, sizeof(sql) - n, ")");
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_prepare_v2(w->db, sql, -1, &w->stmt, NULL));
}

void lk_put_address(struct lk_recording_writer *w, uint64_t address)
{
	if (lk_writer_going(w))
		lk_writer_latch(
			w, sqlite3_bind_int64(w->stmt, ++w->column, (sqlite3_int64)address));
}

void lk_put_count(struct lk_recording_writer *w, uint64_t count)
{
	if (count > INT64_MAX)
		w->invalid = "a size or count beyond 63 bits";
	lk_put_address(w, count);
}

void lk_put_null(struct lk_recording_writer *w)
{
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_bind_null(w->stmt, ++w->column));
}

void lk_put_unless(struct lk_recording_writer *w, uint64_t value, uint64_t unknown)
{
	if (value == unknown)
		lk_put_null(w);
	else
		lk_put_count(w, value);
}

void lk_put_index(struct lk_recording_writer *w, uint64_t index, size_t count)
{
	if (index >= count)
		w->invalid = "a number that refers to nothing";
	lk_put_address(w, index);
}

void lk_put_real(struct lk_recording_writer *w, double value)
{
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_bind_double(w->stmt, ++w->column, value));
}

void lk_put_text(struct lk_recording_writer *w, const char *text)
{
	if (lk_writer_going(w))
		lk_writer_latch(
			w, sqlite3_bind_text(w->stmt, ++w->column, text, -1, SQLITE_STATIC));
}

void lk_put_blob(struct lk_recording_writer *w, const void *bytes, size_t size)
{
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_bind_blob(w->stmt, ++w->column, size ? bytes : "",
					   (int)size, SQLITE_STATIC));
}

void lk_put_name(struct lk_recording_writer *w, const char *const *texts, uint32_t index)
{
	if (index >= LK_NR_NAMES)
		w->invalid = "a kind that has no name";
	else
		lk_put_text(w, texts[index]);
}

void lk_writer_row_end(struct lk_recording_writer *w)
{
	int code;

	if (!lk_writer_going(w))
		return;
	code = sqlite3_step(w->stmt);
	lk_writer_latch(w, code == SQLITE_DONE ? SQLITE_OK : code);
	sqlite3_reset(w->stmt);
	w->column = 0;
	w->nr_rows[w->table]++;
}
