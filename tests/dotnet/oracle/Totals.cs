// Counts and prints what was compared.
using System;
using System.Collections.Generic;
using System.Linq;

sealed class Totals
{
    const int MostShown = 12;

    public int Rounds, Compared, Differences, Unprepared, NoMethod;
    int unmanaged, frames, truncated, cut, guessed, deepest;
    readonly HashSet<string> distinct = new();
    readonly SortedDictionary<string, int> exceptions = new();

    public void Add(AgentStack stack, List<Frame> all, List<Frame> dac, List<string> dacAll)
    {
        List<Frame> agent = all.Where(f => !f.Native).ToList();
        if (agent.Count == 0 && dac.Count == 0)
        {
            unmanaged++;
            return;
        }
        Compared++;
        truncated += stack.Truncated ? 1 : 0;
        cut += stack.Cut ? 1 : 0;
        guessed += stack.Guessed ? 1 : 0;
        var used = new List<string>();
        if (Rules.Differ(all, dac, used))
        {
            if (Differences++ < MostShown)
                Show(stack, all, dacAll);
            return;
        }
        foreach (string rule in used)
            exceptions[rule] = exceptions.GetValueOrDefault(rule) + 1;
        frames += dac.Count;
        deepest = Math.Max(deepest, dac.Count);
        distinct.Add(string.Join("\n", dac.Select(f => f.Name)));
    }

    static void Show(AgentStack stack, List<Frame> agent, List<string> dac)
    {
        Console.WriteLine($"DIFFERENCE thread {stack.Tid}{(stack.Truncated ? " truncated" : "")}{(stack.Cut ? " cut" : "")}{(stack.Guessed ? " guessed" : "")}");
        Console.WriteLine("  agent:");
        foreach (Frame f in agent)
            Console.WriteLine("    " + f);
        Console.WriteLine("  ClrMD:");
        foreach (string f in dac)
            Console.WriteLine("    " + f);
    }

    public void Print(TimeSpan took, uint notReleased)
    {
        Console.WriteLine($"rounds {Rounds} seconds {took.TotalSeconds:f1} not-released {notReleased}");
        Console.WriteLine($"compared {Compared} differences {Differences} distinct {distinct.Count} frames {frames} deepest {deepest}");
        Console.WriteLine($"without-managed-frames {unmanaged} truncated {truncated} cut {cut} guessed {guessed}");
        Console.WriteLine($"no-method {NoMethod} other-body {Unprepared}");
        foreach (var e in exceptions)
            Console.WriteLine($"known exception: {e.Key}: {e.Value} stacks");
    }
}
