/*
 * The shape of a recording, version 2: its marks in the file's header, the SQL of
 * its tables and views, and in which order the tables are filled.  Private to the
 * recording's writer and reader; docs/RECORDING.md tells the reader of SQL.
 *
 * Invariants, cited by number in code and tests:
 *
 *   R1  A table's ids are 0, 1, 2, .. without a gap, in the order of the snapshot.
 *   R2  row_count tells how many rows each table has, so a file whose tables lost
 *       rows is known as damaged.
 *   R3  Every number that refers to a row refers to one that exists.
 *   R4  Sizes, counts and times are not negative.  Addresses are the 64 bits of
 *       the address as SQLite's signed integer.
 *   R5  The SQL of a table or view in sqlite_schema is letter for letter what
 *       stands here.  Further objects are ignored.
 */
#ifndef LK_REPORT_RECORDING_SCHEMA_H
#define LK_REPORT_RECORDING_SCHEMA_H

#include "base/defs.h"

#define LK_RECORDING_APPLICATION 0x6c6b6c6e /* "lkln", at offset 68 of the file */
#define LK_RECORDING_VERSION	 2	    /* user_version, at offset 60 */

enum lk_recording_table {
	LK_TABLE_PROCESS,
	LK_TABLE_ARGUMENT,
	LK_TABLE_RUNTIME,
	LK_TABLE_MODULE,
	LK_TABLE_THREAD,
	LK_TABLE_STRING,
	LK_TABLE_FRAME,
	LK_TABLE_STACK,
	LK_TABLE_BLOCK,
	LK_TABLE_CONTENT,
	LK_TABLE_NOT_SEEN,
	LK_TABLE_COUNTER,
	LK_TABLE_COUNTER_VALUE,
	LK_TABLE_VERDICT,
	LK_TABLE_SITE,
	LK_TABLE_SAMPLE,
	LK_TABLE_PATTERN,
	LK_TABLE_EVIDENCE,
	LK_TABLE_SHARE,
	LK_TABLE_ROW_COUNT,
	LK_NR_TABLES,
};

struct lk_recording_object {
	const char *name;
	const char *sql; /* CREATE TABLE or CREATE VIEW, as sqlite_schema keeps it */
	int nr_columns;	 /* of tables; 0 for views */
};

extern const struct lk_recording_object lk_recording_tables[LK_NR_TABLES];
extern const struct lk_recording_object lk_recording_views[];
extern const size_t lk_recording_nr_views;

/* "running", "exited", "killed" by enum lk_ended; "native", .. by enum lk_origin. */
#define LK_NR_NAMES 3
extern const char *const lk_recording_ended[LK_NR_NAMES];
extern const char *const lk_recording_origin[LK_NR_NAMES];

#endif
