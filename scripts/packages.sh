# The Debian packages that leakline needs: the only list.  Sourced by bash scripts.

# To build leakline.
PACKAGES_BUILD=(gcc make pkg-config libc6-dev binutils libdw-dev libelf-dev libsqlite3-dev
	libjansson-dev libdebuginfod-dev libiberty-dev zlib1g-dev liblzma-dev)

# To show the reference leak in a Mono program; perl reads the reports.
PACKAGES_DEMO=(mono-runtime mono-mcs perl)

# For the tests: perl has prove.  redis-tools contains the server's program under another
# name and, unlike redis-server, brings no service that would start.
PACKAGES_TESTS=(perl man-db python3 sqlite3 redis-tools clang-format g++ xz-utils mono-runtime
	mono-mcs libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0)

say() {
	printf '%s\n' "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 3
}

# packages_missing PACKAGE...: prints those that are not installed.
packages_missing() {
	local package

	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		installed) ;;
		*) say "$package" ;;
		esac
	done
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

apt_install() {
	as_root apt-get -q -y --no-install-recommends install "$@"
}

# packages_install PACKAGE...: installs what is missing.  Fails after saying why.
packages_install() {
	local missing package

	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "this is not a Debian system: install yourself what corresponds to: $*"
		return 1
	fi
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "missing Debian packages: ${missing[*]}"
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		say "neither root nor sudo: run as root: apt-get install ${missing[*]}"
		return 1
	fi
	as_root apt-get -q update || say "apt-get update failed; the known package lists are used"
	apt_install "${missing[@]}" && return 0
	# One package that cannot be had keeps apt-get from installing the others.
	for package in "${missing[@]}"; do
		apt_install "$package" >/dev/null
	done
	mapfile -t missing < <(packages_missing "${missing[@]}")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "apt-get could not install: ${missing[*]}"
	return 1
}
