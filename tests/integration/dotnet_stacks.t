#!/usr/bin/perl
# The managed frames of at least 2,000 stacks of a busy .NET program against ClrMD, a debugger's
# library that reads the stopped process: same methods in the same order, same pc and stack pointer.
# tests/dotnet/busy is the program, tests/check/park.c what makes its threads stand still,
# tests/dotnet/oracle what compares; what the DAC is known to show otherwise is named in Rules.cs.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $build = "$root/build/dotnet-stacks";
my $tmp = tempdir(CLEANUP => 1);
my $wanted = $ENV{LEAKLINE_STACKS} || 2000;
my $limit = $ENV{LEAKLINE_STACKS_SECONDS} || 150;

$ENV{$_} = 1 for qw(DOTNET_CLI_TELEMETRY_OPTOUT DOTNET_NOLOGO DOTNET_SKIP_FIRST_TIME_EXPERIENCE MSBUILDDISABLENODEREUSE);
plan skip_all => "dotnet not found: the SDK of .NET 10 is needed" unless `sh -c 'command -v dotnet'`;
my ($sdk) = grep { /^10\./ } `dotnet --list-sdks 2>/dev/null`;
plan skip_all => "dotnet has no SDK of .NET 10" unless $sdk;

# Builds in a copy, so that nothing of it lies among the sources.
sub build {
	my ($name) = @_;
	mkdir "$root/build"; mkdir $build;
	system("mkdir -p $build/$name && cp -p $root/tests/dotnet/$name/* $build/$name/") == 0 or die;
	return system("cd $build/$name && dotnet build -v q -c Release -p:UseSharedCompilation=false -o out >build.log 2>&1") == 0;
}

sub text_of { my ($path) = @_; open(my $f, "<", $path) or return ""; local $/; return scalar <$f> }

if (!build("oracle")) {
	my $log = text_of("$build/oracle/build.log");
	plan skip_all => "the package Microsoft.Diagnostics.Runtime could not be had from NuGet" if $log =~ /NU1\d\d\d/ || $log !~ /error CS/;
	BAIL_OUT("the oracle does not build: $log");
}
build("busy") or BAIL_OUT("the busy program does not build: " . text_of("$build/busy/build.log"));
system("cc -O2 -g -shared -fPIC -o $build/busy/out/libbusy_native.so $build/busy/native.c") == 0 or BAIL_OUT("native.c does not build");

my $busy = "dotnet $build/busy/out/busy.dll";
is(scalar(`$busy 2 8 2>&1`), "busy: ok\n", "the busy program works untracked");

open(my $park, ">", "$tmp/park") or die;
print $park "linepark";
truncate($park, 4096 + 64 * 65536);
close $park;
mkdir "$tmp/stores", 0700;
my $target = fork // die;
if (!$target) {
	$ENV{LEAKLINE_STORE_DIR} = "$tmp/stores";
	$ENV{LEAKLINE_PARK_FILE} = "$tmp/park";
	$ENV{LD_PRELOAD} = "$root/build/tests/libleakline-park.so";
	open(STDOUT, ">", "$tmp/busy.out"); open(STDERR, ">&", \*STDOUT);
	exec(split(/ /, $busy), $limit + 30, 16) or exit 127;
}

# The comparison must be able to fail.
my $sabotaged = `ORACLE_DROP=2 dotnet $build/oracle/out/oracle.dll 40 30 $tmp/park 2>&1`;
my ($had, $told) = $sabotaged =~ /^compared (\d+) differences (\d+)/m;
cmp_ok($told // 0, ">=", ($had // 40) / 2, "a frame that is left out is told: " . ($told // 0) . " of " . ($had // 0)) or diag($sabotaged);

my $out = `dotnet $build/oracle/out/oracle.dll $wanted $limit $tmp/park 2>&1`;
my $status = $? >> 8;
my ($stacks, $differences, $distinct) = $out =~ /^compared (\d+) differences (\d+) distinct (\d+)/m;
my ($truncated, $cut, $guessed) = $out =~ /^without-managed-frames \d+ truncated (\d+) cut (\d+) guessed (\d+)/m;
cmp_ok($stacks // 0, ">=", $wanted, ($stacks // 0) . " stacks compared");
is($differences, 0, "no difference") or diag($out);
my $blind = 0;
$blind += $1 while $out =~ /^known exception: .*(?:the DAC does not see|the DAC finds no method).*: (\d+) stacks/mg;
cmp_ok($blind, "<=", $wanted / 25, "$blind stacks that the DAC sees in part only");
cmp_ok($distinct // 0, ">=", $wanted / 4, ($distinct // 0) . " of them are different stacks");
is($truncated, 0, "no stack ends early");
is($cut, 0, "no stack is cut");
is($guessed, 0, "no frame is guessed");
like($out, qr/not-released 0$/m, "every thread was released in time");
is($status, 0, "the oracle ended by itself") or diag($out);
note($_) for grep { /^known exception|^rounds|^compared/ } split(/\n/, $out);

# The busy program ends by itself when its time is over; what was proven does not need the rest.
kill "TERM", $target;
waitpid($target, 0);
unlike(text_of("$tmp/busy.out"), qr/Unhandled|Fatal/, "the busy program met no failure") or diag(text_of("$tmp/busy.out"));
done_testing();
