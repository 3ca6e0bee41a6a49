// One managed frame, as either side sees it.
using Microsoft.Diagnostics.Runtime;

sealed class Frame
{
    public ClrMethod Method; // null: the DAC has no method for it
    public ulong Pc, Sp;
    public string Name;
    public bool Native;   // stands in native code
    public bool Explicit; // pc and sp are those that the runtime noted (InlinedCallFrame), not walked

    public bool SameMethod(Frame other)
    {
        if (Method == null || other.Method == null)
            return Method == null && other.Method == null && Pc == other.Pc;
        return Method.MethodDesc == other.Method.MethodDesc;
    }

    public override string ToString() => $"{Pc:x12} sp {Sp:x12} {Name}";
}
