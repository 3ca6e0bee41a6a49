#include "walk/clr_pe.h"

#include "walk/peek.h"

#include <errno.h>

#define DOS_MAGIC    0x5a4du
#define SECTIONS_MAX 96u

int lk_clr_pe_read(struct lk_clr_pe *image)
{
	uint8_t head[24 + 60];
	uint16_t dos, magic, optional;
	uint32_t lfanew;

	if (lk_peek(image->base, &dos, 2) || dos != DOS_MAGIC ||
		lk_peek_u32(image->base + 60, &lfanew) || lfanew > 4096 ||
		lk_peek(image->base + lfanew, head, sizeof(head)))
		return -ENODATA;
	__builtin_memcpy(&magic, head + 24, 2);
	__builtin_memcpy(&optional, head + 20, 2);
	if (!image->size) /* what it takes where it is mapped; a file is not much larger */
		__builtin_memcpy(&image->size, head + 24 + 56, sizeof(image->size));
	image->nr_sections = head[6] | (uint32_t)head[7] << 8;
	image->sections = image->base + lfanew + 24 + optional;
	/* PE32+ has its directories 16 bytes further on than PE32. */
	image->dirs = image->base + lfanew + 24 + (magic == 0x20b ? 112 : 96);
	if (lk_peek_u32(image->dirs - 4, &image->nr_dirs) || image->nr_sections > SECTIONS_MAX)
		return -ENODATA;
	return 0;
}

struct lk_clr_dir lk_clr_pe_dir(const struct lk_clr_pe *image, unsigned index)
{
	struct lk_clr_dir d = {0};

	if (index >= image->nr_dirs || lk_peek(image->dirs + 8 * index, &d, sizeof(d)))
		return (struct lk_clr_dir){0};
	return d;
}

/* The address of size bytes at an rva; 0 where the image does not hold them. */
uint64_t lk_clr_pe_at(const struct lk_clr_pe *image, uint32_t rva, uint32_t size)
{
	uint32_t s[5]; /* virtual size, rva, raw size, raw offset; the name lies before */

	if (rva > image->size || size > image->size - rva) {
		if (image->mapped)
			return 0;
	}
	if (image->mapped)
		return image->base + rva;
	for (uint32_t i = 0; i < image->nr_sections; i++) {
		if (lk_peek(image->sections + 40 * i + 8, s, sizeof(s)))
			return 0;
		if (rva < s[1] || rva - s[1] >= s[2] || size > s[2] - (rva - s[1]))
			continue;
		if (s[3] > image->size || rva - s[1] + s[3] + size > image->size)
			return 0;
		return image->base + s[3] + (rva - s[1]);
	}
	return 0;
}
