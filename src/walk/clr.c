/*
 * The walker for CoreCLR: code by clr_code.c, rows by clr_unwind.c, names by
 * clr_name.c, all of it read in memory.  Code of stubs that have no unwind
 * information (precodes, thunks) never stands in a stack: it ends in a jump.
 */
#include "walk/clr.h"

#include "elf/dynsym.h"
#include "walk/clr_method.h"
#include "walk/peek.h"

#include <errno.h>

struct lk_clr lk_clr;

static int attach(void)
{
	const struct link_map *m;

	/* libcoreclr.so, or the executable that it is linked into (single-file programs). */
	m = lk_elf_module_with("DotNetRuntimeContractDescriptor");
	if (!m)
		m = lk_elf_module_with("g_dacTable");
	if (!m)
		return -ENODATA;
	if (lk_peek_probe())
		return -EOPNOTSUPP;
	return lk_clr_layout_read(m);
}

static int row(
	uint64_t lookup_pc, bool exact, struct lk_row *ret_row, struct lk_code_body *ret_body)
{
	struct lk_clr_code code;
	int r;

	r = lk_clr_find_code(lookup_pc, &code);
	if (r)
		return r;
	*ret_body = (struct lk_code_body){.start = code.start};
	r = lk_clr_unwind_row(&code, lookup_pc, exact, ret_row);
	if (!r && !code.permanent) {
		ret_body->size = code.end - code.start;
		/* A stub's record bears what it serves: its place alone can be compared. */
		ret_body->handle = lk_clr_is_emitted(code.method) ? code.method : 0;
		ret_row->flags |= LK_ROW_MANAGED;
	}
	return r;
}

/* What place found; describe is mostly asked for the same next.  Store lock held. */
static struct lk_clr_code placed;
static uint64_t placed_pc;

static int describe(uint64_t lookup_pc, uint64_t serves, struct lk_walk_name *ret_name)
{
	if (placed_pc != lookup_pc && lk_clr_find_code(lookup_pc, &placed))
		return -ENODATA;
	placed_pc = 0;
	lk_clr_name(&placed, serves, ret_name);
	return 0;
}

static int place(uint64_t lookup_pc, const struct lk_walk_stack *stack, uint64_t *ret_start,
	uint64_t *ret_serves)
{
	placed_pc = 0;
	if (lk_clr_find_code(lookup_pc, &placed))
		return -ENODATA;
	placed_pc = lookup_pc;
	*ret_start = placed.start;
	*ret_serves = lk_clr_serves(&placed, stack);
	return 0;
}

const struct lk_walker lk_walker_clr = {
	.name = "clr",
	.runtime = LK_RUNTIME_CLR,
	.attach = attach,
	.row = row,
	.describe = describe,
	.place = place,
	.image = lk_clr_image,
};
