#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What goes wrong around allocsites. Whatever it is: the target lives and is not stopped, nothing is left in the
# kernel, what was counted is right, and what was not is told.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler allocsites
LIBS=/usr/lib/$(uname -m)-linux-gnu
TEST_SECONDS=$((180 + ${LONG_SECONDS:-0}))

_begin()
{
	kill -USR1 "$W"
}

# _dying ARGS...: as tool, but the status of a command that crashes is right.
_dying()
{
	COMMAND="$NAME $*"
	(_as_typed "$CPUFLAME" "$@") >"$T/out" 2>"$T/err"
	RC=$?
}

# Waits until the workload has said WORD.
_said()
{
	local line

	while read -r -t 30 line <&8; do
		[ "$line" = "$1" ] && return 0
	done
	die "the workload did not say $1"
}

_state()
{
	sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -c 1
}

_expect_alive()
{
	case $(_state "$W") in
	R | S | D) ;;
	*) die "the target is \"$(_state "$W")\": $COMMAND: $(cat "$T/err")" ;;
	esac
}

a_process_that_is_not_there_gives_4()
{
	tool -p 4194000 -d 1 -o "$T/r.json"
	expect_status 4
	expect_sentence
}

without_root_the_missing_capability_is_named()
{
	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/allocsites"
	workload heapload rate 100 20
	COMMAND="allocsites as nobody"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$T/allocsites" -p "$W" -d 1 \
		>"$T/out" 2>"$T/err"
	RC=$?
	expect_status 3
	expect_says 'CAP_'
	expect_sentence
}

two_capabilities_are_enough_or_the_missing_one_is_named()
{
	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/allocsites"
	workload heapload rate 100 20
	COMMAND="allocsites with CAP_BPF and CAP_PERFMON"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +perfmon,+bpf --ambient-caps +perfmon,+bpf \
		-- "$T/allocsites" -p "$W" --exact -d 1 --json >"$T/out" 2>"$T/err"
	RC=$?
	# Enough, or what is missing is named: kernels differ.
	[ "$RC" = 0 ] && return 0
	expect_status 3
	expect_says 'CAP_SYS_ADMIN|CAP_SYS_PTRACE|perf_event_paranoid'
	expect_sentence
}

what_was_asked_for_is_not_recommended()
{
	export WAIT=1
	workload heapload keep 10
	tool -p "$W" -d 0.2 -q -o "$T/r.json"
	expect_status 4
	expect_says 'nothing was measured' '--exact'
	tool -p "$W" --exact -d 0.2 -q -o "$T/r.json"
	expect_status 4
	expect_says 'nothing was measured'
	! grep -q -e '--exact' "$T/err" || die "it was exact: $(cat "$T/err")"
	tool -p "$W" --exact -z 1k -d 0.2 -q -o "$T/r.json"
	expect_says 'nothing was measured' '-z'
	tool -p "$W" --growth -d 0.2 -q -o "$T/r.json"
	expect_says 'nothing was measured' 'new page'
}

# The kernel's maps may be shown to CAP_PERFMON, files that nobody may open are not.
a_process_that_may_not_be_looked_into_gives_3()
{
	local how

	chmod 755 "$T"
	install -m 755 "$CPUFLAME" "$T/allocsites"
	mkdir -m 700 "$T/private"
	install -m 700 "$WL/heapload-static" "$T/private/heapload"
	workload_at "$T/private/heapload" rate 1000 20
	for how in '' --exact; do
		COMMAND="allocsites $how without CAP_SYS_ADMIN and CAP_SYS_PTRACE"
		# shellcheck disable=SC2086 # an option
		setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +perfmon,+bpf \
			--ambient-caps +perfmon,+bpf -- "$T/allocsites" -p "$W" $how -d 1 --json >"$T/out" 2>"$T/err"
		RC=$?
		expect_status 3
		expect_says 'CAP_SYS_ADMIN' 'CAP_SYS_PTRACE' '--growth'
		expect_sentence
	done
	_expect_alive
}

a_32_bit_program_is_told()
{
	gcc -m32 -O2 -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector -w \
		"$TOP/tests/workload/compat.c" -o "$T/compat" 2>/dev/null || skip_test "no 32-bit compiler"
	workload_at "$T/compat"
	tool --exact -p "$W" -d 1 -o "$T/r.json"
	expect_status 3
	expect_says '32-bit' '--growth'
	expect_sentence
	_expect_alive
}

a_target_that_exits_at_once_ends_the_run()
{
	workload exits 50
	tool -p "$W" --exact -q -o "$T/r.json"
	case $RC in 0 | 3 | 4) ;; *) expect_status 4 ;; esac
}

a_full_table_of_blocks_is_counted_and_totals_stay_exact()
{
	tool --exact --max-live 16 -o "$T/r.json" --format json -- "$WL/heapload" volume 2
	expect_status 0
	expect_json '.alloc | .allocs == 33410 and .bytes == 6 * 1048576 + 128 * 4096'
	expect_json '.alloc | .untracked == 128 - 16 and .live_allocs == 16 and .overwritten == 0'
	expect_json '[.sites[].untracked_objects] | add == 112'
}

a_full_table_of_sites_closes_its_ledger()
{
	tool --exact --max-stacks 16 -q -o "$T/r.json" -- "$WL/heapload" stacks 60
	expect_status 0
	expect_json '.alloc.calls == 60 and .events.produced == 60 and .events.kept == 16'
	expect_json '.events.lost_by.map_full == 44 and .alloc.allocs == 16'
}

ten_thousand_threads_are_measured()
{
	local n

	export WAIT=1
	workload heapload threads 10000
	_begin
	read -r -t 30 n <&8
	[ "$n" = kept ] || skip_test "this machine has no room for 10,000 threads"
	tool -p "$W" --exact -d 2 -q -o "$T/r.json"
	expect_status 0
	expect_json '.alloc.stateless == 0 and .alloc.allocs >= 10000 and .events.lost == 0'
	_expect_alive
}

an_allocator_loaded_while_it_runs_is_found()
{
	[ -e "$LIBS/libmimalloc.so.2" ] || skip_test "no mimalloc"
	# It may want more static TLS than is kept for libraries that come late.
	export WAIT=1 GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536
	workload heapload dlopen "$LIBS/libmimalloc.so.2" 4
	start_tool -p "$W" --exact -q -o "$T/r.json"
	_begin
	wait_tool
	expect_status 0
	expect_json '.allocators | any(test("^mimalloc "))'
	expect_json '[.sites[] | select(.frames | index("loaded")) | .values[0]] | add > 1000'
}

# By the names that all allocators have, and behind the C library, which has them first.
an_allocator_opened_and_looked_up_is_found()
{
	[ -e "$LIBS/libjemalloc.so.2" ] || skip_test "no jemalloc"
	export WAIT=1 GLIBC_TUNABLES=glibc.rtld.optional_static_tls=65536
	workload heapload dlopen "$LIBS/libjemalloc.so.2" 4 ''
	start_tool -p "$W" --exact -q -o "$T/r.json"
	_begin
	wait_tool
	expect_status 0
	expect_json '.allocators | any(test("^jemalloc "))'
	expect_json '[.sites[] | select(.frames | index("loaded")) | .values[0]] | add > 1000'
	expect_json '.alloc.overwritten == 0 and .alloc.untracked == 0'
}

_build_allocator()
{
	cat >"$T/own.c" <<-'EOF'
		#include <stddef.h>
		static char heap[1 << 16];
		void *P(malloc)(size_t n) { __asm__ volatile("" : : "r"(n)); return heap; }
		void P(free)(void *p) { __asm__ volatile("" : : "r"(p)); }
	EOF
	gcc -O1 -fno-builtin -fPIC -shared "-DP(n)=${1:+$1##}n" "$T/own.c" -o "$T/$2"
}

an_allocator_that_cannot_be_seen_is_named_and_why()
{
	_build_allocator '' own.so || skip_test "no compiler"
	export WAIT=1
	workload heapload dlopen "$T/own.so" 2 ''
	start_tool -p "$W" --exact -o "$T/r.json" -o "$T/r.txt"
	_begin
	wait_tool
	expect_status 0
	expect_json '.allocators | any(test("^not seen: .*/own.so, .*dlsym"))'
	tr '\n' ' ' <"$T/r.txt" | grep -q 'not seen: .*/own.so, .* dlsym()' || die "not told: $(cat "$T/r.txt")"
}

allocators_beyond_the_64th_are_counted()
{
	local i list=''

	_build_allocator mi_ own.so || skip_test "no compiler"
	for i in $(seq 70); do
		cp "$T/own.so" "$T/own$i.so"
		list+=$T/own$i.so:
	done
	export WAIT=1
	workload heapload dlopen "${list%:}" 3
	start_tool -p "$W" --exact -o "$T/r.json" -o "$T/r.txt"
	_begin
	wait_tool
	expect_status 0
	# The C library is one of the 64.
	expect_json '.allocators | length == 65 and (.[64] | test("^not seen: 7 more files .* 64 "))'
	tr '\n' ' ' <"$T/r.txt" | grep -q '; not seen: 7 more files .*; 48 more' || die "not told: $(cat "$T/r.txt")"
}

a_target_that_is_too_busy_is_refused_before_the_start()
{
	workload heapload rate 1000000 30
	# A machine under load may give it a tenth of that.
	tool -p "$W" -d 2 --max-overhead 2 -q -o "$T/r.json"
	expect_status 1
	expect_says 'more than the 2 % allowed' '--growth' '--max-overhead'
	expect_sentence
	[ ! -e "$T/r.json" ] || die "a report of nothing"
	_expect_alive
}

a_rate_that_rises_stops_the_run_and_the_report_is_right()
{
	export WAIT=1
	workload heapload rate 500 30 200000
	start_tool -p "$W" --max-overhead 5 --sample-bytes 4k -o "$T/r.json" --format json
	_begin
	wait_tool
	expect_status 0
	expect_says 'stopped after' '--max-overhead'
	# The rate rises after two seconds, or later where the machine is busy.
	expect_json '.alloc | .detached_s != null and .detached_s > 1'
	expect_json '.capture.duration_s < 15 and .alloc.calls > 500'
	expect_json '.alloc | .calls > 0.5 * .allocs and .frees <= .allocs and .overwritten == 0'
	expect_json '.events.lost == 0'
	_expect_alive
}

# By the report's own times: from the last point of the series with few calls to the end. A second is what the limit
# looks at; a machine that is shared may take longer.
a_million_calls_a_second_are_left_within_two_seconds()
{
	export WAIT=1
	workload heapload rate 500 40 1000000
	start_tool -p "$W" -o "$T/r.json" --format json
	_begin
	wait_tool
	expect_status 0
	expect_says 'stopped after .* and 20 are allowed'
	expect_json '.alloc.detached_s as $stop | .series as $s |
		[range(1; $s.time_s | length) | select(($s.calls[.] - $s.calls[. - 1]) >
			20000 * ($s.time_s[.] - $s.time_s[. - 1])) | $s.time_s[. - 1]] |
		length > 0 and $stop - .[0] > 0.1 and $stop - .[0] < 4'
	# And right: of a program that keeps nothing.
	expect_json '.alloc | .overwritten == 0 and .live_bytes <= 2 * .sample_bytes and .stateless == 0'
	expect_json '.alloc | .free_calls <= .calls and .calls - .free_calls <= 1'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
	_expect_alive
}

growth_stops_at_its_limit_too()
{
	workload heapload retouch 40
	tool -p "$W" --growth --max-overhead 1 -d 20 -o "$T/r.json" -o "$T/r.txt"
	expect_status 0
	expect_says 'stopped after .* and 1 are allowed; see --max-overhead$'
	expect_json '.alloc | .detached_s != null and .detached_s < 10'
	expect_json '.capture.duration_s < 15 and .events.kept > 100 and .events.lost == 0'
	grep -q 'taken out after' "$T/r.txt" || die "the text does not say so: $(cat "$T/r.txt")"
	_expect_alive
	# Without a limit of one's own there is none.
	tool -p "$W" --growth -d 2 -q -o "$T/r2.json"
	expect_status 0
	expect_json '.alloc.detached_s == null' "$T/r2.json"
}

# The program holds one block at most, and frees each before it takes the next: what the last moment counts of
# one and not of the other would be live.
no_free_is_missed_at_the_end()
{
	local way i

	workload heapload rate 10000000 80
	for i in $(seq 10); do
		tool -p "$W" --exact -d 0.2 -q -o "$T/r.json"
		expect_status 0
		expect_json '.alloc | .live_allocs <= 1 and .overwritten == 0 and .calls - .allocs <= 1'
	done
	for way in multi perf; do
		for i in $(seq 5); do
			tool -p "$W" --exact --probes "$way" -d 0.2 -q -o "$T/r.json"
			expect_status 0
			expect_json '.alloc | .live_allocs <= 1 and .overwritten == 0 and .calls - .allocs <= 1'
		done
	done
}

# LONG_SECONDS, of tools/check --long, for the way that this kernel takes by itself.
coroutines_live_through_it()
{
	local way

	for way in session multi perf; do
		workload coro 150
		tool -p "$W" --exact --probes "$way" -d "$([ "$way" = session ] && echo "${LONG_SECONDS:-3}" || echo 3)" \
			-q -o "$T/r.json"
		expect_status 0
		expect_json '.alloc.allocs > 1000 and .alloc.overwritten == 0'
		kill -TERM "$W"
		wait "$W" || die "the coroutines ended with $? under $way"
		tool --probes "$way" -q --sample-bytes 4k -o "$T/r.json" -- "$WL/coro" 1
		expect_status 0
	done
}

# With glibc. Out of the operator new of other allocators they end the program: see LIMITS of the man page.
# mimalloc aborts by itself where it has no memory.
exceptions_out_of_operator_new_are_caught()
{
	local lib way how

	for lib in '' libjemalloc.so.2 libtcmalloc_minimal.so.4; do
		[ -z "$lib" ] || [ -e "/usr/lib/$(uname -m)-linux-gnu/$lib" ] || continue
		for way in session multi perf; do
			for how in --exact '--sample-bytes 1k' '--exact --no-free'; do
				# shellcheck disable=SC2086 # options
				tool $how --probes "$way" -q -o "$T/r.json" -- env ${lib:+LD_PRELOAD=$lib} "$WL/newfails"
				expect_status 0
				grep -qx 'caught 100' "$T/out" || die "$lib, $way, $how: $(cat "$T/out")"
			done
		done
	done
}

cpuflame_at_999_hz_is_no_hindrance()
{
	export WAIT=1
	workload heapload volume 8
	start_tool -p "$W" --exact -q -o "$T/r.json"
	"$O/cpuflame" -p "$W" -F 999 -q -o "$T/cpu.json" >"$T/cpu.out" 2>&1 &
	sleep 0.7
	_begin
	wait_tool
	expect_status 0
	wait
	expect_json '.alloc | .allocs == 131072 + 2048 + 8 + 512 and .frees == 131072 + 2048 + 8'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
	expect_kept 10 "$T/cpu.json"
}

a_killed_tool_leaves_nothing_and_the_target_lives()
{
	local i

	workload heapload rate 2000 60
	for i in 0.05 0.2 0.3 0.4 0.6 1; do
		_as_typed "$CPUFLAME" -p "$W" --exact -q -o "$T/r.json" >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	_check_left_in_kernel
	_expect_alive
}

a_stopped_tool_goes_inert_and_ends_well()
{
	workload heapload rate 2000 60
	start_tool -p "$W" --exact -q -o "$T/r.json"
	sleep 1
	kill -STOP "$TOOL"
	sleep 4.5
	kill -CONT "$TOOL"
	sleep 0.5
	stop_tool
	expect_status 0
	# Of 6 s it was asleep for more than 2 behind the end of its lease.
	expect_json '.alloc.calls > 500 and .alloc.calls < 2000 * 5'
	expect_json '.alloc.lease_expired > 0 or .events.lost_by.lease_expired > 0'
	_expect_alive
}

a_target_that_dies_keeps_what_was_counted()
{
	local how

	for how in _exit kill abort; do
		_dying --exact -q -o "$T/r.json" -- "$WL/heapload" end $how
		case $how in _exit) expect_status 7 ;; kill) expect_status 137 ;; abort) expect_status 134 ;; esac
		expect_json '.alloc | .allocs == 10 and .leaked_allocs == 10 and .leaked_bytes == 40960'
	done
}

a_running_target_that_is_killed_keeps_what_was_counted()
{
	export WAIT=1
	workload heapload end kill
	start_tool -p "$W" --exact -q -o "$T/r.json"
	_begin
	wait_tool
	expect_status 0
	expect_json '.alloc | .allocs == 10 and .leaked_allocs == 10 and .leaked_bytes == 40960'
	expect_json '[.sites[] | select(.frames | index("kept")) | .values[0]] | add == 10'
	expect_json '.stacks.complete == .events.kept'
}

blocks_of_before_an_exec_stay_counted()
{
	tool --exact -q -o "$T/r.json" -- "$WL/heapload" exec "$WL/heapload" volume 1
	expect_status 0
	expect_json '[.sites[] | select(.frames | index("before")) | .values[0]] | add == 10'
	expect_json '[.sites[] | select(.frames | index("kept")) | .values[2]] | add == 64'
	expect_json '.alloc.overwritten == 0 and .events.lost == 0'
}

two_hundred_short_children_are_no_trouble()
{
	tool --exact -q -o "$T/r.json" -- "$WL/heapload" forks 200
	expect_status 0
	expect_json '.alloc.allocs <= 2000 and .alloc.overwritten == 0 and .events.lost == 0'
	# On a machine under load all of them may be over before they have probes.
	! grep -qvE '^ready$|nothing was measured' "$T/err" || die "noise: $(cat "$T/err")"
}

a_second_sigint_ends_at_once_with_130()
{
	workload heapload rate 500 60
	mkfifo "$T/pipe"
	start_tool -p "$W" --exact -q --format folded -o "$T/pipe"
	sleep 0.5
	kill -INT "$TOOL"
	sleep 1.5
	kill -INT "$TOOL"
	wait_tool
	expect_status 130
	_expect_alive
}

a_full_disk_exits_5_and_leaves_no_half_file()
{
	mkdir "$T/small"
	mount -t tmpfs -o size=16k none "$T/small" || skip_test "cannot mount a tmpfs"
	# shellcheck disable=SC2064 # the name of now
	trap "umount -l $T/small" EXIT
	workload heapload rate 500 60
	tool -p "$W" --exact -d 1 -q -o "$T/small/x.html" -o "$T/r.json"
	expect_status 5
	expect_says 'x\.html' 'space'
	expect_only "$T/small"
	expect_file "$T/r.json"
}

a_command_that_cannot_be_run_gives_126_or_127()
{
	tool --exact -o "$T/r.json" -- pb-no-such-command
	expect_status 127
	expect_says pb-no-such-command
	expect_sentence
	echo data >"$T/file"
	tool --exact -o "$T/r.json" -- "$T/file"
	expect_status 126
	expect_sentence
	cp "$WL/shape" "$T/lost"
	printf '#!/no/such/interpreter\n' >"$T/script"
	chmod 755 "$T/script"
	tool --exact -o "$T/r.json" -- "$T/script"
	case $RC in 126 | 127) ;; *) expect_status 127 ;; esac
	expect_sentence
}

a_program_whose_dynamic_linker_is_missing_is_told()
{
	printf 'int main(void){return 0;}\n' >"$T/x.c"
	gcc -o "$T/lost" "$T/x.c" -Wl,--dynamic-linker=/no/such/linker.so || skip_test "no compiler"
	tool --exact -o "$T/r.json" -- "$T/lost"
	case $RC in 126 | 127) ;; *) expect_status 127 ;; esac
	expect_says lost
}

a_setuid_program_is_run_and_measured()
{
	chmod 755 "$T"
	install -m 4755 -o nobody "$WL/heapload" "$T/suid" 2>/dev/null || skip_test "no user nobody"
	tool --exact -q -o "$T/r.json" -- "$T/suid" volume 1
	expect_status 0
	expect_json '[.sites[] | select(.frames | index("kept")) | .values[2]] | add == 64'
}

a_command_that_leaves_a_daemon_behind_ends_the_run()
{
	tool --exact -q -o "$T/r.json" -- sh -c "setsid $WL/heapload rate 500 20 >/dev/null & exit 6"
	expect_status 6
	pkill -s 0 -x heapload
	pgrep -x -f "$WL/heapload rate 500 20" | xargs -r kill
	return 0
}

# --- the hold of a command while it is loaded ---

every_kind_of_program_runs_untraced()
{
	local kind

	for kind in pie nopie static static-pie; do
		tool --exact -q -o "$T/r.json" -- "$WL/loaded-$kind"
		expect_status 5
		grep -qP '^TracerPid:\t0$' "$T/out" || die "$kind: $(cat "$T/out")"
		expect_json '[.sites[] | select(.frames | index("main")) | .values[0]] | add == 10'
	done
}

scripts_and_chains_of_exec_run_untraced()
{
	printf '#!/bin/sh\nexec %s\n' "$WL/loaded-pie" >"$T/script"
	chmod 755 "$T/script"
	tool --exact -q -o "$T/r.json" -- "$T/script"
	expect_status 5
	grep -qP '^TracerPid:\t0$' "$T/out" || die "script: $(cat "$T/out")"
	tool --exact -q -o "$T/r.json" -- sh -c "exec sh -c 'exec $WL/loaded-nopie'"
	expect_status 5
	grep -qP '^TracerPid:\t0$' "$T/out" || die "chain: $(cat "$T/out")"
}

a_program_that_dies_at_once_keeps_its_signal()
{
	_dying --exact -q -o "$T/r.json" -- "$WL/loaded-pie" segv
	expect_status 139
	expect_json '.target.exit_status == 139'
}

a_debugger_can_be_the_command()
{
	command -v strace >/dev/null || skip_test "no strace"
	tool --exact -q -o "$T/r.json" -- strace -f -o "$T/strace" "$WL/loaded-pie"
	expect_status 5
	grep -q 'exited with 5' "$T/strace" || die "strace saw: $(tail -3 "$T/strace")"
}

a_command_that_stops_itself_can_be_continued()
{
	local i

	_as_typed "$CPUFLAME" --exact -q -o "$T/r.json" -- "$WL/loaded-pie" stop >"$T/out" 2>"$T/err" &
	TOOL=$!
	for i in $(seq 100); do
		W=$(pgrep -P "$TOOL" -x loaded-pie) && [ "$(_state "$W")" = T ] && break
		sleep 0.1
	done
	[ "$(_state "$W")" = T ] || die "never stopped: $(_state "$W")"
	kill -CONT "$W"
	wait_tool
	expect_status 5
}

# Its hold is given up after a second, and it is stopped then as before.
a_command_that_stops_while_it_is_held_stays_stopped()
{
	local i

	_as_typed "$CPUFLAME" --exact -q -o "$T/r.json" -- "$WL/ifuncstop" >"$T/out" 2>"$T/err" &
	TOOL=$!
	for i in $(seq 100); do
		W=$(pgrep -P "$TOOL" -x ifuncstop) && case $(_state "$W") in T | t) break ;; esac
		sleep 0.1
	done
	sleep 1.5
	[ "$(_state "$W")" = T ] || die "not stopped: \"$(_state "$W")\": $(cat "$T/out" "$T/err")"
	[ ! -s "$T/out" ] || die "it went on: $(cat "$T/out")"
	kill -CONT "$W"
	wait_tool
	expect_status 5
	grep -qx 'went on' "$T/out" || die "out: $(cat "$T/out")"
}

# Continued before the hold is given up, it is held after all.
a_command_that_is_continued_while_it_is_held_goes_on()
{
	local i

	_as_typed "$CPUFLAME" --exact -v -o "$T/r.json" -- "$WL/ifuncstop" >"$T/out" 2>"$T/err" &
	TOOL=$!
	for i in $(seq 1000); do
		W=$(pgrep -P "$TOOL" -x ifuncstop) && case $(_state "$W") in T | t) break ;; esac
		sleep 0.01
	done
	kill -CONT "$W"
	wait_tool
	expect_status 5
	grep -qx 'went on' "$T/out" || die "out: $(cat "$T/out")"
}

a_tool_killed_during_the_hold_leaves_no_stopped_command()
{
	local i pid

	for i in 0.10 0.14 0.18 0.20 0.22 0.24 0.26 0.28 0.30 0.34; do
		_as_typed "$CPUFLAME" --exact -q -o "$T/r.json" -- "$WL/heapload" keep 5 >/dev/null 2>&1 &
		TOOL=$!
		sleep "$i"
		kill -KILL "$TOOL"
		wait "$TOOL" 2>/dev/null
	done
	sleep 0.5
	for pid in $(pgrep -s 0 'heapload|allocsites'); do
		case $(_state "$pid") in
		T | t) die "left stopped after the tool was killed" ;;
		esac
	done
	pkill -s 0 -x heapload
	return 0
}

run_tests "$@"
