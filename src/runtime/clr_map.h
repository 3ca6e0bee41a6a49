/*
 * CoreCLR's native-to-IL map, as the runtime keeps it in memory (JIT) and in
 * ReadyToRun images, and the agent copies it:
 *
 *   u8 LK_CLR_MAP_JIT or LK_CLR_MAP_R2R
 *   nibbles: bytes of bounds, bytes of variables; or 0xffffffff, bytes of bounds of
 *            instrumented IL, bytes of bounds of the IL on disk, bytes of variables
 *   padding to a whole byte, then the bounds
 *
 * A number in nibbles has three bits in each, the most significant first, and bit 3
 * set where another follows; the low nibble of a byte comes first.  Bounds exist in
 * two forms.  Packed (.NET 10, ReadyToRun 16): in nibbles a count, the bits of a
 * native delta - 1 and of an IL offset - 1, padding to a whole byte, then the entries,
 * lowest bit first: 2 bits of flags, native delta, IL offset + 3.  Plain (.NET 8 and
 * 9): all in nibbles, a count, then per entry native delta, IL offset + 3, flags.
 * Nothing tells which it is, so a form is believed only where it fills the bounds to
 * the last bit, starts with the prologue as every map does, has no flags that the runtime
 * does not know, and the other form does not fit as well.
 *
 * Seen in all precompiled methods of System.Private.CoreLib 8.0.31, 9.0.20 and 10.0.12
 * and in what the JIT of 10.0.12 leaves in memory.
 */
#ifndef LK_RUNTIME_CLR_MAP_H
#define LK_RUNTIME_CLR_MAP_H

#include "base/defs.h"

/* Code that stands for a method's exit: its line is that of the last point. */
#define LK_CLR_EXIT 0xffffffu

/*
 * The IL offset that the instruction at native_offset belongs to: that of the last
 * entry at or before it that has one; 0 in the prologue.  -ENODATA: no entry; -EBADMSG:
 * damaged, or of a form that we do not know; -ENOTUNIQ: both forms fit.
 */
int lk_clr_map_il(const void *map, size_t map_size, uint64_t native_offset, uint32_t *ret_il);

#endif
