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
        if (IsWithoutTransition(all, dac))
            return !Use(used, "a P/Invoke with SuppressGCTransition: the DAC sees no frame of the thread");
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

    // The busy program's one method that makes such calls; the runtime leaves no frame for it.
    static bool IsWithoutTransition(List<Frame> all, List<Frame> dac)
    {
        Frame caller = all.Find(f => !f.Native && !f.Name.StartsWith("ILStubClass.IL_STUB_PInvoke"));
        int at = all.IndexOf(caller);
        return dac.Count == 0 && at > 0 && at <= 2 && caller.Name == "InteropJobs.Quick(Work)" &&
            all[0].Name.StartsWith("libbusy_native.so+");
    }
}
