#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# allocsites over programs that keep books of their own: in exact mode all numbers are equal, in sampled mode they lie
# where the number of samples says.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
use_profiler allocsites
LIBS=/usr/lib/$(uname -m)-linux-gnu

# What may lie between a site of ours and the allocator: libraries, C++ ones too. Anything else at the
# end of a stack was made up.
BEHIND='(;(operator new(\[\])?|std::[^;]*|void std::[^;]*|__gnu_cxx::[^;]*|(__)?strdup|reallocarray|lib[^;]*\+0x[0-9a-f]*))*$'

# The sites of the report in the workload's own form: from main() or a thread's first function down to the site.
# What throwing an exception takes is not in the workload's books.
_sites()
{
	jq -r '.target.pids[0] as $pid | .sites[] | select(.pid == $pid) | [(.frames | join(";")), .values[0],
		.values[1], .freed_objects, .freed_bytes, .values[2], .values[3]] | @tsv' "${1:-$T/r.json}" |
		grep -vE '__cxa_(allocate_exception|throw)' |
		BEHIND=$BEHIND awk -F '\t' '
			$1 ~ /;site_/ {
				sub(/^.*;(__libc_start_[^;]*|libc[^;]*|start_thread);/, "", $1)
				sub(ENVIRON["BEHIND"], "", $1)
				for (i = 2; i <= 7; i++)
					sum[$1, i] += $i
				seen[$1]
			}
			$1 !~ /;site_/ && $1 ~ /(^|;)(way_[ab]|giver|taker)(;|$)/ { print "not true:", $1 }
			END {
				for (p in seen)
					printf "site\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", p, sum[p, 2],
						sum[p, 3], sum[p, 4], sum[p, 5], sum[p, 6], sum[p, 7]
			}' | LC_ALL=C sort
}

# Every number of every site, and no site that is not there.
_expect_books()
{
	diff <(LC_ALL=C sort "$T/out") <(_sites) >"$T/diff" ||
		die "not as the workload has it (<): $COMMAND
$(cat "$T/diff" "$T/err")"
	expect_json '.alloc | .overwritten == 0 and .untracked == 0 and .stateless == 0 and .left_out == 0'
	expect_json '.events.lost == 0 and .stacks.complete == .events.kept'
	expect_json '.alloc.allocs == .alloc.frees + .alloc.live_allocs'
	expect_json '.alloc.bytes == .alloc.freed_bytes + .alloc.live_bytes'
}

_exact()
{
	local way

	for way in session multi perf; do
		tool --exact --probes "$way" --top 10000 -q -o "$T/r.json" -- "$@"
		[ "$RC" = 0 ] || ! grep -qi 'takes no uprobes' "$T/err" || continue
		expect_status 0
		(unset LD_PRELOAD; _expect_books) || exit 1
	done
}

every_number_of_every_site_is_equal()
{
	_exact "$WL/heapsites"
}

no_frame_pointer_makes_no_difference()
{
	_exact "$WL/heapsites-nofp"
}

a_static_program_counts_the_same()
{
	_exact "$WL/heapsites-static"
	expect_json '.allocators | length == 1'
}

_preloaded()
{
	local lib=$1 kind=$2

	[ -e "$LIBS/$lib" ] || skip_test "no $lib"
	export LD_PRELOAD=$LIBS/$lib
	_exact "$WL/heapsites"
	_exact "$WL/heapsites-nofp"
	unset LD_PRELOAD
	expect_json ".allocators | any(test(\"^$kind \"))"
}

jemalloc_counts_the_same()
{
	_preloaded libjemalloc.so.2 jemalloc
}

tcmalloc_counts_the_same()
{
	_preloaded libtcmalloc_minimal.so.4 tcmalloc
}

mimalloc_counts_the_same()
{
	_preloaded libmimalloc.so.2 mimalloc
}

run_tests "$@"
