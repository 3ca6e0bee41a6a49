using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;

// How many calls to make, how fast and for how long; the command line of all clients.
sealed class Pace
{
	const string Usage =
		"usage: PROGRAM [--calls N] [--pace CALLS-PER-SECOND] [--duration SECONDS]\n" +
		"0 means: no limit on calls, full speed, no limit on time.  Default: --calls 10000.";

	readonly Stopwatch watch = Stopwatch.StartNew();
	long calls = 10000;
	double perSecond;
	double seconds;

	public long Done { get; private set; }

	public static Pace Parse(string[] args)
	{
		var pace = new Pace();

		for (int i = 0; i < args.Length; i += 2) {
			double value;

			if (i + 1 == args.Length || !Number(args[i + 1], out value) ||
			    !pace.Set(args[i], value)) {
				Console.Error.WriteLine(Usage);
				return null;
			}
		}
		return pace;
	}

	static bool Number(string text, out double value)
	{
		const NumberStyles plain = NumberStyles.AllowDecimalPoint;

		return double.TryParse(text, plain, CultureInfo.InvariantCulture, out value) &&
			value <= 1e15;
	}

	bool Set(string option, double value)
	{
		switch (option) {
		case "--calls": calls = (long) value; return true;
		case "--pace": perSecond = value; return true;
		case "--duration": seconds = value; return true;
		}
		return false;
	}

	// Waits until the next call is due; false when there is none.
	public bool Next()
	{
		if (calls > 0 && Done >= calls)
			return false;
		if (perSecond > 0)
			WaitUntil(Done / perSecond);
		if (seconds > 0 && watch.Elapsed.TotalSeconds >= seconds)
			return false;
		Done++;
		return true;
	}

	void WaitUntil(double due)
	{
		double end = seconds > 0 ? Math.Min(due, seconds) : due;
		double left;

		while ((left = end - watch.Elapsed.TotalSeconds) > 0)
			Thread.Sleep((int) Math.Min(1000, Math.Ceiling(left * 1000)));
	}
}
