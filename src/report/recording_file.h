/*
 * The file around a recording: a temporary name while it is written, the real one
 * when it is whole, and a look at the header of what is there already.
 */
#ifndef LK_REPORT_RECORDING_FILE_H
#define LK_REPORT_RECORDING_FILE_H

#include "base/defs.h"
#include "util/err.h"

/* What stands at a path. */
enum lk_recording_kind {
	LK_RECORDING_ABSENT,
	LK_RECORDING_EMPTY,   /* a regular file without a byte */
	LK_RECORDING_CUT,     /* a recording that is shorter than its header says */
	LK_RECORDING_THIS,    /* a recording of this version */
	LK_RECORDING_OTHER,   /* a recording of another version */
	LK_RECORDING_FOREIGN, /* anything else */
};

/*
 * Looks at the first bytes of the file at path.  *ret_version is set for the kinds
 * THIS and OTHER.  Follows symbolic links where `follow`; else a link is FOREIGN.
 * Fails with errno of open(2) and read(2); ENOENT is a kind, not a failure.
 */
int lk_recording_look(
	const char *path, bool follow, enum lk_recording_kind *ret_kind, uint32_t *ret_version);

struct lk_recording_file {
	char *path;    /* the real name; the caller's until _done */
	char *temp;    /* the name while it is written */
	int fd;	       /* the temporary, for fsync; -1 when it is no more */
	bool replaces; /* something that may be replaced stood at path */
};

/*
 * Makes an empty temporary file, mode 0600, beside path.  -EEXIST where path holds
 * something that must not be replaced.
 */
int lk_recording_file_begin(const char *path, struct lk_recording_file *ret, struct lk_err *err);

/* Brings the temporary to disk and gives it the real name. */
int lk_recording_file_commit(struct lk_recording_file *file, struct lk_err *err);

/* Ends; removes the temporary where it was not committed. */
void lk_recording_file_done(struct lk_recording_file *file);

#endif
