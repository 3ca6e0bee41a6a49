#!/bin/bash
# Everything from a fresh Debian to the last test: ./test.sh
# Installs what is missing, builds, checks the example, the sources and the program.
# Exit status: 0 all passed, 1 something failed, 3 it could not be done.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 3
. scripts/packages.sh

for option in "$@"; do
	case $option in
	-h | --help)
		say "usage: ./test.sh    (installs Debian packages when some are missing)"
		exit 0
		;;
	*) fail "there is no option $option" ;;
	esac
done

step() {
	printf '\n== %s\n' "$*"
}

# A skip is never silent: what is missing, and what is not tested without it.
say_skipped() {
	command -v "$1" >/dev/null || say "$1 not found: $2 skipped"
}

step "packages"
packages_install "${PACKAGES_BUILD[@]}" || say "going on: the build will tell what it lacks"
packages_install "${PACKAGES_TESTS[@]}" || say "going on: tests that need these are skipped"
command -v prove >/dev/null || fail "prove not found: install the package perl"
say_skipped mono "the tests on Mono are"
say_skipped mcs "the C# programs for Mono are"
say_skipped dotnet "the tests on .NET are"
say_skipped java "the tests on Java are"
say_skipped node "the tests on Node are"
say_skipped python3 "the tests on Python are"
say_skipped sqlite3 "the test on sqlite3 is"
say_skipped redis-cli "the test on redis is"
say_skipped clang-format "the check of the format is"

step "build"
make -s -j2 all tests || exit 1

step "example"
make -s -C examples/com-interop check || exit 1

step "lint"
lint=0
make -s lint || lint=1

# Goes on after a lint failure, so that one run tells everything.
step "tests"
check=0
make -s check || check=1
[ $lint = 0 ] || printf 'test.sh: lint failed, see above\n' >&2
exit $((lint | check))
