/*
 * The walker for Mono.  Code in a loaded module is ahead-of-time code
 * (mono_aot.c) or a trampoline in such a module; all other code is looked up in
 * the tables of the domains (mono_table.c).  Both give a program of call frame
 * instructions that the runtime itself unwinds by, so rows are exact.
 *
 * Trampolines need no chain of LMFs: the generic ones are in the tables with
 * programs of their own, whose CFA steps over the call from the specific
 * trampoline that led there.
 */
#include "walk/mono.h"

#include "elf/dynsym.h"
#include "unwind/cfi.h"
#include "walk/peek.h"

#include <dlfcn.h>
#include <errno.h>

struct lk_mono lk_mono;

static int attach(void)
{
	const struct link_map *m;
	int r;

	m = lk_elf_module_with("mono_get_root_domain");
	if (!m)
		return -ENODATA;
	if (lk_peek_probe())
		return -EOPNOTSUPP;
	r = lk_mono_layout_read(m);
	if (!r && lk_mono_names_check() == -EOPNOTSUPP)
		r = -EOPNOTSUPP;
	return r;
}

static int run(const uint8_t *ops, size_t size, uint64_t offset, struct lk_row *ret_row)
{
	if (lk_cfi_run(ops, size, 1, -8, offset, ret_row))
		return -ENODATA;
	return 0;
}

static const struct link_map *module_of(uint64_t pc)
{
	struct dl_find_object found;

	return _dl_find_object((void *)pc, &found) ? NULL : found.dlfo_link_map;
}

static int jit_row(const struct link_map *m, uint64_t pc, struct lk_row *ret_row,
	struct lk_code_body *ret_body)
{
	uint8_t ops[LK_MONO_OPS_MAX];
	struct lk_mono_code code;
	int size = lk_mono_find_code(pc, &code);

	if (size)
		return size;
	/*
	 * A method in a module was compiled ahead of time, in a format that
	 * lk_mono_aot_find refused; its index is not one into the table below.
	 */
	if (m && !lk_mono_is_trampoline(&code))
		return -ENODATA;
	*ret_body = (struct lk_code_body){
		code.start, code.size, lk_mono_is_trampoline(&code) ? 0 : code.owner};
	size = lk_mono_unwind_ops(code.unwind_info, ops);
	return size < 0 ? size : run(ops, (size_t)size, pc - code.start, ret_row);
}

static int any_row(uint64_t lookup_pc, struct lk_row *ret_row, struct lk_code_body *ret_body)
{
	const struct link_map *m = module_of(lookup_pc);
	struct lk_mono_aot aot;

	if (m && !lk_mono_aot_find(m, lookup_pc, &aot)) {
		*ret_body = (struct lk_code_body){.start = aot.start};
		return run(aot.ops, aot.ops_size, lookup_pc - aot.start, ret_row);
	}
	return jit_row(m, lookup_pc, ret_row, ret_body);
}

static int row(
	uint64_t lookup_pc, bool exact, struct lk_row *ret_row, struct lk_code_body *ret_body)
{
	int r = any_row(lookup_pc, ret_row, ret_body);

	/* The programs say where in an epilog the state changes: exact needs no care. */
	(void)exact;
	if (!r)
		ret_row->flags |= LK_ROW_MANAGED;
	return r;
}

static void name_clear(struct lk_walk_name *name)
{
	name->info = (struct lk_code_info){.runtime = LK_RUNTIME_MONO};
	name->name[0] = name->klass[0] = name->space[0] = name->image[0] = 0;
	name->image_handle = 0;
	name->map_size = 0;
}

static int describe(uint64_t lookup_pc, uint64_t serves, struct lk_walk_name *ret_name)
{
	const struct link_map *m;
	struct lk_mono_code code;
	struct lk_mono_aot aot;
	uint64_t image = 0;
	bool is_aot;

	(void)serves;
	m = module_of(lookup_pc);
	is_aot = m && !lk_mono_aot_find(m, lookup_pc, &aot);
	if (!lk_mono_find_code(lookup_pc, &code)) {
		name_clear(ret_name);
		ret_name->info.flags = is_aot ? LK_CODE_FLAG_AOT : 0;
		lk_mono_name_code(&code, ret_name);
		return 0;
	}
	if (!is_aot)
		return -ENODATA;
	name_clear(ret_name);
	ret_name->info.flags = LK_CODE_FLAG_AOT;
	lk_mono_find_image(lookup_pc, &image);
	lk_mono_name_aot(&aot, image, ret_name);
	return 0;
}

const struct lk_walker lk_walker_mono = {
	.name = "mono",
	.runtime = LK_RUNTIME_MONO,
	.attach = attach,
	.row = row,
	.describe = describe,
};
