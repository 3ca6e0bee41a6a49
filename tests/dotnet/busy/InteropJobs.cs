// Jobs that go from managed code to native code and back, several times over.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

static unsafe class InteropJobs
{
    [ThreadStatic] static Work current;

    public static void Add(List<(string, Action<Work>)> jobs)
    {
        jobs.Add(("interop.touch", w => { for (int i = 0; i < 12; i++) Native.Touch(i); }));
        jobs.Add(("interop.quick", w => Work.Check(Quick(w) > 0)));
        jobs.Add(("interop.delegate", Delegates));
        jobs.Add(("interop.pointer", Pointers));
        jobs.Add(("interop.sort", Sort));
        jobs.Add(("interop.unmanaged", w => Unmanaged(w)));
        jobs.Add(("interop.finalizer", Finalizers));
        jobs.Add(("interop.apis", Apis));
    }

    static int Quick(Work w)
    {
        int r = 0;
        for (int i = 0; i < 5; i++)
            r += Native.TouchQuick(64) + w.Touch();
        return r;
    }

    static void Delegates(Work w)
    {
        Native.Callback inner = arg => w.Touch() * 0 + arg;
        Native.Callback outer = arg =>
        {
            w.Touch();
            return Native.CallDelegate(inner, arg + 1, 2);
        };
        Work.Check(Native.CallDelegate(outer, 1, 1) == 5);
        GC.KeepAlive(inner);
        GC.KeepAlive(outer);
    }

    static void Pointers(Work w)
    {
        Native.Callback f = arg => w.Touch() * 0 + arg * 2;
        IntPtr p = Marshal.GetFunctionPointerForDelegate(f);
        Work.Check(Native.busy_call(p, 4) == 9);
        Work.Check(((delegate* unmanaged[Cdecl]<int, int>)p)(5) == 10);
        Work.Check(Marshal.GetDelegateForFunctionPointer<Native.Callback>(p)(6) == 12);
        GC.KeepAlive(f);
    }

    static void Sort(Work w)
    {
        var items = new int[10];
        for (int i = 0; i < items.Length; i++)
            items[i] = w.Random.Next(50);
        Native.Comparer compare = (a, b) =>
        {
            w.Touch();
            return *a - *b;
        };
        int least = Native.busy_sort(items, items.Length, compare);
        Work.Check(least == items[0]);
        GC.KeepAlive(compare);
    }

    [UnmanagedCallersOnly(CallConvs = new[] { typeof(CallConvCdecl) })]
    static int FromNative(int arg)
    {
        current.Touch();
        if (arg == 0)
            return Native.busy_touch(72);
        return Native.busy_call_between((IntPtr)(delegate* unmanaged[Cdecl]<int, int>)&FromNative, arg - 1, 1);
    }

    static int Unmanaged(Work w)
    {
        current = w;
        return Native.busy_call((IntPtr)(delegate* unmanaged[Cdecl]<int, int>)&FromNative, 3);
    }

    sealed class Finalized
    {
        readonly int how;
        public Finalized(int how) => this.how = how;
        ~Finalized() => Native.Touch(how);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop(Work w)
    {
        for (int i = 0; i < 10; i++)
            GC.KeepAlive(new Finalized(w.Random.Next()));
    }

    static void Finalizers(Work w)
    {
        Drop(w);
        if (w.Random.Next(10) == 0)
            GC.Collect(0);
        var handle = GCHandle.Alloc(w, GCHandleType.Weak);
        handle.Free();
    }

    // Parts of the class library that end in native code.
    static void Apis(Work w)
    {
        Environment.GetEnvironmentVariable("PATH");
        System.IO.Directory.GetFiles("/proc/self/task/" + Environment.ProcessId);
        System.IO.File.Exists("/nowhere");
        TimeZoneInfo.ConvertTimeFromUtc(DateTime.UnixEpoch, TimeZoneInfo.Local);
        System.Security.Cryptography.SHA256.HashData(new byte[100]);
        using (var mutex = new System.Threading.Semaphore(1, 1))
            mutex.WaitOne();
    }
}
