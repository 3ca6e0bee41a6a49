/*
 * Separate debug files in each place where they may be, the wrong ones in the
 * right place, and debuginfod (by file URL: no network is needed).
 */
#include "symbol/debugfile.h"

#include <errno.h>
#include <sys/stat.h>

#include "elf_fixture.h"
#include "symbol/symbol.h"
#include "tap.h"

static const char source[] = "volatile int sink;\n"
			     "__attribute__((noinline)) static int hidden(int n)\n"
			     "{\n"
			     "	return sink * n; /* here */\n"
			     "}\n"
			     "int main(int argc, char **argv)\n"
			     "{\n"
			     "	return hidden(argc);\n"
			     "}\n";

static uint64_t hidden; /* its address in all of the files */
static char id[64];	/* the build-id of "full", in hexadecimal */

/* Builds "full", and from it "stripped" and "full.debug", which belong together. */
static bool build(const char *options)
{
	bool built = run("gcc -O2 -g %s source.c -o full", options) &&
		     run("objcopy --only-keep-debug full full.debug") &&
		     run("strip -o stripped full");

	hidden = address_of("full", "hidden");
	return built && hidden;
}

static bool read_id(void)
{
	FILE *pipe = popen("readelf -n full 2>/dev/null | sed -n 's/.*Build ID: //p'", "r");
	bool ok = pipe && fgets(id, sizeof(id), pipe);

	if (pipe)
		pclose(pipe);
	id[strcspn(id, "\n")] = 0;
	return ok && strlen(id) == 40;
}

static bool has_lines(const char *path)
{
	struct lk_module *module = open_module(path);
	struct lk_line lines[8];
	int nr = module ? lk_module_lines(module, hidden, lines, 8) : 0;
	bool found = nr == 1 && lines[0].function && !strcmp(lines[0].function, "hidden") &&
		     lines[0].file && strstr(lines[0].file, "/source.c") && lines[0].line &&
		     lk_module_level(module) == LK_MODULE_DWARF;

	lk_module_free(module);
	return found;
}

static void test_build_id(void)
{
	run("mkdir -p root/.build-id/%.2s", id);
	run("cp full.debug root/.build-id/%.2s/%s.debug", id, id + 2);
	tap_ok(!has_lines("stripped"), "nothing is found where nobody said to look");
	setenv("LEAKLINE_DEBUG_PATH", "/nowhere::root", 1);
	tap_ok(has_lines("stripped"), "a build-id finds its debug file under LEAKLINE_DEBUG_PATH");
	run("gcc -O2 -g -DOTHER=1 -O1 source.c -o other");
	run("objcopy --only-keep-debug other root/.build-id/%.2s/%s.debug", id, id + 2);
	tap_ok(!has_lines("stripped"), "another build's debug file in its place is refused");
	run("head -c 3000 full.debug >root/.build-id/%.2s/%s.debug", id, id + 2);
	tap_ok(!has_lines("stripped"), "and so is a damaged one");
	unsetenv("LEAKLINE_DEBUG_PATH");
	run("rm -rf root");
}

static void test_link(const char *what)
{
	run("objcopy --add-gnu-debuglink=full.debug stripped linked");
	tap_ok(has_lines("linked"), "a debuglink is followed beside the file (%s)", what);
	run("mkdir -p .debug && mv full.debug .debug/");
	tap_ok(has_lines("linked"), "and into .debug (%s)", what);
	run("mkdir -p root%s && mv .debug/full.debug root%s/", fixture_dir, fixture_dir);
	setenv("LEAKLINE_DEBUG_PATH", "root", 1);
	tap_ok(has_lines("linked"), "and under a debug root, by the file's directory (%s)", what);
	unsetenv("LEAKLINE_DEBUG_PATH");
	run("mkdir -p elsewhere && cp root%s/full.debug full.debug", fixture_dir);
	tap_ok(symlink("../linked", "elsewhere/name") == 0 && has_lines("elsewhere/name"),
		"and from the file's own directory where a link led to it (%s)", what);
	run("rm -rf elsewhere root .debug");
}

static void test_checksum(void)
{
	run("gcc -O2 -g -DOTHER=1 -Wl,--build-id=none -Wl,-z,norelro source.c -o other");
	run("objcopy --only-keep-debug other full.debug");
	tap_ok(!has_lines("linked"), "a debug file with another checksum is refused");
}

static void test_same_path(void)
{
	run("mkdir -p root%s && cp full.debug root%s/stripped", fixture_dir, fixture_dir);
	setenv("LEAKLINE_DEBUG_PATH", "root", 1);
	tap_ok(has_lines("stripped"), "a debug root may hold the file under its own path");
	run("mv root%s/stripped root%s/stripped.debug", fixture_dir, fixture_dir);
	tap_ok(has_lines("stripped"), "or with .debug at its end");
	unsetenv("LEAKLINE_DEBUG_PATH");
	run("rm -rf root");
}

static void test_server(void)
{
	char url[512];

	run("mkdir -p server/buildid/%s && cp full.debug server/buildid/%s/debuginfo", id, id);
	snprintf(url, sizeof(url), "file://%s/server", fixture_dir);
	setenv("DEBUGINFOD_CACHE_PATH", "cache", 1);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("LEAKLINE_NO_DEBUGINFOD", "1", 1);
	tap_ok(!has_lines("stripped"), "LEAKLINE_NO_DEBUGINFOD=1 keeps debuginfod out");
	unsetenv("LEAKLINE_NO_DEBUGINFOD");
	if (access("/usr/lib/x86_64-linux-gnu/libdebuginfod.so.1", R_OK))
		tap_skip("debuginfod gives what is not here", "libdebuginfod.so.1");
	else
		tap_ok(has_lines("stripped"), "debuginfod gives what is not here");
	setenv("DEBUGINFOD_URLS", "", 1);
	run("rm -rf cache");
	tap_ok(!has_lines("stripped"), "an empty DEBUGINFOD_URLS asks nobody");
}

static void test_mini(void)
{
	struct lk_module *module;

	if (!have("xz")) {
		tap_skip(".gnu_debugdata names what .dynsym leaves out", "xz");
		return;
	}
	run("objcopy --strip-debug full mini && xz -k mini");
	run("objcopy --add-section .gnu_debugdata=mini.xz stripped with-mini");
	module = open_module("with-mini");
	tap_ok(lk_module_level(module) == LK_MODULE_SYMTAB &&
			!strcmp(name_at(module, hidden), "hidden"),
		".gnu_debugdata names what .dynsym leaves out");
	lk_module_free(module);
	run("head -c 100 mini.xz >cut.xz");
	run("objcopy --add-section .gnu_debugdata=cut.xz stripped with-cut");
	module = open_module("with-cut");
	tap_ok(module && !*name_at(module, hidden), "a damaged one is passed over");
	lk_module_free(module);
}

/* dwz moves what two files share into a third one that both refer to. */
static void test_alternate(void)
{
	if (!have("dwz")) {
		tap_skip("an alternate file of dwz is followed", "dwz");
		return;
	}
	run("cp full one && cp full two && dwz -m common one two");
	tap_ok(!access("common", R_OK) && has_lines("one") && has_lines("two"),
		"an alternate file of dwz is followed");
}

int main(void)
{
	fixture_begin();
	setenv("LEAKLINE_NO_DEBUGINFOD", "1", 1);
	write_file("source.c", source, strlen(source));
	if (!build("-Wl,--build-id=sha1") || !read_id()) {
		tap_skip("debug files of a program", "gcc, binutils");
		fixture_end();
		return tap_done();
	}
	tap_ok(has_lines("full"), "a file that was not stripped needs no other");
	test_build_id();
	test_same_path();
	test_mini();
	test_alternate();
	test_server();
	test_link("by build-id");
	build("-Wl,--build-id=none");
	test_link("by checksum");
	test_checksum();
	fixture_end();
	return tap_done();
}
