using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// N1 to N4: the runtime's own marshaller makes a native copy of what goes in by reference,
// the callee overwrites the only pointer to it.  The corrected declarations say `out`.

static class N1
{
	[DllImport("callee", EntryPoint = "callee_out_bstr")]
	static extern void Ref([MarshalAs(UnmanagedType.BStr)] ref string text);
	[DllImport("callee", EntryPoint = "callee_out_bstr")]
	static extern void Out([MarshalAs(UnmanagedType.BStr)] out string text);

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

static class N2
{
	[DllImport("callee", EntryPoint = "callee_out_utf8")]
	static extern void Ref([MarshalAs(UnmanagedType.LPStr)] ref string text);
	[DllImport("callee", EntryPoint = "callee_out_utf8")]
	static extern void Out([MarshalAs(UnmanagedType.LPStr)] out string text);

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

static class N3
{
	[DllImport("callee", EntryPoint = "callee_out_utf16")]
	static extern void Ref([MarshalAs(UnmanagedType.LPWStr)] ref string text);
	[DllImport("callee", EntryPoint = "callee_out_utf16")]
	static extern void Out([MarshalAs(UnmanagedType.LPWStr)] out string text);

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

static class N4
{
	[DllImport("callee", EntryPoint = "callee_out_array")]
	static extern void Ref(
		[MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] ref int[] numbers, int count);
	[DllImport("callee", EntryPoint = "callee_out_array")]
	static extern void Out(
		[MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] out int[] numbers, int count);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		int[] numbers = new int[10];

		if (release)
			Out(out numbers, numbers.Length);
		else
			Ref(ref numbers, numbers.Length);
	}
}

// N8: a structure's strings are blocks of their own, which freeing the structure leaves.
static class N8
{
	struct Record
	{
		[MarshalAs(UnmanagedType.LPWStr)] public string Name;
		public int Number;
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr block = Marshal.AllocHGlobal(Marshal.SizeOf<Record>());

		Marshal.StructureToPtr(new Record { Name = "a name", Number = 1 }, block, false);
		if (release)
			Marshal.DestroyStructure<Record>(block);
		Marshal.FreeHGlobal(block);
	}
}
