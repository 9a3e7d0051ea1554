# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The frame around end-to-end tests. A file holds functions whose names are sentences, and ends with
#
#	run_tests "$@"
#
# Every such function is a test, run by itself in a scratch directory $T (helpers begin with "_"). A
# test ends well by returning 0, badly by `die`, or by `too_few`: then it is done once more, with four times as long to
# measure. After each, whatever it was about:
#   - every report of a profiler left in $T keeps its identity: produced = kept + the losses, and
#     kept = complete + truncated + broken; and is what its schema says, as is every document of bead;
#   - no text that was written for people or for flamegraph.pl holds a raw control byte;
#   - no program, map or link of the tool, and no process of the test, is left.
#
#	tests/e2e/targets.sh                   all tests of a file
#	tests/e2e/targets.sh a_pid_list_...    one of them; KEEP=1 keeps its scratch directory

# Which debug files a machine has installed must not decide a test: here there are none.
if [ "$(id -u)" = 0 ] && [ -z "${PB_NO_DEBUG_FILES:-}" ] && [ -n "$(ls -A /usr/lib/debug 2>/dev/null)" ] &&
	unshare -m mount -t tmpfs none /usr/lib/debug 2>/dev/null; then
	export PB_NO_DEBUG_FILES=1
	# shellcheck disable=SC2016 # of the inner shell
	exec unshare -m sh -c 'mount -t tmpfs none /usr/lib/debug && exec bash "$@"' sh "$0" "$@"
fi
RING=e2e
# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
WL=$O/tests/workload
# The profiler under test; a file for another one than cpuflame calls this first.
use_profiler()
{
	CPUFLAME=$O/$1
	NAME=$1
}
NAME=cpuflame
CPUFLAME=${CPUFLAME:-$O/cpuflame}
# What takes longer hangs: the longest takes 30 s on a machine that has nothing else to do.
TEST_SECONDS=${TEST_SECONDS:-180}

# Ends a test as failed. Skipping is for what this machine lacks.
die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

# The same where there was too little to judge, as on a machine that is busy.
TOO_FEW=75
too_few()
{
	printf '%s\n' "$*" >&2
	exit $TOO_FEW
}

# Times that are there to be measured in are that many times as long.
STRETCH=${PB_STRETCH:-1}

# stretched SECONDS: of a workload that goes on to something else by the clock.
stretched()
{
	awk -v "s=$1" -v "by=$STRETCH" 'BEGIN { print s * by }'
}

# Sleep while something is measured.
pause()
{
	sleep "$(stretched "$1")"
}

# _stretch ARGS...: sets STRETCHED, the same with a longer -d, but for what is behind "--".
_stretch()
{
	local word last=''

	STRETCHED=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		word=$1
		[ "$last" != -d ] || [[ ! $word =~ ^[0-9.]+$ ]] ||
			word=$(stretched "$word")
		STRETCHED+=("$word")
		last=$1
		shift
	done
	STRETCHED+=("$@")
}

skip_test()
{
	printf '%s\n' "$*" >"$T/.skip"
	exit 0
}

# Bash starts background jobs with SIGINT ignored; a person's shell does not.
_as_typed()
{
	exec env --default-signal=INT,QUIT "$@"
}

# workload NAME ARGS...: start it and wait until it says that it is up. Sets W.
workload()
{
	local name=$1

	shift
	workload_at "$WL/$name" "$@"
}

# The same for a program anywhere.
workload_at()
{
	local line

	rm -f "$T/.up"
	mkfifo "$T/.up"
	_as_typed "$@" >"$T/.up" &
	W=$!
	# Held open by hand: the workload must not die of SIGPIPE.
	exec 8<"$T/.up"
	while read -r -t 20 line <&8; do
		printf '%s\n' "$line" >>"$T/workload.out"
		case $line in ready*) return 0 ;; esac
	done
	die "$1 did not start"
}

# tool ARGS...: run the profiler to its end. Sets RC; $T/out and $T/err hold what it said.
tool()
{
	_stretch "$@"
	COMMAND="$NAME ${STRETCHED[*]}"
	(_as_typed "$CPUFLAME" "${STRETCHED[@]}") >"$T/out" 2>"$T/err"
	RC=$?
	_no_crash
	_keep_json "$@"
}

# Documents of bead, which go to stdout, are kept in bead-N.json to be held against their schemas. With --json there
# is one of them and nothing else, or nothing at all behind an error.
_keep_json()
{
	local word json=

	[ "$NAME" = bead ] || return 0
	for word; do
		case $word in
		--) break ;;
		--json) json=1 ;;
		esac
	done
	[ -n "$json" ] && [ -s "$T/out" ] || return 0
	jq -es 'length == 1 and (.[0] | objects | .schema | strings | startswith("bead-"))' "$T/out" >/dev/null 2>&1 ||
		die "not one document: $COMMAND: $(head -c 1000 "$T/out")"
	DOCUMENTS=$((DOCUMENTS + 1))
	cp "$T/out" "$T/bead-$DOCUMENTS.json"
}
DOCUMENTS=0

# start_tool ARGS...: the same in the background, back when everything is attached. Sets TOOL.
start_tool()
{
	_stretch "$@"
	COMMAND="$NAME ${STRETCHED[*]}"
	rm -f "$T/.ready"
	mkfifo "$T/.ready"
	_as_typed "$CPUFLAME" --ready-fd 9 "${STRETCHED[@]}" 9>"$T/.ready" >"$T/out" 2>"$T/err" &
	TOOL=$!
	[ "$(timeout 30 head -c 1 "$T/.ready" | wc -c)" = 1 ] ||
		die "never ready: $COMMAND: $(cat "$T/err")"
}

# Wait for the end of it; sets RC.
wait_tool()
{
	wait "$TOOL"
	RC=$?
	_no_crash
}

# As Ctrl-C does.
stop_tool()
{
	kill -INT "$TOOL"
	wait_tool
}

_no_crash()
{
	case $RC in
	132 | 134 | 135 | 136 | 139) die "crashed with status $RC: $COMMAND: $(cat "$T/err")" ;;
	esac
}

expect_status()
{
	[ "$RC" = "$1" ] || die "exit status $RC, not $1: $COMMAND
stderr: $(cat "$T/err")"
}

# expect_says REGEX...: stderr holds each (extended, any case).
expect_says()
{
	local re

	for re; do
		grep -qiE -- "$re" "$T/err" || die "stderr does not say \"$re\": $COMMAND
stderr: $(cat "$T/err")"
	done
}

# expect_sentence: what is said is short, and is not a verifier's log or a list of options.
expect_sentence()
{
	local lines

	lines=$(grep -cv '^$' "$T/err")
	[ "$lines" -ge 1 ] && [ "$lines" -le 4 ] || die "$lines lines instead of a sentence: $COMMAND
stderr: $(cat "$T/err")"
}

# expect_json FILTER [FILE]: jq says true.
expect_json()
{
	jq -e "$1" "${2:-$T/r.json}" >/dev/null || die "not so: $1: $COMMAND
$(jq -c '{target,capture,events,stacks,overhead}' "${2:-$T/r.json}" 2>&1 | head -c 3000)"
}

expect_file()
{
	[ -s "$1" ] || die "no $1: $COMMAND: $(cat "$T/err")"
}

# Nothing under DIR but what is named: no half file, no temporary one.
expect_only()
{
	local dir=$1 found

	shift
	found=$(ls -A "$dir")
	[ "$found" = "$(printf '%s\n' "$@")" ] || die "$dir holds: $found: $COMMAND"
}

# Where default outputs go.
in_an_empty_directory()
{
	mkdir "$T/here" && cd "$T/here" || die "no scratch directory"
}

# samples FILE [REGEX]: sum of the counts in folded FILE, of the stacks that match.
samples()
{
	# Not by -v, which would eat the backslashes.
	RE=${2:-.} awk '{ n = $NF; sub(/ [0-9]+$/, ""); if ($0 ~ ENVIRON["RE"]) sum += n }
		END { print sum + 0 }' "$1"
}

# frame NAME: a regex for it as a whole frame.
frame()
{
	printf '(^|;)%s(;|$)' "$1"
}

# expect_share FILE REGEX OF_REGEX PERCENT POINTS: by chance alone, such a share is not as far off as that. Of too few
# samples it may be.
expect_share()
{
	local part all wrong

	part=$(samples "$1" "$2")
	all=$(samples "$1" "$3")
	awk -v p="$part" -v a="$all" -v want="$4" -v tol="$5" 'BEGIN {
		d = a ? 100 * p / a - want : 1000; exit !(d <= tol && d >= -tol) }' && return
	wrong="$2: $part of $all samples, not $4 % within $5 points: $COMMAND
$(sort -t ' ' -k 2 "$1" | head -20)"
	# Where the tolerance is less than 3.5 standard deviations.
	[ "$all" -gt $((12 * $4 * (100 - $4) / ($5 * $5 + 1))) ] || too_few "$wrong"
	die "$wrong"
}

# expect_at_least N WANTED WHAT
expect_at_least()
{
	[ "$1" -ge "$2" ] || too_few "$1 is less than $2: $3: $COMMAND
stderr: $(cat "$T/err")"
}

# expect_kept N [FILE]: more events than that are in the report.
expect_kept()
{
	local kept

	kept=$(jq .events.kept "${2:-$T/r.json}") || die "no report: $COMMAND: $(cat "$T/err")"
	expect_at_least "$kept" "$1" "events kept"
}

# From the outermost frame of a program of ours to main: what lies between is libc, mostly without names.
# (No {1,2}: not every awk knows it.)
# shellcheck disable=SC2034 # the tests use it
ROOT='_start;[^;]+;([^;]+;)?main'

# expect_complete PERCENT [FILE]: of the events kept, by the report's own word.
expect_complete()
{
	local file=${2:-$T/r.json}

	expect_kept 100 "$file"
	expect_json ".stacks.complete >= $1 / 100 * .events.kept" "$file"
}

# expect_chains FILE REGEX: what is not marked as cut off matches, whole. Beside the report's own word,
# since an unwinder that invents frames thinks well of itself.
expect_chains()
{
	local bad

	bad=$(sed 's/ [0-9]*$//' "$1" | grep -vE '^[^;]*;\[(broken|truncated)\](;|$)' | grep -vE -- "^($2)\$")
	[ -z "$bad" ] || die "stacks that cannot be: $COMMAND
$(sort <<<"$bad" | uniq -c | sort -rn | head -12)"
}

# expect_causes REGEX: nothing else broke a stack.
expect_causes()
{
	jq -e "[.stacks.broken_by[].cause] | all(test(\"^($1)\$\"))" "$T/r.json" >/dev/null ||
		die "broken by other than $1: $COMMAND
$(jq -c '.stacks.broken_by[]' "$T/r.json")"
}

# ticks PID: its CPU time so far in clock ticks (100 per second).
ticks()
{
	# Fields 14 and 15 of stat, counted from behind the name, which may hold spaces.
	sed 's/^.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# "prog 12", "map 34", "link 5" for each in the kernel.
_ids()
{
	local kind

	for kind in prog map link; do
		printf '"%s"\n' "$kind"
		bpftool -j $kind show 2>/dev/null
	done | jq -nr 'foreach inputs as $x (""; if $x | type == "string" then $x else . end;
		. as $kind | $x | arrays[] | "\($kind) \(.id)")' | sort
}

# held_ids PID: those that a process holds, with the maps that only its programs hold. From fdinfo,
# since not every bpftool is built to tell pids.
held_ids()
{
	local held

	# shellcheck disable=SC2086 # PID may be a pattern
	held=$(cat /proc/$1/fdinfo/* 2>/dev/null |
		sed -nE 's/^(prog|map|link)_id:[[:space:]]*/\1 /p' | sort -u)
	{
		printf '%s\n' "$held"
		bpftool -j prog show 2>/dev/null | jq -r '.[] | .id as $p | .map_ids[]? | "prog \($p) \(.)"' |
			grep -F "$(sed -n 's/^prog .*/& /p' <<<"$held")" | awk '{ print "map", $3 }'
	} | sort -u
}

# Objects that were not there before the test, and that no living process holds: another's are not
# ours to judge.
_left_in_kernel()
{
	local new

	new=$(comm -13 "$T/.ids" <(_ids))
	[ -z "$new" ] || comm -23 <(printf '%s\n' "$new") <(held_ids '[0-9]*')
}

_check_left_in_kernel()
{
	local i left kind id

	left=$(_left_in_kernel)
	# The kernel frees by RCU: an object may outlive its last holder by a moment. And another's last holder may
	# end between the two halves of a look: what is left is there at each of them.
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -z "$left" ] && return 0
		sleep 0.3
		left=$(comm -12 <(printf '%s\n' "$left") <(_left_in_kernel))
	done
	[ -z "$left" ] || die "left in the kernel after $i looks: $(while read -r kind id; do
		bpftool "$kind" show id "$id" | head -1
	done <<<"$left")"
}

_check_reports()
{
	local f

	for f in "$T"/*.json; do
		[ -s "$f" ] || continue
		jq -e '(.schema | IN("cpuflame/1", "allocsites/1", "iolatency/1") | not) or
			(.events.produced == .events.kept + ([.events.lost_by[]] | add // 0) and
			 .events.lost == ([.events.lost_by[]] | add // 0) and
			 .events.kept == .stacks.complete + .stacks.truncated + .stacks.broken)' \
			"$f" >/dev/null ||
			die "the ledger of $(basename "$f") does not add up: $(jq -c '[.events,.stacks]' "$f")"
	done
}

# By the schema that its program prints: no key that is not described, none missing, each of its type.
_check_schemas()
{
	local f schema pairs=() said rc

	for f in "$T"/*.json; do
		[ -s "$f" ] || continue
		# Of the program itself: tests/both/both has a schema only for the sake of its ledger.
		schema=$(jq -r 'objects | select(.schema == .tool.name + "/1") | .tool.name' "$f" 2>/dev/null)
		# Of bead there is none without a schema.
		[ -n "$schema" ] || schema=$(jq -r 'objects | .schema | strings | select(startswith("bead-")) |
			rtrimstr("/1")' "$f" 2>/dev/null)
		case $schema in
		bead-*) [ -f "$TOP/docs/schema/$schema.schema.json" ] || die "no schema of $schema" ;;
		esac
		schema=$TOP/docs/schema/$schema.schema.json
		[ ! -f "$schema" ] || pairs+=("$schema" "$f")
	done
	[ ${#pairs[@]} -gt 0 ] || return 0
	said=$(python3 -W ignore - "${pairs[@]}" <<-'EOF'
		import json, os, sys
		try:
		    import jsonschema
		except ImportError:
		    sys.exit(77)
		for paths in zip(sys.argv[1::2], sys.argv[2::2]):
		    schema, report = (json.load(open(p)) for p in paths)
		    for e in list(jsonschema.Draft7Validator(schema).iter_errors(report))[:5]:
		        print(os.path.basename(paths[1]) + ': ' + '/'.join(map(str, e.absolute_path)) + ': ' + e.message[:300])
	EOF
	)
	rc=$?
	if [ $rc = 77 ]; then
		[ "${CI:-}" != true ] || die "python3 has no jsonschema; tools/deps test installs it"
	elif [ $rc != 0 ] || [ -n "$said" ]; then
		die "not as its schema says: ${said:-python3 ended with $rc}"
	fi
}

_check_no_control_bytes()
{
	local f

	for f in "$T/out" "$T/err" "$T"/*.txt "$T"/*.folded "$T"/*.json "$T"/*.html; do
		[ -s "$f" ] || continue
		cmp -s <(head -c 2 "$f") <(printf '\037\213') && continue
		# Tab and newline are no harm; "out" may be a target's own, marked .raw by the test.
		[ "$f" = "$T/out" ] && [ -e "$T/.raw" ] && continue
		! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]' "$f" ||
			die "a raw control byte in $(basename "$f"): $(LC_ALL=C grep -aP -m 1 \
				'[\x00-\x08\x0b-\x1f\x7f]' "$f" | head -c 300 | cat -v)"
	done
}

_check_processes()
{
	local left

	# A test runs in a session of its own. Zombies are for init to reap.
	left=$(pgrep -s 0 -r D,R,S,T,t -a "$NAME")
	[ -z "$left" ] || die "still running: $left"
}

# In a child of its own session: one test, then what holds after every test.
_one()
{
	export T=$2 W='' TOOL='' RC='' COMMAND=''
	(
		set +e
		"$1"
	)
	local rc=$?

	if [ $rc -eq 0 ] && [ ! -e "$T/.skip" ]; then
		(_check_processes && _check_reports && _check_schemas && _check_no_control_bytes) || rc=1
		if [ $rc -eq 0 ] && [ -z "$(why_no_bpf)" ]; then
			(_check_left_in_kernel) || rc=1
		fi
	fi
	return $rc
}

# Everything of this session but this shell, the stopped included.
_end_session()
{
	local pid

	for pid in $(pgrep -s 0); do
		[ "$pid" = "$$" ] || [ "$pid" = "$PPID" ] || kill -KILL "$pid" 2>/dev/null
	done
	return 0
}

_all_tests()
{
	local fn

	shopt -s extdebug
	for fn in $(compgen -A function); do
		declare -F "$fn"
	done | awk -v f="$1" '$3 == f && $1 !~ /^_/ { print $2, $1 }' | sort -n | cut -d ' ' -f 2
	shopt -u extdebug
}

run_tests()
{
	local name why scratch said rc file from took stretch

	file=$(basename "$0" .sh)
	if [ "${1:-}" = --one ]; then
		[ -z "$(why_no_bpf)" ] && _ids >"$3/.ids"
		_one "$2" "$3"
		rc=$?
		_end_session
		trap - EXIT
		exit $rc
	fi
	[ -x "$CPUFLAME" ] || { fail "$file" "no $CPUFLAME: run make first" || exit 1; }
	# shellcheck disable=SC2046 # names of functions
	[ $# -gt 0 ] || set -- $(_all_tests "$0")
	for name; do
		why=$(why_no_bpf)
		if [ -n "$why" ] && [ "${NEEDS_BPF:-1}" = 1 ]; then
			skip_kernel "$file: $name" "$why"
			continue
		fi
		from=$SECONDS
		for stretch in 1 4; do
			scratch=$(mktemp -d /tmp/pb-e2e.XXXXXX)
			said=$(cd "$scratch" && PB_STRETCH=$stretch setsid -w timeout -k 5 $((TEST_SECONDS * stretch)) \
				bash "$TOP/tests/e2e/$file.sh" --one "$name" "$scratch" 2>&1)
			rc=$?
			[ $rc = $TOO_FEW ] && [ $stretch = 1 ] || break
			rm -rf "$scratch"
		done
		took=$((SECONDS - from))
		[ $took -lt 10 ] && took='' || took=" ($took s)"
		if [ -s "$scratch/.skip" ] && [ $rc -eq 0 ]; then
			skip "$file: $name" "$(cat "$scratch/.skip")"
		elif [ $rc -eq 0 ]; then
			pass "$file: $name$took"
		elif [ $rc -eq 124 ] || [ $rc -eq 137 ]; then
			fail "$file: $name" "not done after $((TEST_SECONDS * stretch)) s: $said"
		else
			fail "$file: $name" "$said"
		fi
		if [ -n "${KEEP:-}" ]; then
			echo "          kept: $scratch"
		else
			rm -rf "$scratch"
		fi
	done
}
