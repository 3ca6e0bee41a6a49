#!/usr/bin/perl
# Whole-stack equality with an independent unwinder (libgcc's) on real programs:
# at least 10,000 stacks each, no mismatch.  The witness is tests/check/check.c.
use strict;
use warnings;
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $root = dirname(__FILE__) . "/../..";
my $check = "$root/build/tests/libleakline-check.so";
my $tmp = tempdir(CLEANUP => 1);
my $wanted = 10_000;

sub have { my $p = `command -v $_[0] 2>/dev/null`; chomp $p; return $p }

sub run_checked {
	my ($name, $every, $command, $threads) = @_;
	my $log = "$tmp/$name.log";
	mkdir "$tmp/$name.stores";
	local $ENV{LEAKLINE_STORE_DIR} = "$tmp/$name.stores";
	local $ENV{LEAKLINE_CHECK_FILE} = $log;
	local $ENV{LEAKLINE_CHECK_EVERY} = $every;
	system("LD_PRELOAD=$check $command > $tmp/$name.out 2>&1");
	my ($checked, $bad, $detail) = (0, 0, "");
	if (open(my $f, "<", $log)) {
		while (<$f>) {
			if (/^\d+ checked (\d+) mismatches (\d+)/) { $checked += $1; $bad += $2 }
			else { $detail .= $_ }
		}
	}
	cmp_ok($checked, ">=", $wanted, "$name: $checked stacks compared");
	is($bad, 0, "$name: every stack is whole and equal to libgcc's") or diag($detail);
	system("rm -rf $tmp/$name.stores");
}

sub write_file { my ($path, $text) = @_; open(my $f, ">", $path) or die; print $f $text; close $f; return $path }

SKIP: {
	skip "sqlite3 not found", 2 unless have("sqlite3");
	my $sql = write_file("$tmp/load.sql", join("\n",
		"create table t(a integer primary key, b text, c real);",
		(map { "insert into t(b,c) values('row $_', $_ * 1.5);" } 1 .. 700),
		"create index i on t(b);",
		"select count(*), sum(c) from t where b like '%1%' group by substr(b,1,5) order by 2;",
		"select json_group_array(b) from t where a < 50;") . "\n");
	run_checked("sqlite3", 1, "sqlite3 :memory: < $sql");
}
SKIP: {
	my $python = -x "/usr/bin/python3" ? "/usr/bin/python3" : have("python3");
	skip "python3 not found", 2 unless $python;
	my $py = write_file("$tmp/load.py", "import json, re, decimal, threading\n"
		. "def work():\n d = [{'a': i, 'b': str(i) * 3} for i in range(400)]\n"
		. " s = json.dumps(d); json.loads(s); re.findall(r'(a+)b?', s); str(decimal.Decimal(2).sqrt())\n"
		. "ts = [threading.Thread(target=work) for _ in range(3)]\n[t.start() for t in ts]; [t.join() for t in ts]\nprint('ok')\n");
	run_checked("python3", 7, "env PYTHONMALLOC=malloc $python $py");
}
run_checked("perl", 1, "perl -e 'my %h; for (1..4000) { \$h{\$_} = [map { \$_ x 3 } 1..5]; } my \@s = sort keys %h; print scalar(\@s), join(\",\", map { sprintf \"%05d\", \$_ } \@s[0..50]);'");
SKIP: {
	skip "redis-server not found", 2 unless have("redis-server") && have("redis-cli");
	my $cmds = write_file("$tmp/cmds", join("\n", (map { ("set k$_ " . "v" x ($_ % 50), "lpush l$_ a b c", "hset h$_ f $_", "zadd z $_ m$_") } 1 .. 1200), "shutdown nosave") . "\n");
	my $sh = write_file("$tmp/redis.sh", "(for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3; "
		. "LD_PRELOAD= redis-cli -s $tmp/redis.sock ping >/dev/null 2>&1 && break; done; LD_PRELOAD= redis-cli -s $tmp/redis.sock < $cmds) >/dev/null 2>&1 &\n"
		. "exec redis-server --port 0 --unixsocket $tmp/redis.sock --save '' --dir $tmp\n");
	run_checked("redis-server", 1, "sh $sh");
}
SKIP: {
	my $cc1 = `gcc -print-prog-name=cc1 2>/dev/null`;
	chomp $cc1;
	skip "cc1 not found", 2 unless -x $cc1;
	my $c = write_file("$tmp/load.c", join("\n", "int printf(const char *, ...);",
		map { "static int f$_(int a, int b) { int s = 0; for (int i = 0; i < a; i++) s += (i * b) ^ $_; if (s > b) printf(\"%d\", s); return s; }\nint g$_(int x) { return f$_(x, $_) + f$_($_, x); }" } 1 .. 40) . "\n");
	run_checked("cc1", 3, "$cc1 -O2 -quiet $c -o $tmp/load.s");
}
done_testing();
