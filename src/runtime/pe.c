#include "runtime/pe.h"

#include <errno.h>

#include "base/cursor.h"

#define SECTION_SIZE	 40u
#define DEBUG_ENTRY_SIZE 28u
#define DIRECTORY_DEBUG	 6u
#define DIRECTORY_CLI	 14u

struct directory {
	uint32_t rva;
	uint32_t size;
};

static struct lk_cursor cursor_from(const struct lk_pe *pe, size_t offset)
{
	struct lk_cursor c = lk_cursor_over(pe->bytes, pe->size);

	lk_cursor_take(&c, offset);
	return c;
}

const uint8_t *lk_pe_at(const struct lk_pe *pe, uint32_t rva, size_t *ret_left)
{
	struct lk_cursor c = lk_cursor_over(pe->sections, (size_t)pe->nr_sections * SECTION_SIZE);

	for (unsigned i = 0; i < pe->nr_sections; i++) {
		uint32_t at, raw_size, raw_at;

		lk_cursor_take(&c, 12); /* name, virtual size */
		at = lk_cursor_u32(&c);
		raw_size = lk_cursor_u32(&c);
		raw_at = lk_cursor_u32(&c);
		lk_cursor_take(&c, 16);
		if (rva < at || rva - at >= raw_size)
			continue;
		if (raw_at > pe->size || raw_size > pe->size - raw_at)
			return NULL;
		*ret_left = raw_size - (rva - at);
		return pe->bytes + raw_at + (rva - at);
	}
	return NULL;
}

static const uint8_t *whole_range(const struct lk_pe *pe, struct directory d)
{
	size_t left;
	const uint8_t *at = lk_pe_at(pe, d.rva, &left);

	return at && left >= d.size ? at : NULL;
}

/* Reads entry `index` of the optional header's data directories; zeros where there is none. */
static struct directory read_directory(struct lk_cursor optional, uint32_t index)
{
	uint16_t magic = lk_cursor_u16(&optional);
	struct directory d = {0};
	uint32_t nr;

	/* PE32+ has four fields of 8 bytes where PE32 has 4, and lacks one of 4. */
	lk_cursor_take(&optional, magic == 0x20b ? 106 : 90);
	nr = lk_cursor_u32(&optional);
	if (index >= nr)
		return d;
	lk_cursor_take(&optional, 8 * (size_t)index);
	d.rva = lk_cursor_u32(&optional);
	d.size = lk_cursor_u32(&optional);
	return optional.bad ? (struct directory){0} : d;
}

static int read_headers(struct lk_pe *pe, struct lk_cursor *ret_optional)
{
	struct lk_cursor c = lk_cursor_over(pe->bytes, pe->size);
	uint16_t optional_size;
	const uint8_t *optional;
	uint32_t pe_at;

	if (lk_cursor_u16(&c) != 0x5a4d) /* "MZ" */
		return -ENOEXEC;
	lk_cursor_take(&c, 58);
	pe_at = lk_cursor_u32(&c);
	c = cursor_from(pe, pe_at);
	if (lk_cursor_u32(&c) != 0x4550) /* "PE" */
		return c.bad ? -EBADMSG : -ENOEXEC;
	lk_cursor_u16(&c); /* machine */
	pe->nr_sections = lk_cursor_u16(&c);
	lk_cursor_take(&c, 12);
	optional_size = lk_cursor_u16(&c);
	lk_cursor_u16(&c); /* characteristics */
	optional = lk_cursor_take(&c, optional_size);
	pe->sections = lk_cursor_take(&c, (size_t)pe->nr_sections * SECTION_SIZE);
	if (c.bad)
		return -EBADMSG;
	*ret_optional = lk_cursor_over(optional, optional_size);
	return 0;
}

static int read_cli(struct lk_pe *pe, struct directory cli)
{
	const uint8_t *at = whole_range(pe, cli);
	struct directory metadata;
	struct lk_cursor c;

	if (!at)
		return -EBADMSG;
	c = lk_cursor_over(at, cli.size);
	lk_cursor_take(&c, 8); /* size of the header, runtime version */
	metadata.rva = lk_cursor_u32(&c);
	metadata.size = lk_cursor_u32(&c);
	pe->metadata = whole_range(pe, metadata);
	pe->metadata_size = metadata.size;
	return c.bad || !pe->metadata ? -EBADMSG : 0;
}

int lk_pe_read(const void *bytes, size_t size, struct lk_pe *ret_pe)
{
	struct lk_pe pe = {.bytes = bytes, .size = size};
	struct directory cli, debug;
	struct lk_cursor optional;
	int r;

	r = read_headers(&pe, &optional);
	if (r < 0)
		return r;
	cli = read_directory(optional, DIRECTORY_CLI);
	if (!cli.rva)
		return -ENOEXEC;
	r = read_cli(&pe, cli);
	if (r < 0)
		return r;
	/* Lines are worth less than names: a bad debug directory is as good as none. */
	debug = read_directory(optional, DIRECTORY_DEBUG);
	pe.debug = debug.rva ? whole_range(&pe, debug) : NULL;
	pe.nr_debug = pe.debug ? debug.size / DEBUG_ENTRY_SIZE : 0;
	*ret_pe = pe;
	return 0;
}

int lk_pe_debug_entry(const struct lk_pe *pe, size_t index, struct lk_pe_debug *ret_entry)
{
	struct lk_pe_debug entry = {0};
	struct lk_cursor c;
	uint32_t offset;

	if (index >= pe->nr_debug)
		return -ENODATA;
	c = lk_cursor_over(pe->debug + index * DEBUG_ENTRY_SIZE, DEBUG_ENTRY_SIZE);
	lk_cursor_u32(&c); /* characteristics */
	entry.stamp = lk_cursor_u32(&c);
	lk_cursor_u32(&c); /* version */
	entry.type = lk_cursor_u32(&c);
	entry.size = lk_cursor_u32(&c);
	lk_cursor_u32(&c); /* rva */
	offset = lk_cursor_u32(&c);
	c = cursor_from(pe, offset);
	entry.data = lk_cursor_take(&c, entry.size);
	if (!entry.data)
		return -EBADMSG;
	*ret_entry = entry;
	return 0;
}

int lk_pe_il(const struct lk_pe *pe, uint32_t rva, const uint8_t **ret_il, size_t *ret_size)
{
	struct lk_cursor c;
	const uint8_t *at;
	uint32_t size;
	uint8_t first;
	size_t left;

	if (!rva)
		return -ENODATA;
	at = lk_pe_at(pe, rva, &left);
	if (!at)
		return -EBADMSG;
	c = lk_cursor_over(at, left);
	first = lk_cursor_u8(&c);
	if ((first & 3) == 2) { /* tiny header: six bits of size (II.25.4.2) */
		size = first >> 2;
	} else if ((first & 3) == 3) { /* fat header: its size in words in the top four bits */
		uint8_t words = lk_cursor_u8(&c) >> 4;

		lk_cursor_u16(&c); /* max stack */
		size = lk_cursor_u32(&c);
		lk_cursor_u32(&c); /* locals */
		lk_cursor_take(&c, words > 3 ? (words - 3u) * 4 : 0);
	} else {
		return -EBADMSG;
	}
	at = lk_cursor_take(&c, size);
	if (!at)
		return -EBADMSG;
	*ret_il = at;
	*ret_size = size;
	return 0;
}
