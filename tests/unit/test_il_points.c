#include "runtime/il_points.h"

#include "tap.h"

int main(void)
{
	static const struct lk_il_point all[] = {
		{.il = 4, .hidden = true},
		{.il = 8, .line = 10},
		{.il = 12, .line = 11},
		{.il = 12, .line = 12},
		{.il = 20, .hidden = true},
		{.il = 30, .line = 13},
	};
	struct lk_il_points points = {0};

	tap_ok(!lk_il_points_find(&points, 0), "a method without points has no lines");
	for (size_t i = 0; i < LK_ARRAY_SIZE(all); i++)
		lk_il_points_add(&points, &all[i]);
	tap_ok(!lk_il_points_find(&points, 3), "before the first point there is no line");
	tap_ok(!lk_il_points_find(&points, 4), "hidden code with nothing before it has no line");
	tap_ok(lk_il_points_find(&points, 8)->line == 10, "a point's own offset is its line");
	tap_ok(lk_il_points_find(&points, 11)->line == 10, "code after a point is of its line");
	tap_ok(lk_il_points_find(&points, 12)->line == 12, "of two points the last counts");
	tap_ok(lk_il_points_find(&points, 25)->line == 12, "hidden code is of the line before");
	tap_ok(lk_il_points_find(&points, UINT32_MAX)->line == 13, "the end is of the last line");
	lk_il_points_done(&points);
	tap_ok(!points.at && !points.count, "a list that is done is empty");
	return tap_done();
}
