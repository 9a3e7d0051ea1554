#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Names are right or they are module+0xoffset: whatever the target does while it is watched.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

an_exec_separates_what_was_before_and_after()
{
	workload execs "$(stretched 0.8)" "$WL/shape" "$(stretched 1)"
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^execs;.*before_exec')" 100 "samples before"
	expect_at_least "$(samples "$T/r.folded" '^shape;.*hot_a$')" 100 "samples after"
	[ "$(samples "$T/r.folded" '^shape;.*before_exec')" = 0 ] || die "old names after the exec"
	[ "$(samples "$T/r.folded" '^execs;.*hot_')" = 0 ] || die "new names before the exec"
}

# _one_and_two: programs that differ in nothing but the name of their function. pidreuse takes a pid by set_tid,
# so that none has to be waited for.
_one_and_two()
{
	local name

	for name in one two; do
		objcopy --redefine-sym short_work="${name}_work" "$WL/exits" "$T/$name" || die "objcopy"
	done
	"$WL/pidreuse" 1 "$T/one:1" "$T/two:1" >/dev/null 2>&1 || skip_test "clone3() takes no set_tid here"
}

_expect_one_and_two_apart()
{
	expect_at_least "$(samples "$T/r.folded" '^one;.*;one_work')" 200 "samples of one"
	expect_at_least "$(samples "$T/r.folded" '^two;.*;two_work')" 200 "samples of two"
	expect_share "$T/r.folded" '^one;.*;one_work' '^one;' 95 6
	expect_share "$T/r.folded" '^two;.*;two_work' '^two;' 95 6
	[ "$(samples "$T/r.folded" '^one;.*two_work|^two;.*one_work')" = 0 ] ||
		die "named by the other: $(grep -m 3 -E '^one;.*two_work|^two;.*one_work' "$T/r.folded")"
}

a_pid_that_is_taken_again_keeps_two_programs_apart()
{
	_one_and_two
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/pidreuse" 4 "$T/one:120" "$T/two:120"
	expect_status 0
	_expect_one_and_two_apart
	# Eight lives under one number.
	[ "$(grep -c '^ready' "$T/out")" = 9 ] || die "not eight lives: $(cat "$T/out")"
	[ "$(sed 1d "$T/out" | sort -u | wc -l)" = 1 ] || die "more than one pid: $(cat "$T/out")"
}

a_whole_machines_profile_keeps_them_apart_as_well()
{
	_one_and_two
	start_tool -a -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	"$WL/pidreuse" 4 "$T/one:120" "$T/two:120" >/dev/null || die "pidreuse: status $?"
	stop_tool
	expect_status 0
	_expect_one_and_two_apart
}

# Whom a user has named has ended; whoever has its number now is somebody else.
a_stranger_with_the_pid_of_a_target_is_not_profiled()
{
	_one_and_two
	workload shape
	start_tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	pause 0.5
	# It is not to learn of the end before the stranger runs.
	kill -STOP "$TOOL"
	kill -KILL "$W"
	wait "$W" 2>/dev/null
	"$WL/pidreuse" 1 "$T/one:200" "$T/two:200" "$W" >/dev/null || die "pidreuse: status $?"
	kill -CONT "$TOOL"
	wait_tool
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^shape;.*;hot_a$')" 50 "samples of the target"
	[ "$(samples "$T/r.folded" '^(one|two);|_work')" = 0 ] || die "a stranger is in it"
}

a_target_that_has_gone_is_still_named()
{
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/forks" 40 20
	expect_status 0
	local named all
	named=$(samples "$T/r.folded" "$(frame child_work)")
	all=$(samples "$T/r.folded" '^forks;')
	expect_at_least $((100 * named / (all + 1))) 90 "percent named ($named of $all)"
}

# Its memory is what is left of it: no stack to walk, and nothing that an address could mean.
a_target_that_gives_up_its_memory_is_counted_under_its_name()
{
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/leaves" 8 128
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" ';touch_all')" 20 "samples of the work"
	expect_at_least "$(samples "$T/r.folded" '^leaves;.*;exit_mmap_\[k\]')" 10 "samples of its end"
	# Nothing but kernel frames.
	[ "$(samples "$T/r.folded" '^leaves;.*;exit_mmap_\[k\]')" = \
		"$(samples "$T/r.folded" '^leaves(;[^;]*_\[k\])*;exit_mmap_\[k\]')" ] || die "with user frames"
	[ "$(samples "$T/r.folded")" = "$(jq .events.kept "$T/r.json")" ] || die "not all of them are shown"
	tool -U -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/leaves" 8 128
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^leaves$')" 10 "samples of its end, without kernel frames"
	[ "$(samples "$T/r.folded")" = "$(jq .events.kept "$T/r.json")" ] || die "not all of them are shown"
}

a_library_opened_during_the_run_is_named()
{
	workload dlopener "$(stretched 4)" "$WL/libplugin_a.so"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" "$(frame plugin_a_hot)")" 100 "samples in the plugin"
	expect_json '[.hotspots[] | select(.function == "plugin_a_hot") | .module]
		| all(endswith("/libplugin_a.so")) and length == 1'
}

two_libraries_at_one_address_keep_their_names_apart()
{
	workload dlopener "$(stretched 5)" "$WL/libplugin_a.so" "$WL/libplugin_b.so"
	tool -p "$W" -F 999 -d 4 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	local a b
	a=$(samples "$T/r.folded" "$(frame plugin_a_hot)")
	b=$(samples "$T/r.folded" "$(frame plugin_b_hot)")
	expect_at_least "$a" 100 "samples in a (b has $b)"
	expect_at_least "$b" 100 "samples in b (a has $a)"
	# 0.1 s each in turn: half and half.
	expect_share "$T/r.folded" plugin_a_hot 'plugin_[ab]_hot' 50 12
}

a_perf_map_names_jit_code()
{
	workload jit "$(stretched 3)"
	tool -p "$W" -F 999 -d 1.5 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	expect_share "$T/r.folded" 'jit:first' '^jit;.*interpreter' 50 6
	expect_share "$T/r.folded" 'Lapp/Second' '^jit;.*interpreter' 25 6
	# The copy that is not in the map has no name, and not that of its neighbour.
	expect_share "$T/r.folded" '0x[0-9a-f]+(_\[j\])?($|;.*_\[k\])' '^jit;.*interpreter' 25 6
	# A ";" inside a name must not become a frame of its own.
	[ "$(samples "$T/r.folded" ';:*run[(]')" = 0 ] || die "a name was split: $(cat "$T/r.folded")"
}

a_perf_map_from_before_the_process_is_not_believed()
{
	workload jit "$(stretched 4)"
	touch -d 2001-01-01 "/tmp/perf-$W.map"
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	[ "$(samples "$T/r.folded" 'jit:first')" = 0 ] || die "a stale map named frames"
	expect_at_least "$(samples "$T/r.folded" '^jit;.*interpreter')" 100 "samples"
}

a_perf_map_does_not_outlive_an_exec()
{
	workload jitlives exec "$(stretched 3)"
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	expect_share "$T/r.folded" 'jit_told' ';first_life' 95 6
	expect_at_least "$(samples "$T/r.folded" ';second_life')" 100 "samples after the exec"
	[ "$(samples "$T/r.folded" ';second_life.*jit_told')" = 0 ] || die "named by the map from before"
}

a_perf_map_that_an_exec_goes_on_with_is_parted_there()
{
	workload jitlives append "$(stretched 3)"
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	expect_share "$T/r.folded" ';first_life.*jit_told' ';first_life' 95 6
	expect_share "$T/r.folded" ';third_life.*jit_second' ';third_life' 95 6
	expect_at_least "$(samples "$T/r.folded" ';second_life')" 100 "samples of what was not told"
	[ "$(samples "$T/r.folded" ';second_life.*jit_')" = 0 ] || die "named by the map from before"
}

a_forked_child_runs_what_its_parent_has_compiled()
{
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- "$WL/jitlives" fork 1.5
	expect_status 0
	expect_share "$T/r.folded" 'jit_told' ';first_life' 95 6
}

# _profile_child MODE: what jitlives has forked before anything was attached.
_profile_child()
{
	local child

	workload jitlives "$1" "$(stretched 6)"
	child=$(pgrep -P "$W") || die "no child"
	tool -p "$child" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
}

a_child_forked_before_the_capture_runs_what_its_parent_has_compiled()
{
	_profile_child fork
	expect_share "$T/r.folded" 'jit_told' ';first_life' 95 6
}

what_a_parent_compiles_after_a_fork_names_nothing_of_the_child()
{
	_profile_child told-later
	expect_at_least "$(samples "$T/r.folded" ';third_life')" 100 "samples of what was not told"
	[ "$(samples "$T/r.folded" 'jit_parents')" = 0 ] || die "named by what the parent told later"
}

# V8 writes its records when its buffer is full, or it ends: what ran before is named by them all the same.
a_jitdump_names_jit_code()
{
	command -v node >/dev/null || skip_test "no node"
	in_an_empty_directory
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- node --perf-prof -e '
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
const end = process.cpuUsage().user + 2e6;
while (process.cpuUsage().user < end) fib(22);
'
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^node;.*;JS:[^;]*fib[^;]*_\[j\]')" 300 "samples below fib"
	expect_share "$T/r.folded" ';JS:[^;]*fib[^;]*_\[j\]' . 90 10
}

a_perf_map_of_another_owner_is_not_believed()
{
	local map

	workload shape "$(stretched 5)"
	map=/tmp/perf-$W.map
	printf '0 7fffffffffff forged\n' >"$map"
	chown 65534 "$map"
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "$map"
	expect_status 0
	[ "$(samples "$T/r.folded" forged)" = 0 ] || die "a forged map named frames"
}

a_perf_map_that_is_a_pipe_does_not_hang()
{
	workload jit "$(stretched 4)"
	rm -f "/tmp/perf-$W.map"
	mkfifo "/tmp/perf-$W.map"
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
}

a_main_thread_that_has_exited_hides_nothing()
{
	workload mainexit
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_share "$T/r.folded" "$(frame after_main)" '^rest;' 100 5
	expect_at_least "$(samples "$T/r.folded" "^rest;")" 200 "samples"
}

a_binary_replaced_during_the_run_keeps_its_names()
{
	cp "$WL/shape" "$T/target"
	workload_at "$T/target" 10
	start_tool -p "$W" -F 999 -d 1.5 -q -o "$T/r.json" -o "$T/r.folded"
	cp "$WL/deep" "$T/new"
	mv "$T/new" "$T/target"
	wait_tool
	expect_status 0
	expect_share "$T/r.folded" 'hot_a$' '^target;' 60 6
}

a_deleted_binary_keeps_its_names()
{
	cp "$WL/shape" "$T/target"
	workload_at "$T/target" 10
	rm "$T/target"
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_share "$T/r.folded" 'hot_a$' '^target;' 60 6
}

a_binary_in_another_mount_namespace_is_named()
{
	# The same path holds another file out here.
	mkdir "$T/m"
	cp "$WL/deep" "$T/m/prog"
	workload_at unshare -m sh -c "mount -t tmpfs none '$T/m' && cp '$WL/shape' '$T/m/prog' &&
		exec '$T/m/prog' 20" || skip_test "no mount namespace"
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_share "$T/r.folded" 'hot_a$' '^prog;' 60 6
}

a_stripped_binary_shows_offsets_and_no_wrong_name()
{
	cp "$WL/shape" "$T/naked"
	strip "$T/naked"
	workload_at "$T/naked" 10
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_share "$T/r.folded" ';naked\+0x[0-9a-f]+$' '^naked;' 97 4
}

an_offset_is_what_addr2line_takes()
{
	local off

	cp "$WL/shape" "$T/naked"
	strip "$T/naked"
	workload_at "$T/naked" 10
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	off=$(jq -r '.hotspots[0].function' "$T/r.json" | sed 's/.*+//')
	addr2line -i -f -e "$WL/shape" "$off" | grep -q '^hot_a$' ||
		die "naked+$off is $(addr2line -i -f -e "$WL/shape" "$off")"
}

kernel_frames_are_named_and_marked()
{
	workload kernelhog
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_share "$T/r.folded" 'read_iter_zero_\[k\]|read_zero_\[k\]|ksys_read_\[k\]' '_\[k\]$' 90 12
	[ "$(samples "$T/r.folded" '0xffff')" -lt 20 ] || die "kernel addresses without a name"
}

# _expect_kernel_addresses: one sentence, and each kernel frame is "[kernel]+0x" with its address.
_expect_kernel_addresses()
{
	[ "$(grep -c kptr_restrict "$T/err")" = 1 ] || die "not one sentence: $(cat "$T/err")"
	expect_share "$T/r.folded" ';\[kernel\]\+0xf[0-9a-f]+_\[k\]$' . 90 12
	! grep -qE ';[^;[][^;]*_\[k\]' "$T/r.folded" ||
		die "a kernel name out of nowhere: $(grep -m 3 -E ';[^;[][^;]*_\[k\]' "$T/r.folded")"
	# The user half of the stack is as ever.
	expect_share "$T/r.folded" '^kernelhog;.*;main;' . 90 12
}

kernel_addresses_that_are_hidden_stay_addresses_and_the_sysctl_is_named()
{
	[ "$(cat /proc/sys/kernel/perf_event_paranoid)" -gt 1 ] ||
		[ "$(cat /proc/sys/kernel/kptr_restrict)" != 0 ] ||
		skip_test "kptr_restrict 0 and perf_event_paranoid show kernel addresses to everyone"
	workload kernelhog
	COMMAND="cpuflame without CAP_SYSLOG"
	setpriv --bounding-set -syslog --inh-caps -syslog -- "$CPUFLAME" -p "$W" -F 999 -d 1 \
		-o "$T/r.json" -o "$T/r.folded" >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 0
	expect_says 'kptr_restrict is [01].*CAP_SYSLOG|kptr_restrict to 1'
	_expect_kernel_addresses
}

kernel_addresses_that_are_hidden_from_root_stay_addresses_too()
{
	# As with kptr_restrict 2, which is nobody's to set here.
	awk '{ $1 = "0000000000000000"; print }' /proc/kallsyms >"$T/kallsyms"
	echo 2 >"$T/level"
	workload kernelhog
	COMMAND="cpuflame with kptr_restrict 2"
	# shellcheck disable=SC2016 # of the inner shell
	unshare -m sh -c 'mount --bind "$1/kallsyms" /proc/kallsyms &&
		mount --bind "$1/level" /proc/sys/kernel/kptr_restrict && shift && exec "$@"' sh "$T" \
		"$CPUFLAME" -p "$W" -F 999 -d 1 -o "$T/r.json" -o "$T/r.folded" >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 0
	expect_says 'set the sysctl kernel.kptr_restrict to 1'
	_expect_kernel_addresses
}

a_deep_stack_within_the_limit_is_complete()
{
	workload deep 100
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	awk -v n=0 '{ n = gsub(/;down/, "") } n == 100 { ok = 1 } END { exit !ok }' "$T/r.folded" ||
		die "not 100 times down: $(awk '{ print gsub(/;down/, "") }' "$T/r.folded" | sort | uniq -c)"
	expect_json '.stacks.complete >= 0.9 * .events.kept'
}

a_stack_deeper_than_the_limit_is_marked_truncated()
{
	workload deep 300
	tool -p "$W" --max-depth 64 -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.truncated >= 0.9 * .events.kept'
	expect_share "$T/r.folded" '\[truncated\]' . 97 4
	tool -p "$W" --max-depth 400 -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.complete >= 0.9 * .events.kept'
}

stacks_without_frame_pointers_are_called_broken()
{
	workload shape-nofp
	tool -p "$W" --unwind fp -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.broken + .stacks.truncated > 0.5 * .events.kept'
	expect_json '.stacks.broken == 0 or (.stacks.broken_by | length > 0)'
	# The leaf is known by its instruction pointer alone, and its share is right.
	expect_share "$T/r.folded" 'hot_a$' 'hot_[abc]$' 60 7
}

many_distinct_stacks_lose_none()
{
	workload stacks 40 2200 10 2
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.events.lost == 0'
	# Each visit is a stack of its own until all 2,200 were seen.
	expect_json '.stacks.unique > 0.5 * ([.events.kept, 2200] | min)'
	expect_json '.stacks.complete >= 0.97 * .events.kept'
}

run_tests "$@"
