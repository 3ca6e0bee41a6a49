#include "runtime/pdb_portable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "runtime/name_text.h"

#define EMBEDDED_MAGIC 0x4244504du /* "MPDB" */
/* Deflate cannot do better than this, so a size beyond it is a lie. */
#define DEFLATE_BEST 1032u
/* Far above any symbol file, and a bound for what a few damaged bytes can make us take. */
#define UNPACKED_MAX   (512u << 20)
#define TOKEN_METHOD   0x06000000u
#define PATH_PARTS_MAX 1024u

int lk_pdb_open(const void *bytes, size_t size, const uint8_t *guid, struct lk_pdb *ret_pdb)
{
	struct lk_pdb pdb;
	int r;

	r = lk_metadata_read(bytes, size, &pdb.md);
	if (r < 0)
		return r;
	if (pdb.md.pdb.size < 20)
		return -ENOEXEC;
	if (guid && memcmp(guid, pdb.md.pdb.at, 16))
		return -ESTALE;
	*ret_pdb = pdb;
	return 0;
}

/* A path is a blob: a separator, then the parts, each a blob of its own; 0 is an empty one. */
static const char *document_name(const struct lk_pdb *pdb, uint32_t row, struct lk_strings *strings)
{
	struct lk_cursor c = lk_metadata_blob(
		&pdb->md, lk_metadata_cell(&pdb->md, LK_TABLE_DOCUMENT, row, LK_DOCUMENT_NAME));
	char separator[2] = {(char)lk_cursor_u8(&c), 0};
	struct lk_name_text path;

	lk_name_text_init(&path);
	for (unsigned n = 0; lk_cursor_left(&c) && n < PATH_PARTS_MAX && !path.cut; n++) {
		uint32_t offset = lk_metadata_unsigned(&c);
		struct lk_cursor part = lk_metadata_blob(&pdb->md, offset);

		lk_name_text_add(&path, n ? separator : "");
		if (offset && !c.bad && !part.bad)
			lk_name_text_add_n(&path, part.at, lk_cursor_left(&part));
	}
	return path.used && !c.bad ? lk_strings_add(strings, path.at) : NULL;
}

/* Where a sequence of points stands; each record tells differences to the one before. */
struct decoder {
	const struct lk_pdb *pdb;
	struct lk_strings *strings;
	struct lk_cursor c;
	struct lk_il_point point;
	uint32_t line, column; /* of the last visible point */
	uint32_t nr_files;
	bool any, any_visible;
};

static int read_position(struct decoder *d)
{
	uint32_t lines = lk_metadata_unsigned(&d->c);
	int32_t columns = lines ? lk_metadata_signed(&d->c) : (int32_t)lk_metadata_unsigned(&d->c);

	d->point.hidden = !lines && !columns;
	if (!d->point.hidden && !d->any_visible) {
		d->line = lk_metadata_unsigned(&d->c);
		d->column = lk_metadata_unsigned(&d->c);
		d->any_visible = true;
	} else if (!d->point.hidden) {
		d->line += (uint32_t)lk_metadata_signed(&d->c);
		d->column += (uint32_t)lk_metadata_signed(&d->c);
	}
	d->point.line = d->point.hidden ? 0 : d->line;
	d->point.column = d->point.hidden ? 0 : d->column;
	return d->c.bad ? -EBADMSG : 0;
}

static int read_record(struct decoder *d, struct lk_il_points *points)
{
	uint32_t advance = lk_metadata_unsigned(&d->c);
	int r;

	if (d->any && !advance) { /* the points that follow are of another file */
		d->point.file = document_name(d->pdb, lk_metadata_unsigned(&d->c), d->strings);
		return d->c.bad || ++d->nr_files > LK_IL_FILE_CHANGES_MAX ? -EBADMSG : 0;
	}
	d->point.il += advance;
	d->any = true;
	r = read_position(d);
	return r < 0 ? r : lk_il_points_add(points, &d->point);
}

int lk_pdb_points(const struct lk_pdb *pdb, uint32_t token, struct lk_strings *strings,
	struct lk_il_points *points)
{
	uint32_t row = token - TOKEN_METHOD, blob, document;
	struct decoder d = {.pdb = pdb, .strings = strings};
	int r = 0;

	blob = lk_metadata_cell(&pdb->md, LK_TABLE_METHOD_DEBUG, row, LK_METHOD_DEBUG_POINTS);
	if (!blob)
		return -ENODATA;
	d.c = lk_metadata_blob(&pdb->md, blob);
	lk_metadata_unsigned(&d.c); /* signature of the locals */
	document = lk_metadata_cell(&pdb->md, LK_TABLE_METHOD_DEBUG, row, LK_METHOD_DEBUG_DOCUMENT);
	if (!document)
		document = lk_metadata_unsigned(&d.c);
	d.point.file = document_name(pdb, document, strings);
	while (!r && lk_cursor_left(&d.c))
		r = read_record(&d, points);
	return d.c.bad ? -EBADMSG : r;
}

uint32_t lk_pdb_kickoff(const struct lk_pdb *pdb, uint32_t token)
{
	uint32_t method = token - TOKEN_METHOD, kickoff;
	uint32_t row = lk_metadata_last_at_most(
		&pdb->md, LK_TABLE_STATE_MACHINE, LK_STATE_MACHINE_MOVE_NEXT, method);

	if (lk_metadata_cell(&pdb->md, LK_TABLE_STATE_MACHINE, row, LK_STATE_MACHINE_MOVE_NEXT) !=
		method)
		return 0;
	kickoff = lk_metadata_cell(&pdb->md, LK_TABLE_STATE_MACHINE, row, LK_STATE_MACHINE_KICKOFF);
	return kickoff && kickoff < 0x1000000 ? TOKEN_METHOD | kickoff : 0;
}

static int inflate_all(const uint8_t *in, size_t in_size, uint8_t *out, size_t out_size)
{
	z_stream z = {
		.next_in = (Bytef *)in,
		.avail_in = (uInt)in_size,
		.next_out = out,
		.avail_out = (uInt)out_size,
	};
	int r;

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK) /* raw: no zlib header */
		return -EBADMSG;
	r = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	return r == Z_STREAM_END && !z.avail_out ? 0 : -EBADMSG;
}

int lk_pdb_unpack(const void *data, size_t size, uint8_t **ret_bytes, size_t *ret_size)
{
	struct lk_cursor c = lk_cursor_over(data, size);
	uint32_t magic = lk_cursor_u32(&c), out_size = lk_cursor_u32(&c);
	size_t in_size = lk_cursor_left(&c);
	uint8_t *out;
	int r;

	if (c.bad || magic != EMBEDDED_MAGIC || in_size > UINT32_MAX || out_size > UNPACKED_MAX ||
		out_size / DEFLATE_BEST > in_size)
		return -EBADMSG;
	out = lk_xmalloc(out_size);
	r = inflate_all(c.at, in_size, out, out_size);
	if (r < 0) {
		free(out);
		return r;
	}
	*ret_bytes = out;
	*ret_size = out_size;
	return 0;
}
