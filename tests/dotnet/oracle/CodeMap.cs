// Which mapped memory can hold managed code: read from /proc/PID/maps, so that no frame of a
// native library is taken for a managed one, whatever the DAC says of its address.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;

enum CodeKind
{
    None,        // not executable
    Native,      // an ELF file
    Precompiled, // the image of an assembly
    Jit,         // made at run time
}

sealed class CodeMap
{
    readonly List<(ulong Start, ulong End, CodeKind Kind, string Path)> ranges = new();
    readonly Dictionary<string, ulong> bases = new();

    public CodeMap(int pid)
    {
        foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
        {
            string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            string[] ends = words[0].Split('-');
            string path = words.Length > 5 ? words[5] : "";
            ranges.Add((Hex(ends[0]), Hex(ends[1]), KindOf(words[1], path), path));
            bases.TryAdd(path, Hex(ends[0]));
        }
    }

    static ulong Hex(string s) => ulong.Parse(s, NumberStyles.HexNumber);

    static CodeKind KindOf(string access, string path)
    {
        if (path.EndsWith(".dll"))
            return CodeKind.Precompiled; // a flat image is mapped readable, then changed in part
        if (!access.Contains('x'))
            return CodeKind.None;
        if (path == "" || path.StartsWith("/memfd:doublemapper") || path.StartsWith("[anon"))
            return CodeKind.Jit;
        return CodeKind.Native;
    }

    public CodeKind At(ulong pc)
    {
        int i = IndexOf(pc);
        return i < 0 ? CodeKind.None : ranges[i].Kind;
    }

    // File and offset from where it is mapped first, for people.
    public string Place(ulong pc)
    {
        int i = IndexOf(pc);
        return i < 0 ? "nowhere" : $"{Path.GetFileName(ranges[i].Path)}+{pc - bases[ranges[i].Path]:x}";
    }

    int IndexOf(ulong pc)
    {
        int low = 0, high = ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (ranges[middle].End <= pc)
                low = middle + 1;
            else
                high = middle;
        }
        return low < ranges.Count && ranges[low].Start <= pc ? low : -1;
    }
}
