#!/usr/bin/perl
# Each way in which a .NET program loses native memory (tests/programs/dotnet): what the
# program says it loses is what the report says, and with the missing release nothing grows.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $root = abs_path(dirname(__FILE__) . "/../..");
my $leakline = "$root/build/leakline";
my $programs = "$root/tests/programs/dotnet";

plan skip_all => "dotnet not found (the SDK of .NET 10): the patterns of .NET are not tested" unless `sh -c 'command -v dotnet'`;

my $tmp = tempdir(CLEANUP => 1);
my $count = 1000;
# The entry of the catalogue (docs/PATTERNS.md) that a program is an example of, where it is not the
# first part of its name: the blocks tell of whom they are, not why nobody gives them back.
my %entry = ("N10-openssl" => "N16", "N14" => "N14-object", "N16" => "N14-object");
chdir $tmp;
$ENV{DOTNET_CLI_TELEMETRY_OPTOUT} = $ENV{DOTNET_NOLOGO} = $ENV{DOTNET_SKIP_FIRST_TIME_EXPERIENCE} = 1;

sub build
{
	my ($what, $command) = @_;
	system("$command >$tmp/build.log 2>&1") == 0 or BAIL_OUT("$what does not build: " . `tail -20 $tmp/build.log`);
}

build("the programs", "dotnet build $programs/patterns.csproj -v:q -nologo -nodeReuse:false -p:UseSharedCompilation=false -p:Built=$tmp/");
build("their library", "gcc -O1 -g -shared -fPIC -fvisibility=hidden -o $tmp/libcallee.so $programs/callee.c");

sub growing { return grep { ($_->{growth_bytes_per_min} // 0) > 0 } @{$_[0]{sites}} }
sub leaks { return grep { $_->{manager} ne "runtime" && $_->{manager} ne "GC heap" } growing($_[0]) }

sub told
{
	return join "\n", map {
		my $site = $_;
		my @frames = map { ($_->{function} // $_->{address}) . ($_->{line} ? ":$_->{line}" : "") } grep { defined } @{$site->{frames}}[0..8];
		join(" ", $site->{manager}, $site->{outstanding_blocks}, $site->{growth_bytes_per_min} // "?", join(" <- ", @frames));
	} @_;
}

# Blocks of the manager in sites that have the function on their stack.
sub found
{
	my ($r, $manager, $function) = @_;
	my $blocks = 0;
	for my $site (@{$r->{sites}}) {
		next unless $site->{manager} eq $manager;
		$blocks += $site->{outstanding_blocks} if grep { ($_->{function} // "") =~ /^\Q$function\E\(/ } @{$site->{frames}};
	}
	return $blocks;
}

sub tracked
{
	my ($name, $arguments) = @_;
	my $out = `$leakline run -q -o $name.leakline -- dotnet $tmp/patterns.dll $arguments 2>&1`;
	is($?, 0, "$name ends well");
	my $report = decode_json(scalar(`$leakline report --json --sites 40 $name.leakline`));
	is($report->{not_seen}{lost_events}, 0, "$name: nothing was lost");
	return ($out, $report);
}

sub loses_ok
{
	my ($name) = @_;
	my ($out, $r) = tracked($name, "$name $count");
	my ($manager, $function, $at, $kind, $number) = $out =~ /^expect pattern=\S+ manager=(\S+) function=(\S+) at=(\S+) (blocks|per|segments)=(\d+)$/
		or return fail("$name says what it loses");
	$manager =~ tr/_/ /;
	my $blocks = found($r, $manager, $function);
	if ($kind eq "blocks") {
		is($blocks, $number, "$name: $number blocks of $manager in $function") or diag(told(growing($r)));
	} elsif ($kind eq "per") {
		cmp_ok($blocks, ">=", $number, "$name: at least $number blocks of $manager in $function") or diag(told(growing($r)));
	} else {
		cmp_ok($blocks, ">", 0, "$name: growth of $manager in $function") or diag(told(growing($r)));
	}
	my $first = $r->{sites}[0];
	my $frame = $first->{frames}[$first->{responsible} // 0];
	like($frame->{function} // "", qr/^\Q$at\E\b/, "$name: the first site is to be opened in $at") or diag(told($first));
	ok($frame->{file} && $frame->{line}, "$name: on a line of its source");
	is($first->{pattern}{id}, $entry{$name} // $name =~ s/-.*//r, "$name: the pattern is known");
	my $class = $manager eq "runtime" ? "runtime" : "native";
	is($r->{verdict}{class}, $class, "$name: the verdict is $class") or diag($r->{verdict}{text});
}

sub keeps_ok
{
	my ($name) = @_;
	my ($out, $r) = tracked("$name-release", "$name $count release");
	like($out, qr/=0$/m, "$name, put right, says that it loses nothing");
	is(scalar(leaks($r)), 0, "$name, put right: nothing grows") or diag(told(leaks($r)));
}

for my $name (split /\n/, `dotnet $tmp/patterns.dll --list`) {
	loses_ok($name);
	keeps_ok($name);
}
done_testing();
