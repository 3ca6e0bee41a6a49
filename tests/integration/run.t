#!/usr/bin/perl
# leakline run, report and snapshot as a user meets them: status and signals, live
# reports, kill -9 of either side, children and daemons, and every kind of bad input.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep);

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $tmp = tempdir(CLEANUP => 1);
chdir $tmp;
mkdir "$tmp/stores", 0700;
$ENV{LEAKLINE_DIR} = "$tmp/stores";

sub write_file { my ($path, $text) = @_; open(my $f, ">", $path) or die; print $f $text; close $f; return $path }

sub run_cmd
{
	my $out = `{ @_; } 2>&1`;
	return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $out);
}

sub compile
{
	my ($name, $text, @flags) = @_;
	write_file("$tmp/$name.c", $text);
	system("gcc -O1 -g -o $tmp/$name $tmp/$name.c @flags") == 0 or die "gcc failed";
	return "$tmp/$name";
}

sub report
{
	my $json = `$leakline report --json $_[0] 2>$tmp/err`;
	my $report = eval { decode_json($json) };
	diag("report @_: " . `cat $tmp/err`) unless $report;
	return $report;
}

sub blocks_of
{
	my ($r, $function) = @_;
	my $n = 0;
	for my $s (@{$r->{sites}}) {
		$n += $s->{outstanding_blocks} if grep { ($_->{function} // "") eq $function } @{$s->{frames}};
	}
	return $n;
}

# Bad input: a clear sentence, status 3, the remedy where there is one.
my %bad = (
	"no such program" => ["$leakline run -- ./nosuch", qr/nosuch.*No such file/],
	"not executable" => ["$leakline run -- /etc/passwd", qr/Permission denied.*chmod/s],
	"a folder" => ["$leakline run -- /tmp", qr/folder|Permission|directory/i],
	"unwritable folder" => ["$leakline run -o /nosuch/x.leakline -- true", qr/cannot write.*remedy/s],
	"no such recording" => ["$leakline report ./nosuch.leakline", qr/nosuch/],
	"a pid that is not tracked" => ["$leakline report 1", qr/not tracked.*remedy/s],
	"a pid that is gone" => ["$leakline report 4194303", qr/no such process/],
	"not a recording" => ["$leakline report /etc/passwd", qr/recording/i],
	"missing agent" => ["env LEAKLINE_AGENT=/nosuch.so $leakline run -- true", qr/agent/],
);
for my $name (sort keys %bad) {
	my ($status, $out) = run_cmd($bad{$name}[0]);
	is($status, 3, "$name: status 3");
	like($out, $bad{$name}[1], "$name: says what and why");
}
{
	my $static = compile("static", "int main(void){return 0;}\n", "-static");
	my ($status, $out) = run_cmd("$leakline run -- $static");
	is($status, 3, "static binary: status 3");
	like($out, qr/statically linked/, "static binary: says so");
	open(my $f, "+<", $static);
	binmode $f;
	seek($f, 4, 0);
	print $f "\x01";
	close $f;
	($status, $out) = run_cmd("$leakline run -- $static");
	is($status, 3, "32-bit: status 3");
	like($out, qr/32-bit/, "32-bit: says so");
}
SKIP: {
	skip "not root: cannot make a file that is setuid to somebody else", 2 if $>;
	system("cp /bin/true $tmp/suid; chown nobody $tmp/suid; chmod u+s $tmp/suid");
	my ($status, $out) = run_cmd("$leakline run -- $tmp/suid");
	is($status, 3, "setuid: status 3");
	like($out, qr/setuid/, "setuid: says so");
}
is((run_cmd("$leakline run"))[0], 2, "no program named: status 2");
is((run_cmd("$leakline nosuch"))[0], 2, "no such command: status 2");
is((run_cmd("$leakline report --nosuch x"))[0], 2, "no such option: status 2");

# Status, signals, streams.
is((run_cmd("$leakline run -o a.leakline -- sh -c 'exit 7'"))[0], 7, "the program's status is passed on");
is((run_cmd("sh -c '$leakline run -o a.leakline -- sh -c \"kill -TERM \\\$\\\$\"'"))[0], 143,
	"a program ended by a signal: so are we");
is((run_cmd("echo hello | $leakline run -o a.leakline -- cat"))[1], "hello\n", "streams are the program's own");
is((run_cmd("$leakline run -o a.leakline -- sh -c 'trap \"echo got; exit 5\" TERM; kill -TERM \$PPID; while :; do sleep 0.05; done'"))[1],
	"got\n", "SIGTERM to leakline goes to the program");
is((run_cmd("$leakline run -o true.leakline -- /bin/true"))[0], 0, "a program that allocates nothing");
ok(report("true.leakline"), "... has a report all the same");

# A leaking program that tells when it is where.
my $slow = compile("slow", <<'END_OF_C');
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) static void drop(void) { void *volatile p = malloc(100); (void)p; }
int main(int argc, char **argv) {
	for (int i = 0; i < 200; i++) { drop(); usleep(2000); }
	printf("%d\n", getpid()); fflush(stdout);
	if (argc > 1) pause();
	for (int i = 0; i < 200; i++) drop();
	return 0;
}
END_OF_C
{
	my $host = open(my $f, "-|", "exec $leakline run -q -o live.leakline -- $slow wait") or die;
	my $pid = <$f>;
	chomp $pid;
	my $r = report($pid);
	is($r->{process}{ended}, "running", "report PID while it runs");
	is(blocks_of($r, "drop"), 200, "... with every block so far");
	is($r->{process}{pid}, $pid, "... of that process");
	is($r->{verdict}{class}, "native", "... with its verdict");
	my ($status) = run_cmd("$leakline snapshot -o snap.leakline $pid");
	is($status, 0, "snapshot PID");
	is(blocks_of(report("snap.leakline"), "drop"), 200, "... is a recording of the same");
	kill 9, $host;
	close $f;
	sleep 0.2;
	ok(kill(0, $pid), "kill -9 of leakline: the program goes on");
	is(blocks_of(report($pid), "drop"), 200, "... and is still reported");
	kill 9, $pid;
	for (1 .. 50) { last unless -e "/proc/$pid/exe" && defined readlink("/proc/$pid/exe"); sleep 0.05 }
	$r = report($pid);
	is($r->{process}{ended}, "killed", "kill -9 of the program as well");
	is(blocks_of($r, "drop"), 200, "... and everything that was recorded is there");

	# Its store, of another version, cut off, and overwritten with noise.
	my ($store) = glob("$tmp/stores/run-*/$pid-*.store");
	my $copy = "$tmp/other.store";
	my %damage = (
		"another version" => ["perl -e 'seek STDOUT, 8, 0; print pack q(V), 99' 1<>$copy", qr/version 99.*remedy/s],
		"unknown needs" => ["perl -e 'seek STDOUT, 20, 0; print pack q(V), 4' 1<>$copy", qr/needs 0x4/],
		"cut off" => ["truncate -s 2000000 $copy", qr/damaged|cannot/],
		"a wrong region" => ["perl -e 'seek STDOUT, 248, 0; print q(x) x 64' 1<>$copy", qr/damaged/],
	);
	for my $name (sort keys %damage) {
		system("cp --sparse=always $store $copy && { $damage{$name}[0]; }");
		my ($status, $out) = run_cmd("$leakline report $copy");
		is($status, 3, "a store with $name: status 3");
		like($out, $damage{$name}[1], "... says so");
	}
	my @crashed;
	srand(11);
	for my $n (1 .. 12) {
		system("cp --sparse=always $store $copy");
		open(my $f, "+<:raw", $copy);
		for (1 .. 40) {
			seek($f, int(rand(4)) ? 4096 + int(rand(100000)) : int(rand(4096)), 0);
			print $f chr(int(rand(256)));
		}
		close $f;
		my ($status) = run_cmd("timeout 20 $leakline report $copy");
		push @crashed, "$n: $status" unless $status == 0 || $status == 3;
	}
	is("@crashed", "", "damaged stores: read or refused");
	unlink $copy;
}
{
	my $host = open(my $f, "-|", "exec $leakline run -q -o killed.leakline -- $slow wait") or die;
	my $pid = <$f>;
	chomp $pid;
	kill 9, $pid;
	close $f;
	my $r = report("killed.leakline");
	is($r->{process}{ended}, "killed", "a killed program has a recording");
	is(blocks_of($r, "drop"), 200, "... that is whole");
}

# Children.
{
	my $family = compile("family", <<'END_OF_C');
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) static void parent_drop(void) { void *volatile p = malloc(100); (void)p; }
__attribute__((noinline)) static void child_drop(void) { void *volatile p = malloc(200); (void)p; }
int main(void) {
	for (int i = 0; i < 10; i++) parent_drop();
	if (!fork()) { for (int i = 0; i < 20; i++) child_drop(); return 0; }
	wait(NULL);
	return 0;
}
END_OF_C
	mkdir "children";
	chdir "children";
	run_cmd("$leakline run -q --children -- $family");
	my @recordings = glob("*.leakline");
	is(scalar(@recordings), 2, "--children: a recording each");
	my @r = map { report($_) } @recordings;
	is((grep { defined $_->{not_seen}{children} } @r), 0, "... and no child is missing");
	is(join(",", sort map { blocks_of($_, "parent_drop") . "/" . blocks_of($_, "child_drop") } @r), "0/20,10/0",
		"... and each its own blocks");
	chdir $tmp;
	mkdir "alone";
	chdir "alone";
	run_cmd("$leakline run -q -- $family");
	is(scalar(my @one = glob("*.leakline")), 1, "without it: the program's alone");
	is(report($one[0])->{not_seen}{children}, 1, "... and its report says that there was a child");
	chdir $tmp;
}

# A daemon: leakline returns with the program, and looks after what stays.
{
	my $daemon = compile("daemon", <<'END_OF_C');
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
__attribute__((noinline)) static void drop(void) { void *volatile p = malloc(300); (void)p; }
int main(void) {
	if (daemon(1, 0)) return 1;
	FILE *f = fopen("daemon.pid.tmp", "w");
	fprintf(f, "%d\n", getpid());
	fclose(f);
	rename("daemon.pid.tmp", "daemon.pid");
	for (int i = 0; i < 150; i++) { drop(); usleep(10000); }
	return 0;
}
END_OF_C
	my $began = Time::HiRes::time();
	is((run_cmd("$leakline run -q -o first.leakline -- $daemon"))[0], 0, "a daemon: its starter ends");
	cmp_ok(Time::HiRes::time() - $began, "<", 1.4, "... and leakline with it");
	for (1 .. 50) { last if -e "daemon.pid"; sleep 0.05 }
	my $pid = do { open(my $f, "<", "daemon.pid"); my $l = <$f>; chomp $l; $l };
	sleep 0.2;
	cmp_ok(blocks_of(report($pid), "drop"), ">", 5, "... the daemon can be reported while it runs");
	for (1 .. 80) { last if -e "daemon.$pid.leakline"; sleep 0.1 }
	is(blocks_of(report("daemon.$pid.leakline"), "drop"), 150, "... and has a recording when it ends");
}

# Full store folder, and a full disk for the recording.
SKIP: {
	mkdir "small";
	mkdir "tiny";
	skip "not root or no mounts: cannot make a small file system", 4
		if $> || system("mount -t tmpfs -o size=700k,mode=700 none small 2>/dev/null");
	my ($status, $out) = run_cmd("LEAKLINE_DIR=$tmp/small $leakline run -o full.leakline -- "
		. "perl -e '\$x{\$_} = \"x\" x 50 for 1 .. 100000; print qq(fine\n)'");
	is($out, "fine\n", "store full: the program goes on");
	my $r = report("full.leakline");
	cmp_ok($r->{not_seen}{lost_events} // 0, ">", 1000, "... and what was lost is counted");
	system("umount small");
	system("mount -t tmpfs -o size=16k none tiny");
	($status, $out) = run_cmd("$leakline run -o tiny/x.leakline -- perl -e '\$x{\$_} = \"x\" x 50 for 1 .. 1000'");
	is($status, 3, "disk full: status 3");
	my ($store) = $out =~ /snapshot -o ELSEWHERE (\S+)/;
	ok($store && (run_cmd("$leakline snapshot -o elsewhere.leakline $store"))[0] == 0,
		"... and nothing is lost: the store is kept");
	system("umount tiny");
}

# Damaged recordings: an error, never a crash.
{
	my $good = do { local $/; open(my $f, "<:raw", "killed.leakline"); <$f> };
	my @crashed;
	srand(7);
	for my $n (1 .. 25) {
		my $copy = $good;
		substr($copy, int(rand(length $copy)), 1) = chr(int(rand(256))) for 1 .. 1 + $n % 5;
		$copy = substr($copy, 0, int(rand(length $copy))) if $n % 5 == 0;
		open(my $f, ">:raw", "bad.leakline");
		print $f $copy;
		close $f;
		my ($status) = run_cmd("$leakline report bad.leakline");
		push @crashed, "$n: $status" unless $status == 0 || $status == 3;
	}
	is("@crashed", "", "damaged recordings: read or refused");
}

# Queries.
is((run_cmd("$leakline query killed.leakline 'select outstanding_blocks from sites limit 1'"))[0], 0, "query");
is((run_cmd("$leakline query killed.leakline 'select nosuch from sites'"))[0], 3, "a wrong query: status 3");
is((run_cmd("$leakline query killed.leakline"))[0], 2, "no query: status 2");
isnt((run_cmd("$leakline query killed.leakline 'delete from block'"))[0], 0, "a query cannot change a recording");

# The same output and status under the agent.
my @same = (
	["perl", "perl -e 'my %h = map { \$_ => [1..3] } 1..500; print join(q(,), sort { \$a <=> \$b } keys %h), qq(\\n); exit 3'"],
	["bash", "bash -c 'for i in 1 2 3; do echo \$(expr \$i + 1) | cat; done; (exit 4); echo \$?; exit 9'"],
	["sqlite3", "sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t;'"],
	["python3", "python3 -c 'import json,subprocess; print(json.dumps({\"a\":[1,2]})); print(subprocess.check_output([\"echo\",\"x\"])); raise SystemExit(6)'"],
	["gcc", "gcc -x c -O2 -S -o - $tmp/slow.c"],
	["redis-server", "redis-server --version"],
);
for (@same) {
	my ($program, $cmd) = @$_;
	SKIP: {
		skip "$program not found", 1 unless `sh -c 'command -v $program'`;
		my @plain = run_cmd("$cmd");
		my @tracked = run_cmd("$leakline run -q -o same.leakline -- $cmd");
		is_deeply(\@tracked, \@plain, "$program: same output, same status");
	}
}
done_testing();
