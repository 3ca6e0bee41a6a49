// Jobs that vary the shape of compiled code: generics, virtual and interface calls, delegates,
// recursion, iterators, big frames, loops that are replaced while they run.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

static class CodeJobs
{
    public static void Add(List<(string, Action<Work>)> jobs)
    {
        jobs.Add(("code.recursion", w => Work.Check(Recursion.Down(w, 3 + w.Random.Next(40)) >= 0)));
        jobs.Add(("code.deep", w => Work.Check(Recursion.Down(w, 300) >= 0)));
        jobs.Add(("code.mutual", w => Recursion.Even(w, 20 + w.Random.Next(20))));
        jobs.Add(("code.generic", Generics));
        jobs.Add(("code.interface", Interfaces));
        jobs.Add(("code.delegates", Delegates));
        jobs.Add(("code.iterators", Iterators));
        jobs.Add(("code.linq", Linq));
        jobs.Add(("code.frames", w => Frames.Big(w, w.Random.Next(1, 200))));
        jobs.Add(("code.frameless", w => Work.Check(Frames.Thin1(w, 1) != 0)));
        jobs.Add(("code.osr", w => Work.Check(Loops.Hot(w, 40000) > 0)));
        jobs.Add(("code.osr_nested", w => Work.Check(Loops.HotOuter(w, 300) > 0)));
        jobs.Add(("code.vector", w => Work.Check(Loops.Vectors(w) >= 0)));
        jobs.Add(("code.async", w => Asyncs.Chain(w, 4).GetAwaiter().GetResult()));
        jobs.Add(("code.async_sync", w => Asyncs.Completed(w, 6).GetAwaiter().GetResult()));
        jobs.Add(("code.parallel", w => Asyncs.Spread(w)));
        jobs.Add(("code.timer", Timers));
        jobs.Add(("code.static", w => Work.Check(Statics.Make(w.Random.Next(3)) > 0)));
        jobs.Add(("code.lock", Locks));
        jobs.Add(("code.threads", Threads));
    }

    static void Generics(Work w)
    {
        Work.Check(Shape<int>.Of(w, 5) > 0);
        Work.Check(Shape<string>.Of(w, "s") > 0);
        Work.Check(Shape<object>.Of(w, w) > 0);
        Work.Check(Shape<(int, long)>.Of(w, (1, 2)) > 0);
        Work.Check(Shape<Guid>.Of(w, Guid.Empty) > 0);
        Caller c = w.Random.Next(2) == 0 ? new Caller() : new SubCaller();
        c.Virtual<string>(w, "a");
        c.Virtual<int>(w, 3);
        c.Virtual<List<object>>(w, null);
        Work.Check(Abstracts<Metre>.Sum(w, new Metre(), new Metre()).Value >= 0);
        Work.Check(Abstracts<Foot>.Sum(w, new Foot(), new Foot()).Value >= 0);
    }

    static void Interfaces(Work w)
    {
        var parts = new IPart[] { new PartA(), new PartB(), new PartC(), new PartD() };
        for (int i = 0; i < 12; i++)
            parts[w.Random.Next(parts.Length)].Do(w);
        foreach (IPart p in parts)
            p.Default(w);
        IEnumerable<object> covariant = new List<string> { "a", "b" };
        foreach (object o in covariant)
            w.Touch();
    }

    static int Twice(Func<int> f) => f() + f();
    static int StaticTouch(Work w) => w.Touch();

    static void Delegates(Work w)
    {
        int sum = 0;
        Action several = () => sum += w.Touch();
        several += () => sum += w.Touch();
        several += () => sum += Twice(() => w.Touch());
        several();
        Func<Work, int> open = StaticTouch;
        sum += open(w);
        Func<int> closed = w.Touch;
        sum += closed();
        var openInstance = (Func<Work, int>)Delegate.CreateDelegate(typeof(Func<Work, int>), typeof(Work).GetMethod("Touch"));
        sum += openInstance(w);
        sum += (int)typeof(Work).GetMethod("Touch").Invoke(w, null);
        sum += new Lazy<int>(() => w.Touch()).Value;
        Work.Check(sum > 0);
    }

    static IEnumerable<int> Numbers(Work w, int n)
    {
        for (int i = 0; i < n; i++)
        {
            try
            {
                yield return w.Touch() + i;
            }
            finally
            {
                w.Touch();
            }
        }
    }

    static void Iterators(Work w)
    {
        int sum = 0;
        foreach (int i in Numbers(w, 4))
            foreach (int k in Numbers(w, 2))
                sum += i + k;
        Work.Check(sum > 0);
    }

    static void Linq(Work w)
    {
        var items = Enumerable.Range(0, 20).Select(i => w.Random.Next(100)).ToList();
        var sorted = items.OrderBy(i => i + w.Touch() * 0).ThenBy(i => -i).ToArray();
        for (int i = 1; i < sorted.Length; i++)
            Work.Check(sorted[i - 1] <= sorted[i]);
        items.Sort((a, b) => { w.Touch(); return a.CompareTo(b); });
        var groups = items.GroupBy(i => i % 3).ToDictionary(g => g.Key, g => g.Sum(i => { w.Touch(); return (long)i; }));
        Work.Check(groups.Count <= 3);
        Work.Check(items.Where(i => w.Touch() != 0).Aggregate(0, (a, b) => a + b + w.Touch() * 0) >= 0);
    }

    static void Timers(Work w)
    {
        using var done = new ManualResetEventSlim();
        using (new Timer(_ => { Native.Touch(w.GetHashCode()); done.Set(); }, null, 1, Timeout.Infinite))
            done.Wait();
    }

    static readonly object gate = new();

    static void Locks(Work w)
    {
        lock (gate)
        {
            w.Touch();
            lock (w)
                w.Touch();
        }
        using var source = new CancellationTokenSource();
        using (source.Token.Register(() => w.Touch()))
            source.Cancel();
    }

    static void Threads(Work w)
    {
        var t = new Thread(o => ((Work)o).Touch());
        t.Start(w);
        t.Join();
    }
}

static class Recursion
{
    public static int Down(Work w, int n)
    {
        if (n == 0)
            return w.Touch();
        return Down(w, n - 1) + ((n & 31) == 0 ? w.Touch() : 1);
    }

    public static bool Even(Work w, int n) => n == 0 ? w.Touch() != 0 : Odd(w, n - 1);
    static bool Odd(Work w, int n) => n == 0 ? w.Touch() == 0 : Even(w, n - 1);
}

static class Shape<T>
{
    static readonly int made = Native.Touch(typeof(T).GetHashCode());

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Of(Work w, T value) => made + Inner<T>(w, value) + Inner<List<T>>(w, new List<T> { value });

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Inner<U>(Work w, U value) => w.Touch() + EqualityComparer<U>.Default.GetHashCode(value) * 0 + (typeof(U) == typeof(T) ? 1 : 2);
}

class Caller
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public virtual int Virtual<T>(Work w, T value) => w.Touch() + Shape<T>.Of(w, value);
}

sealed class SubCaller : Caller
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public override int Virtual<T>(Work w, T value) => base.Virtual<T>(w, value) + w.Touch();
}

interface IMeasure<T> where T : IMeasure<T>
{
    static abstract T Plus(Work w, T a, T b);
    int Value { get; }
}

struct Metre : IMeasure<Metre>
{
    public int Value { get; private set; }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Metre Plus(Work w, Metre a, Metre b) => new Metre { Value = a.Value + b.Value + w.Touch() };
}

struct Foot : IMeasure<Foot>
{
    public int Value { get; private set; }
    double a, b;
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Foot Plus(Work w, Foot x, Foot y) => new Foot { Value = x.Value + y.Value + w.Touch(), a = x.a, b = y.b + x.b };
}

static class Abstracts<T> where T : IMeasure<T>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static T Sum(Work w, T a, T b) => T.Plus(w, T.Plus(w, a, b), b);
}

interface IPart
{
    int Do(Work w);
    int Default(Work w) => Do(w) + w.Touch();
}

sealed class PartA : IPart { public int Do(Work w) => w.Touch(); }
sealed class PartB : IPart { public int Do(Work w) { int r = w.Touch(); return r + w.Touch(); } }
class PartC : IPart { public virtual int Do(Work w) => w.Touch() + 1; public int Default(Work w) => w.Touch() + 2; }
struct PartD : IPart { int x; public int Do(Work w) { x += w.Touch(); return x; } }

static unsafe class Frames
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Big(Work w, int n)
    {
        byte* room = stackalloc byte[n * 16];
        room[0] = 1;
        Block b = default;
        b.Items[100] = (byte)w.Touch();
        return b.Items[100] + room[0] + Wide(w, 1, 2, 3, 4, 5, 6, 7, 8, 9.0, 10.0f, b);
    }

    struct Block
    {
        public fixed byte Items[9000];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Wide(Work w, int a, int b, int c, int d, int e, long f, long g, long h, double i, float j, Block block)
    {
        int r = w.Touch();
        return r + a + b + c + d + e + (int)(f + g + h) + (int)i + (int)j + block.Items[5];
    }

    // Small optimised methods stand without a frame pointer.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int Thin1(Work w, int x) => Thin2(w, x + 1) + 1;
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int Thin2(Work w, int x) => Thin3(w, x, x + 1, x + 2) + x;
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int Thin3(Work w, int x, int y, int z) => Thin4(w, x) + y * z;
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int Thin4(Work w, int x) => w.Touch() + x;
}

static class Loops
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Hot(Work w, int n)
    {
        int sum = 0;
        for (int i = 0; i < n; i++)
        {
            sum += i & 3;
            if (i % 8000 == 0)
                sum += w.Touch();
        }
        return sum + Fresh<int>.Hot(w, n / 2);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int HotOuter(Work w, int n)
    {
        int sum = 1;
        for (int i = 0; i < n; i++)
        {
            try
            {
                for (int k = 0; k < n; k++)
                    sum = (sum * 31 + k) & 0xffffff | 1;
                if (i % 60 == 0)
                    sum |= w.Touch();
            }
            finally
            {
                if (i % 100 == 0)
                    w.Touch();
            }
        }
        return sum;
    }

    static class Fresh<T>
    {
        [MethodImpl(MethodImplOptions.NoInlining)]
        public static int Hot(Work w, int n)
        {
            int sum = 0;
            for (int i = 0; i < n; i++)
                if (i % 5000 == 0)
                    sum += w.Touch() + typeof(T).Name.Length;
            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Vectors(Work w)
    {
        var a = new Vector<double>(1.5);
        var b = new Vector<double>(w.Touch());
        for (int i = 0; i < 10; i++)
        {
            a = a * b + Vector<double>.One;
            w.Touch();
            b = Vector.Min(a, b);
        }
        return (int)Math.Min(1, Math.Abs(a[0]));
    }
}

static class Asyncs
{
    public static async Task<int> Chain(Work w, int depth)
    {
        int how = w.Random.Next();
        Native.Touch(how);
        if (depth == 0)
        {
            await Task.Yield();
            return Native.Touch(how);
        }
        try
        {
            int r = await Chain(w, depth - 1).ConfigureAwait((how & 1) == 0);
            Native.Touch(how + 1);
            await Task.Delay(depth & 1);
            return r + Native.Touch(how + 2);
        }
        finally
        {
            Native.Touch(how + 3);
        }
    }

    public static async ValueTask<int> Completed(Work w, int depth)
    {
        if (depth == 0)
            return w.Touch();
        int r = await Completed(w, depth - 1);
        w.Touch();
        return r;
    }

    static async IAsyncEnumerable<int> Stream(int how)
    {
        for (int i = 0; i < 3; i++)
        {
            await Task.Yield();
            yield return Native.Touch(how + i);
        }
    }

    static async Task<int> Consume(int how)
    {
        int sum = 0;
        await foreach (int i in Stream(how))
            sum += i + Native.Touch(how);
        return sum;
    }

    public static void Spread(Work w)
    {
        int how = w.Random.Next();
        Parallel.For(0, 4, i => Native.Touch(how + i));
        Work.Check(Task.WhenAll(Enumerable.Range(0, 3).Select(i => Task.Run(() => Consume(how + i)))).GetAwaiter().GetResult().Sum() > 0);
        Task.Run(() => Native.Touch(how)).ContinueWith(t => Native.Touch(t.Result), TaskContinuationOptions.ExecuteSynchronously).Wait();
    }
}

static class Statics
{
    class First<T> { public static readonly int Value = Native.Touch(1) + Second<T>.Value; }
    class Second<T> { public static readonly int Value; static Second() { Value = Native.Touch(4) + Native.Touch(0); } }
    struct A { }
    struct B { }
    struct C { }

    public static int Make(int which) => which switch
    {
        0 => First<A>.Value,
        1 => First<B>.Value,
        _ => First<C>.Value,
    };
}
