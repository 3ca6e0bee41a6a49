/*
 * Pattern texts of any bytes (libFuzzer's interface), and what they say of a few
 * stacks.  Seeds: tests/fuzz/corpus/patterns, made of data/leak.patterns by
 * tests/fuzz/seeds.
 */
#include "leak/patterns.h"

#include "make_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool never(const struct lk_content *content, uint64_t block_size, const char *kind)
{
	return content->size > block_size && !kind;
}

static void judge(const struct lk_patterns *p)
{
	static const char *const stacks[] = {
		MADE_REFERENCE,
		"malloc <- f@/app/x <- f@/app/x <- f@/app/x <- g@/app/x <- main@/app/x",
		"malloc <- %A.B.c(int)@/app/a.dll!/src/a.cs:1 <- #stub <- h@/app/libh.so <- main",
	};
	struct lk_snapshot *s = lk_snapshot_new();
	struct lk_analysis *a;

	for (size_t i = 0; i < LK_ARRAY_SIZE(stacks); i++)
		made_blocks(s, made_stack(s, stacks[i]), 64, 10, 0, 1000);
	made_content(s, s->blocks[0].address, "text", 4);
	s->tracked_ms = 1000;
	a = lk_analyse(s);
	lk_patterns_judge(p, s, a, a->nr_sites, (struct lk_content_judge){never});
	lk_analysis_free(a);
	lk_snapshot_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lk_patterns *p = lk_patterns_new();
	char *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (!lk_patterns_add(p, copy, size, "fuzz", NULL))
		judge(p);
	free(copy);
	lk_patterns_free(p);
	return 0;
}
