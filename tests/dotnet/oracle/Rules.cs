// When two stacks are equal, and the known exceptions: what the DAC shows otherwise than it stands
// on the physical stack.  Each has a name, and is counted where it was needed.
using System.Collections.Generic;
using System.Linq;

static class Rules
{
    // Whether the stacks differ.  Adds the name of each exception that was needed.
    public static bool Differ(List<Frame> all, List<Frame> dac, List<string> used)
    {
        List<Frame> agent = all.Where(f => !f.Native).ToList();
        if (IsStarting(agent, dac))
            return !Use(used, "a thread that has not begun: the DAC shows one native address as a managed frame");
        if (IsUnknownToDac(agent, dac, used))
            return !Use(used, "code that the DAC finds no method for: its walk ends there");
        string entered = dac.Count < agent.Count ? EnteredWithoutFrame(all) : null;
        if (entered != null)
        {
            Use(used, entered);
            agent.RemoveRange(0, agent.Count - dac.Count); // what it does see is compared
        }
        if (agent.Count != dac.Count)
            return true;
        for (int i = 0; i < agent.Count; i++)
            if (!IsSame(agent[i], dac[i], used))
                return true;
        return false;
    }

    static bool Use(List<string> used, string name)
    {
        if (!used.Contains(name))
            used.Add(name);
        return true;
    }

    static bool IsSame(Frame agent, Frame dac, List<string> used)
    {
        if (!agent.SameMethod(dac))
            return false;
        if (agent.Pc == dac.Pc && agent.Sp == dac.Sp)
            return true;
        // A managed frame that calls native code is taken from the runtime's InlinedCallFrame, which
        // holds an address near the call, and the stack pointer before arguments were put there.
        return dac.Explicit && Use(used, "the caller of native code: pc or sp as its InlinedCallFrame notes them");
    }

    static bool IsStarting(List<Frame> agent, List<Frame> dac) =>
        agent.Count == 0 && dac.Count == 1 && dac[0].Native && dac[0].Method == null;

    // Whether the DAC's frames are the agent's up to one that it has no method for.
    static bool IsUnknownToDac(List<Frame> agent, List<Frame> dac, List<string> used)
    {
        if (dac.Count >= agent.Count || agent[dac.Count].Method != null)
            return false;
        for (int i = 0; i < dac.Count; i++)
            if (!IsSame(agent[i], dac[i], used))
                return false;
        return true;
    }

    // The DAC walks from the innermost frame that the runtime has noted.  Where managed code entered
    // native code without noting one, it does not see the managed frames up to the next that is noted.
    static string EnteredWithoutFrame(List<Frame> all)
    {
        int at = all.FindIndex(f => !f.Native);
        if (at == 0)
            return null;
        string callee = all[at - 1].Name;
        Frame caller = all.Find(f => !f.Native && !f.Name.StartsWith("ILStubClass.IL_STUB_PInvoke"));
        if (callee.StartsWith("libbusy_native.so+") && at == 1 && caller.Name == "InteropJobs.Quick(Work)")
            return "a P/Invoke with SuppressGCTransition: the DAC does not see its callers";
        bool faulted = all.Take(at).All(f => f.Name.StartsWith("libcoreclr.so+") || f.Name.StartsWith("libc.so.6+"));
        if (faulted && all[at].Name == "ExceptionJobs.Fault(Work, Int32)")
            return "a fault that the runtime has not noted yet: the DAC does not see its frames";
        if (callee.StartsWith("libcoreclr.so+") && all[at].Name.StartsWith("Loops."))
            return "the runtime replaces a loop's code (patchpoint): the DAC does not see its frames";
        return null;
    }
}
