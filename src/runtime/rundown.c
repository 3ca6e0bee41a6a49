#include "runtime/rundown.h"

#include "base/cursor.h"
#include "util/mem.h"
#include "util/utf16.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PROVIDER "Microsoft-Windows-DotNETRuntimeRundown"

enum event {
	METHOD_END_VERBOSE = 144,
	END_COMPLETE = 146,
	METHOD_IL_MAP = 150,
	DOMAIN_MODULE_END = 152,
	MODULE_END = 154,
};

/* What a stream may make us remember. */
#define METHODS_MAX (1u << 20)
#define POINTS_MAX  (16u << 20)
#define MODULES_MAX (1u << 16)
#define TEXT_MAX    4096u

/* IL offsets that are none: no IL, before the first, after the last. */
#define IL_NONE	  0xffffffffu
#define IL_PROLOG 0xfffffffeu
#define IL_EPILOG 0xfffffffdu

struct point {
	uint32_t native, il;
};

struct map {
	uint64_t method_id, rejit_id;
	size_t first;
	uint32_t count;
};

struct lk_rundown {
	struct lk_strings *strings;
	struct lk_rundown_method *methods;
	size_t nr_methods, methods_capacity;
	struct map *maps;
	size_t nr_maps, maps_capacity;
	struct point *points;
	size_t nr_points, points_capacity;
	struct lk_rundown_module *modules;
	size_t nr_modules, modules_capacity;
	uint64_t nr_damaged;
	bool complete, full;
};

struct lk_rundown *lk_rundown_new(void)
{
	struct lk_rundown *r = lk_xcalloc(1, sizeof(*r));

	r->strings = lk_strings_new();
	return r;
}

struct lk_rundown *lk_rundown_free(struct lk_rundown *r)
{
	if (!r)
		return NULL;
	lk_strings_free(r->strings);
	free(r->methods);
	free(r->maps);
	free(r->points);
	free(r->modules);
	free(r);
	return NULL;
}

size_t lk_rundown_nr_methods(const struct lk_rundown *r)
{
	return r->nr_methods;
}

size_t lk_rundown_nr_maps(const struct lk_rundown *r)
{
	return r->nr_maps;
}

size_t lk_rundown_nr_modules(const struct lk_rundown *r)
{
	return r->nr_modules;
}

uint64_t lk_rundown_nr_damaged(const struct lk_rundown *r)
{
	return r->nr_damaged;
}

/* --- events ------------------------------------------------------------------- */

static const char *take_text(struct lk_rundown *r, struct lk_cursor *c)
{
	char text[TEXT_MAX];

	lk_utf16_take(c, text, sizeof(text));
	return lk_strings_add(r->strings, text);
}

static void take_method(struct lk_rundown *r, struct lk_cursor *c)
{
	struct lk_rundown_method m = {0};

	m.method_id = lk_cursor_u64(c);
	m.module_id = lk_cursor_u64(c);
	m.start_addr = lk_cursor_u64(c);
	m.size = lk_cursor_u32(c);
	m.token = lk_cursor_u32(c);
	m.flags = lk_cursor_u32(c);
	m.type = take_text(r, c);
	m.name = take_text(r, c);
	m.signature = take_text(r, c);
	lk_cursor_u16(c); /* instance of the runtime */
	if (lk_cursor_left(c) >= 8)
		m.rejit_id = lk_cursor_u64(c); /* version 2; both occur in one stream */
	if (c->bad || !m.size || m.start_addr > UINT64_MAX - m.size)
		return;
	if (r->nr_methods >= METHODS_MAX) {
		r->full = true;
		return;
	}
	r->methods = lk_grow(r->methods, r->nr_methods, &r->methods_capacity, sizeof(m));
	r->methods[r->nr_methods++] = m;
}

static void take_map(struct lk_rundown *r, struct lk_cursor *c)
{
	struct map map = {.method_id = lk_cursor_u64(c), .rejit_id = lk_cursor_u64(c)};
	const uint8_t *il, *native;

	lk_cursor_u8(c); /* extent */
	map.count = lk_cursor_u16(c);
	map.first = r->nr_points;
	il = lk_cursor_take(c, 4u * map.count);
	native = lk_cursor_take(c, 4u * map.count);
	if (c->bad)
		return;
	if (r->nr_points + map.count > POINTS_MAX || r->nr_maps >= METHODS_MAX) {
		r->full = true;
		return;
	}
	for (uint32_t i = 0; i < map.count; i++) {
		struct point p;

		memcpy(&p.il, il + 4u * i, 4);
		memcpy(&p.native, native + 4u * i, 4);
		r->points = lk_grow(r->points, r->nr_points, &r->points_capacity, sizeof(p));
		r->points[r->nr_points++] = p;
	}
	r->maps = lk_grow(r->maps, r->nr_maps, &r->maps_capacity, sizeof(map));
	r->maps[r->nr_maps++] = map;
}

/* Both kinds tell the path; only one tells the PDB, and comes first or second. */
static void take_module(struct lk_rundown *r, struct lk_cursor *c, bool domain)
{
	struct lk_rundown_module m = {.module_id = lk_cursor_u64(c), .pdb_path = ""};
	const uint8_t *guid;

	lk_cursor_u64(c); /* assembly */
	if (domain)
		lk_cursor_u64(c); /* application domain */
	lk_cursor_u64(c);	  /* flags, reserved */
	m.path = take_text(r, c);
	take_text(r, c); /* native image */
	lk_cursor_u16(c);
	if (!domain && lk_cursor_left(c)) {
		guid = lk_cursor_take(c, sizeof(m.pdb_guid));
		if (guid)
			memcpy(m.pdb_guid, guid, sizeof(m.pdb_guid));
		m.pdb_age = lk_cursor_u32(c);
		m.pdb_path = take_text(r, c);
	}
	if (c->bad)
		return;
	if (r->nr_modules >= MODULES_MAX) {
		r->full = true;
		return;
	}
	r->modules = lk_grow(r->modules, r->nr_modules, &r->modules_capacity, sizeof(m));
	r->modules[r->nr_modules++] = m;
}

void lk_rundown_event(void *rundown, const struct lk_nettrace_event *event)
{
	struct lk_cursor c = lk_cursor_over(event->payload, event->size);
	struct lk_rundown *r = rundown;

	if (strcmp(event->provider, PROVIDER))
		return;
	switch (event->id) {
	case METHOD_END_VERBOSE:
		take_method(r, &c);
		break;
	case METHOD_IL_MAP:
		take_map(r, &c);
		break;
	case DOMAIN_MODULE_END:
	case MODULE_END:
		take_module(r, &c, event->id == DOMAIN_MODULE_END);
		break;
	case END_COMPLETE:
		r->complete = true;
		break;
	default:
		break;
	}
	r->nr_damaged += c.bad;
}

/* --- lookups ------------------------------------------------------------------ */

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_address(const void *a, const void *b)
{
	const struct lk_rundown_method *x = a, *y = b;

	return compare(x->start_addr, y->start_addr);
}

static int by_body(const void *a, const void *b)
{
	const struct map *x = a, *y = b;
	int r = compare(x->method_id, y->method_id);

	return r ? r : compare(x->rejit_id, y->rejit_id);
}

/* Maps come unsorted, and with several entries for one place: that of real IL comes last. */
static int by_native(const void *a, const void *b)
{
	const struct point *x = a, *y = b;
	int r = compare(x->native, y->native);

	return r ? r : compare(~x->il, ~y->il);
}

/* One row per module: where both kinds of event came, that which knows the PDB. */
static int by_module(const void *a, const void *b)
{
	const struct lk_rundown_module *x = a, *y = b;
	int r = compare(x->module_id, y->module_id);

	return r ? r : compare(!x->pdb_path[0], !y->pdb_path[0]);
}

static void sort(void *rows, size_t nr, size_t size, int (*order)(const void *, const void *))
{
	if (nr)
		qsort(rows, nr, size, order);
}

static void merge_modules(struct lk_rundown *r)
{
	size_t nr = 0;

	sort(r->modules, r->nr_modules, sizeof(*r->modules), by_module);
	for (size_t i = 0; i < r->nr_modules; i++)
		if (!nr || r->modules[nr - 1].module_id != r->modules[i].module_id)
			r->modules[nr++] = r->modules[i];
	r->nr_modules = nr;
}

int lk_rundown_finish(struct lk_rundown *r)
{
	sort(r->methods, r->nr_methods, sizeof(*r->methods), by_address);
	sort(r->maps, r->nr_maps, sizeof(*r->maps), by_body);
	for (size_t i = 0; i < r->nr_maps; i++)
		sort(r->points + r->maps[i].first, r->maps[i].count, sizeof(*r->points), by_native);
	merge_modules(r);
	return r->full ? -E2BIG : r->complete ? 0 : -ENODATA;
}

const struct lk_rundown_method *lk_rundown_nth(const struct lk_rundown *r, size_t n)
{
	return n < r->nr_methods ? &r->methods[n] : NULL;
}

const struct lk_rundown_method *lk_rundown_at(const struct lk_rundown *r, uint64_t pc)
{
	size_t low = 0, high = r->nr_methods;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (r->methods[mid].start_addr <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || pc - r->methods[low - 1].start_addr >= r->methods[low - 1].size)
		return NULL;
	return &r->methods[low - 1];
}

const struct lk_rundown_module *lk_rundown_module(const struct lk_rundown *r, uint64_t module_id)
{
	struct lk_rundown_module key = {.module_id = module_id};
	size_t low = 0, high = r->nr_modules;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (r->modules[mid].module_id < key.module_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < r->nr_modules && r->modules[low].module_id == module_id ? &r->modules[low]
									     : NULL;
}

int lk_rundown_il(const struct lk_rundown *r, const struct lk_rundown_method *method,
	uint32_t native, uint32_t *ret_il)
{
	const struct map key = {.method_id = method->method_id, .rejit_id = method->rejit_id}, *map;
	const struct point *points;
	uint32_t i;

	map = r->nr_maps ? bsearch(&key, r->maps, r->nr_maps, sizeof(key), by_body) : NULL;
	if (!map)
		return -ENODATA;
	points = r->points + map->first;
	for (i = map->count; i > 0 && points[i - 1].native > native; i--)
		;
	/* Code without IL of its own belongs to what stands before it. */
	while (i > 0 && (points[i - 1].il == IL_NONE || points[i - 1].il == IL_EPILOG))
		i--;
	if (!i)
		return -ENODATA;
	*ret_il = points[i - 1].il == IL_PROLOG ? 0 : points[i - 1].il;
	return 0;
}
