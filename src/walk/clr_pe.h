/*
 * Where the pieces of an assembly lie in memory, flat as in its file or laid out by
 * section (Microsoft's PE/COFF specification).  Every word is asked for.
 */
#ifndef LK_WALK_CLR_PE_H
#define LK_WALK_CLR_PE_H

#include "base/defs.h"

/* An image as it lies in memory. */
struct lk_clr_pe {
	uint64_t base;
	uint32_t size;
	bool mapped;
	uint32_t nr_sections;
	uint64_t sections; /* address of the section headers */
	uint64_t dirs;	   /* address of the data directories */
	uint32_t nr_dirs;
};

struct lk_clr_dir {
	uint32_t rva, size;
};

#define LK_CLR_DIR_DEBUG 6u
#define LK_CLR_DIR_CLI	 14u

/*
 * Reads the headers of what lies at pe->base; size 0: what the headers say.  -ENODATA: no
 * PE image.
 */
int lk_clr_pe_read(struct lk_clr_pe *pe);

/* A data directory; zeros where there is none. */
struct lk_clr_dir lk_clr_pe_dir(const struct lk_clr_pe *pe, unsigned index);

/* The address of size bytes at an rva; 0 where the image does not hold them. */
uint64_t lk_clr_pe_at(const struct lk_clr_pe *pe, uint32_t rva, uint32_t size);

#endif
