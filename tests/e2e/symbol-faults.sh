#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Files that lie, are huge or damaged, and servers that say nothing: they cost names, never the profile.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# _patch_section FILE SECTION BYTES: the section is said to be that long and to lie in a hole behind the file.
_patch_section()
{
	python3 - "$@" <<-'END'
		import os, struct, sys
		path, name, size = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
		with open(path, "r+b") as f:
		    data = f.read()
		    shoff, = struct.unpack_from("<Q", data, 40)
		    shentsize, shnum, shstrndx = struct.unpack_from("<HHH", data, 58)
		    strings, = struct.unpack_from("<Q", data, shoff + shstrndx * shentsize + 24)
		    for i in range(shnum):
		        at = shoff + i * shentsize
		        start = strings + struct.unpack_from("<I", data, at)[0]
		        if data[start:data.index(b"\0", start)] == name:
		            f.seek(at + 24)
		            f.write(struct.pack("<QQ", (len(data) + 4095) & ~4095, size))
		    f.truncate(len(data) + size + 8192)
	END
}

_expect_symbols_only()
{
	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	expect_share "$T/r.folded" ';main;engine::first' . 66 12
}

a_gigabyte_of_zeros_as_debug_information_costs_only_that()
{
	cp "$WL/inlined-gcc" "$T/prog"
	_patch_section "$T/prog" .debug_info $((1 << 30))
	workload_at "$T/prog" 20
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	_expect_symbols_only
}

a_symbol_table_of_eight_gigabytes_costs_the_names()
{
	cp "$WL/inlined-gcc" "$T/prog"
	_patch_section "$T/prog" .symtab $((8 << 30))
	workload_at "$T/prog" 20
	tool -p "$W" -F 999 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	expect_json '.overhead.max_rss_bytes < 300e6'
}

# _flip FILES: in each, ten bytes that are not code, outside what the loader needs.
_flip()
{
	python3 - "$@" <<-'END'
		import random, struct, sys
		def flip(f):
		    data = bytearray(f.read())
		    shoff, = struct.unpack_from("<Q", data, 40)
		    shentsize, shnum, shstrndx = struct.unpack_from("<HHH", data, 58)
		    strings, = struct.unpack_from("<Q", data, shoff + shstrndx * shentsize + 24)
		    spans = []
		    for i in range(shnum):
		        at = shoff + i * shentsize
		        start = strings + struct.unpack_from("<I", data, at)[0]
		        name = bytes(data[start:data.index(b"\0", start)]).decode()
		        off, size = struct.unpack_from("<QQ", data, at + 24)
		        if size and name.startswith((".debug", ".symtab", ".strtab", ".shstrtab", ".eh_frame")):
		            spans.append((off, size))
		    spans.append((shoff, shentsize * shnum))
		    for _ in range(10):
		        off, size = random.choice(spans)
		        data[off + random.randrange(size)] ^= 1 << random.randrange(8)
		    f.seek(0)
		    f.write(data)

		for i, path in enumerate(sys.argv[1:]):
		    random.seed(i)
		    with open(path, "r+b") as f:
		        flip(f)
	END
}

# Names are right or none: what is left of one is not shown as one, and trap_* are never called. Unless the damaged
# file says so, in a value or the end of a string that was hit: a few in a thousand.
_expect_no_neighbours()
{
	local n

	n=$(grep ';trap_\|;main[^;]*trap_' "$T/r.folded" | cut -d ';' -f 1 | sort -u | wc -l)
	[ "$n" -le 10 ] || die "$n programs with a neighbour's name"
}

# One behind the other, each gone before it is named.
a_thousand_damaged_copies_of_programs_are_survived()
{
	local i program

	for i in $(seq 334); do
		for program in gcc clang lto; do
			cp "$WL/inlined-$program" "$T/flip-$i-$program"
		done
	done
	_flip "$T"/flip-*
	# shellcheck disable=SC2016 # of the inner shell
	tool -F 999 -q -o "$T/r.json" -o "$T/r.folded" -o "$T/r.pb.gz" -- \
		sh -c 'for p; do "$p" 0.01 >/dev/null; done' sh "$T"/flip-*
	expect_status 0
	expect_at_least "$(grep -oE '^flip-[^;]*' "$T/r.folded" | sort -u | wc -l)" 900 "programs with a sample"
	# Most of them were hit where it does not matter.
	expect_at_least "$(samples "$T/r.folded" '^flip-.*;main;engine::')" 1000 "samples with names"
	_expect_no_neighbours
}

# _served MODE: a program of a file system that will not answer any more; see dumbfs. SERVED has all of them.
_served()
{
	[ -c /dev/fuse ] || skip_test "no /dev/fuse"
	mkdir "$T/$1"
	workload dumbfs "$1" "$T/$1" "$WL/inlined-gcc" 80
	SERVED+=("$W")
}

_fall_silent()
{
	local word pid

	while read -r word pid; do
		[ "$word" != server ] || kill -USR1 "$pid" || die "no server $pid"
	done <"$T/workload.out"
}

# Whoever waits for them is free then, and gone.
_end_served()
{
	kill -KILL "${SERVED[@]}"
	wait "${SERVED[@]}" 2>/dev/null
	return 0
}

files_that_nobody_answers_for_cost_their_names()
{
	local from

	SERVED=()
	_served open
	_served stat
	_served read
	_fall_silent
	workload shape
	from=$SECONDS
	tool -p "$W,$(IFS=,; echo "${SERVED[*]}")" -F 499 -d 2 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# A second for each.
	[ $((SECONDS - from)) -lt 40 ] || die "took $((SECONDS - from)) s"
	[ "$(grep -c 'does not answer' "$T/err")" = 3 ] || die "not each of three: $(cat "$T/err")"
	expect_at_least "$(samples "$T/r.folded" '^prog;')" 100 "samples of the programs"
	expect_share "$T/r.folded" '^prog;.*;prog\+0x[0-9a-f]+$' '^prog;' 95 6
	[ "$(jq '[.symbols.gaps[] | select((.module | endswith("/prog")) and .cause == "no_file")] | length' \
		"$T/r.json")" -ge 1 ] || die "no gap is told: $(jq -c .symbols.gaps "$T/r.json")"
	# What lies elsewhere is as ever.
	expect_share "$T/r.folded" ';hot_a$' '^shape;' 60 12
	_end_served
}

# It was opened, and is held; whoever reads it hangs, in a call in which nobody can be killed.
a_file_system_that_dies_during_the_capture_costs_names()
{
	SERVED=()
	_served read
	workload shape
	start_tool -p "$W,${SERVED[0]}" -F 499 -d 2 -o "$T/r.json" -o "$T/r.folded"
	sleep 1
	_fall_silent
	wait_tool
	expect_status 0
	expect_says '/prog: no names, as the symbol parser was stopped: its file cannot be read'
	expect_at_least "$(samples "$T/r.folded" '^prog;')" 100 "samples of the program"
	expect_share "$T/r.folded" ';hot_a$' '^shape;' 60 12
	_end_served
}

what_a_target_keeps_to_itself_is_in_no_output()
{
	local f

	SECRET_IN_ENVIRONMENT=canary-env workload_at "$WL/inlined-gcc" 20 canary-argument
	tool -p "$W" -d 1 -q -o "$T/r.json" -o "$T/r.folded" -o "$T/r.html" -o "$T/r.pb.gz" -o "$T/r.txt"
	expect_status 0
	gunzip -c "$T/r.pb.gz" >"$T/r.pb"
	for f in json folded html pb txt; do
		grep -qa canary "$T/r.$f" && die "r.$f holds it"
	done
	return 0
}

# Listens, and says nothing. Sets PORT; $T/connections grows by a line per connection.
_silent_server()
{
	: >"$T/connections"
	python3 - "$T/port" "$T/connections" <<-'END' &
		import socket, sys
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen(16)
		open(sys.argv[1] + ".new", "w").write(str(s.getsockname()[1]))
		__import__("os").rename(sys.argv[1] + ".new", sys.argv[1])
		held = []
		while True:
		    held.append(s.accept())
		    open(sys.argv[2], "a").write("one\n")
	END
	SERVER=$!
	for _ in $(seq 100); do
		[ -s "$T/port" ] && break
		sleep 0.1
	done
	PORT=$(cat "$T/port")
}

no_server_is_asked_because_a_variable_is_set()
{
	cp "$WL/inlined-gcc" "$T/prog"
	strip "$T/prog"
	_silent_server
	export DEBUGINFOD_URLS=http://127.0.0.1:$PORT
	workload_at "$T/prog" 20
	tool -p "$W" -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	kill "$SERVER"
	expect_status 0
	[ ! -s "$T/connections" ] || die "the server was asked"
}

a_silent_server_costs_its_time_once_and_is_named()
{
	local from=$SECONDS

	_cannot_debuginfod && skip_test "libdebuginfod is not installed"
	cp "$WL/inlined-gcc" "$T/prog"
	strip "$T/prog"
	_silent_server
	export DEBUGINFOD_URLS=http://127.0.0.1:$PORT DEBUGINFOD_CACHE_PATH=$T/cache
	workload_at "$T/prog" 60
	tool -p "$W" -d 1 --debuginfod -o "$T/r.json" -o "$T/r.folded"
	kill "$SERVER"
	expect_status 0
	expect_says debuginfod
	[ -s "$T/connections" ] || die "nobody was asked"
	# Five seconds of silence, each server once: far below one limit per module.
	[ $((SECONDS - from)) -lt 60 ] || die "took $((SECONDS - from)) s"
}

# _start_slow_naming ARGS...: a capture that has ended, and whose names wait for a silent server.
_start_slow_naming()
{
	_cannot_debuginfod && skip_test "libdebuginfod is not installed"
	_silent_server
	export DEBUGINFOD_URLS=http://127.0.0.1:$PORT DEBUGINFOD_CACHE_PATH=$T/cache
	start_tool -F 499 --debuginfod -o "$T/r.json" -o "$T/r.folded" "$@"
	for _ in $(seq 300); do
		[ -s "$T/connections" ] && return 0
		sleep 0.1
	done
	die "nobody was asked"
}

a_signal_while_names_are_made_costs_names_only()
{
	workload_at "$WL/inlined-gcc" 60
	cp "$WL/inlined-gcc" "$T/prog"
	strip "$T/prog"
	OTHER=$W
	workload_at "$T/prog" 60
	_start_slow_naming -p "$W,$OTHER" -d 1
	kill -TERM "$TOOL"
	wait_tool
	kill "$SERVER"
	expect_status 0
	expect_says "a signal ended the naming"
	expect_at_least "$(samples "$T/r.folded" .)" 100 "samples"
	expect_json '.symbols.gaps | any(.cause == "given_up")'
}

a_second_signal_while_names_are_made_ends_at_once()
{
	cp "$WL/inlined-gcc" "$T/prog"
	strip "$T/prog"
	workload_at "$T/prog" 60
	_start_slow_naming -p "$W" -d 1
	# Both before the first one has had its effect.
	kill -STOP "$TOOL"
	kill -TERM "$TOOL"
	kill -INT "$TOOL"
	kill -CONT "$TOOL"
	wait_tool
	kill "$SERVER"
	expect_status 130
}

a_signal_while_names_are_made_goes_to_the_command_too()
{
	cp "$WL/inlined-gcc" "$T/prog"
	strip "$T/prog"
	_start_slow_naming -d 1 -- "$T/prog" 60
	kill -TERM "$TOOL"
	wait_tool
	kill "$SERVER"
	expect_status 143
	expect_at_least "$(samples "$T/r.folded" .)" 50 "samples"
}

_cannot_debuginfod()
{
	! ldconfig -p | grep -q libdebuginfod.so.1
}

a_server_gives_what_is_not_here()
{
	local id

	command -v debuginfod >/dev/null || skip_test "debuginfod is not installed"
	_cannot_debuginfod && skip_test "libdebuginfod is not installed"
	mkdir "$T/debug"
	cp "$WL/inlined-gcc" "$T/prog"
	objcopy --only-keep-debug "$T/prog" "$T/debug/prog.debug"
	strip "$T/prog"
	id=$(readelf -n "$T/prog" | awk '/Build ID/ { print $3 }')
	PORT=$((20000 + RANDOM % 20000))
	DEBUGINFOD_CACHE_PATH=$T/server debuginfod -d "$T/db" -p "$PORT" -F "$T/debug" >"$T/server.log" 2>&1 &
	SERVER=$!
	for _ in $(seq 150); do
		_serves "http://127.0.0.1:$PORT/buildid/$id/debuginfo" && break
		sleep 0.2
	done
	export DEBUGINFOD_URLS=http://127.0.0.1:$PORT DEBUGINFOD_CACHE_PATH=$T/cache
	workload_at "$T/prog" 60
	tool -p "$W" -F 999 -d 2 -q --debuginfod -o "$T/r.json" -o "$T/r.folded"
	kill "$SERVER"
	expect_status 0
	expect_share "$T/r.folded" ';main;engine::first;.*_\[i\]$' . 66 12
}

_serves()
{
	python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "$1" 2>/dev/null
}

run_tests "$@"
