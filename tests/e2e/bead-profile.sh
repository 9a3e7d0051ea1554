#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# The profiling beads, over a small program with three inefficiencies that are known.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
TEST_SECONDS=${TEST_SECONDS_PROFILE:-240}

# A program that looks each of N names up in a list, makes a copy of each that it frees at once, and
# syncs RECORDS records one by one.
_program()
{
	cat >prog.c <<-'END'
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>

		static int known[100000];
		static volatile unsigned sum;

		__attribute__((noinline)) int find(int n, int key)
		{
			for (int i = 0; i < n; i++)
				if (known[i] == key)
					return i;
			return -1;
		}

		__attribute__((noinline)) void item(int key)
		{
			char *copy = malloc(24);

			snprintf(copy, 24, "%d", key);
			sum += (unsigned char)copy[0];
			free(copy);
		}

		__attribute__((noinline)) int save(int fd, int key)
		{
			int err = write(fd, &key, sizeof(key)) != sizeof(key);

			err |= fsync(fd);
			sum++;
			return err;
		}

		int main(int argc, char **argv)
		{
			int n = atoi(argv[1]), items = atoi(argv[2]), records = atoi(argv[3]), unique = 0;
			int fd = open("out.bin", O_CREAT | O_TRUNC | O_WRONLY, 0644);

			for (int i = 0; i < n; i++)
				if (find(unique, i) < 0)
					known[unique++] = i;
			for (int i = 0; i < items; i++)
				item(i);
			for (int i = 0; i < records; i++)
				if (save(fd, i))
					return 1;
			printf("%d %u\n", unique, sum);
			return argc != 4;
		}
	END
	gcc -O1 -g -o prog prog.c || die "gcc failed"
}

# plan COMMAND BEADS...: with a baseline and an oracle that are done.
_plan()
{
	local command=$1

	shift
	cat >beads.yaml <<-END
		version: 1
		project: p
		limits: {min_complete_pct: ${COMPLETE:-50}}
		workloads:
		  ${BEFORE:-#}
		  w: {command: $command, warmup: 0, runs: 6, timeout: 60s, golden: {stderr: ${STDERR:-exact}}}
		beads:
		  - {id: p.baseline, kind: baseline}
		  - {id: p.oracle, kind: oracle}
	END
	for kind; do
		echo "  - {id: p.$kind, kind: $kind, needs: [p.baseline, p.oracle]}" >>beads.yaml
	done
	tool bless
	expect_status 0
	tool run p.baseline --noisy
	expect_status 0
	tool run p.oracle
	expect_status 0
}

# run_bead KIND: to its end, and $T/show.json what it found.
_run_bead()
{
	tool run "p.$1"
	expect_status 0
	tool show "p.$1" --json
	expect_status 0
	cp "$T/out" "$T/show.json"
}

# expect_found FILTER: jq says true of what was found.
_expect_found()
{
	jq -e "$1" "$T/show.json" >/dev/null || die "not so: $1: $(cat "$T/show.json")"
}

# Whether the figures of the ledger are there; $1: cpu, alloc, io.
_expect_ledger()
{
	_expect_found "[.figures[] | select(.workload == \"w\") | .name] |
		contains([\"$1_complete_pct\", \"$1_lost\", \"$1_overhead_pct\", \"$1_slowdown_pct\", \"$1_runs\"])"
}

a_quadratic_loop_is_the_top_of_the_cpu_time()
{
	in_an_empty_directory
	_program
	_plan '[./prog, "12000", "100", "0"]' cpu-flame
	_run_bead cpu-flame
	_expect_found '.spots[0] | .name == "find" and .total_pct > 80 and .self_pct > 80 and
		.low_pct <= .total_pct and .total_pct <= .high_pct and .kind == "cpu" and
		(.file | endswith("prog.c")) and .line > 0 and .amount > 0 and .events >= 100'
	_expect_found '.spots[0].clues | any(.lever == "algorithm" and .share_pct > 80)'
	# Of the baseline's median: what may be saved is known.
	_expect_found '.spots[0] | .ceiling_pct > 0 and .ceiling_pct <= 100 and .ceiling_low_pct <= .ceiling_pct'
	_expect_found '[.spots[] | .name] | any(. == "main" or . == "_start" or
		startswith("__libc_start") or startswith("entry_SYSCALL")) | not'
	_expect_found '[.figures[] | select(.name == "cpu_samples" and .value >= 100)] | length == 1'
	_expect_ledger cpu
	local html
	html=$(jq -r '.spots[0].evidence' "$T/show.json")
	expect_file "$html"
	expect_file "${html%.html}.folded"
	expect_file "${html%.html}-1.json"
	[ "$(samples "${html%.html}.folded")" = "$(jq '.figures[] | select(.name == "cpu_samples").value' \
		"$T/show.json")" ] || die "the folded stacks of all runs are not the samples of all runs"
	# The same place has the same id.
	cp "$T/show.json" "$T/first.json"
	_run_bead cpu-flame
	[ "$(jq -r '.spots[0].id' "$T/first.json")" = "$(jq -r '.spots[0].id' "$T/show.json")" ] ||
		die "the id has changed"
	tool show p.cpu-flame
	grep -qE 'find .*prog\.c:[0-9]+' "$T/out" && grep -qE '^ +algorithm: [0-9]+ % of its time' "$T/out" ||
		die "not told: $(cat "$T/out")"
}

an_allocation_for_each_item_asks_for_a_buffer_that_is_used_again()
{
	in_an_empty_directory
	_program
	_plan '[./prog, "100", "5000", "0"]' alloc-sites
	_run_bead alloc-sites
	_expect_found '.spots[0] | .kind == "alloc" and (.name | startswith("item < main")) and
		.total_pct > 95 and .low_pct <= .total_pct and .total_pct <= .high_pct and .unit == "count" and
		.amount == 5000 and (.frames | endswith("main;item"))'
	_expect_found '.spots[0].clues | any(.lever == "buffer-reuse" and .share_pct > 95)'
	# No profile of CPU time has been made: what the allocator takes is not known.
	_expect_found '.spots[0].ceiling_pct == null'
	_expect_found '.figures | any(.name == "allocations" and .value >= 5000 and .value < 5100)'
	_expect_ledger alloc
}

an_fsync_for_each_record_asks_for_one_for_many()
{
	in_an_empty_directory
	_program
	_plan '[./prog, "100", "0", "60"]' io-latency
	_run_bead io-latency
	_expect_found '.spots[0] | .kind == "io" and (.name | startswith("save < main")) and
		(.frames | test("main;save(;[^;]*)?fsync")) and .total_pct > 50 and .unit == "ns" and .amount > 0 and
		.ceiling_pct > 0 and .ceiling_pct <= 100'
	_expect_found '.spots[0].clues | any(.lever == "n-plus-one")'
	_expect_found '.figures | any(.name == "io_calls" and .value >= 120)'
	_expect_ledger io
}

a_workload_without_io_or_allocations_has_no_such_hotspots()
{
	in_an_empty_directory
	echo 'int main(void) { return 0; }' >prog.c
	gcc -o prog prog.c || die "gcc failed"
	_plan './prog' alloc-sites io-latency cpu-flame
	_run_bead io-latency
	_expect_found '.state == "done" and .spots == []'
	_run_bead alloc-sites
	_expect_found '.state == "done" and .spots == []'
	# Next to no samples are no reason to fail either.
	_run_bead cpu-flame
	_expect_found '.state == "done"'
}

what_does_something_else_under_the_profiler_is_a_finding()
{
	in_an_empty_directory
	# shellcheck disable=SC2016 # of the inner shell
	echo 'read -r parent </proc/$PPID/comm; case $parent in cpuflame) echo hallo ;; *) echo hello ;; esac' >w.sh
	_plan '[sh, w.sh]' cpu-flame
	tool run p.cpu-flame
	expect_status 1
	expect_says 'p.cpu-flame: w: under cpuflame: stdout: line 1'
	tool show p.cpu-flame --json
	jq -e '.state == "failed" and .spots == [] and .figures == []' "$T/out" >/dev/null || die "$(cat "$T/out")"
}

# Its stderr has to be what was blessed, but for what the profiler says there.
the_profilers_own_lines_are_not_the_programs()
{
	in_an_empty_directory
	echo 'echo ready >&2; echo steady >&2; echo go' >w.sh
	_plan '[sh, w.sh]' cpu-flame alloc-sites
	_run_bead cpu-flame
	_run_bead alloc-sites
	echo 'echo ready >&2; echo go' >w.sh
	tool run p.cpu-flame
	expect_status 1
	expect_says 'under cpuflame: stderr: '
}

stacks_that_break_off_are_told_with_their_module()
{
	in_an_empty_directory
	_program
	# Neither unwind rules nor frame pointers.
	gcc -O2 -fomit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o prog prog.c ||
		die "gcc failed"
	COMPLETE=99 _plan '[./prog, "12000", "0", "0"]' cpu-flame
	tool run p.cpu-flame
	expect_status 5
	expect_says 'of the stacks are complete, and min_complete_pct of the plan is 99: they break off in .*/prog '
	tool list
	grep -qE '^p\.cpu-flame +cpu-flame +inconclusive' "$T/out" || die "$(cat "$T/out")"
}

without_root_a_profile_says_what_it_needs_and_stays_open()
{
	local kind

	in_an_empty_directory
	mkdir "$T/bin"
	cp "$CPUFLAME" "$O/cpuflame" "$O/allocsites" "$O/iolatency" "$T/bin"
	chmod 755 "$T" "$T/bin" "$T"/bin/*
	cat >"$T/as-nobody" <<-END
		#!/bin/sh
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$T/bin/bead" "\$@"
	END
	chmod 755 "$T/as-nobody"
	chown 65534:65534 "$T/here"
	CPUFLAME=$T/as-nobody
	_plan 'true' cpu-flame alloc-sites io-latency
	for kind in cpu-flame alloc-sites io-latency; do
		tool run "p.$kind"
		expect_status 4
		expect_says 'not permitted: CAP_BPF and CAP_PERFMON are missing'
	done
	tool list --json
	jq -e '[.beads[] | select(.id != "p.baseline" and .id != "p.oracle") | .state] |
		. == ["cannot", "cannot", "cannot"]' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool status
	expect_status 1
}

# start_profile: bead with a profiler under it that is attached, and a command that takes long. Sets TOOL and PROFILER.
_start_profile()
{
	local i

	in_an_empty_directory
	# Quick until there is a file.
	echo '[ ! -e slow ] || { echo $$ >running; exec sleep 60; }' >w.sh
	_plan '[sh, w.sh]' cpu-flame
	touch slow
	(_as_typed "$CPUFLAME" run p.cpu-flame) >"$T/out" 2>"$T/err" &
	TOOL=$!
	for i in $(seq 300); do
		[ -s running ] && break
		sleep 0.1
	done
	[ -s running ] || die "it never ran: $(cat "$T/err")"
	PROFILER=$(pgrep -P "$TOOL" -x cpuflame) || die "there is no cpuflame under bead"
}

_expect_gone()
{
	local i

	for i in $(seq 100); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	die "$2 is still there, pid $1: $(tr '\0' ' ' <"/proc/$1/cmdline")"
}

a_kill_leaves_no_profiler_behind()
{
	_start_profile
	kill -KILL "$TOOL"
	wait "$TOOL" 2>/dev/null
	_expect_gone "$PROFILER" cpuflame
	# The command itself is nobody's child now, as with any tool that is killed.
	kill -KILL "$(cat running)" 2>/dev/null
	tool list
	grep -qE '^p\.cpu-flame +cpu-flame +open' "$T/out" || die "$(cat "$T/out")"
}

ctrl_c_ends_a_profile_with_130_and_it_goes_on_later()
{
	local first

	BEFORE='first: {command: "true", warmup: 0, runs: 6}' _start_profile
	kill -INT "$TOOL"
	wait_tool
	expect_status 130
	_expect_gone "$PROFILER" cpuflame
	_expect_gone "$(cat running)" "the command"
	first=$(stat -c %y .bead/runs/*-p.cpu-flame/first.cpu-1.json) || die "the first workload has no profile"
	rm slow
	tool run p.cpu-flame --resume
	expect_status 0
	# What was done is not done again.
	[ "$(stat -c %y .bead/runs/*-p.cpu-flame/first.cpu-1.json)" = "$first" ] ||
		die "the first workload was profiled once more"
	tool show p.cpu-flame --json
	jq -e '[.figures[] | select(.name == "cpu_runs") | .workload] == ["first", "w"]' "$T/out" >/dev/null ||
		die "$(cat "$T/out")"
}

max_time_leaves_a_profile_open()
{
	in_an_empty_directory
	_plan 'sleep 0.3' io-latency
	tool run p.io-latency --max-time 100ms
	expect_status 3
	expect_says 'the time of --max-time is over'
}

run_tests "$@"
