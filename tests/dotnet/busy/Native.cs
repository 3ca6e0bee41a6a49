// Ways into native memory.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

static unsafe partial class Native
{
    const string Library = "busy_native";

    [DllImport(Library)] public static extern int busy_touch(int size);
    [DllImport(Library, EntryPoint = "busy_touch", SetLastError = true)] public static extern int TouchSetsError(int size);
    [DllImport(Library, EntryPoint = "busy_touch"), SuppressGCTransition] public static extern int TouchQuick(int size);
    [DllImport(Library)] public static extern int busy_call(IntPtr f, int arg);
    [DllImport(Library)] public static extern int busy_call_between(IntPtr f, int arg, int depth);
    [DllImport(Library, EntryPoint = "busy_call_between")] public static extern int CallDelegate(Callback f, int arg, int depth);
    [DllImport(Library)] public static extern int busy_sort(int[] items, int nr, Comparer compare);
    [DllImport(Library)] public static extern int busy_read_bstr([MarshalAs(UnmanagedType.BStr)] ref string text);
    [DllImport(Library)] public static extern int busy_read_text([MarshalAs(UnmanagedType.LPUTF8Str)] string text);
    [DllImport(Library)] [return: MarshalAs(UnmanagedType.LPUTF8Str)] public static extern string busy_make_text(int length);
    [DllImport(Library)]
    public static extern int busy_many(int a, double b, int c, double d, int e, double f, int g, double h, int i, long j);
    [LibraryImport(Library, EntryPoint = "busy_read_text", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int ReadTextGenerated(string text);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)] public delegate int Callback(int arg);
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)] public delegate int Comparer(int* a, int* b);

    // A string this long does not fit the stack buffer of a marshaller.
    static readonly string longText = new string('t', 400);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Touch(int how)
    {
        switch ((uint)how % 12)
        {
        case 0: return ViaHGlobal(how);
        case 1: return ViaBstr();
        case 2: return ViaNativeMemory();
        case 3: return ViaCoTaskMem();
        case 4: return busy_touch(32);
        case 5: return TouchSetsError(40);
        case 6: return ViaRefString();
        case 7: return busy_read_text(longText);
        case 8: return ReadTextGenerated(longText);
        case 9: return busy_make_text(300).Length;
        case 10: return busy_many(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
        default: return ViaHandle();
        }
    }

    static int ViaHGlobal(int how)
    {
        IntPtr p = Marshal.AllocHGlobal(16 + (how & 63));
        try
        {
            Marshal.WriteInt32(p, 7);
            return Marshal.ReadInt32(p);
        }
        finally
        {
            Marshal.FreeHGlobal(p);
        }
    }

    static int ViaBstr()
    {
        IntPtr p = Marshal.StringToBSTR("in the middle");
        int length = Marshal.PtrToStringBSTR(p).Length;
        Marshal.FreeBSTR(p);
        return length;
    }

    static int ViaNativeMemory()
    {
        void* p = NativeMemory.AllocZeroed(24);
        int r = *(byte*)p + 1;
        p = NativeMemory.Realloc(p, 240);
        NativeMemory.Free(p);
        p = NativeMemory.AlignedAlloc(64, 64);
        NativeMemory.AlignedFree(p);
        return r;
    }

    static int ViaCoTaskMem()
    {
        IntPtr p = Marshal.StringToCoTaskMemUTF8(longText);
        Marshal.FreeCoTaskMem(p);
        return 1;
    }

    static int ViaRefString()
    {
        string text = "by reference";
        return busy_read_bstr(ref text);
    }

    sealed class Memory : SafeHandle
    {
        public Memory(int size) : base(IntPtr.Zero, true) => SetHandle(Marshal.AllocHGlobal(size));
        public override bool IsInvalid => handle == IntPtr.Zero;
        protected override bool ReleaseHandle()
        {
            busy_touch(48);
            Marshal.FreeHGlobal(handle);
            return true;
        }
    }

    static int ViaHandle()
    {
        using (var m = new Memory(80))
            return m.IsInvalid ? 0 : 1;
    }
}
