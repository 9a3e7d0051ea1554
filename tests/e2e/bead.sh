#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bead over small shell programs. None of it needs root. --noisy: a test's machine may be busy all the time.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
NEEDS_BPF=0

# plan RUNS COMMAND [BEADS [WORKLOADS]]: a plan with the workload "w", a text that is run by sh.
_plan()
{
	local more=${4:+$'\n'  $4}

	in_an_empty_directory
	printf '%s\n' "$2" >w.sh
	cat >beads.yaml <<-END
		version: 1
		project: p
		workloads:
		  w: {command: [sh, w.sh], warmup: 1, runs: $1, timeout: 20s}$more
		beads:
		  - {id: p.baseline, kind: baseline}
		  - {id: p.oracle, kind: oracle}
		${3:-}
	END
}

# Without a summary behind, for what machines that are busy may answer.
_expect_out()
{
	grep -qE -- "$1" "$T/out" || die "stdout does not say \"$1\": $COMMAND
$(cat "$T/out" "$T/err")"
}

a_plan_is_written_once()
{
	in_an_empty_directory
	tool init --workload hello -- echo hello
	expect_status 0
	expect_file beads.yaml
	tool list
	expect_status 0
	[ "$(wc -l <"$T/out")" = 6 ] || die "not six standard beads: $(cat "$T/out")"
	cp beads.yaml "$T/before"
	tool init -- echo other
	expect_status 2
	expect_says 'beads.yaml is there already'
	cmp beads.yaml "$T/before" || die "it was overwritten"
}

beads_are_done_in_their_order()
{
	_plan 5 'echo hello' '  - {id: p.again, kind: baseline, needs: [p.baseline, p.oracle]}'
	tool status
	expect_status 1
	tool bless
	expect_status 0
	(cd golden && sha256sum --quiet -c SHA256SUMS) || die "the store is none of sha256sum"
	tool ready --json
	jq -e '[.beads[].id] == ["p.baseline", "p.oracle"]' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool run p.again
	expect_status 2
	expect_says 'p.again waits for p.baseline, which is not done'
	tool status --json
	expect_status 1
	jq -e '.done == 0 and .total == 3 and (.holds | not) and (.why | test("0 of 3 beads")) and
		.beads[2].waits_for == ["p.baseline", "p.oracle"] and (.beads[2].ready | not)' "$T/out" \
		>/dev/null || die "$(cat "$T/out")"
	tool run --ready --noisy
	expect_status 0
	_expect_out 'wall_p50_ns'
	_expect_out 'wall_p99_ns +not known: 5 runs, and p99 needs 299'
	tool status --json
	expect_status 0
	jq -e '.done == 3 and .holds and .why == null and .hotspots == []' "$T/out" >/dev/null ||
		die "$(cat "$T/out")"
	tool show p.baseline --json
	jq -e '.figures | map(select(.name == "runs"))[0].value == 5' "$T/out" >/dev/null ||
		die "$(cat "$T/out")"
}

the_audit_holds_when_all_is_done()
{
	_plan 5 'echo hello'
	tool bless
	tool run --ready --noisy
	expect_status 0
	tool status
	expect_status 0
	tool run --ready
	expect_status 0
	expect_says 'no bead is ready'
	tool run --all --noisy
	expect_status 0
	# Another plan is another audit.
	echo '# changed' >>beads.yaml
	tool status
	expect_status 1
}

an_oracle_without_a_blessing_stays_open()
{
	_plan 3 'echo hello'
	tool run p.oracle
	expect_status 1
	expect_says 'nothing is blessed for it; bead bless w'
	tool run p.baseline --noisy
	expect_status 0
	expect_says 'nothing is blessed, so its output is not checked'
}

wrong_output_is_a_finding_and_enters_no_statistics()
{
	_plan 3 'echo hello'
	tool bless
	expect_status 0
	echo 'echo hallo' >w.sh
	tool run p.baseline --noisy
	expect_status 1
	expect_says 'p.baseline: w: stdout: line 1'
	tool show p.baseline --json
	jq -e '.state == "failed" and .figures == []' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool baseline save wrong
	expect_status 2
}

a_workload_that_fails_is_a_finding()
{
	_plan 3 'exit 3'
	tool run p.baseline --noisy
	expect_status 1
	expect_says 'it exited with 3, and the plan says 0'
}

a_run_that_bead_did_not_watch_counts_for_nothing()
{
	local me

	_plan 5 'sleep 0.3'
	_as_typed "$CPUFLAME" run p.baseline --noisy -q >"$T/run.out" 2>"$T/run.err" &
	me=$!
	# The first run is there to warm up, and is not noted.
	for _ in $(seq 500); do
		[ -z "$(_samples)" ] || [ "$(_samples)" = 0 ] || break
		sleep 0.02
	done
	kill -STOP "$me"
	sleep 1.5
	kill -CONT "$me"
	wait "$me" || die "$(cat "$T/run.err")"
	python3 -c 'import sqlite3, sys
c = sqlite3.connect(".bead/store.sqlite")
n, longest = c.execute("SELECT count(*), max(wall_ns) FROM samples WHERE rejected IS NULL").fetchone()
halted = c.execute("SELECT count(*) FROM samples WHERE rejected LIKE ?", ("bead was stopped%",)).fetchone()[0]
sys.exit(0 if n == 5 and halted == 1 else f"{n} runs count, {halted} are rejected for it")' ||
		die "the runs are not as they should be"
}

a_store_that_its_workload_removes_is_no_success()
{
	_plan 3 'rm -rf .bead'
	tool run p.baseline --noisy
	expect_status 4
	expect_says 'store.sqlite was removed or replaced while bead used it, so what was measured is lost'
}

a_hangup_interrupts_as_ctrl_c_does()
{
	local me status=0

	_plan 50 'sleep 0.1'
	_as_typed "$CPUFLAME" run p.baseline --noisy >"$T/run.out" 2>"$T/run.err" &
	me=$!
	for _ in $(seq 500); do
		[ ! -e .bead/store.sqlite ] || break
		sleep 0.02
	done
	sleep 0.3
	kill -HUP "$me"
	wait "$me" || status=$?
	[ "$status" = 130 ] || die "exit status $status: $(cat "$T/run.err")"
	grep -q 'bead run p.baseline --resume goes on from here' "$T/run.err" || die "$(cat "$T/run.err")"
}

what_waits_for_no_run_can_be_interrupted()
{
	local status=0

	_plan 3 'echo hello'
	mkfifo nobody-reads
	timeout -k 20 -s INT 2 env --default-signal=INT "$CPUFLAME" report -o nobody-reads \
		>"$T/run.out" 2>&1 || status=$?
	[ "$status" = 124 ] || die "exit status $status: $(cat "$T/run.out")"
}

a_profiler_that_is_missing_is_named()
{
	_plan 3 'echo hello' '  - {id: p.cpu, kind: cpu-flame, needs: [p.baseline, p.oracle]}'
	mkdir alone
	cp "$CPUFLAME" alone/bead
	tool bless
	tool run --ready --noisy
	PATH=/usr/bin:/bin alone/bead run p.cpu >"$T/out" 2>"$T/err"
	RC=$?
	COMMAND='alone/bead run p.cpu'
	expect_status 4
	expect_says 'there is no program cpuflame beside bead, nor in PATH'
}

output_that_varies_is_not_blessed_and_its_bytes_are_named()
{
	# shellcheck disable=SC2016 # of the inner shell
	_plan 3 'echo "pid $$ end"'
	tool bless
	expect_status 1
	expect_says 'two runs differ, so nothing is blessed; stdout: line 1.*column'
	[ ! -e golden/SHA256SUMS ] || [ ! -s golden/SHA256SUMS ] || die "something was blessed"
}

lines_fit_the_terminal_and_pipes_get_them_whole()
{
	local long=p.a-name-that-is-nearly-as-long-as-names-may-be-in-a-plan

	_plan 12 'echo hello' "  - {id: $long, kind: oracle, needs: [p.oracle]}
  - {id: p.second-oracle, kind: oracle, needs: [$long, p.baseline, p.oracle]}"
	tool run p.baseline --noisy
	tool list
	_expect_out "^p.second-oracle +oracle +open +waits for $long, p.oracle\$"
	script -qec "stty cols 80 && '$CPUFLAME' list && '$CPUFLAME' show p.baseline" "$T/tty" >/dev/null ||
		die "no terminal: $(cat "$T/tty")"
	sed -i 's/\r$//; /^Script /d' "$T/tty"
	! grep -nE '.{81}' "$T/tty" || die "lines that do not fit"
	grep -qx "    waits for $long," "$T/tty" || die "not wrapped: $(cat "$T/tty")"
	grep -qE '^    wall_p50_ns +[0-9.]+ [mu]?s  \[' "$T/tty" || die "no figures: $(cat "$T/tty")"
}

what_is_blessed_or_not_is_told_as_json()
{
	# shellcheck disable=SC2016 # of the inner shell
	_plan 3 'echo hello' '' 'same: {command: [echo, a]}
  varies: {command: [sh, -c, "echo $$"]}
  fails: {command: ["false"]}
  breaks: {command: [echo, a], golden: {invariants: [["false"]]}}'
	tool bless --json
	expect_status 1
	expect_says 'varies: two runs differ, so nothing is blessed' 'fails: it exited with 1' \
		'breaks: nothing is blessed; invariant 1: false: it exited with 1'
	jq -e '.exit == 1 and [.workloads[] | .workload, .blessed, .output] ==
		["w", true, null, "same", true, null, "varies", false, "stdout", "fails", false, null, "breaks", false, "invariant 1"] and
		.workloads[3].why == "it exited with 1, so it is not blessed" and
		.workloads[0].why == null' "$T/out" >/dev/null || die "$(cat "$T/out")"
}

what_was_worked_on_is_told_as_json()
{
	_plan 5 'echo hello' '  - {id: p.again, kind: oracle, needs: [p.oracle]}'
	tool run --all --noisy --json
	expect_status 1
	expect_says 'nothing is blessed for it'
	jq -e '[.beads[] | .id, .state, .exit] ==
			["p.baseline", "done", 0, "p.oracle", "open", 1, "p.again", "open", 2] and
		(.beads[0].figures | length) > 5 and .beads[0].note == null and
		.beads[2].note == "waits for p.oracle, which is not done" and
		.exit == 1 and (.why | startswith("p.oracle: nothing is blessed"))' "$T/out" >/dev/null ||
		die "$(cat "$T/out")"
	tool bless --json
	tool run --all --resume --noisy --json
	expect_status 0
	jq -e '([.beads[].state] | unique) == ["done"] and (.beads[0].figures | length) > 5 and
		.exit == 0 and .why == null' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool run --all --max-time 1ns --noisy --json
	expect_status 3
	jq -e '.exit == 3 and .beads[0].state == "open" and .beads[0].figures == []' "$T/out" >/dev/null ||
		die "$(cat "$T/out")"
}

# What to type so that a verb prints a document.
_words_for_json()
{
	case $1 in
	list | ready | status | bless | report | doctor | history | matrix) echo "$1" ;;
	run) echo 'run p.oracle' ;;
	show) echo 'show p.baseline' ;;
	baseline) echo 'baseline list' ;;
	compare) echo 'compare one one --delta 90%' ;;
	ab) echo 'ab --noisy --a true --b true --pairs 3' ;;
	change) echo 'change list' ;;
	gate) echo 'gate --noisy' ;;
	esac
}

every_verb_with_json_prints_one_document()
{
	local verb words verbs n=0

	_plan 5 'echo hello' \
		'  - {id: p.gate, kind: gate, needs: [p.baseline, p.oracle], limits: {wall_p50_pct: 900}}'
	tool bless --json
	tool run p.baseline --noisy --json
	tool run p.oracle --noisy --json
	tool baseline save one --json
	jq -e '[.baselines[].name] == ["one"]' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool --help
	verbs=$(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$T/out")
	for verb in $verbs; do
		tool "$verb" --help
		grep -q -- '--json' "$T/out" || continue
		words=$(_words_for_json "$verb")
		[ -n "$words" ] || die "this test knows nothing of $verb"
		# shellcheck disable=SC2086 # words of their own
		tool $words --json
		# Of a part that is not there yet.
		[ -s "$T/out" ] || die "no document: $COMMAND: $(cat "$T/err")"
		n=$((n + 1))
	done
	expect_at_least "$n" 9 "verbs with a document"
}

behind_an_error_there_is_no_document()
{
	_plan 3 'echo hello'
	local words

	for words in 'run p.no' 'run' 'show p.no' 'bless no' 'compare a b' 'list --plan none.yaml'; do
		# shellcheck disable=SC2086 # words of their own
		tool $words --json
		expect_status 2
		expect_sentence
		[ ! -s "$T/out" ] || die "a document: $COMMAND: $(cat "$T/out")"
	done
}

a_bad_plan_is_told_with_line_and_column()
{
	_plan 3 'echo hello'
	sed -i 's/kind: oracle/kind: orakel/' beads.yaml
	tool list
	expect_status 2
	expect_says 'beads\.yaml:7:[0-9]+: '
	expect_sentence
	tool list --plan missing.yaml
	expect_status 2
}

usage_errors_are_sentences()
{
	_plan 3 'echo hello'
	local words

	for words in '' no-such-verb 'run' 'run p.no' 'run p.oracle --all' 'show' 'compare a' \
		'compare a b' 'baseline' 'baseline save' 'ab --a true' 'bless no' \
		'ab --a true --b true --delta 0' 'ab --a true --b true --delta x' 'list more' 'init'; do
		# shellcheck disable=SC2086 # words of their own
		tool $words
		expect_status 2
		expect_sentence
	done
}

what_was_interrupted_goes_on()
{
	_plan 12 'sleep 0.2; echo hello'
	tool bless
	COMMAND="bead run p.baseline"
	_as_typed "$CPUFLAME" run p.baseline --noisy >"$T/out" 2>"$T/err" &
	TOOL=$!
	sleep 1.5
	stop_tool
	expect_status 130
	expect_says 'bead run p.baseline --resume'
	before=$(_samples)
	expect_at_least "$before" 1 "samples before the interruption"
	tool run p.baseline --resume --noisy
	expect_status 0
	# One run, and its samples, not those again.
	[ "$(_runs)" = 1 ] || die "$(_runs) runs of the bead"
	expect_at_least "$(_samples)" 12 "samples in all"
}

after_kill_9_a_bead_runs_again()
{
	_plan 12 'sleep 0.2; echo hello'
	_as_typed "$CPUFLAME" run p.baseline --noisy >"$T/out" 2>"$T/err" &
	TOOL=$!
	sleep 1.2
	kill -KILL "$TOOL"
	wait "$TOOL"
	tool list
	_expect_out 'p.baseline +baseline +open'
	tool run p.baseline --noisy
	expect_status 0
	[ "$(_runs)" = 2 ] || die "$(_runs) runs of the bead"
	tool run p.baseline --resume --noisy
	expect_status 0
	expect_says 'p.baseline is done'
}

max_time_leaves_a_bead_open()
{
	_plan 200 'sleep 0.1'
	tool run p.baseline --max-time 1s --noisy
	expect_status 3
	expect_says 'the time of --max-time is over'
	tool list
	_expect_out 'p.baseline +baseline +open'
}

_runs()
{
	python3 -c 'import sqlite3; print(sqlite3.connect(".bead/store.sqlite").execute(
		"SELECT count(*) FROM bead_runs").fetchone()[0])'
}

_samples()
{
	python3 -c 'import sqlite3; print(sqlite3.connect(".bead/store.sqlite").execute(
		"SELECT count(*) FROM samples WHERE rejected IS NULL").fetchone()[0])'
}

baselines_have_names_and_are_compared()
{
	_plan 12 'sleep 0.03'
	tool run p.baseline --noisy
	expect_status 0
	tool baseline save before
	expect_status 0
	# The same plan, another program.
	echo 'sleep 0.15' >w.sh
	tool run p.baseline --noisy
	expect_status 0
	tool baseline save after
	tool baseline list --json
	jq -e '[.baselines[].name] == ["after", "before"]' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool compare before after --json
	expect_status 1
	jq -e '.workloads[0] | .verdict == "regressed" and .low > 1.2 and .ratio > .low and .p < 0.01' \
		"$T/out" >/dev/null || die "$(cat "$T/out")"
	# What else was measured may vary with what the machine does: only the time is of several times.
	tool compare after before --delta 60%
	case $RC in 0 | 1) ;; *) expect_status 0 ;; esac
	_expect_out '^w: improved'
	_expect_out '^  memory +(equivalent|inconclusive|improved|regressed|not known:) '
	_expect_out '^  wall_p95 +not known: .*p95 needs 72'
	# Of so few runs the interval may be wide.
	tool compare before before --delta 90%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	_expect_out '^w: (equivalent|inconclusive)'
	# What cannot be compared is not left out in silence.
	sed -i '/^  w:/a\  v: {command: [sh, w.sh], warmup: 0, runs: 6}' beads.yaml
	tool compare before before --delta 90%
	expect_status 3
	expect_says 'v cannot be compared: the reference has no runs of it'
	tool compare before after
	expect_status 1
}

a_command_is_not_slower_than_itself()
{
	tool ab --noisy --a true --b true --pairs 10
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	_expect_out '^(equivalent|inconclusive)'
}

twice_the_time_is_a_regression()
{
	tool ab --noisy --a 'sleep 0.02' --b 'sleep 0.04' --json
	expect_status 1
	jq -e '.verdict == "regressed" and .ratio.low > 1.3 and .ratio.high < 2.5 and .p < 0.01 and
		.pairs >= 20 and .pairs_judged >= 10 and .seed == 1' "$T/out" >/dev/null || die "$(cat "$T/out")"
	tool ab --noisy --a 'sleep 0.04' --b 'sleep 0.02'
	expect_status 0
	_expect_out '^improved: B takes 0\.[4-7]'
}

only_of_one_thread_the_wait_for_a_cpu_is_left_out()
{
	in_an_empty_directory
	tool ab --pairs 3 --noisy --json --a 'seq 1 300000' --b 'seq 1 300000'
	jq -e '.time == "net" and .others_took_pct >= 0' "$T/out" >/dev/null || die "$(cat "$T/out")"
	# What it waits itself is its child's time.
	printf 'seq 1 300000 >/dev/null\ntrue\n' >w.sh
	tool ab --pairs 3 --noisy --json --a 'sh w.sh' --b 'seq 1 300000'
	jq -e '.time == "wall"' "$T/out" >/dev/null || die "$(cat "$T/out")"
}

a_command_that_is_alone_at_first_only_is_compared_by_wall_time()
{
	in_an_empty_directory
	cat >w.sh <<-'END'
		c=0
		[ ! -e n ] || read -r c <n
		echo $((c + 1)) >n
		[ "$c" -lt 6 ] || seq 1 300000 >/dev/null
		true
	END
	tool ab --pairs 4 --noisy --json --a 'sh w.sh' --b 'sh w.sh'
	expect_says 'from the beginning, by wall time'
	jq -e '.time == "wall" and .pairs == 4' "$T/out" >/dev/null || die "$(cat "$T/out")"
}

a_command_that_fails_is_not_compared()
{
	tool ab --a true --b false
	expect_status 1
	expect_says '--b false: it exited with 1, and a command that fails is not compared'
	tool ab --a no-such-command --b true
	expect_status 1
	expect_says 'no-such-command'
	[ ! -s "$T/out" ] || die "a result of nothing: $(cat "$T/out")"
}

three_workloads_are_given_by_their_names()
{
	in_an_empty_directory
	tool init --workload one='echo "a  b" c' --workload two='sh -c "exit 0"' --workload three=true
	expect_status 0
	grep -qF 'command: ["echo", "a  b", "c"]' beads.yaml || die "$(cat beads.yaml)"
	tool bless
	expect_status 0
	[ "$(cat "$T/out")" = "one: blessed, two runs agree
two: blessed, two runs agree
three: blessed, two runs agree" ] || die "$(cat "$T/out")"
	[ "$(cat golden/one/stdout)" = 'a  b c' ] || die "$(cat golden/one/stdout)"
}

names_and_commands_that_do_not_fit_make_no_plan()
{
	in_an_empty_directory
	tool init --workload a=true --workload a=false
	expect_status 2
	expect_says 'two workloads are called "a"'
	tool init --workload a
	expect_status 2
	expect_says "--workload a has no command: write --workload a='CMD'"
	tool init --workload a=true -- echo
	expect_status 2
	expect_says '--workload a=true holds a command, and another one stands behind --'
	tool init --workload a --workload b -- echo
	expect_status 2
	expect_says 'one command has one name'
	tool init --workload 'a=true | false'
	expect_status 2
	expect_says '--workload a holds "\|", and no shell will read it'
	tool init --workload 'a='
	expect_status 2
	expect_says '--workload a is no command'
	tool init --workload A=true
	expect_status 2
	expect_says 'the name of a workload is "A"; it has to be of a-z'
	expect_sentence
	[ ! -e beads.yaml ] || die "a plan of nothing: $(cat beads.yaml)"
}

without_a_command_what_looks_like_benchmarks_is_taken()
{
	in_an_empty_directory
	tool init
	expect_status 2
	expect_says 'nothing here that looks like a benchmark'
	mkdir bench bin
	# shellcheck disable=SC2016 # of the inner shell
	printf '#!/bin/bash\n[[ $0 == bench/* ]] && echo sorted\n' >bench/sort.sh
	printf '#!/bin/sh\necho parsed\n' >bench/parse
	chmod +x bench/parse
	echo 'not a program' >bench/README
	printf '#!/bin/sh\necho small\n' >bin/small-bench
	chmod +x bin/small-bench
	printf 'BENCH := x\nbench := y\nbench: all\n\t@echo made\n' >Makefile
	tool init
	expect_status 0
	expect_says 'workload parse: bench/parse' 'workload sort: bash bench/sort.sh' \
		'workload small-bench: bin/small-bench' '1 more look like benchmarks, and are left out'
	tool bless
	expect_status 0
	[ "$(cat golden/parse/stdout golden/sort/stdout golden/small-bench/stdout)" = "parsed
sorted
small" ] || die "$(cat golden/*/stdout)"
	rm -r bench
	tool init --plan two.yaml
	expect_status 0
	expect_says 'workload bench: make --silent bench'
}

run_tests "$@"
