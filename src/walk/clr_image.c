#include "base/cursor.h"
#include "base/syscall.h"
#include "base/utf8.h"
#include "walk/clr.h"
#include "walk/clr_learn.h"
#include "walk/clr_pe.h"
#include "walk/peek.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LAYOUT_MAPPED 1u /* PEImageLayout.Flags: laid out by section, not as in the file */
#define META_MAX      (64u << 20)
#define DEBUG_MAX     (16u << 20)
#define DEBUG_ENTRY   28u
#define CLI_SIZE      72u
#define MODULE_WORDS  256u
#define IMAGE_WORDS   48u
#define LAYOUT_BASE   8u /* in PEImageLayout of .NET 8 */

static int read_layout(uint64_t module, struct lk_clr_pe *ret)
{
	uint64_t assembly, pe, layout;
	uint32_t flags;

	if (lk_peek_u64(module + lk_clr.module_assembly, &assembly) ||
		lk_peek_u64(assembly + lk_clr.assembly_image, &pe) ||
		lk_peek_u64(pe + lk_clr.image_layout, &layout) || !layout ||
		lk_peek_u64(layout + lk_clr.layout_base, &ret->base) ||
		lk_peek_u32(layout + lk_clr.layout_size, &ret->size) ||
		lk_peek_u32(layout + lk_clr.layout_flags, &flags))
		return -ENODATA;
	ret->mapped = flags & LAYOUT_MAPPED;
	return 0;
}

/* Whether an assembly lies at `base`, which may be anything. */
static bool is_assembly(uint64_t base, struct lk_clr_pe *ret)
{
	struct lk_clr_dir cli;
	uint32_t size;

	*ret = (struct lk_clr_pe){.base = base};
	if (base & 15 || !(base >> 16) || lk_clr_pe_read(ret))
		return false;
	cli = lk_clr_pe_dir(ret, LK_CLR_DIR_CLI);
	/* The header begins with its size, if it lies where it is mapped to. */
	ret->mapped = !lk_peek_u32(ret->base + cli.rva, &size) && size == CLI_SIZE;
	return cli.size == CLI_SIZE;
}

/*
 * .NET 9: a word of the module points to the assembly's first bytes.  .NET 8, where
 * only precompiled ones are there: by its PEImage and PEImageLayout, which clr_learn.c
 * found the way to.
 */
static int search_layout(uint64_t module, struct lk_clr_pe *ret)
{
	uint64_t words[MODULE_WORDS], image, base;
	size_t nr = lk_peek_some(module, words, sizeof(words)) / 8;

	for (size_t i = 0; i < nr; i++)
		if (is_assembly(words[i], ret))
			return 0;
	if (!lk_clr.image_path || lk_peek_u64(module + lk_clr.module_assembly, &image) ||
		lk_peek_u64(image + lk_clr.assembly_image, &image))
		return -ENODATA;
	nr = lk_peek_some(image, words, 8 * IMAGE_WORDS) / 8;
	for (size_t i = 0; i < nr; i++)
		if (words[i] % 8 == 0 && words[i] >> 16 &&
			!lk_peek_u64(words[i] + LAYOUT_BASE, &base) && is_assembly(base, ret))
			return 0;
	return -ENODATA;
}

static int open_image(uint64_t module, struct lk_clr_pe *ret)
{
	*ret = (struct lk_clr_pe){0};
	if (!lk_clr.described)
		return search_layout(module, ret);
	return read_layout(module, ret) ?: lk_clr_pe_read(ret);
}

static uint64_t find_metadata(const struct lk_clr_pe *image, uint32_t *ret_size)
{
	struct lk_clr_dir cli = lk_clr_pe_dir(image, LK_CLR_DIR_CLI), meta;
	uint64_t at = cli.size >= 16 ? lk_clr_pe_at(image, cli.rva, 16) : 0;

	if (!at || lk_peek(at + 8, &meta, sizeof(meta)) || meta.size > META_MAX)
		return 0;
	*ret_size = meta.size;
	return lk_clr_pe_at(image, meta.rva, meta.size);
}

/*
 * The module's version id: the GUID that the first row of the first table names.
 * Metadata is "BSJB", versions, u32 length and text, u16 flags, u16 nr of streams,
 * each { u32 offset, u32 size, name padded to 4 } (ECMA-335 II.24.2.1).
 */
static bool read_mvid(uint64_t meta, uint32_t size, uint8_t mvid[16])
{
	uint8_t bytes[512];
	size_t n = lk_peek_some(meta, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
	struct lk_cursor c = lk_cursor_over(bytes, n), t;
	uint32_t tables = 0, guids = 0, guid_size = 0, index, nr;
	uint8_t head[24 + 4 * 64 + 16], heaps;
	uint64_t present;

	if (lk_cursor_u32(&c) != 0x424a5342)
		return false;
	lk_cursor_take(&c, 8);
	lk_cursor_take(&c, lk_cursor_u32(&c));
	lk_cursor_u16(&c);
	nr = lk_cursor_u16(&c);
	for (uint32_t i = 0; i < nr && !c.bad; i++) {
		uint32_t at = lk_cursor_u32(&c), length = lk_cursor_u32(&c);
		const char *name = lk_cursor_str(&c);

		if (!name)
			return false;
		lk_cursor_take(&c, -(size_t)((const char *)c.at - name) & 3);
		if (!strcmp(name, "#~") || !strcmp(name, "#-"))
			tables = at;
		if (!strcmp(name, "#GUID")) {
			guids = at;
			guid_size = length;
		}
	}
	if (c.bad || !tables || !guids || tables >= size ||
		!(n = lk_peek_some(meta + tables, head, sizeof(head))))
		return false;
	t = lk_cursor_over(head, n);
	lk_cursor_take(&t, 6);
	heaps = lk_cursor_u8(&t);
	lk_cursor_u8(&t);
	present = lk_cursor_u64(&t);
	lk_cursor_u64(&t);
	lk_cursor_take(&t, 4u * (unsigned)__builtin_popcountll(present) + (heaps & 0x40 ? 4 : 0));
	lk_cursor_take(&t, 2 + (heaps & 1 ? 4 : 2)); /* generation, name */
	index = heaps & 2 ? lk_cursor_u32(&t) : lk_cursor_u16(&t);
	if (t.bad || !(present & 1) || !index || index > guid_size / 16 || guids > size ||
		16 * index > size - guids)
		return false;
	return !lk_peek(meta + guids + 16 * (index - 1), mvid, 16);
}

/* Metadata that System.Reflection.Emit made has no image around it. */
static uint64_t find_emitted(uint64_t module, uint32_t *ret_size)
{
	uint64_t at;

	if (!lk_clr.module_emitted || lk_peek_u64(module + lk_clr.module_emitted, &at) || !at ||
		lk_peek_u32(at + lk_clr.emitted_size, ret_size) || *ret_size > META_MAX)
		return 0;
	return at + lk_clr.emitted_data;
}

static void find_debugs(const struct lk_clr_pe *image, struct lk_walk_image *ret)
{
	struct lk_clr_dir d = lk_clr_pe_dir(image, LK_CLR_DIR_DEBUG);
	uint64_t at = d.size ? lk_clr_pe_at(image, d.rva, d.size) : 0;
	uint32_t entry[7]; /* flags, stamp, version, type, size, rva, offset */

	for (uint32_t i = 0; at && (i + 1) * DEBUG_ENTRY <= d.size; i++) {
		uint64_t data;

		if (ret->nr_debugs == LK_WALK_DEBUGS ||
			lk_peek(at + i * DEBUG_ENTRY, entry, sizeof(entry)))
			return;
		data = entry[5] ? lk_clr_pe_at(image, entry[5], entry[4]) : 0;
		if (!data || entry[4] > DEBUG_MAX)
			continue;
		ret->debugs[ret->nr_debugs].type = entry[3];
		ret->debugs[ret->nr_debugs].stamp = entry[1];
		ret->debugs[ret->nr_debugs].addr = data;
		ret->debugs[ret->nr_debugs].size = entry[4];
		ret->nr_debugs++;
	}
}

/* A NUL-terminated text of 16-bit characters, as UTF-8; cut where it does not fit. */
static void read_text16(uint64_t at, char *to, size_t size)
{
	uint16_t units[128];
	uint32_t high = 0;
	char bytes[4];
	size_t n = 0;

	to[0] = 0;
	for (;;) {
		/* Not across pages: what follows the text may be unmapped. */
		size_t step = (4096 - at % 4096) / 2, got;

		step = step > LK_ARRAY_SIZE(units) ? LK_ARRAY_SIZE(units) : step;
		got = lk_peek_some(at, units, 2 * step) / 2;
		for (size_t i = 0; i < got; i++) {
			uint32_t c = units[i];
			size_t put;

			if (c >= 0xd800 && c < 0xdc00) {
				high = c;
				continue;
			}
			if (c >= 0xdc00 && c < 0xe000 && high)
				c = 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00);
			high = 0;
			put = c ? lk_utf8_put(c, bytes) : 0;
			if (!put || n + put >= size)
				return;
			__builtin_memcpy(to + n, bytes, put);
			n += put;
			to[n] = 0;
		}
		if (got < step || !step)
			return;
		at += 2 * step;
	}
}

static bool is_file(const char *path)
{
	struct stat st;

	return path[0] == '/' && !lk_syscall4(SYS_newfstatat, AT_FDCWD, path, &st, 0) &&
	       S_ISREG(st.st_mode);
}

int lk_clr_image(uint64_t module, struct lk_walk_image *ret)
{
	uint32_t meta_size = 0;
	uint64_t path, meta;
	struct lk_clr_pe image;
	bool in_image;

	*ret = (struct lk_walk_image){0};
	if (lk_peek_u64(module + lk_clr.module_path, &path))
		return -ENODATA;
	if (!lk_clr.module_path)
		path = lk_clr_learn_path(module);
	if (path)
		read_text16(path, ret->path, sizeof(ret->path));
	in_image = !open_image(module, &image);
	meta = in_image ? find_metadata(&image, &meta_size) : find_emitted(module, &meta_size);
	if (!meta)
		return 0;
	read_mvid(meta, meta_size, ret->mvid);
	if (is_file(ret->path))
		return 0;
	ret->meta_addr = meta;
	ret->meta_size = meta_size;
	if (in_image)
		find_debugs(&image, ret);
	return 0;
}
