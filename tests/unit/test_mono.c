#include "managed_fixture.h"
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

static struct lk_code mono_code(const char *klass, const char *method, uint32_t token)
{
	struct lk_code code = {
		.info = {.start = 0x40000000,
			.size = 300,
			.runtime = LK_RUNTIME_MONO,
			.token = token},
		.klass = klass,
		.name = method,
		.image = lk_strings_add(strings, fixture_path("managed.exe")),
	};

	return code;
}

/* P:Cold, by its map in data/managed.exe.maps. */
static void methods(void)
{
	static const uint8_t map[] = {0x42, 0x02, 0x50, 0x04, 0x06, 0x24, 0x0a, 0x08, 0x06, 0x0e,
		0x10, 0x04, 0x0c, 0x10, 0x0a, 0x3f, 0x22};
	struct lk_code code = mono_code("P", "Cold", 0x06000010);
	struct lk_managed_line line;

	code.map = map;
	code.map_size = sizeof(map);
	line = name(&code, 41, true);
	tap_ok(is(line.function, "P:Cold (int)"), "a method is named as Mono names it");
	tap_ok(is(line.file, "/src/managed.cs") && line.line == 66 && line.il_offset == 1,
		"and has its line: %s:%u IL %u", line.file ? line.file : "-", line.line,
		line.il_offset);
	tap_ok(is(line.module, "managed.exe"), "its module is the file");
	tap_ok(!line.generated && !line.framework, "somebody wrote it");
	line = name(&code, 43, false);
	tap_ok(line.il_offset == 1, "a return address belongs to the call before it");
	line = name(&code, 43, true);
	tap_ok(line.il_offset == 3, "an exact address to itself");
	line = name(&code, 10, true);
	tap_ok(line.il_offset == LK_IL_UNKNOWN && !line.line && line.function,
		"a prologue has a name but no line");
	code.name = "Renamed";
	line = name(&code, 41, true);
	tap_ok(is(line.function, "P:Renamed") && !line.line && line.il_offset == 1,
		"an assembly that was rebuilt lends neither parameters nor lines");
}

static void wrappers(void)
{
	struct lk_code code = mono_code("Imyclass", "SayHello", 0);
	struct lk_managed_line line;

	code.info.kind = 6;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(wrapper managed-to-native) Imyclass:SayHello"),
		"a wrapper without a token goes by its name");
	tap_ok(line.generated && !line.line, "nobody wrote it");
	code.info.token = 0x0600000b;
	code.info.kind = 24;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(wrapper cominterop) Imyclass:SayHello (string&)"),
		"one with a token has parameters");
	code.info.kind = 99;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(wrapper 99) Imyclass:SayHello (string&)"),
		"a kind that is not known goes by its number");
}

static void without_names(void)
{
	struct lk_code code = mono_code(NULL, NULL, 0x06000010);
	struct lk_managed_line line;

	code.info.flags = LK_CODE_FLAG_AOT;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "P:Cold (int)") && line.il_offset == LK_IL_UNKNOWN,
		"code compiled ahead of time is named by its token");
	code.image = "/nowhere/mscorlib.dll";
	line = name(&code, 5, false);
	tap_ok(is(line.function, "mscorlib.dll!0x06000010"),
		"without its file only the token is left");
	tap_ok(line.framework, "mscorlib is the runtime's own");
	code.info.token = 0;
	code.image = NULL;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(mono code)") && !line.module,
		"without anything it is code of Mono");
	code.info.flags = LK_CODE_FLAG_TRAMPOLINE;
	line = name(&code, 5, false);
	tap_ok(is(line.function, "(mono trampoline)") && line.generated,
		"a trampoline is generated");
	code.name = "jit_trampoline";
	tap_ok(is(name(&code, 5, false).function, "jit_trampoline"),
		"and goes by its name, if any");
}

static void framework(void)
{
	static const struct {
		const char *path;
		bool framework;
	} all[] = {
		{"/usr/lib/mono/4.5/mscorlib.dll", true},
		{"/usr/lib/mono/gac/System.Core/4.0.0.0__b77a5c561934e089/System.Core.dll", true},
		{"/opt/app/System.dll", true},
		{"/opt/app/Mono.Security.dll", true},
		{"/opt/app/SystemMonitor.dll", false},
		{"/opt/app/Monotone.exe", false},
	};
	struct lk_code code = mono_code("C", "M", 0);
	unsigned wrong = 0;

	for (size_t i = 0; i < LK_ARRAY_SIZE(all); i++) {
		code.image = all[i].path;
		wrong += name(&code, 0, true).framework != all[i].framework;
	}
	tap_ok(!wrong, "the class library is told from the user's assemblies");
	code.klass = "Int32";
	code.space = "System";
	code.name = "Parse";
	tap_ok(is(name(&code, 0, true).function, "int:Parse"), "its types have their short names");
}

static void other_runtimes(void)
{
	struct lk_code code = mono_code("C", "M", 0);

	code.space = "N";
	code.info.runtime = LK_RUNTIME_JVM;
	tap_ok(is(name(&code, 0, true).function, "N.C:M"),
		"a runtime without adapter names by strings");
	code.space = code.klass = code.name = NULL;
	tap_ok(is(name(&code, 0, true).function, "(jvm code)"), "or by its own name");
	tap_ok(is(lk_runtime_id_name(LK_RUNTIME_MONO), "mono") &&
			is(lk_runtime_id_name(12345), "unknown"),
		"runtimes have names, unknown ones too");
}

int main(void)
{
	strings = lk_strings_new();
	ctx = lk_runtime_ctx_new(strings);
	methods();
	wrappers();
	without_names();
	framework();
	other_runtimes();
	ctx = lk_runtime_ctx_free(ctx);
	lk_strings_free(strings);
	return tap_done();
}
