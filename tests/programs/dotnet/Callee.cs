using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// N9: what the callee returns is the caller's to free.
static unsafe class N9
{
	[DllImport("callee", EntryPoint = "callee_name")]
	static extern IntPtr Name();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr name = Name();

		if (release)
			NativeMemory.Free((void*) name);
	}
}

// N15: what a callback returns is its native caller's to free.
static class N15
{
	delegate IntPtr Ask();

	static readonly Ask answer = Answer;

	[DllImport("callee", EntryPoint = "callee_asks")]
	static extern void Asks(Ask ask, int frees);

	[MethodImpl(MethodImplOptions.NoInlining)]
	static IntPtr Answer()
	{
		return Marshal.StringToCoTaskMemUTF8("an answer");
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		Asks(answer, release ? 1 : 0);
	}
}

// N14: QueryInterface gives a reference of its own, which Release must give back.
static class N14
{
	[DllImport("callee", EntryPoint = "callee_object_new")]
	static extern IntPtr New();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		Guid unknown = new("00000000-0000-0000-c000-000000000046");
		IntPtr theObject = New(), again;

		Marshal.ThrowExceptionForHR(Marshal.QueryInterface(theObject, in unknown, out again));
		if (release)
			Marshal.Release(again);
		Marshal.Release(theObject);
	}
}

// N16: somebody counts a reference that nobody gives back; nothing is allocated there.
static class N16
{
	[DllImport("callee", EntryPoint = "callee_object_new")]
	static extern IntPtr New();
	[DllImport("callee", EntryPoint = "callee_object_add_ref")]
	static extern uint AddRef(IntPtr theObject);
	[DllImport("callee", EntryPoint = "callee_object_release")]
	static extern uint Release(IntPtr theObject);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr theObject = New();

		if (!release)
			AddRef(theObject);
		Release(theObject);
	}
}
