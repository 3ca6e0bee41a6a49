/*
 * What the kernel tells of a process in /proc.  Everything may change or go away
 * while it is read: then the functions fail, and the caller asks again or does without.
 */
#ifndef LK_PROCESS_PROCFS_H
#define LK_PROCESS_PROCFS_H

#include "base/defs.h"

/*
 * Memory of a process, bytes.  private_bytes are the pages that are the process's
 * alone and hold what it wrote, in memory or swapped out: Private_Dirty and Swap of
 * smaps_rollup, but of Private_Dirty no more than Anonymous.  The rest of it is
 * written pages of shared files, and the largest of those is leakline's own store.
 */
struct lk_proc_memory {
	uint64_t private_bytes, resident, virtual_bytes;
};

/*
 * Reads it: -ESRCH gone, -EPERM not allowed, -EBADMSG not understood.  The kernel walks the
 * page tables for it: about 1 ms for a process of 60 MB, and as much more as it is larger.
 */
int lk_procfs_memory(uint32_t pid, struct lk_proc_memory *ret);
/* The same without private_bytes, which is 0 then: microseconds. */
int lk_procfs_sizes(uint32_t pid, struct lk_proc_memory *ret);

/* Parsers of the two files, for tests; -EBADMSG where a figure is missing. */
int lk_procfs_parse_rollup(const char *text, uint64_t *ret_private);
int lk_procfs_parse_statm(const char *text, uint64_t page_size, struct lk_proc_memory *ret);

/* State of the process, a letter as in /proc/PID/stat: 'T' stopped, 'Z' ended; 0 gone. */
char lk_procfs_state(uint32_t pid);

/* The pid that the process has in its own pid namespace; pid itself where unknown. */
uint32_t lk_procfs_inner_pid(uint32_t pid);

/*
 * A variable of the environment that the process was started with: -ENODATA not set,
 * -ESRCH gone, -EPERM another user's, -E2BIG the value does not fit.
 */
int lk_procfs_env(uint32_t pid, const char *name, char *value, size_t size);

/* Is a file of this base name mapped?  Reads /proc/PID/maps: 0.1 to 1 ms. */
bool lk_procfs_maps_file(uint32_t pid, const char *base_name);

#endif
