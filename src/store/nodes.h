/*
 * Distinct call paths, interned: (parent, pc) to a node's number.  Looking up
 * what is there takes no lock; adding does.  The table of numbers is private and
 * grows by doubling, the nodes themselves lie in the store and never move.
 */
#ifndef LK_STORE_NODES_H
#define LK_STORE_NODES_H

#include "store/writer.h"
#include "walk/walk.h"

#define LK_NODE_NONE 0xffffffffu

/*
 * The number of the node (parent, pc); makes it where it is new, asking code_of
 * where pc lies (called with the store lock held); stack: where the frame lies, for
 * code_of, NULL unknown.  LK_NODE_NONE: store full.
 */
uint32_t lk_node_intern(uint32_t parent, uint64_t pc, bool exact, const struct lk_walk_stack *stack,
	uint32_t (*code_of)(uint64_t pc, bool exact, const struct lk_walk_stack *stack));

LK_INLINE struct lk_node *lk_node_at(uint32_t number)
{
	return lk_region_at(LK_REGION_NODES, number);
}

#endif
