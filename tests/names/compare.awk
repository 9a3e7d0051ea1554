# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
# Frames by address as addr2line -a -i -f writes them: ours (tests/names/frames), addr2line's, and a second
# opinion, in files of that order; without a second opinion, two. Prints each difference with its class and
# then a summary. Fails if in less than MIN percent (99.5) we agree with one of the two.
#
#   awk -v SYMBOLS=FILE -f compare.awk OURS ADDR2LINE [OTHER]        SYMBOLS: nm's
#
# What is no difference:
# - The name of the function itself is one that the symbol table has where that function starts, as in
#   user/symbol/parse/parser.h: an alias, or a suffix (".constprop.0") on top.
# - Where no line is known, a name is that of a symbol near by: no opinion.

# The record that ends here: NAME, PLACE, NAME, PLACE, ...
function keep(    i)
{
	for (i = 0; addr != "" && i < lines / 2; i++) {
		name[who, addr, i] = line[2 * i]
		where[who, addr, i] = line[2 * i + 1]
	}
	if (addr != "")
		depth[who, addr] = int(lines / 2)
}

FNR == 1 { keep(); addr = ""; who++ }
/^0x[0-9a-f]+( [0-9a-f]+)?$/ {
	keep()
	addr = $1
	sub(/^0x0*/, "0x", addr)
	if (who == 1) {
		order[all++] = addr
		start[addr] = $2
	}
	lines = 0
	next
}
{ line[lines++] = $0 }

function base(symbol)
{
	sub(/\..*/, "", symbol)
	return symbol
}

function frames_of(w, a,    i, s)
{
	for (i = 0; i < depth[w, a]; i++)
		s = s (i ? " < " : "") name[w, a, i] " (" place(w, a, i) ")"
	return s
}

# File and line, without folders and what may stand behind.
function place(w, a, i,    s)
{
	s = where[w, a, i]
	sub(/ .*/, "", s)
	sub(/.*\//, "", s)
	sub(/:\?$/, ":0", s)
	return s
}

# Of all frames: calls too, for those that others are inlined into.
function same_places(v, w, a,    i)
{
	if (depth[v, a] != depth[w, a])
		return 0
	for (i = 0; i < depth[v, a]; i++)
		if (place(v, a, i) != place(w, a, i))
			return 0
	return 1
}

function no_opinion(w, a)
{
	return !depth[w, a] || (depth[w, a] == 1 && where[w, a, 0] ~ /^(\?\?)?:/)
}

function is_name_of(symbol, a)
{
	return (symbol, start[a]) in symbols
}

# "" if two of them agree, else how they differ.
function differ(v, w, a,    i, n, x, y)
{
	n = depth[v, a]
	if (no_opinion(v, a) || no_opinion(w, a))
		return no_opinion(v, a) && no_opinion(w, a) ? "" : "known to one only"
	if (n != depth[w, a])
		return "depth"
	for (i = 0; i < n - 1; i++)
		if (name[v, a, i] != name[w, a, i])
			return !i && is_name_of(name[w, a, i], a) ? \
				"innermost has the name of the outermost" : "name of an inlined function"
	x = name[v, a, n - 1]; y = name[w, a, n - 1]
	if (x == "??" || y == "??")
		return place(v, a, 0) == place(w, a, 0) ? "" : "line where no function is known"
	if (base(x) != base(y) && !is_name_of(x, a) && !is_name_of(y, a))
		return "name of the function"
	return ""
}

BEGIN {
	while (SYMBOLS != "" && (getline s < SYMBOLS) > 0) {
		split(s, f, " ")
		sub(/@.*/, "", f[3])
		symbols[f[3], f[1]] = 1
	}
	if (MIN == "")
		MIN = 99.5
}

END {
	keep()
	for (k = 0; k < all; k++) {
		a = order[k]
		frames += depth[1, a]
		known += !no_opinion(1, a)
		for (w = 2; w <= who; w++)
			lines_same[w] += !no_opinion(1, a) && same_places(1, w, a)
		class = differ(1, 2, a)
		if (class == "") {
			same++
			continue
		}
		if (who > 2 && differ(1, 3, a) == "") {
			class = class ": the second opinion is ours"
			confirmed++
		} else if (who > 2) {
			class = class ": the second opinion is " \
				(differ(2, 3, a) == "" ? "theirs" : "a third")
		}
		if (!seen[class]++ || ALL)
			printf "%s [%s]\n    ours:   %s\n    theirs: %s\n%s", a, class, frames_of(1, a), \
				frames_of(2, a), (who > 2 ? "    other:  " frames_of(3, a) "\n" : "")
	}
	for (class in seen)
		printf "%d x [%s]\n", seen[class], class
	printf "%d of %d as addr2line", same, all
	if (who > 2)
		printf ", %d more as the second opinion", confirmed
	printf " (%.2f %%), %d frames; lines as", (all ? 100 * (same + confirmed) / all : 0), frames
	for (w = 2; w <= who; w++)
		printf "%s %.2f %%", (w > 2 ? " and" : ""), (known ? 100 * lines_same[w] / known : 0)
	print ""
	exit !all || 2 * known < all || 100 * (same + confirmed) / all < MIN
}
