#include "leak/counter.h"

#include "util/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FLAT_SHARE 0.05
#define FLAT_BYTES 1048576.0

static struct lk_counter *find(const struct lk_counter_set *set, const char *name)
{
	for (size_t i = 0; i < set->nr; i++)
		if (!strcmp(set->at[i].name, name))
			return &set->at[i];
	return NULL;
}

const struct lk_counter *lk_counter_find(const struct lk_counter_set *set, const char *name)
{
	return find(set, name);
}

size_t lk_counter_max(const struct lk_counter *counter)
{
	size_t max = 0;

	for (size_t i = 1; i < counter->nr_points; i++)
		if (counter->points[i].value > counter->points[max].value)
			max = i;
	return max;
}

/* Of each pair after the first point the later one stays, or the largest of all. */
static void thin(struct lk_counter *s)
{
	size_t max = lk_counter_max(s), nr = 1;

	for (size_t i = 1; i < s->nr_points; i += 2) {
		size_t keep = i + 1 < s->nr_points && i != max ? i + 1 : i;

		s->points[nr++] = s->points[keep];
	}
	s->nr_points = nr;
	s->step_ms = s->step_ms ? s->step_ms * 2
				: (s->points[nr - 1].time_ms - s->points[0].time_ms) / (nr - 1);
}

/* The last point is provisional while it is closer to the one before than the step. */
static bool replaces_last(const struct lk_counter *c, double value)
{
	const struct lk_point *last;

	if (!c->step_ms || c->nr_points < 3)
		return false;
	last = &c->points[c->nr_points - 1];
	return last->time_ms - last[-1].time_ms < c->step_ms &&
	       (value >= last->value || lk_counter_max(c) != c->nr_points - 1);
}

void lk_counter_add(struct lk_counter_set *set, const char *name, const char *unit,
	const char *text, uint64_t time_ms, double value)
{
	struct lk_counter *s = find(set, name);

	if (!isfinite(value))
		return;
	if (!s) {
		set->at = lk_grow(set->at, set->nr, &set->capacity, sizeof(*set->at));
		s = &set->at[set->nr++];
		*s = (struct lk_counter){.name = name, .unit = unit, .text = text};
	}
	if (s->nr_points && time_ms < s->points[s->nr_points - 1].time_ms)
		return;
	if (replaces_last(s, value)) {
		s->points[s->nr_points - 1] = (struct lk_point){time_ms, value};
		return;
	}
	if (s->nr_points == LK_COUNTER_POINTS_MAX)
		thin(s);
	s->points = lk_grow(s->points, s->nr_points, &s->capacity, sizeof(*s->points));
	s->points[s->nr_points++] = (struct lk_point){time_ms, value};
}

size_t lk_counter_choose(const struct lk_counter *counter, size_t max, size_t *ret_indices)
{
	size_t nr = counter->nr_points < max ? counter->nr_points : max;

	for (size_t i = 0; i < nr; i++)
		ret_indices[i] = nr > 1 ? i * (counter->nr_points - 1) / (nr - 1) : 0;
	return nr;
}

bool lk_counter_flat(const struct lk_counter *counter)
{
	double first, limit;

	if (!counter->nr_points)
		return true;
	first = counter->points[0].value;
	limit = fmax(fabs(first) * FLAT_SHARE, FLAT_BYTES);
	return fabs(counter->points[counter->nr_points - 1].value - first) < limit;
}

void lk_counter_done(struct lk_counter_set *set)
{
	for (size_t i = 0; i < set->nr; i++)
		free(set->at[i].points);
	free(set->at);
	*set = (struct lk_counter_set){0};
}
