/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/shorten.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"

/* A name, and of each bracket that is closed where that is; 0 for all else. */
struct name {
	const char *text;
	size_t len;
	uint32_t *closing;
};

/* "operator<", "operator<<=", "operator->", "operator()": the brackets behind it are its name. 0: none. */
static size_t operator_length(const struct name *name, size_t at)
{
	static const char word[] = "operator";
	const char *s = name->text + at;
	size_t n = sizeof(word) - 1;

	if (strncmp(s, word, n) || (at && (isalnum((unsigned char)s[-1]) || s[-1] == '_')))
		return 0;
	return s[n] == '(' && s[n + 1] == ')' ? n + 2 : n + strspn(s + n, "<>=-*");
}

/*
 * One pass. @closing has the way back, too: of a bracket that is open, the one around it. Those that stay
 * open are cleared in the end. A ">" between parentheses is a comparison, or part of an arrow.
 */
static void match_brackets(const struct name *name)
{
	uint32_t *closing = name->closing, n_round = 0, i, around;
	uint32_t top = 0; /* the innermost open one, counted from 1 */

	for (i = 0; i < name->len; i++) {
		size_t skip = operator_length(name, i);
		char c = name->text[i];

		if (skip) {
			i += (uint32_t)skip - 1;
			continue;
		}
		if (c == '<' || c == '(') {
			n_round += c == '(';
			closing[i] = top;
			top = i + 1;
			continue;
		}
		if (c == '>' && (!top || name->text[top - 1] != '<' || name->text[i - 1] == '-'))
			continue;
		if ((c != '>' && c != ')') || (c == ')' && !n_round))
			continue;
		/* What is still open between two parentheses is none of a pair. */
		for (; c == ')' && name->text[top - 1] == '<'; top = around) {
			around = closing[top - 1];
			closing[top - 1] = 0;
		}
		around = closing[top - 1];
		closing[top - 1] = i;
		top = around;
		n_round -= c == ')';
	}
	for (; top; top = around) {
		around = closing[top - 1];
		closing[top - 1] = 0;
	}
}

/* Whether the name goes on behind these parentheses: "(anonymous namespace)::", the parameters of the
 * function around this one, "{lambda(int)#1}". */
static bool is_within(const struct name *name, size_t at)
{
	const char *behind = name->text + name->closing[at] + 1;

	if (!name->closing[at])
		return false;
	return *behind == '#' || !strncmp(behind, "::", 2) || !strncmp(behind, " const::", 8);
}

struct shortened {
	char *text; /* as long as the name; what is left out only makes it shorter */
	size_t used;
};

static void append(struct shortened *out, const char *s, size_t n)
{
	memcpy(out->text + out->used, s, n);
	out->used += n;
}

/* What lies from @i to @end, with a hole for what is in brackets. @is_type: parentheses hold no parameters. */
static void append_with_holes(struct shortened *out, const struct name *name, size_t i, size_t end,
			      bool is_type)
{
	static const char hole[] = "<…>";
	size_t step;

	for (; i < end; i += step) {
		char c = name->text[i];

		step = operator_length(name, i);
		if (!step && c == '<' && name->closing[i] >= i + sizeof(hole)) {
			append(out, hole, sizeof(hole) - 1);
			step = name->closing[i] + 1 - i;
			continue;
		}
		if (!step && c == '(' && !is_type && !is_within(name, i))
			break;
		step = step ? step : 1;
		append(out, name->text + i, step);
	}
	append(out, name->text + i, end - i);
}

/* Leave out "alloc::vec::" before "Vec", from @from on. */
static void drop_paths(struct shortened *out, size_t from)
{
	size_t word = from, to = from, i;

	for (i = from; i < out->used; i++) {
		char c = out->text[i];

		out->text[to++] = c;
		if (c == ' ' || c == '<' || c == '&' || c == '(' || c == ',')
			word = to;
		else if (c == ':' && to - word > 1 && out->text[to - 2] == ':')
			to = word;
	}
	out->used = to;
}

char *pb_shorten(const char *text)
{
	struct name name = {.text = text, .len = strlen(text)};
	pb_autofree uint32_t *closing = NULL;
	pb_autofree char *shorter = NULL;
	struct shortened out = {0};
	size_t leading = 0;

	if (name.len >= UINT32_MAX || !strchr(text, '<'))
		return NULL;
	name.closing = closing = calloc(name.len + 1, sizeof(*closing));
	out.text = shorter = malloc(name.len + 1);
	if (!closing || !shorter)
		return NULL;
	match_brackets(&name);
	/* "<alloc::vec::Vec<u8> as core::fmt::Write>::write_str": whose method of which trait. */
	if (text[0] == '<' && closing[0]) {
		leading = closing[0] + 1;
		append(&out, text, 1);
		append_with_holes(&out, &name, 1, leading, true);
		drop_paths(&out, 1);
	}
	append_with_holes(&out, &name, leading, name.len, false);
	if (out.used == name.len)
		return NULL;
	shorter[out.used] = '\0';
	return pb_take(shorter);
}
