/*
 * .NET compiles hot methods anew and inlines class library into them, or jumps
 * where it called before: Marshal.AllocHGlobal is a frame in the first half second
 * and none later, and NativeMemory.Alloc or malloc seems to be called by the user's
 * method.  What the block is does not change with that, so what the earlier stacks
 * of a line were certain of holds for its vaguer ones.
 */
#ifndef LK_LEAK_TIERS_H
#define LK_LEAK_TIERS_H

#include "leak/frames.h"

/*
 * Gives each vague stack manager and key of the certain ones of its place, where they
 * have the same manager.  Takes memory for the certain ones of .NET while it runs.
 */
void lk_tiers_settle(struct lk_stack_facts *facts, size_t nr);

#endif
