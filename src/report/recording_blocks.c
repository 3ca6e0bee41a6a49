/*
 * Blocks are most of the rows of a recording, millions where everything leaks.  A
 * bound INSERT costs 360 ns a row, most of it per statement; one INSERT from a virtual
 * table over the snapshot's array costs 120 (bench/README.md).
 */
#include "report/recording_put.h"

#include <sqlite3.h>
#include <stdlib.h>

struct table {
	sqlite3_vtab base; /* first: SQLite knows this part */
	const struct lk_snapshot *s;
};

struct cursor {
	sqlite3_vtab_cursor base; /* likewise */
	size_t at;
};

static int connect_table(sqlite3 *db, void *arg, int argc, const char *const *argv,
	sqlite3_vtab **ret_table, char **ret_error)
{
	struct table *table = sqlite3_malloc(sizeof(*table));
	int code = sqlite3_declare_vtab(
		db, "CREATE TABLE x (id, address, size, time_ms, stack, thread)");

	(void)argc;
	(void)argv;
	(void)ret_error;
	if (!table || code != SQLITE_OK) {
		sqlite3_free(table);
		return table ? code : SQLITE_NOMEM;
	}
	*table = (struct table){.s = arg};
	*ret_table = &table->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

static int best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	info->estimatedCost = (double)((struct table *)table)->s->nr_blocks;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
	struct cursor *cursor = sqlite3_malloc(sizeof(*cursor));

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (struct cursor){0};
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int filter(
	sqlite3_vtab_cursor *cursor, int number, const char *text, int argc, sqlite3_value **argv)
{
	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	((struct cursor *)cursor)->at = 0;
	return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *cursor)
{
	((struct cursor *)cursor)->at++;
	return SQLITE_OK;
}

static const struct lk_snapshot *snapshot_of(sqlite3_vtab_cursor *cursor)
{
	return ((struct table *)cursor->pVtab)->s;
}

static int at_end(sqlite3_vtab_cursor *cursor)
{
	return ((struct cursor *)cursor)->at >= snapshot_of(cursor)->nr_blocks;
}

static int column(sqlite3_vtab_cursor *cursor, sqlite3_context *result, int column)
{
	size_t at = ((struct cursor *)cursor)->at;
	const struct lk_block *b = &snapshot_of(cursor)->blocks[at];
	const uint64_t values[] = {at, b->address, b->size, b->time_ms, b->stack, b->thread};

	if (column == 5 && b->thread == UINT32_MAX)
		sqlite3_result_null(result);
	else
		sqlite3_result_int64(result, (sqlite3_int64)values[column]);
	return SQLITE_OK;
}

static int row_id(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_id)
{
	*ret_id = (sqlite3_int64)((struct cursor *)cursor)->at;
	return SQLITE_OK;
}

/* Without xCreate: a table that is there by its module's name. */
static const sqlite3_module module = {
	.xConnect = connect_table,
	.xBestIndex = best_index,
	.xDisconnect = disconnect_table,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = filter,
	.xNext = next,
	.xEof = at_end,
	.xColumn = column,
	.xRowid = row_id,
};

/* R3 and R4, as the writer of rows checks them. */
static void check(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	for (size_t i = 0; i < s->nr_blocks; i++) {
		const struct lk_block *b = &s->blocks[i];

		if (b->size > INT64_MAX || b->time_ms > INT64_MAX)
			w->invalid = "a size or count beyond 63 bits";
		if (b->stack >= s->nr_stacks ||
			(b->thread != UINT32_MAX && b->thread >= s->nr_threads))
			w->invalid = "a number that refers to nothing";
	}
}

void lk_writer_blocks(struct lk_recording_writer *w, const struct lk_snapshot *s)
{
	check(w, s);
	lk_writer_table_end(w);
	if (!lk_writer_going(w))
		return;
	lk_writer_latch(w, sqlite3_create_module(w->db, "snapshot_block", &module, (void *)s));
	if (lk_writer_going(w))
		lk_writer_latch(w, sqlite3_exec(w->db,
					   "INSERT INTO block SELECT id, address, size, time_ms, "
					   "stack, thread FROM snapshot_block",
					   NULL, NULL, NULL));
	w->nr_rows[LK_TABLE_BLOCK] = s->nr_blocks;
}
