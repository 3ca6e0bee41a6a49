using System;

// The fix where the interface cannot be changed: nothing goes in, so nothing can be
// lost.
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
