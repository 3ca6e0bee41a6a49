#include "runtime/assembly.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/mdb.h"
#include "runtime/pdb_places.h"
#include "runtime/pdb_portable.h"
#include "runtime/pe.h"
#include "runtime/signature.h"

#define TOKEN_METHOD 0x06000000u
#define TOKEN_ROW    0x00ffffffu
/* Far above any assembly or symbol file; a bound for what we read into memory. */
#define FILE_MAX (512u << 20)

enum symbols {
	SYMBOLS_NOT_LOOKED_FOR,
	SYMBOLS_NONE,
	SYMBOLS_PDB,
	SYMBOLS_EMBEDDED,
	SYMBOLS_MDB,
};

struct lk_assembly {
	struct lk_strings *strings;
	char *path;
	uint8_t *bytes;
	struct lk_pe pe; /* all zeros where only metadata was copied */
	struct lk_metadata md;
	struct lk_cursor copied_debug;

	enum symbols symbols;
	uint8_t *symbol_bytes;
	size_t symbol_size;
	struct lk_pdb pdb;
	struct lk_mdb mdb;

	uint32_t points_token; /* whose points these are; 0 nobody's */
	int points_result;
	struct lk_il_points points;
};

static int read_all(int fd, uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG; /* it shrank while we read */
		done += (size_t)n;
	}
	return 0;
}

static int read_open_file(int fd, uint8_t **ret_bytes, size_t *ret_size)
{
	struct stat st;
	uint8_t *bytes;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	bytes = lk_xmalloc((size_t)st.st_size);
	r = read_all(fd, bytes, (size_t)st.st_size);
	if (r < 0) {
		free(bytes);
		return r;
	}
	*ret_bytes = bytes;
	*ret_size = (size_t)st.st_size;
	return 0;
}

/*
 * Read, not mapped: a mapped file that shrinks is a SIGBUS.  The path may come from a
 * damaged assembly: a device, which even opening may set in motion, is not opened, and
 * O_NONBLOCK keeps a FIFO that takes a file's place meanwhile from being waited for.
 */
static int read_file(const char *path, uint8_t **ret_bytes, size_t *ret_size)
{
	struct stat st;
	int fd, r;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	r = read_open_file(fd, ret_bytes, ret_size);
	close(fd);
	return r;
}

static int read_assembly(struct lk_assembly *a)
{
	size_t size;
	int r;

	r = read_file(a->path, &a->bytes, &size);
	if (r < 0)
		return r;
	r = lk_pe_read(a->bytes, size, &a->pe);
	if (r < 0)
		return r;
	return lk_metadata_read(a->pe.metadata, a->pe.metadata_size, &a->md);
}

static int explain(const char *path, int r, struct lk_err *err)
{
	switch (r) {
	case -ENOEXEC:
		return lk_fail(err, r, "%s is not a managed assembly", path);
	case -EBADMSG:
		return lk_fail(err, r, "%s is damaged", path);
	case -EOPNOTSUPP:
		return lk_fail(err, r, "%s has metadata tables that are not known", path);
	default:
		return lk_fail(err, r, "cannot read %s: %s", path, strerror(-r));
	}
}

int lk_assembly_open(const char *path, struct lk_strings *strings,
	struct lk_assembly **ret_assembly, struct lk_err *err)
{
	struct lk_assembly *a = lk_xcalloc(1, sizeof(*a));
	int r;

	a->strings = strings;
	a->path = lk_xstrdup(path);
	r = read_assembly(a);
	if (r < 0) {
		lk_assembly_free(a);
		return explain(path, r, err);
	}
	*ret_assembly = a;
	return 0;
}

static bool ends_in_slash(const char *path)
{
	size_t size = strlen(path);

	return size && path[size - 1] == '/';
}

int lk_assembly_open_copy(const char *path, const void *meta, size_t meta_size, const void *debug,
	size_t debug_size, struct lk_strings *strings, struct lk_assembly **ret_assembly,
	struct lk_err *err)
{
	struct lk_assembly *a = lk_xcalloc(1, sizeof(*a));
	int r;

	if (!debug)
		debug_size = 0;
	a->strings = strings;
	a->bytes = lk_xmalloc(meta_size + debug_size);
	memcpy(a->bytes, meta, meta_size);
	if (debug_size)
		memcpy(a->bytes + meta_size, debug, debug_size);
	a->copied_debug = lk_cursor_over(a->bytes + meta_size, debug_size);
	r = lk_metadata_read(a->bytes, meta_size, &a->md);
	if (r < 0) {
		lk_assembly_free(a);
		return explain(path, r, err);
	}
	a->path = lk_xasprintf("%s%s", path, ends_in_slash(path) ? lk_assembly_module(a) : "");
	*ret_assembly = a;
	return 0;
}

struct lk_assembly *lk_assembly_free(struct lk_assembly *a)
{
	if (!a)
		return NULL;
	lk_il_points_done(&a->points);
	free(a->symbol_bytes);
	free(a->bytes);
	free(a->path);
	free(a);
	return NULL;
}

const struct lk_metadata *lk_assembly_metadata(const struct lk_assembly *a)
{
	return &a->md;
}

const char *lk_assembly_module(const struct lk_assembly *a)
{
	const char *name = lk_metadata_string(
		&a->md, lk_metadata_cell(&a->md, LK_TABLE_MODULE, 1, LK_MODULE_NAME));
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

const uint8_t *lk_assembly_mvid(const struct lk_assembly *a)
{
	return lk_metadata_guid(
		&a->md, lk_metadata_cell(&a->md, LK_TABLE_MODULE, 1, LK_MODULE_MVID));
}

/* The row of a MethodDef token, or 0. */
static uint32_t method_row(const struct lk_assembly *a, uint32_t token)
{
	uint32_t row = token & TOKEN_ROW;

	return (token & ~TOKEN_ROW) == TOKEN_METHOD && row <= a->md.tables[LK_TABLE_METHOD].rows
		       ? row
		       : 0;
}

static const char *method_name(const struct lk_assembly *a, uint32_t row)
{
	return lk_metadata_string(
		&a->md, lk_metadata_cell(&a->md, LK_TABLE_METHOD, row, LK_METHOD_NAME));
}

int lk_assembly_method(struct lk_assembly *a, uint32_t token, struct lk_method *ret_method)
{
	uint32_t row = method_row(a, token), type;
	struct lk_method method = {.token = token};
	struct lk_name_text text;

	if (!row)
		return -ENODATA;
	type = lk_method_type(&a->md, row);
	method.name = lk_strings_add(a->strings, method_name(a, row));
	method.space = lk_strings_add(a->strings, lk_type_def_space(&a->md, type));
	lk_name_text_init(&text);
	lk_type_def_path(&a->md, type, &text);
	method.klass = lk_strings_add(a->strings, text.at);
	lk_name_text_init(&text);
	lk_type_def_name(&a->md, type, LK_STYLE_MONO, &text);
	method.type = lk_strings_add(a->strings, text.at);
	lk_name_text_init(&text);
	lk_method_generics(&a->md, row, &text);
	method.generics = lk_strings_add(a->strings, text.at);
	lk_name_text_init(&text);
	if (lk_method_params(&a->md, row, LK_STYLE_MONO, &text) == 0)
		method.params = lk_strings_add(a->strings, text.at);
	*ret_method = method;
	return 0;
}

/* Whether a type is meant by its name with or without namespace; size: of `wanted`. */
static bool type_is(const struct lk_assembly *a, uint32_t type, const char *wanted, size_t size)
{
	struct lk_name_text text;

	lk_name_text_init(&text);
	lk_type_def_path(&a->md, type, &text);
	if (text.used == size && !memcmp(text.at, wanted, size))
		return true;
	lk_name_text_init(&text);
	lk_type_def_name(&a->md, type, LK_STYLE_MONO, &text);
	return text.used == size && !memcmp(text.at, wanted, size);
}

uint32_t lk_assembly_find(struct lk_assembly *a, const char *name, uint32_t after)
{
	uint32_t rows = a->md.tables[LK_TABLE_METHOD].rows;
	const char *colon = strrchr(name, ':');
	const char *method = colon ? colon + 1 : name;

	for (uint32_t row = (after & TOKEN_ROW) + 1; row <= rows && row <= TOKEN_ROW; row++) {
		if (strcmp(method_name(a, row), method))
			continue;
		if (!colon || type_is(a, lk_method_type(&a->md, row), name, (size_t)(colon - name)))
			return TOKEN_METHOD | row;
	}
	return 0;
}

int lk_assembly_il(struct lk_assembly *a, uint32_t token, const uint8_t **ret_il, size_t *ret_size)
{
	uint32_t row = method_row(a, token);

	return lk_pe_il(&a->pe, lk_metadata_cell(&a->md, LK_TABLE_METHOD, row, LK_METHOD_RVA),
		ret_il, ret_size);
}

/* The assembly whose PDB is looked for, and the GUID that its debug directory names. */
struct wanted {
	struct lk_assembly *assembly;
	const uint8_t *guid;
};

/* Keeps the file at path as the symbols if it is this assembly's PDB. */
static bool take_pdb(void *arg, const char *path)
{
	const struct wanted *w = arg;
	struct lk_assembly *a = w->assembly;
	uint8_t *bytes;
	size_t size;

	if (read_file(path, &bytes, &size) < 0)
		return false;
	if (lk_pdb_open(bytes, size, w->guid, &a->pdb) < 0) {
		free(bytes);
		return false;
	}
	a->symbol_bytes = bytes;
	a->symbol_size = size;
	a->symbols = SYMBOLS_PDB;
	return true;
}

/* A CodeView entry: "RSDS", GUID, age, path of the PDB where it was built. */
static bool find_pdb(struct lk_assembly *a, const struct lk_pe_debug *entry)
{
	struct lk_cursor c = lk_cursor_over(entry->data, entry->size);
	struct wanted wanted = {.assembly = a};
	const char *built;

	if (lk_cursor_u32(&c) != 0x53445352)
		return false;
	wanted.guid = lk_cursor_take(&c, 16);
	lk_cursor_u32(&c);
	built = lk_cursor_str(&c);
	return wanted.guid && lk_pdb_places(a->path, built, wanted.guid, take_pdb, &wanted);
}

static bool find_embedded(struct lk_assembly *a, const struct lk_pe_debug *entry)
{
	uint8_t *bytes;
	size_t size;

	if (lk_pdb_unpack(entry->data, entry->size, &bytes, &size) < 0)
		return false;
	if (lk_pdb_open(bytes, size, NULL, &a->pdb) < 0) {
		free(bytes);
		return false;
	}
	a->symbol_bytes = bytes;
	a->symbol_size = size;
	a->symbols = SYMBOLS_EMBEDDED;
	return true;
}

static void find_mdb(struct lk_assembly *a)
{
	const uint8_t *mvid = lk_assembly_mvid(a);
	char *path = lk_xasprintf("%s.mdb", a->path);
	uint8_t *bytes;
	size_t size;

	if (mvid && read_file(path, &bytes, &size) == 0) {
		if (lk_mdb_open(bytes, size, mvid, &a->mdb) == 0) {
			a->symbol_bytes = bytes;
			a->symbol_size = size;
			a->symbols = SYMBOLS_MDB;
		} else {
			free(bytes);
		}
	}
	free(path);
}

static bool try_debug_entry(struct lk_assembly *a, const struct lk_pe_debug *entry)
{
	if (entry->type == LK_PE_DEBUG_EMBEDDED)
		return find_embedded(a, entry);
	return entry->type == LK_PE_DEBUG_CODEVIEW && find_pdb(a, entry);
}

/* More entries than any debug directory has: each may mean a search. */
#define DEBUG_ENTRIES_MAX 64u

static bool find_in_copied_directory(struct lk_assembly *a)
{
	struct lk_cursor c = a->copied_debug;

	for (unsigned n = 0; lk_cursor_left(&c) && n < DEBUG_ENTRIES_MAX; n++) {
		struct lk_pe_debug entry = {.type = lk_cursor_u32(&c)};

		entry.stamp = lk_cursor_u32(&c);
		entry.size = lk_cursor_u32(&c);
		entry.data = lk_cursor_take(&c, entry.size);
		if (entry.data && try_debug_entry(a, &entry))
			return true;
	}
	return false;
}

static bool find_in_debug_directory(struct lk_assembly *a)
{
	struct lk_pe_debug entry;

	for (size_t i = 0; i < a->pe.nr_debug && i < DEBUG_ENTRIES_MAX; i++)
		if (lk_pe_debug_entry(&a->pe, i, &entry) == 0 && try_debug_entry(a, &entry))
			return true;
	return false;
}

static void find_symbols(struct lk_assembly *a)
{
	a->symbols = SYMBOLS_NONE;
	if (!find_in_copied_directory(a) && !find_in_debug_directory(a))
		find_mdb(a);
}

const char *lk_assembly_symbols(struct lk_assembly *a)
{
	static const char *const names[] = {
		[SYMBOLS_PDB] = "portable PDB",
		[SYMBOLS_EMBEDDED] = "embedded PDB",
		[SYMBOLS_MDB] = "mdb",
	};

	if (a->symbols == SYMBOLS_NOT_LOOKED_FOR)
		find_symbols(a);
	return names[a->symbols];
}

uint32_t lk_assembly_kickoff(struct lk_assembly *a, uint32_t token)
{
	lk_assembly_symbols(a);
	if (a->symbols != SYMBOLS_PDB && a->symbols != SYMBOLS_EMBEDDED)
		return 0;
	return lk_pdb_kickoff(&a->pdb, token);
}

static int decode_points(struct lk_assembly *a, uint32_t token)
{
	lk_assembly_symbols(a);
	switch (a->symbols) {
	case SYMBOLS_PDB:
	case SYMBOLS_EMBEDDED:
		return lk_pdb_points(&a->pdb, token, a->strings, &a->points);
	case SYMBOLS_MDB:
		return lk_mdb_points(&a->mdb, token, a->strings, &a->points);
	default:
		return -ENODATA;
	}
}

int lk_assembly_points(
	struct lk_assembly *a, uint32_t token, const struct lk_il_points **ret_points)
{
	if (!method_row(a, token))
		return -ENODATA;
	if (a->points_token != token) {
		lk_il_points_done(&a->points);
		a->points_token = token;
		a->points_result = decode_points(a, token);
	}
	if (a->points_result < 0)
		return a->points_result;
	*ret_points = &a->points;
	return 0;
}

int lk_assembly_line(
	struct lk_assembly *a, uint32_t token, uint32_t il, struct lk_il_point *ret_point)
{
	const struct lk_il_points *points;
	const struct lk_il_point *point;
	int r;

	r = lk_assembly_points(a, token, &points);
	if (r < 0)
		return r;
	point = lk_il_points_find(points, il);
	if (!point)
		return -ENODATA;
	*ret_point = *point;
	return 0;
}
