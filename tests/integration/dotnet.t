#!/usr/bin/perl
# .NET: the reference case in its three forms, before and after the fix.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $example = "$root/examples/com-interop";

plan skip_all => "dotnet not found (the SDK of .NET 10): nothing of .NET is tested" unless `sh -c 'command -v dotnet'`;

my $tmp = tempdir(CLEANUP => 1);
chdir $tmp;
$ENV{DOTNET_CLI_TELEMETRY_OPTOUT} = $ENV{DOTNET_NOLOGO} = $ENV{DOTNET_SKIP_FIRST_TIME_EXPERIENCE} = 1;

sub build
{
	my ($what, $command) = @_;
	system("$command >$tmp/build.log 2>&1") == 0 or BAIL_OUT("$what does not build: " . `tail -20 $tmp/build.log`);
}

build("the example", "make -s -C $example B=$tmp/b");

sub tracked
{
	my ($name, $command) = @_;
	my $plain = `$command 2>&1`;
	my $out = `$leakline run -q -o $name.leakline -- $command 2>&1`;
	is($out, $plain, "$name: same output");
	my $report = decode_json(scalar(`$leakline report --json --sites 40 $name.leakline`));
	is($report->{not_seen}{lost_events}, 0, "$name: nothing was lost");
	return $report;
}

sub line_of
{
	my ($file, $pattern) = @_;
	open(my $f, "<", $file) or die "$file: $!";
	while (<$f>) { return $. if /$pattern/ }
	die "$file has no line with $pattern";
}

sub growing { return grep { ($_->{growth_bytes_per_min} // 0) > 0 } @{$_[0]{sites}} }
sub internal { return $_[0]{manager} eq "runtime" || $_[0]{manager} eq "GC heap" }
sub leaks { return grep { !internal($_) } growing($_[0]) }
sub told { return join "\n", map { my $s = $_; join(" ", $s->{manager}, $s->{outstanding_blocks}, $s->{growth_bytes_per_min} // "?", map { ($_->{function} // $_->{address} // "") . ($_->{line} ? ":$_->{line}" : "") } @{$s->{frames}}[0..8]) } @_ }

sub before_ok
{
	my ($name, $call) = @_;
	my $line = line_of("$example/dotnet/before/$call/Program.cs", qr/SayHello\(ref sout\)/);
	my $r = tracked($name, "dotnet $tmp/b/dotnet/before-$call.dll --calls 4000 --pace 2000");
	my $site = $r->{sites}[0];
	my $frame = $site->{frames}[$site->{responsible} // 0];
	is($r->{verdict}{class}, "native", "$name: the verdict is native");
	is($site->{manager}, "BSTR", "$name: the first site is a BSTR");
	is(basename($frame->{file} // "") . ":" . ($frame->{line} // ""), "Program.cs:$line", "$name: the responsible line is that of the call") or diag(told($site));
	like($frame->{function} // "", qr/Program.*Main/, "$name: in Main");
	is($frame->{origin}, "managed", "$name: which is managed code");
	ok(defined $frame->{il_offset}, "$name: with its IL offset");
	is($site->{outstanding_blocks}, 3999, "$name: one block a call but the first");
	is($site->{outstanding_bytes}, 3999 * 32, "$name: of 32 bytes");
	cmp_ok($site->{leak_probability}, ">", 90, "$name: surely a leak");
	ok((grep { $_->{origin} eq "generated" } @{$site->{frames}}), "$name: generated frames are marked");
	is(join(" ", map { $_->{function} // basename($_->{module}) } @{$site->{frames}}[-2, -1]), "__libc_start_main dotnet", "$name: the stack goes to the process's first frame, which has no name in dotnet");
	is_deeply([grep { !defined $_->{function} && $_->{origin} ne "native" } @{$site->{frames}}], [], "$name: every managed frame has its name");
	is($r->{not_seen}{truncated_stacks} // 0, 0, "$name: every stack is whole");
	ok((grep { ($_->{content} // "") =~ /Hello World/ } @{$site->{samples}}), "$name: samples show the text");
	is_deeply($r->{process}{runtimes}, ["clr"], "$name: the runtime is told");
	is(scalar(leaks($r)), 1, "$name: it is the only site that grows") or diag(told(leaks($r)));
}

sub after_ok
{
	my ($name, $call) = @_;
	my $r = tracked($name, "dotnet $tmp/b/dotnet/after-$call.dll --calls 4000 --pace 2000");
	is(scalar(growing($r)), 0, "$name: nothing grows") or diag(told(growing($r)));
	is($r->{verdict}{class}, "none", "$name: the verdict is none");
	is($r->{process}{ended}, "exited", "$name: it ended by itself");
}

# What the JIT and the collector are told to do changes the stacks, but not what is found.
sub setting_ok
{
	my ($setting) = @_;
	my $name = $setting;
	my $line = line_of("$example/dotnet/before/dllimport/Program.cs", qr/SayHello\(ref sout\)/);
	system("$setting $leakline run -q -o setting.leakline -- dotnet $tmp/b/dotnet/before-dllimport.dll --calls 4000 --pace 2000 >/dev/null");
	my $r = decode_json(scalar(`$leakline report --json --sites 40 setting.leakline`));
	my $site = $r->{sites}[0];
	my $frame = $site->{frames}[$site->{responsible} // 0];
	is(join(" ", $site->{manager}, $site->{outstanding_blocks}, basename($frame->{file} // ""), $frame->{line} // ""),
		"BSTR 3999 Program.cs $line", "$name: the same site is found") or diag(told($site));
	is($r->{not_seen}{truncated_stacks} // 0, 0, "$name: every stack is whole");
}

for my $setting (qw(DOTNET_TieredCompilation=0 DOTNET_TieredPGO=0 DOTNET_ReadyToRun=0 DOTNET_TC_QuickJitForLoops=0
	DOTNET_gcServer=1 DOTNET_GCName=libclrgc.so DOTNET_EnableWriteXorExecute=0 DOTNET_EnableDiagnostics=0)) {
	setting_ok($setting);
}

for my $call (qw(dllimport libraryimport com)) {
	before_ok("before-$call", $call);
	after_ok("after-$call", $call);
}

done_testing();
