// Jobs that allocate native memory while exceptions are under way: in filters, handlers, finally
// and fault blocks, nested, rethrown, raised by the processor, and in what the runtime calls back.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks;

static class ExceptionJobs
{
    sealed class Wrong : Exception
    {
        readonly Work work;
        public Wrong(Work w, string m) : base(m) => work = w;
        public Wrong(Work w, string m, Exception inner) : base(m, inner) => work = w;
        public override string Message
        {
            get
            {
                work.Touch();
                return base.Message;
            }
        }
    }

    public static void Add(List<(string, Action<Work>)> jobs)
    {
        jobs.Add(("exception.catch", w => Catch(w)));
        jobs.Add(("exception.filter", w => Filter(w)));
        jobs.Add(("exception.finally", w => Finally(w)));
        jobs.Add(("exception.nested", w => Nested(w, 3)));
        jobs.Add(("exception.rethrow", w => Rethrow(w)));
        jobs.Add(("exception.wrap", w => Wrap(w)));
        jobs.Add(("exception.collide", w => Collide(w)));
        jobs.Add(("exception.hardware", Hardware));
        jobs.Add(("exception.library", Library));
        jobs.Add(("exception.async", w => Awaited(w).GetAwaiter().GetResult()));
        jobs.Add(("exception.dispatch", Dispatch));
        jobs.Add(("exception.deep", w => Deep(w)));
        jobs.Add(("exception.callback", Callback));
        jobs.Add(("exception.frameless", w => Frameless(w)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Throw(Work w, int n)
    {
        if (n == 0)
        {
            w.Touch();
            throw new Wrong(w, "thrown");
        }
        Throw(w, n - 1);
        w.Touch();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Catch(Work w)
    {
        int r = 0;
        try
        {
            r += w.Touch();
            Throw(w, w.Random.Next(5));
        }
        catch (Wrong e)
        {
            r += w.Touch() + e.Message.Length;
            Recursion.Down(w, 3);
        }
        return r + w.Touch();
    }

    static bool Wanted(Work w, Exception e, string text)
    {
        w.Touch();
        return e.Message == text;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Filter(Work w)
    {
        int caught = 0;
        try
        {
            try
            {
                Throw(w, 2);
            }
            catch (Wrong e) when (Wanted(w, e, "another"))
            {
                caught = 100;
            }
            finally
            {
                w.Touch();
            }
        }
        catch (Exception e) when (w.Touch() != 0 && Wanted(w, e, "thrown"))
        {
            caught += w.Touch() > 0 ? 1 : 0;
        }
        Work.Check(caught == 1);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Finally(Work w)
    {
        int steps = 0;
        try
        {
            try
            {
                try
                {
                    Throw(w, 1);
                }
                finally
                {
                    steps += w.Touch() > 0 ? 1 : 0;
                    Recursion.Down(w, 2);
                }
            }
            finally
            {
                steps += w.Touch() > 0 ? 1 : 0;
                try
                {
                    w.Touch();
                }
                finally
                {
                    w.Touch();
                }
            }
        }
        catch (Wrong)
        {
            steps++;
        }
        try
        {
            w.Touch();
        }
        finally
        {
            steps += w.Touch() > 0 ? 1 : 0;
        }
        Work.Check(steps == 4);
    }

    // Exceptions thrown and caught while another one is being handled.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Nested(Work w, int n)
    {
        try
        {
            Throw(w, n);
        }
        catch (Wrong)
        {
            w.Touch();
            if (n > 0)
                Nested(w, n - 1);
            try
            {
                Throw(w, 1);
            }
            catch (Wrong) when (Inner(w))
            {
                w.Touch();
            }
            finally
            {
                w.Touch();
            }
        }
    }

    static bool Inner(Work w)
    {
        try
        {
            Throw(w, 1);
        }
        catch (Wrong)
        {
            w.Touch();
        }
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Rethrow(Work w)
    {
        try
        {
            try
            {
                Throw(w, 2);
            }
            catch (Wrong)
            {
                w.Touch();
                throw;
            }
            finally
            {
                w.Touch();
            }
        }
        catch (Wrong e)
        {
            w.Touch();
            Work.Check(e.StackTrace.Length > 0);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Wrap(Work w)
    {
        try
        {
            try
            {
                Throw(w, 1);
            }
            catch (Wrong e)
            {
                throw new Wrong(w, "outer", e);
            }
        }
        catch (Wrong e) when (e.InnerException != null)
        {
            w.Touch();
            Work.Check(e.ToString().Contains("outer"));
        }
    }

    // A finally block that throws while an exception passes it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Collide(Work w)
    {
        try
        {
            try
            {
                Throw(w, 1);
            }
            finally
            {
                w.Touch();
                Throw(w, 0);
            }
        }
        catch (Wrong)
        {
            w.Touch();
        }
    }

    static readonly int[] four = new int[4];

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Fault(Work w, int which)
    {
        switch (which)
        {
        case 0: return ((string)null).Length;
        case 1: return 1 / (w.GetHashCode() * 0);
        case 2: return four[w.Touch() + 100];
        case 3: return checked(int.MaxValue + w.Touch());
        default: return ((object)w as string)[0] + ((string)(object)w).Length;
        }
    }

    static void Hardware(Work w)
    {
        for (int i = 0; i < 5; i++)
        {
            int handled = 0;
            try
            {
                Fault(w, i);
            }
            catch (Exception e) when (w.Touch() > 0 && e.Message.Length > 0)
            {
                handled = w.Touch() > 0 ? 1 : 0;
                Catch(w);
            }
            finally
            {
                w.Touch();
            }
            Work.Check(handled == 1);
        }
    }

    sealed class Comparer : IComparer<int>
    {
        readonly Work work;
        public Comparer(Work w) => work = w;
        public int Compare(int a, int b)
        {
            work.Touch();
            if (a == 7)
                throw new Wrong(work, "seven");
            return a - b;
        }
    }

    // Through frames of the class library.
    static void Library(Work w)
    {
        int failed = 0;
        try
        {
            Array.Sort(new[] { 5, 7, 2, 9, 1 }, new Comparer(w));
        }
        catch (InvalidOperationException e)
        {
            failed += w.Touch() > 0 && e.InnerException is Wrong ? 1 : 0;
        }
        try
        {
            int.Parse("no number");
        }
        catch (FormatException) when (w.Touch() > 0)
        {
            failed += w.Touch() > 0 ? 1 : 0;
        }
        Work.Check(failed == 2);
    }

    static async Task Awaited(Work w)
    {
        int how = w.Random.Next();
        try
        {
            await Task.Yield();
            await Fails(how);
        }
        catch (ApplicationException) when (Native.Touch(how) > 0)
        {
            Native.Touch(how + 1);
            await Task.Yield();
            Native.Touch(how + 2);
        }
    }

    static async Task Fails(int how)
    {
        await Task.Yield();
        try
        {
            throw new ApplicationException("async");
        }
        finally
        {
            Native.Touch(how);
        }
    }

    static void Dispatch(Work w)
    {
        ExceptionDispatchInfo info = null;
        try
        {
            Throw(w, 2);
        }
        catch (Wrong e)
        {
            info = ExceptionDispatchInfo.Capture(e);
        }
        try
        {
            info.Throw();
        }
        catch (Wrong)
        {
            w.Touch();
        }
    }

    static void Deep(Work w)
    {
        try
        {
            Passing(w, 25);
        }
        catch (Wrong)
        {
            Recursion.Down(w, 10);
        }
    }

    static void Passing(Work w, int n)
    {
        try
        {
            if (n == 0)
                throw new Wrong(w, "from below");
            Passing(w, n - 1);
        }
        finally
        {
            if (n % 5 == 0)
                w.Touch();
        }
    }

    // Inside a callback from native code: caught there, since none may pass native frames.
    static void Callback(Work w)
    {
        Native.Callback f = arg =>
        {
            try
            {
                Throw(w, arg & 3);
            }
            catch (Wrong)
            {
                return w.Touch() * 0 + 5;
            }
            return 0;
        };
        try
        {
            Throw(w, 1);
        }
        catch (Wrong)
        {
            Work.Check(Native.CallDelegate(f, 1, 2) == 7);
        }
        GC.KeepAlive(f);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int Thin(Work w, int n) => n == 0 ? ThrowHere(w) : Thin(w, n - 1) + 1;

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int ThrowHere(Work w) => throw new Wrong(w, "thin");

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static int Frameless(Work w)
    {
        try
        {
            return Thin(w, 4);
        }
        catch (Wrong) when (w.Touch() > 0)
        {
            return w.Touch();
        }
    }
}
