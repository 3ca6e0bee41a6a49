// Jobs whose code is made at run time, and goes away again: dynamic methods, compiled
// expressions, collectible assemblies.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq.Expressions;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;

static class DynamicJobs
{
    public static void Add(List<(string, Action<Work>)> jobs)
    {
        jobs.Add(("dynamic.method", Method));
        jobs.Add(("dynamic.expression", Expressions));
        jobs.Add(("dynamic.binder", w => Work.Check(Binder(w) > 0)));
        jobs.Add(("dynamic.assembly", Emitted));
        jobs.Add(("dynamic.context", Context));
        jobs.Add(("dynamic.reflection", Reflected));
    }

    static readonly MethodInfo touch = typeof(Work).GetMethod("Touch");

    // int F(Work w, int n) { return n == 0 ? w.Touch() : other(w, n - 1) + constant; }
    static void EmitBody(ILGenerator il, MethodInfo other, int constant)
    {
        Label last = il.DefineLabel();
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Brfalse, last);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Ldarg_1);
        il.Emit(OpCodes.Ldc_I4_1);
        il.Emit(OpCodes.Sub);
        il.Emit(OpCodes.Call, other);
        il.Emit(OpCodes.Ldc_I4, constant);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Ret);
        il.MarkLabel(last);
        il.Emit(OpCodes.Ldarg_0);
        il.Emit(OpCodes.Callvirt, touch);
        il.Emit(OpCodes.Ret);
    }

    static void Method(Work w)
    {
        var made = new DynamicMethod("Made", typeof(int), new[] { typeof(Work), typeof(int) }, typeof(DynamicJobs).Module, true);
        EmitBody(made.GetILGenerator(), made, w.Random.Next());
        var f = made.CreateDelegate<Func<Work, int, int>>();
        f(w, 3);
        f(w, 0);
    }

    static void Expressions(Work w)
    {
        ParameterExpression p = Expression.Parameter(typeof(Work));
        ParameterExpression e = Expression.Parameter(typeof(Exception));
        var body = Expression.TryCatchFinally(
            Expression.Add(Expression.Call(p, touch), Expression.Constant(w.Random.Next(100))),
            Expression.Call(p, touch),
            Expression.Catch(e, Expression.Constant(-1)));
        Work.Check(Expression.Lambda<Func<Work, int>>(body, p).Compile()(w) > 0);
    }

    static int Binder(Work w)
    {
        dynamic d = w;
        return d.Touch() + (int)d.Random.Next(1, 5);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Emitted(Work w)
    {
        AssemblyBuilder assembly = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Emitted"), AssemblyBuilderAccess.RunAndCollect);
        TypeBuilder type = assembly.DefineDynamicModule("Emitted").DefineType("Type", TypeAttributes.Public);
        MethodBuilder method = type.DefineMethod("F", MethodAttributes.Public | MethodAttributes.Static, typeof(int), new[] { typeof(Work), typeof(int) });
        EmitBody(method.GetILGenerator(), method, 1);
        var f = type.CreateType().GetMethod("F").CreateDelegate<Func<Work, int, int>>();
        Work.Check(f(w, 2) > 0);
    }

    static readonly byte[] ownImage = File.ReadAllBytes(typeof(DynamicJobs).Assembly.Location);

    // This very assembly once more, from its file or from its bytes, in a context that is unloaded.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Context(Work w)
    {
        var context = new AssemblyLoadContext("again", true);
        context.Resolving += (c, name) => { w.Touch(); return null; };
        Assembly again = w.Random.Next(2) == 0
            ? context.LoadFromAssemblyPath(typeof(DynamicJobs).Assembly.Location)
            : context.LoadFromStream(new MemoryStream(ownImage));
        var run = again.GetType("Visitor").GetMethod("Run").CreateDelegate<Func<Func<int>, int, int>>();
        Work.Check(run(w.Touch, 4) > 0);
        context.Unload();
        if (w.Random.Next(4) == 0)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    static void Reflected(Work w)
    {
        MethodInfo method = typeof(DynamicJobs).GetMethod("Called", BindingFlags.NonPublic | BindingFlags.Static);
        for (int i = 0; i < 3; i++)
            Work.Check((int)method.Invoke(null, new object[] { w, i }) > 0);
        Work.Check(Activator.CreateInstance<Constructed>().Value > 0);
        Work.Check(((Constructed)Activator.CreateInstance(typeof(Constructed))).Value > 0);
        Work.Check(((Constructed)RuntimeHelpers.GetUninitializedObject(typeof(Constructed))).Value == 0);
    }

    static int Called(Work w, int n) => w.Touch() + n;
}

public sealed class Constructed
{
    public readonly int Value = Native.Touch(1);
}

// What the copy of this assembly in an unloadable context runs.
public static class Visitor
{
    public static int Run(Func<int> touch, int n)
    {
        int sum = 0;
        foreach (var visit in new Func<int, int>[] { i => touch() + i, i => Again(touch, i), Own })
            for (int i = 0; i < n; i++)
                sum += visit(i);
        try
        {
            throw new ApplicationException("visitor");
        }
        catch (ApplicationException) when (touch() > 0)
        {
            sum += touch();
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Again(Func<int> touch, int i) => i == 0 ? touch() : Again(touch, i - 1) + 1;

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Own(int i) => Generic<int>.Make(i) + Generic<string>.Make("own");

    static class Generic<T>
    {
        public static int Make(T value) => Native.Touch(value.GetHashCode());
    }
}
