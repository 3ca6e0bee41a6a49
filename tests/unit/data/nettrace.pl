#!/usr/bin/perl
# Makes the nettrace fixtures: starts tests/programs/dotnet_counters, records its counters for
# four seconds and its rundown, gzips both, and keeps what the program said of its heap.
#   tests/unit/data/nettrace.pl          (needs dotnet 10)
# Every payload is complete: a short one would kill the process that is asked.
use strict;
use warnings;
use Cwd qw(abs_path);
use Encode qw(encode);
use File::Basename;
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time sleep);

my $data = abs_path(dirname(__FILE__));
my $project = abs_path("$data/../../programs/dotnet_counters");
my $tmp = tempdir(CLEANUP => 1);

sub text { my $u = encode("UTF-16LE", "$_[0]\0"); return pack("V", length($u) / 2) . $u }
sub provider { my ($name, $keywords, $level, $args) = @_; return pack("Q<V", $keywords, $level) . text($name) . ($args ? text($args) : pack("V", 0)) }

sub request {
	my ($pid, $set, $id, $payload) = @_;
	my $key = (split " ", `cat /proc/$pid/stat` =~ s/.*\) //r)[19];
	my $s = IO::Socket::UNIX->new(Peer => "/tmp/dotnet-diagnostic-$pid-$key-socket") or die "no socket: $!";

	syswrite $s, "DOTNET_IPC_V1\0" . pack("vCCv", 20 + length $payload, $set, $id, 0) . $payload;
	return $s;
}

sub answer {
	my ($s) = @_;
	my $header = "";

	sysread $s, $header, 20 - length $header, length $header while length $header < 20;
	my $left = unpack("v", substr($header, 14, 2)) - 20;
	my $payload = "";
	sysread $s, $payload, $left - length $payload, length $payload while length $payload < $left;
	die "refused: " . unpack("H*", $payload) if ord(substr($header, 17, 1)) != 0;
	return $payload;
}

# CollectTracing4 of .NET 9 and newer; stopped after some seconds, read to its end.
sub record {
	my ($pid, $seconds, $rundown, @providers) = @_;
	my $s = request($pid, 2, 5, pack("VVQ<C", 64, 1, $rundown, 0) . pack("V", scalar @providers) . join("", @providers));
	my $id = answer($s);
	my ($stream, $stop, $start) = ("", undef, time);

	while (1) {
		$stop //= request($pid, 2, 1, $id) if time - $start >= $seconds;
		next unless IO::Select->new($s)->can_read(0.1);
		my $n = sysread $s, my $bytes, 65536;
		last unless $n;
		$stream .= $bytes;
	}
	return $stream;
}

sub keep {
	my ($name, $bytes) = @_;

	open my $f, "|-", "gzip -9n >$data/$name" or die;
	print $f $bytes;
	close $f or die "gzip failed";
}

system("cd $project && dotnet build -v q -c Release -p:UseSharedCompilation=false -o $tmp/out -p:BaseIntermediateOutputPath=$tmp/obj/ >&2") == 0 or die;
open my $program, "-|", "dotnet $tmp/out/dotnet_counters.dll grow 8" or die;
my ($pid) = <$program> =~ /pid (\d+)/;
sleep 1;
keep("counters.nettrace.gz", record($pid, 4, 0, provider("System.Runtime", 0, 4, "EventCounterIntervalSec=1"),
	provider("Microsoft-Windows-DotNETRuntime", 1, 4)));
keep("rundown.nettrace.gz", record($pid, 0, 0x20018, provider("leakline", 0, 1)));
open my $heap, ">", "$data/counters.nettrace.heap" or die;
print $heap $_ while <$program>;
close $heap;
