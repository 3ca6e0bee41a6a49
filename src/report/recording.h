/*
 * A recording is a snapshot in a file: a SQLite database that holds every fact of
 * the snapshot and the results of its analysis, with all names, so that it opens
 * on another machine and answers anyone's SQL.  docs/RECORDING.md describes
 * tables and views.  Writing 1 million blocks costs about a second.
 * One thread at a time per call; nothing is shared between calls.
 */
#ifndef LK_REPORT_RECORDING_H
#define LK_REPORT_RECORDING_H

#include "leak/analysis.h"
#include "leak/snapshot.h"
#include "util/err.h"

#define LK_RECORDING_SUFFIX ".leakline"

struct sqlite3;

/*
 * Writes the snapshot to path.  The file is made under a name of its own in the
 * same folder, mode 0600, and moved to path when it is whole and on disk, so path
 * never holds half a recording.  An existing recording at path is replaced, and so
 * is an empty file; anything else is left alone: -EEXIST.  analysis may be NULL:
 * then the sites are empty.  Failures: -ENOSPC and -EDQUOT (disk full), -EACCES,
 * -EROFS, -ENOENT (folder), -EBADMSG (a count beyond 63 bits or an index out of
 * range in the snapshot), -EIO.
 */
int lk_recording_write(const char *path, const struct lk_snapshot *snapshot,
	const struct lk_analysis *analysis, struct lk_err *err);

/*
 * Reads a recording back.  The result equals the snapshot that was written, with
 * the frames laid out stack after stack; the caller frees it with
 * lk_snapshot_free.  Everything read is checked before it is used.
 * -ENOENT, -EACCES: cannot be opened.  -EBADMSG: not a recording, cut off or
 * damaged.  -EOPNOTSUPP: a recording of another version.
 */
int lk_recording_read(const char *path, struct lk_snapshot **ret_snapshot, struct lk_err *err);

/*
 * Opens a recording for queries only: read-only, its tables and views compared
 * with what its version defines.  The caller closes with sqlite3_close.  Fails as
 * lk_recording_read does, but does not look at the rows.
 */
int lk_recording_open(const char *path, struct sqlite3 **ret_db, struct lk_err *err);

#endif
