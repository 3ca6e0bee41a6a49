using System;

// The fix on the caller's side: nothing goes in, so nothing can be lost.  Declaring
// the argument as `out string` does the same for every caller.
static class Program
{
	static int Main(string[] args)
	{
		Pace pace = Pace.Parse(args);
		if (pace == null)
			return 2;

		Imyclass hello = Server.Create();
		string sout = null;

		while (pace.Next()) {
			sout = null;
			hello.SayHello(ref sout);
		}
		Console.WriteLine("SayHello was called {0} times: {1}", pace.Done, sout);
		return 0;
	}
}
