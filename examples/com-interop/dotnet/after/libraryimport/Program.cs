using System;
using System.Runtime.InteropServices;

// The fix: the declaration says what the function does, `out`.  Nothing goes in, so
// nothing can be lost.
static class Program
{
	static int Main(string[] args)
	{
		Pace pace = Pace.Parse(args);
		if (pace == null)
			return 2;

		string sout = null;

		Server.SpeakDotnet();
		while (pace.Next()) {
			Marshal.ThrowExceptionForHR(Native.SayHello(out sout));
		}
		Console.WriteLine("SayHello was called {0} times: {1}", pace.Done, sout);
		return 0;
	}
}

static partial class Native
{
	[LibraryImport("myclass", EntryPoint = "myclass_flat_say_hello")]
	public static partial int SayHello([MarshalAs(UnmanagedType.BStr)] out string hellostr);
}
