// One native leak of each kind that the catalogue knows on Mono; says which pattern each
// function is to be recognised as: expect pattern ID function=NAME.
using System;
using System.Runtime.InteropServices;

static class Interop
{
	[StructLayout(LayoutKind.Sequential)]
	struct Record
	{
		[MarshalAs(UnmanagedType.LPStr)] public string Narrow;
		[MarshalAs(UnmanagedType.BStr)] public string Wide;
	}

	delegate int Compare(IntPtr a, IntPtr b);

	[DllImport("libc")] static extern void qsort(IntPtr p, IntPtr n, IntPtr size, Compare compare);
	[DllImport("interop")] static extern IntPtr give_string();
	[DllImport("interop")] static extern void overwrite(ref string s);
	[DllImport("interop")] static extern void overwrite_bstr([MarshalAs(UnmanagedType.BStr)] ref string s);
	[DllImport("interop")] static extern void read_bstr([MarshalAs(UnmanagedType.BStr)] string s);

	static void RefBstr() { string s = "an input"; overwrite_bstr(ref s); }
	static void RefString() { string s = "an input"; overwrite(ref s); }
	static void ByHand() { Marshal.AllocHGlobal(100); }
	static void ByHandToo() { Marshal.AllocCoTaskMem(101); }
	static void Copy() { Marshal.StringToHGlobalAnsi("a copy"); }
	static void WideCopy() { Marshal.StringToCoTaskMemUni("a copy"); }
	static void BstrCopy() { Marshal.StringToBSTR("a copy"); }

	static void Fields()
	{
		Record r = new Record {Narrow = "narrow", Wide = "wide"};
		IntPtr p = Marshal.AllocHGlobal(Marshal.SizeOf(r));

		Marshal.StructureToPtr(r, p, false);
		Marshal.FreeHGlobal(p);
	}

	static int Callback(IntPtr a, IntPtr b)
	{
		Marshal.AllocCoTaskMem(40);
		return 0;
	}

	static void CallBack()
	{
		IntPtr p = Marshal.AllocHGlobal(64);

		qsort(p, (IntPtr)2, (IntPtr)8, Callback);
		Marshal.FreeHGlobal(p);
	}

	static void Handle() { GCHandle.Alloc(new object()); }
	static void Result() { give_string(); }

	// Not leaks: the wrapper frees the string, the program its block.
	static void ByValue() { read_bstr("a value"); }
	static void Balanced() { Marshal.FreeHGlobal(Marshal.AllocHGlobal(77)); }

	static void Main()
	{
		for (int i = 0; i < 400; i++) {
			RefBstr();
			RefString();
			ByHand();
			ByHandToo();
			Copy();
			WideCopy();
			BstrCopy();
			Fields();
			CallBack();
			Result();
			ByValue();
			Balanced();
			for (int k = 0; k < 50; k++)
				Handle();
		}
		Console.Write("expect pattern M1 function=RefBstr\nexpect pattern M2 function=RefString\n" +
			"expect pattern M3 function=ByHand\nexpect pattern M3 function=ByHandToo\n" +
			"expect pattern M4 function=Copy\nexpect pattern M4 function=WideCopy\n" +
			"expect pattern M5 function=BstrCopy\nexpect pattern M6 function=Fields\n" +
			"expect pattern M7 function=Callback\nexpect pattern M8 function=Handle\n" +
			"expect pattern M9 function=Result\n");
	}
}
