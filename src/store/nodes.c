#include "store/nodes.h"

#define FIRST_SLOTS 4096u

LK_INLINE uint32_t slot_of(uint32_t parent, uint64_t pc, uint32_t mask)
{
	unsigned __int128 m =
		(unsigned __int128)(pc ^ (uint64_t)parent << 40) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)((uint64_t)m ^ (uint64_t)(m >> 64)) & mask;
}

/*
 * A path through code that was unloaded is another path than one through what
 * was loaded at its place: a node made in an older generation is found only
 * while its code is still there.
 */
static bool code_is_gone(uint32_t code)
{
	if (code == LK_CODE_NONE)
		return false;
	if (code & LK_CODE_MANAGED) {
		const struct lk_code_info *c = lk_region_at(LK_REGION_CODES, code & LK_CODE_INDEX);
		return lk_load(&c->unloaded_ms) != 0;
	}
	const struct lk_module_info *m = lk_region_at(LK_REGION_MODULES, code & LK_CODE_INDEX);
	return lk_load(&m->unloaded_ms) != 0;
}

static uint32_t find(const uint32_t *index, uint32_t mask, uint32_t parent, uint64_t pc)
{
	for (uint32_t i = slot_of(parent, pc, mask);; i = (i + 1) & mask) {
		uint32_t number = lk_load_acq(&index[i]);
		const struct lk_node *n;

		if (!number)
			return LK_NODE_NONE;
		n = lk_node_at(number);
		if (n->pc == pc && n->parent == parent &&
			(!lk_load(&lk_writer->header->generation) || !code_is_gone(n->code)))
			return number;
	}
}

/*
 * A path of which the code went away is found by nobody any more: the one that has
 * its place takes its slot too, so that a method made and freed a thousand times
 * does not leave a thousand slots to look through.
 */
static bool is_superseded(uint32_t number, const struct lk_node *by)
{
	const struct lk_node *n = lk_node_at(number);

	return n != by && n->pc == by->pc && n->parent == by->parent &&
	       lk_load(&lk_writer->header->generation) && code_is_gone(n->code);
}

static void put(uint32_t *index, uint32_t mask, uint32_t number)
{
	const struct lk_node *n = lk_node_at(number);
	uint32_t i = slot_of(n->parent, n->pc, mask);

	while (index[i] && !is_superseded(index[i], n))
		i = (i + 1) & mask;
	lk_store_rel(&index[i], number); /* pairs with find */
}

/* Readers may still use the old table: it is left where it is. */
static bool grow_index(struct lk_writer *w)
{
	uint32_t slots = w->node_index ? (w->node_index_mask + 1) * 2 : FIRST_SLOTS;
	uint32_t *index = lk_private_alloc(slots * sizeof(*index));

	if (!index)
		return false;
	for (uint32_t n = 1; n <= w->nr_nodes; n++)
		put(index, slots - 1, n);
	/* A reader that takes the new mask with the old table would read outside it:
	 * the mask goes last, and tables only grow. */
	lk_store_rel(&w->node_index, index);
	lk_store_rel(&w->node_index_mask, slots - 1);
	return true;
}

static uint32_t add(uint32_t parent, uint64_t pc, bool exact, const struct lk_walk_stack *stack,
	uint32_t (*code_of)(uint64_t pc, bool exact, const struct lk_walk_stack *stack))
{
	struct lk_writer *w = lk_writer;
	struct lk_node *n;
	uint64_t number;

	if ((w->nr_nodes + 1) * 2 > w->node_index_mask && !grow_index(w))
		return LK_NODE_NONE;
	number = lk_region_alloc(LK_REGION_NODES, 1);
	if (number > LK_STACK_MAX)
		return LK_NODE_NONE;
	n = lk_node_at((uint32_t)number);
	n->pc = pc;
	n->parent = parent;
	n->code = code_of(pc, exact, stack);
	if (exact && n->code != LK_CODE_NONE)
		n->code |= LK_CODE_EXACT;
	lk_region_publish(LK_REGION_NODES, number, 1);
	w->nr_nodes = (uint32_t)number;
	put(w->node_index, w->node_index_mask, (uint32_t)number);
	return (uint32_t)number;
}

uint32_t lk_node_intern(uint32_t parent, uint64_t pc, bool exact, const struct lk_walk_stack *stack,
	uint32_t (*code_of)(uint64_t pc, bool exact, const struct lk_walk_stack *stack))
{
	struct lk_writer *w = lk_writer;
	uint32_t mask = lk_load_acq(&w->node_index_mask);
	const uint32_t *index = lk_load_acq(&w->node_index);
	uint32_t number = index ? find(index, mask, parent, pc) : LK_NODE_NONE;

	if (number != LK_NODE_NONE)
		return number;
	lk_store_lock();
	number = w->node_index ? find(w->node_index, w->node_index_mask, parent, pc) : LK_NODE_NONE;
	if (number == LK_NODE_NONE)
		number = add(parent, pc, exact, stack, code_of);
	lk_store_unlock();
	return number;
}
