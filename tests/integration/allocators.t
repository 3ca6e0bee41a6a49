#!/usr/bin/perl
# C++ new and delete, and other allocators than glibc's: what a program loses is
# seen whoever serves it, and nothing that it freed is shown.
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

SKIP: {
	skip "g++ not found", 1 unless `sh -c 'command -v g++'`;
	open(my $f, ">", "$tmp/p.cc");
	print $f <<'END_OF_CC';
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>
struct A { char b[40]; };
struct alignas(64) B { char b[128]; };
static std::vector<void *> kept;
__attribute__((noinline)) void by_new() { kept.push_back(new A); }
__attribute__((noinline)) void by_new_array() { kept.push_back(new int[25]); }
__attribute__((noinline)) void by_aligned_new() { kept.push_back(new B); }
__attribute__((noinline)) void by_malloc() { kept.push_back(malloc(20)); }
__attribute__((noinline)) void freed() {
	delete new A; delete[] new int[5]; delete new B; free(malloc(30));
	std::string s(100, 'x'); auto u = std::make_unique<int[]>(50);
	try { throw std::string(200, 'y'); } catch (std::string &e) { s += e; }
}
int main() {
	kept.reserve(10000);
	for (int i = 0; i < 100; i++) { by_new(); by_new_array(); by_aligned_new(); by_malloc(); freed(); }
	puts("done");
}
END_OF_CC
	close $f;
	system("g++ -O1 -g -o $tmp/p $tmp/p.cc") == 0 or die;
	for my $library ("", "libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2.0") {
		my $name = $library || "glibc";
		SKIP: {
			skip "$library not found", 6 if $library && ! -e "/usr/lib/x86_64-linux-gnu/$library";
			my $preload = $library ? "env LD_PRELOAD=$library" : "";
			my $out = `$preload $leakline run -q -o $tmp/$name.leakline -- $tmp/p 2>&1`;
			is($out, "done\n", "$name: same output");
			my $r = decode_json(scalar(`$leakline report --json $tmp/$name.leakline`));
			my %got;
			for my $site (@{$r->{sites}}) {
				my ($where) = grep { /^(by_|freed)/ } map { $_->{function} // "" } @{$site->{frames}};
				next unless $where;
				$where =~ s/\(.*//;
				$got{$where}[0] += $site->{outstanding_blocks};
				$got{$where}[1] += $site->{outstanding_bytes};
			}
			is_deeply($got{by_new}, [100, 4000], "$name: new");
			is_deeply($got{by_new_array}, [100, 10000], "$name: new[]");
			is_deeply($got{by_aligned_new}, [100, 12800], "$name: new of an aligned type");
			is_deeply($got{by_malloc}, [100, 2000], "$name: malloc");
			is($got{freed}, undef, "$name: nothing of what was freed");
		}
	}
}
done_testing();
