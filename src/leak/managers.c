/*
 * Memory managers.  On Linux they all end in malloc or mmap, so what a block is
 * can only be told from the frames above.  The signatures were seen on running
 * programs unless marked otherwise; order matters within one frame only.
 */
#include "leak/naming.h"
#include "leak/rules.h"

#include <string.h>

#define SURE(name, frame)                                                                          \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_CERTAIN_MATCH                   \
	}
#define LIKELY(name, frame)                                                                        \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_LIKELY_MATCH                    \
	}
#define VAGUE(name, frame)                                                                         \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_VAGUE_MATCH                     \
	}
#define MAPPED(name, frame)                                                                        \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_CERTAIN_MATCH, .entry = "mmap"  \
	}
/* Certain where the frame directly inside of it is `callee`. */
#define ABOVE(name, frame, callee)                                                                 \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_CERTAIN_MATCH, .inner = callee  \
	}
/* What the engine of .NET allocates on behalf of this managed frame. */
#define ENGINE(name, frame)                                                                        \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_CERTAIN_MATCH, .engine = true   \
	}
/* The same where it is a block; what it maps meanwhile is its own. */
#define ENGINE_HEAP(name, frame)                                                                   \
	{                                                                                          \
		.manager = name, .pattern = frame, .certainty = LK_CERTAIN_MATCH,                  \
		.entry = "C heap", .engine = true                                                  \
	}

static const struct lk_manager_rule rules[] = {
	/* Mono compiles a method at its first call: what it allocates is not the caller's */
	SURE("runtime", "generic_trampoline_*"),

	/* OLE automation strings: native, Mono's marshaller, .NET's */
	SURE("BSTR", "Sys*AllocString*"),
	SURE("BSTR", "mono_string_to_bstr*"),
	SURE("BSTR", "mono_string_handle_to_bstr*"),
	SURE("BSTR", "mono_ptr_to_bstr*"),
	SURE("BSTR", "mono_bstr_*"),
	SURE("BSTR", "*__icall_wrapper_mono_string_to_bstr*"), /* all that a stripped Mono names */
	SURE("BSTR", "*Marshal?StringToBSTR"),
	SURE("BSTR", "*Marshal?BufferToBSTR"),
	SURE("BSTR", "*Marshal_BufferToBSTR*"),
	SURE("BSTR", "*Marshal?AllocBSTR*"),
	SURE("BSTR", "*BSTRMarshaler?ConvertToNative*"),
	SURE("BSTR", "*BStrStringMarshaller?ConvertToUnmanaged"),

	SURE("HGlobal", "ves_icall_*AllocHGlobal*"),
	SURE("HGlobal", "ves_icall_*StringToHGlobal*"),
	SURE("HGlobal", "*Marshal?AllocHGlobal*"),
	SURE("HGlobal", "*Marshal?ReAllocHGlobal*"),
	SURE("HGlobal", "*Marshal?StringToHGlobal*"),
	SURE("HGlobal", "GlobalAlloc"),

	SURE("CoTaskMem", "ves_icall_*AllocCoTaskMem*"),
	LIKELY("CoTaskMem", "*Marshal?AllocCoTaskMem*"), /* .NET's marshallers call it too */
	SURE("CoTaskMem", "*Marshal?ReAllocCoTaskMem*"),
	SURE("CoTaskMem", "*Marshal?StringToCoTaskMem*"),
	SURE("CoTaskMem", "CoTaskMemAlloc"),
	SURE("CoTaskMem", "CoTaskMemRealloc"),

	SURE("COM callable wrapper", "*ComWrappers?CreateManagedObjectWrapper*"),
	SURE("COM callable wrapper", "*ComWrappers?GetOrCreateComInterfaceForObject*"),
	SURE("COM callable wrapper", "cominterop_get_ccw*"),

	/* .NET's marshallers; a stub that allocates by itself makes UTF-16 of a string */
	SURE("marshalled string", "*StubHelpers?*STRMarshaler?ConvertToNative*"),
	SURE("marshalled string", "*StubHelpers?*StrMarshaler?ConvertToNative*"),
	SURE("marshalled string", "*StubHelpers?UTF8BufferMarshaler?ConvertToNative*"),
	SURE("marshalled string", "*Marshalling?*StringMarshaller*"),
	ABOVE("marshalled string", "(wrapper IL_STUB_*", "*Marshal?AllocCoTaskMem*"),
	ABOVE("marshalled string", "(wrapper IL_STUB_*", "*NativeMemory?Alloc*"),
	ENGINE_HEAP("marshalled array", "*StubHelpers?MngdNativeArrayMarshaler*"),
	ENGINE_HEAP("marshalled array", "*StubHelpers?MngdFixedArrayMarshaler*"),
	ENGINE_HEAP("marshalled array", "*StubHelpers?MngdSafeArrayMarshaler*"),
	SURE("marshalled array", "*Marshalling?*ArrayMarshaller*"),
	SURE("marshalled array", "*Marshalling?*SpanMarshaller*"),
	SURE("marshalled object", "*StubHelpers?ObjectMarshaler?ConvertToNative*"),

	ENGINE("delegate thunk", "*Marshal?GetFunctionPointerForDelegate*"),
	ENGINE("GC handle", "*InteropServices?GCHandle*"),
	ENGINE("GC handle", "System.WeakReference*"),
	ENGINE("GC handle", "*DependentHandle*"),

	LIKELY("marshalled string", "*__icall_wrapper_mono_string_to_*"),
	LIKELY("marshalled string", "*__icall_wrapper_mono_string_builder_to_*"),
	LIKELY("marshalled string", "mono_string_to_utf8str*"),
	LIKELY("marshalled string", "mono_string_handle_to_utf8*"),
	LIKELY("marshalled string", "mono_string_to_utf8*"),
	LIKELY("marshalled string", "mono_string_to_utf16*"),
	LIKELY("marshalled string", "mono_string_to_utf32*"),
	LIKELY("marshalled string", "mono_string_to_lpstr*"),
	LIKELY("marshalled string", "mono_string_to_lpwstr*"),
	LIKELY("marshalled string", "mono_string_to_ansibstr*"),
	LIKELY("marshalled string", "mono_string_to_tbstr*"),
	LIKELY("marshalled string", "mono_string_to_byvalstr*"),
	LIKELY("marshalled string", "mono_utf16_to_utf8*"),
	LIKELY("marshalled string", "mono_string_builder_to_*"),

	VAGUE("NativeMemory", "*NativeMemory?Alloc*"),
	VAGUE("NativeMemory", "*NativeMemory?AlignedAlloc*"),
	VAGUE("NativeMemory", "*NativeMemory?Realloc*"),

	/* a thread's stack is mapped by the C library under pthread_create */
	MAPPED("thread stack", "allocate_stack"),
	MAPPED("thread stack", "pthread_create*"),
	MAPPED("thread stack", "__pthread_create*"),

	SURE("GC heap", "sgen_*"),
	SURE("GC heap", "GCToOSInterface::*"),
	SURE("GC heap", "*::gc_heap::*"),
	SURE("GC heap", "G1PageBasedVirtualSpace::*"),

	/* JNI and HotSpot */
	SURE("JNI string", "jni_GetStringUTFChars"),
	SURE("JNI string", "jni_GetStringChars"),
	SURE("JNI array", "jni_Get*ArrayElements"),
	SURE("JNI array", "jni_GetPrimitiveArrayCritical"),
	SURE("JNI reference", "jni_NewGlobalRef"),
	SURE("JNI reference", "jni_NewWeakGlobalRef"),
	SURE("direct buffer", "java.nio.DirectByteBuffer.<init>"),
	SURE("direct buffer", "java?nio?DirectByteBuffer?<init>"),
	LIKELY("Unsafe memory", "Unsafe_AllocateMemory0"),
	SURE("zlib", "inflateInit*"),
	SURE("zlib", "deflateInit*"),
	SURE("zlib", "CompressionNative_InflateInit*"),
	SURE("zlib", "CompressionNative_DeflateInit*"),
	SURE("Brotli", "Brotli*CreateInstance"),

	/* CPython, V8 */
	MAPPED("pymalloc arena", "_PyObject_ArenaMmap"),
	MAPPED("pymalloc arena", "new_arena"),
	SURE("Python object", "_PyObject_Malloc"),
	SURE("Python object", "_PyObject_GC_*"),
	SURE("Python object", "PyType_GenericAlloc"),
	SURE("Python object", "PyUnicode_New"),
	SURE("Python object", "_PyBytes_FromSize"),
	SURE("N-API reference", "napi_create_reference"),
	SURE("V8 array buffer", "node::NodeArrayBufferAllocator::*"),

	/* what a runtime allocates for itself while managed code runs */
	LIKELY("runtime", "mono_jit_*"),
	LIKELY("runtime", "mini_*"),
	LIKELY("runtime", "mono_magic_trampoline"),
	LIKELY("runtime", "mono_compile_method*"),
	LIKELY("runtime", "mono_class_*"),
	LIKELY("runtime", "mono_metadata_*"),
	LIKELY("runtime", "mono_image_*"),
	LIKELY("runtime", "mono_assembly_*"),
	LIKELY("runtime", "mono_mempool_*"),
	LIKELY("runtime", "mono_code_manager_*"),
	LIKELY("runtime", "MethodDesc::*"),
	LIKELY("runtime", "LoaderHeap*"),
	LIKELY("runtime", "UnlockedLoaderHeap*"),
	LIKELY("runtime", "EventPipeBufferManager::*"),
};

static const struct {
	const char *entry, *manager;
} entries[] = {
	{"operator new*", "C++ new"},
	{"mmap*", "mmap"},
	{"mremap", "mmap"},
	{"mprotect", "mmap"},
};

/* Modules of .NET's engine are stripped: that a block is its own, only the module tells. */
static const struct {
	const char *module, *manager;
} modules[] = {
	{"libcoreclr.so", "runtime"},
	{"libclrjit*.so", "runtime"},
	{"libhostfxr.so", "runtime"},
	{"libhostpolicy.so", "runtime"},
	{"libcoreclrtraceptprovider.so", "runtime"},
	{"libclrgc*.so", "GC heap"},
	{"libcrypto.so*", "OpenSSL"},
	{"libssl.so*", "OpenSSL"},
	{"libsqlite3.so*", "SQLite"},
	{"libe_sqlite3.so", "SQLite"},
	{"libz.so*", "zlib"},
};

const char *lk_manager_of_module(const char *path)
{
	const char *base = lk_base_name(path);

	for (size_t i = 0; i < LK_ARRAY_SIZE(modules); i++)
		if (lk_glob(modules[i].module, base))
			return modules[i].manager;
	return NULL;
}

int lk_manager_match(const char *normalised, int after)
{
	for (size_t i = (size_t)after; i < LK_ARRAY_SIZE(rules); i++)
		if (lk_glob(rules[i].pattern, normalised))
			return (int)i;
	return -1;
}

const struct lk_manager_rule *lk_manager_rule(int index)
{
	return &rules[index];
}

const char *lk_manager_of_entry(const char *normalised_entry)
{
	for (size_t i = 0; i < LK_ARRAY_SIZE(entries); i++)
		if (lk_glob(entries[i].entry, normalised_entry))
			return entries[i].manager;
	return "C heap";
}

bool lk_manager_is_internal(const char *manager)
{
	return !strcmp(manager, "runtime") || !strcmp(manager, "GC heap");
}
