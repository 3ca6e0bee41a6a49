/*
 * Mappings that the program made through mmap, kept as the kernel keeps them: a
 * later munmap, mremap or fixed mapping cuts, splits or removes what it covers.
 * At most 65,536 at a time, about the kernel's own limit.  Takes the store lock;
 * a call costs microseconds where the system call itself costs one.
 */
#ifndef LK_STORE_MAPS_H
#define LK_STORE_MAPS_H

#include "store/writer.h"

/*
 * Space of this size is reserved by managed heaps only.  What is used of them is
 * their collector's affair: nothing is committed there, and what is given back to the
 * reservation changes nothing.
 */
#define LK_MAPS_HEAP (1ull << 30)

/* Adds a mapping; what it covers is removed first.  false: table full. */
bool lk_maps_add(const struct lk_map_info *map);

/*
 * Makes what is only reserved (LK_MAP_NONE, not LK_MAP_HEAP) in [start, start + size) a
 * mapping like map, range by range; the rest is left alone.  false: table full.
 */
bool lk_maps_commit(uint64_t start, uint64_t size, const struct lk_map_info *map);

/* Whether anything there is only reserved, and no heap. */
bool lk_maps_reserved(uint64_t start, uint64_t size);

/* Removes [start, start + size) from all mappings. */
void lk_maps_remove(uint64_t start, uint64_t size);

#endif
