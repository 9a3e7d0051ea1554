#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What judges the kernels is judged itself: it must find each thing that may be wrong. Needs no kernel.
RING=matrix
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=tools/kernel/judge.sh
. tools/kernel/judge.sh

T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
INSNS_TABLE=$T/table
UPDATED=''

# a_table: two kernels know one program, the older does not know the other.
a_table()
{
	cat >"$INSNS_TABLE" <<-EOF
		# comment
		tool   program    configuration  6.1   6.12
		x      on_sample  all            1000  2000
		x      on_fork    all            -     50
	EOF
}

# walked SERIES "ROWS": what insns_compare says of it, and its status.
walked()
{
	insns_compare "$1" <<<"$2"
	echo "status $?"
}

# expect NAME WANTED GOT
expect()
{
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2"$'\n'"got: $3"; fi
}

a_table
expect growth_of_a_fifth_is_no_failure "status 0" "$(walked 6.1 'x on_sample all 1200')"
expect growth_of_more_than_a_fifth_fails "grown: x on_sample all: 1000 to 1201
status 1" "$(walked 6.1 'x on_sample all 1201')"
expect each_kernel_is_compared_with_its_own_column "status 0" "$(walked 6.12 'x on_sample all 2300')"
expect what_shrank_is_reported "shrunk: x on_sample all: 1000 to 700
status 0" "$(walked 6.1 'x on_sample all 700')"
expect a_new_row_is_reported "new: x on_fork all 9
status 0" "$(walked 6.1 'x on_fork all 9')"
expect a_kernel_that_is_not_in_the_table_does_not_fail "kernel 7.3 is not in the table
status 0" "$(walked 7.3 'x on_sample all 39999')"
expect the_sampling_program_has_a_limit_on_every_kernel "too many: x on_sample all: 40001, more than 40000
kernel 7.3 is not in the table
status 1" "$(walked 7.3 'x on_sample all 40001')"
expect other_programs_have_none "kernel 7.3 is not in the table
status 0" "$(walked 7.3 'x on_walk all 40001')"
expect a_series_is_two_numbers "6.12 6.1 7.3" \
	"$(for r in 6.12.117+deb12-cloud-amd64 6.1.0-56-rt-amd64 7.3-rc1; do kernel_series $r; done | xargs)"

# The table without its comments, columns apart by one blank.
table()
{
	grep -v '^#' "$INSNS_TABLE" | tr -s ' '
}

insns_update 6.1 <<<'x on_sample all 7'
expect an_update_leaves_other_columns_alone 'tool program configuration 6.1 6.12
x on_fork all - 50
x on_sample all 7 2000' "$(table)"
insns_update 6.1 <<<'x on_sample all 6'
expect two_kernels_of_a_series_leave_the_larger_number 'tool program configuration 6.1 6.12
x on_fork all - 50
x on_sample all 7 2000' "$(table)"
UPDATED=''
insns_update 6.12 <<<'x on_sample all 5'
expect what_no_kernel_knows_any_more_goes 'tool program configuration 6.1 6.12
x on_sample all 7 5' "$(table)"
insns_update 6.9 <<<'x on_sample all 8'
expect columns_are_in_the_order_of_kernels 'tool program configuration 6.1 6.9 6.12
x on_sample all 7 8 5' "$(table)"
rm "$INSNS_TABLE"
insns_update 6.9 <<<'x on_sample all 8'
expect a_table_can_begin_from_nothing 'tool program configuration 6.9
x on_sample all 8' "$(table)"

# left NAME COMPLETE BROKEN LOST: what a job leaves when all is well, but for these numbers.
left()
{
	echo 0 >"$T/out/$1.status"
	echo "cpuflame: a word" >"$T/out/$1.err"
	printf '{"events": {"produced": 1000, "kept": 1000, "lost": 0, "lost_by": {"map_full": %d}},
		"stacks": {"complete": %d, "truncated": 0, "broken": %d}}' "$4" "$2" "$3" >"$T/out/$1.json"
	printf 'shape;_start;main;serve;handle;parse;hot_a %d\n' "${5:-600}" >"$T/out/$1.folded"
	printf 'shape;_start;main;serve;handle;query;hot_b 300\nshape;_start;main;serve;handle;reply;hot_c 100\n' \
		>>"$T/out/$1.folded"
}

# heap WAY STATUS ALLOCS UNIQUE: what allocsites leaves of heap-nofp, by that way to attach.
heap()
{
	echo "$2" >"$T/out/heap-$1.status"
	echo "allocsites: attach to process 7: no such thing" >"$T/out/heap-$1.err"
	printf '{"alloc": {"allocs": %d, "bytes": 507500, "frees": 1310, "live_bytes": 55300, "peak_bytes": 56400,
		"failed": 2}, "events": {"kept": 1371, "lost": 0}, "stacks": {"complete": 1371, "unique": %d}}' \
		"$3" "$4" >"$T/out/heap-$1.json"
}

# io NAME ROWS WHO CALLS: what iolatency leaves, with COUNT of 1 in all of them.
io()
{
	echo 0 >"$T/out/io-$1.status"
	echo "iolatency: kernel" >"$T/out/io-$1.err"
	printf '{"events": {"produced": 9, "kept": 9, "lost": 0}, "latency": [%s], "view": {"by": "x", "rows": [%s]},
		"calls": [%s]}' "$2" "$3" "$4" >"$T/out/io-$1.json"
}

io_is_well()
{
	io direct '{"device": "nvme0n1", "op": "read", "count": 1000, "p50_us": 9}' \
		'{"who": "/mnt/data", "device": "nvme0n1", "op": "read", "count": 1000, "bytes": 4096000}' ''
	io deep '{"device": "nvme0n1", "op": "write", "count": 1000}' \
		'{"who": "main;serve;aio_load", "device": "nvme0n1", "op": "write", "count": 1000}' ''
	io sync '{"device": "nvme0n1", "op": "write", "count": 150}' \
		'{"who": "ioload (7)", "device": "nvme0n1", "op": "write", "count": 150}' \
		'{"call": "fsync", "count": 50}, {"call": "pwrite", "count": 50}'
}

all_is_well()
{
	rm -rf "$T/out"
	mkdir "$T/out"
	left shape 1000 0 0
	left shape-nofp 990 10 0
	left deep 1000 0 0
	printf 'deep;main%s;bottom 7\n' "$(printf ';down%.0s' $(seq 1000))" >"$T/out/deep.folded"
	printf 'ok all\ninsns on_sample all 7\n' >"$T/out/load.x"
	heap best 0 1371 6
	heap multi 125 0 0 # as on a kernel that has no multi
	heap perf 0 1371 6
	io_is_well
}

# expect_finds NAME REGEX [RELEASE]: exactly one line is said, and it matches.
expect_finds()
{
	local said

	said=$(judge "${3:-6.1.0-1-amd64}" "$T/out" 2>&1)
	if [ "$(grep -c . <<<"$said")" = 1 ] && grep -qE -- "$2" <<<"$said"; then
		pass "$1"
	else
		fail "$1" "wanted one line with: $2"$'\n'"got: $said"
	fi
}

all_is_well
expect what_is_well_passes "" "$(judge 6.1.0-1-amd64 "$T/out" 2>&1)"
left shape-nofp 989 11 0
expect_finds a_broken_stack_in_a_hundred_is_too_much 'shape-nofp: 98.9 % of the stacks are complete'
left shape-nofp 990 9 0
expect_finds kept_events_without_an_end_are_found 'shape-nofp: .* the ledger is open'
left shape-nofp 1000 0 1
expect_finds losses_that_do_not_add_up_are_found 'shape-nofp: .* the ledger is open'
all_is_well
left shape 1000 0 0 400
expect_finds a_wrong_share_is_found 'shape: hot_a has 50.0 % instead of 60 %'
all_is_well
sed -i 's/;handle//' "$T/out/shape-nofp.folded"
expect_finds a_missing_caller_is_found 'shape-nofp: 0 of 1000 samples show all callers'
all_is_well
sed -i 's/;down;/;/' "$T/out/deep.folded"
expect_finds a_missing_frame_of_a_recursion_is_found 'deep: 0 of 7 samples show 1000 frames'
all_is_well
: >"$T/out/deep.folded"
expect_finds no_samples_at_all_are_found 'deep: 0 of 0 samples'
all_is_well
echo 139 >"$T/out/shape.status"
expect_finds a_crash_is_found 'shape: exit status 139'
all_is_well
rm "$T/out/deep".*
expect_finds what_did_not_run_is_found 'deep: was not run'
all_is_well
heap best 0 1370 6
expect_finds an_allocation_that_was_missed_is_found 'heap by best: not what it does'
all_is_well
heap perf 0 1371 7
expect_finds a_site_too_many_is_found 'heap by perf: stacks'
all_is_well
heap best 125 0 0
expect_finds no_way_to_attach_is_found 'heap by best: exit status 125'
all_is_well
echo nothing >"$T/out/heap-multi.err"
expect_finds a_way_that_fails_without_a_word_is_found 'heap by multi: no word of why not'
all_is_well
sed -i 's/"read", "count": 1000/"read", "count": 999/g' "$T/out/io-direct.json"
expect_finds a_read_that_was_missed_is_found 'io direct: not so'
all_is_well
sed -i 's/"lost": 0/"lost": 1/' "$T/out/io-sync.json"
expect_finds a_loss_of_io_is_found 'io sync: not so: .events'
all_is_well
sed -i 's,/mnt/data,/data,' "$T/out/io-direct.json"
expect_finds a_file_by_a_wrong_name_is_found 'io direct: not so: .*/mnt/data'
all_is_well
sed -i 's/"fsync", "count": 50/"fsync", "count": 51/' "$T/out/io-sync.json"
expect_finds a_call_too_many_is_found 'io sync: not so: .*fsync'
all_is_well
echo 125 >"$T/out/io-deep.status"
expect_finds a_load_that_was_not_measured_is_found 'io deep: exit status 125'
all_is_well
echo 'not ok depth_1: Invalid argument' >>"$T/out/load.x"
expect_finds an_object_that_does_not_load_is_found 'load.x: not ok depth_1'
: >"$T/out/load.x"
expect_finds a_loader_that_says_nothing_is_found 'load.x: '
rm "$T/out/load.x"
expect_finds no_loader_at_all_is_found 'no object was loaded'

# A kernel before 6.1 is to be refused, and only there a refusal is right.
refused()
{
	local name

	all_is_well
	for name in shape shape-nofp deep; do
		rm "$T/out/$name".json "$T/out/$name".folded
		echo 3 >"$T/out/$name.status"
		echo 'cpuflame: kernel X refused the BPF programs: 6.1 or newer is needed' >"$T/out/$name.err"
	done
	for name in best multi perf; do
		echo 125 >"$T/out/heap-$name.status"
		echo 'allocsites: kernel X refused the BPF programs: 6.1 or newer is needed' >"$T/out/heap-$name.err"
	done
	for name in direct deep sync; do
		echo 125 >"$T/out/io-$name.status"
		echo 'iolatency: kernel X refused the BPF programs: 6.1 or newer is needed' >"$T/out/io-$name.err"
	done
}

refused
expect an_old_kernel_is_refused "" "$(judge 5.10.0-46-amd64 "$T/out" 2>&1)"
echo 1 >"$T/out/deep.status"
expect_finds a_refusal_has_status_3 'deep: exit status 1 instead of 3' 5.10.0-46-amd64
refused
echo 'cpuflame: no' >"$T/out/deep.err"
expect_finds a_refusal_says_why 'deep: does not say in a sentence' 5.10.0-46-amd64
rm "$T/out"/*.status
expect_finds a_refusal_is_more_than_silence 'nothing was tried' 5.10.0-46-amd64
refused
left shape-nofp 1000 0 0
all=$(judge 6.1.0-1-amd64 "$T/out" 2>&1)
expect no_refusal_from_6_1_on 2 "$(grep -c 'exit status 3' <<<"$all")"
