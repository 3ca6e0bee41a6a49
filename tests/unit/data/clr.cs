/*
 * What test_clr.c reads: every shape that the compiler takes a method apart into.  Built
 * and run by clr.sh.  Every method ends in Recorder.Here, which writes down what the
 * runtime says of the stack.
 */
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

Console.Error.WriteLine("recording");
Shapes.Program.Run("x");
await Task.Yield();
int captured = args.Length;
Action top = () => Recorder.Here(captured);
top();
AtTop(1);

void AtTop(int depth)
{
	Recorder.Here(depth + captured);
}

namespace Shapes {
	interface IGreeter {
		void Greet(ref string s);
	}

	class Greeter : IGreeter {
		void IGreeter.Greet(ref string s)
		{
			Recorder.Here(s.Length);
		}
	}

	class Box<T> {
		public class Lid<U> {
			public void Close<V>(T t, U u, V v, List<V[]> all, Dictionary<string, T> map)
			{
				Recorder.Here(0);
			}
		}
		public void Open(T t)
		{
			Action a = () => Recorder.Here(t == null ? 0 : 1);
			a();
		}
	}

	static partial class Native {
		[DllImport("libc", EntryPoint = "strlen")]
		public static extern nint Length([MarshalAs(UnmanagedType.LPStr)] ref string s);

		[LibraryImport("libc", EntryPoint = "strlen", StringMarshalling = StringMarshalling.Utf8)]
		public static partial nint Size(string s, out int unused);
	}

	static class Program {
		static async Task<int> Load(string path, int depth)
		{
			Recorder.Here(path.Length);
			await Task.Yield();
			Recorder.Here(depth);
			return depth;
		}

		static async Task<int> Load(int[] all)
		{
			await Task.Delay(1);
			Recorder.Here(all.Length);
			return 1;
		}

		static IEnumerable<int> Iterate(int n, short s)
		{
			try {
				for (int i = 0; i < n; i++) {
					Recorder.Here(i);
					yield return i;
				}
			} finally {
				Recorder.Here(n);
			}
		}

		static async IAsyncEnumerable<int> Stream(int n)
		{
			await Task.Yield();
			Recorder.Here(n);
			yield return n;
		}

		static async Task Drain()
		{
			await foreach (int i in Stream(1))
				Recorder.Here(i);
		}

		static void Lambdas(int a)
		{
			Action<string> first = s => Recorder.Here(s.Length);
			Func<int, Func<int>> second = b => () => {
				Recorder.Here(a + b);
				return b;
			};
			Func<Task> third = async () => {
				await Task.Yield();
				Recorder.Here(a);
			};

			first("s");
			second(2)();
			third().Wait();
		}

		static void Locals(int a)
		{
			static void Alone(long n) => Recorder.Here((int)n);
			void Inner(bool f)
			{
				Recorder.Here(a);
			}
			async Task Later<T>(T t)
			{
				await Task.Yield();
				Recorder.Here(a);
			}

			Alone(1);
			Inner(true);
			Later("t").Wait();
		}

		static T Generic<T>(T t, in DateTime when, nuint n, float f, ushort us)
		{
			Recorder.Here(1);
			return t;
		}

		static int Throwing(int n)
		{
			int k = n;

			try {
				k = 10 /
					(n - n);
			} catch (DivideByZeroException) {
				Recorder.Here(k);
			} finally {
				Recorder.Here(k);
			}
#line hidden
			Recorder.Here(k);
#line 700 "other.cs"
			Recorder.Here(k);
#line default
			return k;
		}

		static unsafe void Pointers(void** q, delegate*<int, void> f, int[,] grid)
		{
			int shared = 1;

			void Use(int more)
			{
				Recorder.Here(shared + more);
			}

			Use(1);
		}

		public static unsafe void Run(string s)
		{
			Load("path", 3).Wait();
			Load(new int[2]).Wait();
			foreach (int i in Iterate(2, 1))
				Recorder.Here(i);
			Drain().Wait();
			Lambdas(1);
			Locals(2);
			Generic("t", default, 1, 1, 1);
			Throwing(1);
			Pointers(null, null, null);
			((IGreeter)new Greeter()).Greet(ref s);
			new Box<int>.Lid<string>().Close(1, "u", 2.0, null, null);
			new Box<string>().Open("t");
			Console.Error.WriteLine(Native.Length(ref s) + Native.Size(s, out _));
		}
	}
}
