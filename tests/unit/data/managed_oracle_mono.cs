/*
 * Asks the running Mono what it knows of an assembly's methods, through functions
 * that the runtime exports: `names`, `lines` (per IL offset, written where they
 * change) or `maps` (code range and sequence points as the JIT left them).
 */
using System;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;

static class Oracle {
	[DllImport("__Internal")] static extern IntPtr mono_method_full_name(IntPtr m, bool sig);
	[DllImport("__Internal")] static extern IntPtr mono_debug_lookup_method(IntPtr m);
	[DllImport("__Internal")] static extern IntPtr mono_debug_method_lookup_location(IntPtr mi, int il);
	[DllImport("__Internal")] static extern IntPtr mono_jit_info_table_find(IntPtr dom, IntPtr addr);
	[DllImport("__Internal")] static extern IntPtr mono_domain_get();
	[DllImport("__Internal")] static extern IntPtr mono_compile_method(IntPtr m);

	static string Hex(byte[] b)
	{
		return BitConverter.ToString(b).Replace("-", "").ToLower();
	}

	static void Names(MethodBase m)
	{
		Console.WriteLine("{0:x8}\t{1}", m.MetadataToken, Marshal.PtrToStringAnsi(
			mono_method_full_name(m.MethodHandle.Value, true)));
	}

	static void Lines(MethodBase m)
	{
		MethodBody body = m.GetMethodBody();
		IntPtr info = mono_debug_lookup_method(m.MethodHandle.Value);
		string before = null;

		for (int il = 0; body != null && il < body.GetILAsByteArray().Length; il++) {
			IntPtr at = info == IntPtr.Zero ? info : mono_debug_method_lookup_location(info, il);
			string now = at == IntPtr.Zero ? "-\t0" :
				Marshal.PtrToStringAnsi(Marshal.ReadIntPtr(at)) + "\t" + Marshal.ReadInt32(at, 8);
			if (now != before)
				Console.WriteLine("{0:x8}\t{1}\t{2}", m.MetadataToken, il, now);
			before = now;
		}
	}

	/* MonoJitInfo of 6.8, 64-bit: code start at 16, size at 28, sequence points at 48. */
	static void Maps(MethodBase m)
	{
		if (m.ContainsGenericParameters || m.GetMethodBody() == null)
			return;
		IntPtr ji = mono_jit_info_table_find(mono_domain_get(), mono_compile_method(m.MethodHandle.Value));
		IntPtr points = Marshal.ReadIntPtr(ji, 48);
		int header = 0, n = 0;
		byte b;

		do {
			b = Marshal.ReadByte(points, n);
			header |= (b & 0x7f) << 7 * n++;
		} while ((b & 0x80) != 0);
		byte[] map = new byte[n + (header >> 2)];
		Marshal.Copy(points, map, 0, map.Length);
		Console.WriteLine("{0:x8}\t{1}\t{2}", m.MetadataToken, Marshal.ReadInt32(ji, 28), Hex(map));
	}

	static void Main(string[] args)
	{
		const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic |
			BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
		Action<MethodBase> show = args[0] == "names" ? Names : args[0] == "lines" ? Lines : (Action<MethodBase>)Maps;

		foreach (Type t in Assembly.LoadFile(Path.GetFullPath(args[1])).GetTypes())
			foreach (MemberInfo m in t.GetMembers(all))
				if (m is MethodBase)
					show((MethodBase)m);
	}
}
