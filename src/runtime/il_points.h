/*
 * Sequence points: which source line an IL offset of a method stands for.  Every
 * symbol file format (mdb.c, pdb_portable.c) decodes a method into one such list.
 */
#ifndef LK_RUNTIME_IL_POINTS_H
#define LK_RUNTIME_IL_POINTS_H

#include "base/defs.h"

struct lk_il_point {
	uint32_t il;
	uint32_t line;	  /* 0 where hidden */
	uint32_t column;  /* 0 unknown */
	const char *file; /* as stored in the symbol file; NULL unknown */
	bool hidden;	  /* code that no source line stands for */
};

struct lk_il_points {
	struct lk_il_point *at; /* in the file's order, which is that of IL offsets */
	size_t count, capacity;
};

/* More points than any method has: a method with more is damaged. */
#define LK_IL_POINTS_MAX 1000000u
/* Changes of file within one method; each costs a walk over a path. */
#define LK_IL_FILE_CHANGES_MAX 4096u

/* -EBADMSG: more than LK_IL_POINTS_MAX. */
int lk_il_points_add(struct lk_il_points *points, const struct lk_il_point *point);
void lk_il_points_done(struct lk_il_points *points);

/*
 * The point with the largest offset at or before il; where that one is hidden,
 * the visible one before it.  NULL: none.
 */
const struct lk_il_point *lk_il_points_find(const struct lk_il_points *points, uint32_t il);

#endif
