using System;
using System.Diagnostics;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using System.Threading;

// Calls N methods, each compiled for its one call and each losing one block, while a
// thread that only sleeps notes the longest time that it was kept from running.
static class Program {
	static volatile bool done;
	static double longest;

	static void Heartbeat() {
		long before = Stopwatch.GetTimestamp();
		while (!done) {
			Thread.Sleep(1);
			long now = Stopwatch.GetTimestamp();
			longest = Math.Max(longest, (now - before) * 1000.0 / Stopwatch.Frequency);
			before = now;
		}
	}

	static Type Make(int methods) {
		var alloc = typeof(Marshal).GetMethod("AllocHGlobal", new[] { typeof(int) });
		var type = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Many"), AssemblyBuilderAccess.Run)
			.DefineDynamicModule("Many").DefineType("Many");
		for (int i = 0; i < methods; i++) {
			var il = type.DefineMethod("M" + i, MethodAttributes.Public | MethodAttributes.Static, typeof(void), null).GetILGenerator();
			il.Emit(OpCodes.Ldc_I4, 48);
			il.Emit(OpCodes.Call, alloc);
			il.Emit(OpCodes.Pop);
			il.Emit(OpCodes.Ret);
		}
		return type.CreateType();
	}

	static void Main(string[] args) {
		var methods = Make(int.Parse(args[0])).GetMethods(BindingFlags.Public | BindingFlags.Static);
		var calls = new Action[methods.Length];
		for (int i = 0; i < calls.Length; i++)
			calls[i] = methods[i].CreateDelegate<Action>();
		GC.Collect();
		var beat = new Thread(Heartbeat);
		beat.Start();
		Thread.Sleep(50);
		var watch = Stopwatch.StartNew();
		foreach (var call in calls)
			call();
		Console.WriteLine("{0} methods called in {1:F2} s, longest pause {2:F1} ms", calls.Length, watch.Elapsed.TotalSeconds, longest);
		done = true;
		beat.Join();
	}
}
