#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What comes out: every format, where it goes, and what does not go there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

without_options_there_is_a_table_and_a_named_page()
{
	workload shape
	in_an_empty_directory
	tool -p "$W" -F 499 -d 1
	expect_status 0
	grep -q hot_a "$T/out" || die "no table on stdout: $(cat "$T/out")"
	[ "$(find . -name '*.html' | wc -l)" = 1 ] || die "not one page here: $(ls -A)"
	page=$(ls)
	grep -qF "$page" "$T/out" "$T/err" || die "the page $page is not named"
	# The line that says what was kept and what was lost.
	grep -qiE '(kept|lost|samples)' "$T/out" "$T/err" || die "no ledger: $(cat "$T/out" "$T/err")"
}

the_format_follows_the_suffix()
{
	workload shape
	tool -p "$W" -F 499 -d 1 -q -o "$T/a.html" -o "$T/a.folded" -o "$T/a.txt" -o "$T/a.json" \
		-o "$T/a.pb.gz" -o "$T/a.speedscope.json"
	expect_status 0
	head -c 200 "$T/a.html" | grep -qi '<!doctype html' || die "no page"
	grep -qE '^shape;.*hot_a [0-9]+$' "$T/a.folded" || die "not folded: $(head -3 "$T/a.folded")"
	grep -q hot_a "$T/a.txt" || die "no table in a.txt"
	expect_json '.schema == "cpuflame/1"' "$T/a.json"
	[ "$(head -c 2 "$T/a.pb.gz" | od -An -tx1)" = ' 1f 8b' ] || die "not gzip"
	expect_json '."$schema" | test("speedscope")' "$T/a.speedscope.json"
}

a_format_by_name_goes_to_stdout()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 --format folded
	expect_status 0
	! grep -qvE '^[^ ].* [0-9]+$' "$T/out" || die "not folded: $(head -3 "$T/out")"
	tool -p "$W" -F 499 -d 0.5 --format folded -o "$T/some.name"
	expect_status 0
	grep -qE '^shape;.* [0-9]+$' "$T/some.name" || die "not folded: $(head -3 "$T/some.name")"
}

folded_stacks_to_stdout_and_nothing_else()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -f
	expect_status 0
	[ -s "$T/out" ] || die "nothing on stdout"
	! grep -qvE '^[^ ].* [0-9]+$' "$T/out" || die "not folded: $(grep -vE '^[^ ].* [0-9]+$' "$T/out")"
	sort -c "$T/out" 2>/dev/null || LC_ALL=C sort -c "$T/out" || die "not sorted"
	[ -z "$(sed 's/ [0-9]*$//' "$T/out" | sort | uniq -d)" ] || die "not merged"
}

json_to_stdout_and_nothing_else()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 --json
	expect_status 0
	cp "$T/out" "$T/r.json"
	expect_json '.schema == "cpuflame/1"'
	expect_json 'has("target") and has("capture") and has("events") and has("stacks")
		and has("overhead") and has("hotspots") and has("totals") and has("values")'
	expect_json '.totals.samples == .events.kept'
	expect_json '.capture.kernel == "'"$(uname -r)"'" and .capture.host == "'"$(uname -n)"'"'
	expect_json '.overhead.bpf_ns_per_event > 0 and .overhead.tool_cpu_s > 0
		and .overhead.max_rss_bytes > 1000000 and .overhead.map_bytes > 0'
}

a_dash_is_stdout()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -o - --format json
	expect_status 0
	jq -e .schema "$T/out" >/dev/null || die "no JSON on stdout: $(head -c 300 "$T/out")"
}

a_pipe_is_written_directly()
{
	workload shape
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/through" &
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/pipe" --format folded
	expect_status 0
	wait $!
	[ -p "$T/pipe" ] || die "the pipe was replaced"
	grep -qE '^shape;' "$T/through" || die "nothing came through"
}

quiet_is_silent()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	expect_status 0
	[ ! -s "$T/out" ] || die "said on stdout: $(cat "$T/out")"
	! grep -qv '^ready$' "$T/err" || die "said on stderr: $(cat "$T/err")"
}

the_line_ready_is_said_once_on_stderr()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -o "$T/r.json"
	expect_status 0
	[ "$(grep -cE '(^|: )ready$' "$T/err")" = 1 ] || die "ready: $(cat "$T/err")"
}

nobody_sees_a_live_line_that_is_no_terminal()
{
	workload shape
	tool -p "$W" -F 499 -d 1.2 -o "$T/r.json"
	! grep -q $'\r' "$T/err" || die "a live line in a file: $(cat -v "$T/err")"
}

# Where CI is set there is no live line: its terminals are logs.
a_terminal_gets_a_live_line()
{
	command -v script >/dev/null || skip_test "no script(1)"
	workload shape
	env -u CI TERM=xterm script -qec "$CPUFLAME -p $W -F 499 -d 1.5 -o $T/r.json" "$T/typescript" >/dev/null
	RC=$?
	COMMAND="cpuflame on a terminal"
	[ "$RC" = 0 ] || die "status $RC: $(cat -v "$T/typescript")"
	tr '\r' '\n' <"$T/typescript" | grep -qE '[0-9].*(sample|lost)' ||
		die "no live line: $(cat -v "$T/typescript")"
	env -u CI TERM=xterm script -qec "$CPUFLAME -p $W -F 499 -d 1.5 --no-progress -o $T/r.json" "$T/typescript" >/dev/null
	! grep -vE '^Script' "$T/typescript" | tr -d '\n' | grep -qP '\r[^\r\n]*\x1b\[K|\x1b\[2K' ||
		die "a live line with --no-progress: $(cat -v "$T/typescript")"
}

a_binary_format_is_refused_on_a_terminal()
{
	command -v script >/dev/null || skip_test "no script(1)"
	workload shape
	! TERM=xterm script -qec "$CPUFLAME -p $W -d 0.5 --format pprof -o -" "$T/typescript" >/dev/null ||
		die "written: $(cat -v "$T/typescript" | head -c 300)"
}

colour_only_when_asked_off_a_terminal()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -o "$T/r.json" -o "$T/a.txt"
	! grep -q $'\033' "$T/out" "$T/err" "$T/a.txt" || die "escapes in a file"
	tool -p "$W" -F 499 -d 0.5 --color always --format txt
	case $RC in 0) ;; *) expect_status 0 ;; esac
	grep -q $'\033\[' "$T/out" || die "no colour with --color always"
	touch "$T/.raw"
}

top_bounds_the_table()
{
	workload shape
	tool -p "$W" -F 999 -d 0.7 --top 1 -q -o "$T/r.json"
	expect_status 0
	expect_json '.hotspots | length == 1'
}

the_schema_is_printed_and_reports_have_its_members()
{
	tool --json-schema
	expect_status 0
	jq -e '."$schema" and (.required | length > 3)' "$T/out" >/dev/null ||
		die "no schema: $(head -c 300 "$T/out")"
	cp "$T/out" "$T/schema"
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	[ "$(jq -r '.required[]' "$T/schema" | sort)" = "$(jq -r --slurpfile s "$T/schema" \
		'keys - (keys - $s[0].required) | .[]' "$T/r.json" | sort)" ] || die "members are missing"
}

a_file_that_exists_is_replaced_whole_and_a_directory_is_refused()
{
	workload shape
	echo old >"$T/r.json"
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.json"
	expect_status 0
	expect_json '.schema == "cpuflame/1"'
	mkdir "$T/x.json.d" "$T/d.folded"
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/d.folded"
	expect_status 5
	rmdir "$T/d.folded" || die "something was written into the directory"
}

a_symlink_is_not_written_through_to_its_target()
{
	workload shape
	echo precious >"$T/precious"
	ln -s "$T/precious" "$T/r.folded"
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.folded"
	[ "$(cat "$T/precious")" = precious ] || die "the file behind a symlink was overwritten"
}

pprof_is_read_by_go_tool_pprof()
{
	command -v go >/dev/null || skip_test "no go"
	workload shape
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.pb.gz" -o "$T/r.json"
	expect_status 0
	HOME=$T go tool pprof -top -nodecount=5 "$T/r.pb.gz" >"$T/top" 2>"$T/top.err" ||
		die "pprof: $(cat "$T/top.err")"
	grep -q hot_a "$T/top" || die "pprof shows: $(cat "$T/top")"
	HOME=$T go tool pprof -raw "$T/r.pb.gz" >"$T/raw" 2>&1
	grep -A 99 '^Mappings' "$T/raw" | grep -q "/shape [0-9a-f]\{40\}" ||
		die "no build id: $(grep -A 9 '^Mappings' "$T/raw")"
}

a_saved_profile_renders_as_the_run_itself_did()
{
	workload shape
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.pb.gz" -o "$T/r.json" -o "$T/r.folded" -o "$T/r.html"
	expect_status 0
	tool --from "$T/r.pb.gz" -q -o "$T/again.json" -o "$T/again.folded" -o "$T/again.html" \
		-o "$T/again.pb.gz"
	expect_status 0
	cmp "$T/r.folded" "$T/again.folded" || die "folded differs"
	[ "$(jq -S '{events,stacks,totals,hotspots,target,values}' "$T/r.json")" = \
		"$(jq -S '{events,stacks,totals,hotspots,target,values}' "$T/again.json")" ] ||
		die "the report differs: $(diff <(jq -S . "$T/r.json") <(jq -S . "$T/again.json"))"
	expect_file "$T/again.html"
	tool --from "$T/again.pb.gz" -f
	cmp "$T/r.folded" "$T/out" || die "folded differs after a second round"
}

a_saved_profile_without_options_is_shown()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.pb.gz"
	in_an_empty_directory
	tool --from "$T/r.pb.gz"
	expect_status 0
	grep -q hot_a "$T/out" || die "no table: $(cat "$T/out" "$T/err")"
}

a_page_asks_nothing_of_the_network()
{
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/r.html"
	! grep -qiE '(src|href)=["'\'']?(https?:)?//' "$T/r.html" || die "the page loads something"
	grep -qi 'content-security-policy' "$T/r.html" || die "no content security policy"
}

run_tests "$@"
