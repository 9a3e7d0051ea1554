#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What goes wrong around a run: full buffers, full disks, targets that vanish, a tool that is stopped.
# Nothing is lost in silence, and no half file stands under a final name.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

a_target_that_exits_at_once_ends_the_run()
{
	workload exits 1
	tool -p "$W" -F 999 -o "$T/r.json"
	# Gone before, or nothing seen of it, or a sample by luck.
	case $RC in 0 | 4) ;; *) expect_status 4 ;; esac
}

five_hundred_children_are_accounted_for()
{
	workload forks 500 3
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.events.lost < 0.01 * .events.produced + 1'
	expect_at_least "$(samples "$T/r.folded" "$(frame child_work)")" 300 "samples in children"
}

one_page_of_ring_and_sixteen_stacks_keep_the_ledger()
{
	workload stacks 40 2200 20 2
	tool -p "$W" -F 999 -d 2 -q --ring-size 4k --max-stacks 16 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# What did not fit is counted, and named by its cause.
	expect_json '.events.lost > 0 and (.events.lost_by | length > 0)'
	expect_json '.events.kept > 0'
	[ "$(samples "$T/r.folded")" = "$(jq .events.kept "$T/r.json")" ] || die "kept is not what is shown"
}

a_lost_event_is_told_to_a_person()
{
	workload stacks 40 2200 20 2
	in_an_empty_directory
	tool -p "$W" -F 999 -d 1 --max-stacks 16
	expect_status 0
	grep -qiE 'lost' "$T/out" "$T/err" || die "not a word: $(cat "$T/out" "$T/err")"
	grep -qE -- '--max-stacks' "$T/out" "$T/err" || die "no remedy named: $(cat "$T/out" "$T/err")"
}

a_steady_target_fits_one_page_of_ring()
{
	workload shape
	tool -p "$W" -F 999 -d 1 -q --ring-size 4k -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_kept 300
	expect_json '.events.lost < 0.2 * .events.produced'
	expect_share "$T/r.folded" 'hot_a$' 'hot_[abc]$' 60 8
}

an_output_directory_that_is_missing_exits_5()
{
	workload shape
	tool -p "$W" -d 0.5 -o "$T/no/such/x.html"
	expect_status 5
	expect_says 'no/such'
	expect_sentence
}

a_missing_directory_is_noticed_before_an_hour_of_profiling()
{
	workload shape
	COMMAND="cpuflame -o /missing/x.html"
	timeout 20 "$CPUFLAME" -p "$W" -o "$T/no/such/x.html" >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 5
}

a_full_disk_exits_5_and_leaves_no_half_file()
{
	workload stacks 100 4096 30
	mkdir "$T/small"
	mount -t tmpfs -o size=16k none "$T/small" || skip_test "cannot mount a tmpfs"
	# shellcheck disable=SC2064 # the name of now
	trap "umount -l $T/small" EXIT
	tool -p "$W" -F 999 -d 1 -q -o "$T/small/x.folded" -o "$T/r.json"
	expect_status 5
	expect_says 'x\.folded' 'space'
	expect_only "$T/small"
	# The other output is not held hostage.
	expect_file "$T/r.json"
}

an_older_file_survives_a_full_disk()
{
	workload stacks 100 4096 30
	mkdir "$T/small"
	mount -t tmpfs -o size=16k none "$T/small" || skip_test "cannot mount a tmpfs"
	# shellcheck disable=SC2064 # the name of now
	trap "umount -l $T/small" EXIT
	echo older >"$T/small/x.folded"
	tool -p "$W" -F 999 -d 1 -q -o "$T/small/x.folded"
	expect_status 5
	[ "$(cat "$T/small/x.folded")" = older ] || die "it holds: $(head -c 200 "$T/small/x.folded")"
	expect_only "$T/small" x.folded
}

dev_full_exits_5()
{
	workload shape
	tool -p "$W" -d 0.5 -q --format folded -o /dev/full
	expect_status 5
	expect_says '/dev/full|space'
	[ -c /dev/full ] || die "/dev/full was replaced"
	"$CPUFLAME" -p "$W" -d 0.5 -f >/dev/full 2>"$T/err"
	RC=$?
	expect_status 5
	# The table counts as well: it is what a person asked for.
	in_an_empty_directory
	"$CPUFLAME" -p "$W" -d 0.5 >/dev/full 2>"$T/err"
	RC=$?
	expect_status 5
}

a_closed_stdout_exits_5()
{
	workload shape
	COMMAND="cpuflame -f >&-"
	"$CPUFLAME" -p "$W" -d 0.5 -f >&- 2>"$T/err"
	RC=$?
	expect_status 5
	expect_sentence
}

a_closed_stdout_does_not_hit_another_file()
{
	workload shape
	in_an_empty_directory
	COMMAND="cpuflame -o r.json >&-"
	"$CPUFLAME" -p "$W" -d 0.5 -F 499 -o r.json >&- 2>"$T/err"
	# Whatever the status: the table must not have landed in a file that got descriptor 1.
	[ ! -e r.json ] || expect_json '.schema' r.json
}

a_reader_that_goes_away_is_no_crash_and_no_noise()
{
	workload stacks 100 4096 30
	{
		(_as_typed "$CPUFLAME" -p "$W" -F 999 -d 1 -q -f 2>"$T/err")
		echo $? >"$T/rc"
	} | head -1 >"$T/out"
	COMMAND="cpuflame -f | head -1"
	RC=$(cat "$T/rc")
	case $RC in 0 | 5 | 141) ;; *) expect_status 5 ;; esac
	[ -s "$T/out" ] || die "not even a line"
}

a_stopped_tool_goes_inert_and_still_adds_up()
{
	workload shape
	start_tool -p "$W" -F 499 -o "$T/r.json" -q
	kill -STOP "$TOOL"
	sleep 4.5
	kill -CONT "$TOOL"
	sleep 0.5
	stop_tool
	expect_status 0
	# A whole 5 s would be 2,500 samples. The lease ends after 2 s at the latest; what came after it
	# is either not produced or counted as lost.
	expect_json '.events.kept < 499 * 3.6'
	expect_kept 50
	expect_json '.events.lost > 0 or .events.produced < 499 * 3.6'
}

a_profile_goes_on_after_a_stop()
{
	workload execs 6 "$WL/shape" 20
	start_tool -p "$W" -F 499 -q -o "$T/r.json" -o "$T/r.folded"
	kill -STOP "$TOOL"
	sleep 3
	kill -CONT "$TOOL"
	# Past the exec at 6 s, whose side-band record must be seen too.
	while [ "$(cat "/proc/$W/comm")" != shape ]; do sleep 0.1; done
	pause 0.7
	stop_tool
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^shape;.*hot_a$')" 30 "samples after the stop"
}

a_reader_killed_at_ten_moments_leaves_nothing()
{
	local i

	workload stacks 40 2200 60
	for i in 0 0.01 0.03 0.05 0.08 0.12 0.2 0.3 0.6 1; do
		mkdir -p "$T/k"
		_as_typed "$CPUFLAME" -p "$W" -F 999 -d 0.7 -q -o "$T/k/r.html" >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL" 2>/dev/null
		wait "$TOOL" 2>/dev/null
		# Whole or not there.
		[ ! -e "$T/k/r.html" ] || tail -c 200 "$T/k/r.html" | grep -q '</html>' || die "half a page"
	done
	_check_left_in_kernel
	kill -0 "$W" || die "the target died with it"
}

a_killed_tool_frees_exactly_what_it_held()
{
	local held

	workload shape
	start_tool -p "$W" -F 99 -q -o "$T/r.json"
	held=$(held_ids "$TOOL")
	grep -q ^prog <<<"$held" && grep -q ^map <<<"$held" || die "it holds nothing while it runs"
	kill -KILL "$TOOL"
	wait "$TOOL" 2>/dev/null
	_check_left_in_kernel
	[ -z "$(comm -12 <(echo "$held") <(_ids))" ] ||
		die "still there: $(comm -12 <(echo "$held") <(_ids))"
}

sigterm_finishes_and_writes()
{
	workload shape
	start_tool -p "$W" -F 499 -q -o "$T/r.json" -o "$T/r.html"
	pause 0.5
	kill -TERM "$TOOL"
	wait_tool
	expect_status 0
	expect_kept 50
	expect_file "$T/r.html"
}

sigint_finishes_and_writes()
{
	workload shape
	start_tool -p "$W" -F 499 -q -o "$T/r.json" -o "$T/r.html"
	pause 0.5
	stop_tool
	expect_status 0
	expect_kept 50
	expect_file "$T/r.html"
}

a_second_sigint_ends_at_once_with_130()
{
	workload shape
	mkfifo "$T/pipe"
	start_tool -p "$W" -F 499 -q --format folded -o "$T/pipe"
	sleep 0.3
	# Nobody reads the pipe: the first leaves it waiting to write.
	kill -INT "$TOOL"
	sleep 0.7
	kill -INT "$TOOL"
	wait_tool
	expect_status 130
}

a_signal_before_it_is_ready_ends_it_too()
{
	local i

	workload shape
	for i in 0 0.01 0.02 0.04 0.06 0.1; do
		_as_typed "$CPUFLAME" -p "$W" -q -o "$T/r.json" >"$T/out" 2>"$T/err" &
		TOOL=$!
		sleep "$i"
		kill -INT "$TOOL"
		wait "$TOOL"
		RC=$?
		# Died of it before a handler was set, or finished with little or nothing measured.
		case $RC in 0 | 4 | 130) ;; *) expect_status 0 ;; esac
	done
}

a_target_killed_meanwhile_is_reported()
{
	workload shape
	start_tool -p "$W" -F 499 -q -o "$T/r.json" -o "$T/r.folded"
	pause 1
	kill -KILL "$W"
	wait_tool
	expect_status 0
	expect_share "$T/r.folded" 'hot_a$' '^shape;' 60 18
}

little_locked_memory_is_no_hindrance()
{
	workload shape
	(
		ulimit -l 64
		_as_typed "$CPUFLAME" -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	) >"$T/out" 2>"$T/err"
	RC=$?
	COMMAND="ulimit -l 64; cpuflame"
	expect_status 0
}

few_descriptors_are_a_sentence()
{
	workload shape
	(
		ulimit -n 8
		_as_typed "$CPUFLAME" -p "$W" -d 0.5 -q -o "$T/r.json"
	) >"$T/out" 2>"$T/err"
	RC=$?
	COMMAND="ulimit -n 8; cpuflame"
	[ "$RC" = 0 ] || expect_says 'open files|descriptor'
}

no_btf_is_named()
{
	command -v unshare >/dev/null || skip_test "no unshare"
	mkdir "$T/empty"
	COMMAND="cpuflame -a without /sys/kernel/btf"
	unshare -m sh -c 'mount --bind "$1" /sys/kernel/btf && exec "$2" -a -d 1 -o "$3"' sh \
		"$T/empty" "$CPUFLAME" "$T/r.json" >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 3
	expect_says 'btf'
	expect_sentence
}

# Debian's own kernels have perf_event_paranoid 3, which stops even those with CAP_PERFMON.
two_capabilities_are_enough_or_perf_event_paranoid_is_named()
{
	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/cpuflame"
	workload shape
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +perfmon,+bpf \
		--ambient-caps +perfmon,+bpf -- "$T/cpuflame" -a -F 499 -d 1 --json >"$T/out" 2>"$T/err"
	RC=$?
	COMMAND="cpuflame -a with CAP_PERFMON and CAP_BPF"
	if [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -gt 2 ]; then
		expect_status 3
		expect_says perf_event_paranoid
	else
		expect_status 0
		cp "$T/out" "$T/r.json"
		expect_kept 50
	fi
}

no_sysctl_is_left_changed()
{
	local before

	before=$(sysctl -a 2>/dev/null | grep -E '^kernel\.(perf|bpf|unprivileged|kptr)')
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	expect_status 0
	[ "$before" = "$(sysctl -a 2>/dev/null | grep -E '^kernel\.(perf|bpf|unprivileged|kptr)')" ] ||
		die "a sysctl has changed"
}

run_tests "$@"
