// Loses a BSTR at every call: the server overwrites the pointer that it was given.
//
//     leaky [CALLS [PAUSE_MS]]
//
// Pauses after every hundredth call.  Prints "leaky: CALLS calls, CHARS chars".
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

static class Program
{
    [DllImport("leaky_server")]
    static extern int say_hello([MarshalAs(UnmanagedType.BStr)] ref string text);

    [MethodImpl(MethodImplOptions.NoInlining)] // precompiled code tells no lines of what it inlined
    static int Call(int i)
    {
        string text = "Hello World";
        say_hello(ref text); // the leak
        return text.Length;
    }

    static int Main(string[] args)
    {
        int calls = args.Length > 0 ? int.Parse(args[0]) : 100;
        int pause = args.Length > 1 ? int.Parse(args[1]) : 0;
        int chars = 0;
        for (int i = 0; i < calls; i++)
        {
            chars += Call(i);
            if (pause > 0 && i % 100 == 99)
                Thread.Sleep(pause);
        }
        Console.WriteLine("leaky: " + calls + " calls, " + chars + " chars");
        return 0;
    }
}
