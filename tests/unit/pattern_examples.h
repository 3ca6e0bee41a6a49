/*
 * A stack for every known pattern, as it was seen or as the runtime's source has it;
 * the notation is that of make_snapshot.h.  A stack without an id fits none.
 */
#ifndef PATTERN_EXAMPLES_H
#define PATTERN_EXAMPLES_H

#define CLR    "@/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/libcoreclr.so"
#define NATIVE "@/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/libSystem.Native.so"
#define SSLSHIM                                                                                    \
	"@/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/"                                 \
	"libSystem.Security.Cryptography.Native.OpenSsl.so"
#define CORE " @/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/System.Private.CoreLib.dll"
#define SSL  "@/usr/lib/x86_64-linux-gnu/libssl.so.3"
#define FOO  "@/app/libfoo.so"
#define MAIN " <- %App.Program.Main(string[])@/app/app.dll!/src/Program.cs:22"
#define STUB                                                                                       \
	" <- #dynamicClass.IL_STUB_PInvoke(string&)@/app/app.dll"                                  \
	" <- %App.Program.CallRef()@/app/app.dll!/src/Program.cs:9" MAIN
#define MARSHAL "~%System.Runtime.InteropServices.Marshal"
#define MONO	"@/usr/bin/mono-sgen"
#define MSCOR	"@/usr/lib/mono/4.5/mscorlib.dll"
#define MMAIN	" <- %App.Program:Main (string[])@/app/app.exe!/src/Program.cs:22"
#define MWRAP	"#(wrapper managed-to-native) "
#define JVM	"@/usr/lib/jvm/java-17/lib/server/libjvm.so"
#define PY	"@/usr/bin/python3.11"
#define NODE	"@/usr/bin/node"

static const struct {
	const char *id, *stack;
} examples[] = {
	{"N1", "malloc <- " MARSHAL ".AllocBSTRByteLen(uint32)" CORE
	       " <- ~%System.StubHelpers.BSTRMarshaler.ConvertToNative(string, native int)" CORE
			STUB},
	{"N1", "malloc <- SystemNative_Malloc" NATIVE " <- " MARSHAL
	       "::AllocBSTRByteLen[PreJIT]" CORE
	       " <- ~%System.StubHelpers.BSTRMarshaler::ConvertToNative(string)[PreJIT]" CORE STUB},
	/* tier 1: AllocBSTRByteLen was inlined */
	{"N1", "malloc <- ~%System.StubHelpers.BSTRMarshaler.ConvertToNative[OptimizedTier1]" CORE
	       " <- #IL_STUB_CLRtoCOM@/app/app.dll" MAIN},
	/* the stub was not named */
	{"N1", "malloc <- ~%System.StubHelpers.BSTRMarshaler.ConvertToNative" CORE MAIN},
	{"N1", "malloc <- HeapAlloc" CLR " <- SysAllocStringByteLen" CLR " <- helper" CLR STUB},
	{"N2", "malloc <- " MARSHAL ".AllocCoTaskMem(int32)" CORE
	       " <- ~%System.StubHelpers.CSTRMarshaler.ConvertToNative" CORE STUB},
	{"N3", "malloc <- SystemNative_Malloc" NATIVE " <- " MARSHAL ".AllocCoTaskMem" CORE STUB},
	/* tier 1 */
	{"N3", "malloc <- ~%System.Runtime.InteropServices.NativeMemory.Alloc(nuint)" CORE
	       " <- #(wrapper IL_STUB_PInvoke) App.Native.Hello(string&)@/app/app.dll" MAIN},
	{"N4", "malloc <- x" CLR " <- ~%System.StubHelpers.MngdNativeArrayMarshaler"
	       ".ConvertSpaceToNative" CORE STUB},
	{"N4", "malloc <- " MARSHAL ".AllocBSTRByteLen" CORE
	       " <- ~%System.StubHelpers.AnsiBSTRMarshaler.ConvertToNative" CORE STUB},
	{"N5", "malloc <- " MARSHAL ".AllocBSTRByteLen" CORE
	       " <- ~%System.Runtime.InteropServices.Marshalling.BStrStringMarshaller"
	       ".ConvertToUnmanaged(string)" CORE " <- %App.Native.Hello@/app/app.dll" MAIN},
	{"N5", "malloc <- " MARSHAL ".AllocBSTR" CORE " <- " MARSHAL ".StringToBSTR" CORE
	       " <- %<IHelloRef>F867__InterfaceImplementation::Say@/app/app.dll!/obj/ComI.g.cs:8" MAIN},
	{"N5", "malloc <- " MARSHAL ".StringToCoTaskMemUTF8" CORE
	       " <- %App.Native.Hello@/app/app.dll!/src/obj/LibraryImports.g.cs:12" MAIN},
	{"N5", "malloc <- " MARSHAL ".AllocBSTR" CORE " <- " MARSHAL ".StringToBSTR(string)" CORE
	       " <- #App.Native.Hello(string&)@/app/app.dll" MAIN},
	{"N5", "malloc <- ~%System.Runtime.InteropServices.NativeMemory.Alloc(nuint)" CORE
	       " <- %App.Mine.ConvertToUnmanaged(Number)@/app/app.dll!/src/Program.cs:4"
	       " <- #App.Native.Hello(Number)@/app/app.dll" MAIN},
	{"N6", "malloc <- ~%System.Runtime.InteropServices.NativeMemory.Alloc" CORE " <- " MARSHAL
	       ".AllocHGlobal" CORE " <- " MARSHAL ".StringToHGlobalAnsi(string)" CORE MAIN},
	{"N6", "malloc <- " MARSHAL ".AllocBSTR" CORE " <- " MARSHAL ".StringToBSTR" CORE MAIN},
	{"N7", "malloc <- ~%System.Runtime.InteropServices.NativeMemory.Alloc" CORE " <- " MARSHAL
	       ".AllocHGlobal(native int)" CORE " <- " MARSHAL ".AllocHGlobal(int32)" CORE MAIN},
	{"N7", "aligned_alloc <- ~%System.Runtime.InteropServices.NativeMemory.AlignedAlloc" CORE
			MAIN},
	{"N8", "malloc <- " MARSHAL ".AllocCoTaskMem" CORE " <- #IL_STUB_StructMarshal <- " MARSHAL
	       ".StructureToPtr" CORE MAIN},
	{"N9", "malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- make" FOO
	       " <- foo_api" FOO STUB},
	{"N9", "malloc <- foo_api" FOO MAIN},
	{"N10", "malloc <- CRYPTO_zalloc@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- SSL_CTX_new" SSL
		" <- CryptoNative_SslCtxCreate" SSLSHIM STUB},
	{"N10", "malloc <- sqlite3_open_v2@/usr/lib/x86_64-linux-gnu/libsqlite3.so.0" STUB},
	/* sqlite3_open jumps to a function without a name */
	{"N10", "malloc <- sqlite3Malloc@/usr/lib/x86_64-linux-gnu/libsqlite3.so.0 <- "
		"@/usr/lib/x86_64-linux-gnu/libsqlite3.so.0" STUB},
	{"N11", "malloc <- x" CLR " <- GCHandle_InternalAllocWithGCTransition" CLR
		" <- ~%System.Runtime.InteropServices.GCHandle.InternalAlloc" CORE
		" <- ~%System.Runtime.InteropServices.GCHandle.Alloc" CORE MAIN},
	{"N12", "malloc <- UMEntryThunkData::CreateUMEntryThunk()" CLR " <- " MARSHAL
		".GetFunctionPointerForDelegateInternal" CORE MAIN},
	{"N13", "aligned_alloc <- SystemNative_AlignedAlloc" NATIVE
		" <- ~%System.Runtime.InteropServices.NativeMemory.AlignedAlloc" CORE
		" <- ~%System.Runtime.InteropServices.ComWrappers.CreateManagedObjectWrapper" CORE
		" <- ~%System.Runtime.InteropServices.ComWrappers"
		".GetOrCreateComInterfaceForObject" CORE MAIN},
	{"N14", "malloc <- server_new@/app/libserver.so <- #IL_STUB_CLRtoCOM(native int)" MAIN},
	{"N14", "malloc <- server_new@/app/libserver.so"
		" <- %<IFoo>F8__InterfaceImplementation.Make@/app/app.dll" MAIN},
	{"N15", "malloc <- " MARSHAL ".AllocCoTaskMem" CORE
		" <- %App.Program.OnText(string)@/app/app.dll!/src/Program.cs:40"
		" <- #IL_STUB_ReversePInvoke(int32)@/app/app.dll <- foo_walk" FOO STUB},
	{"N15", "malloc <- " MARSHAL ".StringToCoTaskMemUTF8" CORE
		" <- %App.Program.OnText(string)@/app/app.dll!/src/Program.cs:40"
		" <- foo_walk" FOO STUB},
	{"N16", "malloc <- CRYPTO_zalloc@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- "
		"X509_new_ex@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- "
		"d2i_X509@/usr/lib/x86_64-linux-gnu/libcrypto.so.3 <- "
		"CryptoNative_DecodeX509" SSLSHIM STUB},
	{"N17", "mmap <- EventPipeBufferManager::AllocateBufferForThread(x)" CLR
		" <- EventPipe::WriteEvent" CLR},

	{"N17", "malloc <- operator new(unsigned long) <- " CLR " <- "
		"@/usr/share/dotnet/shared/Microsoft.NETCore.App/10.0.12/libclrjit.so <- " CLR
			MAIN},

	{"M1", MADE_REFERENCE},
	/* a stripped runtime */
	{"M1", "malloc <- monoeg_malloc" MONO " <- " MONO " <- " MONO " <- " MWRAP
	       "object:__icall_wrapper_mono_string_to_bstr (object)" MSCOR " <- " MWRAP
	       "T:hello_bstr (string&)@/app/app.exe" MMAIN},
	{"M2", "malloc <- monoeg_malloc" MONO " <- monoeg_g_utf16_to_utf8" MONO
	       " <- mono_utf16_to_utf8len" MONO " <- mono_string_handle_to_utf8" MONO
	       " <- mono_string_to_utf8str" MONO " <- " MWRAP
	       "object:__icall_wrapper_mono_string_to_utf8str (object)" MSCOR " <- " MWRAP
	       "T:api (string&)@/app/app.exe" MMAIN},
	{"M3", "malloc <- ves_icall_System_Runtime_InteropServices_Marshal_AllocHGlobal" MONO
	       " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:AllocHGlobal (intptr)" MSCOR MMAIN},
	{"M3", "malloc <- " MONO " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:AllocCoTaskMem (int)" MSCOR MMAIN},
	{"M4", "malloc <- " MONO " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:StringToHGlobalAnsi (string)" MSCOR MMAIN},
	{"M4", "malloc <- " MONO " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:AllocCoTaskMem (int)" MSCOR " <- " MARSHAL
	       ":StringToCoTaskMemUni (string)" MSCOR MMAIN},
	{"M5", "malloc <- mono_ptr_to_bstr" MONO " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:BufferToBSTR (char*,int)" MSCOR
	       " <- ~%System.Runtime.InteropServices.Marshal:StringToBSTR (string)" MSCOR MMAIN},
	{"M6", "malloc <- mono_string_to_bstr" MONO " <- " MWRAP
	       "object:__icall_wrapper_mono_string_to_bstr (object)" MSCOR
	       " <- #(wrapper other) T/S:StructureToPtr (object,intptr,bool)@/app/app.exe <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:StructureToPtr (object,intptr,bool)" MSCOR
			MMAIN},
	{"M7", "malloc <- " MONO " <- " MWRAP
	       "System.Runtime.InteropServices.Marshal:AllocCoTaskMem (int)" MSCOR
	       " <- %App.Program:Callback ()@/app/app.exe!/src/Program.cs:3 <- "
	       "#(wrapper native-to-managed) App.Program:Callback ()@/app/app.exe <- walk" FOO},
	{"M8", "mmap <- sgen_array_list_grow" MONO " <- sgen_array_list_add" MONO
	       " <- sgen_gchandle_new" MONO " <- " MWRAP
	       "System.Runtime.InteropServices.GCHandle:GetTargetHandle (object)" MSCOR MMAIN},
	{"M9", "malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- ret_str" FOO " <- " MWRAP
	       "T:ret_str ()@/app/app.exe" MMAIN},
	{"M10", "malloc <- cominterop_get_ccw_checked" MONO " <- " MONO " <- " MWRAP
		"System.Runtime.InteropServices.Marshal:GetCCW (object)" MSCOR MMAIN},

	{"J1", "malloc <- os::malloc(unsigned long, MEMFLAGS)" JVM " <- jni_GetStringUTFChars" JVM
	       " <- Java_p_C_m" FOO},
	{"J2", "malloc <- os::malloc" JVM " <- jni_GetStringChars" JVM " <- Java_p_C_m" FOO},
	{"J3", "malloc <- os::malloc" JVM " <- jni_GetByteArrayElements" JVM " <- Java_p_C_m" FOO},
	{"J4", "malloc <- OopStorage::Block::new_block(x)" JVM " <- JNIHandles::make_global" JVM
	       " <- jni_NewGlobalRef" JVM " <- Java_p_C_m" FOO},
	{"J5", "malloc <- JNIHandles::make_weak_global" JVM " <- jni_NewWeakGlobalRef" JVM
	       " <- Java_p_C_m" FOO},
	{"J6", "malloc <- os::malloc" JVM " <- JNIHandleBlock::allocate_block(x)" JVM
	       " <- JNIHandles::make_local" JVM " <- jni_NewStringUTF" JVM " <- Java_p_C_m" FOO},
	{"J7", "malloc <- os::malloc" JVM " <- Unsafe_AllocateMemory0" JVM
	       " <- ~%jdk.internal.misc.Unsafe.allocateMemory0 <- "
	       "~%java.nio.DirectByteBuffer.<init> <- %p.C.main"},
	{"J8", "malloc <- Unsafe_AllocateMemory0" JVM
	       " <- ~%sun.misc.Unsafe.allocateMemory <- %p.C.main"},
	{"J9", "malloc <- Unsafe_AllocateMemory0" JVM
	       " <- ~%jdk.internal.misc.Unsafe.allocateMemory"
	       " <- ~%jdk.internal.foreign.SegmentFactories.allocateNativeSegment"
	       " <- ~%jdk.internal.foreign.ArenaImpl.allocate <- %p.C.main"},
	{"J10", "malloc <- inflateInit2_@/lib/x86_64-linux-gnu/libz.so.1 <- "
		"Java_java_util_zip_Inflater_init@/usr/lib/jvm/java-17/lib/libzip.so"},
	{"J11", "malloc <- deflateInit2_@/lib/x86_64-linux-gnu/libz.so.1 <- "
		"Java_java_util_zip_Deflater_init@/usr/lib/jvm/java-17/lib/libzip.so"},
	{"J13", "malloc <- make" FOO " <- Java_p_C_m" FOO},
	{"J14", "malloc <- os::malloc" JVM " <- jni_GetPrimitiveArrayCritical" JVM
		" <- Java_p_C_m" FOO},
	{"J15", "malloc <- JavaThread::JavaThread(bool)" JVM " <- attach_current_thread" JVM
		" <- jni_AttachCurrentThread" JVM " <- worker" FOO},
	{"J16", "malloc <- Method::make_jmethod_id(x)" JVM " <- jni_GetMethodID" JVM
		" <- Java_p_C_m" FOO},

	{"P1", "malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- fn" FOO
	       " <- @/lib/x86_64-linux-gnu/libffi.so.8 <- ffi_call@/lib/x86_64-linux-gnu/libffi.so.8 <- "
	       "_call_function_pointer@/usr/lib/python3.11/lib-dynload/_ctypes.so <- "
	       "_ctypes_callproc@/usr/lib/python3.11/lib-dynload/_ctypes.so"},
	{"P2", "malloc <- _PyObject_Malloc" PY " <- "
	       "PyCData_MallocBuffer@/usr/lib/python3.11/lib-dynload/_ctypes.so <- "
	       "GenericPyCData_new@/usr/lib/python3.11/lib-dynload/_ctypes.so"},
	{"P3", "malloc <- _PyObject_Malloc" PY " <- convertsimple" PY " <- vgetargs1" PY
	       " <- _PyArg_ParseTuple_SizeT" PY " <- ext_fn@/app/ext.so <- cfunction_call" PY},
	{"P4", "malloc <- _PyObject_Malloc" PY " <- PyUnicode_New" PY " <- unicode_decode_utf8" PY
	       " <- PyUnicode_DecodeUTF8Stateful" PY " <- PyUnicode_FromString" PY
	       " <- ext_fn@/app/ext.so <- cfunction_call" PY},
	{"P5", "malloc <- _PyObject_Malloc" PY " <- _PyBytes_FromSize" PY
	       " <- PyBytes_FromStringAndSize" PY " <- ext_fn@/app/ext.so"},
	{"P7", "malloc <- exporter" PY " <- PyObject_GetBuffer" PY " <- ext_fn@/app/ext.so"},
	{"P9", "malloc <- make@/app/ext.so <- pybind11::cpp_function::dispatcher(_object*)@/app/ext.so"},
	{"P10", "malloc <- new_threadstate" PY " <- PyThreadState_New" PY " <- PyGILState_Ensure" PY
		" <- worker@/app/ext.so"},
	{"P11", "malloc <- PyDataMem_UserNEW@/np/_multiarray_umath.so <- "
		"PyArray_NewFromDescr_int@/np/_multiarray_umath.so"},

	{"D1", "malloc <- addon_fn@/app/addon.node <- v8impl::(anonymous namespace)::"
	       "FunctionCallbackWrapper::Invoke(v8::FunctionCallbackInfo<v8::Value> const&)" NODE},
	{"D2", "operator new(unsigned long) <- napi_create_reference" NODE
	       " <- addon_fn@/app/addon.node"
	       " <- v8impl::(anonymous namespace)::FunctionCallbackWrapper::Invoke(x)" NODE},
	{"D5", "malloc <- node::NodeArrayBufferAllocator::AllocateUninitialized(unsigned long)" NODE
	       " <- v8::internal::Heap::AllocateExternalBackingStore(x)" NODE},
	{"D6", "malloc <- v8::internal::GlobalHandles::Create(x)" NODE
	       " <- addon_fn@/app/addon.node"},
	{"D7", "malloc <- napi_create_async_work" NODE " <- addon_fn@/app/addon.node"},

	{"G1", "malloc <- _cgo_1b2c_Cfunc__Cmalloc@/app/go <- runtime.asmcgocall@/app/go"},
	{"G2", "malloc <- strdup@/lib/x86_64-linux-gnu/libc.so.6 <- c_fn@/app/go <- "
	       "_cgo_1b2c_Cfunc_c_fn@/app/go <- runtime.asmcgocall@/app/go"},
	/* the runtime compiles the wrapper: not the structure's field */
	{NULL, "malloc <- mono_mempool_new" MONO " <- mono_jit_compile_method" MONO " <- "
	       "#(wrapper other) T/S:StructureToPtr (object,intptr,bool)@/app/app.exe" MMAIN},
	{"A3", "mmap <- G1PageBasedVirtualSpace::commit(x)" JVM},
	{"A4", "mmap <- allocate_stack@/lib/x86_64-linux-gnu/libc.so.6 <- "
	       "pthread_create@/lib/x86_64-linux-gnu/libc.so.6 <- spawn@/app/app"},
	{"A5", "mmap <- mono_code_manager_reserve" MONO " <- mini_method_compile" MONO},
	{NULL, "malloc <- main@/app/app <- __libc_start_main@/lib/x86_64-linux-gnu/libc.so.6"},
	{NULL, "malloc <- f@/app/app"},
	{NULL, "malloc"},
	{NULL, "malloc <- "},
	{NULL, "malloc <- BSTRMarshaler_ConvertToNative@/app/app <- main@/app/app"},
};

#endif
