#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Stacks of code that keeps no frame pointers: complete, and every frame is one that can be. What a
# program may show is known from its source, so the tool's own word is never all there is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

threads_without_frame_pointers_are_complete()
{
	workload threads-nofp
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	# clone3 and start_thread of libc, which has no names for them.
	expect_chains "$T/r.folded" '(red|green|blue);([^;]+;){2}thread_main(;.*)?'
	for c in red green blue; do
		expect_at_least "$(samples "$T/r.folded" "^$c;.*;thread_main;hot_$c\$")" 50 "of $c"
	done
}

# _expect_depth DEPTH: every stack that reached the bottom of `deep` has that many frames of down().
_expect_depth()
{
	expect_at_least "$(samples "$T/r.folded" ';bottom$')" 100 "samples at the bottom"
	awk -v want="$1" '/;bottom [0-9]+$/ { n = gsub(/;down/, ""); if (n != want) bad[n] += 1 }
		END { for (n in bad) { print bad[n] " stacks of " n; rc = 1 } exit rc }' "$T/r.folded" ||
		die "the recursion is $1 deep"
}

a_recursion_400_deep_is_complete_to_the_frame()
{
	workload deep-nofp 400
	tool -p "$W" -U --max-depth 1024 -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 100
	expect_chains "$T/r.folded" "deep-nofp;$ROOT(;down)*(;bottom|;[^;]+){0,2}"
	_expect_depth 400
}

a_recursion_1000_deep_is_complete_to_the_frame()
{
	workload deep-nofp 1000
	tool -p "$W" -U --max-depth 1024 -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 100
	expect_chains "$T/r.folded" "deep-nofp;$ROOT(;down)*(;bottom|;[^;]+){0,2}"
	_expect_depth 1000
}

a_recursion_beyond_the_default_depth_is_truncated_and_says_so()
{
	workload deep-nofp 400
	in_an_empty_directory
	tool -p "$W" -U -F 499 -d 1 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# All of bottom(); what hits main() or the first 100 calls of down() is rightly whole.
	expect_share "$T/r.folded" '^deep-nofp;\[truncated\];down;.*;bottom$' ';bottom$' 100 0
	expect_json '.stacks.truncated >= 0.9 * .events.kept and .stacks.broken == 0'
	awk '/^[^;]*;\[truncated\];/ { n = gsub(/;/, ""); if (n != 128) rc = 1 } END { exit rc }' \
		"$T/r.folded" || die "not 127 frames and the mark"
	# Without -o a person gets a table, and the truth below it.
	tool -p "$W" -U -F 499 -d 0.5
	grep -qE '(9[0-9]|100)(\.[0-9])? % truncated' "$T/out" || die "not a word: $(cat "$T/err" "$T/out")"
	grep -q 'raise --max-depth' "$T/err" || die "no way out is told: $(cat "$T/err")"
}

# _way NAME [CHAIN]: profiles `calls NAME`. All its stacks go through by_NAME, and those of hot() by CHAIN
# from there.
_way()
{
	workload calls "$1"
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	expect_chains "$T/r.folded" "calls;$ROOT;by_$1(;.*)?"
	[ -z "${2:-}" ] || expect_share "$T/r.folded" "^calls;$ROOT;by_$1;$2;hot\$" ';hot$' 100 1
}

a_callback_out_of_libc_is_complete()
{
	_way qsort '([^;]*qsort[^;]*;|libc[^;]*;)+compare'
}

a_frame_of_variable_size_is_complete()
{
	_way vla with_vla
}

a_signal_handler_is_complete()
{
	_way signal '([^;]+;)+on_signal'
}

a_signal_handler_on_a_stack_of_its_own_is_complete()
{
	_way altstack '([^;]+;)+on_signal'
}

a_fault_at_the_first_instruction_of_a_function_is_complete()
{
	_way trap 'faults_at_once;[^;]+;on_trap'
}

a_call_that_is_the_last_instruction_is_complete()
{
	_way noreturn 'calls_at_last;never_returns'
}

a_vfork_child_is_complete()
{
	# The children are new processes, each some 20 ms long; all of it counts.
	workload calls vfork
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	# A child that has given up its memory has no stack left.
	expect_chains "$T/r.folded" "calls(;$ROOT;by_vfork(;.*)?)?"
	expect_share "$T/r.folded" "^calls;$ROOT;by_vfork;hot\$" . 100 5
}

a_coroutine_ends_where_its_stack_begins()
{
	workload calls coroutine
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	# Nothing of main's stack, which is another.
	expect_chains "$T/r.folded" "calls;($ROOT;by_coroutine(;.*)?|([^;]+;)?coroutine(;.*)?)"
	expect_share "$T/r.folded" '^calls;([^;]+;)?coroutine;hot$' ';hot$' 100 1
}

calls_through_the_plt_are_complete()
{
	# The stubs themselves, instruction by instruction: tests/e2e/both.sh.
	_way plt
}

lazy_binding_breaks_only_in_the_dynamic_linker_and_invents_nothing()
{
	workload calls lazy
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_chains "$T/r.folded" "calls;$ROOT;by_lazy(;.*)?"
	expect_at_least "$(samples "$T/r.folded" ';by_lazy;[^;]*ld-linux')" 100 "samples in ld.so"
	# _dl_runtime_resolve aligns its stack and keeps the old one in rbx, which functions that it calls may
	# have put elsewhere by then. There the walk gives up.
	expect_json '[.stacks.broken_by[] | .cause == "unsupported_rule" and (.module | test("ld-linux"))] | all'
}

exceptions_are_complete()
{
	workload throws
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	# Not all: libgcc, about to jump to a handler, overwrites what its own rules refer to.
	expect_complete 97
	expect_causes bad_frame
	expect_chains "$T/r.folded" "throws;$ROOT(;.*)?"
	expect_at_least "$(samples "$T/r.folded" '_Unwind_RaiseException')" 100 "samples in unwinding"
}

# What a distribution ships, stripped and without frame pointers.

_data()
{
	cat /usr/bin/* 2>/dev/null | head -c "$1" >"$T/data"
}

# _debian PROGRAM ARGS...: profiles it a while after its start. Sets NAME.
_debian()
{
	local i

	NAME=$(basename "$(readlink -f "$(command -v "$1")")") || skip_test "no $1"
	_as_typed "$@" >/dev/null 2>&1 &
	W=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.1
		[ "$(cut -d ' ' -f 14 "/proc/$W/stat")" -gt 5 ] 2>/dev/null && break
	done
	tool -p "$W" -U -F 499 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	kill -KILL "$W" 2>/dev/null
	expect_complete 99
	_expect_outermost "$(command -v "$1")"
}

# Each stack begins with _start, which in a stripped file is some bytes behind its entry, or with the
# two frames of libc that begin a thread.
_expect_outermost()
{
	local entry bad

	entry=$(readelf -h "$1" | awk '/Entry point/ { print $NF }')
	bad=$(sed 's/ [0-9]*$//' "$T/r.folded" | grep -v ';\[broken\]' | cut -d ';' -f 2-3 |
		sort | uniq -c | while read -r n frames; do
			case $frames in
			_start* | libc*\;libc* | *clone*\;*start_thread) ;;
			"$NAME"+0x*) _is_behind "${frames%%;*}" "$entry" || echo "$n $frames" ;;
			*) echo "$n $frames" ;;
			esac
		done)
	[ -z "$bad" ] || die "stacks that begin elsewhere than at $entry: $bad"
}

# _is_behind MODULE+OFFSET ENTRY: within the few instructions of _start.
_is_behind()
{
	local off=$((${1##*+} - $2))

	[ "$off" -ge 0 ] && [ "$off" -lt 64 ]
}

gzip_is_complete()
{
	command -v gzip >/dev/null || skip_test "no gzip"
	_data 90M
	_debian gzip -9 -c "$T/data"
}

xz_is_complete()
{
	command -v xz >/dev/null || skip_test "no xz"
	_data 40M
	_debian xz -6 -T 1 -c "$T/data"
}

sort_is_complete()
{
	_data 60M
	_debian sort -R --parallel=2 "$T/data"
}

python_is_complete()
{
	[ -x /usr/bin/python3 ] || skip_test "no python3"
	_debian /usr/bin/python3 -c '
import json, time
end = time.time() + 20
while time.time() < end:
    text = json.dumps([{"n": i, "s": sorted(str(i * 7919))} for i in range(2000)])
    sum(len(d["s"]) for d in json.loads(text))'
}

# Libraries that come and go.

a_library_opened_meanwhile_is_complete()
{
	# Opened a second after "ready"; two thirds of the samples are in it.
	workload dlopener-nofp 20 "$WL/libplugin_a-nofp.so"
	tool -p "$W" -U -F 999 -d 3 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	expect_chains "$T/r.folded" "dlopener-nofp;$ROOT(;.*)?"
	expect_at_least "$(samples "$T/r.folded" plugin_a_hot)" 200 "samples in the plugin"
	expect_share "$T/r.folded" "^dlopener-nofp;$ROOT;work_in;plugin_entry;plugin_a_hot\$" \
		plugin_a_hot 100 1
}

a_library_at_the_place_of_another_is_never_walked_by_its_rules()
{
	workload dlopener-nofp 20 "$WL/libplugin_a-nofp.so" "$WL/libplugin_b-nofp.so"
	tool -p "$W" -U -F 999 -d 4 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 94
	# Loading takes its time too: whatever is called by work_in() but the plugin is libc's and ld.so's.
	expect_chains "$T/r.folded" "dlopener-nofp;$ROOT;(main_work|work_in)(;.*)?"
	expect_share "$T/r.folded" ';work_in;plugin_entry;plugin_[ab]_hot$' 'plugin_[ab]_hot' 98 3
	expect_share "$T/r.folded" plugin_a_hot 'plugin_[ab]_hot' 50 12
}

# Code that no file has.

frame_pointers_and_rules_mix_in_one_stack()
{
	local jit='\[?[^;]*0x[0-9a-f]+[^;]*'

	workload mixed-nofp
	tool -p "$W" -U -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 99
	expect_chains "$T/r.folded" "mixed-nofp;$ROOT(;.*)?"
	expect_share "$T/r.folded" "^mixed-nofp;$ROOT;enter;$jit;middle;$jit;inner;$jit;hot\$" ';hot$' 100 1
	# Neither way alone gets there.
	tool -p "$W" -U --unwind eh -F 499 -d 0.5 -q -o "$T/eh.json"
	expect_json '.stacks.complete < 0.1 * .events.kept' "$T/eh.json"
	expect_json '[.stacks.broken_by[].cause] | index("no_unwind_rule") != null' "$T/eh.json"
	tool -p "$W" -U --unwind fp -F 499 -d 0.5 -q -o "$T/fp.json"
	expect_json '.stacks.complete < 0.1 * .events.kept' "$T/fp.json"
}

jit_code_in_a_program_without_frame_pointers_is_named_and_complete()
{
	workload mixed-nofp
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_complete 98
	expect_at_least "$(samples "$T/r.folded" "^mixed-nofp;$ROOT;enter;.*;inner;.*hot")" 100 samples
}

node_is_complete_through_its_jit_code()
{
	local node

	node=$(command -v node) || skip_test "no node"
	_as_typed "$node" -e '
function hot(n) { let x = 0; for (let i = 0; i < 2000; i++) x = (x * 31 + n + i) | 0; return x; }
function tree(d) { return d ? tree(d - 1) + tree(d - 1) + hot(d) : 1; }
console.log("ready");
const end = Date.now() + 30000;
let sum = 0;
while (Date.now() < end) sum += tree(8) + [..."some text to be sorted"].sort().join("").length;
' >"$T/node.out" 2>&1 &
	W=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.3
		grep -q ready "$T/node.out" && break
	done
	sleep 0.5
	tool -p "$W" -U -F 499 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	kill -KILL "$W"
	expect_complete 99
	# In the JIT's code, and from there to the bottom of a C++ program.
	expect_at_least "$(samples "$T/r.folded" '^node;_start;.*;(\[j\]|0x|[^;]*_\[j\]|\[anon\])[^;]*')" 100 \
		"samples through JIT code"
}

java_that_keeps_frame_pointers_is_complete()
{
	local i

	command -v java >/dev/null || skip_test "no java"
	command -v javac >/dev/null || skip_test "no javac"
	cat >"$T/Hot.java" <<'END'
public class Hot {
	static int hot(int n) { int x = n; for (int i = 0; i < 3000; i++) x = x * 31 + i; return x; }
	static int tree(int d) { return d == 0 ? 1 : tree(d - 1) + tree(d - 1) + hot(d); }
	public static void main(String[] args) {
		long end = System.currentTimeMillis() + 30000;
		int sum = 0;
		for (int i = 0; i < 300; i++) sum += tree(8);
		System.out.println("ready");
		while (System.currentTimeMillis() < end) sum += tree(8);
		System.out.println(sum);
	}
}
END
	javac -d "$T" "$T/Hot.java" || skip_test "javac does not work"
	workload_at java -XX:+PreserveFramePointer -cp "$T" Hot
	tool -p "$W" -U -F 499 -d 2 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	kill -KILL "$W"
	expect_complete 99
	expect_share "$T/r.folded" '^[^;]*;[^;]*(libc|clone)[^;]*;' . 100 1
}

# The three ways of --unwind.

by_frame_pointers_alone_such_a_program_is_broken_and_says_why()
{
	workload shape-nofp
	in_an_empty_directory
	tool -p "$W" -U --unwind fp -F 499 -d 1 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.capture.unwind == "fp" and .stacks.complete < 0.05 * .events.kept'
	expect_json '.stacks.broken_by[0] | .cause == "no_frame_pointer" and (.module | endswith("/shape-nofp"))'
	expect_json '.stacks.unwind.modules == 0 and .stacks.unwind.rows == 0'
	expect_says 'frame pointer'
}

by_rules_alone_a_program_is_complete()
{
	workload shape-nofp
	tool -p "$W" -U --unwind eh -F 999 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.capture.unwind == "eh"'
	expect_complete 99
	expect_chains "$T/r.folded" "shape-nofp;$ROOT;serve(;.*)?"
	expect_share "$T/r.folded" "^shape-nofp;$ROOT;serve;handle;parse;hot_a\$" 'hot_a$' 100 1
	expect_share "$T/r.folded" 'hot_a$' 'hot_[abc]$' 60 5
}

auto_is_the_default_and_counts_its_tables()
{
	workload shape-nofp
	tool -p "$W" -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.capture.unwind == "auto"'
	# The program, libc, ld.so, the vdso.
	expect_json '.stacks.unwind | .modules >= 3 and .rows > 10000 and .refused == 0'
	expect_complete 99
}

a_module_without_room_for_its_table_is_walked_by_frame_pointers()
{
	workload huge
	tool -p "$W" -U --table-size 1M -F 499 -d 1 -q -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.unwind.refused >= 1 and .stacks.unwind.modules >= 1'
	# It keeps them; libc below main does not, but has a table.
	expect_share "$T/r.folded" ';main;serve;hot$' ';hot$' 100 1
	tool -p "$W" -U -F 499 -d 1 -q -o "$T/r.json"
	expect_json '.stacks.unwind.refused == 0 and .stacks.unwind.rows > 300000'
	expect_complete 99
}

a_module_that_breaks_for_want_of_room_is_named_with_the_remedy()
{
	workload huge-nofp
	in_an_empty_directory
	tool -p "$W" -U --table-size 1M -F 499 -d 1 -o "$T/r.json" -o "$T/r.folded"
	expect_status 0
	expect_json '.stacks.unwind.refused >= 1 and .stacks.complete < 0.05 * .events.kept'
	expect_share "$T/r.folded" 'hot$' . 97 4
	expect_says 'huge-nofp.*--table-size'
	tool -p "$W" -U -F 499 -d 1 -o "$T/r.json"
	expect_complete 99
	! grep -q -- '--table-size' "$T/err" || die "a remedy for nothing: $(cat "$T/err")"
}

run_tests "$@"
