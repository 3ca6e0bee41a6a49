#!/usr/bin/perl
# Leak patterns in whole: the reference case is recognised, with its fix, in text, JSON
# and recording; where the catalogue is found; what a user's file does, right and wrong.
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
delete $ENV{LEAKLINE_PATTERNS};

sub write_file { my ($path, $text) = @_; open(my $f, ">", $path) or die; print $f $text; close $f; return $path }

sub ends
{
	my ($command) = @_;
	my $out = `$command 2>&1`;
	return ($? >> 8, $out);
}

# A native program that leaks under a function of its own.
my $source = write_file("lose.c", "#include <stdlib.h>\n"
	. "__attribute__((noinline)) void *acme_open(void) { void *volatile p = malloc(40); return p; }\n"
	. "int main(void) { for (int i = 0; i < 300; i++) acme_open(); return 0; }\n");
my $have_gcc = `sh -c 'command -v gcc'`;
if ($have_gcc) {
	system("gcc -O1 -g -o lose lose.c") == 0 or die "cannot compile";
	system("$leakline run -q -o lose.leakline -- ./lose") == 0 or die "cannot run";
}

SKIP: {
	skip "gcc not found", 16 unless $have_gcc;
	my $site = decode_json(scalar `$leakline report --json lose.leakline`)->{sites}[0];
	ok(exists $site->{pattern} && !defined $site->{pattern}, "a site that is no known pattern says null");

	write_file("my.patterns", "leakline-patterns 1\npattern ACME-1\n  title A session is not closed\n"
		. "  stack\n    frame malloc\n    frame [as=maker] acme_open\n  size 40\n  explain {maker} gives {responsible} a session.\n"
		. "  fix Call acme_close.\nend\n");
	$ENV{LEAKLINE_PATTERNS} = "$tmp/my.patterns";
	my $p = decode_json(scalar `$leakline report --json lose.leakline`)->{sites}[0]{pattern};
	is($p->{id}, "ACME-1", "LEAKLINE_PATTERNS: a pattern of the user's is recognised");
	like($p->{explanation}, qr/^acme_open gives lose\.c:\d+ in acme_open a session\.$/, "... its texts name the frames");
	like(scalar `$leakline report lose.leakline`, qr/^  (?:why|if it leaks) +ACME-1, confidence 80 %: A session/m, "... in the text, too");

	write_file("my.patterns", "leakline-patterns 1\npattern ACME-1\n  titel A session\nend\n");
	my ($status, $out) = ends("$leakline report lose.leakline");
	is($status, 3, "a damaged file: report ends with 3");
	like($out, qr/^leakline: \Q$tmp\E\/my\.patterns, line 3, column 3: there is no such keyword: "titel"\nleakline: remedy: /,
		"... and says where, what and what would be right");
	($status, $out) = ends("$leakline run -o x.leakline -- sh -c 'echo ran'");
	is($status, 3, "run ends with 3");
	unlike($out, qr/^ran/m, "... before it starts the program");
	($status, $out) = ends("$leakline snapshot -o x.leakline lose.leakline");
	is($status, 3, "snapshot ends with 3");
	$ENV{LEAKLINE_PATTERNS} = "$tmp/none";
	($status, $out) = ends("$leakline report lose.leakline");
	is($status, 3, "a file that is not there: report ends with 3");
	like($out, qr/\Q$tmp\E\/none: No such file.*remedy/s, "... and says which");
	delete $ENV{LEAKLINE_PATTERNS};

	# A binary without the file beside it, one with a file of its own, one that is installed.
	mkdir "bin" and mkdir "share" and mkdir "share/leakline";
	system("cp $leakline bin/") == 0 or die;
	is((ends("bin/leakline report lose.leakline"))[0], 0, "without a file beside the binary what is compiled in is used");
	write_file("share/leakline/leak.patterns", "leakline-patterns 1\npattern OWN\ntitle t\nstack\nframe malloc\nframe acme_open\n"
		. "explain e\nfix f\nend\n");
	like(scalar `bin/leakline report lose.leakline`, qr/ OWN, /, "../share/leakline is used");
	write_file("bin/leak.patterns", "leakline-patterns 1\n");
	($status, $out) = ends("bin/leakline report lose.leakline");
	is($status, 3, "the file beside the binary comes first, and if it is damaged that is said");
	like($out, qr{bin/leak\.patterns, line 1, column \d+: the text is cut off}, "... with its place");
	system("make -s -C $root install PREFIX=/usr DESTDIR=$tmp/d >/dev/null 2>&1") == 0 or diag("make install failed");
	is(scalar `cat d/usr/share/leakline/leak.patterns`, scalar `cat $root/data/leak.patterns`, "make install installs the patterns");
}

SKIP: {
	skip "mono or mcs not found", 8 unless `sh -c 'command -v mono && command -v mcs'`;
	system("make -s -C $example B=$tmp/b >$tmp/make.log 2>&1") == 0 or BAIL_OUT("the example does not build");
	system("$leakline run -q -o mono.leakline -- mono $tmp/b/mono/before.exe --calls 4000 --pace 2000 >/dev/null 2>&1");
	my $p = decode_json(scalar `$leakline report --json mono.leakline`)->{sites}[0]{pattern} // {};
	is($p->{id}, "M1", "mono before: the pattern is M1");
	is($p->{confidence}, 0.9, "mono before: contents were read and confirm it");
	like($p->{explanation}, qr/Program\.cs:\d+ in Program:Main/, "mono before: the explanation names the line");
	like($p->{fix}, qr/`out string`/, "mono before: the fix is named");
	like($p->{evidence}[0], qr/__icall_wrapper_mono_string_to_bstr|mono_\w*bstr/, "mono before: the frames are evidence");
	like(scalar `$leakline report -n 1 mono.leakline`, qr/^  why +M1, .*^  fix +Declare /ms, "mono before: the text says why and the fix");
	my ($row) = `$leakline query --csv mono.leakline "select pattern from sites limit 1"` =~ /\n(\w+)/;
	is($row, "M1", "mono before: the recording has it");
	system("$leakline run -q -o after.leakline -- mono $tmp/b/mono/after.exe --calls 4000 --pace 2000 >/dev/null 2>&1");
	my @growing = grep { $_->{state} eq "growing" && $_->{pattern} } @{decode_json(scalar `$leakline report --json after.leakline`)->{sites}};
	is(scalar @growing, 0, "mono after: nothing that grows is a pattern");
}
# One leak of each kind on Mono, and what is no leak.
SKIP: {
	skip "mono, mcs or gcc not found", 14 unless $have_gcc && `sh -c 'command -v mono && command -v mcs'`;
	system("gcc -O1 -g -shared -fPIC -o libinterop.so $root/tests/programs/lib/interop.c") == 0 or die;
	system("cp $root/tests/programs/interop.cs . && mcs -debug -nowarn:219 interop.cs") == 0 or BAIL_OUT("mcs failed");
	my $out = `LD_LIBRARY_PATH=. $leakline run -q -o interop.leakline -- mono interop.exe`;
	my $sites = decode_json(scalar `$leakline report --json interop.leakline`)->{sites};
	my %expected;
	$expected{$2} = $1 while $out =~ /^expect pattern (\S+) function=(\S+)$/mg;
	is(scalar keys %expected, 11, "mono: the program says what it loses");
	for my $name (sort keys %expected) {
		# The site of the function with most blocks; the library's own frame is responsible for its result.
		my ($site) = sort { $b->{outstanding_blocks} <=> $a->{outstanding_blocks} }
			grep { grep { ($_->{function} // "") =~ /^Interop:$name\b/ } @{$_->{frames}} } @$sites;
		is(($site->{pattern} // {})->{id}, $expected{$name}, "mono: $name is $expected{$name}") or diag(explain($site));
	}
	for my $name (qw(ByValue Balanced)) {
		my @found = grep { $_->{pattern} && $_->{outstanding_blocks} > 2 && grep { ($_->{function} // "") =~ /^Interop:$name\b/ } @{$_->{frames}} } @$sites;
		is(scalar @found, 0, "mono: $name is no pattern");
	}
}
done_testing();
