using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

// N5: as N1 and N2, with marshalling code that the compiler generates, and with a
// marshaller of the program's own that has no Free.

static partial class N5
{
	[LibraryImport("callee", EntryPoint = "callee_out_bstr")]
	private static partial void Ref([MarshalAs(UnmanagedType.BStr)] ref string text);
	[LibraryImport("callee", EntryPoint = "callee_out_bstr")]
	private static partial void Out([MarshalAs(UnmanagedType.BStr)] out string text);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		string text = "a text that goes in";

		if (release)
			Out(out text);
		else
			Ref(ref text);
	}
}

static partial class N5Utf8
{
	[LibraryImport("callee", EntryPoint = "callee_out_utf8",
		StringMarshalling = StringMarshalling.Utf8)]
	private static partial void Ref(ref string text);
	[LibraryImport("callee", EntryPoint = "callee_out_utf8",
		StringMarshalling = StringMarshalling.Utf8)]
	private static partial void Out(out string text);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		string text = "a text that goes in";

		if (release)
			Out(out text);
		else
			Ref(ref text);
	}
}

struct Number
{
	public int Value;
}

[CustomMarshaller(typeof(Number), MarshalMode.ManagedToUnmanagedIn, typeof(NumberKept))]
static unsafe class NumberKept
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static IntPtr ConvertToUnmanaged(Number number)
	{
		int* block = (int*) NativeMemory.Alloc(sizeof(int));

		*block = number.Value;
		return (IntPtr) block;
	}
}

[CustomMarshaller(typeof(Number), MarshalMode.ManagedToUnmanagedIn, typeof(NumberFreed))]
static unsafe class NumberFreed
{
	public static IntPtr ConvertToUnmanaged(Number number)
	{
		return NumberKept.ConvertToUnmanaged(number);
	}

	public static void Free(IntPtr block)
	{
		NativeMemory.Free((void*) block);
	}
}

static partial class N5Custom
{
	// labs() only looks at the pointer.
	[LibraryImport("libc.so.6", EntryPoint = "labs")]
	private static partial nint Kept([MarshalUsing(typeof(NumberKept))] Number number);
	[LibraryImport("libc.so.6", EntryPoint = "labs")]
	private static partial nint Freed([MarshalUsing(typeof(NumberFreed))] Number number);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		if (release)
			Freed(new Number { Value = 1 });
		else
			Kept(new Number { Value = 1 });
	}
}
