/*
 * Loses 20 blocks in every shape that the C# compiler takes a method apart into.  The
 * comment behind a loss says how its frame shall be named; tests/integration/clr_names.t
 * holds the report against it.  Nothing is inlined: the runtime does not tell whose code
 * an inlined instruction was.
 */
using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

static partial class Native {
	/* libc's own malloc would be found past the agent's. */
	[DllImport("libSystem.Native", EntryPoint = "SystemNative_Malloc")]
	public static extern nint Take(nint n);
	[LibraryImport("libSystem.Native", EntryPoint = "SystemNative_Malloc", SetLastError = true)]
	public static partial nint Made(nint n);
}

class Gen<T> {
	public class In<U> {
		[MethodImpl(MethodImplOptions.NoInlining)]
		public static void Do<V>(V v)
		{
			for (int i = 0; i < 20; i++)
				Native.Take(1001); // expect Gen<T>+In<U>.Do<V>(V)
		}
	}
}

class Other : IDisposable {
	[MethodImpl(MethodImplOptions.NoInlining)]
	public Other()
	{
		Native.Take(1010); // expect Other..ctor()
	}
	[MethodImpl(MethodImplOptions.NoInlining)]
	void IDisposable.Dispose()
	{
		Native.Take(1011); // expect Other.System.IDisposable.Dispose()
	}
	public int Property {
		[MethodImpl(MethodImplOptions.NoInlining)]
		get {
			return (int)Native.Take(1012); // expect Other.get_Property()
		}
	}
}

static class Program {
	static async Task<int> Load(string s, int[] a)
	{
		for (int i = 0; i < 20; i++) {
			await Task.Yield();
			Native.Take(1002); // expect Program.Load(string, int[])
		}
		return 1;
	}

	static Task Load() => Task.CompletedTask;

	static IEnumerable<int> Iterate(short s)
	{
		for (int i = 0; i < 20; i++) {
			Native.Take(1003); // expect Program.Iterate(short)
			yield return i;
		}
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Lambda()
	{
		Action<int> a = x => {
			Native.Take(1004 + x); // expect Program.Lambda.lambda0(int)
		};

		for (int i = 0; i < 20; i++)
			a(0);
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Local(int q)
	{
		[MethodImpl(MethodImplOptions.NoInlining)]
		void Inner(int x)
		{
			Native.Take(1005 + x + q); // expect Program.Local.Inner(int)
		}

		for (int i = 0; i < 20; i++)
			Inner(0);
	}

	static async Task AsyncLambda()
	{
		Func<Task> f = async () => {
			await Task.Yield();
			Native.Take(1014); // expect Program.AsyncLambda.lambda0()
		};

		for (int i = 0; i < 20; i++)
			await f();
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Throw() => throw new InvalidOperationException();

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Catch(ref string s)
	{
		for (int i = 0; i < 20; i++) {
			try {
				Throw();
			} catch (InvalidOperationException) {
				Native.Take(1006); // expect Program.Catch(string&)
			}
		}
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Replaced()
	{
		for (int i = 0; i < 200000; i++)
			if (i % 10000 == 0)
				Native.Take(1007); // expect Program.Replaced()
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Dynamic()
	{
		var m = new DynamicMethod("Compiled", null, new Type[0], typeof(Program).Module);
		var il = m.GetILGenerator();

		il.Emit(OpCodes.Ldc_I4, 1008);
		il.Emit(OpCodes.Conv_I);
		il.Emit(OpCodes.Call, typeof(Native).GetMethod("Take"));
		il.Emit(OpCodes.Pop);
		il.Emit(OpCodes.Ret);
		var compiled = (Action)m.CreateDelegate(typeof(Action));
		for (int i = 0; i < 20; i++)
			compiled(); // expect Program.Dynamic() 1008
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	static void Query()
	{
		var all = Enumerable.Range(0, 20).Select(x => {
			return x + (Native.Take(1009) == 0 ? 1 : 0); // expect Program.Query.lambda0(int)
		});

		foreach (int i in all)
			GC.KeepAlive(i);
	}

	static async Task<int> Main(string[] args)
	{
		string s = "";

		Gen<int>.In<string>.Do(1.0);
		await Load("x", null);
		await Load();
		foreach (int i in Iterate(1))
			;
		Lambda();
		Local(0);
		await AsyncLambda();
		Catch(ref s);
		Replaced();
		Dynamic();
		Query();
		for (int i = 0; i < 20; i++)
			using (var o = new Other())
				GC.KeepAlive(o.Property);
		for (int i = 0; i < 20; i++)
			Native.Take(1015); // expect Program.Main(string[])
		for (int i = 0; i < 20; i++)
			Native.Made(1016); // expect Program.Main(string[])
		Console.WriteLine("done");
		return 0;
	}
}
