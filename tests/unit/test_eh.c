/*
 * Unwind tables written by hand: every encoding, augmentation and header form
 * that the reader knows or refuses, each of them also cut off at every byte
 * before a page that cannot be read.
 */
#include "elf/eh.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tap.h"

#define PAGE	  4096ul
#define AREA	  (2 * PAGE)
#define CODE_SIZE 64
#define NR_FDES	  5
#define NR_OPS	  3

#define PCREL	0x10
#define DATAREL 0x30
#define SDATA4	0x0b
#define OMIT	0xff

/* What a table is built from; 0 means what gcc and ld write. */
struct form {
	const char *name;
	int r;			  /* of a lookup inside the third function */
	const char *augmentation; /* "zR" */
	uint8_t version;	  /* 1 */
	uint8_t pc_encoding;	  /* pcrel sdata4; ABSPTR: 0 */
	uint8_t table_encoding;	  /* datarel sdata4 */
	uint8_t frame_encoding;	  /* pcrel sdata4 */
	uint8_t hdr_version;	  /* 1 */
	bool long_length;
	bool bad_count;
	bool bad_cie;
	bool signal;
	bool empty;
};

#define ABSPTR 0x80 /* stands for encoding 0, since 0 stands for the usual */

struct builder {
	uint8_t *low;
	uint8_t *at;
	uint8_t *high;
	uint64_t fdes[NR_FDES];
	uint64_t indirect; /* a cell per function, for DW_EH_PE_indirect */
};

static void put(struct builder *b, uint64_t v, size_t size)
{
	if ((size_t)(b->high - b->at) < size)
		abort();
	memcpy(b->at, &v, size);
	b->at += size;
}

static void put_string(struct builder *b, const char *s)
{
	for (; *s; s++)
		put(b, (uint8_t)*s, 1);
	put(b, 0, 1);
}

static size_t form_size(uint8_t encoding)
{
	static const uint8_t sizes[16] = {8, 3, 2, 4, 8, 0, 0, 0, 0, 3, 2, 4, 8, 0, 0, 0};

	return sizes[encoding & 0x0f];
}

static void put_leb(struct builder *b, uint64_t v)
{
	put(b, (v & 0x7f) | 0x80, 1);
	put(b, ((v >> 7) & 0x7f) | 0x80, 1);
	put(b, (v >> 14) & 0x7f, 1);
}

/* Writes v by an encoding; base is the header's address for datarel. */
static void put_pointer(struct builder *b, uint8_t encoding, uint64_t v, uint64_t base)
{
	if (encoding == OMIT)
		return;
	if ((encoding & 0x70) == PCREL)
		v -= (uint64_t)(uintptr_t)b->at;
	else if ((encoding & 0x70) == DATAREL)
		v -= base;
	if ((encoding & 0x07) == 0x01)
		put_leb(b, v);
	else
		put(b, v, form_size(encoding));
}

static uint8_t *put_length(struct builder *b, const struct form *f)
{
	if (f->long_length) {
		put(b, 0xffffffff, 4);
		put(b, 0, 8);
	} else {
		put(b, 0, 4);
	}
	return b->at;
}

static void end_length(struct builder *b, const struct form *f, uint8_t *start)
{
	uint64_t length = (uint64_t)(b->at - start);

	memcpy(start - (f->long_length ? 8 : 4), &length, f->long_length ? 8 : 4);
}

static uint8_t pc_encoding_of(const struct form *f)
{
	if (f->pc_encoding == ABSPTR)
		return 0;
	return f->pc_encoding ? f->pc_encoding : PCREL | SDATA4;
}

static void put_augmentation_data(struct builder *b, const struct form *f, const char *letters)
{
	uint8_t *size = b->at;

	put(b, 0, 1);
	for (; *letters; letters++) {
		if (*letters == 'R')
			put(b, pc_encoding_of(f), 1);
		if (*letters == 'L')
			put(b, PCREL | SDATA4, 1);
		if (*letters == 'P') {
			put(b, 0x80 | PCREL | SDATA4, 1);
			put(b, 0x12345678, 4);
		}
	}
	*size = (uint8_t)(b->at - size - 1);
}

static void put_cie(struct builder *b, const struct form *f)
{
	const char *letters = f->augmentation ? f->augmentation : "zR";
	uint8_t version = f->version ? f->version : 1;
	uint8_t *start = put_length(b, f);

	put(b, f->bad_cie ? 1 : 0, 4);
	put(b, version, 1);
	put_string(b, letters);
	if (version == 4)
		put(b, 8, 2);
	put(b, 1, 1);
	put(b, 0x78, 1);
	put(b, 16, 1);
	if (letters[0] == 'z')
		put_augmentation_data(b, f, letters + 1);
	put(b, 0x010890080c07, 6); /* def_cfa rsp 8 and the like; not run here */
	end_length(b, f, start);
}

/* Function i is CODE_SIZE bytes at low + AREA + i * CODE_SIZE: never read, only named. */
static uint64_t code_addr(const struct builder *b, int i)
{
	return (uint64_t)(uintptr_t)b->low + AREA + (uint64_t)i * CODE_SIZE;
}

static void put_fde(struct builder *b, const struct form *f, int i, const uint8_t *cie)
{
	uint8_t encoding = pc_encoding_of(f);
	uint64_t code = code_addr(b, i);
	uint8_t *start;

	if (encoding & 0x80) {
		memcpy((uint8_t *)(uintptr_t)(b->indirect + 8ul * (unsigned)i), &code, 8);
		code = b->indirect + 8ul * (unsigned)i;
	}
	b->fdes[i] = (uint64_t)(uintptr_t)b->at;
	start = put_length(b, f);
	put(b, (uint64_t)(start - cie), 4);
	put_pointer(b, encoding, code, 0);
	put_pointer(b, encoding & 0x0f, CODE_SIZE - 8, 0); /* a gap between functions */
	if (!f->augmentation || f->augmentation[0] == 'z')
		put(b, 0, 1);
	for (int k = 0; k < NR_OPS; k++)
		put(b, (uint8_t)i, 1);
	end_length(b, f, start);
}

static void put_table(struct builder *b, const struct form *f, uint64_t hdr)
{
	for (int i = 0; i < NR_FDES; i++) {
		put_pointer(b, DATAREL | SDATA4, code_addr(b, i), hdr);
		put_pointer(b, DATAREL | SDATA4, b->fdes[i], hdr);
	}
}

/* Lays out .eh_frame, its cells and then .eh_frame_hdr; returns the header. */
static const uint8_t *build(struct builder *b, const struct form *f)
{
	uint8_t *frame, *hdr;
	uint8_t table = f->table_encoding ? f->table_encoding : DATAREL | SDATA4;
	uint8_t encoding = f->frame_encoding ? f->frame_encoding : PCREL | SDATA4;

	b->at = b->low;
	b->indirect = (uint64_t)(uintptr_t)b->at;
	b->at += 8 * NR_FDES;
	frame = b->at;
	put_cie(b, f);
	for (int i = 0; i < NR_FDES; i++)
		put_fde(b, f, i, frame);
	put(b, 0, 4);
	hdr = b->at;
	put(b, f->hdr_version ? f->hdr_version : 1, 1);
	put(b, encoding, 1);
	put(b, table == OMIT ? OMIT : 0x03, 1);
	put(b, table, 1);
	put_pointer(b, encoding, (uint64_t)(uintptr_t)frame, (uint64_t)(uintptr_t)hdr);
	if (table != OMIT)
		put(b, f->bad_count ? 0x20000000 : f->empty ? 0 : NR_FDES, 4);
	if (table == (DATAREL | SDATA4))
		put_table(b, f, (uint64_t)(uintptr_t)hdr);
	return hdr;
}

static int find(const struct builder *b, const uint8_t *hdr, uint64_t pc, struct lk_eh_fde *fde)
{
	struct lk_eh_window window = {.low = b->low, .high = b->at};

	return lk_eh_find(&window, hdr, pc, fde);
}

static bool fde_right(
	const struct builder *b, const struct form *f, int i, const struct lk_eh_fde *fde)
{
	return fde->pc_begin == code_addr(b, i) && fde->pc_size == CODE_SIZE - 8 &&
	       lk_cursor_left(&fde->ops) == NR_OPS && fde->ops.at[0] == i &&
	       lk_cursor_left(&fde->cie_ops) == 6 && fde->code_align == 1 &&
	       fde->data_align == -8 && fde->ra_reg == 16 && fde->signal == f->signal &&
	       fde->pc_encoding == pc_encoding_of(f);
}

/* The first and last pc of every function, and the gaps around them. */
static bool lookups_right(const struct builder *b, const struct form *f, const uint8_t *hdr)
{
	struct lk_eh_fde fde;
	bool right = find(b, hdr, code_addr(b, 0) - 1, &fde) == -ENODATA &&
		     find(b, hdr, code_addr(b, NR_FDES), &fde) == -ENODATA &&
		     find(b, hdr, 0, &fde) == -ENODATA &&
		     find(b, hdr, UINT64_MAX, &fde) == -ENODATA;

	for (int i = 0; i < NR_FDES; i++) {
		right = right && !find(b, hdr, code_addr(b, i), &fde) && fde_right(b, f, i, &fde);
		right = right && !find(b, hdr, code_addr(b, i) + CODE_SIZE - 9, &fde) &&
			fde_right(b, f, i, &fde);
		right = right && find(b, hdr, code_addr(b, i) + CODE_SIZE - 8, &fde) == -ENODATA;
	}
	return right;
}

static const struct form forms[] = {
	{.name = "what gcc and ld write"},
	{.name = "absolute pointers", .pc_encoding = ABSPTR},
	{.name = "absolute pointers, since no augmentation says otherwise",
		.augmentation = "",
		.pc_encoding = ABSPTR},
	{.name = "udata8", .pc_encoding = 0x04},
	{.name = "sdata8 relative to itself", .pc_encoding = PCREL | 0x0c},
	{.name = "udata4 relative to itself", .pc_encoding = PCREL | 0x03},
	{.name = "sdata2 relative to itself", .pc_encoding = PCREL | 0x0a},
	{.name = "udata2 relative to itself", .pc_encoding = PCREL | 0x02},
	{.name = "uleb128 relative to itself", .pc_encoding = PCREL | 0x01},
	{.name = "sleb128 relative to itself", .pc_encoding = PCREL | 0x09},
	{.name = "an address through a cell", .pc_encoding = 0x80 | PCREL | SDATA4},
	{.name = "personality, language data and signal", .augmentation = "zPLRS", .signal = true},
	{.name = "letters of other machines", .augmentation = "zRBG"},
	{.name = "a CIE of version 3", .version = 3},
	{.name = "a CIE of version 4", .version = 4},
	{.name = "lengths of 64 bits", .long_length = true},
	{.name = "no table: all of .eh_frame is read", .table_encoding = OMIT},
	{.name = "no table and lengths of 64 bits", .table_encoding = OMIT, .long_length = true},
	{.name = "a table of another form: all of .eh_frame is read",
		.table_encoding = PCREL | SDATA4},
	{.name = ".eh_frame relative to the header",
		.frame_encoding = DATAREL | SDATA4,
		.table_encoding = OMIT},
	{.name = "a table that needs no .eh_frame pointer", .frame_encoding = OMIT},
	{.name = "neither table nor .eh_frame",
		.frame_encoding = OMIT,
		.table_encoding = OMIT,
		.r = -ENODATA},
	{.name = "an empty table", .empty = true, .r = -ENODATA},
	{.name = "a header of another version", .hdr_version = 2, .r = -EOPNOTSUPP},
	{.name = "a CIE of version 2", .version = 2, .r = -EOPNOTSUPP},
	{.name = "the augmentation of gcc 2", .augmentation = "eh", .r = -EOPNOTSUPP},
	{.name = "an unknown letter", .augmentation = "zXR", .r = -EOPNOTSUPP},
	{.name = "an endless augmentation",
		.augmentation = "zRBBBBBBBBBBBBBBBBBBBBBB",
		.r = -EBADMSG},
	{.name = "a form that does not exist", .pc_encoding = PCREL | 0x0f, .r = -EBADMSG},
	{.name = "pointers relative to the text", .pc_encoding = 0x20 | SDATA4, .r = -EBADMSG},
	{.name = "pointers relative to data that is not known",
		.pc_encoding = DATAREL | SDATA4,
		.r = -EBADMSG},
	{.name = "more entries than there is room for", .bad_count = true, .r = -EBADMSG},
	{.name = "a CIE that is none", .bad_cie = true, .r = -EBADMSG},
	{.name = "a CIE that is none, without a table",
		.bad_cie = true,
		.table_encoding = OMIT,
		.r = -ENODATA},
};

static uint8_t *guarded_area(void)
{
	uint8_t *pages = mmap(NULL, AREA + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages + PAGE, AREA, PROT_READ | PROT_WRITE))
		return NULL;
	return pages + PAGE;
}

static void test_form(uint8_t *area, const struct form *f)
{
	struct builder b = {.low = area, .high = area + AREA};
	struct lk_eh_fde fde;
	const uint8_t *hdr = build(&b, f);

	if (f->r)
		tap_ok(find(&b, hdr, code_addr(&b, 2), &fde) == f->r, "refused: %s", f->name);
	else
		tap_ok(lookups_right(&b, f, hdr), "found: %s", f->name);
}

/*
 * The tables pushed against the page that cannot be read, so that each window
 * that is shorter ends there: an overrun faults.
 */
static bool cut_off(uint8_t *area, const struct form *f)
{
	struct builder b = {.low = area, .high = area + AREA};
	const uint8_t *hdr = build(&b, f);
	size_t size = (size_t)(b.at - b.low);
	size_t hdr_off = (size_t)(hdr - b.low);
	uint8_t whole[AREA];
	unsigned long answered = 0;

	memcpy(whole, area, size);
	for (size_t n = 0; n <= size; n++) {
		struct builder cut = {.low = area + AREA - n, .at = area + AREA};
		struct lk_eh_fde fde;

		memcpy(cut.low, whole, n);
		for (int i = 0; i < NR_FDES; i++)
			answered += !find(&cut, cut.low + hdr_off, code_addr(&cut, i), &fde);
	}
	return answered < NR_FDES * size;
}

static void test_cut_off(uint8_t *area)
{
	bool right = true;

	for (size_t i = 0; i < LK_ARRAY_SIZE(forms); i++)
		right = cut_off(area, &forms[i]) && right;
	tap_ok(right, "tables that are cut off at any byte are read within their bounds");
}

static void test_pointer(void)
{
	static const uint8_t bytes[8] = {0xfe, 0xff, 0xff, 0xff, 1, 2, 3, 4};
	struct lk_eh_window window = {.low = bytes, .high = bytes + sizeof(bytes)};
	struct lk_cursor c = lk_cursor_over(bytes, 4);

	tap_ok(lk_eh_pointer(&window, &c, DATAREL | SDATA4, 1000) == 998 && !c.bad,
		"a pointer relative to data adds the base");
	c = lk_cursor_over(bytes, 3);
	lk_eh_pointer(&window, &c, SDATA4, 0);
	tap_ok(c.bad, "a pointer that is cut off latches the cursor");
	c = lk_cursor_over(bytes, sizeof(bytes));
	lk_eh_pointer(&window, &c, 0x80 | SDATA4, 0);
	tap_ok(c.bad, "a cell outside the window latches the cursor");
	c = lk_cursor_over(bytes, sizeof(bytes));
	lk_eh_pointer(&window, &c, OMIT, 0);
	tap_ok(c.bad, "an omitted pointer latches the cursor");
}

int main(void)
{
	uint8_t *area = guarded_area();

	if (!tap_ok(area != NULL, "memory between two pages that cannot be read"))
		return tap_done();
	for (size_t i = 0; i < LK_ARRAY_SIZE(forms); i++)
		test_form(area, &forms[i]);
	test_cut_off(area);
	test_pointer();
	return tap_done();
}
