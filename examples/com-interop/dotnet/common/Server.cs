using System;
using System.Runtime.InteropServices;

// What every client says to the server's libraries before it begins.
static partial class Server
{
	const int LayoutDotnet = 1;

	// .NET looks for libmyclass.so and liboleaut.so in the folder of the program first.
	[LibraryImport("oleaut", EntryPoint = "oleaut_use_layout")]
	private static partial void UseLayout(int layout);

	// The server's strings are freed by .NET's marshaller, and .NET's by the server:
	// from here on both lay them out in the same way.
	public static void SpeakDotnet()
	{
		UseLayout(LayoutDotnet);
	}
}
