using System;
using System.Runtime.InteropServices;

// The server's interface, as somebody wrote it down by hand.  The IDL says
// [out] BSTR *hellostr, so the C# for it is `out string`.  With `ref` the runtime
// also makes a BSTR of the string that goes in.
[ComImport]
[Guid("31f334b5-2b1d-4c9d-a5f2-e8a959165bb2")]
[InterfaceType(ComInterfaceType.InterfaceIsDual)]
interface Imyclass
{
	[DispId(1)]
	void SayHello([MarshalAs(UnmanagedType.BStr)] ref string hellostr);
}

static class Server
{
	// Mono looks for libmyclass.so in the folder of the program first.
	[DllImport("myclass")]
	static extern int myclass_create(out IntPtr unknown);

	public static Imyclass Create()
	{
		IntPtr unknown;

		Marshal.ThrowExceptionForHR(myclass_create(out unknown));
		try {
			return (Imyclass) Marshal.GetObjectForIUnknown(unknown);
		} finally {
			Marshal.Release(unknown);
		}
	}
}
