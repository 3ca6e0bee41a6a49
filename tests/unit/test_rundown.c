#include "runtime/rundown.h"

#include <errno.h>

#include "nettrace_fixture.h"
#include "tap.h"

static struct lk_rundown *read_rundown(const uint8_t *bytes, size_t size, int *ret_code)
{
	struct lk_rundown *r = lk_rundown_new();
	struct lk_nettrace *n = lk_nettrace_new(lk_rundown_event, r);

	lk_nettrace_feed(n, bytes, size);
	lk_nettrace_free(n);
	*ret_code = lk_rundown_finish(r);
	return r;
}

static const struct lk_rundown_method *find(
	const struct lk_rundown *r, const char *type, const char *name)
{
	const struct lk_rundown_method *m;

	for (size_t i = 0; (m = lk_rundown_nth(r, i)); i++)
		if (!strcmp(m->type, type) && !strcmp(m->name, name))
			return m;
	return NULL;
}

static void names(const struct lk_rundown *r)
{
	const struct lk_rundown_method *main = find(r, "Program", "Main");
	const struct lk_rundown_method *hold = find(r, "Program", "Hold");
	const struct lk_rundown_module *module = lk_rundown_module(r, main ? main->module_id : 0);
	unsigned precompiled = 0, nr = 0, guid = 0;

	tap_ok(main && hold, "the program's methods are named");
	tap_ok(main && !strcmp(main->signature, "int32  (class System.String[])"),
		"with signature");
	tap_ok(hold && hold->token == 0x06000001 && (hold->flags & LK_RUNDOWN_JITTED),
		"with token, as JIT'd");
	tap_ok(hold && LK_RUNDOWN_TIER(hold->flags) == LK_TIER_QUICK, "with tier");
	tap_ok(module && strstr(module->path, "/dotnet_counters.dll"), "in their module");
	for (unsigned i = 0; module && i < sizeof(module->pdb_guid); i++)
		guid += module->pdb_guid[i];
	tap_ok(guid && strstr(module->pdb_path, "dotnet_counters.pdb") && module->pdb_age == 1,
		"whose PDB is told");
	for (size_t i = 0; i < lk_rundown_nr_methods(r); i++, nr++)
		precompiled += !(lk_rundown_nth(r, i)->flags & LK_RUNDOWN_JITTED);
	tap_ok(precompiled > 100 && precompiled < nr, "precompiled methods are there: %u of %u",
		precompiled, nr);
	tap_ok(!lk_rundown_module(r, 1), "a module that is none is not found");
}

static void finds(const struct lk_rundown *r)
{
	const struct lk_rundown_method *m;
	unsigned right = 0, wrong = 0;

	for (size_t i = 0; (m = lk_rundown_nth(r, i)); i++) {
		const struct lk_rundown_method *first = lk_rundown_at(r, m->start_addr);
		const struct lk_rundown_method *last =
			lk_rundown_at(r, m->start_addr + m->size - 1);

		right += first && first->start_addr == m->start_addr && first == last;
		wrong += !first || first != last;
	}
	tap_ok(right > 300 && !wrong, "%u methods are found by first and last address", right);
	tap_ok(!lk_rundown_at(r, 0) && !lk_rundown_at(r, UINT64_MAX),
		"an address of no method is none");
}

static void maps(const struct lk_rundown *r)
{
	const struct lk_rundown_method *m = find(r, "Program", "Hold");
	const struct lk_rundown_method *cold = NULL;
	uint32_t il, last = 0, nr_back = 0;
	bool all = true;

	tap_ok(m && lk_rundown_il(r, m, 0, &il) == 0 && il == 0, "a body begins at IL 0");
	for (uint32_t at = 0; m && at < m->size; at++) {
		all &= lk_rundown_il(r, m, at, &il) == 0;
		nr_back += il < last;
		last = il;
	}
	tap_ok(all && last > 20 && last < 40 && !nr_back,
		"straight code's IL offsets rise, to %u in the end", last);
	for (size_t i = 0; (m = lk_rundown_nth(r, i)); i++)
		if (!(m->flags & LK_RUNDOWN_JITTED))
			cold = m;
	tap_ok(cold && lk_rundown_il(r, cold, 0, &il) == -ENODATA, "precompiled code has no map");
}

/* An event as the reader gives it, of bytes made by hand. */
static void give(struct lk_rundown *r, uint32_t id, const struct made *payload)
{
	uint8_t *exact = malloc(payload->size ? payload->size : 1);
	struct lk_nettrace_event e = {.provider = "Microsoft-Windows-DotNETRuntimeRundown",
		.name = "",
		.id = id,
		.payload = exact,
		.size = payload->size};

	memcpy(exact, payload->at, payload->size);
	lk_rundown_event(r, &e);
	free(exact);
}

static void make_map(struct made *m)
{
	static const uint32_t il[] = {9, 0xfffffffe, 5, 0xffffffff, 0xffffffff, 0xfffffffd};
	static const uint32_t native[] = {40, 0, 10, 20, 40, 60};

	m->size = 0;
	made_u64(m, 100); /* method */
	made_u64(m, 2);	  /* body */
	made_u8(m, 0);
	made_u16(m, 6);
	made_bytes(m, il, sizeof(il));
	made_bytes(m, native, sizeof(native));
	made_u16(m, 0);
}

static void by_hand(void)
{
	static const struct {
		uint32_t native, il;
	} expected[] = {{0, 0}, {9, 0}, {10, 5}, {19, 5}, {20, 5}, {40, 9}, {59, 9}, {60, 9}};
	const struct lk_rundown_method method = {.method_id = 100, .rejit_id = 2, .size = 80};
	const struct lk_rundown_method other = {.method_id = 100, .rejit_id = 3, .size = 80};
	struct lk_rundown *r = lk_rundown_new();
	struct made m;
	uint32_t il = 77;
	bool right = true;

	make_map(&m);
	give(r, 150, &m);
	tap_ok(lk_rundown_finish(r) == -ENODATA, "a rundown without its last event is not whole");
	for (size_t i = 0; i < LK_ARRAY_SIZE(expected); i++)
		right &=
			!lk_rundown_il(r, &method, expected[i].native, &il) && il == expected[i].il;
	tap_ok(right, "unsorted maps, marks and doubles are understood");
	tap_ok(lk_rundown_il(r, &other, 10, &il) == -ENODATA, "another body has another map");
	give(r, 146, &m);
	tap_ok(lk_rundown_finish(r) == 0, "with it, it is");
	for (size_t size = m.size - 3; size > 0; size--) {
		m.size = size;
		give(r, 150, &m);
	}
	tap_ok(lk_rundown_nr_maps(r) == 1 && lk_rundown_nr_damaged(r) > 60,
		"maps that are cut off are counted as damaged");
	lk_rundown_free(r);
}

static unsigned nr_whole, nr_cut;

static void try(const uint8_t *bytes, size_t size)
{
	const struct lk_rundown_method *m;
	struct lk_rundown *r;
	uint32_t il;
	int code;

	r = read_rundown(bytes, size, &code);
	nr_whole += !code;
	nr_cut += code == -ENODATA;
	for (size_t i = 0; (m = lk_rundown_nth(r, i)); i++) {
		lk_rundown_at(r, m->start_addr + 1);
		lk_rundown_il(r, m, m->size / 2, &il);
		lk_rundown_module(r, m->module_id);
	}
	lk_rundown_free(r);
}

int main(void)
{
	struct lk_rundown *r;
	uint8_t *bytes;
	size_t size;
	int code;

	bytes = fixture_stream("rundown.nettrace.gz", &size);
	r = read_rundown(bytes, size, &code);
	tap_ok(!code && !lk_rundown_nr_damaged(r), "a rundown is read whole: %zu methods, %zu maps",
		lk_rundown_nr_methods(r), lk_rundown_nr_maps(r));
	names(r);
	finds(r);
	maps(r);
	lk_rundown_free(r);
	by_hand();
	fixture_damage(bytes, size, 4999, try);
	tap_ok(nr_whole > 20 && nr_cut > 20, "damaged rundowns are read (%u) or known as cut (%u)",
		nr_whole, nr_cut);
	free(bytes);
	return tap_done();
}
