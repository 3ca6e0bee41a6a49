#!/usr/bin/perl
# Every fuzz target over its corpus, under sanitizers: each input as it is, and 300 times
# damaged.  The corpora are made by tests/fuzz/seeds; what a fuzzer found is beside them.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $changes = 300;

chdir $root or die "cannot enter $root: $!";
my @targets = map { m{/fuzz_(\w+)\.c$} } glob "tests/fuzz/fuzz_*.c";
ok(scalar @targets, "there are fuzz targets");
for my $target (@targets) {
	my @corpus = glob "tests/fuzz/corpus/$target/*";
	my @command = ("build/tests/fuzz_$target", $changes, @corpus);

	ok(scalar @corpus, "$target has a corpus");
	my $out = `timeout 120 @command 2>&1`;
	my $want = @corpus * ($changes + 1) . " inputs";
	ok($? == 0 && $out =~ /^\Q$want\E$/m, "$target: $want do no harm") or diag($out);
}
for my $corpus (map { basename($_) } glob "tests/fuzz/corpus/*") {
	ok((grep { $_ eq $corpus } @targets), "the corpus $corpus has a target");
}
done_testing();
