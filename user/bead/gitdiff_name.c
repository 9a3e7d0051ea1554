/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of functions, from lines that begin one, in the languages whose lines tell. */
#include "user/bead/gitdiff.h"

#include <ctype.h>
#include <string.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '~' ||
	       (unsigned char)c >= 0x80;
}

/* The name that ends at @end, with what qualifies it: "ns::T::get". */
static size_t name_before(const char *line, size_t end)
{
	size_t begin = end;

	while (begin) {
		if (is_word(line[begin - 1]))
			begin--;
		else if (begin >= 2 && line[begin - 1] == ':' && line[begin - 2] == ':')
			begin -= 2;
		else
			break;
	}
	return begin;
}

static bool is_one_of(const char *word, size_t len, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == len && !memcmp(*words, word, len))
			return true;
	return false;
}

/* Words behind which a parenthesis begins something else. */
static const char *const no_names[] = {
	"if",       "for",     "while",         "switch",   "return",  "sizeof",     "catch",
	"typeof",   "defined", "__attribute__", "_Alignas", "alignas", "__declspec", "decltype",
	"noexcept", "elif",    "else",          "do",       NULL};

/* Words that begin a function of themselves, so that it may be indented. */
static const char *const openers[] = {"def", "fn", "func", "function", "sub", "fun", NULL};

static bool copy_name(char *buf, size_t size, const char *name, size_t len)
{
	if (!len || len >= size || isdigit((unsigned char)*name))
		return false;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return true;
}

/* Behind the parenthesis that closes the one at @at. */
static size_t skip_parentheses(const char *line, size_t len, size_t at)
{
	int depth = 0;

	for (; at < len; at++) {
		depth += (line[at] == '(') - (line[at] == ')');
		if (!depth)
			return at + 1;
	}
	return len;
}

/* "def find(self)", "pub fn find<T>(x: T)", "func (t *T) Find(x int)". */
static bool by_opener(char *buf, size_t size, const char *line, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t begin, end;

		while (at < len && (line[at] == ' ' || line[at] == '\t'))
			at++;
		for (begin = end = at; end < len && is_word(line[end]); end++)
			;
		if (end == begin)
			return false;
		at = end;
		if (!is_one_of(line + begin, end - begin, openers) || end == len ||
		    (line[end] != ' ' && line[end] != '\t'))
			continue;
		while (at < len && line[at] == ' ')
			at++;
		if (at < len && line[at] == '(') {
			at = skip_parentheses(line, len, at);
			while (at < len && line[at] == ' ')
				at++;
		}
		for (end = at; end < len && is_word(line[end]); end++)
			;
		return copy_name(buf, size, line + at, end - at);
	}
	return false;
}

bool pb_gitdiff_function(char *buf, size_t size, const char *line, size_t len)
{
	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	if (by_opener(buf, size, line, len))
		return true;
	if (!len || !is_word(line[0]) || line[len - 1] == ';')
		return false;
	for (size_t at = 0; at < len && line[at] != '='; at++) {
		size_t end = at, begin;

		if (line[at] != '(')
			continue;
		while (end && line[end - 1] == ' ')
			end--;
		begin = name_before(line, end);
		/* "__attribute__((cold)) int find(...)". */
		if (begin < end && is_one_of(line + begin, end - begin, no_names)) {
			if (line[begin] != '_' && line[begin] != 'd' && line[begin] != 'a')
				return false;
			at = skip_parentheses(line, len, at) - 1;
			continue;
		}
		return copy_name(buf, size, line + begin, end - begin);
	}
	return false;
}
