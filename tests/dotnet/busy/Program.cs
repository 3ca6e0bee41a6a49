// A busy program: worker threads do everything that makes managed stacks differ from each other,
// and allocate native memory in the middle of it, so that malloc is called under many stacks.
// What each thread does follows from the seed; how far it gets, from the seconds.
//
//     busy [SECONDS [THREADS [SEED]]]
//
// Prints "busy: ok" and exits 0; anything that came out wrong is an exception and status 134.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

static class Program
{
    static int Main(string[] args)
    {
        double seconds = args.Length > 0 ? double.Parse(args[0]) : 5;
        int threads = args.Length > 1 ? int.Parse(args[1]) : 12;
        int seed = args.Length > 2 ? int.Parse(args[2]) : 1;
        var jobs = new List<(string Name, Action<Work> Run)>();
        CodeJobs.Add(jobs);
        LibraryJobs.Add(jobs);
        ExceptionJobs.Add(jobs);
        InteropJobs.Add(jobs);
        DynamicJobs.Add(jobs);
        string only = Environment.GetEnvironmentVariable("BUSY_ONLY");
        if (only != null)
            jobs.RemoveAll(j => !j.Name.StartsWith(only));
        var clock = Stopwatch.StartNew();
        var workers = new List<Thread>();
        using (var server = new WebLoop())
        {
            for (int i = 0; i < threads; i++)
            {
                var work = new Work(seed * 1000 + i, server);
                var thread = new Thread(() => RunJobs(jobs, work, clock, seconds), 4 << 20);
                thread.Start();
                workers.Add(thread);
            }
            foreach (Thread thread in workers)
                thread.Join();
        }
        Console.WriteLine("busy: ok");
        return 0;
    }

    // A hot loop that is entered once: its tier-0 code is replaced on the stack (OSR).
    static void RunJobs(List<(string Name, Action<Work> Run)> jobs, Work work, Stopwatch clock, double seconds)
    {
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            var job = jobs[work.Random.Next(jobs.Count)];
            job.Run(work);
            if (work.Random.Next(4) == 0)
                Thread.Yield();
        }
    }
}

// What a job gets: its thread's random numbers, and ways to allocate native memory.
public sealed class Work
{
    public readonly Random Random;
    public readonly WebLoop Server;

    public Work(int seed, WebLoop server)
    {
        Random = new Random(seed);
        Server = server;
    }

    // Native memory, got in one of the ways that .NET has for it.
    public int Touch() => Native.Touch(Random.Next());

    public static void Check(bool holds)
    {
        if (!holds)
            throw new InvalidOperationException("a job came out wrong");
    }
}
