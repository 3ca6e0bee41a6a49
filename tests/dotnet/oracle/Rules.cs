// When two stacks are equal, and the known exceptions: frames that the DAC lists or leaves out
// although the physical stack says otherwise.
using System.Collections.Generic;
using System.Linq;

static class Rules
{
    // Whether the stacks differ.  Adds the name of each rule that was needed.
    public static bool Differ(List<Frame> all, List<Frame> dac, List<string> used)
    {
        List<Frame> agent = all.Where(f => !f.Native).ToList();
        if (agent.Count != dac.Count)
            return true;
        for (int i = 0; i < agent.Count; i++)
            if (!agent[i].SameMethod(dac[i]))
                return true;
        return false;
    }
}
