# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What guest/job left, against what it should be. Each judge prints a line for each thing that is wrong.

# shellcheck source=tests/bpf/insns.sh
. tests/bpf/insns.sh

# The floor is 6.1: the expectation of what the programs find out by asking the kernel.
is_too_old()
{
	[ "$(printf '%s\n' 6.1 "$(kernel_series "$1")" | sort -V | tail -1)" = 6.1 ] &&
		[ "$(kernel_series "$1")" != 6.1 ]
}

# judge_refusal OUT: a kernel that lacks something gets status 3, or 125 where a command's own status is passed
# on, and one sentence that says what.
judge_refusal()
{
	local status name want

	ls "$1"/*.status >/dev/null 2>&1 || { echo "nothing was tried"; return; }
	for status in "$1"/*.status; do
		name=$(basename "$status" .status)
		case $name in heap-* | io-*) want=125 ;; *) want=3 ;; esac
		[ "$(cat "$status")" = $want ] || echo "$name: exit status $(cat "$status") instead of $want"
		grep -q '6\.1 or newer is needed' "$1/$name.err" && [ "$(wc -l <"$1/$name.err")" -le 2 ] ||
			echo "$name: does not say in a sentence what is missing: $(head -c 1000 "$1/$name.err")"
	done
}

# judge_load OUT: every object loads in every configuration.
judge_load()
{
	local file

	ls "$1"/load.* >/dev/null 2>&1 || { echo "no object was loaded"; return; }
	for file in "$1"/load.*; do
		grep '^not ok ' "$file" | sed "s/^/$(basename "$file"): /"
		grep -qE '^(not )?ok ' "$file" || echo "$(basename "$file"): no answer: $(head -c 1000 "$file")"
	done
}

# insns_rows OUT: rows for insns_compare.
insns_rows()
{
	local file

	for file in "$1"/load.*; do
		insns_of "${file##*/load.}" <"$file"
	done
}

# judge_report OUT NAME: it ended well, and its ledger is closed.
judge_report()
{
	local base=$1/$2

	[ -s "$base.status" ] || { echo "$2: was not run"; return 1; }
	[ "$(cat "$base.status")" = 0 ] ||
		{ echo "$2: exit status $(cat "$base.status"): $(head -c 2000 "$base.err")"; return 1; }
	jq -e '.events.kept >= 200 and .events.produced == .events.kept + ([.events.lost_by[]] | add // 0) and
		.events.kept == .stacks.complete + .stacks.truncated + .stacks.broken' "$base.json" >/dev/null ||
		{ echo "$2: too few events, or the ledger is open: $(jq -c '[.events, .stacks]' "$base.json")"; return 1; }
}

# complete_pct OUT NAME: of all events, those with a complete stack, in percent.
complete_pct()
{
	jq -r '10000 * .stacks.complete / .events.kept | floor / 100' "$1/$2.json"
}

judge_complete()
{
	jq -e '100 * .stacks.complete >= 99 * .events.kept' "$1/$2.json" >/dev/null ||
		echo "$2: $(complete_pct "$1" "$2") % of the stacks are complete: $(jq -c .stacks "$1/$2.json")"
}

# judge_shape OUT NAME: hot_a, hot_b and hot_c have 60, 30 and 10 %, and main is where it belongs.
judge_shape()
{
	awk -v name="$2" '
		{ n = $NF; sub(/ [0-9]+$/, "") }
		match($0, /;hot_[abc]$/) {
			leaf = substr($0, RSTART + 5)
			hot += n
			by[leaf] += n
			if ($0 ~ /;main;serve;handle;(parse;hot_a|query;hot_b|reply;hot_c)$/) whole += n
		}
		function share(leaf, want, got) {
			got = hot ? 100 * by[leaf] / hot : 0
			if (got < want - 8 || got > want + 8)
				printf "%s: hot_%s has %.1f %% instead of %d %%\n", name, leaf, got, want
		}
		END {
			share("a", 60); share("b", 30); share("c", 10)
			if (whole < 0.95 * hot) printf "%s: %d of %d samples show all callers\n", name, whole, hot
		}' "$1/$2.folded"
}

# judge_depth OUT NAME DEPTH: the recursion is there to its last frame.
judge_depth()
{
	awk -v name="$2" -v depth="$3" '
		{ n = $NF; sub(/ [0-9]+$/, "") }
		/;bottom$/ { all += n; if (gsub(/;down/, "") == depth) exact += n }
		END { if (!all || exact < all)
			printf "%s: %d of %d samples show %d frames of down()\n", name, exact, all, depth }' "$1/$2.folded"
}

# judge_heap OUT WAY: every call of heap-nofp, to the byte. Not every kernel has multi.
judge_heap()
{
	local base=$1/heap-$2

	if [ "$2" = multi ] && [ "$(cat "$base.status" 2>/dev/null)" != 0 ]; then
		grep -qE 'attach to process|refused the BPF' "$base.err" ||
			echo "heap by $2: no word of why not: $(head -c 1000 "$base.err")"
		return
	fi
	[ "$(cat "$base.status" 2>/dev/null)" = 0 ] ||
		{ echo "heap by $2: exit status $(cat "$base.status"): $(head -c 2000 "$base.err")"; return; }
	jq -e '.alloc | .allocs == 1371 and .bytes == 507500 and .frees == 1310 and .live_bytes == 55300 and
		.peak_bytes == 56400 and .failed == 2' "$base.json" >/dev/null ||
		echo "heap by $2: not what it does: $(jq -c '[.alloc, .events]' "$base.json")"
	jq -e '.events.lost == 0 and .stacks.complete == .events.kept and .stacks.unique == 6' "$base.json" >/dev/null ||
		echo "heap by $2: stacks: $(jq -c '[.events, .stacks]' "$base.json")"
}

# judge_io OUT NAME FILTER...: each is so, as jq has it, of a report whose ledger is closed and that has lost nothing.
judge_io()
{
	local base=$1/io-$2 name=$2 filter

	shift 2
	[ "$(cat "$base.status" 2>/dev/null)" = 0 ] ||
		{ echo "io $name: exit status $(cat "$base.status"): $(head -c 2000 "$base.err")"; return; }
	for filter in '.events | .lost == 0 and .produced == .kept' \
		'([.view.rows[].count] | add) == ([.latency[].count] | add)' "$@"; do
		jq -e "$filter" "$base.json" >/dev/null || { echo "io $name: not so: $filter:" \
			"$(jq -c '[.events, .io, (.latency[], .view.rows[], .calls[]? | del(.histogram?))]' "$base.json")"; return; }
	done
}

# A row of the device view.
IO_ROW='.latency[] | select(.device == "nvme0n1" and .op'

# judge RELEASE OUT: all of it.
judge()
{
	local name

	if is_too_old "$1"; then
		judge_refusal "$2"
		return
	fi
	judge_load "$2"
	for name in shape shape-nofp deep; do
		judge_report "$2" $name || continue
		judge_complete "$2" $name
		case $name in
		shape*) judge_shape "$2" $name ;;
		deep) judge_depth "$2" deep 1000 ;;
		esac
	done
	for name in best multi perf; do
		judge_heap "$2" $name
	done
	# A read across two extents is two I/Os, and the file system reads a block or two of its own.
	judge_io "$2" direct "[$IO_ROW == \"read\") | .count] | add >= 1000 and add <= 1010" \
		'[.view.rows[] | select(.who == "/mnt/data") | .bytes] == [4096000]' \
		'[.view.rows[] | select(.who == "/mnt/data") | .count] | add >= 1000 and add <= 1005'
	judge_io "$2" deep "[$IO_ROW == \"write\") | .count] | add >= 1000" \
		'[.view.rows[] | select(.who | test("aio_load|io_submit|serve")) | .count] | add >= 1000'
	judge_io "$2" sync "[$IO_ROW == \"write\") | .count] | add >= 50" \
		'[.calls[] | select(.call == "fsync") | .count] | add == 50' \
		'[.calls[] | select(.call == "pwrite") | .count] | add == 50'
}

# sum_up RELEASE OUT: a few words for the line of a kernel that is well.
sum_up()
{
	if is_too_old "$1"; then
		echo "refused, as it should be: $(head -1 "$2/shape.err")"
		return
	fi
	echo "$(insns_rows "$2" | awk -v p="$INSNS_PROGRAM" '$2 == p && $4 > most { most = $4 }
		END { print "at most " most + 0 " instructions of " p }')," \
		"complete $(complete_pct "$2" shape) / $(complete_pct "$2" shape-nofp) / $(complete_pct "$2" deep) %," \
		"heap by $(jq -r .alloc.cost.attached_by "$2/heap-best.json")," \
		"read p50 $(jq -r "$IO_ROW == \"read\") | .p50_us" "$2/io-direct.json") us"
}
