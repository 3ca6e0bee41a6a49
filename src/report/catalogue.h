/*
 * The catalogue of leak patterns as reports use it: the user's file, named by
 * LEAKLINE_PATTERNS, before leakline's own, which is a file beside the binary or in
 * ../share/leakline from there, or, where there is none, what was compiled in.
 */
#ifndef LK_REPORT_CATALOGUE_H
#define LK_REPORT_CATALOGUE_H

#include "leak/patterns.h"

/* data/leak.patterns, compiled in: made by the Makefile. */
extern const unsigned char lk_catalogue_text[];
extern const size_t lk_catalogue_size;

/*
 * Reads the catalogue; the caller frees it with lk_patterns_free.  A missing file of
 * leakline's own is no failure.  -ENOENT, -EACCES: the user's file cannot be read.
 * -EFBIG, -EBADMSG: a file is too large or damaged; err says where and how.
 */
int lk_catalogue_load(struct lk_patterns **ret_patterns, struct lk_err *err);

/* Adds the file at path.  -ENOENT where there is none; otherwise as above. */
int lk_catalogue_add_file(struct lk_patterns *patterns, const char *path, struct lk_err *err);

/* lk_patterns_judge with contents decoded as reports show them; nr_sites 0: all. */
void lk_catalogue_judge(const struct lk_patterns *patterns, const struct lk_snapshot *snapshot,
	struct lk_analysis *analysis, size_t nr_sites);

#endif
