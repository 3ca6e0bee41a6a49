#include "runtime/mdb.h"

#include <errno.h>
#include <string.h>

#include "base/cursor.h"

#define MDB_MAGIC   0x45e82623fd7fa614ull
#define MDB_MAJOR   50u
#define SOURCE_SIZE 8u
#define METHOD_SIZE 12u
#define HIDDEN_LINE 0xfeefeeu /* what compilers write for "no line" */

enum {
	OP_EXTENDED = 0,
	OP_COPY = 1,
	OP_ADVANCE_OFFSET = 2,
	OP_ADVANCE_LINE = 3,
	OP_SET_FILE = 4,
	OP_ADD_LARGEST = 8,
	EXTENDED_END = 1,
	EXTENDED_TOGGLE_HIDDEN = 0x40,
	EXTENDED_RESERVED_LAST = 0x7f,
};

/* A line program at work. */
struct machine {
	const struct lk_mdb *mdb;
	struct lk_strings *strings;
	struct lk_il_points *points;
	struct lk_cursor c;
	uint32_t file, line, il;
	uint32_t named_file; /* the file whose name is `name`; 0 none yet */
	uint32_t nr_named;
	const char *name;
	bool hidden;
	bool changed; /* since the last row */
};

static struct lk_cursor cursor_from(const struct lk_mdb *mdb, uint32_t offset)
{
	struct lk_cursor c = lk_cursor_over(mdb->bytes, mdb->size);

	lk_cursor_take(&c, offset);
	return c;
}

static const uint8_t *whole_table(
	const struct lk_mdb *mdb, uint32_t offset, uint32_t count, uint32_t record_size)
{
	struct lk_cursor c = cursor_from(mdb, offset);

	return lk_cursor_take(&c, (size_t)count * record_size);
}

static int read_offset_table(struct lk_mdb *mdb, struct lk_cursor *c)
{
	uint32_t words[20];

	for (size_t i = 0; i < LK_ARRAY_SIZE(words); i++)
		words[i] = lk_cursor_u32(c);
	mdb->nr_sources = words[6];
	mdb->sources = whole_table(mdb, words[7], mdb->nr_sources, SOURCE_SIZE);
	mdb->nr_methods = words[9];
	mdb->methods = whole_table(mdb, words[10], mdb->nr_methods, METHOD_SIZE);
	mdb->line_base = (int32_t)words[16];
	mdb->line_range = words[17];
	mdb->opcode_base = words[18];
	if (c->bad || !mdb->sources || !mdb->methods || !mdb->line_range || mdb->line_range > 255 ||
		mdb->opcode_base < OP_ADD_LARGEST + 1 || mdb->opcode_base > 255)
		return -EBADMSG;
	return 0;
}

int lk_mdb_open(const void *bytes, size_t size, const uint8_t *mvid, struct lk_mdb *ret_mdb)
{
	struct lk_mdb mdb = {.bytes = bytes, .size = size};
	struct lk_cursor c = lk_cursor_over(bytes, size);
	const uint8_t *guid;
	uint32_t major;
	int r;

	if (lk_cursor_u64(&c) != MDB_MAGIC)
		return -ENOEXEC;
	major = lk_cursor_u32(&c);
	lk_cursor_u32(&c); /* minor versions read alike */
	guid = lk_cursor_take(&c, 16);
	if (!guid)
		return -EBADMSG;
	if (major != MDB_MAJOR)
		return -EOPNOTSUPP;
	if (memcmp(guid, mvid, 16))
		return -ESTALE;
	r = read_offset_table(&mdb, &c);
	if (r < 0)
		return r;
	*ret_mdb = mdb;
	return 0;
}

static struct lk_cursor method_entry(const struct lk_mdb *mdb, uint32_t index)
{
	return lk_cursor_over(mdb->methods + (size_t)index * METHOD_SIZE, METHOD_SIZE);
}

static int find_method(const struct lk_mdb *mdb, uint32_t token, uint32_t *ret_program)
{
	uint32_t low = 0, high = mdb->nr_methods;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct lk_cursor c = method_entry(mdb, middle);
		uint32_t here = lk_cursor_u32(&c);

		if (here == token) {
			lk_cursor_u32(&c);
			*ret_program = lk_cursor_u32(&c);
			return *ret_program ? 0 : -ENODATA;
		}
		if (here < token)
			low = middle + 1;
		else
			high = middle;
	}
	return -ENODATA;
}

static const char *source_name(struct machine *m)
{
	const uint8_t *text;
	struct lk_cursor c;
	uint64_t size;

	if (m->file == m->named_file)
		return m->name;
	m->named_file = m->file;
	m->nr_named++;
	m->name = NULL;
	if (!m->file || m->file > m->mdb->nr_sources)
		return NULL;
	c = lk_cursor_over(m->mdb->sources + (size_t)(m->file - 1) * SOURCE_SIZE, SOURCE_SIZE);
	lk_cursor_u32(&c);
	c = cursor_from(m->mdb, lk_cursor_u32(&c));
	size = lk_cursor_uleb(&c);
	text = lk_cursor_take(&c, size);
	if (text && size && size <= 4096)
		m->name = lk_strings_add_n(m->strings, (const char *)text, size);
	return m->name;
}

static int add_row(struct machine *m)
{
	bool hidden = m->hidden || m->line == HIDDEN_LINE;
	struct lk_il_point point = {
		.il = m->il,
		.line = hidden ? 0 : m->line,
		.file = source_name(m),
		.hidden = hidden,
	};

	m->changed = false;
	if (m->nr_named > LK_IL_FILE_CHANGES_MAX)
		return -EBADMSG;
	return lk_il_points_add(m->points, &point);
}

/* 1 at the program's end. */
static int run_extended(struct machine *m)
{
	uint8_t size = lk_cursor_u8(&m->c);
	const uint8_t *body = lk_cursor_take(&m->c, size);
	int r;

	if (!body || !size)
		return -EBADMSG;
	if (*body == EXTENDED_END) {
		r = m->changed ? add_row(m) : 0;
		return r < 0 ? r : 1;
	}
	if (*body == EXTENDED_TOGGLE_HIDDEN)
		m->hidden = !m->hidden;
	else if (*body < EXTENDED_TOGGLE_HIDDEN || *body > EXTENDED_RESERVED_LAST)
		return -EBADMSG;
	m->changed = true;
	return 0;
}

static int run_standard(struct machine *m, uint8_t opcode)
{
	switch (opcode) {
	case OP_COPY:
		return add_row(m);
	case OP_ADVANCE_OFFSET:
		m->il += (uint32_t)lk_cursor_uleb(&m->c);
		break;
	case OP_ADVANCE_LINE: /* negative ones are written as their 32-bit complement */
		m->line += (uint32_t)lk_cursor_uleb(&m->c);
		break;
	case OP_SET_FILE:
		m->file = (uint32_t)lk_cursor_uleb(&m->c);
		break;
	case OP_ADD_LARGEST:
		m->il += (255 - m->mdb->opcode_base) / m->mdb->line_range;
		break;
	default:
		return -EBADMSG;
	}
	m->changed = true;
	return 0;
}

static int run_special(struct machine *m, uint8_t opcode)
{
	uint32_t advance = opcode - m->mdb->opcode_base;

	m->il += advance / m->mdb->line_range;
	m->line += (uint32_t)m->mdb->line_base + advance % m->mdb->line_range;
	return add_row(m);
}

int lk_mdb_points(const struct lk_mdb *mdb, uint32_t token, struct lk_strings *strings,
	struct lk_il_points *points)
{
	struct machine m = {.mdb = mdb, .strings = strings, .points = points, .file = 1, .line = 1};
	uint32_t program;
	int r;

	r = find_method(mdb, token, &program);
	if (r < 0)
		return r;
	m.c = cursor_from(mdb, program);
	do {
		uint8_t opcode = lk_cursor_u8(&m.c);

		if (m.c.bad)
			return -EBADMSG;
		if (opcode == OP_EXTENDED)
			r = run_extended(&m);
		else if (opcode < mdb->opcode_base)
			r = run_standard(&m, opcode);
		else
			r = run_special(&m, opcode);
	} while (!r);
	return r < 0 ? r : 0;
}
