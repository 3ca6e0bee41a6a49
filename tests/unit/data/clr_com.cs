/*
 * A library with source-generated interop, its symbols inside it: what test_clr.c reads
 * of generated code.  Built by clr.sh, optimised.
 */
using System.CodeDom.Compiler;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]

namespace Com {
	[GeneratedComInterface]
	[Guid("5e3a9dc8-28f1-4c0f-9d1e-3f6f0a6b7c11")]
	public partial interface IHello {
		void SayHello([MarshalAs(UnmanagedType.BStr)] ref string s);
	}

	[GeneratedComClass]
	public partial class Hello : IHello {
		public void SayHello(ref string s)
		{
			s += "!";
		}
	}

	/* Written in part, generated in part: what has a line of somebody's own is his. */
	[GeneratedCode("SomeGenerator", "1.0")]
	public partial class Mixed {
		public int Written(int n)
		{
			return n + 1;
		}

		[GeneratedCode("SomeGenerator", "1.0")]
		public int Generated(int n)
		{
			return n + 2;
		}

		public class Inner {
			public abstract class Deep {
				public abstract void NoBody();
			}
		}
	}
}
