#!/usr/bin/perl
# Counters of a .NET program: they arrive, agree with what the program says of itself, and
# whatever state the program is in, neither side comes to harm.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $live = "$root/build/tests/test_rundown_take";
my $tmp = tempdir(CLEANUP => 1);
my $program = "$tmp/out/dotnet_counters.dll";
$ENV{LEAKLINE_DIR} = "$tmp/stores"; # what a killed leakline leaves behind goes with it
chdir $tmp;

plan skip_all => "dotnet (the SDK of .NET 10) not found" unless `sh -c 'command -v dotnet'` && `dotnet --list-sdks` =~ /^10\./m;
$ENV{DOTNET_CLI_TELEMETRY_OPTOUT} = $ENV{DOTNET_NOLOGO} = $ENV{MSBUILDDISABLENODEREUSE} = 1;
system("cp -r $root/tests/programs/dotnet_counters $tmp/src && cd $tmp/src && dotnet build -v q -c Release -p:UseSharedCompilation=false -o $tmp/out >$tmp/build.log 2>&1") == 0
	or BAIL_OUT("the program does not build: " . `cat $tmp/build.log`);

sub slurp { my ($path) = @_; open my $f, "<", $path or return ""; local $/; return scalar(<$f>) // "" }

# Starts a command, its output in a file; waits until the program says its pid.
sub start {
	my ($out, @command) = @_;
	my $pid = fork;

	if (!$pid) {
		open STDOUT, ">", $out;
		open STDERR, ">", "$out.err";
		exec @command or exit 127;
	}
	return $pid;
}

sub inner {
	my ($out) = @_;

	for (1 .. 300) {
		return $1 if slurp($out) =~ /^pid (\d+)/m;
		sleep 0.05;
	}
	BAIL_OUT("the program does not start: " . slurp("$out.err"));
}

# Status of a process that ends within seconds, or undef: it hangs, and is killed.
sub ended {
	my ($pid, $seconds) = @_;

	for (my $until = time + $seconds; time < $until; sleep 0.02) {
		return $? if waitpid($pid, WNOHANG) == $pid;
	}
	kill KILL => $pid;
	waitpid $pid, 0;
	return undef;
}

sub report { return decode_json(scalar(`$leakline report --json $_[0]`)) }

# Runs leakline on a command in the background: { run, out, recording }.
my %started;
sub track {
	my ($name, $options, @command) = @_;
	my $run = start("$name.out", $leakline, "run", "-q", @$options, "-o", "$name.leakline", "--", @command);
	$started{$name} = { run => $run, out => "$name.out", recording => "$name.leakline" };
}

sub net { return ("dotnet", $program, @_) }

# All at the same time: they sleep most of theirs.
track("grow", [], net("grow", 10));
track("flat", [], net("flat", 9));
track("none", ["--no-counters"], net("flat", 7));
{
	local $ENV{DOTNET_EnableDiagnostics} = 0;
	track("off", [], net("flat", 4));
	track("native", [], "sleep", 3);
}
track("stop", [], net("flat", 12));
track("dead", [], net("flat", 60));
track("kill", [], net("flat", 15));
my $many = start("many.out", net("grow", 22));
my %pid = map { $_ => inner("$_.out") } qw(stop dead kill many);
my $begin = time;
kill STOP => $pid{stop}, $pid{dead};

# Until the sessions run.
sleep 7 - (time - $begin) if time - $begin < 7;

# leakline is killed in the middle of a session: the program goes on.
{
	ok(grep({ readlink($_) =~ /^socket:/ } glob "/proc/$started{kill}{run}/fd/*"), "killed leakline: a session was open");
	kill KILL => $started{kill}{run};
	waitpid $started{kill}{run}, 0;
	sleep 1;
	my $before = () = slurp("kill.out") =~ /^heap/mg;
	sleep 1;
	my $after = () = slurp("kill.out") =~ /^heap/mg;
	cmp_ok($after, ">", $before, "killed leakline: the program goes on");
}
# 200 sessions, opened and closed; a rundown; and it still runs.
SKIP: {
	skip "$live is not built: make tests", 1 unless -x $live;
	my $tap = `$live $pid{many} 200`;
	is($?, 0, "sessions: 200 were opened and closed, and a rundown taken") or diag($tap);
}

# Stopped before a session started, and later let go on.
is(report($pid{stop})->{process}{ended}, "running", "stopped: leakline answers meanwhile");
kill CONT => $pid{stop};

# Killed while it is stopped: leakline does not hang, and says that it got no answer.
kill KILL => $pid{dead};
{
	my $status = ended($started{dead}{run}, 20);
	ok(defined $status && ($status & 127) == 9, "killed: leakline ends as the program did");
	is(report("dead.leakline")->{not_seen}{runtime_counters}, 1, "killed: no figures, with a sentence");
	like(scalar(`$leakline report dead.leakline`), qr/did not answer/, "killed: which says why");
}

for (1 .. 800) { last unless -e "/proc/$pid{kill}"; sleep 0.05 }
ok(!-e "/proc/$pid{kill}", "killed leakline: and comes to its end");
kill KILL => $pid{kill} if -e "/proc/$pid{kill}";
is((ended($many, 60) // -1) >> 8, 7, "sessions: the program ends as ever");
is((ended($started{$_}{run}, 60) // -1) >> 8, $_ eq "native" ? 0 : 7, "$_: the program's status is its own") for qw(grow flat none off native stop);

# An allocating program: its heap grows, as it says itself.
{
	my $out = slurp("grow.out");
	my $c = report("grow.leakline")->{counters};
	is($c->{private}{unit}, "bytes", "grow: private bytes have a unit");
	cmp_ok($c->{private}{last} - $c->{private}{first}, ">", 50e6, "grow: private bytes grow with the heap");
	cmp_ok($c->{$_}{first}, ">", 0, "grow: $_ is known") for qw(private resident virtual gc_heap gc_committed gc_allocation_rate gc_loh gc_handles);
	cmp_ok($c->{gc_heap}{last}, ">", 1.2 * $c->{gc_heap}{first}, "grow: the managed heap grows");
	my @said = map { [$1 / 1000, $2] if /^heap (\d+) (\d+)/ } grep { /^heap/ } split /\n/, $out;
	my $nr_near = 0;
	for my $point (@{$c->{gc_heap}{points}}) {
		# Its clock starts when the runtime does, some tenths after ours.
		my @near = grep { $_->[0] > $point->[0] - 1.5 && $_->[0] < $point->[0] + 0.3 } @said;
		my ($low, $high) = (sort { $a <=> $b } map { $_->[1] } @near)[0, -1];
		$nr_near++ if @near && $point->[1] > $low * 0.9 && $point->[1] < $high * 1.1;
	}
	cmp_ok($nr_near, ">=", 2, "grow: at least two points");
	is($nr_near, scalar @{$c->{gc_heap}{points}}, "grow: each is what the program said at that time")
		or diag(explain([$c->{gc_heap}{points}, \@said]));
	cmp_ok($c->{gc_handles}{max}, ">=", 1000, "grow: the thousand GC handles are counted");
	cmp_ok($c->{gc_allocation_rate}{max}, "<", 20e6, "grow: about 10 MB are allocated a second, not more than twice");
	cmp_ok($c->{gc_allocation_rate}{max}, ">", 2e6, "grow: and not less than a fifth");
	like(scalar(`$leakline report grow.leakline`), qr/^  private bytes .* -> .*\n  managed heap .* MB -> .* MB.*, at most/m, "grow: the text report tells it");
	like(scalar(`$leakline query --csv grow.leakline "select count(distinct name) from counters where name like 'gc_%'"`), qr/^11$/m, "grow: the recording has all eleven of the runtime");
	is(report("grow.leakline")->{not_seen}{runtime_counters}, undef, "grow: nothing is missing");
}

# Garbage only: the heap stays.
{
	my $c = report("flat.leakline")->{counters};
	cmp_ok($c->{gc_heap}{max}, "<", 60e6, "flat: the managed heap stays bounded");
	cmp_ok(scalar @{$c->{gc_heap}{points}}, ">=", 2, "flat: and was seen");
}

# Diagnostics switched off.
{
	my $r = report("off.leakline");
	ok(!exists $r->{counters}{gc_heap} && $r->{counters}{private}{first} > 0, "off: no figures of the managed heap, those of the process");
	is($r->{not_seen}{runtime_counters}, 1, "off: which is told");
	like(scalar(`$leakline report off.leakline`), qr/figures of its managed heap: .*DOTNET_EnableDiagnostics=0.*; start it without/, "off: with the reason and the remedy");
	is(report("native.leakline")->{not_seen}{runtime_counters}, undef, "off: a program without .NET lacks nothing");
}
is_deeply(report("none.leakline")->{counters}, {}, "--no-counters: nothing is sampled");
ok(exists report("stop.leakline")->{counters}{private}, "stopped: the program that went on is recorded");

# Programs that end before a session starts, while it starts, or just after.
{
	my @seconds = (0.1, 1.0, 4.5, 4.7, 4.9, 5.1, 5.3);
	my @bad;
	track("short$_", [], net("flat", $_)) for @seconds;
	for (@seconds) {
		my $status = ended($started{"short$_"}{run}, 60);
		push @bad, "$_ s: status " . ($status // "hangs") unless defined $status && $status >> 8 == 7;
		push @bad, "$_ s: a complaint" if report("short$_.leakline")->{not_seen}{runtime_counters};
	}
	is("@bad", "", "short: programs of 0.1 to 5.3 seconds end as ever, without complaint");
}
done_testing();
