using System;
using System.Runtime.InteropServices;

// A BSTR made by either side is read and freed by the other: Strings.exe --calls N.
static class Strings
{
	const string Text = "Hello World";

	[DllImport("oleaut", CharSet = CharSet.Unicode)]
	static extern IntPtr SysAllocString([MarshalAs(UnmanagedType.LPWStr)] string text);
	[DllImport("oleaut")]
	static extern void SysFreeString(IntPtr bstr);
	[DllImport("oleaut")]
	static extern uint SysStringLen(IntPtr bstr);

	static bool MonoToServer()
	{
		IntPtr bstr = Marshal.StringToBSTR(Text);
		bool good = SysStringLen(bstr) == Text.Length;

		SysFreeString(bstr);
		return good;
	}

	static bool ServerToMono()
	{
		IntPtr bstr = SysAllocString(Text);
		bool good = Marshal.PtrToStringBSTR(bstr) == Text;

		Marshal.FreeBSTR(bstr);
		return good;
	}

	static int Main(string[] args)
	{
		int calls = int.Parse(args[1]);

		for (int i = 0; i < calls; i++) {
			if (!MonoToServer() || !ServerToMono())
				return 1;
		}
		return 0;
	}
}
