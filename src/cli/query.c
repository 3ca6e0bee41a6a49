/*
 * leakline query: asks a recording in SQL and prints the rows, as an aligned table,
 * CSV or JSON.  Reads only: the file is opened so, and an authoriser refuses every
 * statement that is more than a question.
 */
#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/recording.h"
#include "util/err.h"
#include "util/mem.h"

/* How one statement's rows are printed; row is called for each, end once. */
struct printer {
	void (*begin)(struct printer *p, sqlite3_stmt *stmt);
	void (*row)(struct printer *p, sqlite3_stmt *stmt);
	void (*end)(struct printer *p);
	int nr_columns;
	uint64_t nr_rows;
	/* The table's: rows held back until the widths are known. */
	char **cells;
	bool *right;
	size_t nr_cells, cells_capacity;
	size_t *widths;
};

/* --- values ---------------------------------------------------------------------------------- */

/* Shortest decimal that reads back as the same number. */
static char *format_real(double v)
{
	char text[32];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	return lk_xstrdup(text);
}

static char *format_blob(const unsigned char *bytes, int size)
{
	char *text = lk_xmalloc((size_t)size * 2 + 1);

	for (int i = 0; i < size; i++)
		sprintf(text + i * 2, "%02x", bytes[i]);
	text[size * 2] = 0;
	return text;
}

/* The value as text; NULL for NULL.  The caller frees. */
static char *format_value(sqlite3_stmt *stmt, int column)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		return NULL;
	case SQLITE_FLOAT:
		return format_real(sqlite3_column_double(stmt, column));
	case SQLITE_BLOB:
		return format_blob(
			sqlite3_column_blob(stmt, column), sqlite3_column_bytes(stmt, column));
	default:
		return lk_xstrdup((const char *)sqlite3_column_text(stmt, column));
	}
}

/*
 * Bytes of the UTF-8 character at p, 0 where there is none.  Overlong forms and
 * surrogates are none.
 */
static size_t utf8_size(const unsigned char *p)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t size;
	} forms[] = {
		{0x00, 0x7f, 0, 0, 1},
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < LK_ARRAY_SIZE(forms); i++) {
		size_t size = forms[i].size;

		if (*p < forms[i].first || *p > forms[i].last)
			continue;
		if (size > 1 && (p[1] < forms[i].low || p[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < size; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return size;
	}
	return 0;
}

/* C0, DEL and C1: a name in a recording from elsewhere must not steer the terminal. */
static bool is_control(const unsigned char *p)
{
	return *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0);
}

/* Control characters and broken UTF-8 become \xNN.  Frees text. */
static char *make_printable(char *text)
{
	char *out = lk_xmalloc(strlen(text) * 4 + 1);
	char *to = out;
	size_t size;

	for (const unsigned char *p = (unsigned char *)text; *p; p += size) {
		size = utf8_size(p);
		if (!size || is_control(p)) {
			to += sprintf(to, "\\x%02x", *p);
			size = 1;
			continue;
		}
		memcpy(to, p, size);
		to += size;
	}
	*to = 0;
	free(text);
	return out;
}

/* Characters, not bytes; wide ones count as one. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* --- table ----------------------------------------------------------------------------------- */

/* Widths are taken from so many rows; later ones may stick out, but cost no memory. */
#define TABLE_HELD_ROWS 10000

static void hold_cell(struct printer *p, char *text, bool right)
{
	size_t column = p->nr_cells % (size_t)p->nr_columns;
	size_t capacity = p->cells_capacity;
	size_t width;

	p->cells = lk_grow(p->cells, p->nr_cells, &capacity, sizeof(*p->cells));
	p->right = lk_grow(p->right, p->nr_cells, &p->cells_capacity, sizeof(*p->right));
	text = text ? make_printable(text) : lk_xstrdup("");
	width = text_width(text);
	if (width > p->widths[column])
		p->widths[column] = width;
	p->cells[p->nr_cells] = text;
	p->right[p->nr_cells++] = right;
}

static void print_cell(const struct printer *p, const char *text, size_t column, bool right)
{
	size_t width = text_width(text);
	int pad = width < p->widths[column] ? (int)(p->widths[column] - width) : 0;
	bool last = column + 1 == (size_t)p->nr_columns;

	if (column)
		fputs("  ", stdout);
	if (right)
		printf("%*s", pad, "");
	fputs(text, stdout);
	if (!right && !last)
		printf("%*s", pad, "");
	if (last)
		putchar('\n');
}

static void release_cells(struct printer *p)
{
	for (size_t i = 0; i < p->nr_cells; i++) {
		print_cell(p, p->cells[i], i % (size_t)p->nr_columns, p->right[i]);
		free(p->cells[i]);
	}
	p->nr_cells = 0;
}

static void table_begin(struct printer *p, sqlite3_stmt *stmt)
{
	p->widths = lk_xcalloc((size_t)p->nr_columns, sizeof(*p->widths));
	for (int i = 0; i < p->nr_columns; i++)
		hold_cell(p, lk_xstrdup(sqlite3_column_name(stmt, i)), false);
}

/* Names of columns stand as their values do, which the first row tells. */
static void table_row(struct printer *p, sqlite3_stmt *stmt)
{
	for (int i = 0; i < p->nr_columns; i++) {
		int type = sqlite3_column_type(stmt, i);
		bool right = type == SQLITE_INTEGER || type == SQLITE_FLOAT;

		if (p->nr_rows == 0)
			p->right[i] = right;
		hold_cell(p, format_value(stmt, i), right);
	}
	if (p->nr_rows >= TABLE_HELD_ROWS)
		release_cells(p);
}

static void table_end(struct printer *p)
{
	release_cells(p);
	p->cells = lk_free(p->cells);
	p->right = lk_free(p->right);
	p->widths = lk_free(p->widths);
	p->cells_capacity = 0;
}

/* --- CSV (RFC 4180, with plain line ends) ---------------------------------------------------- */

static void print_csv_cell(const char *text, bool last)
{
	if (text && (strpbrk(text, "\",\r\n") || !*text)) {
		putchar('"');
		for (; *text; text++) {
			if (*text == '"')
				putchar('"');
			putchar(*text);
		}
		putchar('"');
	} else if (text) {
		fputs(text, stdout);
	}
	putchar(last ? '\n' : ',');
}

static void csv_begin(struct printer *p, sqlite3_stmt *stmt)
{
	for (int i = 0; i < p->nr_columns; i++)
		print_csv_cell(sqlite3_column_name(stmt, i), i + 1 == p->nr_columns);
}

static void csv_row(struct printer *p, sqlite3_stmt *stmt)
{
	for (int i = 0; i < p->nr_columns; i++) {
		char *text = format_value(stmt, i);

		print_csv_cell(text, i + 1 == p->nr_columns);
		free(text);
	}
}

static void csv_end(struct printer *p)
{
}

/* --- JSON: an array of objects per statement ------------------------------------------------- */

/* A byte that is no UTF-8 becomes the replacement character. */
static void print_json_text(const char *text)
{
	size_t size;

	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p += size) {
		size = utf8_size(p);
		if (!size) {
			fputs("\xef\xbf\xbd", stdout);
			size = 1;
		} else if (*p == '"' || *p == '\\') {
			printf("\\%c", *p);
		} else if (*p < 0x20 || *p == 0x7f) {
			printf("\\u%04x", *p);
		} else {
			fwrite(p, 1, size, stdout);
		}
	}
	putchar('"');
}

static void print_json_value(sqlite3_stmt *stmt, int column)
{
	char *text = format_value(stmt, column);
	int type = sqlite3_column_type(stmt, column);

	if (!text || (type == SQLITE_FLOAT && !isfinite(sqlite3_column_double(stmt, column))))
		fputs("null", stdout);
	else if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		fputs(text, stdout);
	else
		print_json_text(text);
	free(text);
}

static void json_begin(struct printer *p, sqlite3_stmt *stmt)
{
	fputs("[", stdout);
}

static void json_row(struct printer *p, sqlite3_stmt *stmt)
{
	fputs(p->nr_rows ? ",\n {" : "\n {", stdout);
	for (int i = 0; i < p->nr_columns; i++) {
		fputs(i ? ", " : "", stdout);
		print_json_text(sqlite3_column_name(stmt, i));
		fputs(": ", stdout);
		print_json_value(stmt, i);
	}
	putchar('}');
}

static void json_end(struct printer *p)
{
	puts(p->nr_rows ? "\n]" : "]");
}

static const struct printer print_table = {
	.begin = table_begin, .row = table_row, .end = table_end};
static const struct printer print_csv = {.begin = csv_begin, .row = csv_row, .end = csv_end};
static const struct printer print_json = {.begin = json_begin, .row = json_row, .end = json_end};

/* --- asking ---------------------------------------------------------------------------------- */

/* The pragmas that only tell; any other could be a command. */
static bool may_pragma(const char *name)
{
	static const char *const telling[] = {
		"table_info",
		"table_xinfo",
		"table_list",
		"index_list",
		"index_info",
		"application_id",
		"user_version",
		"page_size",
		"page_count",
		"integrity_check",
		"quick_check",
		"foreign_key_list",
		"compile_options",
		"encoding",
	};

	for (size_t i = 0; i < LK_ARRAY_SIZE(telling); i++)
		if (!sqlite3_stricmp(name, telling[i]))
			return true;
	return false;
}

static int authorise(void *unused, int action, const char *first, const char *second,
	const char *database, const char *trigger)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_FUNCTION:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_PRAGMA:
		return may_pragma(first) ? SQLITE_OK : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static int run_statement(sqlite3_stmt *stmt, const struct printer *how)
{
	struct printer p = *how;
	int code;

	p.nr_columns = sqlite3_column_count(stmt);
	if (!p.nr_columns) /* VACUUM and its like, which no authoriser is asked about */
		return SQLITE_AUTH;
	p.begin(&p, stmt);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW && !ferror(stdout)) {
		p.row(&p, stmt);
		p.nr_rows++;
	}
	p.end(&p);
	return code == SQLITE_DONE || ferror(stdout) ? SQLITE_OK : code;
}

static int fail_sql(sqlite3 *db, int code)
{
	struct lk_err err;

	lk_fail(&err, -EINVAL, "the query failed: %s",
		code == SQLITE_AUTH ? "it is more than a question" : sqlite3_errmsg(db));
	if (code == SQLITE_AUTH)
		lk_remedy(&err, "a recording is only read; to change it, open a copy with sqlite3");
	else if (code == SQLITE_ERROR)
		lk_remedy(&err, "\"select name, sql from sqlite_master\" shows tables and views");
	return lk_cli_failed(&err);
}

/* Several statements, separated by ';', are run one after the other. */
static int run_all(sqlite3 *db, const char *sql, const struct printer *how)
{
	struct lk_err err = {0};
	bool first = true;

	while (*sql) {
		sqlite3_stmt *stmt;
		const char *rest;
		int code = sqlite3_prepare_v2(db, sql, -1, &stmt, &rest);

		if (code == SQLITE_OK && stmt) {
			if (!first && how != &print_json)
				putchar('\n');
			first = false;
			code = run_statement(stmt, how);
		}
		sqlite3_finalize(stmt);
		if (code != SQLITE_OK)
			return fail_sql(db, code);
		sql = rest;
	}
	if (fflush(stdout) || ferror(stdout)) {
		lk_fail_errno(&err, "cannot write the result");
		return lk_cli_failed(&err);
	}
	return 0;
}

/* --- command line ---------------------------------------------------------------------------- */

static const char help[] =
	"usage: leakline query [--csv | --json] RECORDING SQL\n"
	"\n"
	"Asks a recording in SQL and prints the rows.  The recording is only read.\n"
	"\n"
	"  --csv    comma-separated values, a line of names first\n"
	"  --json   an array of objects, one array per statement\n"
	"\n"
	"Views: sites, site_frames, samples, managers, modules, functions, sizes,\n"
	"outstanding, totals, frames.  docs/RECORDING.md describes them and the tables.\n"
	"\n"
	"  leakline query server.42.leakline \"select * from sites limit 5\"\n";

static int ask(const char *path, const char *sql, const struct printer *how)
{
	struct lk_err err = {0};
	sqlite3 *db;
	int status;

	if (lk_recording_open(path, &db, &err) < 0)
		return lk_cli_failed(&err);
	sqlite3_set_authorizer(db, authorise, NULL);
	status = run_all(db, sql, how);
	sqlite3_close(db);
	return status;
}

int lk_cmd_query(int argc, char **argv)
{
	const struct printer *how = &print_table;
	const char *words[2] = {NULL, NULL};
	int nr_words = 0;
	bool options = true;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (options && !strcmp(word, "--"))
			options = false;
		else if (options && (!strcmp(word, "--help") || !strcmp(word, "-h")))
			return fputs(help, stdout) < 0 ? LK_EXIT_FAILED : 0;
		else if (options && !strcmp(word, "--csv"))
			how = &print_csv;
		else if (options && !strcmp(word, "--json"))
			how = &print_json;
		else if (options && word[0] == '-' && word[1])
			return lk_cli_usage("query", "there is no option %s", word);
		else if (nr_words == 2)
			return lk_cli_usage("query", "\"%s\" is one word too many", word);
		else
			words[nr_words++] = word;
	}
	if (nr_words < 2)
		return lk_cli_usage("query", "the %s is missing", nr_words ? "SQL" : "recording");
	return ask(words[0], words[1], how);
}
