using System;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

// The interface is dual: the four methods of IDispatch come before its own.
[GeneratedComInterface]
[Guid("00020400-0000-0000-c000-000000000046")]
partial interface IDispatch
{
	void GetTypeInfoCount(out uint count);
	void GetTypeInfo(uint index, uint lcid, out IntPtr info);
	void GetIDsOfNames(in Guid iid, IntPtr names, uint nrNames, uint lcid, IntPtr ids);
	void Invoke(int id, in Guid iid, uint lcid, ushort flags, IntPtr parameters,
		IntPtr result, IntPtr excepinfo, IntPtr badArg);
}

// The server's interface, as somebody wrote it down by hand.  The IDL says
// [out] BSTR *hellostr, so the C# for it is `out string`.  With `ref` the generated
// code also makes a BSTR of the string that goes in.
[GeneratedComInterface]
[Guid("31f334b5-2b1d-4c9d-a5f2-e8a959165bb2")]
partial interface Imyclass : IDispatch
{
	void SayHello([MarshalAs(UnmanagedType.BStr)] ref string hellostr);
}

static partial class Server
{
	[LibraryImport("myclass", EntryPoint = "myclass_create")]
	private static partial int MyclassCreate(out IntPtr unknown);

	public static Imyclass Create()
	{
		var wrappers = new StrategyBasedComWrappers();
		IntPtr unknown;

		SpeakDotnet();
		Marshal.ThrowExceptionForHR(MyclassCreate(out unknown));
		try {
			return (Imyclass) wrappers.GetOrCreateObjectForComInstance(
				unknown, CreateObjectFlags.None);
		} finally {
			Marshal.Release(unknown);
		}
	}
}
