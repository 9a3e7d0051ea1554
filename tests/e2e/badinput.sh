#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What a person may get wrong: one clear sentence that names it, and the right exit status.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

_usage_error()
{
	local says=$1

	shift
	tool "$@"
	expect_status 2
	expect_says "$says"
	expect_sentence
	[ ! -s "$T/out" ] || die "talk on stdout: $(head -c 300 "$T/out")"
}

a_pid_that_does_not_exist_exits_4()
{
	tool -p 4194301 -d 1 -o "$T/r.json"
	expect_status 4
	expect_says 4194301
	expect_sentence
	[ ! -e "$T/r.json" ] || die "a report of nothing was written"
}

one_pid_of_two_that_does_not_exist_exits_4()
{
	workload shape
	tool -p "$W,4194301" -d 1 -o "$T/r.json"
	expect_status 4
	expect_says 4194301
}

a_thread_that_does_not_exist_exits_4()
{
	tool -t 4194301 -d 1
	expect_status 4
	expect_says 4194301
	expect_sentence
}

a_pid_that_is_no_number_is_named()
{
	_usage_error foo -p foo
	_usage_error 12x -p 1,12x
	_usage_error "-p" -p ""
}

pid_0_and_numbers_too_large_are_refused()
{
	_usage_error 0 -p 0
	_usage_error 99999999999999999999 -p 99999999999999999999
	_usage_error "-5" -p -5
}

a_rate_of_0_is_refused()
{
	_usage_error 0 -F 0 -p 1
}

a_rate_of_ten_million_is_refused()
{
	_usage_error 10000000 -F 10000000 -p 1
	_usage_error 10000000 -F 10000000 --force -p 1
}

a_rate_above_999_needs_force()
{
	_usage_error force -F 1000 -p 1
	workload shape
	tool -F 1500 --force -p "$W" -d 0.5 -q -o "$T/r.json"
	expect_status 0
	expect_json '.overhead.asked_hz == 1500'
}

an_unknown_option_is_named()
{
	_usage_error frobnicate --frobnicate
	_usage_error Z -Z
}

a_misspelt_option_gets_the_nearest_one()
{
	_usage_error '--duration' --duratoin 3
}

an_unknown_format_is_named()
{
	_usage_error docx --format docx -p 1
	_usage_error 'x\.docx' -o x.docx -p 1
}

no_target_at_all_says_what_can_be_one()
{
	_usage_error '--?pid|-p' -d 1
}

two_kinds_of_target_are_refused()
{
	_usage_error '.' -p 1 -a
	_usage_error '.' -a -- true
}

user_only_and_kernel_only_exclude_each_other()
{
	_usage_error '.' -U -K -p 1
}

a_duration_that_makes_no_sense_is_named()
{
	_usage_error soon -d soon -p 1
	_usage_error 0 -d 0 -p 1
	_usage_error "-1" -d -1 -p 1
	_usage_error '.' -p 1 -d 1 2
	_usage_error word -p 1 word
}

an_option_without_its_value_is_named()
{
	_usage_error duration --duration
	_usage_error p -p
}

not_root_names_the_capability_and_two_remedies()
{
	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/cpuflame"
	setpriv --reuid 65534 --regid 65534 --clear-groups -- "$T/cpuflame" -a -d 1 \
		>"$T/out" 2>"$T/err"
	RC=$?
	COMMAND="cpuflame -a -d 1 as nobody"
	expect_status 3
	expect_says CAP_PERFMON CAP_BPF sudo setcap
	expect_sentence
}

not_root_may_still_ask_for_help_and_render()
{
	workload shape
	tool -p "$W" -d 0.5 -q -o "$T/r.pb.gz"
	expect_status 0
	chmod 755 "$T"
	chmod 644 "$T/r.pb.gz"
	install -m 755 "$CPUFLAME" "$T/cpuflame"
	for args in --help --version --json-schema "--from $T/r.pb.gz -o -  --format folded"; do
		# shellcheck disable=SC2086 # words of their own
		setpriv --reuid 65534 --regid 65534 --clear-groups -- "$T/cpuflame" $args \
			>"$T/out" 2>"$T/err" || die "$args: $(cat "$T/err")"
		[ -s "$T/out" ] || die "$args says nothing"
	done
}

a_target_that_sleeps_gives_nothing_to_measure_and_exits_4()
{
	workload idle
	tool -p "$W" -d 0.5 -o "$T/r.html"
	expect_status 4
	expect_says '.'
}

a_saved_profile_that_is_none_is_refused()
{
	echo "this is no profile" >"$T/x.pb.gz"
	tool --from "$T/x.pb.gz" -o "$T/x.html"
	case $RC in 1 | 2 | 4) ;; *) expect_status 1 ;; esac
	expect_says 'x\.pb\.gz'
	[ ! -e "$T/x.html" ] || die "a page of nothing was written"
	tool --from "$T/missing.pb.gz" -o "$T/x.html"
	case $RC in 1 | 2 | 4) ;; *) expect_status 1 ;; esac
	expect_says 'missing\.pb\.gz'
}

the_capture_options_and_from_exclude_each_other()
{
	_usage_error from --from x.pb.gz -p 1
}

help_and_version_go_to_stdout()
{
	tool --help
	expect_status 0
	[ -s "$T/out" ] && [ ! -s "$T/err" ] || die "not on stdout alone"
	for option in --pid --tid --all --cgroup --duration --output --format --from --unwind --force \
		--no-children --ready-fd --max-stacks --top --no-progress --color; do
		grep -q -e "$option" "$T/out" || die "--help does not know $option"
	done
	tool --version
	expect_status 0
	grep -qE '^cpuflame [0-9]+\.[0-9]+' "$T/out" || die "--version says: $(cat "$T/out")"
}

run_tests "$@"
