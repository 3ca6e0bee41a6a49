/*
 * Takes a snapshot of a store: names every pc, native and managed, and copies
 * what is live.  The process may be running, ended or gone.
 */
#ifndef LK_REPORT_TAKE_H
#define LK_REPORT_TAKE_H

#include "leak/snapshot.h"
#include "process/storefile.h"
#include "util/err.h"

struct lk_take_options {
	enum lk_ended ended;
	int exit_status;		   /* as waitpid gives it; -1 unknown */
	const struct lk_content *contents; /* sorted by address; read while the process lived */
	size_t nr_contents;
};

/* *ret_snapshot is the caller's to free. */
int lk_take_snapshot(const struct lk_storefile *store, const struct lk_take_options *options,
	struct lk_snapshot **ret_snapshot, struct lk_err *err);

/*
 * Reads the first bytes of some blocks of every stack from the living process;
 * *ret_contents, sorted by address, is freed by the caller.  -ESRCH the process
 * is gone, -EPERM not allowed to read it.
 */
int lk_take_contents(const struct lk_storefile *store, struct lk_content **ret_contents,
	size_t *ret_nr, struct lk_err *err);

#endif
