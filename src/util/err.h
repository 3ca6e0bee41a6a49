/*
 * An error as the user reads it: what failed, on what, why, and what to do about
 * it.  Functions that touch the world take one as their last argument, fill it
 * when they fail and return -errno; only cli/ prints it.  A caller that does not
 * want the text passes NULL.
 */
#ifndef LK_UTIL_ERR_H
#define LK_UTIL_ERR_H

#include <stdarg.h>

struct lk_err {
	int code;	  /* negative errno, 0 for none */
	char what[512];	  /* one sentence, no full stop */
	char remedy[512]; /* what the user can do; empty where there is nothing */
};

/* Fills err and returns code (negative errno). */
int lk_fail(struct lk_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with errno: appends ": strerror" and returns -errno. */
int lk_fail_errno(struct lk_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds the remedy to an error already filled; returns err's code. */
int lk_remedy(struct lk_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
