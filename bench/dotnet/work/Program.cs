using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

// JSON, regular expressions and compression, the same in every run: what a .NET service
// does all day, with little native memory of its own.  Run by bench/run.
static class Program
{
	sealed class Order
	{
		public int Id { get; set; }
		public string Customer { get; set; }
		public string Placed { get; set; }
		public List<Item> Items { get; set; }
	}

	sealed class Item
	{
		public string Name { get; set; }
		public int Count { get; set; }
		public double Price { get; set; }
	}

	const int DefaultTurns = 240;
	const ulong FnvBasis = 14695981039346656037, FnvPrime = 1099511628211;

	static readonly string[] words = {
		"bolt", "washer", "plate", "hinge", "bracket", "spring", "valve", "gasket",
	};

	static int Main(string[] args)
	{
		int turns = DefaultTurns;
		ulong sum = FnvBasis;

		if (args.Length == 1)
			turns = int.Parse(args[0], CultureInfo.InvariantCulture);
		for (int turn = 0; turn < turns; turn++) {
			byte[] json = JsonSerializer.SerializeToUtf8Bytes(Orders(turn, 300));
			var back = JsonSerializer.Deserialize<List<Order>>(json);
			string text = Text(back);

			sum = Add(sum, Encoding.UTF8.GetBytes(Document(json)));
			sum = Add(sum, Encoding.UTF8.GetBytes(Matches(text, turn)));
			sum = Add(sum, Packed(Encoding.UTF8.GetBytes(text)));
			sum = Small(sum, back);
		}
		Console.WriteLine("work: {0} turns, checksum {1:x16}", turns, sum);
		return 0;
	}

	// FNV-1a.
	static ulong Add(ulong sum, byte[] bytes)
	{
		foreach (byte b in bytes)
			sum = (sum ^ b) * FnvPrime;
		return sum;
	}

	static List<Order> Orders(int seed, int count)
	{
		var pick = new Random(seed);
		var orders = new List<Order>();

		for (int i = 0; i < count; i++) {
			var items = new List<Item>();

			for (int k = pick.Next(1, 9); k > 0; k--)
				items.Add(new Item {
					Name = words[pick.Next(words.Length)] + "-" + pick.Next(1000),
					Count = pick.Next(1, 50),
					Price = pick.Next(100000) / 100.0,
				});
			orders.Add(new Order {
				Id = seed * count + i,
				Customer = "customer " + pick.Next(5000),
				Placed = new DateTime(2020, 1, 1).AddMinutes(pick.Next(2000000))
					.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
				Items = items,
			});
		}
		return orders;
	}

	static string Text(List<Order> orders)
	{
		var text = new StringBuilder();

		foreach (Order o in orders) {
			text.Append(o.Placed).Append(' ').Append(o.Customer).Append(':');
			foreach (Item i in o.Items)
				text.Append(CultureInfo.InvariantCulture,
					$" {i.Count} x {i.Name} at {i.Price:F2};");
			text.Append('\n');
		}
		return text.ToString();
	}

	// The same document without a type behind it.
	static string Document(byte[] json)
	{
		double total = 0;

		using (JsonDocument document = JsonDocument.Parse(json)) {
			foreach (JsonElement order in document.RootElement.EnumerateArray())
				foreach (JsonElement item in order.GetProperty("Items").EnumerateArray())
					total += item.GetProperty("Count").GetInt32() *
						item.GetProperty("Price").GetDouble();
		}
		return total.ToString("F2", CultureInfo.InvariantCulture);
	}

	// Interpreted, and every few turns compiled: that makes dynamic methods.
	static string Matches(string text, int turn)
	{
		RegexOptions how = turn % 8 == 7 ? RegexOptions.Compiled : RegexOptions.None;
		var item = new Regex(@"(?<n>\d+) x (?<w>[a-z]+)-(\d{2,3}) at (\d+\.\d5);", how);
		var date = new Regex(@"^(\d{4})-(0[1-6])-\d\d (?:0\d|1[01]):", how |
			RegexOptions.Multiline);
		var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);

		foreach (Match m in item.Matches(text)) {
			string word = m.Groups["w"].Value;

			counts.TryGetValue(word, out int n);
			counts[word] = n + int.Parse(m.Groups["n"].Value,
				CultureInfo.InvariantCulture);
		}
		return date.Count(text) + " " + string.Join(",", counts);
	}

	// Back and forth through both; what comes back is what the checksum sees, so that a
	// library that packs better changes nothing.
	static byte[] Packed(byte[] text)
	{
		byte[] deflated = Through(text, s => new DeflateStream(s, CompressionLevel.Optimal, true));
		byte[] brotli = Through(text, s => new BrotliStream(s, CompressionLevel.Fastest, true));

		using (var a = new DeflateStream(new MemoryStream(deflated), CompressionMode.Decompress))
		using (var b = new BrotliStream(new MemoryStream(brotli), CompressionMode.Decompress))
		using (var both = new MemoryStream()) {
			a.CopyTo(both);
			b.CopyTo(both);
			return both.ToArray();
		}
	}

	static byte[] Through(byte[] bytes, Func<Stream, Stream> open)
	{
		using (var packed = new MemoryStream()) {
			using (Stream s = open(packed))
				s.Write(bytes, 0, bytes.Length);
			return packed.ToArray();
		}
	}

	// Many short streams: each makes and drops the native library's own state.
	static ulong Small(ulong sum, List<Order> orders)
	{
		foreach (Order o in orders) {
			byte[] json = JsonSerializer.SerializeToUtf8Bytes(o);
			byte[] packed = Through(json, s =>
				new DeflateStream(s, CompressionLevel.Fastest, true));

			using (var back = new DeflateStream(new MemoryStream(packed),
				CompressionMode.Decompress))
				sum = (sum ^ (uint) JsonSerializer.Deserialize<Order>(back).Items.Count) *
					FnvPrime;
		}
		return sum;
	}
}
