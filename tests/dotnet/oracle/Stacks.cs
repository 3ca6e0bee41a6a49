// The managed frames of a thread: those that the agent captured, and those that ClrMD walks.
using System.Collections.Generic;
using Microsoft.Diagnostics.Runtime;

sealed class Stacks
{
    readonly ClrRuntime runtime;
    readonly CodeMap map;
    public int Unprepared, NoMethod;

    public Stacks(ClrRuntime runtime, CodeMap map)
    {
        this.runtime = runtime;
        this.map = map;
    }

    // Every frame of the agent; those that are managed have Native false.
    public List<Frame> OfAgent(AgentStack stack)
    {
        var frames = new List<Frame>();
        foreach (AgentFrame f in stack.Frames)
        {
            CodeKind kind = map.At(f.LookupPc);
            ClrMethod method = kind == CodeKind.Jit || kind == CodeKind.Precompiled ? MethodAt(f.LookupPc, kind) : null;
            frames.Add(new Frame
            {
                Pc = f.Pc,
                Sp = f.Sp,
                Method = method,
                Native = kind == CodeKind.Native || kind == CodeKind.None,
                Name = NameOf(method, kind == CodeKind.Jit || kind == CodeKind.Precompiled ? "managed, unknown" : map.Place(f.Pc)),
            });
        }
        return frames;
    }

    // For code of an image that was not prepared yet the DAC gives an earlier method: it must hold pc.
    ClrMethod MethodAt(ulong pc, CodeKind kind)
    {
        ClrMethod method = runtime.GetMethodByInstructionPointer(pc);
        if (method == null)
        {
            NoMethod++;
            return null;
        }
        if (kind == CodeKind.Precompiled && !Holds(method, pc))
            Unprepared++;
        return method;
    }

    static bool Holds(ClrMethod method, ulong pc)
    {
        HotColdRegions r = method.HotColdInfo;
        return pc - r.HotStart < r.HotSize || pc - r.ColdStart < r.ColdSize;
    }

    public List<Frame> OfDac(ClrThread thread, List<string> ret_all)
    {
        var frames = new List<Frame>();
        bool noted = false;
        foreach (ClrStackFrame f in thread.EnumerateStackTrace(false, 20000))
        {
            ret_all.Add($"{f.InstructionPointer:x12} sp {f.StackPointer:x12} {f.Kind} {f.FrameName} {NameOf(f.Method, "-")}");
            if (f.Kind != ClrStackFrameKind.ManagedMethod)
            {
                noted = f.FrameName == "InlinedCallFrame";
                continue;
            }
            frames.Add(new Frame
            {
                Pc = f.InstructionPointer,
                Sp = f.StackPointer,
                Explicit = noted,
                Method = f.Method,
                Native = f.Method == null && map.At(f.InstructionPointer) == CodeKind.Native,
                Name = NameOf(f.Method, f.FrameName ?? "managed, unknown"),
            });
            noted = false;
        }
        return frames;
    }

    static string NameOf(ClrMethod m, string otherwise) => m == null ? otherwise : m.Signature ?? m.Name ?? $"md {m.MethodDesc:x}";
}
