/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/shorten.h"

#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"

/* "operator<", "operator<<=", "operator->": the brackets behind it are its name. */
static size_t operator_length(const char *s)
{
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	if (strncmp(s, word, n))
		return 0;
	return n + strspn(s + n, "<>=-*");
}

/* Length of the bracketed part that @s begins with, both brackets included; 0 if it is not closed. */
static size_t bracketed(const char *s)
{
	size_t depth = 0, i;

	for (i = 0; s[i]; i++) {
		if (s[i] == '<')
			depth++;
		else if (s[i] == '>' && s[i - 1] != '-' && !--depth)
			return i + 1;
	}
	return 0;
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

/* @n bytes, with a hole for what is in brackets. */
static void append_with_holes(struct shortened *out, const char *s, size_t n)
{
	static const char hole[] = "<…>";
	size_t i, step;

	for (i = 0; i < n && s[i] != '('; i += step) {
		step = operator_length(s + i);
		if (!step && s[i] == '<' && (step = bracketed(s + i)) > sizeof(hole)) {
			append(out, hole, sizeof(hole) - 1);
			continue;
		}
		step = step ? step : 1;
		append(out, s + i, step);
	}
	append(out, s + i, n - i);
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

char *pb_shorten(const char *name)
{
	size_t len = strlen(name), leading = name[0] == '<' ? bracketed(name) : 0;
	pb_autofree char *text = malloc(len + 1);
	struct shortened out = {text, 0};

	if (!text)
		return NULL;
	/* "<alloc::vec::Vec<u8> as core::fmt::Write>::write_str": whose method of which trait. */
	if (leading) {
		append(&out, name, 1);
		append_with_holes(&out, name + 1, leading - 1);
		drop_paths(&out, 1);
	}
	append_with_holes(&out, name + leading, len - leading);
	if (out.used == len)
		return NULL;
	text[out.used] = '\0';
	return pb_take(text);
}
