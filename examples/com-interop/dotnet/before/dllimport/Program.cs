using System;
using System.Runtime.InteropServices;

// The leak.  From the second call on, `sout` goes in as a string: the runtime
// makes a BSTR of it, the server writes its own BSTR over the only pointer to that,
// and the runtime frees what it finds there.  One BSTR is lost per call.
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
			Native.SayHello(ref sout);
		}
		Console.WriteLine("SayHello was called {0} times: {1}", pace.Done, sout);
		return 0;
	}
}

static class Native
{
	[DllImport("myclass", EntryPoint = "myclass_flat_say_hello", PreserveSig = false)]
	public static extern void SayHello([MarshalAs(UnmanagedType.BStr)] ref string hellostr);
}
