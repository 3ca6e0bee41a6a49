/*
 * The walker for CoreCLR: code by clr_code.c, rows by clr_unwind.c, names by
 * clr_name.c, all of it read in memory.  Code of stubs that have no unwind
 * information (precodes, thunks) never stands in a stack: it ends in a jump.
 */
#include "walk/clr.h"

#include "elf/dynsym.h"
#include "walk/clr_image.h"
#include "walk/peek.h"

#include <errno.h>

#define MAX_MODULES 4096u

struct lk_clr lk_clr;
static uint32_t attached;

/* libcoreclr.so, or the executable that it is linked into (single-file programs). */
static const struct link_map *runtime_module(void)
{
	const struct link_map *m = _r_debug.r_map;

	for (unsigned i = 0; m && i < MAX_MODULES; m = m->l_next, i++)
		if (m->l_ld && lk_elf_symbol(m, "DotNetRuntimeContractDescriptor"))
			return m;
	return NULL;
}

static int attach(void)
{
	const struct link_map *m;
	int r;

	if (lk_load(&attached))
		return 0;
	m = runtime_module();
	if (!m)
		return -ENODATA;
	if (lk_peek_probe())
		return -EOPNOTSUPP;
	r = lk_clr_layout_read(m);
	if (!r)
		lk_store_rel(&attached, 1);
	return r;
}

static int row(
	uint64_t lookup_pc, bool exact, struct lk_row *ret_row, struct lk_code_body *ret_body)
{
	struct lk_clr_code code;
	int r;

	if (!lk_load_acq(&attached)) /* pairs with attach */
		return -ENODATA;
	r = lk_clr_find_code(lookup_pc, &code);
	if (r)
		return r;
	*ret_body = (struct lk_code_body){.start = code.start};
	r = lk_clr_unwind_row(code.base, code.function, code.unwind, lookup_pc, exact, ret_row);
	if (!r && !code.permanent) {
		ret_body->size = code.end - code.start;
		ret_body->handle = code.method;
		ret_row->flags |= LK_ROW_MANAGED;
	}
	return r;
}

static int describe(uint64_t lookup_pc, uint64_t serves, struct lk_walk_name *ret_name)
{
	struct lk_clr_code code;
	int r;

	if (!lk_load_acq(&attached)) /* pairs with attach */
		return -ENODATA;
	r = lk_clr_find_code(lookup_pc, &code);
	if (!r)
		lk_clr_name(&code, serves, ret_name);
	return r;
}

static int place(uint64_t lookup_pc, const struct lk_walk_stack *stack, uint64_t *ret_start,
	uint64_t *ret_serves)
{
	struct lk_clr_code code;

	if (!lk_load_acq(&attached) || lk_clr_find_code(lookup_pc, &code)) /* pairs with attach */
		return -ENODATA;
	*ret_start = code.start;
	*ret_serves = lk_clr_serves(&code, stack);
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
