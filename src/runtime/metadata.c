#include "runtime/metadata.h"

#include <errno.h>
#include <string.h>

/*
 * Column kinds.  A number below LK_NR_TABLES is an index into that table, one
 * from CODED on a coded index.  Their widths depend on row counts and heap sizes,
 * so every table is laid out, also those that nobody reads: without their row
 * size the tables behind them could not be found.
 */
enum {
	U16 = 0x40,
	U32,
	STRING,
	GUID,
	BLOB,
	END,
	CODED = 0x80,
	TYPE_DEF_OR_REF = CODED,
	HAS_CONSTANT,
	HAS_ATTRIBUTE,
	HAS_MARSHAL,
	HAS_SECURITY,
	MEMBER_PARENT,
	HAS_SEMANTICS,
	METHOD_DEF_OR_REF,
	MEMBER_FORWARDED,
	IMPLEMENTATION,
	ATTRIBUTE_TYPE,
	SCOPE,
	TYPE_OR_METHOD,
	HAS_DEBUG_INFORMATION,
	NR_CODED_END,
};

/* Which tables a coded index may point to (II.24.2.6), as a set, and its tag's width. */
struct coded {
	uint8_t tag_bits;
	uint64_t tables;
};

#define T(n) (1ull << (n))
#define ATTRIBUTE_OWNERS                                                                           \
	(T(0x06) | T(0x04) | T(0x01) | T(0x02) | T(0x08) | T(0x09) | T(0x0a) | T(0x00) | T(0x0e) | \
		T(0x17) | T(0x14) | T(0x11) | T(0x1a) | T(0x1b) | T(0x20) | T(0x23) | T(0x26) |    \
		T(0x27) | T(0x28) | T(0x2a) | T(0x2c) | T(0x2b))

static const struct coded coded_kinds[NR_CODED_END - CODED] = {
	[TYPE_DEF_OR_REF - CODED] = {2, T(0x02) | T(0x01) | T(0x1b)},
	[HAS_CONSTANT - CODED] = {2, T(0x04) | T(0x08) | T(0x17)},
	[HAS_ATTRIBUTE - CODED] = {5, ATTRIBUTE_OWNERS},
	[HAS_MARSHAL - CODED] = {1, T(0x04) | T(0x08)},
	[HAS_SECURITY - CODED] = {2, T(0x02) | T(0x06) | T(0x20)},
	[MEMBER_PARENT - CODED] = {3, T(0x02) | T(0x01) | T(0x1a) | T(0x06) | T(0x1b)},
	[HAS_SEMANTICS - CODED] = {1, T(0x14) | T(0x17)},
	[METHOD_DEF_OR_REF - CODED] = {1, T(0x06) | T(0x0a)},
	[MEMBER_FORWARDED - CODED] = {1, T(0x04) | T(0x06)},
	[IMPLEMENTATION - CODED] = {2, T(0x26) | T(0x23) | T(0x27)},
	[ATTRIBUTE_TYPE - CODED] = {3, T(0x06) | T(0x0a)},
	[SCOPE - CODED] = {2, T(0x00) | T(0x1a) | T(0x23) | T(0x01)},
	[TYPE_OR_METHOD - CODED] = {1, T(0x02) | T(0x06)},
	[HAS_DEBUG_INFORMATION -
		CODED] = {5, ATTRIBUTE_OWNERS | T(0x30) | T(0x32) | T(0x33) | T(0x34) | T(0x35)},
};
#undef T

static const uint8_t schema[LK_NR_TABLES][LK_TABLE_COLUMNS + 1] = {
	[0x00] = {U16, STRING, GUID, GUID, GUID, END},			     /* Module */
	[0x01] = {SCOPE, STRING, STRING, END},				     /* TypeRef */
	[0x02] = {U32, STRING, STRING, TYPE_DEF_OR_REF, 0x04, 0x06, END},    /* TypeDef */
	[0x03] = {0x04, END},						     /* FieldPtr */
	[0x04] = {U16, STRING, BLOB, END},				     /* Field */
	[0x05] = {0x06, END},						     /* MethodPtr */
	[0x06] = {U32, U16, U16, STRING, BLOB, 0x08, END},		     /* MethodDef */
	[0x07] = {0x08, END},						     /* ParamPtr */
	[0x08] = {U16, U16, STRING, END},				     /* Param */
	[0x09] = {0x02, TYPE_DEF_OR_REF, END},				     /* InterfaceImpl */
	[0x0a] = {MEMBER_PARENT, STRING, BLOB, END},			     /* MemberRef */
	[0x0b] = {U16, HAS_CONSTANT, BLOB, END},			     /* Constant */
	[0x0c] = {HAS_ATTRIBUTE, ATTRIBUTE_TYPE, BLOB, END},		     /* CustomAttribute */
	[0x0d] = {HAS_MARSHAL, BLOB, END},				     /* FieldMarshal */
	[0x0e] = {U16, HAS_SECURITY, BLOB, END},			     /* DeclSecurity */
	[0x0f] = {U16, U32, 0x02, END},					     /* ClassLayout */
	[0x10] = {U32, 0x04, END},					     /* FieldLayout */
	[0x11] = {BLOB, END},						     /* StandAloneSig */
	[0x12] = {0x02, 0x14, END},					     /* EventMap */
	[0x13] = {0x14, END},						     /* EventPtr */
	[0x14] = {U16, STRING, TYPE_DEF_OR_REF, END},			     /* Event */
	[0x15] = {0x02, 0x17, END},					     /* PropertyMap */
	[0x16] = {0x17, END},						     /* PropertyPtr */
	[0x17] = {U16, STRING, BLOB, END},				     /* Property */
	[0x18] = {U16, 0x06, HAS_SEMANTICS, END},			     /* MethodSemantics */
	[0x19] = {0x02, METHOD_DEF_OR_REF, METHOD_DEF_OR_REF, END},	     /* MethodImpl */
	[0x1a] = {STRING, END},						     /* ModuleRef */
	[0x1b] = {BLOB, END},						     /* TypeSpec */
	[0x1c] = {U16, MEMBER_FORWARDED, STRING, 0x1a, END},		     /* ImplMap */
	[0x1d] = {U32, 0x04, END},					     /* FieldRVA */
	[0x1e] = {U32, U32, END},					     /* EncLog */
	[0x1f] = {U32, END},						     /* EncMap */
	[0x20] = {U32, U16, U16, U16, U16, U32, BLOB, STRING, STRING, END},  /* Assembly */
	[0x21] = {U32, END},						     /* AssemblyProcessor */
	[0x22] = {U32, U32, U32, END},					     /* AssemblyOS */
	[0x23] = {U16, U16, U16, U16, U32, BLOB, STRING, STRING, BLOB, END}, /* AssemblyRef */
	[0x24] = {U32, 0x23, END},				  /* AssemblyRefProcessor */
	[0x25] = {U32, U32, U32, 0x23, END},			  /* AssemblyRefOS */
	[0x26] = {U32, STRING, BLOB, END},			  /* File */
	[0x27] = {U32, U32, STRING, STRING, IMPLEMENTATION, END}, /* ExportedType */
	[0x28] = {U32, U32, STRING, IMPLEMENTATION, END},	  /* ManifestResource */
	[0x29] = {0x02, 0x02, END},				  /* NestedClass */
	[0x2a] = {U16, U16, TYPE_OR_METHOD, STRING, END},	  /* GenericParam */
	[0x2b] = {METHOD_DEF_OR_REF, BLOB, END},		  /* MethodSpec */
	[0x2c] = {0x2a, TYPE_DEF_OR_REF, END},			  /* GenericParamConstraint */
	[0x30] = {BLOB, GUID, BLOB, GUID, END},			  /* Document */
	[0x31] = {0x30, BLOB, END},				  /* MethodDebugInformation */
	[0x32] = {0x06, 0x35, 0x33, 0x34, U32, U32, END},	  /* LocalScope */
	[0x33] = {U16, U16, STRING, END},			  /* LocalVariable */
	[0x34] = {STRING, BLOB, END},				  /* LocalConstant */
	[0x35] = {0x35, BLOB, END},				  /* ImportScope */
	[0x36] = {0x06, 0x06, END},				  /* StateMachineMethod */
	[0x37] = {HAS_DEBUG_INFORMATION, GUID, BLOB, END},	  /* CustomDebugInformation */
};

/* Bits of the header's HeapSizes. */
#define HEAP_STRINGS_WIDE 0x01u
#define HEAP_GUIDS_WIDE	  0x02u
#define HEAP_BLOBS_WIDE	  0x04u
#define HEAP_EXTRA_DATA	  0x40u

static uint8_t coded_width(const struct coded *kind, const uint32_t *rows)
{
	for (unsigned i = 0; i < LK_NR_TABLES; i++)
		if ((kind->tables >> i & 1) && rows[i] >= 1u << (16 - kind->tag_bits))
			return 4;
	return 2;
}

/* rows: of every table, those of the assembly included that a PDB only refers to. */
static uint8_t column_width(uint8_t kind, uint8_t heaps, const uint32_t *rows)
{
	switch (kind) {
	case U16:
		return 2;
	case U32:
		return 4;
	case STRING:
		return heaps & HEAP_STRINGS_WIDE ? 4 : 2;
	case GUID:
		return heaps & HEAP_GUIDS_WIDE ? 4 : 2;
	case BLOB:
		return heaps & HEAP_BLOBS_WIDE ? 4 : 2;
	default:
		if (kind >= CODED)
			return coded_width(&coded_kinds[kind - CODED], rows);
		return rows[kind] > 0xffff ? 4 : 2;
	}
}

static void lay_out_table(
	struct lk_table *table, const uint8_t *columns, uint8_t heaps, const uint32_t *rows)
{
	unsigned n = 0;

	for (; n < LK_TABLE_COLUMNS && columns[n] != END; n++)
		table->offset[n + 1] = table->offset[n] + column_width(columns[n], heaps, rows);
	table->nr_columns = (uint8_t)n;
	table->row_size = table->offset[n];
}

/*
 * The "#Pdb" heap: 20 bytes of id, entry point, a set of tables that only the
 * assembly has, and their row counts, which widths in the PDB depend on.
 */
static int read_foreign_rows(struct lk_heap pdb, uint32_t *rows)
{
	struct lk_cursor c = lk_cursor_over(pdb.at, pdb.size);
	uint64_t present;

	if (!pdb.size)
		return 0;
	lk_cursor_take(&c, 24);
	present = lk_cursor_u64(&c);
	for (unsigned i = 0; i < 64; i++) {
		uint32_t n = present >> i & 1 ? lk_cursor_u32(&c) : 0;

		if (i < LK_NR_TABLES)
			rows[i] = n;
	}
	return c.bad ? -EBADMSG : 0;
}

static int read_tables(struct lk_metadata *md, struct lk_heap stream)
{
	struct lk_cursor c = lk_cursor_over(stream.at, stream.size);
	uint32_t rows[LK_NR_TABLES] = {0};
	uint64_t present;
	uint8_t heaps;

	if (read_foreign_rows(md->pdb, rows) < 0)
		return -EBADMSG;
	lk_cursor_take(&c, 6); /* reserved, version */
	heaps = lk_cursor_u8(&c);
	lk_cursor_u8(&c);
	present = lk_cursor_u64(&c);
	lk_cursor_u64(&c); /* which are sorted */
	for (unsigned i = 0; i < 64; i++) {
		if (!(present >> i & 1))
			continue;
		if (i >= LK_NR_TABLES || !schema[i][1])
			return -EOPNOTSUPP;
		md->tables[i].rows = rows[i] = lk_cursor_u32(&c);
	}
	if (heaps & HEAP_EXTRA_DATA)
		lk_cursor_u32(&c);
	for (unsigned i = 0; i < LK_NR_TABLES; i++) {
		struct lk_table *table = &md->tables[i];

		if (!table->rows)
			continue;
		lay_out_table(table, schema[i], heaps, rows);
		table->at = lk_cursor_take(&c, (size_t)table->rows * table->row_size);
	}
	return c.bad ? -EBADMSG : 0;
}

/* Reads one stream header; its name is padded to a multiple of 4 with NULs. */
static int read_stream(const void *bytes, size_t size, struct lk_cursor *c, const char **ret_name,
	struct lk_heap *ret_heap)
{
	uint32_t at = lk_cursor_u32(c), length = lk_cursor_u32(c);
	const char *name = lk_cursor_str(c);

	if (!name || at > size || length > size - at)
		return -EBADMSG;
	lk_cursor_take(c, -(strlen(name) + 1) & 3);
	*ret_name = name;
	*ret_heap = (struct lk_heap){(const uint8_t *)bytes + at, length};
	return 0;
}

static int read_streams(struct lk_metadata *md, const void *bytes, size_t size, struct lk_cursor *c,
	struct lk_heap *ret_tables)
{
	unsigned n = lk_cursor_u16(c);
	struct lk_heap heap;
	const char *name;

	for (unsigned i = 0; i < n; i++) {
		if (read_stream(bytes, size, c, &name, &heap) < 0)
			return -EBADMSG;
		if (!strcmp(name, "#~") || !strcmp(name, "#-"))
			*ret_tables = heap;
		else if (!strcmp(name, "#Strings"))
			md->strings = heap;
		else if (!strcmp(name, "#Blob"))
			md->blobs = heap;
		else if (!strcmp(name, "#GUID"))
			md->guids = heap;
		else if (!strcmp(name, "#Pdb"))
			md->pdb = heap;
	}
	return c->bad ? -EBADMSG : 0;
}

int lk_metadata_read(const void *bytes, size_t size, struct lk_metadata *ret_metadata)
{
	struct lk_cursor c = lk_cursor_over(bytes, size);
	struct lk_metadata md = {0};
	struct lk_heap tables = {0};
	int r;

	if (lk_cursor_u32(&c) != 0x424a5342) /* "BSJB" */
		return -ENOEXEC;
	lk_cursor_take(&c, 8);		       /* version, reserved */
	lk_cursor_take(&c, lk_cursor_u32(&c)); /* the version as text */
	lk_cursor_u16(&c);		       /* flags */
	r = read_streams(&md, bytes, size, &c, &tables);
	if (r < 0)
		return r;
	r = read_tables(&md, tables);
	if (r < 0)
		return r;
	*ret_metadata = md;
	return 0;
}

uint32_t lk_metadata_cell(
	const struct lk_metadata *md, enum lk_table_id table, uint32_t row, unsigned column)
{
	const struct lk_table *t = &md->tables[table];
	struct lk_cursor c;

	if (!row || row > t->rows || column >= t->nr_columns)
		return 0;
	c = lk_cursor_over(t->at + (size_t)(row - 1) * t->row_size + t->offset[column],
		(size_t)(t->offset[column + 1] - t->offset[column]));
	return lk_cursor_left(&c) == 4 ? lk_cursor_u32(&c) : lk_cursor_u16(&c);
}

const char *lk_metadata_string(const struct lk_metadata *md, uint32_t offset)
{
	struct lk_cursor c = lk_cursor_over(md->strings.at, md->strings.size);
	const char *s;

	lk_cursor_take(&c, offset);
	s = lk_cursor_str(&c);
	return s ? s : "";
}

struct lk_cursor lk_metadata_blob(const struct lk_metadata *md, uint32_t offset)
{
	struct lk_cursor c = lk_cursor_over(md->blobs.at, md->blobs.size);
	const uint8_t *at;
	uint32_t size;

	lk_cursor_take(&c, offset);
	size = lk_metadata_unsigned(&c);
	at = lk_cursor_take(&c, size);
	if (at)
		return lk_cursor_over(at, size);
	return c; /* latched: bad and at its end */
}

const uint8_t *lk_metadata_guid(const struct lk_metadata *md, uint32_t index)
{
	if (!index || index > md->guids.size / 16)
		return NULL;
	return md->guids.at + (size_t)(index - 1) * 16;
}

/* Big-endian; the leading bits tell the size: 0 one byte, 10 two, 110 four. */
static uint32_t read_compressed(struct lk_cursor *c, unsigned *ret_bits)
{
	uint32_t v = lk_cursor_u8(c);

	*ret_bits = 7;
	if (!(v & 0x80))
		return v;
	v = (v & 0x7f) << 8 | lk_cursor_u8(c);
	*ret_bits = 14;
	if (!(v & 0x4000))
		return v;
	if (v & 0x2000)
		c->bad = true; /* 111: no such size */
	v = (v & 0x1fff) << 8 | lk_cursor_u8(c);
	*ret_bits = 29;
	return v << 8 | lk_cursor_u8(c);
}

uint32_t lk_metadata_unsigned(struct lk_cursor *c)
{
	unsigned bits;
	uint32_t v = read_compressed(c, &bits);

	return c->bad ? 0 : v;
}

/* The sign is the lowest bit; the rest is the number, in two's complement of its width. */
int32_t lk_metadata_signed(struct lk_cursor *c)
{
	unsigned bits;
	uint32_t v = read_compressed(c, &bits);

	if (c->bad)
		return 0;
	return (int32_t)(v >> 1) - (v & 1 ? (int32_t)1 << (bits - 1) : 0);
}

uint32_t lk_metadata_last_at_most(
	const struct lk_metadata *md, enum lk_table_id table, unsigned column, uint32_t value)
{
	uint32_t low = 0, high = md->tables[table].rows;

	/* Row low is at most value (or 0), row high + 1 is above it (or past the end). */
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (lk_metadata_cell(md, table, middle, column) <= value)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
