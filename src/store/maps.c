#include "store/maps.h"

#define MAPS_MAX 65536u

static struct lk_map_info *slot_at(uint32_t slot)
{
	return lk_region_at(LK_REGION_MAPS, slot);
}

/* Index into the order of the first mapping that ends after addr. */
static uint32_t first_ending_after(uint64_t addr)
{
	const struct lk_writer *w = lk_writer;
	uint32_t low = 0, high = w->nr_maps;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		const struct lk_map_info *m = slot_at(w->map_order[mid]);

		if (m->start + m->size <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool grow_order(struct lk_writer *w)
{
	uint32_t capacity = w->maps_capacity ? w->maps_capacity * 2 : 512;
	uint32_t *order;

	if (capacity > MAPS_MAX)
		return false;
	order = lk_private_alloc(capacity * sizeof(*order));
	if (!order)
		return false;
	__builtin_memcpy(order, w->map_order ? w->map_order : order, w->nr_maps * sizeof(*order));
	w->map_order = order;
	w->maps_capacity = capacity;
	return true;
}

/* A slot of the region that nothing uses: one that was freed, or a new one. */
static uint64_t free_slot(struct lk_writer *w)
{
	uint64_t slot;

	if (w->nr_map_slots > w->nr_maps)
		for (uint32_t i = 0; i < w->nr_map_slots; i++)
			if (!slot_at(i)->start)
				return i;
	slot = lk_region_alloc(LK_REGION_MAPS, 1);
	if (slot == UINT64_MAX)
		return slot;
	slot_at((uint32_t)slot)->start = 0;
	lk_region_publish(LK_REGION_MAPS, slot, 1);
	w->nr_map_slots = (uint32_t)slot + 1;
	return slot;
}

static bool insert(uint32_t at, const struct lk_map_info *map)
{
	struct lk_writer *w = lk_writer;
	uint64_t slot;
	struct lk_map_info *m;

	if (w->nr_maps == w->maps_capacity && !grow_order(w))
		return false;
	slot = free_slot(w);
	if (slot == UINT64_MAX)
		return false;
	m = slot_at((uint32_t)slot);
	m->size = map->size;
	m->stack = map->stack;
	m->time_ms = map->time_ms;
	m->thread = map->thread;
	m->kind = map->kind;
	lk_store_rel(&m->start, map->start); /* whole from here on, for a reader */
	__builtin_memmove(&w->map_order[at + 1], &w->map_order[at],
		(w->nr_maps - at) * sizeof(*w->map_order));
	w->map_order[at] = (uint32_t)slot;
	w->nr_maps++;
	return true;
}

static void drop(uint32_t at)
{
	struct lk_writer *w = lk_writer;

	lk_store_rel(&slot_at(w->map_order[at])->start, 0);
	w->nr_maps--;
	__builtin_memmove(&w->map_order[at], &w->map_order[at + 1],
		(w->nr_maps - at) * sizeof(*w->map_order));
}

static void remove_range(uint64_t start, uint64_t end)
{
	struct lk_writer *w = lk_writer;
	uint32_t at = first_ending_after(start);

	while (at < w->nr_maps) {
		struct lk_map_info *m = slot_at(w->map_order[at]);
		uint64_t m_end = m->start + m->size;

		if (m->start >= end)
			return;
		if (m->start < start && m_end > end) { /* a hole: the right part is new */
			struct lk_map_info right = *m;

			right.start = end;
			right.size = m_end - end;
			m->size = start - m->start;
			insert(at + 1, &right);
			return;
		}
		if (m->start < start) {
			m->size = start - m->start;
			at++;
		} else if (m_end > end) {
			m->size = m_end - end;
			lk_store_rel(&m->start, end);
			return;
		} else {
			drop(at);
		}
	}
}

static bool in_heap(uint64_t start, uint64_t end)
{
	uint32_t at = first_ending_after(start);
	const struct lk_map_info *m;

	if (at == lk_writer->nr_maps)
		return false;
	m = slot_at(lk_writer->map_order[at]);
	return m->kind & LK_MAP_HEAP && m->start <= start && m->start + m->size >= end;
}

bool lk_maps_add(const struct lk_map_info *map)
{
	struct lk_map_info added = *map;
	bool ok = true;

	if (added.kind & LK_MAP_NONE && added.size >= LK_MAPS_HEAP)
		added.kind |= LK_MAP_HEAP;
	lk_store_lock();
	if (!(added.kind & LK_MAP_NONE) || !in_heap(added.start, added.start + added.size)) {
		remove_range(added.start, added.start + added.size);
		ok = insert(first_ending_after(added.start), &added);
	}
	lk_store_unlock();
	return ok;
}

/* The first mapping that is only reserved and touches [start, end); nr_maps: none. */
static uint32_t first_reserved(uint64_t start, uint64_t end)
{
	const struct lk_writer *w = lk_writer;
	uint32_t at = first_ending_after(start);

	for (; at < w->nr_maps; at++) {
		const struct lk_map_info *m = slot_at(w->map_order[at]);

		if (m->start >= end)
			return w->nr_maps;
		if (m->kind & LK_MAP_NONE && !(m->kind & LK_MAP_HEAP))
			return at;
	}
	return at;
}

bool lk_maps_reserved(uint64_t start, uint64_t size)
{
	bool reserved;

	lk_store_lock();
	reserved = first_reserved(start, start + size) < lk_writer->nr_maps;
	lk_store_unlock();
	return reserved;
}

bool lk_maps_commit(uint64_t start, uint64_t size, const struct lk_map_info *map)
{
	uint64_t end = start + size;
	bool ok = true;
	uint32_t at;

	lk_store_lock();
	while (ok && (at = first_reserved(start, end)) < lk_writer->nr_maps) {
		const struct lk_map_info *m = slot_at(lk_writer->map_order[at]);
		struct lk_map_info part = *map;

		part.start = m->start > start ? m->start : start;
		part.size = (m->start + m->size < end ? m->start + m->size : end) - part.start;
		part.kind = (m->kind & ~LK_MAP_NONE) | map->kind;
		remove_range(part.start, part.start + part.size);
		ok = insert(first_ending_after(part.start), &part);
		start = part.start + part.size;
	}
	lk_store_unlock();
	return ok;
}

void lk_maps_remove(uint64_t start, uint64_t size)
{
	lk_store_lock();
	remove_range(start, start + size);
	lk_store_unlock();
}
