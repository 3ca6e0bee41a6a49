#include "leak/analysis.h"
#include "leak/frames.h"
#include "make_snapshot.h"
#include "tap.h"

static struct lk_snapshot *snapshot;
static struct lk_strings *strings;

static struct lk_stack_facts judge(const char *stack)
{
	struct lk_frames *f = lk_frames_new(snapshot, strings);
	uint32_t at = made_stack(snapshot, stack), count;
	const struct lk_frame *frames = lk_stack_frames(snapshot, at, &count);
	struct lk_stack_facts facts;

	lk_frames_judge(f, frames, count, &facts);
	lk_frames_free(f);
	return facts;
}

static void is(const char *name, const char *stack, uint32_t responsible, const char *manager)
{
	struct lk_stack_facts f = judge(stack);

	tap_ok(f.responsible == responsible && !strcmp(f.manager, manager), "%s (frame %u, %s)",
		name, f.responsible, f.manager);
}

static void test_native(void)
{
	is("a function of the program is responsible",
		"malloc <- work@/home/u/prog!w.c:3 <- main@/home/u/prog", 1, "C heap");
	is("a BSTR is told by SysAllocString, and its caller is responsible",
		"malloc <- SysAllocStringLen@/x/liboleaut32.so <- SysAllocString@/x/liboleaut32.so "
		"<- stub@/x/prog!stub.c:9 <- main@/x/prog",
		3, "BSTR");
	is("what SysAllocString calls in its own library is not the user's",
		"malloc <- string_new@/x/liboleaut.so!o.c:39 <- SysAllocStringLen@/x/liboleaut.so "
		"<- SysAllocString@/x/liboleaut.so <- stub@/x/prog!stub.c:9 <- main@/x/prog",
		4, "BSTR");
	is("private wrappers are passed",
		"malloc <- xmalloc@/x/p <- xstrdup.constprop.0@/x/p <- parse@/x/p <- main@/x/p", 3,
		"C heap");
	is("the C library's own wrappers are passed",
		"malloc <- __GI___strdup@/lib/x86_64-linux-gnu/libc.so.6 <- f@/x/p", 2, "C heap");
	is("glib's wrappers are passed",
		"malloc <- g_malloc@/usr/lib/x86_64-linux-gnu/libglib-2.0.so.0 <- "
		"g_strdup@/usr/lib/x86_64-linux-gnu/libglib-2.0.so.0 <- f@/x/p",
		3, "C heap");
	is("a container's insides are passed, operator new is C++ new",
		"operator new(unsigned long) <- __gnu_cxx::new_allocator<int>::allocate(unsigned long)"
		"@/x/p <- ^std::vector<int>::_M_realloc_insert<int>(int&&)@/x/p <- A::add(int)@/x/p",
		3, "C++ new");
	is("header code from the system's folders is passed",
		"operator new[](unsigned long) <- ^boost::make(int)@/x/p!/usr/include/boost/m.hpp:3 <- "
		"f(int)@/x/p!/src/f.cc:4",
		2, "C++ new");
	is("a library of the distribution is passed for the program's own code",
		"malloc <- inner@/usr/lib/x86_64-linux-gnu/libxml2.so.2 <- "
		"xmlParse@/usr/lib/x86_64-linux-gnu/libxml2.so.2 <- load@/srv/app",
		3, "C heap");
	is("a mapping is told by its entry", "mmap <- grab@/x/p <- main@/x/p", 1, "mmap");
	is("a thread's stack is told by pthread_create",
		"mmap <- allocate_stack@/lib/libc.so.6 <- pthread_create@GLIBC_2.34@/lib/libc.so.6 <- "
		"start@/x/p",
		3, "thread stack");
	is("malloc under pthread_create is no thread stack",
		"calloc <- pthread_create@@GLIBC_2.34@/lib/libc.so.6 <- start@/x/p", 2, "C heap");
}

static void test_managed(void)
{
	is("the reference case: Main is responsible, and the block is a BSTR", MADE_REFERENCE, 6,
		"BSTR");
	is("a user's library further inside than managed code is responsible",
		"malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- api@/app/libvendor.so <- "
		"#(wrapper managed-to-native) T:api ()@/app/a.exe <- %P:Main ()@/app/a.exe!/s/P.cs:4",
		2, "C heap");
	is("StringToHGlobal is HGlobal and no marshalled string",
		"malloc <- monoeg_malloc@/usr/bin/mono <- mono_string_to_utf8str@/usr/bin/mono <- "
		"ves_icall_System_Runtime_InteropServices_Marshal_StringToHGlobalAnsi@/usr/bin/mono "
		"<- #(wrapper managed-to-native) "
		"System.Runtime.InteropServices.Marshal:StringToHGlobalAnsi (string)@mscorlib.dll <- "
		"%A:F (string)@/app/a.exe!/s/A.cs:8",
		5, "HGlobal");
	is("a marshalled LPStr is a marshalled string",
		"malloc <- monoeg_malloc@/usr/bin/mono <- monoeg_g_utf16_to_utf8@/usr/bin/mono <- "
		"mono_utf16_to_utf8len@/usr/bin/mono <- mono_string_to_utf8str@/usr/bin/mono <- "
		"#(wrapper managed-to-native) T:api (string&)@/app/a.exe <- %A:F ()@/app/a.exe",
		6, "marshalled string");
	is(".NET's AllocBSTR is a BSTR",
		"malloc <- SystemNative_Malloc@/d/libSystem.Native.so <- "
		"%~System.Runtime.InteropServices.Marshal.AllocBSTRByteLen(uint)@/d/"
		"System.Private.CoreLib.dll <- "
		"%~System.StubHelpers.BSTRMarshaler.ConvertToNative(string, "
		"native int)@/d/System.Private.CoreLib.dll <- "
		"#dynamicClass::IL_STUB_CLRtoCOM(string&) <- "
		"%Program.Main(System.String[])@/app/Program.dll!/s/Program.cs:22",
		5, "BSTR");
	is("a P/Invoke's stub is passed, compiled ahead of time or not",
		"malloc <- SystemNative_Malloc@/d/libSystem.Native.so <- "
		"%~System.Runtime.InteropServices.Marshal.AllocBSTRByteLen(uint)@/d/"
		"System.Private.CoreLib.dll <- "
		"%~System.StubHelpers.BSTRMarshaler.ConvertToNative(string, nint)@/d/"
		"System.Private.CoreLib.dll <- #(wrapper IL_STUB_PInvoke) "
		"Native.SayHello(string&)@/app/client.dll <- "
		"%Program.Main.lambda0(int)@/app/client.dll!/s/Program.cs:22",
		5, "BSTR");
	is("so is what a generator wrote for a COM interface",
		"malloc <- SystemNative_Malloc@/d/libSystem.Native.so <- "
		"%~System.Runtime.InteropServices.Marshal.AllocBSTRByteLen(uint)@/d/"
		"System.Private.CoreLib.dll <- %~System.Runtime.InteropServices.Marshalling."
		"BStrStringMarshaller.ConvertToUnmanaged(string)@/d/System.Runtime.InteropServices.dll "
		"<- #Com.IHello.SayHello(string&)@/app/client.dll <- "
		"%Program.Call<T>(T)@/app/client.dll!/s/Program.cs:9",
		5, "BSTR");
	is("a dynamic method is passed",
		"malloc <- api@/d/libSystem.Native.so <- #(dynamic) Compiled <- "
		"%Box<T>+Lid.Close<V>(V)@/app/a.dll!/s/a.cs:3",
		3, "C heap");
	is("class library frames are passed, with or without the runtime's mark",
		"malloc <- f@/usr/bin/mono-sgen <- %System.IO.File:Open ()@/usr/lib/mono/4.5/mscorlib.dll "
		"<- %~X:Y ()@/app/odd.dll <- %A:F ()@/app/a.exe",
		4, "C heap");
	is("compiling a method is the runtime's, at the line that called it",
		"malloc <- monoeg_malloc@/usr/bin/mono <- mono_mempool_alloc@/usr/bin/mono <- "
		"mini_method_compile@/usr/bin/mono <- %A:F ()@/app/a.exe!/s/A.cs:3",
		4, "runtime");
	is("with no code of the user's it is the runtime's",
		"malloc <- monoeg_malloc@/usr/bin/mono-sgen <- reg@/usr/bin/mono-sgen <- "
		"main@/usr/bin/mono-sgen <- __libc_start_main@/lib/x86_64-linux-gnu/libc.so.6",
		2, "runtime");
	is("the garbage collector's mappings are the GC heap",
		"mmap <- mono_valloc@/usr/bin/mono <- sgen_alloc_os_memory@/usr/bin/mono <- "
		"mono_gc_alloc_vector@/usr/bin/mono <- %A:F ()@/app/a.exe",
		4, "GC heap");
	is("what lies above the responsible frame does not name the manager",
		"malloc <- cb@/app/libx.so <- SysAllocString@/x/liboleaut32.so <- main@/x/p", 1,
		"C heap");
}

#define CORELIB	 "@/d/shared/Microsoft.NETCore.App/10.0.12/System.Private.CoreLib.dll"
#define CORECLR	 "@/d/shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so"
#define JIT	 "@/d/shared/Microsoft.NETCore.App/10.0.12/libclrjit.so"
#define INTEROP	 "System.Runtime.InteropServices."
#define NET_MAIN "%Program.Main(string[])@/app/a.dll!/s/Program.cs:22 <- " CORECLR

/* What .NET's marshallers make of arguments; the names are those of .NET 10. */
static void test_dotnet_marshalling(void)
{
	is(".NET: a BSTR of a P/Invoke's stub",
		"malloc <- %~" INTEROP "Marshal.AllocBSTRByteLen(uint)" CORELIB " <- "
		"%~System.StubHelpers.BSTRMarshaler.ConvertToNative(string, nint)" CORELIB " <- "
		"#(wrapper IL_STUB_PInvoke) Native.SayHello(string&)@/app/a.dll <- " NET_MAIN,
		4, "BSTR");
	is(".NET: a BSTR of generated code",
		"malloc <- %~" INTEROP "Marshal.AllocBSTR(int)" CORELIB " <- %~" INTEROP
		"Marshalling.BStrStringMarshaller.ConvertToUnmanaged(string)" CORELIB " <- "
		"#Native.SayHello(string&)@/app/a.dll!/s/obj/LibraryImports.g.cs:20 <- " NET_MAIN,
		4, "BSTR");
	is(".NET: an LPStr is a marshalled string, though AllocCoTaskMem made it",
		"malloc <- %~" INTEROP "Marshal.AllocCoTaskMem(int)" CORELIB " <- "
		"%~System.StubHelpers.CSTRMarshaler.ConvertToNative(int, string, nint)" CORELIB
		" <- #(wrapper IL_STUB_PInvoke) Native.F(string&)@/app/a.dll <- " NET_MAIN,
		4, "marshalled string");
	is(".NET: a stub that calls AllocCoTaskMem itself makes a string",
		"malloc <- %~" INTEROP "Marshal.AllocCoTaskMem(int)" CORELIB " <- "
		"#(wrapper IL_STUB_PInvoke) Native.F(string&)@/app/a.dll <- " NET_MAIN,
		3, "marshalled string");
	is(".NET: a generated UTF-8 string is a marshalled string",
		"malloc <- %~" INTEROP "Marshal.AllocCoTaskMem(int)" CORELIB " <- %~" INTEROP
		"Marshalling.Utf8StringMarshaller.ConvertToUnmanaged(string)" CORELIB
		" <- #Native.F(string&)@/app/a.dll <- " NET_MAIN,
		4, "marshalled string");
	is(".NET: so does one when AllocCoTaskMem jumps where it called",
		"malloc <- %~" INTEROP "NativeMemory.Alloc(nuint)" CORELIB " <- "
		"#(wrapper IL_STUB_StructMarshal)@/app/a.dll <- %~" INTEROP
		"Marshal.StructureToPtr<T>(T, nint, bool)" CORELIB " <- " NET_MAIN,
		4, "marshalled string");
	is(".NET: an array by reference is a marshalled array, which the engine allocates",
		"calloc <- " CORECLR
		" <- %~System.StubHelpers.MngdNativeArrayMarshaler.ConvertSpaceToNative(ref "
		"System.StubHelpers.MngdNativeArrayMarshaler/MarshalerState, ref object, "
		"nint)" CORELIB
		" <- #(wrapper IL_STUB_PInvoke) Native.F(int[]&)@/app/a.dll <- " NET_MAIN,
		4, "marshalled array");
	is(".NET: what the callee's library allocates is not the marshaller's",
		"malloc <- callee_name@/app/libcallee.so <- #(wrapper IL_STUB_PInvoke) "
		"Native.Name()@/app/a.dll <- " NET_MAIN,
		1, "C heap");
}

/* What the program allocates by name. */
static void test_dotnet_explicit(void)
{
	is(".NET: AllocCoTaskMem by name is CoTaskMem",
		"malloc <- %~" INTEROP "Marshal.AllocCoTaskMem(int)" CORELIB " <- " NET_MAIN, 2,
		"CoTaskMem");
	is(".NET: AllocHGlobal is HGlobal, though NativeMemory.Alloc made it",
		"malloc <- %~" INTEROP "NativeMemory.Alloc(nuint)" CORELIB " <- %~" INTEROP
		"Marshal.AllocHGlobal(nint)" CORELIB " <- " NET_MAIN,
		3, "HGlobal");
	is(".NET: AllocCoTaskMem is CoTaskMem, though NativeMemory.Alloc made it",
		"malloc <- %~" INTEROP "NativeMemory.Alloc(nuint)" CORELIB " <- %~" INTEROP
		"Marshal.AllocCoTaskMem(int)" CORELIB " <- " NET_MAIN,
		3, "CoTaskMem");
	is(".NET: NativeMemory by name is NativeMemory",
		"aligned_alloc <- SystemNative_AlignedAlloc@/d/libSystem.Native.so <- %~" INTEROP
		"NativeMemory.AlignedAlloc(nuint, nuint)" CORELIB " <- " NET_MAIN,
		3, "NativeMemory");
	is(".NET: a wrapper for COM clients is one",
		"aligned_alloc <- %~" INTEROP "NativeMemory.AlignedAlloc(nuint, nuint)" CORELIB
		" <- %~" INTEROP "ComWrappers.CreateManagedObjectWrapper(object, "
		"System.Runtime.InteropServices.CreateComInterfaceFlags)" CORELIB " <- " NET_MAIN,
		3, "COM callable wrapper");
	is(".NET: a library's object is the library's",
		"malloc <- CRYPTO_zalloc@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- "
		"@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- "
		"CryptoNative_DecodeX509@/d/libSystem.Security.Cryptography.Native.OpenSsl.so <- "
		"#~(wrapper IL_STUB_PInvoke) Interop/Crypto.DecodeX509(nint, int)@/d/shared/"
		"Microsoft.NETCore.App/10.0.12/System.Security.Cryptography.dll <- " NET_MAIN,
		5, "OpenSSL");
	is(".NET: a library's object that the C library copied is the library's",
		"malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- "
		"@/usr/lib/x86_64-linux-gnu/libsqlite3.so.0 <- #(wrapper IL_STUB_PInvoke) "
		"Database.Open(string)@/app/a.dll <- " NET_MAIN,
		4, "SQLite");
}

/* What the engine allocates for itself while the program's code stands outside. */
static void test_dotnet_engine(void)
{
	is(".NET: what compiling a method takes is the runtime's",
		"malloc <- " JIT " <- " JIT " <- " CORECLR " <- " NET_MAIN, 4, "runtime");
	is(".NET: C++ allocation in the engine is the runtime's",
		"malloc <- operator new(unsigned long)@/lib/x86_64-linux-gnu/libstdc++.so.6 <- " CORECLR
		" <- " NET_MAIN,
		3, "runtime");
	is(".NET: compiling AllocHGlobal is no HGlobal",
		"mmap <- " JIT " <- " CORECLR " <- %~" INTEROP
		"Marshal.StringToHGlobalAnsi(string)" CORELIB " <- " NET_MAIN,
		4, "runtime");
	is(".NET: a collector of its own has the GC heap",
		"mmap <- @/d/libclrgc.so <- " CORECLR " <- " NET_MAIN, 3, "GC heap");
	is(".NET: a delegate's thunk is told from what else the engine takes",
		"mmap <- " CORECLR " <- " CORECLR " <- %~" INTEROP
		"Marshal.GetFunctionPointerForDelegateInternal(System.Delegate)" CORELIB
		" <- %~" INTEROP "Marshal.GetFunctionPointerForDelegate(System.Delegate)" CORELIB
		" <- " NET_MAIN,
		5, "delegate thunk");
	is(".NET: so is a GC handle",
		"mmap <- " CORECLR " <- %~" INTEROP "GCHandle.InternalAlloc(object, "
		"System.Runtime.InteropServices.GCHandleType)" CORELIB " <- " NET_MAIN,
		3, "GC handle");
	is(".NET: a thread's stack is one, though the engine starts threads",
		"mmap <- allocate_stack@/lib/x86_64-linux-gnu/libc.so.6 <- "
		"pthread_create@@GLIBC_2.34@/lib/x86_64-linux-gnu/libc.so.6 <- " CORECLR
		" <- " NET_MAIN,
		4, "thread stack");
}

static void test_poor_stacks(void)
{
	is("with no name at all the caller of the allocator is responsible",
		"malloc <- @/x/p <- @/x/p <- __libc_start_main@/lib/x86_64-linux-gnu/libc.so.6", 1,
		"C heap");
	is("with wrappers alone the outer one is responsible", "malloc <- xmalloc@/x/p", 1,
		"C heap");
	is("an allocation function alone is its own", "malloc", 0, "C heap");
	is("a nameless frame is passed for a named one of the user's further out",
		"malloc <- @/x/p <- f@/x/p", 2, "C heap");
	is("an empty stack has no responsible frame", "", LK_NO_FRAME, "unknown");
}

static void test_keys(void)
{
	uint64_t a = judge("malloc <- f@/x/p!a.c:1 <- main@/x/p!a.c:9").key;

	tap_ok(a == judge("malloc <- f.constprop.0@/y/p!a.c:1 <- ^main@/x/p!a.c:9").key,
		"clones, folders, addresses and inlining make no other site");
	tap_ok(a != judge("malloc <- f@/x/p!a.c:2 <- main@/x/p!a.c:9").key, "another line does");
	tap_ok(a != judge("malloc <- f@/x/q!a.c:1 <- main@/x/p!a.c:9").key, "another module does");
	tap_ok(a != judge("calloc <- f@/x/p!a.c:1 <- main@/x/p!a.c:9").key, "another entry does");
	tap_ok(a == judge("malloc <- f@/x/p!a.c:1 <- main@/x/p!a.c:9").key,
		"the key is the same at another time");
	tap_ok(judge("malloc <- f@p:1 <- walk@p <- walk@p <- main@p").key ==
			judge("malloc <- f@p:1 <- walk@p <- walk@p <- walk@p <- walk@p <- main@p")
				.key,
		"the depth of a recursion makes no other site");
}

/* Before and after .NET compiled the marshaller and the generated code into their callers. */
static void test_tiered_keys(void)
{
	static const char *const cold =
		"malloc <- %~" INTEROP "Marshal.AllocBSTR(int)" CORELIB " <- %~" INTEROP
		"Marshalling.BStrStringMarshaller.ConvertToUnmanaged(string)" CORELIB
		" <- #Native.SayHello(string&)@/app/a.dll!/s/L.g.cs:18 <- " NET_MAIN;
	static const char *const hot =
		"malloc <- %~" INTEROP "Marshal.AllocBSTR(int)" CORELIB " <- " NET_MAIN;
	static const char *const other = "malloc <- %~" INTEROP "Marshal.AllocBSTR(int)" CORELIB
					 " <- %P.F()@/app/a.dll!/s/P.cs:9 <- " NET_MAIN;
	const char *clr = "clr";

	tap_ok(judge(cold).key != judge(hot).key, "elsewhere another path makes another site");
	snapshot->runtimes = &clr;
	snapshot->nr_runtimes = 1;
	tap_ok(judge(cold).key == judge(hot).key, ".NET: what is inlined makes no other site");
	tap_ok(judge(cold).key != judge(other).key, ".NET: a method of the user's does");
	snapshot->runtimes = NULL;
	snapshot->nr_runtimes = 0;
}

/* The engine in the program itself, without a name. */
static void test_single_file(void)
{
	static const char *const shallow = "aligned_alloc <- @/srv/app <- @/srv/app <- "
					   "#(wrapper IL_STUB_PInvoke) X.Init() <- " NET_MAIN;
	static const char *const deep =
		"malloc <- @/srv/app <- @/srv/app <- @/srv/app <- @/srv/app <- " NET_MAIN;
	struct lk_module_fact modules[] = {{.path = "/srv/app"}, {.path = "/d/libcoreclr.so"}};
	struct lk_snapshot was = *snapshot;
	const char *clr = "clr", *command = "./app";

	snapshot->modules = modules;
	snapshot->nr_modules = 1;
	snapshot->runtimes = &clr;
	snapshot->nr_runtimes = 1;
	snapshot->command = &command;
	snapshot->nr_command = 1;
	is("a single file: what is allocated deep in the program is the runtime's", deep, 5,
		"runtime");
	is("a single file: what is allocated near its edge may be the class library's", shallow, 4,
		"C heap");
	snapshot->nr_modules = 2;
	is("with the engine in a library the program's own code is its own", deep, 5, "C heap");
	snapshot->modules = was.modules;
	snapshot->nr_modules = was.nr_modules;
	snapshot->runtimes = NULL;
	snapshot->command = NULL;
	snapshot->nr_runtimes = snapshot->nr_command = 0;
}

static void test_nameless_keys(void)
{
	struct lk_module_fact here = {.path = "/x/p", .start = 0x400000, .end = 0x500000};
	uint32_t a = made_stack(snapshot, "malloc <- @/x/p"),
		 b = made_stack(snapshot, "malloc <- @/x/p");
	struct lk_stack_facts before[2], moved;
	struct lk_frame *frame = &snapshot->frames[snapshot->stacks[a].first];
	struct lk_frame *other = &snapshot->frames[snapshot->stacks[b].first];
	struct lk_frames *f = lk_frames_new(snapshot, strings);

	snapshot->modules = lk_grow(NULL, 0, &snapshot->modules_capacity, sizeof(here));
	snapshot->modules[snapshot->nr_modules++] = here;
	frame[1].address = 0x401000;
	other[1].address = 0x402000;
	lk_frames_judge(f, frame, 2, &before[0]);
	lk_frames_judge(f, other, 2, &before[1]);
	tap_ok(before[0].key != before[1].key,
		"nameless frames are told by their place in the file");
	snapshot->modules[0].start += 0x7000000;
	snapshot->modules[0].end += 0x7000000;
	snapshot->modules[0].bias += 0x7000000;
	frame[1].address += 0x7000000;
	lk_frames_judge(f, frame, 2, &moved);
	tap_ok(moved.key == before[0].key, "where a file is loaded makes no other site");
	lk_frames_free(f);
}

int main(void)
{
	snapshot = lk_snapshot_new();
	strings = lk_strings_new();
	test_native();
	test_managed();
	test_dotnet_marshalling();
	test_dotnet_explicit();
	test_dotnet_engine();
	test_poor_stacks();
	test_keys();
	test_tiered_keys();
	test_single_file();
	test_nameless_keys();
	lk_snapshot_free(snapshot);
	lk_strings_free(strings);
	return tap_done();
}
