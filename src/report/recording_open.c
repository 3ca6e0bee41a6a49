#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "report/recording.h"
#include "report/recording_file.h"
#include "report/recording_schema.h"

/*
 * immutable=1 keeps SQLite from making locks or looking for a journal beside the
 * file, so a recording opens from a read-only medium too.  It needs a URI, in which
 * the path's own '?', '#' and '%' are escaped.
 */
static char *make_uri(const char *path)
{
	static const char hex[] = "0123456789abcdef";
	char *uri = lk_xmalloc(strlen(path) * 3 + 32);
	char *at = stpcpy(uri, *path == '/' ? "file://" : "file:");

	for (; *path; path++) {
		if (strchr("?#%", *path)) {
			*at++ = '%';
			*at++ = hex[(unsigned char)*path >> 4];
			*at++ = hex[*path & 15];
		} else {
			*at++ = *path;
		}
	}
	strcpy(at, "?mode=ro&immutable=1");
	return uri;
}

static int fail_kind(
	const char *path, enum lk_recording_kind kind, uint32_t version, struct lk_err *err)
{
	switch (kind) {
	case LK_RECORDING_ABSENT:
		lk_fail(err, -ENOENT, "there is no file %s", path);
		return -ENOENT;
	case LK_RECORDING_OTHER:
		lk_fail(err, -EOPNOTSUPP, "%s is a recording of version %u; this leakline reads %u",
			path, version, LK_RECORDING_VERSION);
		lk_remedy(err, "open it with the leakline that wrote it (its table process says "
			       "which), or record again");
		return -EOPNOTSUPP;
	case LK_RECORDING_EMPTY:
		return lk_fail(err, -EBADMSG, "%s is empty", path);
	case LK_RECORDING_CUT:
		lk_fail(err, -EBADMSG, "%s is cut off: it is shorter than it says", path);
		lk_remedy(err, "copy it again from where it was made");
		return -EBADMSG;
	default:
		return lk_fail(err, -EBADMSG, "%s is not a leakline recording", path);
	}
}

static int check_kind(const char *path, struct lk_err *err)
{
	enum lk_recording_kind kind;
	uint32_t version = 0;
	int r = lk_recording_look(path, true, &kind, &version);

	if (r < 0)
		return lk_fail(err, r, "cannot open %s: %s", path, strerror(-r));
	return kind == LK_RECORDING_THIS ? 0 : fail_kind(path, kind, version, err);
}

/* R5 for one object. */
static int check_object(
	sqlite3_stmt *stmt, const char *type, const struct lk_recording_object *object)
{
	const char *sql;
	int r = -EBADMSG;

	sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, object->name, -1, SQLITE_STATIC);
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		sql = (const char *)sqlite3_column_text(stmt, 0);
		r = sql && !strcmp(sql, object->sql) ? 0 : -EBADMSG;
	}
	sqlite3_reset(stmt);
	return r;
}

/*
 * R5.  A file from somebody else could have a view in a table's place and make it
 * compute for ever; so nothing is selected before its definition was compared.
 */
static int check_schema(sqlite3 *db, const char *path, struct lk_err *err)
{
	sqlite3_stmt *stmt;
	const char *bad = NULL;

	if (sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_master WHERE type = ? AND name = ?", -1,
		    &stmt, NULL) != SQLITE_OK)
		return lk_fail(err, -EBADMSG, "%s is damaged: %s", path, sqlite3_errmsg(db));
	for (size_t i = 0; i < LK_NR_TABLES && !bad; i++)
		if (check_object(stmt, "table", &lk_recording_tables[i]) < 0)
			bad = lk_recording_tables[i].name;
	for (size_t i = 0; i < lk_recording_nr_views && !bad; i++)
		if (check_object(stmt, "view", &lk_recording_views[i]) < 0)
			bad = lk_recording_views[i].name;
	sqlite3_finalize(stmt);
	if (bad)
		return lk_fail(err, -EBADMSG, "%s is damaged: %s is not as version %u defines it",
			path, bad, LK_RECORDING_VERSION);
	return 0;
}

/* What SQLite itself can do against files made to harm; https://sqlite.org/security.html */
static void set_limits(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_exec(db,
		"PRAGMA query_only = 1; PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0;"
		"PRAGMA temp_store = MEMORY",
		NULL, NULL, NULL);
}

int lk_recording_open(const char *path, sqlite3 **ret_db, struct lk_err *err)
{
	sqlite3 *db = NULL;
	char *uri;
	int r;

	r = check_kind(path, err);
	if (r < 0)
		return r;
	uri = make_uri(path);
	r = sqlite3_open_v2(
		uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	free(uri);
	if (r != SQLITE_OK) {
		r = lk_fail(err, -EIO, "cannot open %s: %s", path, sqlite3_errmsg(db));
		sqlite3_close(db);
		return r;
	}
	set_limits(db);
	r = check_schema(db, path, err);
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}
