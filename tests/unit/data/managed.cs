/*
 * What test_assembly.c and its neighbours read.  Built by tests/unit/data/managed.sh,
 * which also writes down what Mono and System.Reflection.Metadata say of it.
 */
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Shapes {
	public delegate int Fold(int a, ref string b);

	public class Outer<T> {
		public class Inner {
			public U Mix<U>(T t, U u, List<U> all, Dictionary<string, T[]> map)
			{
				if (all == null)
					throw new ArgumentNullException(
						"all");
				return u;
			}
			public static void Plain(int[] a, int[,] b, string[][] c, out Inner d)
			{
				d = null;
			}
		}
		public T Value { get; set; }
	}
}

interface Imyclass {
	void SayHello(ref string s);
}

static class P {
	[DllImport("libc")] static extern int getpid();

	static IEnumerable<int> Iterate(int n)
	{
		for (int i = 0; i < n; i++) {
			yield return i;
			if (i == 2)
				throw new Exception("iterate");
		}
	}

	static Action Lambda()
	{
		int captured = 3;

		return () => {
			captured++;
			Console.Write(captured);
		};
	}

	static unsafe void Touch(int* p, void** q, byte b, sbyte sb, char c, bool f, short s,
		ushort us, uint ui, long l, ulong ul, float fl, double d, IntPtr ip, object o,
		DateTime when, Guid? g)
	{
		*p = (int)s
			+ (int)c;
	}

	static int Cold(int n)
	{
		int k = n;

		if (k > 0)
			throw new Exception("cold");
#line hidden
		k++;
#line 700 "other.cs"
		if (k == n)
			k = 5;
#line default
		return k;
	}

	static void Main(string[] args)
	{
		Console.Write("{0}{1}",
			args.Length,
			Cold(args.Length - 1));
	}
}
