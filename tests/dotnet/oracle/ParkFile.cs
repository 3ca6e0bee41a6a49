// The file through which threads of the target are made to stand still: tests/check/park.c.
using System;
using System.Collections.Generic;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Threading;

struct AgentFrame
{
    public ulong Pc, Sp;
    public bool Exact; // the pc is where execution stood, not a return address
    public ulong LookupPc => Exact ? Pc : Pc - 1;
}

sealed class AgentStack
{
    public uint Tid;
    public bool Truncated, Cut, Guessed;
    public AgentFrame[] Frames; // innermost first
}

sealed unsafe class ParkFile : IDisposable
{
    const ulong Magic = 0x6b726170656e696c;
    const int Slots = 64, SlotSize = 65536, HeaderSize = 4096;
    const int Round = 8, Claimed = 12, Parked = 16, Spread = 20, Pid = 24, Gone = 28;

    readonly MemoryMappedFile file;
    readonly MemoryMappedViewAccessor view;
    readonly byte* at;
    uint round;

    public ParkFile(string path)
    {
        file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, HeaderSize + Slots * SlotSize);
        view = file.CreateViewAccessor();
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref at);
        if (*(ulong*)at != Magic)
            throw new InvalidDataException(path + " is no park file");
        round = Word(Round);
    }

    ref uint Word(int offset) => ref *(uint*)(at + offset);

    public uint TargetPid => Volatile.Read(ref Word(Pid));
    public uint NotReleased => Volatile.Read(ref Word(Gone));

    // Asks the threads to stand still; waits until as many do, or for as long as said.
    public int Park(int wanted, int spread, TimeSpan patience)
    {
        Word(Claimed) = 0;
        Word(Parked) = 0;
        Word(Spread) = (uint)spread;
        round++;
        Volatile.Write(ref Word(Round), round);
        DateTime end = DateTime.UtcNow + patience;
        while (Volatile.Read(ref Word(Parked)) < wanted && DateTime.UtcNow < end)
            Thread.Sleep(1);
        return (int)Volatile.Read(ref Word(Parked));
    }

    public void Release()
    {
        round += round & 1;
        Volatile.Write(ref Word(Round), round);
        Futex.Wake((uint*)(at + Round));
    }

    public List<AgentStack> Read()
    {
        var stacks = new List<AgentStack>();
        for (int i = 0; i < Slots; i++)
        {
            uint* slot = (uint*)(at + HeaderSize + i * SlotSize);
            if (Volatile.Read(ref slot[3]) != round)
                continue;
            var stack = new AgentStack
            {
                Tid = slot[0],
                Truncated = (slot[2] & 1) != 0,
                Cut = (slot[2] & 2) != 0,
                Guessed = (slot[2] & 4) != 0,
                Frames = new AgentFrame[slot[1]],
            };
            ulong* words = (ulong*)(slot + 4);
            for (int k = 0; k < stack.Frames.Length; k++)
                stack.Frames[k] = new AgentFrame
                {
                    Pc = words[2 * k] & ~(1ul << 63),
                    Exact = words[2 * k] >> 63 != 0,
                    Sp = words[2 * k + 1],
                };
            stacks.Add(stack);
        }
        return stacks;
    }

    public void Dispose()
    {
        Release();
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        file.Dispose();
    }
}

static unsafe class Futex
{
    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "syscall")]
    static extern long Syscall(long nr, uint* address, int operation, int value, void* timeout, void* second, int third);

    public static void Wake(uint* address) => Syscall(202 /* futex */, address, 1 /* FUTEX_WAKE */, int.MaxValue, null, null, 0);
}
