/*
 * .NET 8 and 9 do not say where a Module has its path and its ReadyToRunInfo, and that
 * one its map of entry points.  Both are found by what they hold, on the first
 * module and method that are asked for, and then hold for all.
 */
#include "walk/clr_learn.h"

#include "walk/clr_method.h"
#include "walk/clr_r2r.h"
#include "walk/peek.h"

#define MODULE_WORDS 256u
#define INFO_WORDS   80u
#define TRIES_MAX    64u

/* How far into the structures a path is looked for. */
#define MODULE_START   64u
#define ASSEMBLY_WORDS 8u
#define IMAGE_WORDS    24u

struct text {
	uint16_t units[512];
	size_t nr;
};

/* Whether a path of an assembly stands at `at`, which may be anything. */
static bool read_path(uint64_t at, struct text *ret)
{
	const uint16_t *u = ret->units;
	size_t nr =
		at & 1 || !(at >> 16) ? 0 : lk_peek_some(at, ret->units, sizeof(ret->units)) / 2;
	size_t n = 0;

	if (nr < 8 || u[0] != '/')
		return false;
	while (n < nr && u[n])
		n++;
	ret->nr = n;
	return n < nr && n > 5 && u[n - 4] == '.' &&
	       ((u[n - 3] == 'd' && u[n - 2] == 'l' && u[n - 1] == 'l') ||
		       (u[n - 3] == 'e' && u[n - 2] == 'x' && u[n - 1] == 'e'));
}

/* Whether the text at `at` is the name of the file without its ending. */
static bool is_stem(uint64_t at, const struct text *path)
{
	size_t end = path->nr - 4, start = end;
	char name[128];
	int n;

	while (start && path->units[start - 1] != '/')
		start--;
	n = at >> 16 ? lk_peek_string(at, name, sizeof(name)) : -1;
	if (n <= 0 || (size_t)n != end - start)
		return false;
	for (int i = 0; i < n; i++)
		if (path->units[start + (size_t)i] != (uint8_t)name[i])
			return false;
	return true;
}

/* A module holds its name: a path that ends in it is its own. */
static bool is_of(const struct text *path, const uint64_t *module, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (is_stem(module[i], path))
			return true;
	return false;
}

static uint32_t find_direct(const uint64_t *module, size_t nr)
{
	struct text path;

	for (uint32_t i = 1; i < nr; i++)
		if (read_path(module[i], &path) && is_of(&path, module, nr))
			return 8 * i;
	return 0;
}

/* .NET 8: Module -> PEAssembly -> PEImage, whose path is a buffer of its own. */
static bool find_through(const uint64_t *module, size_t nr)
{
	uint64_t assembly[ASSEMBLY_WORDS], image[IMAGE_WORDS];
	struct text path;

	for (uint32_t i = 1; i < nr; i++) {
		size_t nr_a = module[i] % 8 || !(module[i] >> 16)
				      ? 0
				      : lk_peek_some(module[i], assembly, sizeof(assembly)) / 8;

		for (uint32_t k = 0; k < nr_a; k++) {
			size_t nr_i = assembly[k] % 8 || !(assembly[k] >> 16)
					      ? 0
					      : lk_peek_some(assembly[k], image, sizeof(image)) / 8;

			for (uint32_t l = 0; l < nr_i; l++) {
				if (!read_path(image[l], &path) || !is_of(&path, module, nr))
					continue;
				lk_store(&lk_clr.image_path, 8 * l);
				lk_store(&lk_clr.assembly_image, 8 * k);
				lk_store_rel(&lk_clr.module_assembly, 8 * i);
				return true;
			}
		}
	}
	return false;
}

uint64_t lk_clr_learn_path(uint64_t module)
{
	static uint32_t nr_tried;
	uint64_t words[MODULE_WORDS], at = 0;
	uint32_t offset;
	size_t nr;

	if (!lk_load(&lk_clr.module_path) && !lk_load(&lk_clr.image_path)) {
		if (lk_add(&nr_tried, 1) >= TRIES_MAX)
			return 0;
		nr = lk_peek_some(module, words, sizeof(words)) / 8;
		offset = find_direct(words, nr);
		if (offset)
			lk_store(&lk_clr.module_path, offset);
		else if (!find_through(words, nr < MODULE_START ? nr : MODULE_START))
			return 0;
	}
	if (lk_load(&lk_clr.module_path))
		return lk_peek_u64(module + lk_clr.module_path, &at) ? 0 : at;
	if (lk_peek_u64(module + lk_clr.module_assembly, &at) ||
		lk_peek_u64(at + lk_clr.assembly_image, &at) ||
		lk_peek_u64(at + lk_clr.image_path, &at))
		return 0;
	return at;
}

/* Where in ReadyToRunInfo the map lies that leads from entry to the method with this token. */
static uint32_t find_map(uint64_t info, uint64_t entry, uint32_t token)
{
	for (uint32_t i = 0; i < INFO_WORDS; i++) {
		uint64_t method = lk_clr_map_find(info + 8 * i, entry);
		struct lk_clr_method m;

		if (method && !lk_clr_method_read(method, &m) && m.token == token)
			return 8 * i;
	}
	return 0;
}

static bool has_word(const uint64_t *words, size_t nr, uint64_t value)
{
	for (size_t i = 0; i < nr; i++)
		if (words[i] == value)
			return true;
	return false;
}

bool lk_clr_learn_entries(const struct lk_clr_code *code, uint64_t entry, uint32_t token)
{
	static uint32_t nr_tried;
	uint64_t words[MODULE_WORDS], info[INFO_WORDS];
	size_t nr;

	if (lk_clr.described || lk_load(&lk_clr.r2r_entries) || lk_add(&nr_tried, 1) >= TRIES_MAX)
		return false;
	nr = lk_peek_some(code->module, words, sizeof(words)) / 8;
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t map;

		if (words[i] % 8 || !(words[i] >> 16) ||
			!has_word(info, lk_peek_some(words[i], info, sizeof(info)) / 8,
				lk_clr_r2r_table(code)))
			continue;
		map = find_map(words[i], entry, token);
		if (!map)
			continue;
		lk_store(&lk_clr.module_r2r, 8 * i);
		lk_store_rel(&lk_clr.r2r_entries, map); /* pairs with lk_clr_r2r_method */
		return true;
	}
	return false;
}
