// Ways in which managed code comes to allocate native memory; says what it loses,
// as the C programs do: expect leak function=PATTERN blocks=N.
using System;
using System.Collections.Generic;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

static class Lost
{
	static void Expect(string function, int blocks)
	{
		Console.WriteLine("expect leak function={0} blocks={1}", function, blocks);
	}

	static class Box<T>
	{
		public static IntPtr Generic(int n) { return Marshal.AllocHGlobal(n); }
	}

	static void Plain() { Marshal.StringToHGlobalAnsi("plain"); }
	static void Deep(int n) { if (n == 0) Marshal.AllocHGlobal(33); else Deep(n - 1); }

	static void InHandler()
	{
		try {
			throw new InvalidOperationException("x");
		} catch (InvalidOperationException) {
			Marshal.AllocHGlobal(44);
		} finally {
			Marshal.FreeHGlobal(Marshal.AllocHGlobal(1));
		}
	}

	static IEnumerable<IntPtr> Iterate()
	{
		for (int i = 0; i < 20; i++)
			yield return Marshal.AllocHGlobal(55);
	}

	static async Task Awaiting()
	{
		await Task.Yield();
		Marshal.AllocHGlobal(66);
	}

	// Code of dead dynamic methods is reused by later ones of another shape.
	static void Dynamic(int i)
	{
		var m = new DynamicMethod("dyn" + i, typeof(IntPtr), new[] { typeof(int) }, typeof(Lost));
		ILGenerator il = m.GetILGenerator();
		for (int k = 0; k < i % 7; k++)
			il.DeclareLocal(typeof(long));
		il.Emit(OpCodes.Ldarg_0);
		for (int k = 0; k < i % 5; k++) {
			il.Emit(OpCodes.Ldc_I4, k);
			il.Emit(OpCodes.Add);
		}
		il.Emit(OpCodes.Call, typeof(Marshal).GetMethod("AllocHGlobal", new[] { typeof(int) }));
		il.Emit(OpCodes.Ret);
		((Func<int, IntPtr>)m.CreateDelegate(typeof(Func<int, IntPtr>)))(77);
	}

	static void InDomain() { Marshal.AllocHGlobal(88); }

	static void Main()
	{
		for (int i = 0; i < 100; i++) {
			Plain();
			Box<string>.Generic(22);
			Deep(i % 10);
			InHandler();
		}
		foreach (IntPtr p in Iterate())
			if (p == IntPtr.Zero)
				return;
		var threads = new List<Thread>();
		for (int t = 0; t < 8; t++) {
			var thread = new Thread(() => { for (int i = 0; i < 25; i++) Plain(); });
			thread.Start();
			threads.Add(thread);
		}
		threads.ForEach(t => t.Join());
		for (int i = 0; i < 30; i++)
			Awaiting().Wait();
		for (int i = 0; i < 200; i++) {
			Dynamic(i);
			if (i % 20 == 0) {
				GC.Collect();
				GC.WaitForPendingFinalizers();
			}
		}
		for (int i = 0; i < 5; i++) {
			AppDomain domain = AppDomain.CreateDomain("d" + i);
			domain.DoCallBack(InDomain);
			AppDomain.Unload(domain);
		}
		int words = 0;
		foreach (Match m in Regex.Matches("a few words to match", @"\w+", RegexOptions.Compiled))
			words += m.Length;
		Console.WriteLine(words);
		Expect("Lost:Plain", 300);
		Expect("Lost/Box`1:Generic", 100);
		Expect("Lost:Deep", 100);
		Expect("Lost:InHandler", 100);
		Expect("Iterate", 20);
		Expect("Awaiting", 30);
		Expect("Lost:Dynamic", 200);
		Expect("Lost:InDomain", 5);
	}
}
