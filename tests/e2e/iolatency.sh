#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# iolatency over loads that know how much they read and wrote, and beside a record of every single I/O: counts are
# equal, percentiles lie within 2 %, and whoever asked is named.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/iotruth/disks.sh
. "$TOP/tests/iotruth/disks.sh"
use_profiler iolatency
COMPARE=$TOP/tests/iotruth/compare

# _direct MODE FILE [N [SIZE [MORE]]]: ioload to its end, past the page cache, at random places; what it says is
# added to $T/load.
_direct()
{
	timeout 60 env DIRECT=1 RANDOM=1 "$WL/ioload" "$@" >>"$T/load" || die "ioload $* failed"
}

# The same through the page cache, one block after the other.
_buffered()
{
	timeout 60 "$WL/ioload" "$@" >>"$T/load" || die "ioload $* failed"
}

# _count FILTER [FILE]: the sum of the counts of those rows.
_count()
{
	jq "[$1 | .count] | add // 0" "${2:-$T/r.json}"
}

# _device NAME OP: rows of the device view.
_device()
{
	printf '.latency[] | select(.device == "%s" and .op == "%s")' "$1" "$2"
}

# _expect_count FILTER N: those that the kernel hid while the truth was looking may be missing, and no other.
_expect_count()
{
	local got

	got=$(_count "$1")
	[ "$got" -le "$2" ] && [ "$got" -ge $(($2 - ${HIDDEN:-0})) ] || die "$got instead of $2: $1: $COMMAND
hidden: ${HIDDEN:-0}
$(jq -c '.latency[], .view.rows[]?, .calls[]?, .events, .io | del(.histogram?)' "$T/r.json" | head -40)"
}

# _expect_truth DEVICE OP [SLACK_US [EXTENTS]]
_expect_truth()
{
	"$COMPARE" "$T/truth" "$T/r.json" "$1" "$2" 2 "${3:-0.5}" "${4:-/dev/null}" >"$T/compared" ||
		die "not as it was: $1 $2: $COMMAND
$(cat "$T/compared" "$T/truth.said" "$T/err")
$(jq -c '.latency[] | del(.histogram)' "$T/r.json")"
}

# _expect_stat SLACK: the truth saw what the kernel counted, but for what was hidden, and SLACK at the ends.
_expect_stat()
{
	awk -v slack="$1" -v hidden="$HIDDEN" '$1 == "stat" { for (i = 2; i <= 4; i++) s += $i }
		$1 == "seen" { for (i = 2; i <= 4; i++) s -= $i }
		END { exit !(s <= hidden + slack && s >= -slack) }' "$T/truth.said" ||
		die "the truth is not the kernel's: $(cat "$T/truth.said")"
}

# _start OPTION...: the tool, and the truth about DISK beside it.
_start()
{
	[ -z "$DISK" ] || start_truth "$DISK"
	start_tool "$@"
}

# Both to their ends, which are good ones.
_stop()
{
	stop_tool
	expect_status 0
	[ -z "$DISK" ] || stop_truth
}

# _run OPTION... -- COMMAND...: the same with a command.
_run()
{
	[ -z "$DISK" ] || start_truth "$DISK"
	tool "$@"
	expect_status 0
	[ -z "$DISK" ] || stop_truth
}

# --- counts and percentiles by device

every_io_on_a_loop_device_is_there_and_in_its_percentile()
{
	new_loop
	_start -q -o "$T/r.json"
	_direct read "$LOOP" 6000
	_direct write "$LOOP" 3000 8192
	_direct aio-read "$LOOP" 2000 4096 16
	_direct uring-write "$LOOP" 1000 4096 8
	_stop
	_expect_stat 0
	_expect_count "$(_device "$DISK" read)" 8000
	_expect_count "$(_device "$DISK" write)" 4000
	_expect_truth "$DISK" read
	_expect_truth "$DISK" write
	expect_json "[$(_device "$DISK" write) | .bytes] | add == 3000 * 8192 + 1000 * 4096"
	expect_json '.events.lost == 0'
}

every_io_on_zram_is_there_although_it_has_no_requests()
{
	new_zram 32
	_start -q -o "$T/r.json"
	_direct read "$ZRAM" 5000
	_direct write "$ZRAM" 5000
	_stop
	_expect_count "$(_device "$DISK" read)" 5000
	_expect_count "$(_device "$DISK" write)" 5000
	_expect_truth "$DISK" read 0.5
	_expect_truth "$DISK" write 0.5
}

a_file_on_the_root_disk_is_seen_whole()
{
	root_disk
	_buffered make "$T/data" 2000
	DIRECT=1 RANDOM=1 _run -q -o "$T/r.json" -- "$WL/ioload" read "$T/data" 4000
	_expect_stat 16
	cp "$T/out" "$T/load"
	_expect_count "$(_device "$DISK" read)" 4000
	_expect_truth "$DISK" read 0.3 "$T/load"
}

time_in_the_queue_is_apart_from_time_in_the_device()
{
	root_disk
	grep -q '\[none\]' "/sys/block/$DISK/queue/scheduler" && skip_test "$DISK has no scheduler"
	_buffered make "$T/data" 2000
	DIRECT=1 RANDOM=1 _run -q -o "$T/r.json" -- "$WL/ioload" aio-read "$T/data" 3000 4096 32
	expect_json "$(_device "$DISK" read) | .queue_us.p50_us != null"
	# With -Q the time in the queue is in all times.
	DIRECT=1 RANDOM=1 _run -Q -q -o "$T/q.json" -- "$WL/ioload" aio-read "$T/data" 3000 4096 32
}

two_ends_of_an_io_on_two_cpus_are_one()
{
	local name

	[ "$(nproc)" -gt 1 ] || skip_test "one CPU"
	new_loop
	name=$DISK
	_start -q -o "$T/r.json"
	_direct hop "$LOOP" 3000
	_stop
	_expect_count "$(_device "$DISK" read)" 3000
	_expect_truth "$DISK" read
}

the_irqs_of_a_disk_may_be_on_another_cpu()
{
	local cpu=$(($(nproc) - 1))

	root_disk
	_buffered make "$T/data" 2000
	# It may have to be read from that very disk.
	taskset -c 0 true
	for cpu in 0 "$cpu"; do
		DIRECT=1 RANDOM=1 _run -q -o "$T/r.json" -- taskset -c "$cpu" "$WL/ioload" read "$T/data" 2000
		_expect_truth "$DISK" read 0.3 "$T/out"
	done
}

histograms_hold_what_the_rows_count()
{
	new_loop
	_start -q -o "$T/r.json"
	_direct read "$LOOP" 2000
	_stop
	expect_json '[.latency[] | .count == ([.histogram[][2]] | add)] | all'
	expect_json '[.latency[].histogram[] | .[0] < .[1] and .[2] > 0] | all'
	expect_json '[.latency[] | [.p50_us, .p90_us, .p95_us, .p99_us, .p999_us, .max_us] | map(select(. != null)) |
		. == sort] | all'
}

# --- who it was

_expect_views()
{
	local by

	for by in process file stack cgroup; do
		_start --by "$by" --disk "$1" -q --top 10000 -o "$T/r.json"
		_direct read "$2" 500
		_buffered sync-each "$2" 50
		_stop
		expect_json '([.view.rows[].count] | add) == ([.latency[].count] | add)'
		expect_json '([.view.rows[].bytes] | add) == ([.latency[].bytes] | add)'
		expect_json '.events.lost == 0'
	done
}

every_view_adds_up_to_that_of_devices()
{
	mkdir "$T/m"
	new_ext4 "$T/m"
	_buffered make "$T/m/data" 2000
	_expect_views "$DISK" "$T/m/data"
}

every_view_of_zram_adds_up_too()
{
	new_zram 32
	_expect_views "$DISK" "$ZRAM"
}

# _by VIEW WHO OP: rows of a view whose name matches.
_by()
{
	printf '.view | select(.by == "%s") | .rows[] | select((.who | test("%s")) and .op == "%s")' "$1" "$2" "$3"
}

direct_reads_have_their_file_by_its_whole_path()
{
	mkdir "$T/m"
	new_ext4 "$T/m"
	mkdir -p "$T/m/a/b c"
	_buffered make "$T/m/a/b c/data" 1000
	_start --by file -q --top 1000 -o "$T/r.json"
	_direct read "$T/m/a/b c/data" 700
	_stop
	_expect_count "$(_by file "^$T/m/a/b c/data\$" read)" 700
}

buffered_reads_have_their_file_too()
{
	mkdir "$T/m"
	new_ext4 "$T/m"
	_buffered make "$T/m/data" 1000
	sync "$T/m/data"
	dd "if=$T/m/data" iflag=nocache count=0 status=none
	umount "$T/m"
	mount_at "$LOOP" "$T/m"
	_start --by file --disk "$DISK" -q --top 1000 -o "$T/r.json"
	_buffered read "$T/m/data" 1000
	_stop
	expect_json "[$(_by file "^$T/m/data\$" read) | .bytes] | add == 4096000"
}

a_deleted_file_keeps_its_name()
{
	mkdir "$T/m"
	new_ext4 "$T/m"
	_buffered make "$T/m/data" 1000
	exec 5<"$T/m/data"
	rm "$T/m/data"
	_start --by file -q --top 1000 -o "$T/r.json"
	_direct read /proc/self/fd/5 600
	_stop
	exec 5<&-
	_expect_count "$(_by file "data" read)" 600
}

a_bind_mount_is_named_by_a_path_that_leads_there()
{
	mkdir "$T/m" "$T/n"
	new_ext4 "$T/m"
	mkdir "$T/m/sub"
	mount_at "$T/m/sub" "$T/n" --bind
	_buffered make "$T/n/data" 1000
	_start --by file -q --top 1000 -o "$T/r.json"
	_direct read "$T/n/data" 600
	_stop
	_expect_count "$(_by file "^$T/(n|m/sub)/data\$" read)" 600
}

a_device_that_is_read_itself_is_named()
{
	new_loop
	_start --by file -q --top 1000 -o "$T/r.json"
	_direct read "$LOOP" 600
	_stop
	_expect_count "$(_by file "$DISK" read)" 600
}

what_is_written_back_is_charged_to_who_dirtied_it()
{
	mkdir "$T/m"
	new_ext4 "$T/m"
	_buffered make "$T/m/data" 4000
	_start --by process --disk "$DISK" -q --top 1000 -o "$T/r.json"
	_buffered write "$T/m/data" 4000
	sync -f "$T/m"
	_stop
	expect_json "([$(_by process '^ioload' write) | .bytes] | add) >= 0.9 * 4000 * 4096"
	expect_json '.attribution != null'
}

both_functions_have_their_stacks()
{
	local load

	mkdir "$T/m"
	new_ext4 "$T/m"
	for load in ioload ioload-nofp; do
		_buffered make "$T/m/data" 2000
		_start --disk "$DISK" --by stack -q -o "$T/r.json" -o "$T/r.folded"
		env DIRECT=1 RANDOM=1 "$WL/$load" both "$T/m/data" 1000 >"$T/load"
		_stop
		expect_at_least "$(samples "$T/r.folded" "$ROOT;serve;both;fetch;hot_reader;one_read;.*;$T/m/data;$DISK read$")" 1 \
			"time of reads in $load"
		expect_at_least "$(samples "$T/r.folded" "$ROOT;serve;both;record;log_writer;one_sync;.*;$T/m/data.log;$DISK write$")" \
			1 "time of writes in $load"
		# A new process is known a few milliseconds after it began: its first reads may have no callers.
		expect_json "[.view.rows[] | select(.op == \"read\" and any(.frames[]; . == \"hot_reader\")) | .count] |
			add >= 950 - $HIDDEN and add <= 1000"
		expect_json '.stacks.broken <= 0.01 * .events.kept + 1'
	done
}

# --- whom it is about

only_that_process_is_measured()
{
	new_loop
	export WAIT=1 DIRECT=1
	workload ioload read "$LOOP" 2000
	unset WAIT
	_start -p "$W" -q -o "$T/r.json"
	_direct read "$LOOP" 1500
	kill -USR1 "$W"
	wait_tool
	expect_status 0
	_expect_count "$(_device "$DISK" read)" 2000
}

all_threads_of_a_command_are_measured_from_its_start()
{
	new_loop
	DIRECT=1 _run -q -o "$T/r.json" -- "$WL/ioload" threads "$LOOP" 300 4096 10
	_expect_count "$(_device "$DISK" read)" 3000
}

a_command_keeps_its_exit_status()
{
	tool -q -o "$T/r.json" -- sh -c "dd if=/dev/zero of=$T/x bs=4k count=10 oflag=direct 2>/dev/null; exit 7"
	expect_status 7
	expect_json '([.latency[] | select(.op == "write") | .count] | add) >= 10'
}

only_that_disk_is_measured()
{
	local first

	new_loop
	first=$LOOP
	new_loop
	_start --disk "$(basename "$first")" -q -o "$T/r.json"
	_direct read "$first" 400
	_direct read "$LOOP" 500
	_stop
	expect_json '[.latency[].device] | unique | length == 1'
	_expect_count '.latency[]' 400
}

a_disk_may_be_named_by_its_path()
{
	new_loop
	_start --disk "$LOOP" -q -o "$T/r.json"
	_direct read "$LOOP" 400
	_stop
	_expect_count '.latency[]' 400
}

# --- system calls

each_call_is_counted_under_its_name()
{
	local call n

	mkdir "$T/m"
	new_ext4 "$T/m"
	_buffered make "$T/m/data" 100
	_run --syscalls --by file -q --top 1000 -o "$T/r.json" -- "$WL/ioload" calls "$T/m/data" 1
	while read -r call n; do
		[ "$(_count ".calls[] | select(.call == \"$call\" and ((.who // \"\") | test(\"/m/data\")))")" = "$n" ] ||
			die "$call is not $n: $(jq -c '.calls[] | [.call, .who, .count]' "$T/r.json")"
	done <<-END
		read 10
		pread 11
		readv 12
		preadv 13
		write 14
		pwrite 15
		writev 16
		pwritev 17
		fsync 8
		fdatasync 9
		sync_file_range 7
	END
	[ "$(_count '.calls[] | select(.call == "sendfile")')" = 6 ] || die "sendfile: $(jq -c '.calls' "$T/r.json")"
}

reads_from_the_page_cache_wait_for_nothing()
{
	_buffered make "$T/data" 500
	_run --syscalls -q -o "$T/r.json" -- "$WL/ioload" cached "$T/data" 5000
	# The dynamic linker reads the headers of libc by pread, too.
	expect_json '[.calls[] | select(.call == "pread")] | length == 1 and (.[0] | .count >= 5000 and .count < 5010 and
		.waited == 0 and .io_wait_us == 0)'
}

direct_reads_wait_for_the_device()
{
	root_disk
	_buffered make "$T/data" 2000
	DIRECT=1 RANDOM=1 _run --syscalls -q -o "$T/r.json" -- "$WL/ioload" read "$T/data" 2000
	# A call is as long as its device's part, and a little longer.
	expect_json '(.latency[] | select(.op == "read") | .p50_us) as $device | .calls[] | select(.call == "pread") |
		.count >= 2000 and .count < 2010 and .p50_us > $device'
	expect_json '.calls[] | select(.call == "pread") | .io_wait_us > 0.3 * .count * .p50_us'
	# Its own clock says the same.
	awk '$1 == "reads" { print $4 }' "$T/out" >"$T/own"
	expect_json "(.calls[] | select(.call == \"pread\") | .p50_us) as \$us | \$us / $(cat "$T/own") |
		. > 0.8 and . < 1.05"
}

io_uring_is_measured_by_operation()
{
	_buffered make "$T/data" 1000
	DIRECT=1 _run --syscalls -q -o "$T/r.json" -- "$WL/ioload" uring-read "$T/data" 500 4096 4
	jq -e '[.calls[] | select(.call == "io_uring read")] | length == 0' "$T/r.json" >/dev/null &&
		skip_test "io_uring is not measured by this kernel's tracepoints"
	_expect_count '.calls[] | select(.call == "io_uring read")' 500
}

# --- patterns

# _expect_pattern KIND: a regex
_expect_pattern()
{
	expect_json "[.patterns[]?.kind] | any(test(\"$1\"))"
}

an_fsync_for_each_record_is_told()
{
	_buffered make "$T/data" 100
	_run --syscalls -q -o "$T/r.json" -o "$T/r.txt" -- "$WL/ioload" sync-each "$T/data" 100
	_expect_pattern sync
	# Whoever reads the first lines has read it.
	head -30 "$T/r.txt" | grep -qi 'fsync' || die "not a word of fsync: $(head -40 "$T/r.txt")"
}

one_fsync_at_the_end_is_no_pattern()
{
	_buffered make "$T/data" 100
	_run --syscalls -q -o "$T/r.json" -- "$WL/ioload" sync-end "$T/data" 1000
	expect_json '[.patterns[]?.kind] | any(test("sync")) | not'
}

blocks_that_are_read_again_are_told()
{
	_buffered make "$T/data" 500
	DIRECT=1 _run --syscalls -q -o "$T/r.json" -- "$WL/ioload" again "$T/data" 500
	_expect_pattern 'repeat|again|reread'
}

many_small_writes_one_behind_the_other_are_told()
{
	_run --syscalls -q -o "$T/r.json" -- "$WL/ioload" append "$T/data" 3000 50
	_expect_pattern small
}

many_small_reads_one_behind_the_other_are_told()
{
	_buffered make "$T/data" 2000
	DIRECT=1 _run --syscalls -q -o "$T/r.json" -- "$WL/ioload" read "$T/data" 2000
	_expect_pattern small
}

# --- the slow ones

the_slowest_are_kept_with_all_about_them()
{
	new_loop
	# Of this disk alone: what others do to the one below it may be slower than all of this.
	_start --slower 1us --top 10 --disk "$DISK" -q -o "$T/r.json"
	_direct read "$LOOP" 500
	_stop
	expect_json '.slow | length == 10'
	expect_json '[.slow[] | .time_us + .queue_us] | . == (sort | reverse) and .[0] >= 1'
	expect_json "[.slow[] | .device] | unique == [\"$DISK\"]"
}

nothing_is_as_slow_as_an_hour()
{
	new_loop
	_start --slower 3600s -q -o "$T/r.json"
	_direct read "$LOOP" 500
	_stop
	expect_json '(.slow // []) | length == 0'
}

# --- forms

every_form_can_be_read_by_what_it_is_for()
{
	new_loop
	_start --slower 1us -q -o "$T/r.json" -o "$T/r.trace.json" -o "$T/r.prom" -o "$T/r.folded" -o "$T/r.html" \
		-o "$T/r.pb.gz" -o "$T/r.txt"
	_direct read "$LOOP" 1000
	_stop
	jq -e '(.traceEvents | length) >= 10 and ([.traceEvents[] | select(.ph == "X") | .dur >= 0 and .ts >= 0] | all)' \
		"$T/r.trace.json" >/dev/null || die "no trace: $(head -c 500 "$T/r.trace.json")"
	_expect_prometheus "$T/r.prom"
	expect_file "$T/r.folded"
	expect_file "$T/r.html"
	expect_file "$T/r.pb.gz"
	grep -q "$DISK" "$T/r.txt" || die "no device: $(head -20 "$T/r.txt")"
	# A saved profile says the same again.
	tool --from "$T/r.pb.gz" -q -o "$T/again.json"
	expect_status 0
	[ "$(jq -S .latency "$T/again.json")" = "$(jq -S .latency "$T/r.json")" ] || die "--from tells something else"
}

# Classic histograms: each has its type, buckets do not fall, and the last one is the count.
_expect_prometheus()
{
	awk '
		/^# TYPE / { type[$3] = $4; next }
		/^#/ || /^$/ { next }
		!/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})? [-+0-9.eE]+(Inf|NaN)?$/ { print "no sample: " $0; bad = 1; next }
		{
			name = $1; sub(/\{.*/, "", name)
			labels = $1; sub(/^[^{]*/, "", labels)
			base = name; sub(/_(bucket|sum|count)$/, "", base)
			if (!(name in type) && !(base in type)) { print "no type: " name; bad = 1 }
		}
		name ~ /_bucket$/ {
			key = labels; sub(/,?le="[^"]*"/, "", key); sub(/\{\}/, "", key)
			if ((base, key) in last && $2 < last[base, key]) { print "falls: " $0; bad = 1 }
			last[base, key] = $2
			if (labels ~ /le="\+Inf"/) inf[base, key] = $2
			n++
		}
		name ~ /_count$/ && type[base] == "histogram" { key = labels; sub(/\{\}/, "", key); count[base, key] = $2 }
		END {
			for (k in count) if (count[k] != inf[k]) { print "+Inf is not the count: " k; bad = 1 }
			exit bad || !n
		}' "$1" >"$T/prom.err" || die "$1 is not Prometheus' text: $(head -5 "$T/prom.err" "$1")"
}

# What is printed each time is what came in that time: together they are all.
each_io_is_in_one_interval()
{
	new_loop
	start_tool --disk "$DISK" -o "$T/r.json" 0.05
	_direct read "$LOOP" 5000
	stop_tool
	expect_status 0
	# The tables of the device alone: what waited in the queue has fewer columns and no IOPS.
	awk -v d="$DISK" '/IOPS/ { on = 1 } /queued/ { on = 0 } on && $1 == d && $2 == "read" { gsub(",", "", $3); n += $3 }
		END { print n + 0 }' "$T/out" >"$T/sum"
	[ "$(cat "$T/sum")" = "$(_count "$(_device "$DISK" read)")" ] ||
		die "$(cat "$T/sum") in all intervals, $(_count "$(_device "$DISK" read)") in the report"
	[ "$(cat "$T/sum")" -ge 5000 ] || die "only $(cat "$T/sum") of 5000"
}

an_interval_that_cannot_be_printed_is_a_failure()
{
	local rc

	new_loop
	"$CPUFLAME" 0.2 3 >/dev/full 2>"$T/err" &
	_direct read "$LOOP" 2000
	wait $!
	rc=$?
	[ $rc = 5 ] || die "a full disk is no success ($rc): $(cat "$T/err")"
	grep -q 'No space left' "$T/err" || die "no word of it: $(cat "$T/err")"
}

an_interval_prints_a_table_each_time()
{
	new_loop
	in_an_empty_directory
	(sleep 0.5; _direct read "$LOOP" 200; sleep 1; _direct read "$LOOP" 200; sleep 1; _direct read "$LOOP" 200) &
	tool --disk "$DISK" -T 1 3
	expect_status 0
	[ "$(grep -c '^[0-9][0-9]:[0-9][0-9]:[0-9][0-9]' "$T/out")" -ge 3 ] || die "no three times: $(cat "$T/out")"
	[ "$(grep -c "$DISK" "$T/out")" -ge 3 ] || die "no three tables: $(cat "$T/out")"
	wait
}

switches_of_biolatency_are_taken()
{
	local option

	new_loop
	in_an_empty_directory
	for option in -m -Q -D -F; do
		_start "$option" --disk "$DISK" --format text
		_direct read "$LOOP" 100
		_stop
		grep -q "$DISK" "$T/out" || die "nothing: $COMMAND: $(cat "$T/out" "$T/err")"
	done
}

# --- bad input

an_unknown_disk_exits_4_and_names_those_there_are()
{
	tool --disk nosuchdisk -d 1 -o "$T/r.json"
	expect_status 4
	expect_says nosuchdisk "$(basename "$(find /sys/block -mindepth 1 -name 'loop0' -o -mindepth 1 -name 'vda' | head -1)")"
	expect_sentence
}

wrong_options_exit_2()
{
	tool --by colour -d 1
	expect_status 2
	expect_sentence
	tool --slower soon -d 1
	expect_status 2
	tool --max-inflight 0 -d 1
	expect_status 2
	tool 0 3
	expect_status 2
	tool -d 1 --no-such-option
	expect_status 2
	tool -d 1 -T
	expect_status 2
}

without_root_it_exits_3_and_says_so()
{
	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/iolatency"
	COMMAND="iolatency as nobody"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$T/iolatency" -d 1 >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 3
	expect_sentence
}

a_process_that_is_not_there_exits_4()
{
	tool -p 4194000 -d 1 -o "$T/r.json"
	expect_status 4
	expect_sentence
}

run_tests "$@"
