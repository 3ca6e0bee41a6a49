// Jobs of the class library: JSON, regular expressions, HTTP, compression, text, collections.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using System.Xml.Linq;

static class LibraryJobs
{
    public static void Add(List<(string, Action<Work>)> jobs)
    {
        jobs.Add(("library.json", Json));
        jobs.Add(("library.json_nodes", Nodes));
        jobs.Add(("library.regex", w => Expressions(w, RegexOptions.None)));
        jobs.Add(("library.regex_compiled", w => Expressions(w, RegexOptions.Compiled)));
        jobs.Add(("library.zlib", w => Compress(w, s => new ZLibStream(s, CompressionLevel.Fastest, true), s => new ZLibStream(s, CompressionMode.Decompress))));
        jobs.Add(("library.gzip", w => Compress(w, s => new GZipStream(s, CompressionLevel.Optimal, true), s => new GZipStream(s, CompressionMode.Decompress))));
        jobs.Add(("library.brotli", w => Compress(w, s => new BrotliStream(s, CompressionLevel.Fastest, true), s => new BrotliStream(s, CompressionMode.Decompress))));
        jobs.Add(("library.zip", Archive));
        jobs.Add(("library.http", w => w.Server.Ask(w.Random.Next())));
        jobs.Add(("library.collections", Collections));
        jobs.Add(("library.text", Text));
        jobs.Add(("library.xml", Xml));
    }

    sealed class Item
    {
        public int Id { get; set; }
        public string Name { get; set; }
        public List<Item> Children { get; set; }
        public Dictionary<string, double> Values { get; set; }
        [JsonConverter(typeof(TouchConverter))] public DateTime When { get; set; }
    }

    // Called by the serialiser, deep inside it.
    sealed class TouchConverter : JsonConverter<DateTime>
    {
        public override DateTime Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        {
            Native.Touch(reader.CurrentDepth * 5);
            return reader.GetDateTime();
        }

        public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options)
        {
            Native.Touch(writer.CurrentDepth * 7 + value.Second);
            writer.WriteStringValue(value);
        }
    }

    static Item Make(Work w, int depth) => new Item
    {
        Id = w.Random.Next(1000),
        Name = "item " + depth,
        When = DateTime.UnixEpoch.AddSeconds(w.Random.Next(100000)),
        Values = new Dictionary<string, double> { ["a"] = 1.5, ["b"] = depth },
        Children = depth == 0 ? null : Enumerable.Range(0, 2).Select(_ => Make(w, depth - 1)).ToList(),
    };

    static void Json(Work w)
    {
        string text = JsonSerializer.Serialize(Make(w, 3));
        Item back = JsonSerializer.Deserialize<Item>(text);
        Work.Check(JsonSerializer.Serialize(back) == text);
        using var memory = new TouchStream(w);
        JsonSerializer.SerializeAsync(memory, back).GetAwaiter().GetResult();
    }

    static void Nodes(Work w)
    {
        JsonNode node = JsonNode.Parse("{\"a\":[1,2,{\"b\":null}],\"c\":\"d\"}");
        node["e"] = w.Touch();
        Work.Check(node.ToJsonString().Length > 10);
        using JsonDocument document = JsonDocument.Parse("[1,2,3]");
        Work.Check(document.RootElement.EnumerateArray().Sum(e => { w.Touch(); return e.GetInt32(); }) == 6);
    }

    const string pattern = @"(?<word>[a-z]+)\s+(\d{1,3})(?:x|y)?";
    static readonly Regex compiled = new(pattern, RegexOptions.Compiled);

    static void Expressions(Work w, RegexOptions options)
    {
        Regex expression = options == RegexOptions.Compiled && w.Random.Next(8) != 0 ? compiled : new Regex(pattern, options);
        string text = string.Concat(Enumerable.Range(0, 8).Select(i => $"word {i}x, "));
        string replaced = expression.Replace(text, m => { w.Touch(); return m.Groups["word"].Value; });
        Work.Check(replaced.StartsWith("word, word"));
        foreach (Match m in Regex.Matches(text, "w(.)r"))
            w.Touch();
    }

    // A stream whose reads and writes allocate native memory.
    sealed class TouchStream : Stream
    {
        readonly MemoryStream inner;
        readonly Work work;
        public TouchStream(Work w, byte[] from = null)
        {
            work = w;
            inner = from == null ? new MemoryStream() : new MemoryStream(from);
        }

        public byte[] ToArray() => inner.ToArray();
        public override bool CanRead => true;
        public override bool CanSeek => true;
        public override bool CanWrite => true;
        public override long Length => inner.Length;
        public override long Position { get => inner.Position; set => inner.Position = value; }
        public override void Flush() => work.Touch();
        public override int Read(byte[] buffer, int offset, int count) { work.Touch(); return inner.Read(buffer, offset, Math.Min(count, 700)); }
        public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);
        public override void SetLength(long value) => inner.SetLength(value);
        public override void Write(byte[] buffer, int offset, int count) { work.Touch(); inner.Write(buffer, offset, count); }
    }

    static void Compress(Work w, Func<Stream, Stream> pack, Func<Stream, Stream> unpack)
    {
        var bytes = new byte[3000];
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(i * i >> 4 & 15);
        var packed = new TouchStream(w);
        using (Stream s = pack(packed))
            s.Write(bytes, 0, bytes.Length);
        using var reader = new StreamReader(unpack(new TouchStream(w, packed.ToArray())), Encoding.Latin1);
        Work.Check(reader.ReadToEnd().Length == bytes.Length);
    }

    static void Archive(Work w)
    {
        var stream = new TouchStream(w);
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, true))
            using (var entry = new StreamWriter(zip.CreateEntry("a.txt").Open()))
                entry.Write(new string('z', 500));
        using (var zip = new ZipArchive(new TouchStream(w, stream.ToArray())))
            using (var entry = new StreamReader(zip.Entries[0].Open()))
                Work.Check(entry.ReadToEnd().Length == 500);
    }

    static readonly ConcurrentDictionary<int, int> shared = new();

    static void Collections(Work w)
    {
        shared.GetOrAdd(w.Random.Next(100000), k => w.Touch() + k);
        shared.AddOrUpdate(w.Random.Next(10), k => w.Touch(), (k, v) => w.Touch());
        var sorted = new SortedDictionary<string, int>(Comparer<string>.Create((a, b) => { w.Touch(); return string.CompareOrdinal(a, b); }));
        for (int i = 0; i < 8; i++)
            sorted[w.Random.Next(50).ToString()] = i;
        Array.ForEach(new[] { 1, 2, 3 }, i => w.Touch());
        var heap = new PriorityQueue<int, (int, string)>(Comparer<(int, string)>.Create((a, b) => { w.Touch(); return a.CompareTo(b); }));
        for (int i = 0; i < 6; i++)
            heap.Enqueue(i, (w.Random.Next(5), "p"));
        Work.Check(heap.Count == 6);
    }

    sealed class Shown : IFormattable
    {
        readonly Work work;
        public Shown(Work w) => work = w;
        public string ToString(string format, IFormatProvider provider) { work.Touch(); return format ?? "none"; }
        public override string ToString() => "shown " + work.Touch();
    }

    static void Text(Work w)
    {
        var shown = new Shown(w);
        Work.Check(string.Format("{0:abc} {1}", shown, 5).StartsWith("abc"));
        Work.Check($"{shown:x} {w.Random.Next(5)}".Length > 2);
        Work.Check(new StringBuilder().AppendFormat("{0}", shown).Append(shown).Length > 4);
        Work.Check(string.Create(10, w, (span, state) => { state.Touch(); span.Fill('c'); }) == "cccccccccc");
        Work.Check(string.Join(",", Enumerable.Range(0, 4).Select(i => { w.Touch(); return i; })) == "0,1,2,3");
    }

    static void Xml(Work w)
    {
        var document = new XElement("root", Enumerable.Range(0, 4).Select(i => new XElement("child", new XAttribute("touch", w.Touch()), i)));
        var text = new StringBuilder();
        using (var writer = new StringWriter(text))
            document.Save(writer);
        Work.Check(XElement.Parse(text.ToString()).Elements().Where(e => w.Touch() > 0).Count() == 4);
    }
}

// A server and its clients, on the loopback interface, all in this process.
public sealed class WebLoop : IDisposable
{
    readonly HttpListener listener = new();
    readonly HttpClient client = new() { Timeout = TimeSpan.FromSeconds(60) };
    readonly string url;
    readonly Task serving;

    public WebLoop()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            url = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
        }
        listener.Prefixes.Add(url);
        listener.Start();
        serving = Serve();
    }

    async Task Serve()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception) when (!listener.IsListening)
            {
                return;
            }
            _ = Answer(context);
        }
    }

    async Task Answer(HttpListenerContext context)
    {
        int how = int.Parse(context.Request.QueryString["how"]);
        Native.Touch(how);
        byte[] body = Encoding.UTF8.GetBytes(new string('h', how % 300));
        context.Response.ContentLength64 = body.Length;
        await context.Response.OutputStream.WriteAsync(body);
        Native.Touch(how + 1);
        context.Response.Close();
    }

    async Task<int> AskAsync(int how)
    {
        using HttpResponseMessage answer = await client.GetAsync($"{url}?how={how}");
        Native.Touch(how + 2);
        return (await answer.Content.ReadAsStringAsync()).Length;
    }

    public void Ask(int how) => Work.Check(AskAsync(how).GetAwaiter().GetResult() == how % 300);

    public void Dispose()
    {
        listener.Stop();
        serving.Wait(1000);
        client.Dispose();
    }
}
