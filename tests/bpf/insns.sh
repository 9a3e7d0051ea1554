# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What the verifier walked, against tests/bpf/insns.txt: one row for each program and configuration, one
# column for each series of kernels. Shared by tests/ring/bpf (the running kernel) and tools/kernel-matrix.

INSNS_TABLE=${INSNS_TABLE:-tests/bpf/insns.txt}
# The program that runs at every sample may cost the verifier this much; the kernel's end is a million.
INSNS_PROGRAM=on_sample
INSNS_MAX=40000

# kernel_series RELEASE: 6.12 of 6.12.117+deb12-cloud-amd64.
kernel_series()
{
	sed -nE 's/^([0-9]+\.[0-9]+).*/\1/p' <<<"$1"
}

# insns_of TOOL <OUTPUT_OF_LOAD: rows "tool program configuration number".
insns_of()
{
	awk -v tool="$1" '$1 == "insns" && $4 { print tool, $2, $3, $4 }'
}

# insns_compare SERIES <ROWS: a line for all that is new, changed or grown. Fails if a number grew by more than
# 20 %, or if the sampling program is beyond its limit. A kernel without a column has nothing to grow from:
# that is said, and is no failure.
insns_compare()
{
	awk -v series="$1" -v sampling="$INSNS_PROGRAM" -v most="$INSNS_MAX" '
		FILENAME == ARGV[1] {
			if ($1 == "#") next
			if (!column) { for (column = NF; column > 3 && $column != series; column--); next }
			if (column > 3 && $column != "-") known[$1 " " $2 " " $3] = $column
			next
		}
		{ key = $1 " " $2 " " $3 }
		$2 == sampling && $4 > most {
			print "too many: " key ": " $4 ", more than " most; bad = 1
		}
		column <= 3 { next }
		!(key in known) { print "new: " $0; next }
		5 * $4 > 6 * known[key] { print "grown: " key ": " known[key] " to " $4; bad = 1; next }
		5 * $4 < 4 * known[key] { print "shrunk: " key ": " known[key] " to " $4 }
		END {
			if (column <= 3) print "kernel " series " is not in the table"
			exit bad
		}' "$INSNS_TABLE" -
}

# insns_update SERIES <ROWS: puts them into the column of that series. Where two kernels of a series differ,
# as flavours do, the larger number stays: within one run, UPDATED says which series are done already.
insns_update()
{
	local rows new columns

	rows=$(mktemp) && new=$(mktemp) || return 1
	cat >"$rows"
	columns=$(awk '$1 == "tool" { for (i = 4; i <= NF; i++) print $i }' "$INSNS_TABLE" 2>/dev/null |
		cat - <(echo "$1") | sort -uV | tr '\n' ' ')
	{
		echo "# Instructions the verifier walked, by series of kernels, as $(clang --version | head -1) compiled it."
		echo "# UPDATE=1 tests/ring/bpf rewrites the running kernel's column, UPDATE=1 tests/ring/matrix others."
		_insns_merge "$1" "$columns" "$rows" | { read -r head; echo "$head"; sort; } | column -t
	} >"$new"
	cat "$new" >"$INSNS_TABLE"
	rm -f "$rows" "$new"
	UPDATED="${UPDATED:-} $1 "
}

_insns_merge()
{
	touch "$INSNS_TABLE"
	awk -v series="$1" -v columns="$2" -v again="$([[ ${UPDATED:-} == *" $1 "* ]] && echo 1)" '
		BEGIN { n = split(columns, name, " ") }
		FILENAME == ARGV[1] && $1 == "tool" { for (i = 4; i <= NF; i++) at[i] = $i; next }
		FILENAME == ARGV[1] && $1 != "#" {
			for (i = 4; i <= NF; i++)
				if ($i != "-" && (at[i] != series || again))
					value[$1 " " $2 " " $3, at[i]] = $i
		}
		FILENAME == ARGV[2] {
			key = $1 " " $2 " " $3
			if ($4 > value[key, series]) value[key, series] = $4
		}
		END {
			printf "tool program configuration %s\n", columns
			for (k in value) { split(k, part, SUBSEP); keys[part[1]] }
			for (key in keys) {
				row = key
				for (i = 1; i <= n; i++)
					row = row " " (value[key, name[i]] ? value[key, name[i]] : "-")
				print row
			}
		}' "$INSNS_TABLE" "$3"
}
