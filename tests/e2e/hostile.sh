#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Names made to break what shows them: thread, symbol, path, argument, JIT map.
# The raw bytes are looked for after each test, by lib.sh.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# ESC, newline, ";", markup, quotes. A file name cannot hold "/", and env(1) takes "=" for itself.
EVIL=$'evil\033]0;t\007\n;<b onclick "x(1)">\'<script>alert(1)<'

_evil_workload()
{
	mkdir "$T/dir$EVIL"
	cp "$WL/hostile" "$T/dir$EVIL/prog$EVIL"
	workload_at "$T/dir$EVIL/prog$EVIL" 20
}

names_cannot_write_to_a_terminal()
{
	_evil_workload
	in_an_empty_directory
	tool -p "$W" -F 499 -d 1 -v --color never
	expect_status 0
	grep -q 'evil\\x1b' "$T/out" || die "the name does not show as \\xNN: $(cat "$T/out")"
	# The default page is named by nobody's bytes.
	! find . -mindepth 1 | LC_ALL=C grep -qP '[^-\w./]' || die "the page's name: $(find . | cat -v)"
}

names_with_separators_keep_folded_lines_whole()
{
	_evil_workload
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	! grep -qvE '^[^;].* [0-9]+$' "$T/r.folded" || die "a broken line: $(cat "$T/r.folded")"
	# Equal to the report's count: no line was torn in two, no count was read out of a name.
	[ "$(samples "$T/r.folded")" = "$(jq .events.kept "$T/r.json")" ] ||
		die "$(samples "$T/r.folded") samples in lines, $(jq .events.kept "$T/r.json") kept"
	expect_share "$T/r.folded" '(_escape|_markup|_folded)$' . 97 4
	# All three under main, none split by its ";".
	expect_share "$T/r.folded" ';main;[^;]*(_escape|_markup|_folded)$' . 97 4
}

names_cannot_put_markup_into_a_page()
{
	_evil_workload
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.html"
	expect_status 0
	! grep -qF 'evil</script>' "$T/r.html" || die "a symbol closes the script"
	! grep -qF '<script>alert' "$T/r.html" || die "markup out of a name"
	! grep -qF '<b onclick' "$T/r.html" || die "markup out of a path"
	# As many tags as a page of an honest target.
	workload shape
	tool -p "$W" -F 499 -d 0.5 -q -o "$T/honest.html"
	[ "$(grep -ocE '</?(script|style)' "$T/r.html")" = \
		"$(grep -ocE '</?(script|style)' "$T/honest.html")" ] || die "more script tags than usual"
}

names_survive_in_json_and_pprof()
{
	_evil_workload
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.pb.gz"
	expect_status 0
	expect_json '[.hotspots[].function] | any(test("_markup$"))'
	tool --from "$T/r.pb.gz" -q -o "$T/again.json" -o "$T/again.html"
	expect_status 0
	[ "$(jq -c .hotspots "$T/r.json")" = "$(jq -c .hotspots "$T/again.json")" ] ||
		die "names changed on the way"
}

a_commands_hostile_arguments_are_escaped()
{
	tool -F 999 -o "$T/r.json" -o "$T/r.html" -o "$T/r.txt" -- "$WL/exits" 300 0 "$EVIL"
	expect_status 0
	expect_json '.target.argv | length == 4'
	! grep -qF '<script>alert' "$T/r.html" || die "markup out of an argument"
}

a_hostile_perf_map_is_only_names()
{
	workload jit 20
	local map=/tmp/perf-$W.map first
	first=$(head -1 "$map" | cut -d ' ' -f 1)
	{
		printf '%s 200 evil\033[31m;</script><script>alert(1)</script>\n' "$first"
		printf 'zz 200 nonsense\n-1 -1 x\n%s\n' "$first"
		printf 'ffffffffffffffff ffffffffffffffff wraps\n'
		head -c 100000 /dev/zero | tr '\0' A
		head -c 1000 /dev/urandom
	} >"$map"
	tool -p "$W" -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded" -o "$T/r.html" -o "$T/r.txt"
	rm -f "$map"
	expect_status 0
	! grep -qF '<script>alert' "$T/r.html" || die "markup out of a perf map"
	expect_share "$T/r.folded" 'evil.x1b' '^jit;.*interpreter' 50 8
}

a_path_in_a_message_cannot_write_to_a_terminal()
{
	tool --from "$T/$EVIL" -o "$T/x.html"
	[ "$RC" != 0 ] || die "no such file, and yet status 0"
	tool -p "$EVIL"
	expect_status 2
	tool -o "$T/x.$EVIL" -p 1
	expect_status 2
}

a_binary_with_flipped_bytes_costs_only_its_names()
{
	local i good

	# Headers and tables are hit, the code is not: it still runs, or the case is passed over.
	good=0
	for i in 1 2 3 4 5 6; do
		cp "$WL/shape" "$T/flipped"
		_flip "$T/flipped" "$i"
		"$T/flipped" 0.01 >/dev/null 2>&1 || continue
		good=$((good + 1))
		workload_at "$T/flipped" 3
		tool -p "$W" -F 499 -d 0.4 -q -o "$T/r.json" -o "$T/r.html"
		expect_status 0
		kill -KILL "$W"
		wait "$W" 2>/dev/null
	done
	[ "$good" -gt 0 ] || die "no mutant ran"
}

# Overwrite 40 bytes at places behind the loaded segments: sections, symbols, strings.
_flip()
{
	local size i off from bytes tail=0

	size=$(stat -c %s "$1")
	while read -r from bytes; do
		[ $((from + bytes)) -gt "$tail" ] && tail=$((from + bytes))
	done < <(readelf -lW "$1" | awk '$1 == "LOAD" { print $2, $5 }')
	RANDOM=$2
	for i in $(seq 40); do
		off=$((tail + (RANDOM * 32768 + RANDOM) % (size - tail)))
		printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" |
			dd of="$1" bs=1 seek=$off conv=notrunc status=none
	done
}

run_tests "$@"
