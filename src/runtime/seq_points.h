/*
 * Mono's native-to-IL map, as its JIT leaves it in memory and the agent copies it:
 * a varint (bytes << 2 | 2 inline | 1 with debug data), then the bytes, which are
 * points.  A point is the difference to the one before: IL offset, native
 * offset, both zigzag varints; with debug data also flags, a count, and so many
 * varints.  Seen in Mono 6.8.0.105, where the JIT writes no debug data.
 */
#ifndef LK_RUNTIME_SEQ_POINTS_H
#define LK_RUNTIME_SEQ_POINTS_H

#include "base/defs.h"

/* Code that stands for a method's exit rather than for IL of its own. */
#define LK_SEQ_EXIT 0xffffffu

/*
 * The IL offset that the instruction at native_offset belongs to: that of the
 * last point at or before it.  -ENODATA: before the first point (the prologue),
 * or no points; -EBADMSG: damaged.
 */
int lk_seq_points_il(const void *map, size_t map_size, uint64_t native_offset, uint32_t *ret_il);

#endif
