/*
 * Where stores are: one folder per user, readable by that user alone, in memory
 * where the machine has a memory file system.
 */
#ifndef LK_PROCESS_STOREDIR_H
#define LK_PROCESS_STOREDIR_H

#include "util/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Gives the folder ($LEAKLINE_DIR, /dev/shm/leakline-UID or /tmp/leakline-UID),
 * made with mode 0700 if `make`.  -EPERM where it is not ours alone.
 */
int lk_storedir(bool make, char *ret_path, size_t size, struct lk_err *err);

struct lk_store_name {
	uint32_t pid;
	uint64_t made_us; /* since the epoch: the file's name holds it */
	char path[512];
};

/*
 * Makes a folder for one run inside dir; the stores of the program and of its
 * children come there.  Removing it is lk_storedir_remove's work.
 */
int lk_storedir_make_run(const char *dir, char *ret_path, size_t size, struct lk_err *err);

/*
 * Is any process alive that was started with its stores going to run_dir, or
 * forked from one that was?  Reads /proc/PID/environ of every process of ours: it
 * sees also those that have made no store yet.
 */
bool lk_storedir_used(const char *run_dir);

/* Removes what stores are left in a run's folder, and the folder. */
void lk_storedir_remove(const char *run_dir);

/*
 * All stores in the folder and in the runs' folders inside it, oldest first;
 * *ret_names is freed by the caller.
 */
int lk_storedir_list(
	const char *dir, struct lk_store_name **ret_names, size_t *ret_nr, struct lk_err *err);

/* The newest store of a pid, -ESRCH where that pid is not tracked. */
int lk_storedir_find(uint32_t pid, struct lk_store_name *ret, struct lk_err *err);

/*
 * Removes the stores of processes that ended more than a day ago and that nobody
 * asked about; gives how many.
 */
size_t lk_storedir_sweep(const char *dir);

#endif
