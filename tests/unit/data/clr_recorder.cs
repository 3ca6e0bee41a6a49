/*
 * Writes to the file LEAKLINE_RECORD what the runtime itself says of every frame above:
 * per line "token il native line file map", where map is what the agent would copy.  Run
 * with DOTNET_PerfMapEnabled=3, which tells where the JIT's code starts, and
 * DOTNET_TC_OnStackReplacement=0, so that nothing stands before the map.
 */
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Text;

static class Recorder {
	static readonly StreamWriter Out = Open();
	static readonly HashSet<string> Written = new();
	static readonly ReadyToRun Image = new(typeof(Recorder).Assembly.Location);

	static StreamWriter Open()
	{
		string path = Environment.GetEnvironmentVariable("LEAKLINE_RECORD");

		return path == null ? null : new StreamWriter(path) { AutoFlush = true };
	}

	/* Where the code named in the perf map starts; 0 where that is not one place. */
	static ulong StartOf(MethodBase m)
	{
		string type = m.DeclaringType == null ? "" : m.DeclaringType.FullName;
		string want = type + "::" + m.Name + "(";
		ulong start = 0;
		int found = 0;

		foreach (string line in File.ReadLines($"/tmp/perf-{Environment.ProcessId}.map")) {
			if (line.Contains(want) && !line.Contains("[PreStub]")) {
				start = Convert.ToUInt64(line.Split(' ')[0], 16);
				found++;
			}
		}
		return found == 1 ? start : 0;
	}

	static unsafe uint Number(byte* p, ref int nibble)
	{
		uint v = 0, n;

		do {
			n = (uint)(p[nibble / 2] >> (nibble % 2 * 4)) & 15;
			nibble++;
			v = v << 3 | n & 7;
		} while ((n & 8) != 0);
		return v;
	}

	/* The real code header lies before the code; its first word points to the map. */
	static unsafe string MapOf(ulong start)
	{
		byte* p = *(byte**)*(ulong*)(start - 8);
		var text = new StringBuilder("01");
		int nibble = 0;
		uint size;

		if (p == null || *p++ != 0)
			return "-";
		size = Number(p, ref nibble);
		Number(p, ref nibble);
		for (int i = 0; i < (nibble + 1) / 2 + size; i++)
			text.Append(p[i].ToString("x2"));
		return text.ToString();
	}

	[System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
	public static void Here(int unused)
	{
		if (Out == null)
			return;
		foreach (StackFrame f in new StackTrace(1, true).GetFrames()) {
			MethodBase m = f.GetMethod();

			if (m == null || m.Module != typeof(Recorder).Module)
				continue;
			ulong start = StartOf(m);
			string map = start == 0 ? Image.MapOf(m.MetadataToken) : MapOf(start);
			if (map == "-")
				continue;
			string file = f.GetFileName() ?? "-";
			string line = $"{m.MetadataToken:x8} {f.GetILOffset()} {f.GetNativeOffset()} " +
				$"{f.GetFileLineNumber()} {file} {map}";
			if (Written.Add(line))
				Out.WriteLine(line);
		}
	}
}
