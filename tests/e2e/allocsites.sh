#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# allocsites over programs that keep books of their own: in exact mode all numbers are equal, in sampled mode they lie
# where the number of samples says.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler allocsites
LIBS=/usr/lib/$(uname -m)-linux-gnu

# What may lie between a site of ours and the allocator: libraries, C++ ones too. Anything else at the
# end of a stack was made up.
BEHIND='(;(mi_new_[a-z_]*|operator new(\[\])?|std::[^;]*|void std::[^;]*|__gnu_cxx::[^;]*|(__)?strdup|reallocarray|lib[^;]*\+0x[0-9a-f]*))*$'

# The sites of the report in the workload's own form: from main() or a thread's first function down to the site.
# What throwing an exception takes is not in the workload's books.
_sites()
{
	jq -r '.target.pids[0] as $pid | .sites[] | select(.pid == $pid) | [(.frames | join(";")), .values[0],
		.values[1], .freed_objects, .freed_bytes, .values[2], .values[3]] | @tsv' "$T/r.json" |
		grep -vE '__cxa_(allocate_exception|throw)' |
		BEHIND=$BEHIND awk -F '\t' '
			$1 ~ /;site_/ {
				sub(/^.*;(__libc_start_[^;]*|libc[^;]*|start_thread);/, "", $1)
				sub(ENVIRON["BEHIND"], "", $1)
				for (i = 2; i <= 7; i++)
					sum[$1, i] += $i
				seen[$1]
			}
			$1 !~ /;site_/ && $1 ~ /(^|;)(way_[ab]|giver|taker)(;|$)/ { print "not true:", $1 }
			END {
				for (p in seen)
					printf "site\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", p, sum[p, 2],
						sum[p, 3], sum[p, 4], sum[p, 5], sum[p, 6], sum[p, 7]
			}' | LC_ALL=C sort
}

# Every number of every site, and no site that is not there.
_expect_books()
{
	diff <(LC_ALL=C sort "$T/out") <(_sites) >"$T/diff" ||
		die "not as the workload has it (<): $COMMAND
$(cat "$T/diff" "$T/err")"
	expect_json '.alloc | .overwritten == 0 and .untracked == 0 and .stateless == 0 and .left_out == 0'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
	expect_json '.alloc.allocs == .alloc.frees + .alloc.live_allocs'
	expect_json '.alloc.bytes == .alloc.freed_bytes + .alloc.live_bytes'
}

# Without sessions the ends of an allocator's own operator new are left alone, since it may throw: what becomes of its
# blocks is not known, but each of its calls is.
_expect_calls()
{
	diff <(cut -f 1-4 "$T/out" | LC_ALL=C sort) <(_sites | cut -f 1-4) >"$T/diff" ||
		die "not as the workload has it (<): $COMMAND
$(cat "$T/diff" "$T/err")"
	expect_json '.alloc | .untracked > 0 and .overwritten == 0 and .stateless == 0 and .left_out == 0'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
}

_exact()
{
	local way

	for way in session multi perf; do
		tool --exact --probes "$way" --top 10000 -q -o "$T/r.json" -- "$@"
		[ "$RC" = 0 ] || ! grep -qi 'takes no uprobes' "$T/err" || continue
		expect_status 0
		if [ "$way" != session ] && [ -n "${LD_PRELOAD:-}" ]; then
			(unset LD_PRELOAD; _expect_calls) || exit 1
		else
			(unset LD_PRELOAD; _expect_books) || exit 1
		fi
	done
}

every_number_of_every_site_is_equal()
{
	_exact "$WL/heapsites"
}

no_frame_pointer_makes_no_difference()
{
	_exact "$WL/heapsites-nofp"
}

a_static_program_counts_the_same()
{
	_exact "$WL/heapsites-static"
	expect_json '.allocators | length == 1'
}

_preloaded()
{
	local lib=$1 kind=$2

	[ -e "$LIBS/$lib" ] || skip_test "no $lib"
	export LD_PRELOAD=$LIBS/$lib
	_exact "$WL/heapsites"
	_exact "$WL/heapsites-nofp"
	unset LD_PRELOAD
	expect_json ".allocators | any(test(\"^$kind \"))"
}

jemalloc_counts_the_same()
{
	_preloaded libjemalloc.so.2 jemalloc
}

tcmalloc_counts_the_same()
{
	_preloaded libtcmalloc_minimal.so.4 tcmalloc
}

mimalloc_counts_the_same()
{
	_preloaded libmimalloc.so.2 mimalloc
}

# value MEASURE FUNCTION: the sum over all sites that go through it.
_value()
{
	jq -r --arg m "$1" --arg f "$2" '(.values | map(.type) | index($m)) as $i |
		[.sites[] | select(.frames | index($f)) | .values[$i]] | add // 0' "$T/r.json"
}

# expect_estimate WHAT ESTIMATE TRUTH SAMPLES: within 4 standard deviations, of which there is 1 / sqrt(n). One run
# in 16,000 is further off.
_expect_estimate()
{
	awk -v e="$2" -v t="$3" -v n="$4" 'BEGIN { d = e / t - 1; exit !(d * d <= 16 / n) }' ||
		die "$1: estimated $2, not $3, of some $4 samples: $COMMAND"
}

# 32 MB in blocks of each size, a sample every 64 KB.
samples_estimate_bytes_and_objects()
{
	tool --sample-bytes 64k --top 1000 -q -o "$T/r.json" -- "$WL/heapload" volume 32
	expect_status 0
	expect_json '.alloc.mode == "sampled" and .alloc.calls >= 532480 + 2048 and .alloc.calls < 534600'
	expect_json '.alloc.called_bytes >= 32 * 3 * 1048576 + 8 * 1048576'
	_expect_estimate "bytes in small" "$(_value alloc_space small)" 33554432 512
	_expect_estimate "objects in small" "$(_value alloc_objects small)" 524288 512
	_expect_estimate "bytes in medium" "$(_value alloc_space medium)" 33554432 512
	_expect_estimate "objects in medium" "$(_value alloc_objects medium)" 8192 512
	# Each block is sixteen times the mean: all are met.
	_expect_estimate "bytes in large" "$(_value alloc_space large)" 33554432 1000000
	_expect_estimate "bytes kept" "$(_value inuse_space kept)" 8388608 128
	[ "$(_value inuse_space small)" = 0 ] || die "small() keeps nothing"
}

all_calls_are_counted_whatever_is_sampled()
{
	tool --sample-bytes 64m -q -o "$T/r.json" -- "$WL/heapload" volume 4
	expect_status 0
	# 4 MB of 64 bytes, of 4 KB, of 1 MB, and 256 of 4 KB that stay.
	expect_json '.alloc | .calls == 65536 + 1024 + 4 + 256 and .called_bytes == 13 * 1048576'
	expect_json '.alloc | .free_calls == 65536 + 1024 + 4'
}

without_frees_what_is_allocated_is_still_known()
{
	tool --exact --no-free -q -o "$T/r.json" -- "$WL/heapload" volume 2
	expect_status 0
	expect_json '.alloc | .allocs == 32768 + 512 + 2 + 128 and .frees == 0 and .free_calls == 0'
	expect_json '.alloc | .live_bytes == 0 and .track_frees == false'
	[ "$(_value alloc_objects medium)" = 512 ] || die "medium() has $(_value alloc_objects medium)"
}

sizes_are_left_out_below_and_above()
{
	tool --exact -z 100 -Z 64k -q -o "$T/r.json" -- "$WL/heapload" volume 2
	expect_status 0
	expect_json '.alloc | .allocs == 512 + 128 and .left_out == 32768 + 2 and .calls == 33410'
	[ "$(_value alloc_objects small)" = 0 ] && [ "$(_value alloc_objects large)" = 0 ] ||
		die "a site outside of the sizes is shown"
}

every_measure_can_be_ranked_by()
{
	local by

	tool --exact -q -o "$T/a.pb.gz" -- "$WL/heapload" volume 1
	expect_status 0
	for by in allocated live peak temporary leaked count; do
		tool --from "$T/a.pb.gz" --by "$by" --format text -o -
		expect_status 0
		case $by in
		allocated | peak) grep -qE 'large|medium' "$T/out" ;;
		live | leaked) grep -qE '^ +100\.0 .* kept' "$T/out" && ! grep -qE '^ +[0-9.]+ .* small' "$T/out" ;;
		temporary | count) grep -q small "$T/out" ;;
		esac || die "--by $by: $(cat "$T/out")"
	done
	tool --exact --by temporary -q -o "$T/r.json" -- "$WL/heapload" volume 1
	[ "$(_value temporary_objects small)" = 16384 ] && [ "$(_value temporary_objects kept)" = 0 ] ||
		die "temporary: $(_value temporary_objects small)"
}

what_lives_when_the_process_ends_is_leaked()
{
	tool --exact --older 100 -q -o "$T/r.json" -- "$WL/heapload" volume 1
	expect_status 0
	[ "$(_value leaked_objects kept)" = 64 ] && [ "$(_value leaked_objects small)" = 0 ] ||
		die "leaked: $(_value leaked_objects kept)"
}

of_a_living_process_only_old_blocks_are_leaked()
{
	export WAIT=1
	workload heapload ages
	start_tool -p "$W" --exact --older 1 -q -o "$T/r.json"
	kill -USR1 "$W"
	grep -q -m 1 kept <&8
	stop_tool
	expect_status 0
	[ "$(_value inuse_objects older)" = 40 ] && [ "$(_value inuse_objects younger)" = 30 ] ||
		die "live: $(_value inuse_objects older), $(_value inuse_objects younger)"
	[ "$(_value leaked_objects older)" = 40 ] || die "leaked: $(_value leaked_objects older)"
	# If the machine was in no hurry, the younger ones are old by now.
	expect_json '[.sites[] | select(.frames | index("younger")) | .lifetimes] | length == 1'
}

a_running_process_is_measured_from_then_on()
{
	export WAIT=1
	workload heapload keep 500
	start_tool -p "$W" --exact -q -o "$T/r.json"
	kill -USR1 "$W"
	grep -q -m 1 kept <&8
	stop_tool
	expect_status 0
	expect_json '.alloc | .allocs == 500 and .live_bytes == 500 * 4096'
	expect_json '.alloc.cost.expected_pct >= 0'
	kill -0 "$W" || die "the target has died"
}

# What an environment or a shell starts has other allocators than what was started.
an_allocator_behind_an_exec_is_found()
{
	[ -e "$LIBS/libjemalloc.so.2" ] || skip_test "no jemalloc"
	tool --exact -q -o "$T/r.json" -- env "LD_PRELOAD=$LIBS/libjemalloc.so.2" "$WL/heapload" rate 5000 1
	expect_status 0
	expect_json '.allocators | any(test("^jemalloc "))'
	[ "$(_value alloc_objects small)" -gt 2000 ] || die "of 5,000: $(_value alloc_objects small)"
}

a_shells_exec_is_measured_like_the_program()
{
	tool --exact -q -o "$T/r.json" -- sh -c "exec $WL/heapload volume 1"
	expect_status 0
	[ "$(_value alloc_objects kept)" = 64 ] || die "of 64: $(_value alloc_objects kept)"
}

# Lines and tables go to stdout while it runs, with the names of the end, and the numbers of the end are right.
every_interval_has_a_line_and_a_table()
{
	export WAIT=1
	workload heapload keep 3000
	start_tool -p "$W" --exact -i 0.5 -T 1 -q -o "$T/r.json"
	kill -USR1 "$W"
	grep -q -m 1 kept <&8
	sleep 3
	stop_tool
	expect_status 0
	[ "$(grep -c 'allocs/s' "$T/out")" -ge 3 ] || die "not a line each time: $(cat "$T/out")"
	[ "$(grep -c '^allocsites: heapload (pid' "$T/out")" -ge 2 ] || die "no tables: $(cat "$T/out")"
	grep -qE '^ *100\.0 .* 3,000 .* kept ← main' "$T/out" || die "not the table: $(cat "$T/out")"
	! grep -qE 'Allocators:|events:' "$T/out" || die "more than a table: $(cat "$T/out")"
	expect_json '.alloc | .allocs >= 3000 and .allocs < 3010 and .overwritten == 0'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
}

the_tables_of_intervals_have_as_many_rows_as_asked()
{
	export WAIT=1
	workload heapload ages
	start_tool -p "$W" --exact -i 0.5 -T 1 -q -o "$T/r.json"
	kill -USR1 "$W"
	grep -q -m 1 kept <&8
	sleep 2
	stop_tool
	expect_status 0
	grep -qE ' 1 more path$' "$T/out" || die "no more paths than one: $(cat "$T/out")"
	awk '/^ +%/ { n = 0 } / ← main/ && ++n > 1 { bad = 1 } END { exit bad }' "$T/out" ||
		die "more than 1 row: $(cat "$T/out")"
}

an_interval_in_the_middle_of_a_killed_run_leaves_nothing()
{
	local i

	workload heapload rate 20000 60
	for i in 0.45 0.7 1.1; do
		_as_typed "$CPUFLAME" -p "$W" --exact -i 0.1 -q -o "$T/r.json" >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	_check_left_in_kernel
}

_expect_growth()
{
	expect_status 0
	expect_json '.alloc.mode == "growth" and .events.kept > 0'
}

growth_counts_each_first_touch()
{
	tool --growth -q -o "$T/r.json" -- "$WL/heapload" touch 16
	_expect_growth
	# 4096 pages, and the page tables are nobody's.
	[ "$(jq '[.hotspots[] | select(.function == "touch") | .self[0]] | add' "$T/r.json")" = 4096 ] ||
		die "touch() has $(jq -c '.hotspots[:4]' "$T/r.json")"
}

growth_sees_static_and_python_programs()
{
	tool --growth -q -o "$T/r.json" -- "$WL/heapload-static" touch 4
	_expect_growth
	command -v /usr/bin/python3.11 >/dev/null || skip_test "no python3.11"
	tool --growth -q -o "$T/r.json" -- /usr/bin/python3.11 -c 'x = [str(i) for i in range(200000)]'
	_expect_growth
	expect_json '.totals.grown_space > 5000000'
}

python_is_measured_exactly_and_sampled()
{
	[ -x /usr/bin/python3.11 ] || skip_test "no python3.11"
	tool --exact -q -o "$T/r.json" -- /usr/bin/python3.11 -c 'x = [bytes(1000) for i in range(5000)]'
	expect_status 0
	expect_json '.alloc.allocs > 5000 and .alloc.overwritten == 0 and .events.lost == 0'
	expect_json '.stacks.complete >= 0.99 * .events.kept'
}

a_stripped_static_program_is_measured_by_growth_and_told()
{
	strip -o "$T/stripped" "$WL/heapload-static"
	tool -o "$T/r.json" --format json -- "$T/stripped" touch 4
	_expect_growth
	expect_says 'growth' 'static'
	tool --exact -q -o "$T/r2.json" -- "$T/stripped" touch 4
	case $RC in 3 | 125) ;; *) expect_status 3 ;; esac
	expect_says 'cannot be probed' '--growth'
	workload_at "$T/stripped" keep 10
	tool --exact -p "$W" -d 1 -q -o "$T/r2.json"
	expect_status 3
	expect_says 'static' '--growth'
	expect_sentence
}

a_go_program_is_measured_by_growth_and_told()
{
	command -v go >/dev/null || skip_test "no Go"
	cat >"$T/x.go" <<-'EOF'
		package main

		import "fmt"
		import "time"

		var keep [][]byte

		func main() {
			fmt.Println("ready")
			for i := 0; i < 3000; i++ {
				keep = append(keep, make([]byte, 8192))
				time.Sleep(time.Millisecond)
			}
		}
	EOF
	GO111MODULE=off GOCACHE=/tmp/pb-go-cache HOME=$T go build -o "$T/gone" "$T/x.go" || skip_test "Go builds nothing here"
	workload_at "$T/gone"
	tool --exact -p "$W" -d 1 -q -o "$T/r2.json"
	expect_status 3
	expect_says 'Go program' '--growth'
	expect_sentence
	tool -p "$W" -d 1 -o "$T/r.json"
	_expect_growth
	expect_says 'growth' 'Go program'
	kill -0 "$W" || die "the Go program has died"
}

a_saved_profile_says_the_same()
{
	tool --exact --top 50 -o "$T/a.pb.gz" -o "$T/a.txt" -o "$T/a.folded" -o "$T/a.dhat.json" -q -- \
		"$WL/heapload" volume 1
	expect_status 0
	tool --from "$T/a.pb.gz" --top 50 -o "$T/b.folded" -o "$T/b.pb.gz" -o "$T/b.dhat.json" -o "$T/b.txt"
	expect_status 0
	cmp "$T/a.folded" "$T/b.folded" || die "folded differs"
	diff <(jq -S 'del(.cmd, .pid, .te, .tg)' "$T/a.dhat.json") \
		<(jq -S 'del(.cmd, .pid, .te, .tg)' "$T/b.dhat.json") >"$T/d" || die "DHAT differs: $(head -20 "$T/d")"
	tool --from "$T/b.pb.gz" --top 50 --format text -o "$T/c.txt"
	cmp "$T/b.txt" "$T/c.txt" || die "text differs"
}

run_tests "$@"
