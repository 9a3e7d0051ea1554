#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Whole audits: of a program that Debian ships, and of docs/example with the three things that are planted there.
# What is checked is that each verb says what the others say, and that causes are found; never how long it took.
# LONG_SECONDS, of tools/check --long, is for the audit of the example from its first to its last command.
TEST_SECONDS=${TEST_SECONDS:-$((300 + 5 * ${LONG_SECONDS:-0}))}
# Levers of time in libc are named by what its functions are called: here debug files are wanted, where there are some.
export PB_NO_DEBUG_FILES=1
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead

# save NAME ARGS...: what a verb prints as JSON is as its schema says, and is kept in $T/NAME.json. Sets RC.
_save()
{
	local name=$1 schema

	shift
	tool "$@" --json
	cp "$T/out" "$T/$name.json"
	schema=$TOP/docs/schema/$(jq -r .schema "$T/$name.json" | sed 's,/.*,,').schema.json
	[ -f "$schema" ] || die "no $schema for: $COMMAND: $(head -c 300 "$T/out")"
	python3 -W ignore - "$schema" "$T/$name.json" <<-'EOF' || die "not as $schema says: $COMMAND"
		import json, sys
		import jsonschema
		schema, got = (json.load(open(p)) for p in sys.argv[1:])
		errors = list(jsonschema.Draft7Validator(schema).iter_errors(got))
		for e in errors[:5]:
		    print('/'.join(map(str, e.absolute_path)) + ': ' + e.message[:300], file=sys.stderr)
		sys.exit(bool(errors))
	EOF
}

# Three mixes of queries over a database that is the same everywhere.
_sqlite()
{
	in_an_empty_directory
	cat >make.sql <<-'END'
		create table customer(id integer primary key, name text, city text);
		create table orders(id integer primary key, customer text, cents integer, note text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
			insert into customer select i, 'customer ' || i, 'city ' || (i * 7919 % 40) from n;
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
			insert into orders select i, 'customer ' || (i * 104729 % 600 + 1), i * 7919 % 10000,
				'note of order ' || i || ', ' ||
				substr('the quick brown fox jumps over the lazy dog', i % 30 + 1, 12) from n;
	END
	for i in {1..15}; do
		echo "begin;"
		for j in {1..10}; do
			echo "insert into orders(customer, cents, note) values ('customer $i', $j, 'new $i $j');"
		done
		echo "commit;"
	done >inserts.sql
	echo 'select count(*), sum(cents) from orders;' >>inserts.sql
	cat >join.sql <<-'END'
		pragma automatic_index = off;
		select city, count(*), sum(cents) from orders join customer on customer.name = orders.customer
			group by city order by sum(cents) desc, city;
	END
	echo 'pragma synchronous = off;' >text.sql
	for w in fox lazy quick dog 'order 7' 'order 9' jumps over brown 'order 3'; do
		echo "select count(*) from orders where note like '%$w%';"
		echo "update orders set note = replace(note, '$w', upper('$w')) where note like '%$w%' and id % 3 = 0;"
		echo "select count(*), sum(length(note)) from orders where note glob '*[A-Z]*';"
	done >>text.sql
	sqlite3 -batch base.db <make.sql || die "sqlite3 does not make the database"
	cat >beads.yaml <<-'END'
		version: 1
		project: db
		workloads:
		  inserts: {command: [sqlite3, -batch, -bail, work.db, .read inserts.sql],
		    prepare: [cp, base.db, work.db], warmup: 1, runs: 7}
		  join: {command: [sqlite3, -batch, -bail, base.db, .read join.sql], warmup: 1, runs: 7}
		  text: {command: [sqlite3, -batch, -bail, work.db, .read text.sql],
		    prepare: [cp, base.db, work.db], warmup: 1, runs: 7}
		beads:
		  - {id: db.baseline, kind: baseline}
		  - {id: db.oracle, kind: oracle}
		  - {id: db.cpu, kind: cpu-flame, needs: [db.baseline, db.oracle], top: 5}
		  - {id: db.alloc, kind: alloc-sites, needs: [db.baseline, db.oracle]}
		  - {id: db.io, kind: io-latency, needs: [db.baseline, db.oracle]}
		  - {id: db.gate, kind: gate, needs: [db.cpu, db.alloc, db.io],
		    limits: {allocations_pct: 5, syscalls_pct: 5}}
	END
}

# By one sentence of the plan or another: what `bead status` says and its exit status are what the other verbs show.
_stop_condition_is_what_it_says()
{
	local open stand holds

	open=$(jq '[.beads[] | select(.state != "done")] | length' "$T/status.json")
	stand=$(jq .stand "$T/matrix.json")
	holds=$((open + stand ? 1 : 0))
	_save status status
	[ "$RC" = "$holds" ] || die "$open beads open and $stand hotspots stand, and status exits with $RC"
}

every_kind_of_bead_is_done_over_sqlite()
{
	command -v sqlite3 >/dev/null || die "no sqlite3; tools/deps test installs it"
	_sqlite
	tool bless
	expect_status 0
	tool run --all --noisy
	# 1: hotspots that stand. 3: the gate's data, as busy as this machine is, cannot say.
	case $RC in 0 | 1 | 3) ;; *) expect_status 0 ;; esac
	_save status status
	jq -e '[.beads[] | select(.state != "done") | .kind] | . == [] or . == ["gate"]' "$T/status.json" >/dev/null ||
		die "not all beads are done: $(jq -c '[.beads[] | [.id, .state]]' "$T/status.json")
$(cat "$T/err")"
	_save matrix matrix
	expect_status 0
	_stop_condition_is_what_it_says
	for w in inserts join text; do
		jq -e --arg w "$w" '[.rows[] | select(.workload == $w and .kind == "cpu" and .total_pct > 5)] |
			length > 0 and any(.module | test("sqlite3"))' "$T/matrix.json" >/dev/null ||
			die "no hotspot of sqlite3 in $w: $(jq -c --arg w "$w" \
				'[.rows[] | select(.workload == $w) | [.kind, .name, .module]]' "$T/matrix.json")"
	done
	# 15 transactions, each of which waits for the disk.
	jq -e '[.rows[] | select(.workload == "inserts" and .kind == "io")] | max_by(.total_pct).frames |
		test(";f(data)?sync$")' "$T/matrix.json" >/dev/null || die "no fsync of transactions: $(jq -c \
		'[.rows[] | select(.workload == "inserts" and .kind == "io") | [.total_pct, .frames]]' "$T/matrix.json")"
	tool report
	expect_status 0
	expect_file PERFORMANCE_ANALYSIS.md
	_save report report
	expect_status 0
}

# The example in a directory of its own, with few runs.
_example()
{
	cp -r "$TOP/docs/example" "$T/here" && cd "$T/here" || die "no copy"
	rm -rf .bead data out shop orders
	sed -i 's/runs: 20/runs: 7/' beads.yaml
	make --silent WARN='-Wall -Wextra -Werror' || die "the example does not build"
}

# top WORKLOAD KIND NAME LEVER...: the first row of that kind has the name, and one of the levers.
_top()
{
	local workload=$1 kind=$2 name=$3

	shift 3
	jq -e --arg w "$workload" --arg k "$kind" --arg n "$name" '
		[.rows[] | select(.workload == $w and .kind == $k and .score != null)][0] |
		(.name | test($n)) and any(.levers[].lever; IN($ARGS.positional[]))' "$T/matrix.json" --args "$@" \
		>/dev/null || die "$name is not the first $kind row of $workload, or not for $*: $(jq -c --arg w \
			"$workload" '[.rows[] | select(.workload == $w) | [.kind, .name, .total_pct, .score,
			[.levers[].lever]]]' "$T/matrix.json")"
}

# _stands WORKLOAD NAME: above the threshold, and among the best five of the whole matrix.
_stands()
{
	jq -e --arg w "$1" --arg n "$2" 'any(.rows[:5][]; .workload == $w and .stands and
		(.name | startswith($n)))' "$T/matrix.json" >/dev/null || die "$2 does not stand out: $(jq -c \
		'.rows[:8][] | [.workload, .kind, .name, .score, .stands]' "$T/matrix.json")"
}

all_that_is_planted_in_the_example_is_found()
{
	_example
	tool run --all --noisy
	case $RC in 1 | 3) ;; *) expect_status 1 ;; esac
	_save status status
	jq -e '[.beads[] | select(.state != "done") | .kind] | . == [] or . == ["gate"]' "$T/status.json" >/dev/null ||
		die "not all beads are done: $(jq -c '[.beads[] | [.id, .state]]' "$T/status.json")
$(cat "$T/err")"
	_save matrix matrix
	jq -e '[.rows[] | select(.kind == "cpu" and (.name | test("strcmp|memset")))] | length >= 2' "$T/matrix.json" \
		>/dev/null || skip_test "functions of libc have no names here; libc6-dbg has them"
	_top totals cpu 'find_customer|strcmp' algorithm index
	_top months cpu csv_next buffer-reuse
	_top months alloc csv_next buffer-reuse
	_top invoices io sync_journal n-plus-one
	_stands totals find_customer
	_stands months csv_next
	_stands invoices sync_journal
	_save status status
	expect_status 1
}

each_fix_of_the_example_keeps_the_output()
{
	_example
	git init -q .
	for patch in fixes/*.patch; do
		git apply "$patch" || die "$patch does not apply"
		make --silent WARN='-Wall -Wextra -Werror' || die "the example does not build with $patch"
		tool run shop.oracle
		expect_status 0
	done
	[ "$patch" = fixes/3-batch.patch ] || die "not three fixes"
	clang-format --style="file:$TOP/.clang-format" --dry-run -Werror ./*.c ./*.h || die "not formatted"
}

the_audit_of_the_example_runs_as_its_page_says()
{
	[ -n "${LONG_SECONDS:-}" ] || skip_test "takes minutes: LONG_SECONDS=60"
	"$TOP/docs/example/audit" --short --output "$T/report.md" >"$T/out" 2>"$T/err" ||
		die "the audit fails: $(tail -20 "$T/out" "$T/err")"
	expect_file "$T/report.md"
	# Three changes, each closed with a proof, whose wins no machine hides.
	[ "$(grep -cE '^\| +[123] \| closed .*: improved, ratio 0\.[0-4]' "$T/report.md")" = 3 ] ||
		die "not three changes that won: $(sed -n '/^## Changes/,/^### /p' "$T/report.md")"
	[ "$(grep -c '2 of 2 runs gave what was blessed' "$T/report.md")" = 9 ] || die "not three proofs of three"
	# The page that is checked in has the same parts, and neither tells of a machine.
	for f in "$T/report.md" "$TOP/docs/example/PERFORMANCE_ANALYSIS.md"; do
		! grep -nE "/tmp/|/home/|- host:" "$f" || die "$f names this machine"
	done
	diff <(grep '^## ' "$T/report.md") <(grep '^## ' "$TOP/docs/example/PERFORMANCE_ANALYSIS.md") ||
		die "PERFORMANCE_ANALYSIS.md has other parts; docs/example/audit makes it anew"
}

run_tests "$@"
