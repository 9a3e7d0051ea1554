#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bead doctor: what it says is so. Without BPF it says what is missing, which is a part of what is tested.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
NEEDS_BPF=0
TEST_SECONDS=180

# As nobody, with a copy of the programs that nobody may run.
_as_nobody()
{
	mkdir "$T/programs"
	cp "$O/bead" "$O/cpuflame" "$O/allocsites" "$O/iolatency" "$T/programs"
	chmod -R a+rX "$T"
	COMMAND="bead $*, as nobody"
	(TMPDIR=$T/here _as_typed setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- \
		"$T/programs/bead" "$@") >"$T/out" 2>"$T/err"
	RC=$?
	_no_crash
}

# expect_check FILTER: jq says true of the checks by name
_expect_checks()
{
	jq -e '(.checks | map({(.name): .}) | add) as $c | .noise as $n | '"$1" "$T/out" >/dev/null ||
		die "not so: $1: $COMMAND
$(cat "$T/out" "$T/err")"
}

# What it printed, by the schema.
_expect_valid()
{
	cp "$T/out" "$T/doctor.json"
	python3 -W ignore -c 'import jsonschema' 2>/dev/null || return 0
	python3 -W ignore - "$TOP/docs/schema/bead-doctor.schema.json" "$T/out" <<-'EOF' || die "not by the schema"
		import json, sys
		import jsonschema
		schema, report = (json.load(open(p)) for p in sys.argv[1:])
		jsonschema.validate(report, schema)
	EOF
}

# What is left in it is to be seen, and what others leave in /tmp is not.
_with_a_tmpdir()
{
	mkdir "$T/tmp"
	export TMPDIR=$T/tmp
}

without_a_plan_it_says_what_works_and_how_noisy_it_is()
{
	[ -z "$(why_no_bpf)" ] || skip_test "$(why_no_bpf)"
	in_an_empty_directory
	_with_a_tmpdir
	tool doctor --json
	expect_status 0
	_expect_valid
	_expect_checks '.all_can_run and ([$c.cpuflame, $c.allocsites, $c.iolatency][] | .state == "ok") and
		$c.plan.state == "ok" and $c.kernel.text != "" and $c.cpus.text != ""'
	# However busy the machine is: an interval of the same command is no wider by net than ten times its time.
	_expect_checks '$n.pairs >= 1 and $n.run_p50_ns > 1000000 and
		($n.pairs < 20 or ($n.net.all_pct > 0 and $n.net.all_pct < 100 and
			$n.net.delta_pct >= 0.5 and $n.net.delta_pct >= 1.9 * $n.net.all_pct))'
	# It leaves nothing.
	[ -z "$(ls -A)" ] || die "it left: $(ls -A)"
	[ -z "$(ls -A "$TMPDIR")" ] || die "it left: $(ls -A "$TMPDIR")"
}

without_root_it_says_what_is_missing_and_measures_the_rest()
{
	[ "$(id -u)" = 0 ] || skip_test "not root, so nobody else to become"
	mkdir "$T/here" && chmod 777 "$T/here" && cd "$T/here" || die "no directory"
	_as_nobody doctor --json
	expect_status 4
	_expect_valid
	[ -z "$(ls -A)" ] || die "it left: $(ls -A)"
	_expect_checks '(.all_can_run | not) and $c.privilege.state == "note" and
		($c.cpuflame | .state == "cannot" and (.text | test("CAP_BPF"))) and
		$c.allocsites.state == "cannot" and $c.iolatency.state == "cannot" and $n.pairs >= 1'
}

a_plan_is_looked_through_bead_by_bead()
{
	in_an_empty_directory
	cat >beads.yaml <<-'END'
		version: 1
		project: p
		workloads:
		  good: {command: "true"}
		  bad: {command: ./not-built-yet}
		beads:
		  - {id: p.good, kind: baseline, workloads: [good]}
		  - {id: p.bad, kind: baseline, workloads: [bad]}
	END
	tool doctor --json
	expect_status 4
	_expect_valid
	_expect_checks '$c.plan.state == "ok" and $c["p.good"].state == "ok" and ($c["p.bad"] |
		.state == "cannot" and (.text | test("\"bad\": there is no program ./not-built-yet")))'
}

a_plan_that_is_wrong_is_told_with_its_line()
{
	in_an_empty_directory
	printf 'version: 1\nproject: p\nworkload: {}\n' >beads.yaml
	tool doctor
	expect_status 4
	grep -qE '^cannot +plan +beads\.yaml:3:1: ' "$T/out" || die "$(cat "$T/out")"
	tool doctor --plan nowhere.yaml
	expect_status 4
	grep -qE '^cannot +plan +nowhere\.yaml cannot be read: No such file' "$T/out" || die "$(cat "$T/out")"
}

a_profiler_that_is_missing_is_told()
{
	in_an_empty_directory
	mkdir "$T/programs"
	cp "$O/bead" "$T/programs"
	COMMAND="bead doctor, alone"
	(PATH=/usr/bin:/bin _as_typed "$T/programs/bead" doctor) >"$T/out" 2>"$T/err"
	RC=$?
	expect_status 4
	grep -qE '^cannot +cpuflame +there is no program cpuflame beside bead, nor in PATH' "$T/out" || die "$(cat "$T/out")"
}

it_stops_when_it_is_told_to()
{
	in_an_empty_directory
	_with_a_tmpdir
	COMMAND="bead doctor"
	_as_typed "$CPUFLAME" doctor >"$T/out" 2>"$T/err" &
	TOOL=$!
	sleep 0.5
	stop_tool
	expect_status 130
	[ ! -s "$T/out" ] || die "half a result: $(cat "$T/out")"
	[ -z "$(ls -A "$TMPDIR")" ] || die "it left: $(ls -A "$TMPDIR")"
}

run_tests "$@"
