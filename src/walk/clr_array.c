/*
 * NativeArray, the compressed tables of ReadyToRun images
 * (docs/design/coreclr/botr/readytorun-format.md of dotnet/runtime):
 *
 *   varuint head: low 2 bits the width of block offsets (1, 2, 4 bytes), the rest the
 *   number of elements; then an offset per block of 16 elements, then the blocks
 */
#include "walk/clr_array.h"

uint32_t lk_clr_varuint(struct lk_cursor *c)
{
	uint32_t v = lk_cursor_u8(c);

	if (!(v & 1))
		return v >> 1;
	if (!(v & 2))
		return (v | (uint32_t)lk_cursor_u8(c) << 8) >> 2;
	if (!(v & 4)) {
		v |= (uint32_t)lk_cursor_u8(c) << 8;
		return (v | (uint32_t)lk_cursor_u8(c) << 16) >> 3;
	}
	if (!(v & 8)) {
		v |= (uint32_t)lk_cursor_u8(c) << 8;
		v |= (uint32_t)lk_cursor_u8(c) << 16;
		return (v | (uint32_t)lk_cursor_u8(c) << 24) >> 4;
	}
	return lk_cursor_u32(c);
}

uint32_t lk_clr_array_count(struct lk_clr_array a)
{
	struct lk_cursor c = lk_cursor_over(a.at, (size_t)(a.end - a.at));
	uint32_t head = lk_clr_varuint(&c);

	return c.bad || (head & 3) == 3 ? 0 : head >> 2;
}

static void move_to(struct lk_cursor *c, const uint8_t *base, uint64_t offset, const uint8_t *end)
{
	c->bad |= offset > (uint64_t)(end - base);
	c->at = c->bad ? end : base + offset;
}

/*
 * Elements stand in blocks of 16, each a tree over the four bits of the index: at
 * each level a number says whether the two halves are there, and how far on the
 * second begins.  A number whose low bits are 0 is a leaf: the only element.
 */
struct lk_cursor lk_clr_array_element(struct lk_clr_array a, uint32_t index)
{
	struct lk_cursor c = lk_cursor_over(a.at, (size_t)(a.end - a.at)), block;
	uint32_t head = lk_clr_varuint(&c), width = head & 3, offset;
	const uint8_t *base = c.at;

	if (c.bad || width == 3 || index >= head >> 2) {
		c.bad = true;
		return c;
	}
	block = c;
	move_to(&block, base, (uint64_t)(index / 16) << width, a.end);
	offset = width == 0   ? lk_cursor_u8(&block)
		 : width == 1 ? lk_cursor_u16(&block)
			      : lk_cursor_u32(&block);
	c.bad |= block.bad;
	move_to(&c, base, offset, a.end);
	for (uint32_t bit = 8; bit; bit >>= 1) {
		const uint8_t *here = c.at;
		uint32_t v = lk_clr_varuint(&c);

		if (index & bit && v & 2) {
			move_to(&c, here, v >> 2, a.end);
			continue;
		}
		if (!(index & bit) && v & 1)
			continue;
		if ((v & 3) == 0 && v >> 2 == (index & 15))
			break;
		c.bad = true;
		break;
	}
	return c;
}
