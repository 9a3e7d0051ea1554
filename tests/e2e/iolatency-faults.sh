#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What goes wrong around iolatency: full tables, disks that go away, a tool that is stopped or killed. No latency is
# made up: nothing took longer than the run, and what was not seen whole is counted as lost.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/iotruth/disks.sh
. "$TOP/tests/iotruth/disks.sh"
use_profiler iolatency

_direct()
{
	timeout 60 env DIRECT=1 RANDOM=1 "$WL/ioload" "$@" >>"$T/load" || die "ioload $* failed"
}

# Nothing took longer than SECONDS, a pairing with something stale among it.
_expect_no_longer_than()
{
	expect_json "([.latency[].max_us // 0] | max // 0) < $1 * 1e6"
	expect_json "([.calls[]?.max_us // 0] | max // 0) < $1 * 1e6"
}

_seconds()
{
	jq .capture.duration_s "$T/r.json"
}

_lost()
{
	jq "[.events.lost_by | to_entries[] | select(.key | test(\"$1\")) | .value] | add // 0" "$T/r.json"
}

a_table_of_starts_that_is_full_loses_and_says_so()
{
	new_loop
	start_tool --max-inflight 16 -q -o "$T/r.json"
	_direct aio-read "$LOOP" 5000 4096 64
	_direct read "$LOOP" 500
	stop_tool
	expect_status 0
	expect_json '.events.lost > 0 and .events.kept > 0'
	expect_json "([.latency[] | select(.device == \"$(basename "$LOOP")\") | .count] | add) >= 500"
	expect_at_least "$(_lost 'map|start|flight|full')" 1 "lost for want of room"
	_expect_no_longer_than 2
}

a_loss_is_told_to_a_person_with_its_remedy()
{
	new_loop
	in_an_empty_directory
	start_tool --max-inflight 16 --format text
	_direct aio-read "$LOOP" 5000 4096 64
	stop_tool
	expect_status 0
	grep -qi lost "$T/out" "$T/err" || die "not a word: $(cat "$T/out" "$T/err")"
	grep -qe --max-inflight "$T/out" "$T/err" || die "no remedy named: $(cat "$T/out" "$T/err")"
}

one_page_of_ring_and_few_stacks_keep_the_ledger()
{
	new_loop
	start_tool --by stack --slower 1us --ring-size 4k --max-stacks 16 -q -o "$T/r.json"
	_direct threads "$LOOP" 300 4096 16
	stop_tool
	expect_status 0
	expect_json '.events.produced == .events.kept + .events.lost'
	_expect_no_longer_than 2
}

a_loop_device_that_is_detached_meanwhile_is_no_trouble()
{
	local name i

	new_loop
	name=$(basename "$LOOP")
	start_tool -q -o "$T/r.json" -o "$T/r.txt"
	for i in 1 2 3 4 5; do
		_direct read "$LOOP" 200
		losetup -d "$LOOP"
		losetup "$LOOP" "$T"/disk.* 2>/dev/null || { new_loop 8; name=$name\|$(basename "$LOOP"); }
	done
	losetup -d "$LOOP"
	stop_tool
	expect_status 0
	expect_json "([.latency[] | select((.device | test(\"^($name)\$\")) and .op == \"read\") | .count] | add) >= 1000"
	_expect_no_longer_than 2
}

a_zram_that_is_reset_and_removed_meanwhile_is_no_trouble()
{
	local name id

	new_zram 32
	name=$(basename "$ZRAM")
	id=${name#zram}
	start_tool -q -o "$T/r.json"
	_direct read "$ZRAM" 1000
	echo 1 >"/sys/block/$name/reset"
	echo $((16 << 20)) >"/sys/block/$name/disksize"
	_direct write "$ZRAM" 1000
	echo 1 >"/sys/block/$name/reset"
	echo "$id" >/sys/class/zram-control/hot_remove
	stop_tool
	expect_status 0
	# It has gone, but it had a name.
	expect_json "([.latency[] | select(.device == \"$name\") | .count] | add) == 2000"
	_expect_no_longer_than 2
}

io_that_fails_is_counted_as_such()
{
	new_loop 1
	losetup -d "$LOOP"
	# A disk of which only a part is there: its file is on a file system with less room.
	mkdir "$T/little"
	mount_at none "$T/little" -t tmpfs -o size=2m
	truncate -s 8M "$T/little/disk"
	losetup "$LOOP" "$T/little/disk" || skip_test "no loop device over tmpfs here"
	start_tool -q -o "$T/r.json"
	timeout 30 dd if=/dev/zero "of=$LOOP" bs=64k count=100 oflag=direct 2>/dev/null &&
		die "the disk has room"
	stop_tool
	losetup -d "$LOOP"
	expect_status 0
	expect_json "[.latency[] | select(.device == \"$DISK\" and .op == \"write\") | .errors] | add > 0"
}

a_stopped_tool_goes_inert_and_makes_nothing_up()
{
	new_loop
	timeout 60 env DIRECT=1 RANDOM=1 "$WL/ioload" read "$LOOP" 1000000 >"$T/load" &
	W=$!
	start_tool --disk "$(basename "$LOOP")" -q -o "$T/r.json"
	sleep 1
	kill -STOP "$TOOL"
	sleep 5
	kill -CONT "$TOOL"
	sleep 1
	kill -0 "$W" || die "the load ended too soon"
	stop_tool
	expect_status 0
	kill "$W"
	expect_at_least "$(_lost lease)" 100 "lost behind the end of the lease"
	# Of what took long there is nothing: each read takes microseconds.
	_expect_no_longer_than 1.5
}

two_tools_at_once_see_the_same()
{
	local name first

	new_loop
	name=$(basename "$LOOP")
	"$CPUFLAME" --disk "$name" -q -o "$T/first.json" --ready-fd 9 9>"$T/first.ready" >"$T/first.out" 2>&1 &
	first=$!
	for _ in $(seq 100); do
		[ -s "$T/first.ready" ] && break
		sleep 0.1
	done
	start_tool --disk "$name" --by process -q -o "$T/r.json"
	_direct read "$LOOP" 3000
	stop_tool
	expect_status 0
	kill -INT "$first"
	wait "$first" || die "the first one: $(cat "$T/first.out")"
	expect_json "([.latency[] | select(.op == \"read\") | .count] | add) == 3000"
	expect_json "([.latency[] | select(.op == \"read\") | .count] | add) == 3000" "$T/first.json"
}

a_target_that_exits_with_io_in_flight_ends_the_run()
{
	new_loop
	export WAIT=1 DIRECT=1
	workload ioload aio-read "$LOOP" 1000000 4096 64
	start_tool -p "$W" -q -o "$T/r.json"
	kill -USR1 "$W"
	sleep 1
	kill -KILL "$W"
	wait_tool
	expect_status 0
	expect_kept 100
	_expect_no_longer_than "$(_seconds)"
}

io_that_began_before_is_not_made_up()
{
	new_loop
	timeout 60 env DIRECT=1 RANDOM=1 "$WL/ioload" aio-read "$LOOP" 10000000 4096 64 >"$T/load" &
	W=$!
	sleep 0.5
	for _ in 1 2 3; do
		tool --disk "$(basename "$LOOP")" -d 0.5 -q -o "$T/r.json"
		expect_status 0
		expect_kept 100
		_expect_no_longer_than "$(_seconds)"
	done
	kill "$W"
}

a_killed_tool_leaves_nothing()
{
	local i

	new_loop
	timeout 60 env DIRECT=1 RANDOM=1 "$WL/ioload" aio-read "$LOOP" 10000000 4096 16 >"$T/load" &
	W=$!
	for i in 0.05 0.2 0.4 0.8; do
		_as_typed "$CPUFLAME" --by stack -q -o "$T/r.json" >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	_check_left_in_kernel
	kill "$W"
}

a_full_disk_exits_5_and_leaves_no_half_file()
{
	mkdir "$T/small"
	mount_at none "$T/small" -t tmpfs -o size=8k
	trap drop_disks EXIT
	new_loop
	start_tool -q -o "$T/small/x.html" -o "$T/r.json"
	_direct read "$LOOP" 100
	stop_tool
	expect_status 5
	expect_says 'x\.html' 'space'
	expect_only "$T/small"
	expect_file "$T/r.json"
}

its_own_io_is_not_in_the_way()
{
	new_loop
	# The report goes to the disk that is measured.
	mke2fs -q -F "$LOOP" 2>/dev/null || skip_test "no mke2fs"
	mkdir "$T/m"
	mount_at "$LOOP" "$T/m"
	start_tool -q --by process -o "$T/m/r.json"
	_direct make "$T/m/data" 100
	stop_tool
	expect_status 0
	cp "$T/m/r.json" "$T/r.json"
	expect_json '[.view.rows[].who] | any(test("^iolatency")) | not'
}

names_of_files_that_would_speak_to_the_terminal_are_harmless()
{
	local name

	mkdir "$T/m"
	new_ext4 "$T/m"
	name=$'evil\033]0;x\a<script>alert(1);\n"'
	_direct make "$T/m/$name" 300
	start_tool --by file --slower 1us --top 100 -q -o "$T/r.json" -o "$T/r.txt" -o "$T/r.folded" -o "$T/r.html" \
		-o "$T/r.trace.json" -o "$T/r.prom"
	_direct read "$T/m/$name" 300
	stop_tool
	expect_status 0
	expect_json '[.view.rows[] | select(.who | test("evil"))] | length > 0'
	! grep -q 'x.*<script>alert(1)' "$T/r.html" || die "markup in the page"
	! grep -qP '[\x00-\x08\x0b-\x1f]' "$T/r.prom" || die "raw bytes in the metrics"
	jq -e . "$T/r.trace.json" >/dev/null || die "the trace is no JSON"
}

run_tests "$@"
