#!/usr/bin/perl
# The reference case: the first site of `before` is the line of the call, as a BSTR,
# with the whole stack to Main; `after` names no growing site.  On Mono, and native.
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
my $tmp = tempdir(CLEANUP => 1);
chdir $tmp;

system("make -s -C $example B=$tmp/b >$tmp/make.log 2>&1") == 0 or BAIL_OUT("the example does not build: " . `cat $tmp/make.log`);

sub tracked
{
	my ($name, $command) = @_;
	my $plain = `$command 2>&1`;
	my $out = `$leakline run -q -o $name.leakline -- $command 2>&1`;
	is($out, $plain, "$name: same output");
	my $report = decode_json(scalar(`$leakline report --json $name.leakline`));
	is($report->{not_seen}{lost_events}, 0, "$name: nothing was lost");
	is($report->{not_seen}{truncated_stacks} // 0, 0, "$name: every stack is whole");
	return $report;
}

sub line_of
{
	my ($file, $pattern) = @_;
	open(my $f, "<", $file) or die "$file: $!";
	while (<$f>) { return $. if /$pattern/ }
	die "$file has no line with $pattern";
}

sub growing { return grep { $_->{growth_bytes_per_min} > 0 } @{$_[0]{sites}} }

# Native.
{
	my $r = tracked("native-before", "$tmp/b/native-before --calls 3000 --pace 2000");
	my $site = $r->{sites}[0];
	is($r->{verdict}{class}, "native", "native before: the verdict is native");
	is($site->{manager}, "BSTR", "native before: the first site is a BSTR");
	cmp_ok($site->{growth_bytes_per_min}, ">", 0, "native before: it grows");
	my $line = line_of("$example/native/before.c", qr/say_hello|SayHello\(.*&/);
	ok((grep { ($_->{file} // "") =~ /before\.c$/ && $_->{function} eq "main" } @{$site->{frames}}), "native before: the stack reaches main");
	unlike($site->{frames}[$site->{responsible}]{file} // "", qr/oleaut/, "native before: the allocator is not responsible");
	$r = tracked("native-after", "$tmp/b/native-after --calls 3000 --pace 2000");
	is(scalar(growing($r)), 0, "native after: nothing grows");
	is($r->{verdict}{class}, "none", "native after: the verdict is none");
}

SKIP: {
	skip "mono or mcs not found", 1 unless `sh -c 'command -v mono && command -v mcs'`;
	my $source = "$example/mono/before/Program.cs";
	my $line = line_of($source, qr/SayHello\(ref/);
	my $r = tracked("mono-before", "mono $tmp/b/mono/before.exe --calls 4000 --pace 2000");
	my $site = $r->{sites}[0];
	my $frame = $site->{frames}[$site->{responsible}];
	is($r->{verdict}{class}, "native", "mono before: the verdict is native");
	is($site->{manager}, "BSTR", "mono before: the first site is a BSTR");
	is(basename($frame->{file} // ""), "Program.cs", "mono before: the responsible file");
	is($frame->{line}, $line, "mono before: the responsible line is that of the call");
	like($frame->{function}, qr/Main/, "mono before: in Main");
	is($frame->{origin}, "managed", "mono before: which is managed code");
	ok(defined $frame->{il_offset}, "mono before: with its IL offset");
	cmp_ok($site->{leak_probability}, ">", 90, "mono before: surely a leak");
	is($site->{outstanding_blocks}, 3999, "mono before: one block a call but the first");
	my @origins = map { $_->{origin} } @{$site->{frames}};
	ok((grep { $_ eq "generated" } @origins), "mono before: generated frames are marked");
	is($site->{frames}[-1]{function}, "_start", "mono before: the stack goes to the process's first frame");
	is_deeply([grep { !defined $_->{function} && $_->{origin} ne "native" } @{$site->{frames}}], [], "mono before: every managed frame has its name");
	ok((grep { ($_->{content} // "") =~ /Hello World/ } @{$site->{samples}}), "mono before: samples show the text");
	is_deeply($r->{process}{runtimes}, ["mono"], "mono before: the runtime is told");
	$r = tracked("mono-after", "mono $tmp/b/mono/after.exe --calls 4000 --pace 2000");
	is(scalar(growing($r)), 0, "mono after: nothing grows");
	is($r->{verdict}{class}, "none", "mono after: the verdict is none");
	is($r->{process}{ended}, "exited", "mono after: it ended by itself");

	# Ends at once: named all the same.
	open(my $f, ">", "brief.cs");
	print $f "using System; using System.Runtime.InteropServices;\nclass Brief {\n"
		. " static void Lose() { Marshal.StringToHGlobalAnsi(\"x\"); Marshal.AllocHGlobal(100); }\n"
		. " static int Main() { for (int i = 0; i < 50; i++) Lose(); return 3; }\n}\n";
	close $f;
	system("mcs -debug brief.cs") == 0 or die;
	my $plain = `mono brief.exe; echo \$?`;
	is(scalar(`$leakline run -q -o brief.leakline -- mono brief.exe; echo \$?`), $plain, "mono brief: same status");
	$r = decode_json(scalar(`$leakline report --json brief.leakline`));
	my @lost = grep { grep { ($_->{function} // "") =~ /^Brief:Lose/ } @{$_->{frames}} } @{$r->{sites}};
	my ($strings) = grep { $_->{outstanding_bytes} < 5000 && $_->{outstanding_blocks} == 50 } @lost;
	ok($strings, "mono brief: 50 blocks in Brief:Lose") or diag(explain([map { [$_->{manager}, $_->{outstanding_blocks}] } @lost]));
	my ($where) = grep { ($_->{function} // "") =~ /^Brief:Lose/ } @{$strings->{frames}};
	is($where->{line}, 3, "mono brief: on its line");
	my %managers = map { $_->{manager} => 1 } @lost;
	ok($managers{HGlobal}, "mono brief: HGlobal is told from other blocks");
}
done_testing();
