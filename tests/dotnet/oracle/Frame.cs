// One managed frame, as either side sees it.
using Microsoft.Diagnostics.Runtime;

sealed class Frame
{
    public ClrMethod Method; // null: the DAC has no method for it
    public ulong Pc, Sp;
    public string Name;
    public bool Native; // in listings only: the agent's frame in native code

    public bool SameMethod(Frame other)
    {
        if (Method == null || other.Method == null)
            return Method == null && other.Method == null && Pc == other.Pc;
        if (Method.MethodDesc == other.Method.MethodDesc)
            return true;
        // Instantiations share code: one method by its token and module.
        return Method.MetadataToken != 0x06000000 && Method.MetadataToken == other.Method.MetadataToken &&
            Method.Type?.Module?.Address == other.Method.Type?.Module?.Address;
    }

    public override string ToString() => $"{Pc:x12} sp {Sp:x12} {Name}";
}
