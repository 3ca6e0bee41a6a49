using System;
using System.Collections.Generic;
using System.IO;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

// N10: small managed objects that hold much native memory and are never disposed of.  The
// list keeps them from the finalizer, as a cache or an event handler would.

static class Certificate
{
	static readonly byte[] encoded = Make();

	static byte[] Make()
	{
		using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
		var request = new CertificateRequest("CN=leakline", key, HashAlgorithmName.SHA256);
		DateTimeOffset start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

		using X509Certificate2 certificate = request.CreateSelfSigned(start, start.AddYears(1));
		return certificate.RawData;
	}

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static X509Certificate2 Load()
	{
		return X509CertificateLoader.LoadCertificate(encoded);
	}
}

static class N10OpenSsl
{
	static readonly List<X509Certificate2> kept = new();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		X509Certificate2 certificate = Certificate.Load();

		if (release)
			certificate.Dispose();
		else
			kept.Add(certificate);
	}
}

sealed class Database : SafeHandle
{
	Database() : base(IntPtr.Zero, true) { }

	public override bool IsInvalid => handle == IntPtr.Zero;

	[DllImport("libsqlite3.so.0", EntryPoint = "sqlite3_open")]
	static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, out Database database);
	[DllImport("libsqlite3.so.0", EntryPoint = "sqlite3_close")]
	static extern int Close(IntPtr database);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static Database InMemory()
	{
		Database database;

		if (Open(":memory:", out database) != 0)
			throw new InvalidOperationException("sqlite3_open failed");
		return database;
	}

	protected override bool ReleaseHandle()
	{
		return Close(handle) == 0;
	}
}

static class N10Sqlite
{
	static readonly List<Database> kept = new();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		Database database = Database.InMemory();

		if (release)
			database.Dispose();
		else
			kept.Add(database);
	}
}

static class N10Zlib
{
	static readonly List<DeflateStream> kept = new();

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		var stream = new DeflateStream(Stream.Null, CompressionLevel.Fastest);

		if (release)
			stream.Dispose();
		else
			kept.Add(stream);
	}
}

// N16: a reference on a library's object that nobody gives back.  The blocks were made where
// the certificate was read; the guilty line allocates nothing.
static class N16OpenSsl
{
	[DllImport("libcrypto.so.3", EntryPoint = "X509_up_ref")]
	static extern int UpRef(IntPtr certificate);

	[MethodImpl(MethodImplOptions.NoInlining)]
	public static void Lose(bool release)
	{
		using X509Certificate2 certificate = Certificate.Load();

		if (!release)
			UpRef(certificate.Handle);
	}
}
