#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# bead change and bead ab of revisions, over a shell program in a git repository of its own. None of it needs root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler bead
NEEDS_BPF=0
TEST_SECONDS=300

_git()
{
	git -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false "$@" >>"$T/git.log" 2>&1 ||
		die "git $*: $(tail -3 "$T/git.log")"
}

# A program whose source is prog.sh: find() takes SECONDS, item() says its number. "make" is build.sh.
_program()
{
	cat >prog.sh <<END
find() {
  sleep $1
  echo found
}

item() {
  echo "item \$1"
}

find
item 1
END
}

# repository SECONDS [MORE OF THE PLAN]: with a plan, blessed, and a profile that found find() as its hotspot.
_repository()
{
	in_an_empty_directory
	_program "$1"
	printf 'mkdir -p out\ncp prog.sh out/prog\n' >build.sh
	printf 'out/\n.bead/\n' >.gitignore
	echo 'other() { :; }' >other.sh
	echo 'about' >README.md
	cat >beads.yaml <<-END
		version: 1
		project: p
		build: [sh, build.sh]
		workloads:
		  w:
		    command: [sh, out/prog]
		    warmup: 1
		    timeout: 20s
		    ${2:-}
		beads:
		  - {id: p.baseline, kind: baseline}
		  - {id: p.oracle, kind: oracle}
		  - {id: p.cpu, kind: cpu-flame, needs: [p.baseline, p.oracle]}
	END
	sh build.sh
	tool bless
	expect_status 0
	_git init -q
	_git add -A
	_git commit -qm base
	_profile
}

# As a profiler would have found it.
_profile()
{
	tool list --json
	python3 - "$(jq -r .plan_digest "$T/out")" <<-'END' || die "no profile"
		import sqlite3, sys
		db = sqlite3.connect('.bead/store.sqlite')
		def bead(name):
		    return db.execute("INSERT INTO bead_runs (bead, plan_digest, state, started, ended) VALUES"
		                      " (?, ?, 'done', '2026-01-01', '2026-01-01')", (name, sys.argv[1])).lastrowid
		bead('p.baseline')
		bead('p.oracle')
		run = bead('p.cpu')
		for spot, name, share in ('C00000001', 'find', 80), ('C00000002', 'item', 15), ('C00000003', 'other', 1):
		    db.execute("INSERT INTO spots (run, workload, kind, spot, name, module, file, line, frames,"
		               " total_pct, unit, events, evidence) VALUES (?, 'w', 'cpu', ?, ?, '', '', 0, '', ?,"
		               " 'ns', 100, '')", (run, spot, name, share))
		db.execute("INSERT INTO clues (run, workload, spot, lever, share_pct, text) VALUES"
		           " (?, 'w', 'C00000001', 'memoization', 80, 'find is called again and again')", (run,))
		db.commit()
	END
}

_open()
{
	tool change open 'remember what was found' --hotspot "${1:-w/C00000001}" --lever "${2:-memoization}" \
		--hypothesis 'the same is found again and again' --expect 50%
}

# valid FILE SCHEMA: as docs/schema has it.
_valid()
{
	python3 -W ignore -c 'import jsonschema' 2>/dev/null || return 0
	python3 -W ignore - "$TOP/docs/schema/$2.schema.json" "$1" <<-'END' || die "$1 is not as $2 says: $(cat "$1")"
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

_out_is()
{
	jq -e "$1" "$T/out" >/dev/null || die "not $1: $COMMAND
$(cat "$T/out" "$T/err")"
}

_expect_out()
{
	grep -qE -- "$1" "$T/out" || die "stdout does not say \"$1\": $COMMAND
$(cat "$T/out" "$T/err")"
}

# Logs of builds that failed are kept.
_no_copies()
{
	[ "$(git worktree list | wc -l)" = 1 ] || die "worktrees are left: $(git worktree list)"
	[ -z "$(find .bead/builds -mindepth 1 ! -name lock ! -name '*.log')" ] ||
		die "left: $(find .bead/builds)"
}

the_whole_life_of_a_change()
{
	_repository 0.06
	_open
	expect_status 0
	_expect_out '^1 open +w/C00000001 memoization: remember what was found'
	# One lever at a time.
	_open
	expect_status 2
	expect_says 'change 1, "remember what was found", is open: one lever at a time'
	tool change close 1
	expect_status 2
	expect_says 'change 1 is not proven'
	tool change prove 1
	expect_status 2
	expect_says 'needs --sketch'
	tool change prove 1 --sketch '  '
	expect_status 2
	# It gives something else.
	sed -i 's/echo found/echo fond/' prog.sh
	sh build.sh
	tool change prove 1 --sketch 'find() says the same'
	expect_status 1
	expect_says 'w: stdout: line 1.*nothing is proven'
	tool change show 1 --json
	_out_is '.state == "open" and .proof == null and .diff == null'
	_program 0.01
	sh build.sh
	tool change prove 1 --sketch 'find() says the same' --seeds 'none are drawn'
	expect_status 0
	_expect_out 'file +prog.sh, \+1 -1: find$'
	tool change close 1
	expect_status 2
	expect_says 'change 1 was not judged; bead ab --change 1'
	tool ab --change 1 --noisy --json
	expect_status 0
	cp "$T/out" "$T/ab.json"
	_valid "$T/ab.json" bead-ab
	_out_is '.verdict == "improved" and .change == 1 and .b == "working tree" and (.a | length) == 40 and
		.workloads[0].workload == "w" and .workloads[0].ratio.high < 0.9 and .workloads[0].same_output'
	_no_copies
	# What is committed meanwhile is the same tree.
	_git commit -qam faster
	tool change close 1 --json
	expect_status 0
	_valid "$T/out" bead-change
	_out_is '.state == "closed" and .closed != null and .verdict.verdict == "improved"'
	for part in diff proof verdict; do
		jq .$part "$T/out" >"$T/$part.json"
	done
	_valid "$T/diff.json" bead-diff
	_valid "$T/proof.json" bead-proof
	_valid "$T/verdict.json" bead-ab
	jq -e '.files == [.files[0]] and .files[0].path == "prog.sh" and .files[0].functions == ["find"] and
		.flags == [] and .lines_added == 1' "$T/diff.json" >/dev/null || die "$(cat "$T/diff.json")"
	jq -e '.seeds == {by: "author", text: "none are drawn"} and .ordering.by == "outputs" and
		.workloads[0].matched == 2' "$T/proof.json" >/dev/null || die "$(cat "$T/proof.json")"
	[ "$(jq -r '.workloads[0].outputs[] | select(.output == "stdout").sha256' "$T/proof.json")" = \
		"$(sha256sum <golden/w/stdout | cut -d ' ' -f 1)" ] || die "another digest"
	tool change list --json
	_valid "$T/out" bead-changes
	_out_is '.changes | length == 1'
	# What was measured before is of another program.
	tool list --json
	_out_is '[.beads[] | .state] == ["open", "done", "open"] and [.beads[].stale_by_change] == [1, null, 1]'
	tool list
	_expect_out '^    stale: change 1 was closed since'
	tool run p.cpu
	expect_status 2
	expect_says 'p.cpu waits for p.baseline'
	tool baseline save before
	expect_status 0
	expect_says 'p.baseline was measured before change 1 was closed'
	_open
	expect_status 0
	expect_says 'is older than change 1, which was closed since'
}

nothing_is_closed_but_what_was_proven()
{
	_repository 0.01
	_open
	expect_status 0
	tool change prove 1 --sketch 'nothing is done'
	expect_status 0
	expect_says 'empty: nothing is changed'
	tool ab --change 1 --noisy --delta 50%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	echo '# another word' >>prog.sh
	tool change close 1 --why 'for the test'
	expect_status 2
	expect_says 'the working tree is another one than when change 1 was proven'
	tool change prove 1 --sketch 'a comment'
	expect_status 0
	tool change close 1 --why 'for the test'
	expect_status 2
	expect_says 'the verdict is of another working tree'
	tool change abandon 1
	expect_status 2
	expect_says 'needs --why'
	tool change abandon 1 --why 'no gain'
	expect_status 0
	tool change abandon 1 --why 'no gain'
	expect_status 2
	expect_says 'change 1 is abandoned'
	# An abandoned change has changed nothing.
	tool list
	_expect_out 'p.baseline +baseline +done *$'
}

a_regression_is_not_closed()
{
	_repository 0.01
	_open
	_program 0.05
	sh build.sh
	tool change prove 1 --sketch 'find() says the same'
	expect_status 0
	tool ab --change 1 --noisy
	expect_status 1
	_expect_out '^w: regressed'
	tool change close 1 --why 'it is nicer'
	expect_status 1
	expect_says 'judged as regressed'
}

what_is_proven_and_judged_is_built_of_the_source_as_it_is()
{
	_repository 0.01
	_open
	# Edited, and not built.
	sed -i 's/echo found/echo fond/' prog.sh
	tool change prove 1 --sketch 'find() says the same'
	expect_status 1
	expect_says 'building the working tree' 'w: stdout: line 1'
	echo 'exit 3' >>build.sh
	tool change prove 1 --sketch 'find() says the same'
	expect_status 4
	expect_says 'the build of the working tree failed: "sh" exited with 3; see .*/.bead/build.log'
	[ -e .bead/build.log ] || die "no log"
	_git checkout -q build.sh
	_program 0.05
	rm -r out
	tool change prove 1 --sketch 'find() says the same' --json
	expect_status 0
	_out_is '.proof.build == "built by bead"'
	jq .proof "$T/out" >"$T/proof.json"
	_valid "$T/proof.json" bead-proof
	_program 0.06
	tool ab --change 1 --noisy --json
	expect_status 1
	_out_is '.verdict == "regressed" and .b == "working tree"'
	grep -q 0.05 out/prog || die "it was built in place"
	_no_copies
}

what_differs_in_the_working_tree_is_in_its_copy()
{
	_repository 0.01
	mkdir sub
	echo 'tracked' >sub/gone
	echo 'pointed to' >"$T/target"
	ln -s "$T/target" link
	ln -s "$T" directory
	_git add -A
	_git commit -qm more
	_program 0.05
	rm -r sub link directory
	mkdir directory 'new place'
	echo inside >directory/target
	echo text >./link
	echo new >'new place/a file'
	ln -s nowhere 'new place/broken'
	chmod +x 'new place/a file'
	cat >build.sh <<-'END'
		mkdir -p out
		cp prog.sh out/prog
		[ -e README.md.new ] || exit 0
		[ ! -e sub/gone ] && [ ! -L directory ] && [ "$(cat directory/target)" = inside ] && [ ! -L link ] &&
			[ -x 'new place/a file' ] && [ "$(readlink 'new place/broken')" = nowhere ] && [ ! -e .bead ]
	END
	touch README.md.new
	git status --porcelain >"$T/before"
	find .git/objects .git/refs | sort >"$T/objects"
	tool ab --a-ref HEAD --noisy
	expect_status 1
	_expect_out '^w: regressed'
	[ "$(cat "$T/target")" = 'pointed to' ] || die "a link was followed"
	git status --porcelain | diff "$T/before" - || die "the tree, or its index, is another one"
	find .git/objects .git/refs | sort | diff "$T/objects" - || die "git has more than before"
	_no_copies
}

without_a_build_a_proof_says_that_nobody_built()
{
	_repository 0.01
	sed -i '/^build:/d; s,out/prog,prog.sh,' beads.yaml
	_git commit -qam 'no build'
	tool bless
	_profile
	_open
	expect_status 0
	tool change prove 1 --sketch 'nothing is done'
	expect_status 0
	expect_says 'the plan has no "build"'
	_expect_out 'build +not built by bead'
}

a_new_link_is_told_and_not_looked_up_in_git()
{
	_repository 0.01
	_open
	ln -s prog.sh link
	tool change prove 1 --sketch 'a link'
	expect_status 0
	expect_says 'unrelated: link is changed'
	! grep -q 'git show' "$T/err" || die "$(cat "$T/err")"
}

what_has_nothing_to_do_with_the_hotspot_is_flagged()
{
	_repository 0.01
	_open
	echo '# changed' >>other.sh
	echo 'more' >>README.md
	sed -i 's/echo "item/echo  "item/; s/echo found/echo  found/' prog.sh
	echo 'x() { :; }' >"new file.sh"
	tool change prove 1 --sketch 'spaces' --json
	expect_status 0
	expect_says 'unrelated: other.sh is changed' 'unrelated: new file.sh .* git does not know it'
	expect_says 'several-hotspots: .*find, item'
	jq .diff "$T/out" >"$T/diff.json"
	_valid "$T/diff.json" bead-diff
	jq -e '[.flags[] | [.flag, .file]] | sort == [["several-hotspots", null], ["unrelated", "new file.sh"],
		["unrelated", "other.sh"]]' "$T/diff.json" >/dev/null || die "$(cat "$T/diff.json")"
	tool change list
	_expect_out 'FLAG +unrelated: other.sh'
}

a_lever_that_nothing_speaks_for_is_told()
{
	_repository 0.01
	_open w/C00000002 zero-copy
	expect_status 0
	expect_says 'nothing that was measured at this hotspot speaks for zero-copy'
	tool change list
	_expect_out 'WARNING +nothing that was measured'
	tool change abandon 1 --why 'it was no copy at all'
	tool report --json
	_valid "$T/out" bead-report
	_out_is '.changes[0] | (.warning | startswith("nothing that was measured")) and .why == "it was no copy at all" and
		.hotspot_name == "item"'
	tool report -o -
	_expect_out '^- Warning: nothing that was measured'
	_expect_out '^- Abandoned: it was no copy at all'
}

a_change_begins_from_a_commit_and_a_hotspot()
{
	_repository 0.01
	_open w/C0badbad0
	expect_status 2
	expect_says 'no profile that is done .* found the hotspot "w/C0badbad0"'
	_open C00000001 no-such-lever
	expect_status 2
	expect_says 'there is no lever "no-such-lever"; there are .*memoization'
	echo '# changed' >>prog.sh
	_open
	expect_status 2
	expect_says 'prog.sh is changed already: commit it'
	_git checkout -q prog.sh
	# What bead writes and what git does not know is no part of a change.
	echo 'note' >untracked
	echo 'report' >PERFORMANCE_ANALYSIS.md
	_open C00000001
	expect_status 0
	rm -rf .git
	tool change prove 1 --sketch x
	expect_status 2
	expect_says 'in no git repository any more'
}

outside_of_git_a_change_is_known_by_its_words()
{
	_repository 0.01
	rm -rf .git
	_open
	expect_status 0
	expect_says 'is in no git repository'
	tool change prove 1 --sketch 'the same'
	expect_status 0
	expect_says 'no-git: '
	tool ab --change 1
	expect_status 2
	expect_says 'began outside of git: .*--a CMD --b CMD'
	tool ab --change 1 --a 'sleep 0.04' --b 'sleep 0.01' --noisy --json
	expect_status 0
	_valid "$T/out" bead-ab
	tool change close 1
	expect_status 0
	# Nothing is run for a change that is closed.
	tool ab --change 1 --a "touch $T/run" --b "touch $T/run" --noisy
	expect_status 2
	expect_says 'change 1 is closed, and cannot be judged any more'
	[ ! -e "$T/run" ] || die "it was run"
}

what_a_mode_does_not_see_the_author_has_to_say()
{
	_repository 0.01 'golden: {stdout: set}'
	_open
	tool change prove 1 --sketch x
	expect_status 2
	expect_says 'workload w is compared in mode set, so the outputs do not check this: say it by --ordering TEXT'
	tool change prove 1 --sketch x --ordering 'one after the other' --ties 'there are none'
	expect_status 0
}

a_verdict_is_not_asked_for_until_it_pleases()
{
	_repository 0.03
	_open
	sed -i "s|sleep 0.03|sleep \$(cat $T/seconds)|" prog.sh
	echo 0.06 >"$T/seconds"
	tool change prove 1 --sketch 'find() says the same'
	expect_status 0
	tool ab --change 1 --noisy
	expect_status 1
	echo 0.01 >"$T/seconds"
	tool ab --change 1 --noisy
	expect_status 0
	tool change show 1
	_expect_out 'attempts +2: regressed, improved'
	tool change close 1
	expect_status 1
	expect_says 'this very working tree was judged as regressed, by verdict 1 of 2: change the code'
	echo '# another' >>prog.sh
	tool change prove 1 --sketch 'find() says the same'
	expect_status 0
	tool ab --change 1 --noisy
	expect_status 0
	tool change close 1 --json
	expect_status 0
	_valid "$T/out" bead-change
	_out_is '[.attempts[].verdict] == ["regressed", "improved", "improved"] and
		.attempts[0].b_digest == .attempts[1].b_digest and .attempts[2].b_digest == .verdict.b_digest'
	tool report --json
	_valid "$T/out" bead-report
	_out_is '[.changes[0].attempts[].verdict] == ["regressed", "improved", "improved"]'
}

what_git_does_not_know_is_not_blessed_unseen()
{
	_repository 0.03
	echo golden/ >>.gitignore
	_git rm -rq --cached golden
	_git commit -qam 'golden is ours'
	_open
	expect_status 0
	sed -i 's/echo found/echo fond/; s/sleep 0.03/sleep 0.001/' prog.sh
	sh build.sh
	tool bless
	expect_status 0
	tool change prove 1 --sketch 'it says what it says'
	expect_status 0
	expect_says 'golden: golden outputs are others than when the change began'
	# As blessed once more, behind the proof. What was there before says something else, so there is no pair.
	echo "$(sha256sum <beads.yaml | cut -d ' ' -f 1)  w/other" >>golden/SHA256SUMS
	python3 - <<-'END'
		import json, sqlite3
		db = sqlite3.connect('.bead/store.sqlite')
		proof = json.loads(db.execute("SELECT proof FROM changes").fetchone()[0])
		db.execute("UPDATE changes SET verdict = ?", (json.dumps(
		    {"schema": "bead-ab/1", "verdict": "improved", "b_digest": proof["diff_digest"]}),))
		db.commit()
	END
	tool change close 1
	expect_status 2
	expect_says 'golden outputs are others than when change 1 was proven; bead change prove 1 again'
}

a_report_says_of_which_commit_its_numbers_are()
{
	_repository 0.01
	local measured

	measured=$(git rev-parse HEAD)
	tool run p.baseline --noisy -q
	expect_status 0
	tool report -o -
	_expect_out "^\`p.baseline\` was measured at commit \`${measured:0:12}\`\.$"
	_program 0.02
	_git commit -qam slower
	tool report -o -
	_expect_out "at commit \`${measured:0:12}\`; \*\*another commit is checked out now\*\*, \`$(git rev-parse HEAD | cut -c 1-12)\`\.$"
	tool report --json
	_valid "$T/out" bead-report
	_out_is ".beads[0].commit == \"$measured\" and .beads[0].dirty == false and .beads[0].kernel == .env.kernel and
		.beads[1].commit == null"
	echo '# dirty' >>prog.sh
	tool run p.baseline --noisy -q
	expect_status 0
	tool report --json
	_out_is '.beads[0].commit == .env.commit and .beads[0].dirty'
}

a_run_that_goes_on_at_another_commit_is_told()
{
	_repository 0.01
	tool run p.baseline --noisy -q
	expect_status 0
	# As if it had been stopped, at another commit.
	python3 - <<-'END'
		import sqlite3
		db = sqlite3.connect('.bead/store.sqlite')
		db.execute("UPDATE bead_runs SET state = 'open', commit_id = ? WHERE id ="
		           " (SELECT max(id) FROM bead_runs WHERE bead = 'p.baseline')", ('a' * 40,))
		db.commit()
	END
	tool run p.baseline --noisy -q --resume
	expect_status 0
	expect_says 'p.baseline began at commit aaaaaaaaaaaa, and [0-9a-f]{12} is checked out now'
}

what_root_makes_is_the_owners_and_through_no_link()
{
	[ "$(id -u)" = 0 ] || skip_test "needs root"
	_repository 0.01
	echo precious >"$T/precious"
	chown -R 65534:65534 .
	export HOME=$T SUDO_UID=65534
	mkdir -p .bead/builds
	chown -R 65534:65534 .bead
	ln -s "$T/precious" .bead/gitattributes
	_open
	expect_status 0
	[ "$(cat "$T/precious")" = precious ] || die "a link was followed"
	ln -s "$T/precious" .bead/builds/lock
	tool ab --a-ref HEAD --noisy --delta 50%
	expect_status 4
	expect_says 'builds/lock.* it must be a file, and no link'
	rm .bead/builds/lock
	ln "$T/precious" .bead/builds/lock
	tool ab --a-ref HEAD --noisy --delta 50%
	expect_status 4
	expect_says 'builds/lock must be a regular file of one name'
	[ "$(stat -c %u "$T/precious")" = 0 ] || die "it was given away"
	rm .bead/builds/lock
	tool ab --a-ref HEAD --noisy --delta 50%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	[ -z "$(find .bead -user 0)" ] || die "root has left: $(find .bead -user 0 -ls)"
}

what_was_blessed_anew_is_flagged()
{
	_repository 0.01
	_open
	sed -i 's/echo found/echo fond/' prog.sh
	sh build.sh
	tool bless
	tool change prove 1 --sketch 'it says what it says'
	expect_status 0
	expect_says 'golden: golden outputs are others'
}

two_revisions_are_compared()
{
	_repository 0.02
	_program 0.06
	_git commit -qam slower
	_program 0.02
	_git commit -qam faster
	tool ab --a-ref HEAD~2 --b-ref HEAD~1 --noisy --json
	expect_status 1
	_valid "$T/out" bead-ab
	_out_is '.verdict == "regressed" and .change == null and .b_digest == null'
	_no_copies
	tool ab --a-ref HEAD~1 --noisy
	expect_status 0
	_expect_out '^w: improved'
	tool ab --a-ref no-such
	expect_status 2
	expect_says 'has no revision "no-such"'
	tool ab --a-ref HEAD --a true --b true
	expect_status 2
	# Between two revisions that say something else there is nothing to compare.
	sed -i 's/echo found/echo fond/' prog.sh
	_git commit -qam wrong
	tool ab --a-ref HEAD --noisy
	expect_status 1
	expect_says 'w at [0-9a-f]{12}: stdout: line 1.*wrong output is not compared'
	_no_copies
}

a_path_that_is_absolute_is_that_of_the_copy()
{
	_repository 0.01
	sed -i "s|command: .*|command: [sh, $PWD/out/prog]|" beads.yaml
	_program 0.05
	_git commit -qam slower
	tool ab --a-ref HEAD~1 --b-ref HEAD --noisy
	expect_status 1
	_expect_out '^w: regressed'
}

a_path_by_a_link_is_that_of_the_copy()
{
	_repository 0.01
	ln -s "$PWD" "$T/by-a-link"
	sed -i "s|command: .*|command: [sh, $T/by-a-link/out/prog]|" beads.yaml
	_program 0.05
	_git commit -qam slower
	tool ab --a-ref HEAD~1 --b-ref HEAD --noisy
	expect_status 1
	_expect_out '^w: regressed'
}

one_program_is_not_compared_with_itself()
{
	_repository 0.01
	(echo '#!/bin/sh' && cat prog.sh) >"$T/installed"
	chmod +x "$T/installed"
	sed -i "s|command: .*|command: [$T/installed]|" beads.yaml
	_git commit -qam installed
	tool bless
	echo '# slower' >>prog.sh
	tool ab --a-ref HEAD --noisy
	expect_status 2
	expect_says "both sides run the same file $T/installed: "
	_no_copies
	sed -i "s|command: .*|command: [/bin/echo, word]|" beads.yaml
	tool bless
	tool ab --a-ref HEAD --noisy --pairs 3
	expect_says 'both sides run the same .*/echo, and no word'
}

a_build_that_fails_names_what_it_wrote()
{
	_repository 0.01
	echo 'echo "no such compiler"; exit 3' >build.sh
	_git commit -qam broken
	tool ab --a-ref HEAD --noisy
	expect_status 4
	expect_says 'the build of [0-9a-f]{12} failed: "sh" exited with 3; see .*\.log'
	grep -q 'no such compiler' .bead/builds/*.log || die "not in the log"
	_no_copies
	# The next one clears it away.
	_git checkout -q HEAD~1 build.sh
	tool ab --a-ref HEAD~1 --noisy --delta 50%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	_no_copies
	[ -z "$(find .bead/builds -name '*.log')" ] || die "an old log is left"
}

what_git_does_not_know_is_in_no_copy()
{
	_repository 0.01
	echo 'cat data' >>prog.sh
	echo data >data
	printf 'data\n' >>.gitignore
	sh build.sh
	_git commit -qam data
	tool bless
	tool ab --a-ref HEAD --noisy
	expect_status 1
	expect_says 'a copy has what git has'
	_no_copies
}

a_repository_of_another_user_is_trusted_under_their_sudo_only()
{
	[ "$(id -u)" = 0 ] || skip_test "needs root"
	_repository 0.01
	chown -R 65534:65534 .
	export HOME=$T
	tool ab --a-ref HEAD --noisy --delta 50%
	expect_status 4
	expect_says 'git does not trust .*, which is another user.s'
	SUDO_UID=65534 tool ab --a-ref HEAD --noisy --delta 50%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	[ -z "$(find .bead/builds -mindepth 1 ! -name lock)" ] || die "left: $(find .bead/builds)"
	[ -z "$(find .git -user 0)" ] || die "root has left in it: $(find .git -user 0)"
}

_start_ab()
{
	COMMAND="bead ab --a-ref HEAD --noisy"
	_as_typed "$CPUFLAME" ab --a-ref HEAD --noisy >"$T/out" 2>"$T/err" &
	TOOL=$!
	for _ in $(seq 200); do
		find .bead/builds -path '*/out/prog' 2>/dev/null | grep -q . && return
		sleep 0.05
	done
	die "no copy: $(cat "$T/err")"
}

an_interrupted_comparison_leaves_nothing()
{
	_repository 0.2
	_start_ab
	stop_tool
	expect_status 130
	_no_copies
}

an_interrupted_build_leaves_nothing()
{
	_repository 0.01
	printf 'mkdir -p out\n: >out/prog\nsleep 30\n' >build.sh
	_git commit -qam slow
	_start_ab
	stop_tool
	expect_status 130
	_no_copies
}

what_a_kill_leaves_the_next_one_clears_away()
{
	_repository 0.2
	_start_ab
	tool ab --a-ref HEAD
	expect_status 4
	expect_says 'another bead compares revisions'
	kill -KILL "$TOOL"
	wait "$TOOL"
	[ "$(git worktree list | wc -l)" -gt 1 ] || die "the kill came too late to test anything"
	_program 0.01
	sh build.sh
	_git commit -qam faster
	tool ab --a-ref HEAD --noisy --delta 50%
	case $RC in 0 | 3) ;; *) expect_status 0 ;; esac
	expect_says 'which an interrupted bead left'
	_no_copies
}

usage_errors_of_changes_are_sentences()
{
	_repository 0.01
	local words

	for words in change 'change open' 'change open x' 'change prove' 'change prove x' 'change prove 7 --sketch x' \
		'change close 0' 'change show 1' 'change list more' 'change no' 'ab --b-ref HEAD' 'ab --change 5' \
		'ab --a-ref HEAD --change 1'; do
		# shellcheck disable=SC2086 # words of their own
		tool $words
		expect_status 2
		expect_sentence
	done
}

run_tests "$@"
