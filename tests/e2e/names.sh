#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Names are right or they are module+0xoffset: whatever the target does while it is watched.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

an_exec_separates_what_was_before_and_after()
{
	workload execs 0.8 "$WL/shape" 1
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^execs;.*before_exec')" 100 "samples before"
	expect_at_least "$(samples "$T/r.folded" '^shape;.*hot_a$')" 100 "samples after"
	[ "$(samples "$T/r.folded" '^shape;.*before_exec')" = 0 ] || die "old names after the exec"
	[ "$(samples "$T/r.folded" '^execs;.*hot_')" = 0 ] || die "new names before the exec"
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

a_library_opened_during_the_run_is_named()
{
	workload dlopener 4 "$WL/libplugin_a.so"
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" "$(frame plugin_a_hot)")" 100 "samples in the plugin"
	expect_json '[.hotspots[] | select(.function == "plugin_a_hot") | .module]
		| all(endswith("/libplugin_a.so")) and length == 1'
}

two_libraries_at_one_address_keep_their_names_apart()
{
	workload dlopener 5 "$WL/libplugin_a.so" "$WL/libplugin_b.so"
	tool -p "$W" -F 999 -d 4 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	local a b
	a=$(samples "$T/r.folded" "$(frame plugin_a_hot)")
	b=$(samples "$T/r.folded" "$(frame plugin_b_hot)")
	expect_at_least "$a" 300 "samples in a (b has $b)"
	expect_at_least "$b" 300 "samples in b (a has $a)"
	# 0.1 s each in turn: half and half.
	expect_share "$T/r.folded" plugin_a_hot 'plugin_[ab]_hot' 50 12
}

a_perf_map_names_jit_code()
{
	workload jit 3
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
	workload jit 4
	touch -d 2001-01-01 "/tmp/perf-$W.map"
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	[ "$(samples "$T/r.folded" 'jit:first')" = 0 ] || die "a stale map named frames"
	expect_at_least "$(samples "$T/r.folded" '^jit;.*interpreter')" 100 "samples"
}

a_perf_map_does_not_outlive_an_exec()
{
	workload jitlives exec 3
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	expect_share "$T/r.folded" 'jit_told' ';first_life' 95 6
	expect_at_least "$(samples "$T/r.folded" ';second_life')" 300 "samples after the exec"
	[ "$(samples "$T/r.folded" ';second_life.*jit_told')" = 0 ] || die "named by the map from before"
}

a_perf_map_that_an_exec_goes_on_with_is_parted_there()
{
	workload jitlives append 3
	tool -p "$W" -F 999 -q -o "$T/r.json" -o "$T/r.folded"
	rm -f "/tmp/perf-$W.map"
	expect_status 0
	expect_share "$T/r.folded" ';first_life.*jit_told' ';first_life' 95 6
	expect_share "$T/r.folded" ';third_life.*jit_second' ';third_life' 95 6
	expect_at_least "$(samples "$T/r.folded" ';second_life')" 300 "samples of what was not told"
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

	workload jitlives "$1" 6
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
	expect_at_least "$(samples "$T/r.folded" ';third_life')" 300 "samples of what was not told"
	[ "$(samples "$T/r.folded" 'jit_parents')" = 0 ] || die "named by what the parent told later"
}

# V8 writes its records when its buffer is full, or it ends: what ran before is named by them all the same.
a_jitdump_names_jit_code()
{
	command -v node >/dev/null || skip_test "no node"
	in_an_empty_directory
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- node --perf-prof -e '
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
const end = Date.now() + 2000;
while (Date.now() < end) fib(22);
'
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" '^node;.*;JS:[^;]*fib[^;]*_\[j\]')" 300 "samples below fib"
	expect_share "$T/r.folded" ';JS:[^;]*fib[^;]*_\[j\]' . 90 10
}

a_perf_map_of_another_owner_is_not_believed()
{
	local map

	workload shape 5
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
	workload jit 4
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
