/* The same as managed_oracle_mono.cs lines, by System.Reflection.Metadata: DLL [PDB]. */
using System;
using System.IO;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

static class Oracle {
	static MetadataReader Symbols(PEReader pe, string[] args)
	{
		foreach (var d in pe.ReadDebugDirectory())
			if (d.Type == DebugDirectoryEntryType.EmbeddedPortablePdb)
				return pe.ReadEmbeddedPortablePdbDebugDirectoryData(d).GetMetadataReader();
		return MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(args[1])).GetMetadataReader();
	}

	static void Main(string[] args)
	{
		var pe = new PEReader(File.OpenRead(args[0]));
		var symbols = Symbols(pe, args);
		var md = pe.GetMetadataReader();

		foreach (var h in md.MethodDefinitions) {
			int rva = md.GetMethodDefinition(h).RelativeVirtualAddress;
			int size = rva == 0 ? 0 : pe.GetMethodBody(rva).GetILReader().Length;
			string before = null;

			for (int il = 0; il < size; il++) {
				string now = "-\t0";
				foreach (var p in symbols.GetMethodDebugInformation(h).GetSequencePoints())
					if (p.Offset <= il && !p.IsHidden)
						now = symbols.GetString(symbols.GetDocument(p.Document).Name) + "\t" + p.StartLine;
				if (now != before)
					Console.WriteLine($"{MetadataTokens.GetToken(h):x8}\t{il}\t{now}");
				before = now;
			}
		}
	}
}
