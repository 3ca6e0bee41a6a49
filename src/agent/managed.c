#include "agent/managed.h"

#include "agent/agent.h"
#include "walk/peek.h"

#include <errno.h>

static const struct lk_walker *const walkers[] = {&lk_walker_mono, &lk_walker_clr};
static uint8_t attached[LK_ARRAY_SIZE(walkers)];
static uint8_t refused[LK_ARRAY_SIZE(walkers)]; /* counted once */
static uint64_t attach_tried_s = UINT64_MAX;	/* tick, in seconds, of the last try */

static uint64_t tick_s(void)
{
	return lk_load(&lk_writer->header->tick_ms) / 1024;
}

static void attach_walkers(void)
{
	uint64_t now = tick_s(), tried = lk_load(&attach_tried_s);

	/* Of the threads that come in a new second one tries. */
	if (tried == now || !__atomic_compare_exchange_n(&attach_tried_s, &tried, now, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return;
	for (unsigned i = 0; i < LK_ARRAY_SIZE(walkers); i++) {
		int r = attached[i] ? -ENODATA : walkers[i]->attach();

		if (!r)
			lk_store_rel(&attached[i], 1);
		else if (r == -EOPNOTSUPP && !__atomic_exchange_n(&refused[i], 1, __ATOMIC_RELAXED))
			lk_count_lost(LK_LOST_RUNTIMES);
	}
}

/* --- records by the place of their code ----------------------------------------- */

/*
 * Records by (start of the body, what it serves).  In memory that is wiped in a
 * forked child, whose store has no records.  A record whose code went away
 * stays in; it is passed over.
 */
static uint32_t *index_slots; /* record number + 1; 0 free */
static uint32_t index_mask;

static uint32_t slot_of(uint64_t start, uint64_t serves)
{
	uint64_t h = (start ^ serves << 7) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(h ^ h >> 32) & index_mask;
}

/* A stub's record is told apart by what it serves, any other by its place alone. */
static uint64_t served_by(const struct lk_code_info *c)
{
	return c->runtime == LK_RUNTIME_CLR && c->kind == LK_CLR_STUB && c->token ? c->handle : 0;
}

static void index_put(uint32_t number)
{
	const struct lk_code_info *c = lk_region_at(LK_REGION_CODES, number);
	uint32_t i = slot_of(c->start, served_by(c));

	while (index_slots[i])
		i = (i + 1) & index_mask;
	index_slots[i] = number + 1;
}

static void index_add(uint32_t number)
{
	uint32_t size = index_slots ? index_mask + 1 : 0;

	if ((number + 1ull) * 2 > size) {
		uint32_t *slots;

		size = size ? size * 2 : 4096;
		slots = lk_private_alloc(size * sizeof(*slots));
		if (!slots)
			return; /* found by no one: described again */
		index_slots = slots;
		index_mask = size - 1;
		for (uint32_t i = 0; i < number; i++)
			index_put(i);
	}
	index_put(number);
}

static uint32_t index_find(uint64_t start, uint64_t serves)
{
	uint64_t nr = lk_writer->header->regions[LK_REGION_CODES].used;

	for (uint32_t i = slot_of(start, serves); index_slots && index_slots[i];
		i = (i + 1) & index_mask) {
		uint32_t number = index_slots[i] - 1;
		const struct lk_code_info *c = lk_region_at(LK_REGION_CODES, number);

		if (number < nr && c->start == start && served_by(c) == serves && !c->unloaded_ms)
			return number;
	}
	return LK_CODE_NONE;
}

static bool code_holds(uint64_t number, uint64_t pc)
{
	const struct lk_code_info *c = lk_region_at(LK_REGION_CODES, number);

	return pc >= c->start && pc - c->start < c->size && !c->unloaded_ms;
}

static uint32_t holders[4096]; /* by pc: number of the record that held it last */

static uint32_t *holder_of(uint64_t pc)
{
	return &holders[(pc ^ pc >> 12) & (LK_ARRAY_SIZE(holders) - 1)];
}

/* The record that held pc when it was asked for last, if it still does. */
static uint32_t code_holding_last(uint64_t pc)
{
	uint64_t nr = lk_writer->header->regions[LK_REGION_CODES].used, i = *holder_of(pc);

	return i < nr && code_holds(i, pc) ? (uint32_t)i : LK_CODE_NONE;
}

static uint32_t code_holding(uint64_t pc)
{
	uint64_t nr = lk_writer->header->regions[LK_REGION_CODES].used;
	uint32_t *holder = holder_of(pc), last = code_holding_last(pc);

	if (last != LK_CODE_NONE)
		return last;
	for (uint64_t i = nr; i-- > 0;)
		if (code_holds(i, pc)) {
			*holder = (uint32_t)i;
			return (uint32_t)i;
		}
	return LK_CODE_NONE;
}

/*
 * A runtime frees code and puts other code at its place.  The record that covers
 * pc must speak of the body that lies there now; where it does not, it is over,
 * and everything that was remembered of that code with it.
 */
static void check_code(uint64_t pc, const struct lk_code_body *body)
{
	struct lk_store_header *h = lk_writer->header;
	struct lk_code_info *c;
	uint32_t old;

	lk_store_lock();
	old = code_holding(pc);
	if (old != LK_CODE_NONE) {
		c = lk_region_at(LK_REGION_CODES, old);
		if (c->start != body->start || c->size != body->size ||
			(body->handle && c->handle != body->handle)) {
			lk_store(&c->unloaded_ms, lk_tick32(h));
			lk_add(&h->generation, 1);
		}
	}
	lk_store_unlock();
}

int lk_managed_row(uint64_t lookup_pc, bool exact, struct lk_row *ret_row, uint64_t *ret_start)
{
	struct lk_code_body body = {0};

	attach_walkers();
	for (unsigned i = 0; i < LK_ARRAY_SIZE(walkers); i++) {
		if (!lk_load_acq(&attached[i]) || walkers[i]->row(lookup_pc, exact, ret_row, &body))
			continue;
		*ret_start = body.start;
		if (body.size)
			check_code(lookup_pc, &body);
		return 0;
	}
	return -ENODATA;
}

/* --- images ------------------------------------------------------------------------ */

static struct lk_walk_image told; /* store lock held */

/* Copies memory of the program that may go away while we do. */
static uint64_t copy_memory(uint64_t addr, uint32_t size)
{
	uint64_t at = size ? lk_region_alloc(LK_REGION_BYTES, size) : UINT64_MAX;

	if (at == UINT64_MAX || lk_peek(addr, lk_region_at(LK_REGION_BYTES, at), size))
		return 0; /* not published: the place is used by what comes next */
	lk_region_publish(LK_REGION_BYTES, at, size);
	return at;
}

static uint64_t copy_debugs(const struct lk_walk_image *d, uint32_t *ret_size)
{
	uint64_t size = 0, at;
	uint8_t *to;

	for (uint32_t i = 0; i < d->nr_debugs; i++)
		size += 12 + (uint64_t)d->debugs[i].size;
	at = size && size < UINT32_MAX ? lk_region_alloc(LK_REGION_BYTES, size) : UINT64_MAX;
	if (at == UINT64_MAX)
		return 0;
	to = lk_region_at(LK_REGION_BYTES, at);
	for (uint32_t i = 0; i < d->nr_debugs; i++) {
		uint32_t head[3] = {d->debugs[i].type, d->debugs[i].stamp, d->debugs[i].size};

		__builtin_memcpy(to, head, sizeof(head));
		if (lk_peek(d->debugs[i].addr, to + sizeof(head), head[2]))
			return 0;
		to += sizeof(head) + head[2];
	}
	lk_region_publish(LK_REGION_BYTES, at, size);
	*ret_size = (uint32_t)size;
	return at;
}

static uint32_t add_image(uint64_t handle, const struct lk_walk_image *d)
{
	uint64_t number = lk_region_alloc(LK_REGION_IMAGES, 1);
	struct lk_image_info *info;

	if (number == UINT64_MAX)
		return 0;
	info = lk_region_at(LK_REGION_IMAGES, number);
	*info = (struct lk_image_info){
		.handle = handle,
		.path_at = lk_string_add(d->path),
		.loaded_ms = lk_tick32(lk_writer->header),
	};
	__builtin_memcpy(info->mvid, d->mvid, sizeof(info->mvid));
	info->meta_at = copy_memory(d->meta_addr, d->meta_size);
	info->meta_size = info->meta_at ? d->meta_size : 0;
	if (info->meta_at)
		info->debug_at = copy_debugs(d, &info->debug_size);
	lk_region_publish(LK_REGION_IMAGES, number, 1);
	return (uint32_t)number + 1;
}

static bool same_mvid(const uint8_t *a, const uint8_t *b)
{
	return !__builtin_memcmp(a, b, 16);
}

/*
 * The record + 1 of the image.  The image of code that may be replaced can be
 * unloaded too, and another one have its handle: its id is compared each time.
 */
static uint32_t image_of(const struct lk_walker *w, const struct lk_walk_name *d)
{
	uint64_t nr = lk_writer->header->regions[LK_REGION_IMAGES].used;
	struct lk_image_info *info;
	bool asked = false;

	if (!d->image_handle || !w->image)
		return 0;
	for (uint64_t i = nr; i-- > 0;) {
		info = lk_region_at(LK_REGION_IMAGES, i);
		if (info->handle != d->image_handle || info->unloaded_ms)
			continue;
		if (!d->replaceable)
			return (uint32_t)i + 1;
		asked = !w->image(d->image_handle, &told);
		if (!asked || same_mvid(told.mvid, info->mvid))
			return (uint32_t)i + 1;
		lk_store(&info->unloaded_ms, lk_tick32(lk_writer->header));
	}
	if (!asked && w->image(d->image_handle, &told))
		return 0;
	return add_image(d->image_handle, &told);
}

/* --- codes ---------------------------------------------------------------------------- */

static struct lk_walk_name described; /* store lock held */

static uint32_t add_code(const struct lk_walker *w, const struct lk_walk_name *d)
{
	uint64_t number = lk_region_alloc(LK_REGION_CODES, 1);
	struct lk_code_info *c;

	if (number == UINT64_MAX)
		return LK_CODE_NONE;
	c = lk_region_at(LK_REGION_CODES, number);
	*c = d->info;
	c->name_at = lk_string_add(d->name);
	c->class_at = lk_string_add(d->klass);
	c->space_at = lk_string_add(d->space);
	c->image_at = lk_string_add(d->image);
	c->map_at = lk_bytes_add(d->map, d->map_size);
	c->map_size = c->map_at ? d->map_size : 0;
	c->unloaded_ms = 0;
	c->image = image_of(w, d);
	lk_region_publish(LK_REGION_CODES, number, 1);
	index_add((uint32_t)number);
	return (uint32_t)number;
}

/* The record that is there already; *ret_serves: as the walker's place tells. */
static uint32_t known_code(const struct lk_walker *w, uint64_t lookup_pc,
	const struct lk_walk_stack *stack, uint64_t *ret_serves)
{
	uint32_t known;
	uint64_t start;

	*ret_serves = 0;
	if (!w->place)
		return code_holding(lookup_pc);
	known = code_holding_last(lookup_pc);
	if (known != LK_CODE_NONE && !served_by(lk_region_at(LK_REGION_CODES, known)))
		return known;
	if (w->place(lookup_pc, stack, &start, ret_serves))
		return LK_CODE_NONE;
	known = index_find(start, *ret_serves);
	if (known != LK_CODE_NONE && !*ret_serves)
		*holder_of(lookup_pc) = known;
	return known;
}

static uint32_t code_by(
	const struct lk_walker *w, uint64_t lookup_pc, const struct lk_walk_stack *stack)
{
	uint64_t serves;
	uint32_t known = known_code(w, lookup_pc, stack, &serves);

	if (known != LK_CODE_NONE)
		return known;
	if (w->describe(lookup_pc, serves, &described))
		return LK_CODE_NONE;
	known = index_find(described.info.start, served_by(&described.info));
	return known != LK_CODE_NONE ? known : add_code(w, &described);
}

uint32_t lk_managed_code(uint64_t lookup_pc, const struct lk_walk_stack *stack)
{
	for (unsigned i = 0; i < LK_ARRAY_SIZE(walkers); i++) {
		uint32_t code;

		if (!lk_load_acq(&attached[i]))
			continue;
		code = code_by(walkers[i], lookup_pc, stack);
		if (code != LK_CODE_NONE)
			return code;
	}
	return LK_CODE_NONE;
}

bool lk_managed_by_path(uint32_t code)
{
	const struct lk_code_info *c;

	if (code == LK_CODE_NONE || !(code & LK_CODE_MANAGED))
		return false;
	c = lk_region_at(LK_REGION_CODES, code & LK_CODE_INDEX);
	return c->runtime == LK_RUNTIME_CLR && c->kind == LK_CLR_STUB;
}
