/* Finds the native-to-IL maps of a ReadyToRun image: sections 103 (entry points) and 105. */
using System;
using System.IO;
using System.Text;

class ReadyToRun {
	readonly byte[] d;
	readonly int entryPoints, debugInfo;

	int U16(int at) => BitConverter.ToUInt16(d, at);
	int I32(int at) => BitConverter.ToInt32(d, at);

	int Offset(int rva)
	{
		int pe = I32(0x3c), at = pe + 24 + U16(pe + 20);

		for (int i = 0; i < U16(pe + 6); i++, at += 40)
			if (rva >= I32(at + 12) && rva - I32(at + 12) < I32(at + 16))
				return I32(at + 20) + rva - I32(at + 12);
		return 0;
	}

	public ReadyToRun(string path)
	{
		d = File.ReadAllBytes(path);
		int pe = I32(0x3c), directories = pe + 24 + (U16(pe + 24) == 0x20b ? 112 : 96);
		int native = I32(Offset(I32(directories + 14 * 8)) + 64);

		if (native == 0)
			return;
		int header = Offset(native);
		for (int i = 0; i < I32(header + 12); i++) {
			int section = header + 16 + 12 * i;

			if (I32(section) == 103)
				entryPoints = Offset(I32(section + 4));
			if (I32(section) == 105)
				debugInfo = Offset(I32(section + 4));
		}
	}

	uint Varuint(int at, out int next)
	{
		int b = d[at], n = 1;

		while (n <= 4 && (b >> (n - 1) & 1) != 0)
			n++;
		next = at + n;
		if (n == 5)
			return (uint)I32(at + 1);
		ulong v = 0;
		for (int i = 0; i < n; i++)
			v |= (ulong)d[at + i] << 8 * i;
		return (uint)(v >> n);
	}

	/* An element of a native array, or 0. */
	int Element(int array, uint index)
	{
		uint header = Varuint(array, out int start);
		int width = 1 << (int)(header & 3), at = start + (int)(index / 16) * width;

		if (index >= header >> 2)
			return 0;
		at = start + (width == 1 ? d[at] : width == 2 ? U16(at) : I32(at));
		for (int bit = 8; bit != 0; bit >>= 1) {
			uint v = Varuint(at, out int next);

			if ((index & bit) != 0 && (v & 2) != 0)
				at += (int)(v >> 2);
			else if ((index & bit) == 0 && (v & 1) != 0)
				at = next;
			else
				return (v & 3) == 0 && v >> 2 == (index & 15) ? next : 0;
		}
		return at;
	}

	uint Number(int at, ref int nibble)
	{
		uint v = 0, n;

		do {
			n = (uint)(d[at + nibble / 2] >> (nibble % 2 * 4)) & 15;
			nibble++;
			v = v << 3 | n & 7;
		} while ((n & 8) != 0);
		return v;
	}

	public string MapOf(int token)
	{
		int at = entryPoints == 0 ? 0 : Element(entryPoints, (uint)(token & 0xffffff) - 1);

		if (at == 0)
			return "-";
		uint id = Varuint(at, out _), index = (id & 1) != 0 ? id >> 2 : id >> 1;
		if ((at = Element(debugInfo, index)) == 0)
			return "-";
		uint back = Varuint(at, out int blob);
		if (back != 0)
			blob = at - (int)back;
		int nibble = 0;
		uint size = Number(blob, ref nibble);
		Number(blob, ref nibble);
		return "02" + Convert.ToHexString(d, blob, (nibble + 1) / 2 + (int)size).ToLower();
	}
}
