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
			Native.SayHello(out sout);
		}
		Console.WriteLine("SayHello was called {0} times: {1}", pace.Done, sout);
		return 0;
	}
}

static class Native
{
	[DllImport("myclass", EntryPoint = "myclass_flat_say_hello", PreserveSig = false)]
	public static extern void SayHello([MarshalAs(UnmanagedType.BStr)] out string hellostr);
}
