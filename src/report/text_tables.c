#include "leak/wording.h"
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TOP	     10
#define NAME_COLUMNS 42

static double share(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

static void say_row(const struct lk_text *t, const struct lk_share *r, bool sizes)
{
	char human[LK_WORDING_MAX], bytes[LK_WORDING_MAX], blocks[LK_WORDING_MAX];
	char of_bytes[LK_WORDING_MAX], of_blocks[LK_WORDING_MAX], size[LK_WORDING_MAX + 8];
	const char *name = r->name;

	if (sizes) {
		lk_word_count(human, strtoull(r->name, NULL, 10));
		snprintf(size, sizeof(size), "%s byte%s", human, strcmp(r->name, "1") ? "s" : "");
		name = size;
	}
	fputs("  ", t->say.out);
	lk_say_column(&t->say, name, NAME_COLUMNS);
	fprintf(t->say.out, " %10s %17s %6s %13s %6s\n", lk_word_bytes(human, (double)r->bytes),
		lk_word_count(bytes, r->bytes),
		lk_word_percent(of_bytes, share(r->bytes, t->a->bytes)),
		lk_word_count(blocks, r->blocks),
		lk_word_percent(of_blocks, share(r->blocks, t->a->blocks)));
}

static void say_rows(const struct lk_text *t, const struct lk_share *rows, size_t nr,
	const char *order, bool sizes)
{
	size_t shown = nr < TOP ? nr : TOP;

	lk_say_style(&t->say, LK_STYLE_DIM);
	fprintf(t->say.out, "  %-*s %28s %20s\n", NAME_COLUMNS, order, "bytes", "blocks");
	lk_say_plain(&t->say);
	for (size_t i = 0; i < shown; i++)
		say_row(t, &rows[i], sizes);
	if (nr > shown)
		fprintf(t->say.out, "  and %zu more\n", nr - shown);
}

static int by_blocks(const void *a, const void *b)
{
	const struct lk_share *x = a, *y = b;

	if (x->blocks != y->blocks)
		return x->blocks > y->blocks ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* By bytes, and by blocks where the first ten are others or in another order. */
static void say_both(
	const struct lk_text *t, const char *title, const struct lk_shares *r, bool sizes)
{
	size_t shown = r->nr_rows < TOP ? r->nr_rows : TOP;
	struct lk_share *other;
	bool same = true;

	lk_say_title(&t->say, title);
	if (!r->nr_rows) {
		fputs("  nothing\n", t->say.out);
		return;
	}
	other = lk_xmalloc(r->nr_rows * sizeof(*other));
	memcpy(other, r->rows, r->nr_rows * sizeof(*other));
	qsort(other, r->nr_rows, sizeof(*other), by_blocks);
	for (size_t i = 0; i < shown; i++)
		same &= !strcmp(other[i].name, r->rows[i].name);
	say_rows(
		t, r->rows, r->nr_rows, same ? "most bytes, and most blocks" : "most bytes", sizes);
	if (!same)
		say_rows(t, other, r->nr_rows, "most blocks", sizes);
	free(other);
}

void lk_text_breakdown(const struct lk_text *t)
{
	say_both(t, "By memory manager", &t->a->managers, false);
	say_both(t, "By module of the responsible frame", &t->a->modules, false);
	say_both(t, "By responsible function", &t->a->functions, false);
	say_both(t, "By size of the blocks", &t->a->sizes, true);
}
