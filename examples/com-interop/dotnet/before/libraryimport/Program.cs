using System;
using System.Runtime.InteropServices;

// The leak.  From the second call on, `sout` goes in as a string: the generated code
// makes a BSTR of it, the server writes its own BSTR over the only pointer to that,
// and the generated code frees what it finds there.  One BSTR is lost per call.
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
			Marshal.ThrowExceptionForHR(Native.SayHello(ref sout));
		}
		Console.WriteLine("SayHello was called {0} times: {1}", pace.Done, sout);
		return 0;
	}
}

static partial class Native
{
	[LibraryImport("myclass", EntryPoint = "myclass_flat_say_hello")]
	public static partial int SayHello([MarshalAs(UnmanagedType.BStr)] ref string hellostr);
}
