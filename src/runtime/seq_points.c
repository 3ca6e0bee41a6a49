#include "runtime/seq_points.h"

#include <errno.h>

#include "base/cursor.h"

#define HEADER_DEBUG_DATA 1u
#define HEADER_SIZE_SHIFT 2
#define POINT_FLAG_EXIT	  2u

struct point {
	int64_t il;	/* -1: the method's entry */
	int64_t native; /* negative: code that was optimised away */
};

static int64_t read_zigzag(struct lk_cursor *c)
{
	uint32_t v = (uint32_t)lk_cursor_uleb(c);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void read_point(struct lk_cursor *c, bool debug_data, struct point *point)
{
	uint64_t nr_next;

	point->il += read_zigzag(c);
	point->native += read_zigzag(c);
	if (!debug_data)
		return;
	if (lk_cursor_uleb(c) & POINT_FLAG_EXIT)
		point->il = LK_SEQ_EXIT;
	nr_next = lk_cursor_uleb(c);
	for (; nr_next && !c->bad; nr_next--)
		lk_cursor_uleb(c);
}

int lk_seq_points_il(const void *map, size_t map_size, uint64_t native_offset, uint32_t *ret_il)
{
	struct lk_cursor c = lk_cursor_over(map, map_size);
	struct point point = {0}, best = {.native = -1};
	uint64_t header = lk_cursor_uleb(&c);
	const uint8_t *data = lk_cursor_take(&c, header >> HEADER_SIZE_SHIFT);

	if (!data)
		return map_size ? -EBADMSG : -ENODATA;
	c = lk_cursor_over(data, header >> HEADER_SIZE_SHIFT);
	while (lk_cursor_left(&c)) {
		read_point(&c, header & HEADER_DEBUG_DATA, &point);
		if (c.bad)
			return -EBADMSG;
		if (point.native >= 0 && (uint64_t)point.native <= native_offset &&
			point.native >= best.native)
			best = point;
	}
	if (best.native < 0)
		return -ENODATA;
	*ret_il = best.il < 0 || best.il > LK_SEQ_EXIT ? 0 : (uint32_t)best.il;
	return 0;
}
