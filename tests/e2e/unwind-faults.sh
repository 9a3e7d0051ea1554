#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Unwinding while the ground moves: programs replaced under it, processes that come and go, stacks
# and modules that lie, a tool that is stopped. Incomplete is allowed where nothing better can be
# known, with the true cause; a stack that cannot be is not.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# _expect_only_young: what broke stacks is what nobody can know in a process' first moments and its last; and
# the dynamic linker while it binds (unwind.sh tells why). A program whose file could not be opened before the
# process was another one is walked by frame pointers.
_expect_only_young()
{
	expect_causes 'new_process|unknown_code|stack_unreadable|bad_frame|unsupported_rule|no_frame_pointer'
	expect_json '[.stacks.broken_by[] | select(.cause == "bad_frame" and
		(.module | test("/ld-linux") | not))] == []'
	expect_json '([.stacks.broken_by[] | select(.cause | test("bad_frame|no_frame")) | .events] | add // 0)
		<= 0.01 * .events.kept'
}

# A process may have given up its memory already, or be in the middle of an exec: no user frames at all.
HOPS="hop-[ab]|hop-a;$ROOT(;[^;]*)?|hop-a;$ROOT;hop_a_outer(;hop_a_inner(;hop_a_hot)?)?"
HOPS="$HOPS|hop-b;$ROOT(;[^;]*)?|hop-b;$ROOT;hop_b_outer(;hop_b_inner(;hop_b_hot)?)?"
# Below main: ld.so, libc's start, setenv and exec.
HOPS="$HOPS|hop-[ab];(_start;)?[^;]*(ld-linux|libc|\+0x)[^;]*(;.*)?|hop-[ab];_start"
HOPS="$HOPS|hop-[ab];$ROOT;(execl|execv|execve|[^;]*libc)(;.*)?"

# _no_mixture: no frame of one program under the name of the other, or among frames of the other.
_no_mixture()
{
	local bad

	bad=$(grep -E '^hop-a;.*hop_b_|^hop-b;.*hop_a_|hop_a_.*hop_b_|hop_b_.*hop_a_' "$T/r.folded")
	[ -z "$bad" ] || die "frames of two programs in one stack: $(head -5 <<<"$bad")"
}

programs_that_become_each_other_are_never_mixed()
{
	local p n

	workload hop-a "$WL/hop-b" 4 8
	tool -p "$W" -U -F 999 -d 3 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	_no_mixture
	expect_chains "$T/r.folded" "$HOPS"
	_expect_only_young
	for p in a b; do
		n=$(samples "$T/r.folded" "^hop-$p;$ROOT;hop_${p}_outer;hop_${p}_inner;hop_${p}_hot\$")
		expect_at_least "$n" 200 "whole stacks of $p"
	done
}

children_of_a_fork_storm_are_complete()
{
	workload forks-nofp 400 4
	tool -p "$W" -U -F 999 -d 20 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# A child begins with what its parent had, so it is known from its first instruction on.
	expect_complete 98
	# Where a child was not known yet, less of the same; and a child that has left main() is in exit().
	expect_chains "$T/r.folded" \
		"forks-nofp(;$ROOT(;.*)?|;([^;]*libc[^;]*;)?main(;.*)?|;[^;]*libc[^;]*|;_start;[^;]+;([^;]+;)?exit(;.*)?)?"
	expect_share "$T/r.folded" "^forks-nofp;$ROOT;child_work\$" 'child_work$' 99 1
}

short_lived_programs_are_complete_or_say_that_they_are_new()
{
	# shellcheck disable=SC2016 # for the other shell
	tool -U -F 999 -q -o "$T/r.json" -o "$T/r.folded" -- bash -c \
		'for i in {1..60}; do "$1" 15 >/dev/null; done' sh "$WL/exits-nofp"
	expect_status 0
	_expect_only_young
	expect_at_least "$(samples "$T/r.folded" "^exits-nofp;$ROOT;short_work(;.*)?\$")" 300 "of the work"
	# Of a stack whose end is missing, what is left is true.
	grep -v '^exits-nofp;\[broken\]' "$T/r.folded" | grep short_work |
		grep -vE "^exits-nofp;(([^;]*;)?main|$ROOT);short_work" >"$T/bad"
	[ ! -s "$T/bad" ] || die "cannot be: $(head -3 "$T/bad")"
}

# Files that are not where they were.

# _named: shape, whole and named to its bottom, under the name in $1.
_named()
{
	expect_status 0
	expect_complete 99
	expect_chains "$T/r.folded" "$1;$ROOT;serve(;.*)?"
	expect_share "$T/r.folded" "^$1;$ROOT;serve;handle;parse;hot_a\$" 'hot_[abc]$' 60 6
}

a_deleted_binary_is_complete()
{
	cp "$WL/shape-nofp" "$T/target"
	workload_at "$T/target" 10
	rm "$T/target"
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	_named target
}

a_replaced_binary_is_walked_by_its_own_rules()
{
	cp "$WL/shape-nofp" "$T/target"
	workload_at "$T/target" 10
	cp "$WL/hop-b" "$T/new"
	mv "$T/new" "$T/target"
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	_named target
}

a_binary_in_another_mount_namespace_is_complete()
{
	# The same path holds another file out here.
	mkdir "$T/m"
	cp "$WL/hop-b" "$T/m/prog"
	workload_at unshare -m sh -c "mount -t tmpfs none '$T/m' && cp '$WL/shape-nofp' '$T/m/prog' &&
		exec '$T/m/prog' 20" || skip_test "no mount namespace"
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	_named prog
}

an_executable_that_is_in_no_file_system_is_complete()
{
	workload memfd "$WL/shape-nofp" 20
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	# The kernel names such a thread by the number of its descriptor, or by the file.
	_named '[^;]+'
}

# Stacks and modules that lie.

stacks_that_lie_end_with_a_reason()
{
	local lie

	workload liar-nofp 30
	tool -p "$W" -U --max-depth 1024 -F 999 -d 3 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_kept 300
	expect_json '.events.lost == 0'
	# Zeros are a bottom, and a chain of true addresses is a stack as good as any; the others end.
	for lie in ones odd unmapped edge kernel noncanonical random self; do
		expect_at_least "$(samples "$T/r.folded" "^$lie;")" 40 "samples of $lie"
		expect_share "$T/r.folded" "^$lie;\[broken\];" "^$lie;" 100 12
	done
	# No more than the memory that holds it, or the limit.
	awk '/^(code|chain);/ { n = gsub(/;/, ""); if (n > max) max = n }
		END { exit !(max > 100 && max <= 1026) }' "$T/r.folded" || die "no long one"
	# It is alive and takes true stacks: those of the work between the lies.
	kill -0 "$W" || die "the target died of it"
	expect_at_least "$(samples "$T/r.folded" ";$ROOT(;|\$)")" 1 "true stacks"
}

the_same_lies_by_rules_and_by_frame_pointers_alone()
{
	workload liar-nofp 30
	for mode in eh fp; do
		tool -p "$W" -U --unwind "$mode" -F 999 -d 1.5 -q -o "$T/$mode.json" -o "$T/$mode.html"
		expect_status 0
		expect_kept 300 "$T/$mode.json"
		expect_json '.stacks.broken > 0.3 * .events.kept' "$T/$mode.json"
	done
}

a_32_bit_program_is_left_alone_and_named_as_such()
{
	gcc -m32 -O2 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -w \
		"$TOP/tests/workload/compat.c" -o "$T/compat" 2>/dev/null || skip_test "no 32-bit compiler"
	workload_at "$T/compat"
	tool -p "$W" -U -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_kept 100
	expect_json '.stacks.complete == 0'
	expect_causes 32_bit_task
}

_end_workload()
{
	kill -KILL "$W"
	wait "$W" 2>/dev/null
	return 0
}

# _damaged PROGRAM HOW: a copy of PROGRAM as $T/damaged whose .eh_frame went through the filter HOW.
_damaged()
{
	objcopy --dump-section .eh_frame="$T/cfi" "$WL/$1" "$T/copy" || skip_test "no objcopy"
	"$2" <"$T/cfi" >"$T/cfi.bad"
	truncate -s "$(stat -c %s "$T/cfi")" "$T/cfi.bad"
	objcopy --update-section .eh_frame="$T/cfi.bad" "$WL/$1" "$T/damaged" || die "objcopy"
	! cmp -s "$WL/$1" "$T/damaged" || die "nothing was damaged"
	workload_at "$T/damaged" 20
}

# A length far past the end of the section, in the first entry.
_first_length()
{
	printf '\xf0\xff\xff\x7f'
	tail -c +5
}

_noise()
{
	head -c "$(stat -c %s "$T/cfi")" /dev/urandom
}

_nothing()
{
	cat >/dev/null
}

a_module_with_damaged_unwind_information_is_walked_by_frame_pointers()
{
	local how

	for how in _first_length _nothing; do
		_damaged shape "$how"
		tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
		expect_status 0
		expect_json '.stacks.unwind.without >= 1'
		expect_complete 98
		expect_share "$T/r.folded" ';main;serve;handle;parse;hot_a$' 'hot_a$' 100 2
		_end_workload
	done
}

a_damaged_module_without_frame_pointers_is_named_as_what_breaks()
{
	_damaged shape-nofp _first_length
	in_an_empty_directory
	tool -p "$W" -U -F 999 -d 1 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.unwind.without >= 1 and .stacks.complete < 0.1 * .events.kept'
	expect_json '.stacks.broken_by[0].module | endswith("/damaged")'
	expect_json '.stacks.broken_by[0].cause | test("no_frame_pointer|frame_pointer_lost")'
	expect_says 'damaged'
	# The leaf is true, whatever lies below.
	expect_share "$T/r.folded" 'hot_a$' 'hot_[abc]$' 60 6
}

unwind_information_of_noise_does_no_harm()
{
	local i

	for i in 1 2 3; do
		_damaged shape-nofp _noise
		tool -p "$W" -U -F 499 -d 0.5 -q -o "$T/r.json" -o "$T/r.html"
		expect_status 0
		expect_kept 50
		_end_workload
	done
}

# The tool itself is disturbed.

a_stop_in_the_middle_of_exec_churn_mixes_nothing()
{
	workload hop-a "$WL/hop-b" 20 10
	start_tool -p "$W" -U -F 499 -q -o "$T/r.json" -o "$T/r.folded"
	pause 1
	kill -STOP "$TOOL"
	sleep 3
	kill -CONT "$TOOL"
	pause 1.5
	stop_tool
	expect_status 0
	_no_mixture
	expect_chains "$T/r.folded" "$HOPS"
	# While it stood it published nothing: many stacks of new programs end at once, and say so.
	_expect_only_young
	expect_at_least "$(samples "$T/r.folded" "^hop-[ab];$ROOT;hop_._outer;hop_._inner;hop_._hot\$")" 100 \
		"whole stacks"
}

a_kill_in_the_middle_of_exec_churn_leaves_nothing()
{
	local i

	workload hop-a "$WL/hop-b" 20 5
	for i in 0.05 0.3 0.8; do
		_as_typed "$CPUFLAME" -a -F 499 -d 5 -q -o "$T/r.html" >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	_check_left_in_kernel
	kill -0 "$W" || die "the target died with it"
}

run_tests "$@"
