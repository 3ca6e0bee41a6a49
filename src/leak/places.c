/* Whose code a module or a source file is, by where it lies and how it is named. */
#include "leak/naming.h"
#include "leak/rules.h"

#include <string.h>

static const struct {
	enum lk_place place;
	const char *base; /* of the module's base name */
} modules[] = {
	{LK_PLACE_SYSTEM, "libc.so*"},
	{LK_PLACE_SYSTEM, "libc-2.*"},
	{LK_PLACE_SYSTEM, "libc.musl-*"},
	{LK_PLACE_SYSTEM, "ld-linux*"},
	{LK_PLACE_SYSTEM, "ld-musl-*"},
	{LK_PLACE_SYSTEM, "ld-2.*"},
	{LK_PLACE_SYSTEM, "libpthread.so*"},
	{LK_PLACE_SYSTEM, "libpthread-2.*"},
	{LK_PLACE_SYSTEM, "libdl.so*"},
	{LK_PLACE_SYSTEM, "librt.so*"},
	{LK_PLACE_SYSTEM, "libm.so*"},
	{LK_PLACE_SYSTEM, "libstdc++.so*"},
	{LK_PLACE_SYSTEM, "libc++.so*"},
	{LK_PLACE_SYSTEM, "libc++abi.so*"},
	{LK_PLACE_SYSTEM, "libgcc_s.so*"},
	{LK_PLACE_SYSTEM, "libasan.so*"},
	{LK_PLACE_SYSTEM, "libffi.so*"},
	{LK_PLACE_SYSTEM, "libjemalloc.so*"},
	{LK_PLACE_SYSTEM, "libtcmalloc*.so*"},
	{LK_PLACE_SYSTEM, "libmimalloc*.so*"},
	{LK_PLACE_SYSTEM, "libleakline-agent.so"},
	{LK_PLACE_SYSTEM, "linux-vdso.so*"},
	{LK_PLACE_SYSTEM, "?vdso?"},

	{LK_PLACE_RUNTIME, "mono"},
	{LK_PLACE_RUNTIME, "mono-sgen*"},
	{LK_PLACE_RUNTIME, "mono-boehm*"},
	{LK_PLACE_RUNTIME, "libmono*"},
	{LK_PLACE_RUNTIME, "libMono*"},
	{LK_PLACE_RUNTIME, "dotnet"},
	{LK_PLACE_RUNTIME, "libcoreclr.so"},
	{LK_PLACE_RUNTIME, "libclr*.so"},
	{LK_PLACE_RUNTIME, "libhostfxr.so"},
	{LK_PLACE_RUNTIME, "libhostpolicy.so"},
	{LK_PLACE_RUNTIME, "libSystem.*.so"},
	{LK_PLACE_RUNTIME, "System.*.so"},
	{LK_PLACE_RUNTIME, "java"},
	{LK_PLACE_RUNTIME, "libjvm.so"},
	{LK_PLACE_RUNTIME, "libjli.so"},
	{LK_PLACE_RUNTIME, "libjava.so"},
	{LK_PLACE_RUNTIME, "libjimage.so"},
	{LK_PLACE_RUNTIME, "libverify.so"},
	{LK_PLACE_RUNTIME, "libpython*"},
	{LK_PLACE_RUNTIME, "python"},
	{LK_PLACE_RUNTIME, "python?"},
	{LK_PLACE_RUNTIME, "python?.*"},
	{LK_PLACE_RUNTIME, "_ctypes*.so"},
	{LK_PLACE_RUNTIME, "node"},
	{LK_PLACE_RUNTIME, "nodejs"},
	{LK_PLACE_RUNTIME, "libnode.so*"},
};

/* Folders of the distribution; a program's own libraries lie elsewhere. */
static const char *const library_folders[] = {
	"/lib/*-linux-gnu*",
	"/usr/lib/*-linux-gnu*",
	"/lib64/*",
	"/usr/lib64/*",
	"*/lib/jvm/*",
	"*/Microsoft.NETCore.App/*",
	"*/lib/python?*/lib-dynload/*",
};

/* Folders of what comes with .NET; a self-contained program keeps it beside its own. */
static const char *const class_library_folders[] = {
	"*/shared/Microsoft.*.App/*",
};

static const char *const class_libraries[] = {
	"mscorlib.dll*",
	"System.dll*",
	"System.*.dll*",
	"netstandard.dll*",
	"Mono.*.dll*",
	"Microsoft.CSharp.dll*",
	"Microsoft.VisualBasic*.dll*",
	"Microsoft.Win32.*.dll*",
	"WindowsBase.dll*",
	"mscorlib",
	"System",
	"System.Private.*",
	"java.base*",
	"jdk.*",
};

static const char *const system_sources[] = {
	"/usr/include/*",
	"/usr/lib/gcc/*",
	"*/include/c++/*",
	"/rustc/*",
	"*/.rustup/toolchains/*",
	"*/.cargo/registry/*",
};

enum lk_place lk_place_of(const char *path)
{
	const char *base = lk_base_name(path);

	for (size_t i = 0; i < LK_ARRAY_SIZE(modules); i++)
		if (lk_glob(modules[i].base, base))
			return modules[i].place;
	for (size_t i = 0; i < LK_ARRAY_SIZE(library_folders); i++)
		if (lk_glob(library_folders[i], path))
			return LK_PLACE_LIBRARY;
	/* /usr/lib/libfoo.so.1 itself, not what a package keeps in a folder of its own */
	if (lk_glob("/usr/lib/*.so*", path) && !strchr(path + strlen("/usr/lib/"), '/'))
		return LK_PLACE_LIBRARY;
	return LK_PLACE_USER;
}

bool lk_is_class_library(const char *path)
{
	const char *base = lk_base_name(path);

	for (size_t i = 0; i < LK_ARRAY_SIZE(class_libraries); i++)
		if (lk_glob(class_libraries[i], base))
			return true;
	for (size_t i = 0; i < LK_ARRAY_SIZE(class_library_folders); i++)
		if (lk_glob(class_library_folders[i], path))
			return true;
	return false;
}

bool lk_is_system_source(const char *file)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(system_sources); i++)
		if (lk_glob(system_sources[i], file))
			return true;
	return false;
}
