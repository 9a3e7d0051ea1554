#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Whom to profile: processes and their children, a thread, a cgroup, the machine, a command.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

a_process_shows_its_known_shape()
{
	workload shape
	tool -p "$W" -F 999 -d 1.5 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded")" 300 "samples"
	expect_share "$T/r.folded" 'hot_a$' 'hot_[abc]$' 60 5
	expect_share "$T/r.folded" 'hot_b$' 'hot_[abc]$' 30 5
	expect_share "$T/r.folded" 'hot_c$' 'hot_[abc]$' 10 5
	# Callers are there in their order, from the root to the leaf.
	expect_share "$T/r.folded" '^shape;(.*;)?main;serve;handle;parse;hot_a$' 'hot_a$' 100 5
}

the_hotspots_rank_the_hot_functions()
{
	workload shape
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json"
	expect_status 0
	expect_json '[.hotspots[].function][0:2] == ["hot_a", "hot_b"]'
	expect_json '.hotspots[0].module | endswith("/shape")'
	expect_json '.hotspots[0] | .self_pct > 50 and .self_pct < 70 and .total_pct >= .self_pct'
	expect_json '(.hotspots[] | select(.function == "main") | .total_pct) > 90'
	expect_json '(.hotspots[] | select(.function == "main") | .self_pct) < 2'
}

two_processes_are_profiled_and_a_third_is_not()
{
	local a b

	workload shape
	a=$W
	workload deep 5
	b=$W
	workload kernelhog
	tool -p "$a,$b" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json ".target.pids | sort == ([$a, $b] | sort)"
	expect_at_least "$(samples "$T/r.folded" '^shape;')" 20 "samples of the first"
	expect_at_least "$(samples "$T/r.folded" '^deep;')" 20 "samples of the second"
	[ "$(samples "$T/r.folded" '^kernelhog;')" = 0 ] || die "a third process is in it"
}

a_pid_may_be_given_twice()
{
	workload shape
	tool -p "$W" -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	expect_status 0
	# Counted once: one busy thread can not give much more than the rate.
	expect_json '.events.produced < 499 * .capture.duration_s * 1.3 + 10'
}

children_that_start_later_are_followed()
{
	workload forks 60 20
	tool -p "$W" -F 999 -d 20 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# 1.2 s of work in all, none of it in the parent.
	expect_at_least "$(samples "$T/r.folded" "$(frame child_work)")" 400 "samples in children"
}

no_children_leaves_them_out()
{
	workload forks 100 20
	tool -p "$W" --no-children -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	# The parent only waits: there may be nothing to show at all.
	case $RC in 0 | 4) ;; *) expect_status 0 ;; esac
	[ ! -s "$T/r.folded" ] || [ "$(samples "$T/r.folded" "$(frame child_work)")" = 0 ] ||
		die "a child is in it"
}

one_thread_alone()
{
	workload threads
	tool -t "$(awk '$1 == "green" { print $2 }' "$T/workload.out")" -F 999 -d 1 -q \
		-o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" "$(frame hot_green)")" 30 "samples of the thread"
	[ "$(samples "$T/r.folded" 'hot_(red|blue)')" = 0 ] || die "another thread is in it"
}

threads_stand_under_their_own_names()
{
	workload threads
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	for c in red green blue; do
		expect_at_least "$(samples "$T/r.folded" "^$c;.*;hot_$c\$")" 50 "samples of $c"
	done
	[ "$(samples "$T/r.folded" '^red;.*hot_(green|blue)')" = 0 ] || die "red did others' work"
}

the_whole_machine()
{
	workload shape
	workload kernelhog
	tool -a -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.target.pids == []'
	expect_at_least "$(samples "$T/r.folded" '^shape;.*hot_a$')" 20 "samples of one"
	expect_at_least "$(samples "$T/r.folded" '^kernelhog;')" 20 "samples of the other"
	# Idle CPUs have nothing to say.
	[ "$(samples "$T/r.folded" '^swapper')" = 0 ] || die "the idle task is in it"
}

a_cgroup_and_nothing_else()
{
	local top cg

	for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -e "$top/cgroup.procs" ] && [ -e "$top/cgroup.controllers" ] && break
	done
	[ -e "$top/cgroup.controllers" ] || skip_test "no cgroup v2 is mounted"
	cg=$top/pb-e2e-$$
	mkdir "$cg" || skip_test "cannot make a cgroup in $top"
	# shellcheck disable=SC2064 # the name of now
	trap "kill -KILL \$(cat $cg/cgroup.procs) 2>/dev/null; sleep 0.2; rmdir $cg" EXIT
	workload kernelhog
	workload shape
	echo "$W" >"$cg/cgroup.procs"
	tool --cgroup "$cg" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" 'hot_a$')" 20 "samples of the cgroup"
	[ "$(samples "$T/r.folded" '^kernelhog;')" = 0 ] || die "a process outside is in it"
}

a_cgroup_that_does_not_exist_exits_4()
{
	tool --cgroup /sys/fs/cgroup/pb-no-such-group -d 1
	expect_status 4
	expect_says pb-no-such-group
	expect_sentence
}

a_command_is_profiled_from_its_first_instruction_to_its_end()
{
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/exits" 700
	expect_status 0
	# 0.7 s of CPU, however busy the machine; what is before main is a few samples at most.
	expect_share "$T/r.folded" "$(frame short_work)" . 100 7
	expect_json '.events.produced > 0.75 * 699 and .events.produced < 1.25 * 699'
	expect_json '.target.argv[-1] == "700"'
}

children_of_a_command_are_followed()
{
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/forks" 20 20
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" "$(frame child_work)")" 150 "samples in children"
}

a_duration_may_be_a_bare_number()
{
	workload shape
	tool -p "$W" -q -o "$T/r.json" 1
	expect_status 0
	expect_json '.capture.duration_s >= 0.95 and .capture.duration_s < 2.5'
}

a_rate_is_reported_as_asked_and_as_achieved()
{
	workload shape
	tool -p "$W" -F 199 -d 1 -q -o "$T/r.json"
	expect_status 0
	expect_json '.overhead.asked_hz == 199'
	expect_json '.overhead.achieved_hz > 100 and .overhead.achieved_hz < 260'
}

user_stacks_only()
{
	workload kernelhog
	tool -p "$W" -U -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	[ "$(samples "$T/r.folded" '_\[k\]')" = 0 ] || die "kernel frames are in it"
	expect_at_least "$(samples "$T/r.folded" '^kernelhog;.*main')" 50 "samples"
}

kernel_stacks_only()
{
	workload kernelhog
	tool -p "$W" -K -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	[ "$(samples "$T/r.folded" "$(frame main)")" = 0 ] || die "user frames are in it"
	expect_at_least "$(samples "$T/r.folded" '_\[k\]')" 50 "samples"
}

a_sample_in_the_kernel_keeps_its_user_stack()
{
	workload kernelhog
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# libc's read() sets up no frame, so its caller may be missing; main is there.
	expect_share "$T/r.folded" '^kernelhog;.*main.*_\[k\]$' '_\[k\]$' 100 10
	expect_share "$T/r.folded" '_\[k\]$' . 90 12
}

the_end_of_the_target_ends_the_run()
{
	workload exits 600
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.capture.duration_s < 5'
	expect_at_least "$(samples "$T/r.folded" "$(frame short_work)")" 50 "samples named after the end"
}

two_profilers_at_once_do_not_disturb_each_other()
{
	local first

	workload shape
	start_tool -p "$W" -F 499 -d 1.5 -q -o "$T/first.json"
	first=$TOOL
	tool -p "$W" -F 499 -d 1 -q -o "$T/second.json"
	expect_status 0
	wait "$first" || die "the first: status $?"
	expect_kept 200 "$T/first.json"
	expect_kept 100 "$T/second.json"
}

run_tests "$@"
