/*
 * Reading .eh_frame_hdr and .eh_frame where they are mapped.
 *
 *   .eh_frame_hdr: version 1 | three encodings | .eh_frame | count | table
 *   table:         { code, entry } sorted by code, 32-bit offsets from the header
 *   .eh_frame:     entries { length, id, ... }; id 0 is a CIE, else the entry is
 *                  an FDE whose CIE stands id bytes before the id itself
 *
 * Invariants:
 *   1. Every address that was read from a table is held against the window before
 *      it is used (cursor_at); everything else is a cursor inside it.
 *   2. A search takes at most one step per table entry halved, or one step per
 *      entry of .eh_frame with a CIE that is read once per run of entries.
 */
#include "elf/eh.h"

#include <errno.h>

#define HDR_VERSION 1
#define TABLE_ENTRY 8

/* DW_EH_PE_*: the low nibble is the form, the next three bits what to add. */
#define PE_FORM	    0x0f
#define PE_ABSPTR   0x00
#define PE_ULEB128  0x01
#define PE_UDATA2   0x02
#define PE_UDATA4   0x03
#define PE_UDATA8   0x04
#define PE_SLEB128  0x09
#define PE_SDATA2   0x0a
#define PE_SDATA4   0x0b
#define PE_SDATA8   0x0c
#define PE_BASE	    0x70
#define PE_PCREL    0x10
#define PE_DATAREL  0x30
#define PE_ALIGNED  0x50
#define PE_INDIRECT 0x80

/* Augmentations have up to six letters today; longer ones are not read. */
#define AUGMENTATION_MAX 16

#define LENGTH_IS_64 0xffffffffu

/* One entry of .eh_frame: its bytes from the id on, and where the id stands. */
struct entry {
	struct lk_cursor body;
	uint64_t id_addr;
	uint32_t id;
};

/* The parts of a CIE that its augmentation decides. */
struct augmentation {
	bool sized; /* 'z': the data has a length, here and in every FDE */
	bool signal;
	uint8_t pc_encoding;
};

struct header {
	uint64_t frame_addr; /* .eh_frame, 0 where not told */
	struct lk_cursor table;
	uint64_t nr_entries;
	bool sorted;
};

static struct lk_cursor cursor_at(const struct lk_eh_window *window, uint64_t addr)
{
	uint64_t low = (uint64_t)(uintptr_t)window->low;
	uint64_t high = (uint64_t)(uintptr_t)window->high;

	if (addr < low || addr > high)
		return (struct lk_cursor){.at = window->high, .end = window->high, .bad = true};
	return lk_cursor_over(window->low + (addr - low), high - addr);
}

LK_INLINE uint64_t cursor_addr(const struct lk_cursor *c)
{
	return (uint64_t)(uintptr_t)c->at;
}

static uint64_t latch(struct lk_cursor *c)
{
	c->bad = true;
	return 0;
}

static uint64_t pointer_form(struct lk_cursor *c, uint8_t encoding)
{
	switch (encoding & PE_FORM) {
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		return lk_cursor_u64(c);
	case PE_UDATA4:
		return lk_cursor_u32(c);
	case PE_SDATA4:
		return (uint64_t)(int64_t)lk_cursor_s32(c);
	case PE_UDATA2:
		return lk_cursor_u16(c);
	case PE_SDATA2:
		return (uint64_t)(int64_t)lk_cursor_s16(c);
	case PE_ULEB128:
		return lk_cursor_uleb(c);
	case PE_SLEB128:
		return (uint64_t)lk_cursor_sleb(c);
	default:
		return latch(c);
	}
}

static uint64_t pointer_value(struct lk_cursor *c, uint8_t encoding, uint64_t data_base)
{
	uint64_t here = cursor_addr(c);
	uint64_t value = pointer_form(c, encoding);

	switch (encoding & PE_BASE) {
	case 0:
		return value;
	case PE_PCREL:
		return value + here;
	case PE_DATAREL:
		return data_base ? value + data_base : latch(c);
	default:
		return latch(c);
	}
}

uint64_t lk_eh_pointer(const struct lk_eh_window *window, struct lk_cursor *c, uint8_t encoding,
	uint64_t data_base)
{
	uint64_t value;
	struct lk_cursor target;

	if (encoding == LK_EH_PE_OMIT)
		return latch(c);
	value = pointer_value(c, encoding, data_base);
	if (!(encoding & PE_INDIRECT) || c->bad)
		return value;
	target = cursor_at(window, value);
	value = lk_cursor_u64(&target);
	return target.bad ? latch(c) : value;
}

/*
 * Takes the entry at the cursor and moves past it.  The id is four bytes also
 * where the length has 64 bits (Linux Standard Base 10.6.1).  -ENODATA: the
 * terminator, a length of zero.
 */
static int entry_next(struct lk_cursor *c, struct entry *ret_entry)
{
	uint64_t length = lk_cursor_u32(c);
	const uint8_t *body;

	if (length == LENGTH_IS_64)
		length = lk_cursor_u64(c);
	if (!length)
		return c->bad ? -EBADMSG : -ENODATA;
	body = lk_cursor_take(c, length);
	if (!body)
		return -EBADMSG;
	ret_entry->body = lk_cursor_over(body, length);
	ret_entry->id_addr = (uint64_t)(uintptr_t)body;
	ret_entry->id = lk_cursor_u32(&ret_entry->body);
	return ret_entry->body.bad ? -EBADMSG : 0;
}

/*
 * Reads the augmentation data in the order of its letters.  A letter that is not
 * known may have data in front of what follows, so it ends in a refusal.
 */
static int augmentation_data(const char *letters, struct lk_cursor *data, struct augmentation *aug)
{
	for (; *letters; letters++) {
		uint8_t encoding;

		switch (*letters) {
		case 'R':
			aug->pc_encoding = lk_cursor_u8(data);
			break;
		case 'L':
			lk_cursor_u8(data);
			break;
		case 'P':
			/* The routine is of no interest; only its size is. */
			encoding = lk_cursor_u8(data);
			if (encoding == LK_EH_PE_OMIT)
				break;
			if ((encoding & PE_BASE) == PE_ALIGNED)
				return -EOPNOTSUPP;
			pointer_form(data, encoding);
			break;
		case 'S':
			aug->signal = true;
			break;
		case 'B': /* aarch64: which key signs the return address */
		case 'G': /* aarch64: tagged stack */
			break;
		default:
			return -EOPNOTSUPP;
		}
	}
	return data->bad ? -EBADMSG : 0;
}

static int augmentation_read(const char *letters, struct lk_cursor *c, struct augmentation *ret_aug)
{
	struct augmentation aug = {.sized = letters[0] == 'z', .pc_encoding = PE_ABSPTR};
	struct lk_cursor data;
	uint64_t size;
	const uint8_t *bytes;
	int r = 0;

	if (aug.sized) {
		size = lk_cursor_uleb(c);
		bytes = lk_cursor_take(c, size);
		if (!bytes)
			return -EBADMSG;
		data = lk_cursor_over(bytes, size);
		r = augmentation_data(letters + 1, &data, &aug);
	} else if (letters[0]) {
		/* "eh" of gcc 2 and the like: the layout is anyone's guess. */
		r = -EOPNOTSUPP;
	}
	if (r)
		return r;
	*ret_aug = aug;
	return 0;
}

/* The letters stand within AUGMENTATION_MAX bytes, so that a search stays linear. */
static const char *augmentation_letters(struct lk_cursor *c)
{
	size_t left = lk_cursor_left(c);
	struct lk_cursor head =
		lk_cursor_over(c->at, left < AUGMENTATION_MAX ? left : AUGMENTATION_MAX);
	const char *letters = lk_cursor_str(&head);

	if (!letters || c->bad)
		return NULL;
	c->at = head.at;
	return letters;
}

/* Versions: 1 of gcc and gas, 3 of DWARF 3, 4 of DWARF 4 with two sizes more. */
static int cie_version(struct lk_cursor *c, uint8_t version)
{
	if (version == 4 && (lk_cursor_u8(c) != 8 || lk_cursor_u8(c) != 0))
		return -EOPNOTSUPP;
	return version == 1 || version == 3 || version == 4 ? 0 : -EOPNOTSUPP;
}

static int cie_parse(const struct lk_eh_window *window, uint64_t addr, struct lk_eh_fde *fde,
	struct augmentation *ret_aug)
{
	struct lk_cursor at = cursor_at(window, addr);
	struct entry e;
	struct lk_cursor *c = &e.body;
	const char *letters;
	uint8_t version;
	int r;

	if (entry_next(&at, &e) || e.id != 0)
		return -EBADMSG;
	version = lk_cursor_u8(c);
	letters = augmentation_letters(c);
	if (!letters)
		return -EBADMSG;
	r = cie_version(c, version);
	if (r)
		return r;
	fde->code_align = lk_cursor_uleb(c);
	fde->data_align = lk_cursor_sleb(c);
	fde->ra_reg = version == 1 ? lk_cursor_u8(c) : lk_cursor_uleb(c);
	r = augmentation_read(letters, c, ret_aug);
	if (r)
		return r;
	fde->cie_ops = *c;
	fde->pc_encoding = ret_aug->pc_encoding;
	fde->signal = ret_aug->signal;
	return c->bad ? -EBADMSG : 0;
}

LK_INLINE uint64_t entry_cie(const struct entry *e)
{
	return e->id_addr - e->id;
}

/* Reads the range of an FDE whose CIE is known; -ENODATA where pc is outside it. */
static int fde_range(
	const struct lk_eh_window *window, struct entry *e, uint64_t pc, struct lk_eh_fde *fde)
{
	/* The range has the form of the address, and is relative to nothing. */
	fde->pc_begin = lk_eh_pointer(window, &e->body, fde->pc_encoding, 0);
	fde->pc_size = pointer_form(&e->body, fde->pc_encoding);
	if (e->body.bad)
		return -EBADMSG;
	return pc - fde->pc_begin < fde->pc_size ? 0 : -ENODATA;
}

static int fde_ops(struct entry *e, const struct augmentation *aug, struct lk_eh_fde *fde)
{
	if (aug->sized)
		lk_cursor_take(&e->body, lk_cursor_uleb(&e->body));
	fde->ops = e->body;
	return e->body.bad ? -EBADMSG : 0;
}

static int fde_at(
	const struct lk_eh_window *window, uint64_t addr, uint64_t pc, struct lk_eh_fde *fde)
{
	struct lk_cursor at = cursor_at(window, addr);
	struct augmentation aug;
	struct entry e;
	int r;

	if (entry_next(&at, &e) || e.id == 0)
		return -EBADMSG;
	r = cie_parse(window, entry_cie(&e), fde, &aug);
	if (!r)
		r = fde_range(window, &e, pc, fde);
	return r ? r : fde_ops(&e, &aug, fde);
}

static int header_parse(
	const struct lk_eh_window *window, const uint8_t *hdr, struct header *ret_header)
{
	uint64_t base = (uint64_t)(uintptr_t)hdr;
	struct lk_cursor c = cursor_at(window, base);
	struct header h = {0};
	uint8_t version = lk_cursor_u8(&c);
	uint8_t frame_encoding = lk_cursor_u8(&c);
	uint8_t count_encoding = lk_cursor_u8(&c);
	uint8_t table_encoding = lk_cursor_u8(&c);

	if (c.bad)
		return -EBADMSG;
	if (version != HDR_VERSION)
		return -EOPNOTSUPP;
	if (frame_encoding != LK_EH_PE_OMIT)
		h.frame_addr = lk_eh_pointer(window, &c, frame_encoding, base);
	if (count_encoding != LK_EH_PE_OMIT && table_encoding == (PE_DATAREL | PE_SDATA4)) {
		h.nr_entries = lk_eh_pointer(window, &c, count_encoding, base);
		h.table = c;
		h.sorted = true;
		if (h.nr_entries > lk_cursor_left(&c) / TABLE_ENTRY)
			return -EBADMSG;
	}
	if (c.bad)
		return -EBADMSG;
	*ret_header = h;
	return 0;
}

/* Offsets in a table whose size was held against the window when it was found. */
LK_INLINE int32_t table_word(const struct header *h, uint64_t i, unsigned word)
{
	int32_t v;

	__builtin_memcpy(&v, h->table.at + i * TABLE_ENTRY + word * sizeof(v), sizeof(v));
	return v;
}

/* The last entry whose code starts at or before pc is the only one that can cover it. */
static int find_sorted(const struct lk_eh_window *window, const uint8_t *hdr,
	const struct header *h, uint64_t pc, struct lk_eh_fde *fde)
{
	uint64_t base = (uint64_t)(uintptr_t)hdr;
	int64_t want = (int64_t)(pc - base);
	uint64_t first = 0;
	uint64_t nr = h->nr_entries;

	if (!nr || table_word(h, 0, 0) > want)
		return -ENODATA;
	while (nr > 1) {
		uint64_t half = nr / 2;

		/* Without a branch: which way to go is a coin toss each time. */
		first += table_word(h, first + half, 0) <= want ? half : 0;
		nr -= half;
	}
	return fde_at(window, base + (uint64_t)(int64_t)table_word(h, first, 1), pc, fde);
}

/*
 * Reads all of .eh_frame.  An entry that is not understood is passed over; one
 * whose length leaves the window ends the search.
 */
static int find_linear(
	const struct lk_eh_window *window, uint64_t frame_addr, uint64_t pc, struct lk_eh_fde *fde)
{
	struct lk_cursor c = cursor_at(window, frame_addr);
	struct augmentation aug = {0};
	uint64_t cie_addr = 0;
	struct entry e;
	int cie_state = -ENODATA;
	int r;

	for (;;) {
		r = entry_next(&c, &e);
		if (r)
			return r;
		if (e.id == 0)
			continue;
		if (entry_cie(&e) != cie_addr) {
			cie_addr = entry_cie(&e);
			cie_state = cie_parse(window, cie_addr, fde, &aug);
		}
		if (!cie_state && !fde_range(window, &e, pc, fde))
			return fde_ops(&e, &aug, fde);
	}
}

int lk_eh_find(const struct lk_eh_window *window, const uint8_t *hdr, uint64_t pc,
	struct lk_eh_fde *ret_fde)
{
	struct header h;
	struct lk_eh_fde fde;
	int r = header_parse(window, hdr, &h);

	if (r)
		return r;
	if (h.sorted)
		r = find_sorted(window, hdr, &h, pc, &fde);
	else if (h.frame_addr)
		r = find_linear(window, h.frame_addr, pc, &fde);
	else
		r = -ENODATA;
	if (r)
		return r;
	*ret_fde = fde;
	return 0;
}
