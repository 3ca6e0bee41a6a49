/*
 * The writer of rows behind a recording.  It latches its first failure, as a cursor
 * does, so that rows are written in straight lines: begin a table, put the values of
 * a row from left to right, end the row; ask once, at the end.
 */
#ifndef LK_REPORT_RECORDING_PUT_H
#define LK_REPORT_RECORDING_PUT_H

#include "leak/analysis.h"
#include "leak/snapshot.h"
#include "report/recording_schema.h"

struct sqlite3;
struct sqlite3_stmt;

struct lk_recording_writer {
	struct sqlite3 *db;
	struct sqlite3_stmt *stmt;
	int column;
	int sql;	     /* SQLite's code */
	const char *invalid; /* what the snapshot holds and no recording may (R3, R4); or NULL */
	enum lk_recording_table table;
	uint64_t nr_rows[LK_NR_TABLES];
};

bool lk_writer_going(const struct lk_recording_writer *w);
void lk_writer_latch(struct lk_recording_writer *w, int sql);

/* Ends the table before, if any, and begins this one. */
void lk_writer_table(struct lk_recording_writer *w, enum lk_recording_table table);
void lk_writer_table_end(struct lk_recording_writer *w);
void lk_writer_row_end(struct lk_recording_writer *w);

/* Values of a row.  Texts and bytes must stay until the row ends; a NULL text is NULL. */
void lk_put_null(struct lk_recording_writer *w);
void lk_put_address(struct lk_recording_writer *w, uint64_t address);
void lk_put_count(struct lk_recording_writer *w, uint64_t count);
/* A count, or NULL where it is `unknown`. */
void lk_put_unless(struct lk_recording_writer *w, uint64_t value, uint64_t unknown);
/* A number that refers to one of count rows. */
void lk_put_index(struct lk_recording_writer *w, uint64_t index, size_t count);
/* NAN is written as NULL. */
void lk_put_real(struct lk_recording_writer *w, double value);
void lk_put_text(struct lk_recording_writer *w, const char *text);
void lk_put_blob(struct lk_recording_writer *w, const void *bytes, size_t size);
/* One of the LK_NR_NAMES names of recording_schema.h. */
void lk_put_name(struct lk_recording_writer *w, const char *const *names, uint32_t index);

/* Writes all rows of table block. */
void lk_writer_blocks(struct lk_recording_writer *w, const struct lk_snapshot *s);

/* The tables that hold results: recording_sites.c.  analysis may be NULL. */
void lk_writer_stacks(struct lk_recording_writer *w, const struct lk_snapshot *s,
	const struct lk_analysis *a, const uint32_t *numbers);
void lk_writer_analysis(struct lk_recording_writer *w, const struct lk_snapshot *s,
	const struct lk_analysis *analysis);

#endif
