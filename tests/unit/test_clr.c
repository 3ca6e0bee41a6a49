#include <glob.h>
#include <unistd.h>

#include "managed_fixture.h"
#include "runtime/assembly.h"
#include "runtime/pe.h"
#include "runtime/runtime.h"
#include "tap.h"

static struct lk_strings *strings;
static struct lk_runtime_ctx *ctx;

static struct lk_managed_line name(const struct lk_code *code, uint64_t offset, bool exact)
{
	struct lk_managed_line line;

	lk_runtime_name(ctx, code, code->info.start + offset, exact, &line);
	return line;
}

static bool is(const char *have, const char *want)
{
	return have && !strcmp(have, want);
}

static struct lk_code code_of(const char *image, uint32_t token)
{
	return (struct lk_code){
		.info = {.start = 0x7f0000000000,
			.size = 0x10000,
			.runtime = LK_RUNTIME_CLR,
			.kind = LK_CLR_METHOD,
			.token = token},
		.image = lk_strings_add(strings, fixture_path(image)),
	};
}

static size_t from_hex(const char *text, uint8_t *bytes)
{
	size_t n = 0;
	unsigned v;

	for (; sscanf(text, "%2x", &v) == 1; text += 2)
		bytes[n++] = (uint8_t)v;
	return n;
}

/*
 * Whether a frame is where the runtime says.  It leaves out the entries of calls, so its
 * IL offset is that of the statement, ours that of the call in it.  For code without an
 * IL offset of its own it falls back to 0, we to what stands before it.
 */
static bool agrees(const struct lk_managed_line *line, unsigned il, unsigned row, const char *file)
{
	if (line->il_offset == LK_IL_UNKNOWN || line->il_offset < il)
		return false;
	if (line->line == row && is(line->file ? line->file : "-", file))
		return true;
	return !il && line->il_offset;
}

/* Holds every frame that the runtime itself placed against where we place it. */
static void as_the_runtime(const char *image, const char *record)
{
	char *map = malloc(65536), file[256];
	unsigned token, il, native, row, seen = 0, wrong = 0, others = 0;
	uint8_t *bytes = malloc(32768);
	FILE *f = fopen(fixture_path(record), "r");

	while (f && fscanf(f, "%x %u %u %u %255s %65535s", &token, &il, &native, &row, file, map) ==
			    6) {
		struct lk_code code = code_of(image, token);
		struct lk_managed_line line;

		code.map_size = from_hex(map, bytes);
		code.map = bytes;
		line = name(&code, native, false);
		seen++;
		others += line.line != row;
		if (agrees(&line, il, row, file))
			continue;
		wrong++;
		printf("# %08x+%u: IL %d line %u %s, the runtime says IL %u line %u %s\n", token,
			native, (int)line.il_offset, line.line, line.file ? line.file : "-", il,
			row, file);
	}
	if (f)
		fclose(f);
	tap_ok(seen > 20 && !wrong && others <= 1,
		"%s: %u frames have the IL offset and line of the runtime", record, seen);
	free(bytes);
	free(map);
}

/* A method of the fixture, by its name in metadata and how many namesakes stand before. */
struct expected {
	const char *in_metadata;
	unsigned nth;
	const char *shown;
	bool generated;
};

static const struct expected program[] = {
	{"Program:<Main>$", 0, "Program.Main(string[])", false},
	{"Program:<Main>", 0, "Program.Main(string[])", true},
	{"Program/<<Main>$>d__0:MoveNext", 0, "Program.Main(string[])", false},
	{"Program/<>c__DisplayClass0_0:<<Main>$>b__0", 0, "Program.Main.lambda0()", false},
	{"Program/<>c__DisplayClass0_0:<<Main>$>g__AtTop|1", 0, "Program.Main.AtTop(int)", false},
	{"Shapes.Greeter:Shapes.IGreeter.Greet", 0, "Shapes.Greeter.Shapes.IGreeter.Greet(string&)",
		false},
	{"Shapes.Box`1:Open", 0, "Shapes.Box<T>.Open(T)", false},
	{"Shapes.Box`1/<>c__DisplayClass1_0:<Open>b__0", 0, "Shapes.Box<T>.Open.lambda0()", false},
	{"Shapes.Box`1/Lid`1:Close", 0,
		"Shapes.Box<T>+Lid<U>.Close<V>(T, U, V, System.Collections.Generic.List<V[]>, "
		"System.Collections.Generic.Dictionary<string, T>)",
		false},
	{"Shapes.Native:Length", 0, "(wrapper IL_STUB_PInvoke) Shapes.Native.Length(string&)",
		true},
	{"Shapes.Native:Size", 0, "Shapes.Native.Size(string, int&)", true},
	{"Shapes.Native:<Size>g____PInvoke|1_0", 0,
		"(wrapper IL_STUB_PInvoke) Shapes.Native.Size(byte*, int*)", true},
	{"Shapes.Program:Load", 0, "Shapes.Program.Load(string, int)", false},
	{"Shapes.Program:Load", 1, "Shapes.Program.Load(int[])", false},
	{"Shapes.Program/<Load>d__0:MoveNext", 0, "Shapes.Program.Load(string, int)", false},
	{"Shapes.Program/<Load>d__1:MoveNext", 0, "Shapes.Program.Load(int[])", false},
	{"Shapes.Program/<Iterate>d__2:MoveNext", 0, "Shapes.Program.Iterate(int, short)", false},
	{"Shapes.Program/<Iterate>d__2:<>m__Finally1", 0, "Shapes.Program.Iterate(int, short)",
		false},
	{"Shapes.Program/<Iterate>d__2:System.IDisposable.Dispose", 0,
		"Shapes.Program.Iterate.System.IDisposable.Dispose", false},
	{"Shapes.Program/<Stream>d__3:MoveNext", 0, "Shapes.Program.Stream(int)", false},
	{"Shapes.Program/<Drain>d__4:MoveNext", 0, "Shapes.Program.Drain()", false},
	{"Shapes.Program/<>c:<Lambdas>b__5_0", 0, "Shapes.Program.Lambdas.lambda0(string)", false},
	{"Shapes.Program/<>c__DisplayClass5_0:<Lambdas>b__1", 0,
		"Shapes.Program.Lambdas.lambda1(int)", false},
	{"Shapes.Program/<>c__DisplayClass5_1:<Lambdas>b__3", 0, "Shapes.Program.Lambdas.lambda3()",
		false},
	{"Shapes.Program/<>c__DisplayClass5_0/<<Lambdas>b__2>d:MoveNext", 0,
		"Shapes.Program.Lambdas.lambda2()", false},
	{"Shapes.Program:<Locals>g__Alone|6_0", 0, "Shapes.Program.Locals.Alone(long)", false},
	{"Shapes.Program:<Pointers>g__Use|9_0", 0, "Shapes.Program.Pointers.Use(int)", false},
	{"Shapes.Program/<>c__DisplayClass6_0:<Locals>g__Inner|1", 0,
		"Shapes.Program.Locals.Inner(bool)", false},
	{"Shapes.Program/<>c__DisplayClass6_0/<<Locals>g__Later|2>d`1:MoveNext", 0,
		"Shapes.Program.Locals.Later<T>(T)", false},
	{"Shapes.Program:Generic", 0,
		"Shapes.Program.Generic<T>(T, System.DateTime&, nuint, float, ushort)", false},
	{"Shapes.Program:Pointers", 0, "Shapes.Program.Pointers(void**, delegate*, int[,])", false},
};

static const struct expected com[] = {
	{"Com.Hello:SayHello", 0, "Com.Hello.SayHello(string&)", false},
	{"Com.Mixed:Written", 0, "Com.Mixed.Written(int)", false},
	{"Com.Mixed:Generated", 0, "Com.Mixed.Generated(int)", true},
	{"Com.Mixed/Inner/Deep:NoBody", 0, "Com.Mixed+Inner+Deep.NoBody()", true},
	{"global::Com.IHello.SayHello", 0, "Com.IHello.SayHello(string&)", true},
	{"ABI_SayHello", 0,
		"InterfaceImplementation.ABI_SayHello("
		"System.Runtime.InteropServices.ComWrappers+ComInterfaceDispatch*, ushort**)",
		true},
	{"GetComInterfaceEntries", 0, "ComClassInformation.GetComInterfaceEntries(int&)", true},
};

static const struct expected vb[] = {
	{"Program:Load", 0, "Program.Load(string)", false},
	{"Program/VB$StateMachine_0_Load:MoveNext", 0, "Program.Load(string)", false},
	{"Program/VB$StateMachine_1_Items:MoveNext", 0, "Program.Items(short)", false},
	{"Program/VB$StateMachine_1_Items:Dispose", 0, "Program.Items.Dispose", false},
	{"Program/_Closure$__:_Lambda$__2-0", 0, "Program.lambda2-0(int)", false},
	{"Program/_Closure$__2-0:_Lambda$__1", 0, "Program.lambda1()", false},
};

/* lk_assembly_find takes what stands before the last colon for a type. */
static uint32_t token_of(struct lk_assembly *a, const struct expected *e)
{
	unsigned left = e->nth;

	for (uint32_t token = 0x06000001;; token++) {
		struct lk_method m;
		char full[512];

		if (lk_assembly_method(a, token, &m) < 0)
			return 0;
		snprintf(full, sizeof(full), "%s:%s", m.type, m.name);
		if ((!strcmp(full, e->in_metadata) || !strcmp(m.name, e->in_metadata)) && !left--)
			return token;
	}
}

/* A map with one entry besides the prologue: IL 0 from byte 1 on. */
static const uint8_t small_map[] = {LK_CLR_MAP_JIT, 0x04, 0x02, 0x01, 0xca, 0x03};

static void names(const char *path, const char *what, const struct expected *all, size_t count)
{
	struct lk_assembly *a = NULL;
	unsigned wrong = 0;

	if (lk_assembly_open(path, strings, &a, NULL) < 0) {
		tap_ok(0, "%s is read", path);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct lk_code code = code_of("", token_of(a, &all[i]));
		struct lk_managed_line line;

		code.image = path;
		code.map = small_map;
		code.map_size = sizeof(small_map);
		line = name(&code, 20, false);
		if (is(line.function, all[i].shown) && line.generated == all[i].generated)
			continue;
		wrong++;
		printf("# %s: %s%s, not %s\n", all[i].in_metadata, line.function,
			line.generated ? " (generated)" : "", all[i].shown);
	}
	tap_ok(count && !wrong, "%s: %zu methods have the names of their source", what, count);
	lk_assembly_free(a);
}

static void copy_to(const char *from, const char *to)
{
	FILE *f = fopen(to, "wb");
	uint8_t *bytes;
	size_t size;

	bytes = fixture_read(from, &size);
	fwrite(bytes, 1, size, f);
	fclose(f);
	free(bytes);
}

static void without_symbols(void)
{
	char dir[] = "/tmp/test_clr.XXXXXX", path[64];

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/clr.dll", dir);
	copy_to("clr.dll", path);
	names(lk_strings_add(strings, path), "without PDB", program, LK_ARRAY_SIZE(program));
	unlink(path);
	rmdir(dir);
}

static void stubs(void)
{
	struct lk_code code = code_of("clr.dll", 0);
	struct lk_assembly *a = NULL;
	struct lk_managed_line line;

	lk_assembly_open(fixture_path("clr.dll"), strings, &a, NULL);
	code.info.token = token_of(a, &(struct expected){"Shapes.Native:Length", 0, "", true});
	lk_assembly_free(a);
	code.info.kind = LK_CLR_STUB;
	code.name = "IL_STUB_PInvoke";
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(wrapper IL_STUB_PInvoke) Shapes.Native.Length(string&)") &&
			line.generated && !line.line && is(line.module, "clr.dll"),
		"a stub is shown with the P/Invoke that it serves");
	code.info.token = 0;
	code.name = "IL_STUB_CLRtoCOM";
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(wrapper IL_STUB_CLRtoCOM)") && line.generated,
		"or alone, where that is not known");
	code.image = "/nowhere/gone.dll";
	code.info.token = 0x06000012;
	tap_ok(is(name(&code, 5, false).function, "(wrapper IL_STUB_CLRtoCOM) gone.dll!0x06000012"),
		"or with its token, where the file is gone");
	code.info.kind = LK_CLR_DYNAMIC;
	code.name = "Compiled";
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(dynamic) Compiled") && line.generated,
		"a dynamic method goes by its name");
	code.info.kind = LK_CLR_HELPER;
	code.name = "JIT_New";
	line = name(&code, 5, false);
	tap_ok(is(line.function, "JIT_New") && line.generated, "and so does a helper");
	code.name = NULL;
	tap_ok(is(name(&code, 5, false).function, "(clr helper)"), "if it has one");
}

static void told_names(void)
{
	struct lk_code code = code_of("clr.dll", 0x0600ffff);

	tap_ok(is(name(&code, 5, false).function, "clr.dll!0x0600ffff"),
		"a token that no method has is shown as it is");
	code.image = "/nowhere/gone.dll";
	code.info.token = 0x06000123;
	tap_ok(is(name(&code, 5, false).function, "gone.dll!0x06000123"),
		"and so is one of an assembly that is gone");
	code.name = "Call";
	code.klass = "Outer+Inner";
	code.space = "Space";
	tap_ok(is(name(&code, 5, false).function, "Space.Outer+Inner.Call"),
		"what was told is used where nothing can be read");
	code.name = NULL;
	code.info.token = 0;
	code.image = NULL;
	tap_ok(is(name(&code, 5, false).function, "(clr code)") &&
			name(&code, 5, false).generated &&
			name(&code, 5, false).il_offset == LK_IL_UNKNOWN,
		"without anything it is code of the CLR");
}

/* The store's form of a debug directory: u32 type, u32 stamp, u32 size, data. */
static uint8_t *debug_directory(const struct lk_pe *pe, size_t *ret_size)
{
	uint8_t *bytes = malloc(65536);
	struct lk_pe_debug e;
	size_t n = 0;

	for (size_t i = 0; i < pe->nr_debug && lk_pe_debug_entry(pe, i, &e) == 0; i++) {
		uint32_t head[3] = {e.type, e.stamp, (uint32_t)e.size};

		memcpy(bytes + n, head, sizeof(head));
		memcpy(bytes + n + sizeof(head), e.data, e.size);
		n += sizeof(head) + e.size;
	}
	*ret_size = n;
	return bytes;
}

/* An assembly that is no file: what was copied of it is enough. */
static void copied_image(void)
{
	struct lk_code code = code_of("", 0);
	struct lk_image_info info = {0};
	struct lk_assembly *a = NULL;
	struct lk_managed_line line;
	size_t size, debug_size;
	uint8_t *bytes = fixture_read("clr-com.dll", &size), *debug;
	struct lk_pe pe;

	lk_assembly_open(fixture_path("clr-com.dll"), strings, &a, NULL);
	code.info.token = token_of(a, &(struct expected){"Com.Hello:SayHello", 0, "", false});
	lk_assembly_free(a);
	lk_pe_read(bytes, size, &pe);
	debug = debug_directory(&pe, &debug_size);
	info.meta_size = (uint32_t)pe.metadata_size;
	info.debug_size = (uint32_t)debug_size;
	code.image = "/bundle/clr-com.dll";
	code.image_info = &info;
	code.meta = pe.metadata;
	code.debug = debug;
	code.map = small_map;
	code.map_size = sizeof(small_map);
	line = name(&code, 20, false);
	tap_ok(is(line.function, "Com.Hello.SayHello(string&)") && line.line == 22 &&
			is(line.file, "/src/clr_com.cs") && line.il_offset == 0,
		"a copied assembly names its methods, its embedded PDB their lines: %s:%u",
		line.file ? line.file : "-", line.line);
	code.image = NULL;
	code.debug = NULL;
	line = name(&code, 20, false);
	tap_ok(is(line.function, "Com.Hello.SayHello(string&)") && is(line.module, "clr-com.dll"),
		"also one that has no path");
	free(debug);
	free(bytes);
}

/* The program's own folder holds the PDBs of what lies inside the program. */
static void bundled_image(void)
{
	struct lk_runtime_ctx *other = lk_runtime_ctx_new(strings);
	struct lk_code code = code_of("", 0x06000001);
	struct lk_image_info info = {0};
	struct lk_managed_line line;
	uint8_t *bytes, *debug;
	size_t size, debug_size;
	struct lk_pe pe;

	bytes = fixture_read("clr.dll", &size);
	lk_pe_read(bytes, size, &pe);
	debug = debug_directory(&pe, &debug_size);
	info.meta_size = (uint32_t)pe.metadata_size;
	info.debug_size = (uint32_t)debug_size;
	code.image = NULL;
	code.image_info = &info;
	code.meta = pe.metadata;
	code.debug = debug;
	code.map = small_map;
	code.map_size = sizeof(small_map);
	code.info.token = 0x06000004; /* Recorder.Open */
	lk_runtime_name(other, &code, code.info.start + 20, false, &line);
	tap_ok(is(line.function, "Recorder.Open()") && !line.line,
		"symbols of what has no path are not found");
	lk_runtime_ctx_free(other);
	other = lk_runtime_ctx_new(strings);
	lk_runtime_ctx_program(other, fixture_path("program"));
	lk_runtime_name(other, &code, code.info.start + 20, false, &line);
	tap_ok(is(line.file, "/src/clr_recorder.cs") && line.line,
		"but beside the program that it lies in");
	lk_runtime_ctx_free(other);
	free(debug);
	free(bytes);
}

static void other_builds(void)
{
	struct lk_code code = code_of("clr.dll", 0x06000001);
	struct lk_image_info info = {0};
	struct lk_assembly *a = NULL;

	code.image_info = &info;
	tap_ok(is(name(&code, 5, false).function, "Program.Main(string[])"),
		"where the MVID is not known, the file at the path is believed");
	lk_assembly_open(code.image, strings, &a, NULL);
	memcpy(info.mvid, lk_assembly_mvid(a), 16);
	tap_ok(is(name(&code, 5, false).function, "Program.Main(string[])"),
		"and so is one with the same MVID");
	info.mvid[3] ^= 1;
	tap_ok(is(name(&code, 5, false).function, "clr.dll!0x06000001"),
		"a file that was rebuilt lends no names");
	lk_assembly_free(a);
}

static void funclets(void)
{
	struct lk_code code = code_of("clr.dll", 0x06000001);

	code.map = small_map;
	code.map_size = sizeof(small_map);
	tap_ok(name(&code, 0, true).il_offset == 0, "the prologue belongs to the first IL");
	code.map_size = 0;
	code.map = NULL;
	tap_ok(name(&code, 0, true).il_offset == LK_IL_UNKNOWN,
		"without map there is no IL offset");
}

/* What the reference case allocates through, in the class library that is installed. */
static void class_library(void)
{
	static const char pattern[] =
		"/usr/share/dotnet/shared/Microsoft.NETCore.App/*/System.Private.CoreLib.dll";
	static const struct expected all[] = {
		{"System.Runtime.InteropServices.Marshal:AllocBSTRByteLen", 0,
			"System.Runtime.InteropServices.Marshal.AllocBSTRByteLen(uint)", false},
		{"System.StubHelpers.BSTRMarshaler:ConvertToNative", 0,
			"System.StubHelpers.BSTRMarshaler.ConvertToNative(string, nint)", false},
		{"System.Runtime.InteropServices.NativeMemory:Alloc", 0,
			"System.Runtime.InteropServices.NativeMemory.Alloc(nuint, nuint)", false},
		{"string:Concat", 1, "System.String.Concat(object, object)", false},
	};
	struct lk_code code = code_of("", 0x06000001);
	glob_t found;

	if (glob(pattern, 0, NULL, &found)) {
		tap_skip("the class library is named and told from the user's code",
			"no .NET in /usr/share/dotnet");
		globfree(&found);
		return;
	}
	names(found.gl_pathv[0], "the class library", all, LK_ARRAY_SIZE(all));
	code.image = found.gl_pathv[0];
	tap_ok(name(&code, 5, false).framework, "its code is the framework's");
	globfree(&found);
}

int main(void)
{
	strings = lk_strings_new();
	ctx = lk_runtime_ctx_new(strings);
	as_the_runtime("clr.dll", "clr.maps");
	as_the_runtime("clr-r2r.dll", "clr-r2r.maps");
	as_the_runtime("clr-r2r.dll", "clr-jit.maps");
	names(lk_strings_add(strings, fixture_path("clr.dll")), "clr.dll", program,
		LK_ARRAY_SIZE(program));
	names(lk_strings_add(strings, fixture_path("clr-com.dll")), "clr-com.dll", com,
		LK_ARRAY_SIZE(com));
	names(lk_strings_add(strings, fixture_path("clr-vb.dll")), "clr-vb.dll", vb,
		LK_ARRAY_SIZE(vb));
	without_symbols();
	stubs();
	told_names();
	copied_image();
	bundled_image();
	other_builds();
	funclets();
	class_library();
	ctx = lk_runtime_ctx_free(ctx);
	lk_strings_free(strings);
	return tap_done();
}
