#!/bin/bash
# Shows what leakline is for: a program leaks native memory through managed code, and the
# report names the line.  Then the same program with the line corrected.  On Mono, and on
# .NET where it is installed.  Installs what is missing, builds, takes a minute or two.
# Exit status: 0 all as it should be, 1 a report was wrong, 3 it could not be done.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 3
. scripts/packages.sh

example=examples/com-interop
built=$example/build
out=build/demo
pace=(--calls 0 --pace 1000 --duration "${DEMO_SECONDS:-10}")

step() {
	printf '\n== %s\n' "$*"
}

# Shows a command as it would be typed, then runs it.
typed() {
	printf '\n$ %s\n' "$*"
	"$@"
}

# Prints FILE:LINE of the only line in the file that contains the text.
line_of() {
	local nr

	nr=$(grep -nF -- "$2" "$1" | cut -d: -f1)
	[[ $nr =~ ^[0-9]+$ ]] || fail "$1 does not have exactly one line with $2"
	say "$(basename "$1"):$nr"
}

prepare() {
	step "What is needed: packages, leakline, the example"
	packages_install "${PACKAGES_BUILD[@]}" || say "going on: the build will tell what it lacks"
	packages_install "${PACKAGES_DEMO[@]}" || say "going on without"
	mkdir -p "$out" || exit 3
	make -s -j2 all >"$out/build.log" 2>&1 || { tail -20 "$out/build.log" && fail "leakline does not build"; }
	make -s -C $example >"$out/example.log" 2>&1 ||
		{ tail -20 "$out/example.log" && fail "the example does not build"; }
	command -v perl >/dev/null || fail "perl not found: it reads the reports"
	say "built: build/leakline and $built"
}

choose_mono() {
	name=mono
	runtime=(mono)
	before=$built/mono/before.exe
	after=$built/mono/after.exe
	source=$example/mono/before/Program.cs
	fixed=$example/mono/after/Program.cs
	call='hello.SayHello(ref sout);'
	check=responsible
}

# Without a runtime nobody's stub is generated: it is user code, and the call is above it.
choose_native() {
	say "mono or mcs not found: the native form of the example is shown"
	name=native
	runtime=()
	before=$built/native-before
	after=$built/native-after
	source=$example/native/before.c
	fixed=$example/native/after.c
	call='stub_SayHello(hello, &sout);'
	check=frame
}

choose_dotnet() {
	name=dotnet
	runtime=(dotnet)
	before=$built/dotnet/before-com.dll
	after=$built/dotnet/after-com.dll
	source=$example/dotnet/before/com/Program.cs
	fixed=$example/dotnet/after/com/Program.cs
	call='hello.SayHello(ref sout);'
	check=responsible
}

show_loop() {
	sed -n '/while (/,/^\t*}/p' "$1"
}

# record NAME PROGRAM: runs the program under leakline, prints and keeps the report.
record() {
	rm -f "$out/$1".*
	typed build/leakline run -o "$out/$1.leakline" -- "${runtime[@]}" "$2" "${pace[@]}" ||
		fail "the program did not end well under leakline"
	typed build/leakline report --sites 1 "$out/$1.leakline" || fail "no report"
	build/leakline report --json "$out/$1.leakline" >"$out/$1.json" || fail "no JSON report"
}

show_leak() {
	step "A client that calls a COM server, 1000 times a second ($name)"
	say "$source:"
	show_loop "$source"
	say "The server's method is declared [out] BSTR*.  Nothing in these lines looks like a leak."
	record "$name-before" "$before"
	scripts/check-report $check "$(line_of "$source" "$call")" BSTR "$out/$name-before.json" || status=1
}

show_fix() {
	step "The same with the caller's string cleared before the call ($name)"
	say "$fixed:"
	show_loop "$fixed"
	record "$name-after" "$after"
	scripts/check-report flat "$out/$name-after.json" || status=1
}

status=0
prepare
if command -v mono >/dev/null && [ -e $built/mono/before.exe ]; then
	choose_mono
else
	choose_native
fi
show_leak
show_fix
if command -v dotnet >/dev/null && [ -e $built/dotnet/before-com.dll ]; then
	choose_dotnet
	show_leak
	show_fix
else
	step ".NET"
	say "dotnet not found (the SDK of .NET 10): the same client on .NET is not shown"
fi
step "Done"
say "The recordings are $out/*.leakline."
if [ $status = 0 ]; then
	say "The leaking line was named, and the corrected program is clean."
else
	say "A report was not what it should be, see above."
fi
exit $status
