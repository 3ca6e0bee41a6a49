using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading;

// Ways in which a .NET program loses native memory, one per argument: patterns.dll PATTERN COUNT.
// It says what it loses: `expect pattern=N1 manager=BSTR function=N1.Lose at=N1.Lose blocks=COUNT`.
// `at` is the function whose line is to be opened first: Lose() or what it calls.
// COUNT may be followed by `release`: the same with what is missing put right, and blocks=0.
//
// No Lose() is inlined: .NET says of a method that it took into another one neither name
// nor line, and what is to be found here is the method.
//
// `blocks` is exact.  Where the blocks are a library's and their number is its own business,
// `per` says how many calls there were: each loses at least one block.  `segments` says
// that the runtime packs what is lost into mappings or blocks of its own, whose number
// follows from its own sizes.
sealed class Pattern
{
	public readonly string Name, Manager, Count, At;
	readonly Action<bool> call;

	public Pattern(
		string name, string manager, string count, Action<bool> call, string at = null)
	{
		Name = name;
		Manager = manager;
		Count = count;
		At = at;
		this.call = call;
	}

	// A pause after each hundredth part: a loss over time, not one burst, and up to the end
	// of the run.  What only the collector can give back it has given back then.
	public void Run(int count, bool release)
	{
		int pause = Math.Max(1, count / 100);

		for (int i = 1; i <= count; i++) {
			call(release);
			if (i % pause == 0)
				Thread.Sleep(release ? 10 : 30);
		}
		if (release) {
			GC.Collect();
			GC.WaitForPendingFinalizers();
			GC.Collect();
		}
	}

	public string Function => call.Method.DeclaringType.FullName + "." + call.Method.Name;
}

static class Program
{
	static readonly Pattern[] patterns = {
		new("N1", "BSTR", "blocks", N1.Lose),
		new("N2", "marshalled string", "blocks", N2.Lose),
		new("N3", "marshalled string", "blocks", N3.Lose),
		new("N4", "marshalled array", "blocks", N4.Lose),
		new("N5", "BSTR", "blocks", N5.Lose),
		new("N5-utf8", "marshalled string", "blocks", N5Utf8.Lose),
		new("N5-custom", "NativeMemory", "blocks", N5Custom.Lose, "NumberKept.ConvertToUnmanaged"),
		new("N6", "HGlobal", "blocks", N6.Lose),
		new("N6-cotaskmem", "CoTaskMem", "blocks", N6CoTaskMem.Lose),
		new("N6-bstr", "BSTR", "blocks", N6Bstr.Lose),
		new("N7", "HGlobal", "blocks", N7.Lose),
		new("N7-cotaskmem", "CoTaskMem", "blocks", N7CoTaskMem.Lose),
		new("N7-native", "NativeMemory", "blocks", N7Native.Lose),
		new("N7-aligned", "NativeMemory", "blocks", N7Aligned.Lose),
		new("N8", "marshalled string", "blocks", N8.Lose),
		new("N9", "C heap", "blocks", N9.Lose, "callee_name"),
		new("N10-openssl", "OpenSSL", "per", N10OpenSsl.Lose, "Certificate.Load"),
		new("N10-sqlite", "SQLite", "per", N10Sqlite.Lose, "Database.InMemory"),
		new("N10-zlib", "zlib", "per", N10Zlib.Lose),
		new("N11", "GC handle", "segments", N11.Lose),
		new("N12", "delegate thunk", "segments", N12.Lose),
		new("N13", "COM callable wrapper", "blocks", N13.Lose),
		new("N14", "C heap", "blocks", N14.Lose, "callee_object_new"),
		new("N15", "CoTaskMem", "blocks", N15.Lose, "N15.Answer"),
		new("N16", "C heap", "blocks", N16.Lose, "callee_object_new"),
		new("N16-openssl", "OpenSSL", "per", N16OpenSsl.Lose, "Certificate.Load"),
		new("N17", "runtime", "segments", N17.Lose, "N17"),
	};

	static int Main(string[] args)
	{
		bool release = args.Length == 3 && args[2] == "release";
		Pattern pattern = patterns.FirstOrDefault(p => args.Length > 0 && p.Name == args[0]);
		int count;

		if (args.Length == 1 && args[0] == "--list") {
			foreach (Pattern p in patterns)
				Console.WriteLine(p.Name);
			return 0;
		}
		if (pattern == null || args.Length != (release ? 3 : 2) ||
		    !int.TryParse(args[1], out count)) {
			Console.Error.WriteLine("usage: patterns.dll PATTERN COUNT [release], or --list");
			return 2;
		}
		Console.WriteLine("expect pattern={0} manager={1} function={2} at={3} {4}={5}",
			pattern.Name, pattern.Manager.Replace(' ', '_'), pattern.Function,
			pattern.At ?? pattern.Function, pattern.Count, release ? 0 : count);
		pattern.Run(count, release);
		return 0;
	}
}
