# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# From `readelf -W --debug-dump=frames-interp` one line for each row: START END CFA FP RA SP, the
# last four in readelf's words, "-" where it has no column; "signal" for all of a signal frame.

function number(hex,   i, n) # exact below 2^53, and readelf's are of one length
{
	n = 0
	for (i = 1; i <= length(hex); i++)
		n = n * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
	return n
}

function row(start, end, rules)
{
	if (number(start) < number(end))
		print start, end, rules
}

# What was collected of the last entry.
function flush(   i)
{
	if (kind == "CIE" && n)
		initial[id] = rules[n]
	if (kind == "FDE" && signal[cie])
		row(from, to, "signal - - -")
	else if (kind == "FDE" && !n)
		row(from, to, initial[cie])
	else if (kind == "FDE")
		for (i = 1; i <= n; i++)
			row(loc[i], i < n ? loc[i + 1] : to, rules[i])
	n = 0
	kind = ""
}

function word(column)
{
	return column in at ? $(at[column]) : "-"
}

# A register in a register is "r10 (r10)".
{ gsub(/ \([a-z0-9]+\)/, "") }
$4 == "CIE" { flush(); kind = "CIE"; id = $1; signal[id] = $5 ~ /S/; next }
$4 == "FDE" {
	flush()
	kind = "FDE"
	cie = substr($5, 5)
	split(substr($6, 4), pc, /\.\./)
	from = pc[1]
	to = pc[2]
	next
}
$1 == "LOC" { delete at; for (i = 1; i <= NF; i++) at[$i] = i; next }
$2 == "ZERO" { next } # terminator
kind != "" && NF > 1 && $1 ~ /^[0-9a-f]+$/ {
	loc[++n] = $1
	rules[n] = $2 " " word(fp) " " word("ra") " " word(sp)
}
END { flush() }
