#!/usr/bin/perl
# Native memory lost by managed code in every way that Mono runs it: generics, deep
# recursion, handlers, iterators, async, threads, dynamic methods whose code is
# reused, application domains that are unloaded.  The program says what it loses.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $tmp = tempdir(CLEANUP => 1);

plan skip_all => "mono or mcs not found" unless `sh -c 'command -v mono && command -v mcs'`;
system("cd $tmp && cp $root/tests/programs/managed.cs . && mcs -debug managed.cs") == 0 or BAIL_OUT("mcs failed");
my $plain = `mono $tmp/managed.exe 2>&1`;
my $out = `$leakline run -q -o $tmp/managed.leakline -- mono $tmp/managed.exe 2>&1`;
is($out, $plain, "same output");
my $report = decode_json(scalar(`$leakline report --json $tmp/managed.leakline`));
is($report->{not_seen}{lost_events}, 0, "nothing was lost");
is($report->{not_seen}{truncated_stacks} // 0, 0, "every stack is whole");
while ($plain =~ /^expect leak function=(\S+) blocks=(\d+)$/mg) {
	my ($function, $blocks) = ($1, $2);
	my $got = 0;
	for my $site (@{$report->{sites}}) {
		next unless $site->{manager} eq "HGlobal";
		$got += $site->{outstanding_blocks} if grep { index($_->{function} // "", $function) >= 0 } @{$site->{frames}};
	}
	is($got, $blocks, "$function leaves $blocks blocks");
}
my ($site) = grep { grep { ($_->{function} // "") =~ /^Lost:InHandler/ } @{$_->{frames}} } grep { $_->{manager} eq "HGlobal" } @{$report->{sites}};
my ($frame) = grep { ($_->{function} // "") =~ /^Lost:InHandler/ } @{$site->{frames}};
my $line = do { open(my $f, "<", "$root/tests/programs/managed.cs"); my $n = 0; while (<$f>) { $n = $. if /AllocHGlobal\(44\)/ } $n };
is($frame->{line}, $line, "a catch block's line is told");
done_testing();
