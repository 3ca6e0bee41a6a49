#!/usr/bin/perl
# Losses in every shape that the C# compiler takes a method apart into, in a live process
# of .NET: each is at the line of the source, under the name of the source, with symbols
# beside the assembly, inside of it, and in a folder of symbols; and without symbols.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Copy;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $source = "$root/tests/programs/clr_names.cs";
my $tmp = tempdir(CLEANUP => 1);

plan skip_all => "dotnet not found" unless `sh -c 'command -v dotnet'`;
my ($sdk) = map { "$$_[1]/$$_[0]" } map { [/^(\S+) \[(.*)\]$/] } (`dotnet --list-sdks`)[-1] // "";
plan skip_all => "no .NET SDK to compile with" unless $sdk && -e "$sdk/Roslyn/bincore/csc.dll";
my ($ref) = reverse glob dirname(dirname($sdk)) . "/packs/Microsoft.NETCore.App.Ref/*/ref/*";
plan skip_all => "no reference assemblies of .NET" unless $ref;
my ($version) = $ref =~ /net(\d+\.\d+)$/;

$ENV{DOTNET_CLI_TELEMETRY_OPTOUT} = $ENV{DOTNET_NOLOGO} = 1;
delete $ENV{LEAKLINE_SYMBOLS};

sub compile {
	my ($folder, @options) = @_;
	my $analyzers = dirname(dirname($ref)) . "/analyzers/dotnet/cs";
	my @references = map { "-r:$ref/System.$_.dll" } qw(Runtime Console Collections Linq Memory
		Runtime.InteropServices Threading Reflection.Emit Reflection.Emit.ILGeneration
		Reflection.Emit.Lightweight Reflection.Primitives);

	mkdir "$tmp/$folder";
	system("dotnet", "$sdk/Roslyn/bincore/csc.dll", "-nologo", "-unsafe", "-warn:0", @references,
		"-analyzer:$analyzers/Microsoft.Interop.LibraryImportGenerator.dll",
		"-analyzer:$analyzers/Microsoft.Interop.SourceGeneration.dll",
		@options, "-pathmap:" . dirname($source) . "=/src", "-out:$tmp/$folder/names.dll", $source) == 0
		or BAIL_OUT("csc failed");
	open my $config, ">", "$tmp/$folder/names.runtimeconfig.json" or BAIL_OUT("no $tmp/$folder");
	print $config qq({"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"$version.0"}}});
	close $config;
}

# { size of a block => [name, line] } of what the source says that it loses.
sub expected {
	my (%expected, $nr);

	open my $file, "<", $source or BAIL_OUT("cannot read $source");
	while (<$file>) {
		$nr++;
		my ($name, $size) = m{// expect (\S.*\S)\s*$} or next;
		$size = $1 if $name =~ s/ (\d+)$//;
		($size) = /(?:Take|Made)\((\d+)/ unless $size;
		$expected{$size} = [$name, $nr];
	}
	return %expected;
}

sub check {
	my ($folder, $what, $has_lines) = @_;
	my %expected = expected();
	my $out = `$leakline run -q -o $tmp/$folder.leakline -- dotnet $tmp/$folder/names.dll 2>&1`;

	is($out, "done\n", "$what: the program does what it does");
	my $sql = "select size, count(*) as blocks, f.function, f.file, f.line, f.il_offset
		from outstanding join site_frames f on f.site = outstanding.site and f.responsible
		where size between 1001 and 1099 and f.origin = 'managed'
		group by size, f.function, f.file, f.line";
	my %rows;
	push @{ $rows{ $_->{size} } }, $_
		for @{ decode_json(scalar `$leakline query --json $tmp/$folder.leakline "$sql"`) };
	for my $size (sort keys %expected) {
		my ($name, $line) = @{ $expected{$size} };
		my ($row, @more) = @{ $rows{$size} // [] };

		is($row->{function}, $name, "$what: $name");
		is(($row->{file} // "") . ":" . ($row->{line} // ""),
			$has_lines ? "/src/clr_names.cs:$line" : ":", "$what: its line");
		ok(!@more && $row->{blocks} == 20 && defined $row->{il_offset},
			"$what: all of its blocks, and the IL offset");
	}
}

compile("beside", "-debug:portable", "-pdb:$tmp/beside/names.pdb");
check("beside", "PDB beside", 1);
compile("embedded", "-debug:embedded", "-optimize");
check("embedded", "PDB embedded, optimised", 1);
mkdir "$tmp/symbols";
compile("alone", "-debug:portable", "-optimize", "-pdb:$tmp/symbols/names.pdb");
move("$tmp/symbols", "$tmp/moved");
check("alone", "no PDB", 0);
$ENV{LEAKLINE_SYMBOLS} = "/nowhere:$tmp/moved";
check("alone", "PDB in LEAKLINE_SYMBOLS", 1);
done_testing();
