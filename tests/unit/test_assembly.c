#include "runtime/assembly.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "managed_fixture.h"
#include "runtime/pe.h"
#include "tap.h"

static struct lk_strings *strings;

static struct lk_assembly *open_fixture(const char *name)
{
	struct lk_assembly *assembly = NULL;
	struct lk_err err;

	if (lk_assembly_open(fixture_path(name), strings, &assembly, &err) < 0)
		printf("Bail out! %s\n", err.what);
	return assembly;
}

/* One line of a .lines file: from this IL offset on the method is at file and line. */
struct expected {
	uint32_t token, il, line;
	char file[256];
};

static bool read_expected(FILE *f, struct expected *e)
{
	return fscanf(f, "%x %u %255s %u", &e->token, &e->il, e->file, &e->line) == 4;
}

static bool agrees(struct lk_assembly *a, const struct expected *e, uint32_t il)
{
	struct lk_il_point p;

	if (lk_assembly_line(a, e->token, il, &p) < 0)
		return !e->line;
	return p.line == e->line && !strcmp(p.file, e->file);
}

/* Holds every IL offset of an assembly against what its runtime said of it. */
static void lines_as(const char *name, const char *symbols)
{
	struct lk_assembly *a = open_fixture(name);
	unsigned seen = 0, wrong = 0;
	struct expected now, next;
	char lines[64];
	FILE *f;

	snprintf(lines, sizeof(lines), "%s.lines", name);
	f = fopen(fixture_path(lines), "r");
	for (bool more = f && read_expected(f, &now); more; now = next) {
		const uint8_t *code;
		size_t end;

		more = read_expected(f, &next);
		if (lk_assembly_il(a, now.token, &code, &end) < 0)
			wrong++;
		if (more && next.token == now.token)
			end = next.il;
		for (uint32_t il = now.il; il < end; il++, seen++)
			wrong += !agrees(a, &now, il);
	}
	if (f)
		fclose(f);
	tap_ok(seen > 5 && !wrong, "%s: %u IL offsets are on the lines that the runtime says", name,
		seen);
	tap_ok(lk_assembly_symbols(a) && !strcmp(lk_assembly_symbols(a), symbols),
		"its lines come from its %s", symbols);
	lk_assembly_free(a);
}

static void methods(void)
{
	struct lk_assembly *a = open_fixture("managed.exe");
	struct lk_method m;
	const uint8_t *il;
	size_t size;

	tap_ok(lk_assembly_method(a, 0x06000009, &m) == 0 && !strcmp(m.name, "Mix") &&
			!strcmp(m.klass, "Outer`1/Inner") && !strcmp(m.space, "Shapes") &&
			!strcmp(m.type, "Shapes.Outer`1/Inner") && !strcmp(m.generics, "<U>"),
		"a method tells name, class and namespace");
	tap_ok(lk_assembly_method(a, 0x0600001c, &m) == -ENODATA &&
			lk_assembly_method(a, 0x06000000, &m) == -ENODATA &&
			lk_assembly_method(a, 0x02000001, &m) == -ENODATA,
		"tokens that are no methods are refused");
	tap_ok(lk_assembly_find(a, "SayHello", 0) == 0x0600000b &&
			!lk_assembly_find(a, "SayHello", 0x0600000b),
		"a method is found by its name, once");
	tap_ok(lk_assembly_find(a, "Outer`1/Inner:Mix", 0) == 0x06000009 &&
			lk_assembly_find(a, "Shapes.Outer`1/Inner:Mix", 0) == 0x06000009,
		"also with its type, with or without namespace");
	tap_ok(!lk_assembly_find(a, "Inner:Mix", 0), "but not with half of its type");
	tap_ok(lk_assembly_il(a, 0x06000006, &il, &size) == 0 && size && il[size - 1] == 0x2a,
		"IL of a method ends with ret");
	tap_ok(lk_assembly_il(a, 0x0600000c, &il, &size) == -ENODATA, "a P/Invoke has no IL");
	lk_assembly_free(a);
}

static void copy_to(const char *name, const char *path)
{
	FILE *f = fopen(path, "wb");
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read(name, &size);
	fwrite(bytes, 1, size, f);
	fclose(f);
	free(bytes);
}

static void strange_files(void)
{
	char dir[] = "/tmp/test_assembly.XXXXXX", path[64], symbols[80];
	struct lk_assembly *a;
	struct lk_err err;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/a.dll", dir);
	snprintf(symbols, sizeof(symbols), "%s/a.pdb", dir);
	tap_ok(lk_assembly_open(path, strings, &a, &err) == -ENOENT && strstr(err.what, path),
		"a file that is gone is told by name");
	mkfifo(path, 0600);
	tap_ok(lk_assembly_open(path, strings, &a, &err) == -ENOEXEC, "a FIFO is not waited for");
	unlink(path);
	copy_to("managed.cs", path);
	tap_ok(lk_assembly_open(path, strings, &a, NULL) == -ENOEXEC, "a text is no assembly");
	copy_to("managed-csc.dll", path);
	copy_to("managed.exe.mdb", symbols);
	tap_ok(lk_assembly_open(path, strings, &a, &err) == 0 && !lk_assembly_symbols(a),
		"symbols that are not its own are not used");
	lk_assembly_free(a);
	unlink(symbols);
	unlink(path);
	rmdir(dir);
}

/* The PDB of clr.dll lies in a folder of symbols only, as a symbol server stores it. */
static void symbol_folders(void)
{
	char dir[] = "/tmp/test_assembly.XXXXXX", path[64], pdb[160], guid[33] = "";
	struct lk_assembly *a;
	uint8_t *bytes;
	size_t size;

	if (!mkdtemp(dir))
		return;
	bytes = fixture_read("clr.pdb", &size);
	for (const uint8_t *p = memmem(bytes, size, "#Pdb", 4); p; p = NULL) {
		uint32_t at;

		memcpy(&at, p - 8, sizeof(at));
		for (unsigned i = 0; i < 16; i++)
			sprintf(guid + 2 * i, "%02x",
				bytes[at + (i < 4	   ? 3 - i
						   : i < 8 ? i ^ 1
							   : i)]);
	}
	free(bytes);
	snprintf(path, sizeof(path), "%s/a.dll", dir);
	snprintf(pdb, sizeof(pdb), "%s/clr.pdb", dir);
	mkdir(pdb, 0700);
	snprintf(pdb, sizeof(pdb), "%s/clr.pdb/%sffffffff", dir, guid);
	mkdir(pdb, 0700);
	strcat(pdb, "/clr.pdb");
	copy_to("clr.dll", path);
	copy_to("clr.pdb", pdb);
	tap_ok(lk_assembly_open(path, strings, &a, NULL) == 0 && !lk_assembly_symbols(a),
		"symbols that lie elsewhere are not found");
	lk_assembly_free(a);
	setenv("LEAKLINE_SYMBOLS", dir, 1);
	tap_ok(lk_assembly_open(path, strings, &a, NULL) == 0 && lk_assembly_symbols(a) &&
			!strcmp(lk_assembly_symbols(a), "portable PDB"),
		"but in a folder of LEAKLINE_SYMBOLS, laid out as a server does");
	lk_assembly_free(a);
	copy_to("managed-csc.pdb", pdb);
	tap_ok(lk_assembly_open(path, strings, &a, NULL) == 0 && !lk_assembly_symbols(a),
		"where those of another build do not count");
	lk_assembly_free(a);
	unsetenv("LEAKLINE_SYMBOLS");
	unlink(pdb);
	*strrchr(pdb, '/') = 0;
	rmdir(pdb);
	*strrchr(pdb, '/') = 0;
	rmdir(pdb);
	unlink(path);
	rmdir(dir);
}

static void copies(void)
{
	struct lk_assembly *a = NULL;
	struct lk_method m;
	uint8_t *bytes;
	struct lk_pe pe;
	size_t size;

	bytes = fixture_read("clr.dll", &size);
	lk_pe_read(bytes, size, &pe);
	tap_ok(lk_assembly_open_copy(
		       "", pe.metadata, pe.metadata_size, NULL, 0, strings, &a, NULL) == 0,
		"an assembly can be a copy of its metadata");
	free(bytes);
	tap_ok(lk_assembly_method(a, 0x06000001, &m) == 0 && !strcmp(m.name, "<Main>$") &&
			!lk_assembly_symbols(a) && lk_assembly_mvid(a),
		"which outlives the bytes it was made of, and has no symbols");
	lk_assembly_free(a);
	tap_ok(lk_assembly_open_copy("x", "nothing", 7, NULL, 0, strings, &a, NULL) == -ENOEXEC,
		"what is no metadata is refused");
}

int main(void)
{
	strings = lk_strings_new();
	methods();
	lines_as("managed.exe", "mdb");
	lines_as("managed-csc.dll", "portable PDB");
	lines_as("managed-embedded.dll", "embedded PDB");
	strange_files();
	symbol_folders();
	copies();
	lk_strings_free(strings);
	return tap_done();
}
