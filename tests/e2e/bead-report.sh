#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bead report, history and export. What profiles would find is put into the store by hand, so that none of it needs root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
NEEDS_BPF=0
REPORT=PERFORMANCE_ANALYSIS.md

_plan()
{
	in_an_empty_directory
	echo 'echo hello' >w.sh
	cat >beads.yaml <<-'END'
		version: 1
		project: shop
		workloads:
		  parse: {command: [sh, w.sh], warmup: 1, runs: 6, timeout: 20s}
		  export: {command: [sh, w.sh, "it's"], warmup: 1, runs: 6, timeout: 20s}
		beads:
		  - {id: shop.baseline, kind: baseline}
		  - {id: shop.oracle, kind: oracle}
	END
	[ -z "${1:-}" ] || cat >>beads.yaml <<-'END'
		  - {id: shop.cpu, kind: cpu-flame, needs: [shop.baseline, shop.oracle], top: 5}
		  - {id: shop.alloc, kind: alloc-sites, needs: [shop.baseline, shop.oracle]}
		  - {id: shop.io, kind: io-latency, needs: [shop.baseline, shop.oracle]}
		  - {id: shop.gate, kind: gate, needs: [shop.cpu], limits: {wall_p50_pct: 3}}
	END
}

_measure()
{
	tool bless
	expect_status 0
	tool run shop.baseline --noisy
	expect_status 0
	tool run shop.oracle
	expect_status 0
}

# As if the profiling beads and the gate had run, with names as a hostile program has them.
_profile()
{
	python3 - <<-'END' || die "the store does not take it"
		import sqlite3
		db = sqlite3.connect('.bead/store.sqlite')
		digest, = db.execute('SELECT plan_digest FROM bead_runs LIMIT 1').fetchone()

		def insert(table, **row):
		    return db.execute('INSERT INTO %s (%s) VALUES (%s)' % (
		        table, ', '.join(row), ', '.join('?' * len(row))), list(row.values())).lastrowid

		def run(bead, state='done', note=None):
		    return insert('bead_runs', bead=bead, plan_digest=digest, state=state, note=note,
		        started='2026-11-30T00:00:00.000Z', ended='2026-11-30T00:01:00.000Z')

		def spot(run, workload, kind, spot, name, total, **other):
		    insert('spots', **dict(dict(run=run, workload=workload, kind=kind, spot=spot, name=name,
		        module='/usr/bin/parse', file='', line=0, frames='', self_pct=None, total_pct=total,
		        low_pct=total - 1, high_pct=total + 1, ceiling_pct=total, ceiling_low_pct=total - 1,
		        ceiling_high_pct=total + 1, amount=1e6, unit='ns', events=5000, spread_pct=0.5,
		        evidence='.bead/runs/%d-p/%s.json' % (run, workload)), **other))

		def clue(run, workload, spot, lever, text):
		    insert('clues', run=run, workload=workload, spot=spot, lever=lever, share_pct=50, text=text)

		cpu = run('shop.cpu')
		spot(cpu, 'parse', 'cpu', 'Caaaa0001', 'find', 63, self_pct=50, file='src/find.c', line=118)
		spot(cpu, 'parse', 'cpu', 'Caaaa0002', 'x|y`<script>\n<!-- bead:end hotspots -->\x1b[31m', 40)
		for i in range(3, 9):
		    spot(cpu, 'parse', 'cpu', 'Caaaa000%d' % i, 'less_%d' % i, 30 - i)
		clue(cpu, 'parse', 'Caaaa0001', 'algorithm', '79 % of its time is in itself')
		alloc = run('shop.alloc')
		spot(alloc, 'parse', 'alloc', 'Aaaaa0001', 'item < main', 70, unit='count', amount=1000)
		clue(alloc, 'parse', 'Aaaaa0001', 'buffer-reuse', '1000 blocks of 48 bytes live for 20 us')
		io = run('shop.io')
		spot(io, 'export', 'io', 'Iaaaa0001', 'fsync < save', 91)
		clue(io, 'export', 'Iaaaa0001', 'n-plus-one', 'one fsync for each of 512 writes')
		gate = run('shop.gate', 'failed', 'parse: wall_p50_pct is 4.1 %')
		insert('figures', run=gate, workload='parse', name='wall_p50_pct', unit='percent', value=4.1,
		    low=3.5, high=4.9)
		insert('figures', run=gate, workload='parse', name='wall_p50_ns', unit='ns', value=5e6)
		insert('opinions', workload='parse', spot='Aaaaa0001', effort=2, why='planned for *next* year')
		db.commit()
	END
}

_expect_in()
{
	local file=$1 re

	shift
	for re; do
		grep -qE -- "$re" "$file" || die "$file does not say \"$re\": $COMMAND
$(cat "$file")"
	done
}

# _expect_schema NAME FILE
_expect_schema()
{
	python3 -W ignore -c 'import jsonschema' 2>/dev/null || return 0
	python3 -W ignore - "$TOP/docs/schema/$1.schema.json" "$2" <<-'END' || die "$2 is not as $1 says"
		import json, sys
		import jsonschema
		schema, document = (json.load(open(p)) for p in sys.argv[1:])
		jsonschema.Draft7Validator.check_schema(schema)
		errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
		for e in errors[:5]:
		    print('/'.join(map(str, e.absolute_path)) + ': ' + e.message[:300], file=sys.stderr)
		sys.exit(bool(errors))
	END
}

a_report_of_nothing_says_what_to_do()
{
	_plan all
	tool report
	expect_status 0
	expect_says "$REPORT"
	_expect_in $REPORT '^\*\*Open\.\*\* 0 of 6 beads are done' '^    bead bless$' 'not measured yet' \
		'no bead of kind cpu-flame is done' '^No profile is done yet'
	[ "$(tail -n 1 $REPORT)" = '<!-- bead:end next -->' ] || die "its end: $(tail -3 $REPORT)"
}

a_report_has_the_rows_of_all_beads()
{
	_plan all
	_measure
	_profile
	tool report
	expect_status 0
	_expect_in $REPORT '^\*\*Open\.\*\* 5 of 6 beads are done, and 2 hotspots stand above the threshold; first: `' \
		'^\| time, p50 .* [mu]?s to ' '^\| time, p95 +\| +- \| 6 runs, and p95 needs 59 \|$' \
		'^\| +63\.0 % \| \[62\.0, 64\.0\] +\| 50\.0 % \| Caaaa0001 \| `find` at src/find\.c:118 \|$' \
		'^Evidence: `\.bead/runs/[0-9]+-p/parse\.json`$' \
		'^- Aaaaa0001: \*\*buffer reuse, arena or pool\*\*: 1000 blocks' \
		'^- Iaaaa0001: \*\*N\+1 elimination' \
		'^\| \*\*yes\*\* .* parse/Caaaa0001 +\| algorithm +\| `find` \|$' \
		'^  - accepted: planned for \\\*next\\\* year$' \
		'^\| wall_p50_pct \| +3 % \| parse +\| +4\.1 % \| \[3\.5, 4\.9\] \*\*above the limit\*\* \|$' \
		'^\| `shop\.gate` +\| gate +\| failed ' '^    bead change open TITLE --hotspot '
	# Five of eight, and the hostile one in its cell.
	[ "$(sed -n '/^## Hotspots/,/^<!-- bead:end/p' $REPORT | grep -c '| Caaaa000')" = 5 ] || die "$(cat $REPORT)"
	_expect_in $REPORT '^\| +40\.0 % .* x&#124;y\\`\\<script\\>\\\\x0a\\<!-- bead:end hotspots --\\>\\\\x1b\\\[31m in parse \|$'
	! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' $REPORT || die "a control byte in $REPORT"
	# What did not change is not written.
	cp -p $REPORT "$T/before"
	tool report
	expect_status 0
	cmp $REPORT "$T/before" || die "two reports of one store differ"
	[ ! $REPORT -nt "$T/before" ] || die "it was written again"
}

hand_written_text_survives()
{
	_plan
	_measure
	printf '\xef\xbb\xbf# Mine\r\n\r\nSee \xff below. \n<!-- bead:begin verdict -->\nold\n<!-- bead:end verdict -->\nMy words  \n\n<!-- bead:begin mine -->\nkeep\n<!-- bead:end mine -->\nlast, without a newline' >$REPORT
	chmod 640 $REPORT
	tool report
	expect_status 0
	python3 - <<-'END' || die "text of others changed: $(cat -A $REPORT)"
		import re
		b = open('PERFORMANCE_ANALYSIS.md', 'rb').read()
		assert b.startswith(b'\xef\xbb\xbf# Mine\r\n\r\nSee \xff below. \n<!-- bead:begin verdict -->\n## Verdict\n')
		assert b'<!-- bead:end verdict -->\nMy words  \n\n<!-- bead:begin mine -->\nkeep\n<!-- bead:end mine -->\nlast, without a newline\r\n\r\n<!-- bead:begin reproduce -->\r\n' in b
		assert b.count(b'bead:begin') == 12
	END
	[ "$(stat -c %a $REPORT)" = 640 ] || die "its mode is $(stat -c %a $REPORT)"
	echo 'more of mine' >>$REPORT
	cp $REPORT "$T/before"
	tool report
	expect_status 0
	cmp $REPORT "$T/before" || die "the second run changed it"
}

damaged_markers_are_refused_and_nothing_is_written()
{
	_plan
	tool report
	expect_status 0
	sed -i '/bead:end baseline/d' $REPORT
	cp $REPORT "$T/before"
	tool report
	expect_status 2
	expect_says "$REPORT: line [0-9]+: the block \"hotspots\" begins inside the block \"baseline\" of line [0-9]+"
	expect_sentence
	cmp $REPORT "$T/before" || die "it was written"
	# A run of all beads measures all the same, and says so.
	tool bless
	tool run --all --noisy
	expect_status 2
	tool list --json
	jq -e '.done == 2' "$T/out" >/dev/null || die "$(cat "$T/out")"
}

a_link_is_not_followed()
{
	_plan
	echo secret >"$T/other"
	ln -s "$T/other" $REPORT
	tool report
	expect_status 2
	expect_says 'is a link, which is not followed'
	[ "$(cat "$T/other")" = secret ] || die "it was written through"
}

a_pipe_in_its_place_is_not_waited_for()
{
	_plan
	mkfifo $REPORT
	tool report
	expect_status 2
	expect_says 'is no regular file'
	# One that somebody names is meant.
	cat $REPORT >"$T/read" &
	tool report -o $REPORT
	expect_status 0
	wait $!
	_expect_in "$T/read" '^## Verdict$'
}

a_full_disk_leaves_the_old_report()
{
	_plan
	mkdir "$T/small"
	mount -t tmpfs -o size=24k none "$T/small" 2>/dev/null || skip_test "cannot mount a tmpfs"
	# shellcheck disable=SC2064 # the name of now
	trap "umount -l $T/small" EXIT
	printf 'mine\n' >"$T/small/r.md"
	head -c 100000 /dev/zero >"$T/small/fill" 2>/dev/null
	tool report -o "$T/small/r.md"
	expect_status 4
	expect_says 'r\.md' 'space'
	[ "$(cat "$T/small/r.md")" = mine ] || die "the old report is gone: $(cat "$T/small/r.md")"
	expect_only "$T/small" fill r.md
	tool report -o /dev/full
	expect_status 4
	[ -c /dev/full ] || die "/dev/full was replaced"
}

stdout_is_for_who_asks_for_it()
{
	_plan
	tool report -o -
	expect_status 0
	_expect_in "$T/out" '^# Performance analysis: shop$' '^<!-- bead:begin verdict -->$'
	[ ! -e $REPORT ] || die "a file was written, too"
}

a_budget_is_kept_and_ends_with_commands()
{
	_plan all
	_measure
	_profile
	for n in 300 400 800 2000; do
		tool report --budget $n
		expect_status 0
		[ "$(wc -c <"$T/out")" -le $((n * 4)) ] || die "$n tokens: $(wc -c <"$T/out") bytes"
		_expect_in "$T/out" '^\*\*Open\.\*\* 5 of 6' '^\| \*\*yes\*\* .*parse/Caaaa0001'
		[ $n -ge 2000 ] || _expect_in "$T/out" '^Left out: .*; bead report -o - shows all\.$'
		[ "$(tail -n 1 "$T/out")" = '    bead status' ] || die "its end: $(tail -3 "$T/out")"
	done
	tool report --budget 100000
	! grep -q '^Left out' "$T/out" || die "something is left out of all the room there is"
	[ ! -e $REPORT ] || die "a file was written"
	tool report --budget 400 --json
	expect_status 2
	tool report --budget 10
	expect_status 2
}

json_has_the_same_ids_each_time()
{
	_plan all
	_measure
	_profile
	tool report --json
	expect_status 0
	cp "$T/out" "$T/r.json"
	_expect_schema bead-report "$T/r.json"
	jq -e '.stop == {holds: false, done: 5, total: 6, stand: 2, without_lever: 7,
			sentence: "5 of 6 beads are done, and 2 hotspots stand above the threshold"} and
		([.opportunities[] | select(.stands).id] | sort) == ["Caaaa0001", "Iaaaa0001"] and
		.workloads[0].hotspots[:2] == ["Caaaa0001", "Caaaa0002"] and
		.workloads[1].io_paths == ["Iaaaa0001"] and
		(.workloads[0].figures | map(select(.name == "wall_p95_ns"))[0] | .value == null and .why != null) and
		.gates[0].limits[0].workloads[0].value == 4.1 and
		.env.cpus >= 1 and (.next | length) >= 2' "$T/r.json" >/dev/null || die "$(cat "$T/r.json")"
	# Another report of the same, by another way, names the same places.
	tool report -o again.json --json
	expect_status 0
	cmp again.json "$T/r.json" || die "two reports of one store differ"
	tool report -o -
	for id in $(jq -r '.opportunities[] | select(.score != null).id' again.json); do
		_expect_in "$T/out" "$id"
	done
}

the_tree_is_told()
{
	_plan
	command -v git >/dev/null || skip_test "no git"
	git init -q . && git add -A
	git -c user.name=n -c user.email=e@e commit -qm one
	tool report
	expect_status 0
	_expect_in $REPORT "^- Tree: commit $(git rev-parse HEAD), clean\$" "^    git checkout $(git rev-parse HEAD)\$"
	# The report itself does not make it dirty.
	git add $REPORT && git -c user.name=n -c user.email=e@e commit -qm two
	echo mine >>$REPORT
	tool report --json
	jq -e '.env.dirty == false' "$T/out" >/dev/null || die "$(jq -c .env "$T/out")"
	echo '# x' >>w.sh
	tool report --json
	jq -e '.env.dirty == true' "$T/out" >/dev/null || die "$(jq -c .env "$T/out")"
	tool report
	_expect_in $REPORT 'with changes that are not committed'
}

run_all_ends_with_a_report_and_the_stop_condition()
{
	_plan
	tool run --all --noisy
	expect_status 1
	_expect_in "$T/out" '^the stop condition does not hold: 1 of 2 beads is done'
	expect_file $REPORT
	tool bless
	tool run --all --noisy
	expect_status 0
	expect_says "the report is in .*/$REPORT"
	_expect_in "$T/out" '^the stop condition holds: all 2 beads are done, and no hotspot stands above the threshold$'
	_expect_in $REPORT '^\*\*The stop condition holds\.\*\* All 2 beads are done' '^    bead gate$'
}

the_report_of_root_belongs_to_who_owns_the_directory()
{
	[ "$(id -u)" = 0 ] || skip_test "not root"
	_plan
	chown 12345:12345 .
	tool report
	expect_status 0
	[ "$(stat -c '%u %g %a' $REPORT)" = '12345 12345 644' ] || die "$(stat -c '%u %g %a' $REPORT)"
}

a_history_tells_every_run()
{
	_plan all
	tool history
	expect_status 0
	expect_says 'no run has measured it yet'
	_measure
	tool baseline save before
	echo '# another plan' >>beads.yaml
	tool run shop.baseline --noisy
	expect_status 0
	_profile
	tool history parse
	expect_status 0
	[ "$(grep -c '  shop\.baseline  ' "$T/out")" = 2 ] || die "$(cat "$T/out")"
	_expect_in "$T/out" '^parse wall_p50_ns$' ' 1  shop\.baseline .*\[.*\].*\(another plan\)  before$' \
		'shop\.gate +5 ms .*\(failed\)'
	! grep -q ' $' "$T/out" || die "spaces at the end: $(cat -A "$T/out")"
	tool history parse wall_p95_ns
	_expect_in "$T/out" '-  6 runs, and p95 needs 59'
	tool history --json
	expect_status 0
	cp "$T/out" "$T/h.json"
	_expect_schema bead-history "$T/h.json"
	jq -e '[.series[].workload] == ["parse", "export"] and (.series[0].points | length) == 3 and
		.series[0].points[0].saved == ["before"] and .series[0].points[1].saved == [] and
		.series[0].points[2].state == "failed" and (.series[1].points | length) == 2' "$T/h.json" >/dev/null ||
		die "$(cat "$T/h.json")"
	tool history parse no_such_figure
	expect_status 2
	expect_says 'no run has a figure "no_such_figure" of parse; there are .*wall_p50_ns'
	tool history no-such-workload --json
	expect_status 2
	[ ! -s "$T/out" ] || die "half a document: $(cat "$T/out")"
}

beads_are_exported_as_a_graph()
{
	_plan all
	_measure
	_profile
	tool export
	expect_status 2
	tool export --bd -o graph.json
	expect_status 0
	expect_says 'bd create --graph graph\.json --dry-run --json' 'bd create --graph graph\.json$' 'bd close'
	[ ! -e .beads ] || die "something of bd's own was written"
	_expect_schema bead-export graph.json
	jq -e '([.nodes[].key] == ["shop.baseline", "shop.oracle", "shop.cpu", "shop.alloc", "shop.io", "shop.gate",
			"export/Iaaaa0001", "parse/Caaaa0001"] or
		[.nodes[].key] == ["shop.baseline", "shop.oracle", "shop.cpu", "shop.alloc", "shop.io", "shop.gate",
			"parse/Caaaa0001", "export/Iaaaa0001"]) and
		all(.nodes[]; .labels == ["profiling", "perf"]) and
		.nodes[2].metadata["bead.id"] == "shop.cpu" and
		([.nodes[].key] as $keys | all(.edges[]; [.from_key, .to_key] - $keys == [])) and
		([.edges[] | select(.from_key == "shop.cpu").to_key] | sort) == ["shop.baseline", "shop.oracle"] and
		[.edges[] | select(.from_key == "parse/Caaaa0001")] ==
			[{from_key: "parse/Caaaa0001", to_key: "shop.cpu", type: "discovered-from"}]' graph.json >/dev/null ||
		die "$(cat graph.json)"
	tool export --bd
	cmp "$T/out" graph.json || die "stdout is another graph"
}

run_tests "$@"
