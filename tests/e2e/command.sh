#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# "-- CMD": its status is passed through, and it is never left behind or held for ever.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

_status_of()
{
	local want=$1

	shift
	tool -q -o "$T/r.json" -- "$@"
	expect_status "$want"
}

the_commands_status_is_passed_through()
{
	_status_of 0 "$WL/exits" 200 0
	_status_of 3 "$WL/exits" 200 3
	_status_of 125 "$WL/exits" 200 125
}

a_command_that_does_nothing_keeps_its_status()
{
	# Whether a sample fell into it or not.
	_status_of 0 true
	_status_of 1 false
}

a_command_that_dies_by_a_signal_gives_128_plus_its_number()
{
	_status_of 143 sh -c 'kill -TERM $$'
	_status_of 137 sh -c 'kill -KILL $$'
}

a_command_that_cannot_be_found_gives_127()
{
	tool -o "$T/r.json" -- pb-no-such-command
	expect_status 127
	expect_says pb-no-such-command
	expect_sentence
}

a_command_that_cannot_be_executed_gives_126()
{
	echo data >"$T/file"
	tool -o "$T/r.json" -- "$T/file"
	expect_status 126
	expect_says "$T/file"
	expect_sentence
}

a_failure_of_the_tool_itself_gives_125_and_says_so()
{
	tool -q -o "$T/no/such/dir/r.json" -- "$WL/exits" 100
	case $RC in 125 | 5) ;; *) expect_status 125 ;; esac
	expect_says 'no/such/dir'
}

no_command_behind_the_dashes_is_a_usage_error()
{
	tool --
	expect_status 2
}

the_commands_arguments_are_its_own()
{
	tool -q -o "$T/r.json" -- sh -c 'printf "%s|" "$@"; exit 7' -- -p --json 'a b' ''
	expect_status 7
	[ "$(cat "$T/out")" = '-p|--json|a b||' ] || die "it got: $(cat "$T/out")"
}

the_commands_environment_descriptors_and_signals_are_as_given()
{
	# Nothing of the profiler's own leaks in: as without it.
	local look='ls /proc/$$/fd; grep -E "Sig(Blk|Ign|Cgt)|NoNewPrivs|CapEff" /proc/self/status; env | grep -vE "^(_|SHLVL|COMMAND)="'

	_as_typed sh -c "$look" >"$T/without" 2>&1 &
	wait $!
	tool -q -o "$T/r.json" -- sh -c "$look"
	diff "$T/without" "$T/out" || die "not as without the profiler"
}

the_commands_stdin_is_the_callers()
{
	COMMAND='echo hello | cpuflame -- cat'
	echo hello | "$CPUFLAME" -q -o "$T/r.json" -- cat >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 0
	[ "$(cat "$T/out")" = hello ] || die "cat said: $(cat "$T/out")"
}

a_duration_ends_the_profile_but_not_silently_the_command()
{
	tool -q -d 0.5 -o "$T/r.json" -- sh -c "$WL/shape 3 >/dev/null; echo survived; exit 7"
	expect_status 7
	expect_file "$T/r.json"
	expect_json '.capture.duration_s < 2'
	[ "$(cat "$T/out")" = survived ] || die "the command did not go on: $(cat "$T/out")"
}

# The capture is over, the command is waited for: the signal is the command's.
sigterm_behind_the_capture_ends_the_command()
{
	start_tool -q -F 499 -d 0.5 -o "$T/r.json" -- "$WL/shape" 30
	for _ in $(seq 100); do
		[ -s "$T/r.json" ] && break
		sleep 0.1
	done
	kill -TERM "$TOOL"
	wait_tool
	expect_status 143
	expect_kept 50
}

sigint_at_the_profiler_still_writes_the_report()
{
	start_tool -q -F 499 -o "$T/r.json" -- "$WL/shape" 30
	pause 0.5
	stop_tool
	expect_file "$T/r.json"
	expect_kept 50
}

a_command_dies_with_a_killed_profiler_that_still_held_it()
{
	local i

	for i in 0.00 0.01 0.02 0.04 0.06 0.08 0.12; do
		_as_typed "$CPUFLAME" -q -o "$T/r.json" -- sleep 987654 >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	sleep 0.3
	# Released ones may go on; a stopped one would hang for ever.
	for i in $(pgrep -s 0 -r D,R,S,T,t -f 'sleep 987654|cpuflame'); do
		case $(sed 's/^.*) //' "/proc/$i/stat" 2>/dev/null) in
		T* | t*) die "left stopped: $(tr '\0' ' ' <"/proc/$i/cmdline")" ;;
		esac
		case $(tr '\0' ' ' <"/proc/$i/cmdline") in
		*cpuflame*) die "held before exec for ever: $(cat "/proc/$i/cmdline")" ;;
		esac
	done
	return 0
}

run_tests "$@"
