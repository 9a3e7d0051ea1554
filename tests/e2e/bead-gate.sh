#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bead gate, and what it rests on: counts of a baseline, latencies of operations. --noisy: a test's machine may be busy
# all the time; where time decides, what is slow is several times as slow. Tests that count skip without root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
NEEDS_BPF=0
TEST_SECONDS=${TEST_SECONDS_GATE:-240}

# _plan RUNS LIMITS [KEYS]: one workload, w.sh, and a gate with these limits; KEYS go to the workload.
_plan()
{
	in_an_empty_directory
	cat >beads.yaml <<-END
		version: 1
		project: p
		workloads:
		  w: {command: [sh, w.sh], warmup: 1, runs: $1, timeout: 20s${3:+, $3}}
		beads:
		  - {id: p.baseline, kind: baseline}
		  - {id: p.gate, kind: gate, limits: {$2}}
	END
}

# A baseline of what is there now.
_reference()
{
	tool run p.baseline --noisy -q
	expect_status 0
	tool baseline save "$1"
	expect_status 0
}

# What was printed is JSON as its schema says, and jq says true of it.
_expect()
{
	if python3 -W ignore -c 'import jsonschema' 2>/dev/null; then
		python3 -W ignore - "$TOP/docs/schema" "$T/out" <<-'EOF' || die "not as its schema says: $(cat "$T/out")"
			import json, sys
			import jsonschema
			report = json.load(open(sys.argv[2]))
			name = report['schema'].replace('/1', '')
			schema = json.load(open(f'{sys.argv[1]}/{name}.schema.json'))
			errors = list(jsonschema.Draft7Validator(schema).iter_errors(report))
			for e in errors[:5]:
			    print('/'.join(map(str, e.absolute_path)) + ': ' + e.message[:300], file=sys.stderr)
			sys.exit(bool(errors))
		EOF
	fi
	jq -e "$1" "$T/out" >/dev/null || die "not so: $1: $COMMAND: $(cat "$T/out" "$T/err")"
}

_needs_root()
{
	local why

	why=$(why_no_bpf)
	[ -z "$why" ] || skip_test "$why"
}

# A figure of the last baseline that is done.
_figure()
{
	"$CPUFLAME" show p.baseline --json | jq -c ".figures[] | select(.name == \"$1\")"
}

# A program of one process: OPS operations of one allocation and a write each, of which EXTRA more allocations.
_build()
{
	cat >w.c <<-'END'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		int main(void)
		{
			int fd = open("data", O_WRONLY | O_DIRECT);
			void *block;

			if (fd < 0 || posix_memalign(&block, 4096, 4096))
				return 1;
			memset(block, 7, 4096);
			for (int i = 0; i < 200; i++) {
				for (int k = 0; k < 1 + EXTRA; k++) {
					char *volatile p = malloc(64 + (size_t)i);

					p[0] = 1;
					free(p);
				}
				if (i % 10 == 0 && pwrite(fd, block, 4096, (i / 10 % 4) * 4096) != 4096)
					return 2;
			}
			puts("done");
			return 0;
		}
	END
	cc -O1 -fno-builtin -DEXTRA="$1" w.c -o w.new && mv w.new w || skip_test "no compiler"
	# Written before, so that the runs allocate no blocks on the disk.
	[ -e data ] || { dd if=/dev/zero of=data bs=4096 count=4 2>/dev/null && sync data; }
	dd if=data of=/dev/null iflag=direct bs=4096 count=1 2>/dev/null || skip_test "no direct I/O here"
}

_program_plan()
{
	_plan "$1" "$2" "${3:-}"
	sed -i 's/\[sh, w.sh\]/[.\/w]/' beads.yaml
}

a_slowdown_is_a_regression_and_confirmed()
{
	_plan 12 'wall_p50_pct: 50'
	echo 'sleep 0.03; echo hello' >w.sh
	_reference before
	echo 'sleep 0.3; echo hello' >w.sh
	tool gate --noisy --json
	expect_status 1
	_expect '.verdict == "regressed" and .reference.name == "before" and .bead == "p.gate" and
		(.limits | length == 1) and (.limits[0] | .verdict == "regressed" and .fresh and .low > 1.5 and
		.ratio > .low and .p < 0.01 and .new_runs == 12)'
	expect_says 'w: wall_p50 is [0-9.]+ % above the reference'
	tool list
	grep -qE 'p.gate +gate +failed' "$T/out" || die "$(cat "$T/out")"
	# The same as the bead, by the plan.
	tool run p.gate --noisy
	expect_status 1
	expect_says 'wall_p50 is [0-9.]+ % above the reference'
}

the_same_program_is_no_regression()
{
	_plan 12 'wall_p50_pct: 200'
	echo 'sleep 0.1; echo hello' >w.sh
	_reference before
	tool gate --noisy --json
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	_expect '.verdict == "holds" or .verdict == "inconclusive"'
	_expect '.limits[0] | .low <= .ratio and .ratio <= .high and .low < 3'
}

the_first_audit_compares_with_itself_and_says_so()
{
	_plan 8 'wall_p50_pct: 400'
	echo 'sleep 0.05; echo hello' >w.sh
	tool gate --noisy
	expect_status 2
	expect_says 'there is nothing to compare with: run a bead of kind baseline'
	tool run p.baseline --noisy
	tool gate --noisy
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	expect_says 'no baseline is saved, so the reference is the last one measured'
	grep -q 'which nobody saved' "$T/out" || die "$(cat "$T/out")"
	tool gate --base nobody
	expect_status 2
	expect_says 'no baseline is saved as "nobody"'
}

wrong_output_is_a_finding_whatever_it_takes()
{
	_plan 6 'wall_p50_pct: 400'
	echo 'echo hello' >w.sh
	tool bless
	expect_status 0
	_reference before
	echo 'echo hallo' >w.sh
	tool gate --noisy --json --metrics m.prom
	expect_status 1
	_expect '.verdict == "not measured" and .limits == []'
	expect_says 'w: stdout: line 1'
	[ ! -e m.prom ] || die "metrics of nothing: $(cat m.prom)"
}

a_workload_that_the_reference_lacks_is_inconclusive()
{
	_plan 8 'wall_p50_pct: 400'
	echo 'echo hello' >w.sh
	_reference before
	sed -i '/^  w:/a\  v: {command: [sh, w.sh], warmup: 0, runs: 6}' beads.yaml
	tool gate --noisy --json
	expect_status 3
	_expect '.limits | map(select(.workload == "v"))[0] | .verdict == "inconclusive" and
		(.why | test("the reference has no runs of it"))'
}

an_interrupted_gate_goes_on()
{
	_plan 12 'wall_p50_pct: 400'
	echo 'sleep 0.2; echo hello' >w.sh
	_reference before
	COMMAND="bead gate"
	_as_typed "$CPUFLAME" run p.gate --noisy >"$T/out" 2>"$T/err" &
	TOOL=$!
	sleep 1.5
	stop_tool
	expect_status 130
	tool run p.gate --resume --noisy
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	n=$(python3 -c 'import sqlite3; print(sqlite3.connect(".bead/store.sqlite").execute(
		"SELECT count(*) FROM samples WHERE rejected IS NULL").fetchone()[0])')
	[ "$n" = 24 ] || die "$n samples instead of 24"
}

one_more_allocation_per_operation_is_caught()
{
	_needs_root
	_program_plan 6 'allocations_pct: 0.5, syscalls_pct: 0.5, block_ios_pct: 0.5'
	_build 0
	_reference before
	tool gate --noisy --json
	expect_status 0
	_expect '.verdict == "holds" and ([.limits[].ratio] == [1, 1, 1]) and .limits[0].base > 200'
	_build 1
	tool gate --noisy --json
	expect_status 1
	_expect '[.limits[].verdict] == ["regressed", "holds", "holds"]'
	_expect '.limits[0] | .new == .base + 200 and .limit == "allocations_pct" and (.fresh | not)'
	tool run p.baseline --noisy
	tool baseline save after
	tool compare before after --json
	expect_status 1
	_expect '.workloads[0].figures | map(select(.name == "allocations"))[0] | .verdict == "regressed"'
	_expect '.workloads[0].figures | map(select(.name == "syscalls"))[0] | .verdict == "equivalent" and .ratio == 1'
}

# Each baseline counts twice.
counts_of_a_deterministic_program_do_not_vary()
{
	_needs_root
	_program_plan 1 'allocations_pct: 0.5'
	_build 0
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		tool run p.baseline --noisy
		expect_status 0
		for name in allocations syscalls block_ios; do
			_figure "$name" >>figures
		done
	done
	# Nothing is made of nothing: 200 and what libc takes, 20 writes of the device, and calls of both.
	jq -es 'length == 30 and all(.why == null) and (group_by(.name) | all(
		([.[].low] | min) as $low | ([.[].high] | max) as $high | $low >= 20 and ($high - $low) / $low <= 0.001))' \
		figures >/dev/null || die "$(cat figures)"
}

a_program_that_starts_others_has_no_count_of_allocations()
{
	_needs_root
	_plan 1 'wall_p50_pct: 5'
	echo '/bin/echo hello; /bin/echo again' >w.sh
	tool run p.baseline --noisy
	expect_status 0
	_figure allocations | jq -e '.value == null and (.why | test("it starts [12] process"))' >/dev/null ||
		die "$(_figure allocations)"
	_figure syscalls | jq -e '.value > 20' >/dev/null || die "$(_figure syscalls)"
}

a_program_without_allocations_has_none()
{
	_needs_root
	_program_plan 1 'allocations_pct: 0.5'
	printf 'int main(void) { return 0; }\n' >n.c
	cc n.c -o w || skip_test "no compiler"
	tool run p.baseline --noisy
	expect_status 0
	_figure allocations | jq -e '.value == 0 and .high == 0' >/dev/null || die "$(_figure allocations)"
}

# Profilers talk to stderr, too, and that is none of the program's.
a_program_whose_stderr_is_blessed_is_counted_as_well()
{
	_needs_root
	_program_plan 1 'allocations_pct: 0.5' 'golden: {stderr: exact}'
	_build 0
	tool bless
	expect_status 0
	tool run p.baseline --noisy
	expect_status 0
	for name in allocations block_ios; do
		_figure "$name" | jq -e '.value >= 20' >/dev/null || die "$(_figure "$name")"
	done
}

_as_nobody()
{
	COMMAND="bead $* as nobody"
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- "$CPUFLAME" "$@" >"$T/out" 2>"$T/err"
	RC=$?
}

without_root_times_are_held_and_counts_say_what_they_need()
{
	_plan 8 'wall_p50_pct: 400, allocations_pct: 0.5'
	echo 'sleep 0.05; echo hello' >w.sh
	if [ "$(id -u)" = 0 ]; then
		chmod 755 "$T" && chown -R 65534:65534 "$T/here"
		setpriv --reuid 65534 --regid 65534 --clear-groups -- test -x "$CPUFLAME" ||
			skip_test "the build cannot be reached by others"
	else
		_as_nobody()
		{
			tool "$@"
		}
	fi
	_as_nobody run p.baseline --noisy
	expect_status 0
	grep -qE 'syscalls +not known: .*needs root' "$T/out" || die "$(cat "$T/out")"
	grep -qE 'allocations +not known: .*(not permitted|root)' "$T/out" || die "$(cat "$T/out")"
	_as_nobody gate --noisy --json
	expect_status 3
	_expect '.limits[0] | .limit == "allocations_pct" and .verdict == "inconclusive" and
		(.why | test("the reference does not know it: .*(not permitted|root)"))'
	_expect '.limits[1] | .limit == "wall_p50_pct" and .ratio > 0'
	sed -i 's/, allocations_pct: 0.5//' beads.yaml
	_as_nobody run p.baseline --noisy
	echo 'sleep 0.5; echo hello' >w.sh
	_as_nobody gate --noisy
	expect_status 1
}

latencies_of_operations_become_percentiles()
{
	_plan 6 'p99_pct: 100' 'latencies: {file: out/l.txt, unit: us}, prepare: [mkdir, -p, out]'
	echo 'i=0; while [ $i -lt 60 ]; do i=$((i + 1)); echo "$((i + ${SLOW:-0})).5"; done >out/l.txt' >w.sh
	_reference before
	jq -es '.[0].value == 60500 and .[1].value == 31000 and .[2].value == 360' \
		<(_figure operation_max_ns; _figure operation_p50_ns; _figure operations) >/dev/null ||
		die "$(_figure operation_max_ns; _figure operation_p50_ns; _figure operations)"
	_figure operation_p99_ns | jq -e '.why == null and .low <= .value and .value <= .high' >/dev/null ||
		die "$(_figure operation_p99_ns)"
	_figure operation_p999_ns | jq -e '.value == null and (.why | test("360 operations, and p99.9 needs 2995"))' \
		>/dev/null || die "$(_figure operation_p999_ns)"
	sed -i 's/p99_pct: 100/p99_pct: 10/; s/runs: 6/runs: 8/' beads.yaml
	tool run p.baseline --noisy
	tool baseline save before
	tool gate --noisy --json
	expect_status 0
	_expect '.limits[0] | .limit == "p99_pct" and .verdict == "holds" and .ratio == 1'
	sed -i '1s/^/SLOW=40; /' w.sh
	tool gate --noisy --json
	expect_status 1
	_expect '.limits[0] | .limit == "p99_pct" and .verdict == "regressed" and .fresh and .low > 1.5'
}

a_bad_line_of_latencies_is_a_finding()
{
	_plan 6 'p99_pct: 100' 'latencies: {file: l.txt, unit: us}'
	echo '(echo 1; echo 2; echo three) >l.txt' >w.sh
	tool run p.baseline --noisy
	expect_status 1
	expect_says 'w: latencies: l.txt: line 3: "three" is no time'
	echo 'true' >w.sh
	# What was written within the last tick of the file system cannot be told from what is written now.
	sleep 0.2
	tool run p.baseline --noisy
	expect_status 1
	expect_says 'latencies: l.txt: the run did not write it: it is left over from before'
	rm l.txt
	tool run p.baseline --noisy
	expect_status 1
	expect_says 'latencies: l.txt: the run made no such file'
}

metrics_and_rules_please_promtool()
{
	command -v promtool >/dev/null || skip_test "no promtool (Debian: prometheus)"
	_plan 8 'wall_p50_pct: 50, wall_p95_pct: 5, allocations_pct: 0.5, memory_pct: 400'
	echo 'sleep 0.03; echo hello' >w.sh
	_reference before
	echo 'sleep 0.3; echo hello' >w.sh
	printf 'old\n' >m.prom
	tool gate --noisy --metrics m.prom
	expect_status 1
	promtool check metrics <m.prom >"$T/said" 2>&1 || die "$(cat "$T/said" m.prom)"
	[ ! -s "$T/said" ] || die "promtool: $(cat "$T/said")"
	grep -qE '^bead_wall_p50_ratio\{project="p",workload="w"\} [1-9]' m.prom || die "$(cat m.prom)"
	grep -qxF 'bead_wall_p50_regressed{project="p",workload="w"} 1' m.prom || die "$(cat m.prom)"
	# Eight runs have no p95, and that is no number.
	! grep -q '^bead_wall_p95_ratio' m.prom || die "$(cat m.prom)"
	tool gate --rules
	expect_status 0
	cp "$T/out" rules.yml
	promtool check rules rules.yml >"$T/said" 2>&1 || die "$(cat "$T/said" rules.yml)"
	grep -q '4 rules found' "$T/said" || die "$(cat "$T/said")"
	# They fire by what was measured.
	low=$(awk '/^bead_wall_p50_ratio_low/ { print $2 }' m.prom)
	cat >rules_test.yml <<-END
		rule_files: [rules.yml]
		tests:
		  - interval: 1m
		    input_series:
		      - {series: 'bead_wall_p50_ratio_low{project="p",workload="w"}', values: '$low'}
		      - {series: 'bead_memory_ratio_low{project="p",workload="w"}', values: '1'}
		    promql_expr_test:
		      - expr: count(ALERTS{alertstate="firing"})
		        eval_time: 0m
		        exp_samples: [{value: 1}]
		      - expr: count(ALERTS{alertname="BeadWallP50Regressed",limit="wall_p50_pct"})
		        eval_time: 0m
		        exp_samples: [{value: 1}]
	END
	promtool test rules rules_test.yml >"$T/said" 2>&1 || die "$(cat "$T/said")"
	tool gate --rules --metrics m.prom
	expect_status 2
}

# Commits BASE and NEW of w.sh in a repository, with the plan.
_repository()
{
	command -v git >/dev/null || skip_test "no git"
	printf '.bead\nci.sh\nm.prom\n' >.gitignore
	for script in "$1" "$2"; do
		echo "$script" >w.sh
		git init -q . 2>/dev/null
		git add -A
		git -c user.name=t -c user.email=t@localhost commit -qm "w" || die "no commit"
	done
	tool gate --ci
	expect_status 0
	cp "$T/out" ci.sh
}

# The script of CI in place of the tool.
_ci()
{
	COMMAND="ci.sh"
	BEAD=$CPUFLAME BUILD=true BASE_REF=HEAD~1 OPTIONS=--noisy sh ci.sh >"$T/out" 2>"$T/err"
	RC=$?
}

a_job_of_ci_finds_a_slow_commit()
{
	_plan 8 'wall_p50_pct: 50'
	_repository 'sleep 0.03; echo hello' 'sleep 0.3; echo hello'
	sh -n ci.sh || die "no script"
	_ci
	expect_status 1
	expect_says 'a limit is passed'
	[ "$(cat w.sh)" = 'sleep 0.3; echo hello' ] || die "the new commit is not back"
	echo '# changed' >>w.sh
	_ci
	expect_status 2
	expect_says 'there are changes that are not committed'
}

a_job_of_ci_runs_what_its_baseline_waits_for()
{
	_plan 8 'wall_p50_pct: 900'
	sed -i 's/{id: p.baseline, kind: baseline}/{id: p.baseline, kind: baseline, needs: [p.second]}\n  - {id: p.second, kind: oracle, needs: [p.first]}\n  - {id: p.first, kind: oracle}\n  - {id: p.other, kind: oracle}/' beads.yaml
	echo 'echo hello' >w.sh
	tool bless
	expect_status 0
	printf '.bead/\n' >.gitignore
	_repository 'echo hello; sleep 0.01' 'echo hello; sleep 0.011'
	grep -q "^needs='p.first p.second' " ci.sh || die "needs: $(cat ci.sh)"
	_ci
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	tool list --json
	jq -e '[.beads[] | select(.state == "done").id] | index("p.second") and (index("p.other") | not)' "$T/out" \
		>/dev/null || die "$(cat "$T/out")"
}

a_job_of_ci_pleases_shellcheck()
{
	command -v shellcheck >/dev/null || skip_test "no shellcheck"
	_plan 8 'wall_p50_pct: 50'
	echo 'echo hello' >w.sh
	cp beads.yaml "it's a plan.yaml"
	tool gate --ci --plan "it's a plan.yaml"
	expect_status 0
	shellcheck - <"$T/out" >"$T/said" || die "$(cat "$T/said")"
	sed -i '/kind: baseline/d' beads.yaml
	tool gate --ci
	expect_status 2
	expect_says 'the plan has no bead of kind baseline with all workloads of the gate'
}

a_plan_without_a_gate_has_the_usual_limits()
{
	_plan 6 'wall_p50_pct: 5'
	sed -i '/kind: gate/d' beads.yaml
	echo 'echo hello' >w.sh
	tool gate --rules
	expect_status 0
	[ "$(grep -c 'alert: ' "$T/out")" = 4 ] || die "$(cat "$T/out")"
	grep -q 'limit: allocations_pct' "$T/out" || die "$(cat "$T/out")"
	_reference before
	tool gate --noisy --json
	# Whether a shell needs more memory than bead before its exec depends on both.
	_expect '.bead == null and [.limits[].limit] - ["memory_pct"] == ["allocations_pct", "syscalls_pct",
		"wall_p50_pct"]'
}

run_tests "$@"
