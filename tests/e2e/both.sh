#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Probes and samples over the same process at once, by a profiler for tests that does both over one capture
# (tests/both), and uretprobes of somebody else on the stacks that cpuflame walks.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
BOTH=$O/tests/both/both

# _both ARGS...: in the place of cpuflame.
_both()
{
	CPUFLAME=$BOTH tool "$@"
}

# What the two threads of `chains` may be doing, without and with kernel frames. The recursion goes down by
# seven; a sample may hit it on the way.
LEFT='left;[^;]+;[^;]+;thread_main(;left_outer(;left_middle(;left_inner(;probed)?)?)?)?'
RIGHT='right;[^;]+;[^;]+;thread_main(;right_outer(;right_down(;right_down){0,6})?)?'
RIGHT_IN='right;[^;]+;[^;]+;thread_main;right_outer(;right_down){7};right_inner(;probed)?'
CLOCK='(left|right);[^;]+;[^;]+;thread_main(;(clock_gettime(@plt)?|\[?vdso[^;]*)){1,2}'
KERNEL='(;[^;]*_\[k\])*'
CHAINS="($LEFT|$RIGHT|$RIGHT_IN|$CLOCK)$KERNEL"

samples_that_interrupt_a_walk_spoil_neither_stack()
{
	workload chains
	_both -p "$W" -F 999 --binary "$WL/chains" --calls probed -d 4 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# Both kinds are there, and samples hit the other program in the middle of its walk.
	expect_json '.totals.cpu > 400 * 1000000 and .totals.events > 5 * .totals.cpu / 1000000'
	expect_at_least "$(samples "$T/r.folded" 'on_call_\[k\];.*pb_walk_round_\[k\]')" 50 \
		"samples in the walk of the probe"
	expect_json '.events.lost < 0.001 * .events.produced'
	expect_complete 99.9
	expect_chains "$T/r.folded" "$CHAINS"
	# The probe's stacks have no kernel frames of the sample, and all of the caller's.
	expect_share "$T/r.folded" '^left;.*;left_inner;probed$' '^left;.*probed$' 100 0
	expect_share "$T/r.folded" '^right;.*;right_inner;probed$' '^right;.*probed$' 100 0
}

# _offsets FUNCTION: where its instructions lie in the file, as objdump has it for .plt, which is mapped as it is.
_offsets()
{
	local shift

	shift=$(objdump -h "$WL/calls" | awk '$2 == ".plt" { print "0x" $4, "0x" $6 }')
	objdump -d -j .plt "$WL/calls" | awk -v f="<$1>:" '$2 == f { on = 1; next } on && NF == 0 { exit }
		on && $NF !~ /^(nop|nopl|xchg)$/ { sub(":", "", $1); print "0x" $1 }' | while read -r addr; do
		echo $((addr - ${shift% *} + ${shift#* }))
	done
}

every_instruction_of_a_plt_stub_has_its_rule()
{
	local off n=0

	[ "$(uname -m)" = x86_64 ] || skip_test "the stubs of this architecture need no rule of their own"
	workload calls lazy
	# A jump through the slot, and on the way to be bound: a number is pushed, another jump. Without samples: one
	# may hit what is called from there, whose stacks break (unwind.sh tells why).
	for off in $(_offsets tiny@plt); do
		_both -p "$W" -U -F 0 --binary "$WL/calls" --at "$off" -d 0.3 -q -o "$T/r.json" \
			-o "$T/r.folded"
		expect_status 0
		expect_complete 100
		expect_json '.totals.cpu == 0'
		expect_chains "$T/r.folded" "calls;$ROOT;by_lazy;(tiny@plt|calls\+0x[0-9a-f]+)"
		n=$((n + 1))
	done
	[ "$n" -ge 3 ] || die "$n instructions in the stub: $(objdump -d -j .plt "$WL/calls" | head -20)"
}

# _uretprobe FUNCTION [OPTION...]: cpuflame over `chains`, with a uretprobe of another profiler on FUNCTION.
_uretprobe()
{
	local prober

	workload chains 60
	CPUFLAME=$BOTH start_tool -p "$W" -F 1 --binary "$WL/chains" --returns "$1" -q -o "$T/other.json"
	prober=$TOOL
	tool -p "$W" -U -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded" "${@:2}"
	kill -INT "$prober"
	wait "$prober"
	expect_status 0
	expect_chains "$T/r.folded" "$CHAINS"
}

a_live_uretprobe_on_a_caller_is_walked_through()
{
	_uretprobe left_middle
	# It is live in all but a few of this thread's stacks.
	expect_complete 97
	expect_at_least "$(samples "$T/r.folded" ';left_outer;left_middle;left_inner')" 200 "samples below it"
}

seven_uretprobes_on_one_stack_are_walked_through()
{
	_uretprobe right_down
	expect_complete 97
	expect_at_least "$(samples "$T/r.folded" ';right_down;right_inner')" 50 "samples below them"
}

a_uretprobe_on_a_leaf_leaves_its_callers_right()
{
	# Called without a pause: most of the time goes into the kernel's own work for the probe, a part of it
	# with the stack already changed and the kernel's list not yet. One sample in 20,000 hits the return's
	# system call where only the stack pointer is wrong (bpf/lib/uretprobe.bpf.h), hence so many of them.
	_uretprobe probed -F 4999 --force -d 4
	expect_complete 90
	# The second on kernels before 6.14, which do not keep what they have dealt with.
	expect_causes 'bad_frame|no_frame_pointer'
}

run_tests "$@"
