using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// N11: a handle keeps its object; the runtime's handle tables grow by segments, so each
// call takes many.
static class N11
{
	static readonly object kept = new();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		for (int i = 0; i < 300; i++) {
			GCHandle handle = GCHandle.Alloc(kept);

			if (release)
				handle.Free();
		}
	}
}

// N12: a delegate that goes out gets a thunk, which lives as long as the delegate.
static class N12
{
	delegate int Callback();

	static readonly List<Callback> kept = new();
	static readonly Callback once = Once;

	static int Once()
	{
		return 0;
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		int captured = kept.Count;
		Callback callback = once;

		if (!release) {
			callback = () => captured;
			kept.Add(callback);
		}
		Marshal.GetFunctionPointerForDelegate(callback);
	}
}

// N13: native code got a wrapper of a managed object and never releases it.
sealed unsafe class Wrappers : ComWrappers
{
	static readonly ComInterfaceEntry* entries = Make();

	static ComInterfaceEntry* Make()
	{
		var table = (IntPtr*) NativeMemory.Alloc(3, (nuint) sizeof(IntPtr));
		var entry = (ComInterfaceEntry*) NativeMemory.Alloc((nuint) sizeof(ComInterfaceEntry));

		GetIUnknownImpl(out table[0], out table[1], out table[2]);
		entry->IID = new Guid("7a1a9f39-3d3e-4c9d-a5f2-e8a959165bb2");
		entry->Vtable = (IntPtr) table;
		return entry;
	}

	protected override ComInterfaceEntry* ComputeVtables(
		object obj, CreateComInterfaceFlags flags, out int count)
	{
		count = 1;
		return entries;
	}

	protected override object CreateObject(IntPtr external, CreateObjectFlags flags)
	{
		throw new NotSupportedException();
	}

	protected override void ReleaseObjects(IEnumerable objects)
	{
		throw new NotSupportedException();
	}
}

static class N13
{
	static readonly Wrappers wrappers = new();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		IntPtr wrapper = wrappers.GetOrCreateComInterfaceForObject(
			new object(), CreateComInterfaceFlags.None);

		if (release)
			Marshal.Release(wrapper);
	}
}

// N17: code made at run time.  What grows is the runtime's own memory, and no leak of a block.
static class N17
{
	static readonly List<Func<int>> kept = new();
	static readonly Func<int> once = Make();

	[MethodImpl(MethodImplOptions.NoInlining)]
	static Func<int> Make()
	{
		var method = new DynamicMethod("made", typeof(int), null, typeof(N17));
		ILGenerator il = method.GetILGenerator();

		il.Emit(OpCodes.Ldc_I4, 1);
		il.Emit(OpCodes.Ret);
		return (Func<int>) method.CreateDelegate(typeof(Func<int>));
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		Func<int> made = once;

		if (!release) {
			made = Make();
			kept.Add(made);
		}
		made();
	}
}
