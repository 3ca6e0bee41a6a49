// dotnet_counters MODE SECONDS: a managed heap that does what MODE says, and what the
// runtime itself says of it on stdout: "heap MS BYTES".
//   grow   100 kB more are held every 10 ms, and 1,000 GC handles; a collection a second
//   flat   garbage only, collected by the runtime
//   beat   sleeps 1 ms at a time; the longest sleep and the CPU time are told at the end
//   churn  garbage as fast as it goes; how many rounds is told at the end
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Threading;

static class Program
{
	static readonly List<byte[]> held = new();
	static readonly List<GCHandle> handles = new();
	static byte[] garbage = [];

	static void Hold()
	{
		byte[] more = new byte[100_000];
		Array.Fill(more, (byte)1);
		held.Add(more);
	}

	static void Waste(int blocks)
	{
		for (int i = 0; i < blocks; i++)
			garbage = new byte[1000];
	}

	static int Main(string[] args)
	{
		string mode = args[0];
		double seconds = double.Parse(args[1]);
		var clock = Stopwatch.StartNew();
		double worst = 0, last = 0;
		long rounds = 0, next = 0, collect = 1000;

		Console.WriteLine($"pid {Environment.ProcessId}");
		for (int i = 0; mode == "grow" && i < 1000; i++)
			handles.Add(GCHandle.Alloc(new object()));
		while (clock.Elapsed.TotalSeconds < seconds) {
			if (mode == "grow")
				Hold();
			if (mode == "flat" || mode == "churn")
				Waste(mode == "churn" ? 1000 : 100);
			if (mode != "churn")
				Thread.Sleep(mode == "beat" ? 1 : 10);
			rounds++;
			double now = clock.Elapsed.TotalMilliseconds;
			if (now > 500)
				worst = Math.Max(worst, now - last);
			last = now;
			if (mode == "grow" && now >= collect) {
				GC.Collect();
				collect += 1000;
			}
			if (mode != "beat" && mode != "churn" && now >= next) {
				Console.WriteLine($"heap {(long)now} {GC.GetTotalMemory(false)}");
				next += 200;
			}
		}
		if (mode == "beat" || mode == "churn") {
			double cpu = Process.GetCurrentProcess().TotalProcessorTime.TotalMilliseconds;
			Console.WriteLine($"rounds {rounds} worst_ms {worst:F1} cpu_ms {cpu:F0} gcs {GC.CollectionCount(0)}");
		}
		GC.KeepAlive(held);
		return handles.Count == 1000 || mode != "grow" ? 7 : 1;
	}
}
