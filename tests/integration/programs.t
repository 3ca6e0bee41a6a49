#!/usr/bin/perl
# Small programs that are their own oracles: what they say they lose is what the
# report says; output and status are theirs, with and without us.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = dirname(__FILE__) . "/../..";
my $leakline = "$root/build/leakline";
my $tmp = tempdir(CLEANUP => 1);

for my $program (sort glob("$root/build/programs/*")) {
	next unless -f $program && -x _;
	my $name = basename($program);
	my $plain = `$program 2>&1`;
	my $plain_status = $?;
	my $tracked = `$leakline run -q -o $tmp/$name.leakline -- $program 2>&1`;
	my $tracked_status = $?;
	is($tracked, $plain, "$name prints the same with us");
	is($tracked_status, $plain_status, "$name ends with the same status");
	my $report = eval { decode_json(scalar(`$leakline report --json $tmp/$name.leakline`)) };
	ok($report, "$name has a report") or next;
	while ($plain =~ /^expect leak function=(\S+) blocks=(\d+) bytes=(\d+)$/mg) {
		my ($function, $blocks, $bytes) = ($1, $2, $3);
		my ($got_blocks, $got_bytes) = (0, 0);
		for my $site (@{$report->{sites}}) {
			next unless grep { ($_->{function} // "") eq $function } @{$site->{frames}};
			$got_blocks += $site->{outstanding_blocks};
			$got_bytes += $site->{outstanding_bytes};
		}
		is("$got_blocks/$got_bytes", "$blocks/$bytes",
			"$name: $function leaves $blocks blocks, $bytes bytes");
	}
	is($report->{not_seen}{lost_events} // 0, 0, "$name: no event was lost");
	is($report->{not_seen}{unknown_runtimes} // 0, $name eq "newer_clr" ? 1 : 0,
		"$name: a runtime that is not known is told once");
}
done_testing();
