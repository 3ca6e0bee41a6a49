/* NativeArray: what an encoder of our own wrote is read back, and damage ends well. */
#include "walk/clr_array.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

struct bytes {
	uint8_t at[65536];
	size_t size;
};

/* The longest form, so that no size depends on another: 0x0f and four bytes. */
static void put_long(struct bytes *b, size_t at, uint32_t v)
{
	b->at[at] = 0x0f;
	memcpy(b->at + at + 1, &v, 4);
}

static void put_element(struct bytes *b, uint32_t value)
{
	put_long(b, b->size, value);
	b->size += 5;
}

static unsigned count_in(const int *values, unsigned low, unsigned high)
{
	unsigned n = 0;

	for (unsigned i = low; i < high; i++)
		n += values[i] >= 0;
	return n;
}

static void put_tree(struct bytes *b, const int *values, unsigned low, unsigned high)
{
	unsigned middle = (low + high) / 2, left, right;
	size_t here = b->size;

	if (high - low == 1) {
		put_element(b, (uint32_t)values[low]);
		return;
	}
	b->size += 5;
	if (count_in(values, low, high) == 1) { /* a leaf above the lowest level */
		while (values[low] < 0)
			low++;
		put_long(b, here, low << 2);
		put_element(b, (uint32_t)values[low]);
		return;
	}
	left = count_in(values, low, middle);
	right = count_in(values, middle, high);
	if (left)
		put_tree(b, values, low, middle);
	put_long(b, here, (right ? (uint32_t)(b->size - here) << 2 | 2 : 0) | (left ? 1 : 0));
	if (right)
		put_tree(b, values, middle, high);
}

static void encode(struct bytes *b, const int *values, unsigned count)
{
	unsigned nr_blocks = (count + 15) / 16;
	uint32_t offset;
	size_t base = 5;

	put_long(b, 0, count << 2 | 2);
	b->size = base + 4 * nr_blocks;
	for (unsigned i = 0; i < nr_blocks; i++) {
		int block[16];

		for (unsigned k = 0; k < 16; k++)
			block[k] = 16 * i + k < count ? values[16 * i + k] : -1;
		offset = (uint32_t)(b->size - base);
		memcpy(b->at + base + 4 * i, &offset, 4);
		put_tree(b, block, 0, 16);
	}
}

static bool reads_back(const struct bytes *b, const int *values, unsigned count)
{
	struct lk_clr_array a = {b->at, b->at + b->size};
	bool same = lk_clr_array_count(a) == count;

	for (unsigned i = 0; i < count; i++) {
		struct lk_cursor c = lk_clr_array_element(a, i);
		uint32_t v = lk_clr_varuint(&c);

		same &= values[i] < 0 ? c.bad : !c.bad && v == (uint32_t)values[i];
	}
	return same && lk_clr_array_element(a, count).bad;
}

static bool forms_of_numbers(void)
{
	static const struct {
		uint8_t bytes[5];
		uint32_t value;
		size_t size;
	} forms[] = {
		{{0x7e}, 63, 1},
		{{0xfd, 0x01}, 127, 2},
		{{0x03, 0x02, 0x01}, 0x2040, 3},
		{{0x07, 0x30, 0x02, 0x01}, 0x102300, 4},
		{{0x0f, 0x78, 0x56, 0x34, 0x12}, 0x12345678, 5},
	};
	bool right = true;

	for (size_t i = 0; i < LK_ARRAY_SIZE(forms); i++) {
		struct lk_cursor c = lk_cursor_over(forms[i].bytes, forms[i].size);

		right &= lk_clr_varuint(&c) == forms[i].value && !c.bad && !lk_cursor_left(&c);
		c = lk_cursor_over(forms[i].bytes, forms[i].size - 1);
		lk_clr_varuint(&c);
		right &= c.bad;
	}
	return right;
}

/* Damaged bytes, copied so that a read outside them is one of nobody's. */
static void read_all(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct lk_clr_array a = {copy, copy + size};

	memcpy(copy, bytes, size);
	for (uint32_t i = 0; i < 100; i++) {
		struct lk_cursor c = lk_clr_array_element(a, i);

		lk_clr_varuint(&c);
	}
	lk_clr_array_count(a);
	free(copy);
}

int main(void)
{
	static struct bytes b;
	int values[100];

	srand(4);
	tap_ok(forms_of_numbers(), "numbers of 1 to 5 bytes");
	for (unsigned i = 0; i < 100; i++)
		values[i] = (int)i * 3;
	encode(&b, values, 100);
	tap_ok(reads_back(&b, values, 100), "an array without gaps");
	for (unsigned round = 0; round < 50; round++) {
		bool same;

		for (unsigned i = 0; i < 100; i++)
			values[i] = rand() % 100 < (int)(2 * round) ? -1 : rand() % 100000;
		for (unsigned i = 0; i < 100; i += 16)
			values[i + (unsigned)rand() % 4] = 7; /* no block is empty */
		encode(&b, values, 100);
		same = reads_back(&b, values, 100);
		if (!same || round % 10 == 9)
			tap_ok(same, "an array with gaps, round %u", round);
	}
	for (size_t n = 0; n < b.size; n++)
		read_all(b.at, n);
	for (unsigned round = 0; round < 2000; round++) {
		struct bytes damaged = b;

		for (unsigned i = 0; i < 4; i++)
			damaged.at[(size_t)rand() % b.size] = (uint8_t)rand();
		read_all(damaged.at, damaged.size);
	}
	tap_ok(true, "cut and damaged arrays are read without harm");
	return tap_done();
}
