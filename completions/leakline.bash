# bash completion for leakline: source this file, or install it as
# /usr/share/bash-completion/completions/leakline.  tests/integration/docs.t holds it to --help.

# Pids of tracked processes: the stores' names begin with them.
__leakline_pids() {
	local dir=${LEAKLINE_DIR-} store pid

	if [ -z "$dir" ]; then
		dir=/dev/shm
		[ -w "$dir" ] || dir=/tmp
		dir=$dir/leakline-$EUID
	fi
	for store in "$dir"/*.store "$dir"/run-*/*.store; do
		pid=${store##*/}
		pid=${pid%%-*}
		[ -d "/proc/$pid" ] && printf '%s\n' "$pid"
	done
}

# Replaces COMPREPLY by the given words that begin with what is typed.
__leakline_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# Adds the files that begin with what is typed and match a pattern; a folder always may.
__leakline_files() {
	local file

	while IFS= read -r file; do
		# shellcheck disable=SC2053 # the right side is a pattern
		[[ -d $file || ${file##*/} == $1 ]] && COMPREPLY+=("$file")
	done < <(compgen -f -- "$2")
	compopt -o filenames 2>/dev/null
}

# The index of the first word after run's own options: the program's name.
__leakline_program_at() {
	local i

	for ((i = 2; i <= COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) printf '%s' $((i + 1)) && return ;;
		-o) ((i++)) ;;
		-*) ;;
		*) printf '%s' "$i" && return ;;
		esac
	done
	printf '%s' $((COMP_CWORD + 1))
}

__leakline_run() {
	local current=$1 previous=$2 at

	at=$(__leakline_program_at)
	if ((COMP_CWORD > at)); then
		# The program's own words: as its own completion has them, where there is one.
		if declare -F _command_offset >/dev/null; then
			_command_offset "$at"
		else
			__leakline_files '*' "$current"
		fi
	elif ((COMP_CWORD == at)) && [[ $current != -* || ${COMP_WORDS[at - 1]} == -- ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$current")
		__leakline_files '*' "$current"
	elif [ "$previous" = -o ] || [ "$previous" = --output ]; then
		__leakline_files '*.leakline' "$current"
	else
		__leakline_words "-o --output --children --no-counters -v --verbose -q --quiet -h --help --" "$current"
	fi
}

__leakline_report() {
	local current=$1 previous=$2

	case $previous in
	-n | --sites | --samples) return ;;
	--fail-on) __leakline_words "growth" "$current" && return ;;
	-o) __leakline_files '*' "$current" && return ;;
	esac
	if [[ $current == -* ]]; then
		__leakline_words "--json -n --sites --samples --all-frames -o --output --fail-on -h --help" "$current"
	else
		__leakline_words "$(__leakline_pids)" "$current"
		__leakline_files '*.leakline' "$current"
	fi
}

__leakline_snapshot() {
	local current=$1 previous=$2

	if [ "$previous" = -o ] || [ "$previous" = --output ]; then
		__leakline_files '*.leakline' "$current"
	elif [[ $current == -* ]]; then
		__leakline_words "-o --output -h --help" "$current"
	else
		__leakline_words "$(__leakline_pids)" "$current"
		__leakline_files '*.store' "$current"
	fi
}

__leakline_query() {
	local current=$1

	if [[ $current == -* ]]; then
		__leakline_words "--csv --json -h --help" "$current"
	else
		__leakline_files '*.leakline' "$current"
	fi
}

_leakline() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		__leakline_words "run report snapshot query -h --help --version" "$current"
		return
	fi
	case ${COMP_WORDS[1]} in
	run | report | snapshot | query) "__leakline_${COMP_WORDS[1]}" "$current" "$previous" ;;
	esac
}

complete -F _leakline leakline
