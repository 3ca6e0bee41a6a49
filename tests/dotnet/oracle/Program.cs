// Holds the agent's managed stacks against what ClrMD, a debugger's library, sees in the stopped
// process.
//
//     oracle STACKS SECONDS PARK_FILE
//
// Waits for a process to open the park file, stops its threads again and again, and compares until
// so many stacks are compared.  Prints counts, and both stacks of every difference.  The process
// must not be a child of this one: .NET would wait for it, and take from ClrMD what ptrace tells.
// With ORACLE_DROP=N it leaves the N-th managed frame of each of the agent's stacks out first: a
// proof that it would tell.  Exit status 0: something was compared, and nothing differed.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.Diagnostics.Runtime;

static class Program
{
    static int Main(string[] args)
    {
        int wanted = int.Parse(args[0]);
        var limit = TimeSpan.FromSeconds(double.Parse(args[1]));
        var totals = new Totals();
        using var park = new ParkFile(args[2]);
        var clock = Stopwatch.StartNew();
        while (park.TargetPid == 0 && clock.Elapsed < limit)
            Thread.Sleep(10);
        using Process target = Process.GetProcessById((int)park.TargetPid);
        Thread.Sleep(300);
        while (totals.Compared < wanted && clock.Elapsed < limit && !target.HasExited)
            OneRound(park, target, totals);
        totals.Print(clock.Elapsed, park.NotReleased);
        Console.WriteLine($"target {(target.HasExited ? "ended" : "running")}");
        return totals.Differences == 0 && totals.Compared > 0 ? 0 : 1;
    }

    static void OneRound(ParkFile park, Process target, Totals totals)
    {
        int spread = totals.Rounds % 4 == 0 ? 1 : 40;
        int parked = park.Park(12, spread, TimeSpan.FromMilliseconds(150));
        totals.Rounds++;
        try
        {
            if (parked > 0 && !target.HasExited)
                Compare(park, target.Id, totals);
        }
        catch (Exception) when (target.HasExited)
        {
        }
        finally
        {
            park.Release();
        }
        Thread.Sleep(5 + totals.Rounds % 7);
    }

    static void Compare(ParkFile park, int pid, Totals totals)
    {
        using DataTarget data = DataTarget.AttachToProcess(pid, true);
        if (data.ClrVersions.Length == 0)
            return;
        ClrInfo clr = data.ClrVersions[0];
        // The one beside the runtime that is mapped; ClrMD does not find the version of libcoreclr.so.
        string library = Path.Combine(Path.GetDirectoryName(clr.ModuleInfo.FileName), "libmscordaccore.so");
        using ClrRuntime runtime = clr.CreateRuntime(library, true);
        Dictionary<uint, ClrThread> threads = runtime.Threads.Where(t => t.OSThreadId != 0).ToDictionary(t => t.OSThreadId);
        var stacks = new Stacks(runtime, new CodeMap(pid));
        foreach (AgentStack stack in park.Read())
        {
            List<Frame> agent = Dropped(stacks.OfAgent(stack));
            var all = new List<string>();
            var dac = threads.TryGetValue(stack.Tid, out ClrThread thread) ? stacks.OfDac(thread, all) : new List<Frame>();
            totals.Add(stack, agent, dac, all);
        }
        totals.Unprepared += stacks.Unprepared;
        totals.NoMethod += stacks.NoMethod;
    }

    static List<Frame> Dropped(List<Frame> frames)
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("ORACLE_DROP"), out int n) && frames.Count(f => !f.Native) > n)
            frames.Remove(frames.Where(f => !f.Native).ElementAt(n));
        return frames;
    }
}
