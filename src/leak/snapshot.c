#include "leak/snapshot.h"

#include <stdlib.h>

struct lk_snapshot *lk_snapshot_new(void)
{
	struct lk_snapshot *s = lk_xcalloc(1, sizeof(*s));

	s->strings = lk_strings_new();
	s->exit_status = -1;
	return s;
}

struct lk_snapshot *lk_snapshot_free(struct lk_snapshot *s)
{
	if (!s)
		return NULL;
	lk_strings_free(s->strings);
	free(s->command);
	free(s->runtimes);
	free(s->frames);
	free(s->stacks);
	free(s->blocks);
	free(s->threads);
	free(s->contents);
	free(s->modules);
	free(s->not_seen);
	lk_counter_done(&s->counters);
	free(s);
	return NULL;
}

void lk_snapshot_not_seen(struct lk_snapshot *s, const char *key, const char *text, uint64_t count)
{
	s->not_seen =
		lk_grow(s->not_seen, s->nr_not_seen, &s->not_seen_capacity, sizeof(*s->not_seen));
	s->not_seen[s->nr_not_seen++] =
		(struct lk_not_seen){.key = key, .text = text, .count = count};
}

const struct lk_content *lk_snapshot_content(const struct lk_snapshot *s, uint64_t address)
{
	size_t low = 0, high = s->nr_contents;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->contents[mid].address < address)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->nr_contents && s->contents[low].address == address)
		return &s->contents[low];
	return NULL;
}
