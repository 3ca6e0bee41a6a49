#!/usr/bin/perl
# Every way to publish and to run a .NET program: the leak of tests/dotnet/leaky is its first site, a
# BSTR, on the line of the call, with the whole stack through Main.  An ordinary run takes few ways of
# publishing and all environments; LEAKLINE_MATRIX=full, or make check-dotnet, takes all.  What is
# published is kept in build/dotnet-matrix.
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::MD5 qw(md5_hex);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $source = "$root/tests/dotnet/leaky";
my $build = "$root/build/dotnet-matrix";
my $tmp = tempdir(CLEANUP => 1);
my $full = ($ENV{LEAKLINE_MATRIX} // "") eq "full";
my $calls = 2000;
my $pace = "$calls 20";

$ENV{$_} = 1 for qw(DOTNET_CLI_TELEMETRY_OPTOUT DOTNET_NOLOGO DOTNET_SKIP_FIRST_TIME_EXPERIENCE MSBUILDDISABLENODEREUSE);
plan skip_all => "dotnet not found: the SDK of .NET 10 is needed" unless `sh -c 'command -v dotnet'`;
my ($sdk) = grep { /^10\./ } `dotnet --list-sdks 2>/dev/null`;
plan skip_all => "dotnet has no SDK of .NET 10" unless $sdk;

my $own = "-r linux-x64 --self-contained";
my $theirs = "-r linux-x64 --no-self-contained";
my $r2r = "-p:PublishReadyToRun=true";
my $single = "-p:PublishSingleFile=true";
# name, arguments of dotnet publish, whether an ordinary run takes it
my @ways = (
	["framework-dependent", "-c Release", 1],
	["debug", "-c Debug", 1],
	["single-file-ready-to-run", "-c Release $own $single $r2r -p:PublishReadyToRunComposite=false", 1],
	["self-contained", "-c Release $own"],
	["ready-to-run", "-c Release $theirs $r2r"],
	["self-contained-ready-to-run", "-c Release $own $r2r"],
	["composite", "-c Release $own $r2r -p:PublishReadyToRunComposite=true"],
	["single-file", "-c Release $theirs $single"],
	["single-file-self-contained", "-c Release $own $single"],
	["single-file-compressed", "-c Release $own $single -p:EnableCompressionInSingleFile=true"],
	["single-file-composite", "-c Release $own $single $r2r -p:PublishReadyToRunComposite=true"],
	["trimmed", "-c Release $own -p:PublishTrimmed=true"],
	["embedded-pdb", "-c Release -p:DebugType=embedded"],
	["net9", "-c Release $own -p:Framework=net9.0"],
	["net8", "-c Release $own -p:Framework=net8.0"],
	["native", "-c Release $own -p:PublishAot=true"],
);
my %arguments = map { $_->[0] => $_->[1] } @ways;

sub text_of { my ($path) = @_; open(my $f, "<:raw", $path) or return ""; local $/; return scalar(<$f>) // "" }
sub put { my ($path, $text) = @_; open(my $f, ">:raw", $path) or die "$path: $!"; print $f $text; close $f }

my $leak_line = do { my ($n, $found) = (0, 0); for (split /\n/, text_of("$source/Program.cs")) { $n++; $found = $n if m{// the leak} } $found };

# Publishes where that was not done already.  Gives the folder, or undef and what is missing.
sub publish {
	my ($name) = @_;
	my $at = "$build/$name";
	my $stamp = md5_hex("2", $arguments{$name}, $sdk, map { text_of($_) } sort glob "$source/*");

	return "$at/out" if text_of("$at/stamp") eq $stamp;
	system("rm -rf $at && mkdir -p $at/src && cp $source/* $at/src") == 0 or die;
	if (system("cd $at/src && dotnet publish -v q $arguments{$name} -p:UseSharedCompilation=false -o $at/out >$at/log 2>&1")) {
		my ($missing) = text_of("$at/log") =~ /error (NU\d+: [^\[\n]*)/;
		$missing //= $1 if text_of("$at/log") =~ /(Platform linker .*? not found[^\[\n]*)/;
		return (undef, $missing);
	}
	system("rm -rf $at/src/bin $at/src/obj"); # the assembly names the PDB that lies there
	system("cc -O2 -g -shared -fPIC -o $at/out/libleaky_server.so $at/src/server.c") == 0 or die;
	put("$at/stamp", $stamp);
	return "$at/out";
}

sub command { my ($out, $host) = @_; return $host ? "dotnet leaky.dll" : "./leaky" }

# Runs in $out, first without and then with leakline; gives the report.
sub tracked {
	my ($out, $command, $env) = @_;
	$env //= "";
	my $plain = `cd $out && env $env $command 2>&1; echo \$?`;
	my $got = `cd $out && env $env $leakline run -q -o $tmp/r.leakline -- $command 2>&1; echo \$?`;
	is($got, $plain, "same output and status");
	my $report = eval { decode_json(scalar(`$leakline report --json $tmp/r.leakline`)) };
	ok($report, "there is a report") or return { sites => [], not_seen => {}, process => {} };
	return $report;
}

sub names { return join(" <- ", map { $_->{function} // "?" } @{$_[0]{frames}}) }

# The site of the leak: the first, a BSTR, whole, on the line of the call.
# lines: the line is told; blocks: how many; approximate: this runtime's stacks are marked so.
sub check {
	my ($report, %want) = @_;
	my ($site) = $want{brief} ? grep({ $_->{manager} eq "BSTR" } @{$report->{sites}}) : $report->{sites}[0];
	my $frame = $site->{frames}[$site->{responsible} // 0];

	is($report->{not_seen}{lost_events}, 0, "nothing was lost");
	is($report->{not_seen}{truncated_stacks} // 0, 0, "every stack is whole");
	is($report->{not_seen}{approximate_stacks} // 0, 0, "no frame is guessed") unless $want{approximate};
	is_deeply($report->{process}{runtimes}, ["clr"], "the runtime is told");
	is($site->{manager}, "BSTR", "the site is a BSTR") or diag(names($site));
	is($site->{outstanding_blocks}, $want{blocks} // $calls, "one block a call");
	is($frame->{function}, "Program.Call(int)", "the method that calls") or diag(names($site));
	if ($want{no_lines}) {
		is($frame->{file}, undef, "without a line");
	} else {
		is(basename($frame->{file} // ""), "Program.cs", "the file");
		is($frame->{line}, $leak_line, "the line of the call");
	}
	ok(defined $frame->{il_offset}, "its IL offset");
	ok((grep { ($_->{function} // "") eq "Program.Main(string[])" } @{$site->{frames}}), "the stack goes through Main") or diag(names($site));
	ok((grep { $_->{origin} eq "generated" } @{$site->{frames}}), "the marshalling stub is there") or diag(names($site));
	is_deeply([grep { $_->{origin} ne "native" && !defined $_->{function} } @{$site->{frames}}], [], "every managed frame has its name");
	my $last = $site->{frames}[-1];
	ok(($last->{function} // "") eq "_start" || (!defined $last->{function} && basename($last->{module} // "") =~ /^(dotnet|leaky)$/),
		"to the process's first frame") or diag(names($site));
}

# A way of publishing: its own host, or none where it is one file.
for (@ways) {
	my ($name, $arguments, $ordinary) = @$_;
	SKIP: {
		skip "$name: LEAKLINE_MATRIX=full or make check-dotnet runs it", 1 unless $full || $ordinary;
		my ($out, $missing) = publish($name);
		skip "$name: $missing", 1 if !$out && $missing;
		if (!$out) {
			fail("$name: is published");
			diag(text_of("$build/$name/log"));
			next;
		}
		subtest $name => sub {
			my $r = tracked($out, "./leaky $pace");
			return native($r) if $name eq "native";
			check($r, approximate => $name eq "net8");
		};
	}
}

# An ordinary native binary.  Its runtime has no .eh_frame: stacks of its start end in it.
sub native {
	my ($r) = @_;
	my ($site) = grep { names($_) =~ /StringToBSTR/ } @{$r->{sites}};

	is($r->{not_seen}{lost_events}, 0, "nothing was lost");
	is($site->{outstanding_blocks}, $calls, "one block a call");
	like(names($site), qr/StringToBSTR <- .*say_hello.* <- (?:Call <- |.*Call.* <- )?Main <- .*_start$/, "the stack is whole");
}

my ($out, $missing) = publish("framework-dependent");
if ($out) {
	for my $env ("", qw(DOTNET_TieredCompilation=0 DOTNET_TieredPGO=0 DOTNET_TC_QuickJitForLoops=0 DOTNET_ReadyToRun=0
		DOTNET_gcServer=1 DOTNET_EnableWriteXorExecute=0 DOTNET_EnableDiagnostics=0)) {
		subtest "dotnet leaky.dll " . ($env || "as it is") => sub { check(tracked($out, "dotnet leaky.dll $pace", $env)) };
	}
	subtest "a program that ends at once" => sub { check(tracked($out, "dotnet leaky.dll 50"), blocks => 50, brief => 1) };
	bad_inputs();
}

# A copy of the program that a test may damage.
sub copy_of {
	my ($name) = @_;
	system("cp -r $out $tmp/$name") == 0 or die;
	return "$tmp/$name";
}

# Overwrites every 97th byte from $from on.
sub damaged {
	my ($bytes, $from) = @_;
	for (my $i = $from; $i < length $bytes; $i += 97) { substr($bytes, $i, 1) = chr(ord(substr($bytes, $i, 1)) ^ 0x5a) }
	return $bytes;
}

# What remains when a file is not what it was: the leak, and every name that is given is right.
sub check_names_lost {
	my ($report) = @_;
	my ($site) = grep { names($_) =~ /BSTR|say_hello|SysAlloc/ || $_->{outstanding_blocks} == $calls } @{$report->{sites}};

	is($report->{not_seen}{lost_events}, 0, "nothing was lost");
	is($report->{not_seen}{truncated_stacks} // 0, 0, "every stack is whole");
	is($site->{outstanding_blocks}, $calls, "the leak is there") or return;
	my @wrong = grep { ($_->{module} // "") =~ /leaky\.dll$/ && defined $_->{function} &&
		$_->{function} !~ /^(?:\(wrapper IL_STUB_PInvoke\) )?(?:Program\.(?:Call|Main|say_hello)\b.*|0x06.*|leaky.*)$/ } @{$site->{frames}};
	is_deeply([map { $_->{function} } @wrong], [], "no name is a wrong one");
	note(names($site));
}

# Runs while something happens to the program's files.
sub tracked_while {
	my ($at, $meanwhile) = @_;
	my $pid = fork // die;
	if (!$pid) {
		chdir $at;
		open(STDOUT, ">", "$tmp/while.out"); open(STDERR, ">&", \*STDOUT);
		exec($leakline, "run", "-q", "-o", "$tmp/while.leakline", "--", "dotnet", "leaky.dll", $calls, 120) or exit 127;
	}
	sleep 1;
	$meanwhile->();
	waitpid($pid, 0);
	is($?, 0, "same status");
	like(text_of("$tmp/while.out"), qr/^leaky: $calls calls/, "same output");
	my $report = eval { decode_json(scalar(`$leakline report --json $tmp/while.leakline`)) };
	ok($report, "there is a report");
	return $report // { sites => [] };
}

sub bad_inputs {
	subtest "without its PDB" => sub {
		my $at = copy_of("no-pdb");
		unlink "$at/leaky.pdb";
		check(tracked($at, "dotnet leaky.dll $pace"), no_lines => 1);
	};
	subtest "with a damaged PDB" => sub {
		my $at = copy_of("bad-pdb");
		put("$at/leaky.pdb", damaged(text_of("$at/leaky.pdb"), 300));
		check_names_lost(tracked($at, "dotnet leaky.dll $pace"));
	};
	subtest "with half a PDB" => sub {
		my $at = copy_of("half-pdb");
		my $pdb = text_of("$at/leaky.pdb");
		put("$at/leaky.pdb", substr($pdb, 0, length($pdb) / 2));
		check_names_lost(tracked($at, "dotnet leaky.dll $pace"));
	};
	subtest "its assembly is replaced by a damaged one while it runs" => sub {
		my $at = copy_of("bad-assembly");
		check_names_lost(tracked_while($at, sub {
			put("$at/new.dll", damaged(text_of("$at/leaky.dll"), 600));
			rename("$at/new.dll", "$at/leaky.dll");
		}));
	};
	subtest "its assembly is replaced by an empty one while it runs" => sub {
		my $at = copy_of("no-bytes");
		check_names_lost(tracked_while($at, sub { put("$at/new.dll", ""); rename("$at/new.dll", "$at/leaky.dll") }));
	};
	subtest "its assembly is deleted while it runs" => sub {
		my $at = copy_of("deleted");
		check_names_lost(tracked_while($at, sub { unlink("$at/leaky.dll", "$at/leaky.pdb") }));
	};
}

done_testing();
