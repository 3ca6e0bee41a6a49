#!/usr/bin/perl
# Documentation against the program and its sources: options of --help, man pages and
# completion; keys, constants, names and files that pages mention; the reader of
# stores that docs/STORE.md shows.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Find;
use File::Temp qw(tempdir);
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $tmp = tempdir(CLEANUP => 1);
chdir $root or die "cannot enter $root: $!";

sub have { return scalar grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

sub text_of {
	my ($path) = @_;

	open my $file, "<", $path or return "";
	local $/;
	return <$file> // "";
}

# Status and stdout of leakline with these arguments.
sub leakline {
	my (@arguments) = @_;
	my $pid = open my $pipe, "-|";

	defined $pid or die "cannot fork: $!";
	if (!$pid) {
		open STDERR, ">", "/dev/null";
		exec $leakline, @arguments or exit 127;
	}
	local $/;
	my $out = <$pipe> // "";
	close $pipe;
	return ($? >> 8, $out);
}

sub words { return join " ", sort @_ }

# The words of an option as --help or a page lists it: "-n, --sites N" => -n, --sites.
sub option_words { return $_[0] =~ /(?<![\w-])(--?\w[\w-]*)/g }

# ---- help

# { option => the word for its value, or "" } of the lines that --help indents.
sub help_options {
	my ($help) = @_;
	my %options;

	for (split /\n/, $help) {
		my ($list, $value) = /^  (-{1,2}\w[\w-]*(?:, -{1,2}\w[\w-]*)*)(?: ([A-Z]+))?(?:\s|$)/ or next;
		$options{$_} = $value // "" for option_words($list);
	}
	return \%options;
}

# ---- man pages

sub plain {
	my ($roff) = @_;

	$roff =~ s/\\f[A-Z]//g;
	$roff =~ s/\\-/-/g;
	$roff =~ s/\\\(aq/'/g;
	$roff =~ s/\\e/\\/g;
	$roff =~ s/^\.[BI]{1,2}R? //gm;
	$roff =~ s/"//g;
	return $roff;
}

# The section's source.
sub section {
	my ($page, $name) = @_;

	return $page =~ /^\.SH \Q$name\E\n(.*?)(?=^\.SH |\z)/ms ? $1 : "";
}

# The tags of a section's tagged paragraphs.
sub tags {
	my ($section) = @_;

	return map { plain($_) } $section =~ /^\.TP\n(.*)$/mg;
}

sub man_options { return map { option_words($_) } tags(section($_[0], "OPTIONS")) }

# ---- options

# Every command lists -h in its page; query's --help leaves it out.
sub check_options {
	my ($command, $page) = @_;
	my ($status, $help) = leakline($command, "--help");
	my $options = help_options($help);

	is($status, 0, "leakline $command --help: status 0");
	is((leakline($command, "-h"))[1], $help, "leakline $command -h says the same");
	my @described = grep { !/^(-h|--help)$/ } man_options($page);
	is(words(@described), words(grep { !/^(-h|--help)$/ } keys %$options),
		"leakline-$command(1) describes the options that --help prints");
	my %known = map { $_ => 1 } @described, "-h", "--help", "--";
	is(words(grep { !$known{$_} } option_words(plain(section($page, "SYNOPSIS")))), "",
		"leakline-$command(1): the synopsis has no other options");
	my %sample = (FILE => "x", N => "3", WHAT => "growth", "" => undef);
	for my $option (sort @described) {
		my $value = $sample{ $options->{$option} // "" };
		my ($accepted) = leakline($command, $option, defined $value ? $value : (), "--help");
		is($accepted, 0, "leakline $command takes $option as it is described");
	}
}

sub completion_options {
	my ($command) = @_;
	my $script = 'source completions/leakline.bash; COMP_WORDS=(leakline "$@" -); '
		. 'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _leakline; printf "%s\n" "${COMPREPLY[@]}"';

	open my $pipe, "-|", "bash", "-c", $script, "bash", length $command ? $command : ()
		or die "cannot run bash: $!";
	chomp(my @words = <$pipe>);
	close $pipe;
	return grep { /^-/ && $_ ne "--" } @words;
}

my $main_page = text_of("docs/man/leakline.1");
my ($main_status, $main_help) = leakline("--help");
my @commands = $main_help =~ /^  (\w+) {2,}\S/mg;

is($main_status, 0, "leakline --help: status 0");
cmp_ok(scalar @commands, ">=", 4, "leakline --help lists the commands");
is(words(tags(section($main_page, "COMMANDS"))), words(@commands),
	"leakline(1) lists the commands that --help prints");
is(words(map { m{leakline-(\w+)\.1$} } glob "docs/man/leakline-*.1"), words(@commands),
	"every command has a man page, and there is no other");
for my $option (man_options($main_page)) {
	is((leakline($option))[0], 0, "leakline takes $option");
}
is(words(completion_options("")), words(man_options($main_page)),
	"leakline: the completion offers its options");

for my $command (@commands) {
	my $page = text_of("docs/man/leakline-$command.1");

	check_options($command, $page);
	is(words(completion_options($command)), words(man_options($page)),
		"leakline $command: the completion offers its options");
}

# ---- pages

my $version = text_of("VERSION");
chomp $version;
for my $path (glob "docs/man/*.1") {
	my $name = basename($path);

	like(text_of($path), qr/^\.TH \S+ 1 \S+ "leakline \Q$version\E"/, "$name is of version $version");
	SKIP: {
		skip "man not found", 1 unless have("man");
		my $warnings = `LC_ALL=C.UTF-8 MANWIDTH=100 man --warnings -E UTF-8 -l $path 2>&1 >$tmp/page`;
		is($warnings . (-s "$tmp/page" ? "" : "nothing is printed"), "", "$name is set without warnings");
	}
}

# ---- sources

my %sources;
find({ no_chdir => 1, wanted => sub { $sources{$_} = text_of($_) if -f && /\.[ch]$|\.mk$|\.map$/ } }, "src");
my $all_sources = join "\n", map { $sources{$_} } sort keys %sources;

# Variables that leakline reads or sets.
my %variables = map { $_ => 1 } $all_sources =~ /(?:getenv|setenv)\("(\w+)"/g;
$variables{DEBUGINFOD_URLS} = 1 if $all_sources =~ /getenv\(DEBUGINFOD_URLS_ENV_VAR\)/;
delete $variables{PATH};
is(words(grep { /^[A-Z_]+$/ } tags(section($main_page, "ENVIRONMENT"))), words(keys %variables),
	"leakline(1) lists the variables that the sources name");

# ---- what could not be recorded

my $store_page = text_of("docs/STORE.md");
my %key_of = $sources{"src/report/take.c"} =~ /\[(LK_LOST_\w+)\]\s*=\s*\{"(\w+)"/g;
my ($lost_enum) = $sources{"src/abi/store.h"} =~ /enum lk_lost \{(.*?)\n\}/s;
my @lost = ($lost_enum // "") =~ /^\s*(LK_LOST_\w+)/mg;
my $reports = $store_page . text_of("docs/JSON.md");
my $guest = join "\n", map { $sources{$_} } grep { m{^src/(unwind|walk|store|agent)/} } sort keys %sources;

cmp_ok(scalar @lost, ">=", 11, "src/abi/store.h counts losses");
is(words(keys %key_of), words(@lost), "src/report/take.c has a key for each of them");
for my $constant (@lost) {
	my $key = $key_of{$constant} // "?";

	like($reports, qr/\b\Q$key\E\b/, "$key is in docs/STORE.md or docs/JSON.md");
	my ($line) = $store_page =~ /^(\| `$constant` .*)$/m;
	like($line // "", qr/\| `\Q$key\E` \|/, "docs/STORE.md gives the key of $constant");
	# What is said to be counted is counted, and the other way round.
	is(($line // "") =~ /nothing counts it yet/ ? "not counted" : "counted",
		$guest =~ /\b$constant\b/ ? "counted" : "not counted",
		"docs/STORE.md is right about whether $constant is counted");
}
for my $number ($sources{"src/abi/store.h"} =~ /^ \*   (S\d) /mg) {
	like($store_page, qr/^\| \*\*$number\*\* \|/m, "docs/STORE.md has invariant $number");
}

# ---- patterns

# The catalogue of docs/PATTERNS.md against data/leak.patterns: id, runtime, title, release.
my $pattern_page = text_of("docs/PATTERNS.md");
my ($table) = $pattern_page =~ /^## The catalogue\n.*?\n\|---[^\n]*\n(.*?)\n\n/ms;
my %rows = map { /^\| (\S+) \| (.*) \|$/ ? ($1 => $2) : ("?" => $_) } split /\n/, $table // "";
my $patterns = text_of("data/leak.patterns");
my (%patterns, $id);
for (split /\n/, $patterns) {
	my ($key, $text) = /^\s*(\w+)\s*(.*)$/ or next;
	$id = $text if $key eq "pattern";
	push @{ $patterns{$id}{$key} }, $text if defined $id;
}
cmp_ok(scalar keys %patterns, ">=", 60, "data/leak.patterns has patterns");
is(words(keys %rows), words(keys %patterns), "docs/PATTERNS.md lists the patterns of the file");
for (sort keys %patterns) {
	my $p = $patterns{$_};
	is($rows{$_} // "", join(" | ", map { join " ", @{ $p->{$_} // [] } } qw(runtime title release)), "docs/PATTERNS.md: row $_");
}
# Every keyword and condition that the reader knows is described, and the other way round.
my ($reader) = ($sources{"src/leak/pattern_parse.c"} // "");
my %words = map { $_ => 1 } $reader =~ /lk_read_is\((?:key, n|at, size), "(\w+)"\)/g;
my %described = map { $_ => 1 } map { /`(\w+)`/g } $pattern_page =~ /^\| ((?:`\w+`(?:, )?)+) \|/mg;
delete $words{$_}, delete $described{$_} for qw(responsible beyond);
is(words(grep { !$described{$_} } keys %words), "", "docs/PATTERNS.md describes every keyword");
is(words(grep { !$words{$_} } keys %described), "", "... and no other");
my ($example) = $pattern_page =~ /^```\n(leakline-patterns 1\n.*?)^```/ms;
open my $example_file, ">", "$tmp/example.patterns" or die;
print $example_file $example // "";
close $example_file;
{
	local $ENV{LEAKLINE_PATTERNS} = "$tmp/example.patterns";
	my $said = `$leakline report $tmp/nothing 2>&1`;
	unlike($said, qr/example\.patterns/, "the example of docs/PATTERNS.md is read without an error");
}

# ---- links, files, names

# Pages that are sources of truth of others' making are read, too: a broken link is one.
for my $path (sort glob("docs/*.md"), grep { -e } "README.md") {
	my $page = text_of($path);
	my (%missing, %unknown);

	for my $link ($page =~ /\]\(([^)\s#]+)[^)]*\)/g) {
		next if $link =~ /^\w+:/;
		$missing{$link} = 1 unless -e dirname($path) . "/$link";
	}
	while ($page =~ m{(?<![\w./-])((?:docs|src|tests|scripts|bench|examples|completions|data)/[\w./-]*\w\.\w+)}g) {
		$missing{$1} = 1 unless -e $1 || $1 =~ m{^src/trace/};
	}
	is(words(keys %missing), "", "$path names no file that does not exist");
	while ($page =~ /\b(lk_\w+[a-z0-9]|LK_\w+[A-Z0-9])\b(?![*<])/g) {
		my $name = $1;

		$unknown{$name} = 1 unless $all_sources =~ /\b\Q$name\E\b/;
	}
	is(words(keys %unknown), "", "$path names nothing that the sources do not");
}

# Anchors: what a link's # names is a heading there.
for my $path (sort glob("docs/*.md")) {
	my @broken;

	for (text_of($path) =~ /\]\(([^)\s]*#[^)]*)\)/g) {
		my ($file, $anchor) = /^([^#]*)#(.*)$/;
		next if $file =~ /^\w+:/;
		my $target = text_of(length $file ? dirname($path) . "/$file" : $path);
		my %headings = map { my $h = lc; $h =~ s/[^\w\s-]//g; $h =~ s/ /-/g; $h => 1 } $target =~ /^#+ (.+)$/mg;

		push @broken, $_ unless $headings{$anchor};
	}
	is(words(@broken), "", "$path: every link into a page finds its heading");
}

# ---- the reader that docs/STORE.md shows

sub write_file { my ($path, $text) = @_; open(my $f, ">", $path) or die; print $f $text; close $f; return $path }

SKIP: {
	skip "python3 not found", 4 unless have("python3");
	my ($code) = $store_page =~ /^```python\n(.*?)^```/ms;
	my $reader = write_file("$tmp/reader.py", $code // "");
	my $source = write_file("$tmp/lose.c", "#include <stdlib.h>\n"
		. "__attribute__((noinline)) static void lose(size_t n) { void *volatile p = malloc(n); (void)p; }\n"
		. "int main(void) { for (int i = 0; i < 7; i++) lose(123); lose(9); lose(300000);\n"
		. "for (int i = 0; i < 5; i++) { void *volatile p = malloc(4321); free(p); } return 0; }\n");
	skip "gcc not found", 4 unless have("gcc");
	system("gcc -O1 -o $tmp/lose $source") == 0 or die "cannot compile $source";
	mkdir "$tmp/stores", 0700;
	system("LEAKLINE_STORE_DIR=$tmp/stores LD_PRELOAD=$root/build/libleakline-agent.so $tmp/lose");
	my ($store) = glob "$tmp/stores/*.store";
	my $out = `python3 $reader $store 2>&1`;
	my @live = $out =~ /^block 0x\w+ size (?:123|9|300000) stack (\d+) at \d+ ms$/mg;

	is(scalar @live, 9, "docs/STORE.md: its reader sees the live blocks") or diag($out);
	unlike($out, qr/size 4321 /, "... and none that was freed");
	like($out, qr/^stack \d+ malloc allocated 7 live 7 from 0x/m, "... and how often a stack allocated (S5)");
	like($out, qr/^stack \d+ malloc allocated 5 live 0 from 0x/m, "... also where all was freed");
}
done_testing();
