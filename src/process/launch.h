/*
 * Starts a program with the agent in it, or says why that cannot be.
 */
#ifndef LK_PROCESS_LAUNCH_H
#define LK_PROCESS_LAUNCH_H

#include "util/err.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Finds program as execvp would and checks that the agent can be loaded into
 * what will run: a 64-bit x86 ELF file with a dynamic loader, not setuid; for a
 * script its interpreter.  -ENOENT, -EACCES, -ENOEXEC, -EOPNOTSUPP with remedy.
 */
int lk_launch_check(const char *program, char *ret_path, size_t size, struct lk_err *err);

/* The agent's library: beside this program, or where `make install` puts it. */
int lk_launch_agent(char *ret_path, size_t size, struct lk_err *err);

/*
 * Starts path with argv and the agent, stores going to store_dir.  The child has
 * the signal dispositions and mask of this process.
 */
int lk_launch(const char *path, char *const argv[], const char *agent, const char *store_dir,
	pid_t *ret_pid, struct lk_err *err);

#endif
