using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// N6 and N7: the program allocates by name and forgets.

static class N6
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr text = Marshal.StringToHGlobalAnsi("a text");

		if (release)
			Marshal.FreeHGlobal(text);
	}
}

static class N6CoTaskMem
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr text = Marshal.StringToCoTaskMemUTF8("a text");

		if (release)
			Marshal.FreeCoTaskMem(text);
	}
}

static class N6Bstr
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr text = Marshal.StringToBSTR("a text");

		if (release)
			Marshal.FreeBSTR(text);
	}
}

static class N7
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr block = Marshal.AllocHGlobal(100);

		if (release)
			Marshal.FreeHGlobal(block);
	}
}

static class N7CoTaskMem
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr block = Marshal.AllocCoTaskMem(100);

		if (release)
			Marshal.FreeCoTaskMem(block);
	}
}

static unsafe class N7Native
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		void* block = NativeMemory.AllocZeroed(100);

		if (release)
			NativeMemory.Free(block);
	}
}

static unsafe class N7Aligned
{
	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		void* block = NativeMemory.AlignedAlloc(128, 64);

		if (release)
			NativeMemory.AlignedFree(block);
	}
}
