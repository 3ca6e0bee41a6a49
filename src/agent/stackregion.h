/*
 * Which memory is the stack that a thread stands on: from /proc/self/maps, once
 * per stack, then remembered with the thread.
 */
#ifndef LK_AGENT_STACKREGION_H
#define LK_AGENT_STACKREGION_H

#include "agent/thread.h"

/* Gives the bounds of the mapping that holds sp; false where there is none to be found. */
bool lk_stack_region(struct lk_agent_thread *t, uint64_t sp, uint64_t *ret_low, uint64_t *ret_high);

#endif
