# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# What every ring of tests uses: where things are, and one line per result.
#
# Each result is shown, and added to the file $PB_RESULTS as "pass|fail|skip<TAB>ring: name"; tools/check
# counts that file, and so does a ring that is run by itself.

set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$TOP" || exit 1
O=${O:-build}
case $O in /*) ;; *) O=$TOP/$O ;; esac
export TOP O
PATH=$PATH:/usr/sbin:/sbin
RING=${RING:-$(basename "$0")}

if [ -z "${PB_RESULTS:-}" ]; then
	PB_RESULTS=$(mktemp)
	export PB_RESULTS
	# shellcheck disable=SC2154 # $? is what it is when the trap runs
	trap 'count_results; rc=$?; rm -f "$PB_RESULTS"; exit $rc' EXIT
fi

# pass NAME, fail NAME [DETAIL], skip NAME REASON
pass()
{
	printf 'pass\t%s: %s\n' "$RING" "$1" >>"$PB_RESULTS"
	printf '  ok    %s: %s\n' "$RING" "$1"
}

fail()
{
	local detail=${2:-}

	printf 'fail\t%s: %s\n' "$RING" "$1" >>"$PB_RESULTS"
	[ -z "$detail" ] || detail="          ${detail//$'\n'/$'\n'          }"$'\n'
	# At once: others may write, too.
	printf '  FAIL  %s: %s\n%s' "$RING" "$1" "$detail"
	return 1
}

skip()
{
	printf 'skip\t%s: %s (%s)\n' "$RING" "$1" "$2" >>"$PB_RESULTS"
	printf '  skip  %s: %s: %s\n' "$RING" "$1" "$2"
}

# A test that needs root or BPF may be skipped on somebody's laptop, but not where it is the gate.
skip_kernel()
{
	if [ "${CI:-}" = true ]; then
		fail "$1" "skipped, which CI does not allow: $2"
	else
		skip "$1" "$2"
	fi
}

# expect_quiet NAME COMMAND...: passes if the command succeeds and says nothing.
expect_quiet()
{
	local name=$1 said rc

	shift
	said=$("$@" 2>&1)
	rc=$?
	if [ $rc -eq 0 ] && [ -z "$said" ]; then
		pass "$name"
	else
		fail "$name" "${said:-exit status $rc}"
	fi
}

# Why BPF programs cannot be loaded here, in one sentence; nothing if they can.
why_no_bpf()
{
	if [ "$(id -u)" -ne 0 ]; then
		echo "needs root"
	elif [ ! -r /sys/kernel/btf/vmlinux ]; then
		echo "this kernel has no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)"
	fi
}

# The last line of a run; fails if a test failed, or if there was none.
count_results()
{
	awk -F '\t' '{ n[$1]++ }
		END {
			printf "%d passed, %d failed", n["pass"], n["fail"]
			if (n["skip"]) printf ", %d skipped", n["skip"]
			printf "\n"
			exit n["fail"] > 0 || NR == 0
		}' "$PB_RESULTS"
}

# find_sources NAME_PATTERN...: our own files below the top, generated and foreign ones left out.
find_sources()
{
	local expr=() p

	for p; do
		expr+=(-o -name "$p")
	done
	find . \( -path ./.git -o -path './build*' -o -path ./vmlinux -o -path "./${O#"$TOP"/}" \) \
		-prune -o -type f \( "${expr[@]:1}" \) -print | sed 's,^\./,,' | sort
}
