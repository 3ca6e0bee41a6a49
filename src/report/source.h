/* The lines of a source file around one, where the file is at hand. */
#ifndef LK_REPORT_SOURCE_H
#define LK_REPORT_SOURCE_H

#include "base/defs.h"

#define LK_SOURCE_AROUND 3

struct lk_source {
	char *lines[2 * LK_SOURCE_AROUND + 1]; /* without their end; cut at 160 bytes */
	unsigned nr_lines;
	unsigned first; /* line number of lines[0] */
};

/*
 * Reads the neighbours of line (from 1) of file.  -ENOENT no such file or not a
 * plain one, -ESTALE it was changed after not_after_s (seconds since the epoch, 0:
 * any), -ENODATA it has no such line, -EFBIG too large to be source.  On success
 * the caller ends with lk_source_done.
 */
int lk_source_read(
	const char *file, unsigned line, double not_after_s, struct lk_source *ret_source);
void lk_source_done(struct lk_source *source);

#endif
