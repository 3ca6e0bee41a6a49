#include "runtime/il_points.h"

#include <errno.h>
#include <stdlib.h>

#include "util/mem.h"

int lk_il_points_add(struct lk_il_points *points, const struct lk_il_point *point)
{
	if (points->count >= LK_IL_POINTS_MAX)
		return -EBADMSG;
	points->at = lk_grow(points->at, points->count, &points->capacity, sizeof(*points->at));
	points->at[points->count++] = *point;
	return 0;
}

void lk_il_points_done(struct lk_il_points *points)
{
	free(points->at);
	*points = (struct lk_il_points){0};
}

const struct lk_il_point *lk_il_points_find(const struct lk_il_points *points, uint32_t il)
{
	const struct lk_il_point *best = NULL;

	/* Of several at one offset the last counts, as in Mono. */
	for (size_t i = 0; i < points->count; i++) {
		const struct lk_il_point *p = &points->at[i];

		if (p->il <= il && !p->hidden && (!best || p->il >= best->il))
			best = p;
	}
	return best;
}
