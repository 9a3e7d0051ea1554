/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/core/opts.h"
#include "user/core/text.h"

#define BEFORE 20  /* bytes of a line that are shown before the difference */
#define AFTER  60  /* and from there on */
#define SHOWN  192 /* room for them, made safe */
#define MARGIN 4   /* of a cut: "..." */

/* Where two texts begin to differ. */
struct place {
	size_t a, b; /* offsets */
};

/* A number begins here, and not in the middle of a word or of another number. */
static size_t number_at(const struct pb_compare_text *t, size_t at, double *value)
{
	unsigned char before = at ? (unsigned char)t->bytes[at - 1] : ' ';
	char first = at < t->size ? t->bytes[at] : ' ';

	if ((before >= '0' && before <= '9') || (before >= 'A' && before <= 'Z') ||
	    (before >= 'a' && before <= 'z') || before == '_' || before >= 0x80)
		return 0;
	if (!strchr("0123456789.+-", first) || !first)
		return 0;
	return pb_parse_real_prefix(t->bytes + at, value);
}

static bool are_close(const struct pb_plan_golden *golden, double a, double b)
{
	double off = fabs(a - b);

	if (a == b)
		return true;
	if (!isfinite(off))
		return false;
	return off <= golden->absolute || off <= golden->relative * fmax(fabs(a), fabs(b));
}

/* Texts end in a NUL, so that a number at the end is read no further. */
static bool differ_in_floats(const struct pb_comparison *c, struct place *at)
{
	*at = (struct place){0};
	while (at->a < c->a.size && at->b < c->b.size) {
		double x = 0, y = 0;
		size_t n = number_at(&c->a, at->a, &x), m = number_at(&c->b, at->b, &y);

		if (n && m) {
			if (!are_close(c->golden, x, y))
				return true;
			at->a += n;
			at->b += m;
		} else if (c->a.bytes[at->a] == c->b.bytes[at->b]) {
			at->a++;
			at->b++;
		} else {
			return true;
		}
	}
	return at->a < c->a.size || at->b < c->b.size;
}

static bool differ_in_bytes(const struct pb_comparison *c, struct place *at)
{
	size_t least = c->a.size < c->b.size ? c->a.size : c->b.size, i = 0;

	while (i < least && c->a.bytes[i] == c->b.bytes[i])
		i++;
	*at = (struct place){i, i};
	return i < c->a.size || i < c->b.size;
}

static size_t line_begin(const struct pb_compare_text *t, size_t at)
{
	while (at && t->bytes[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct pb_compare_text *t, size_t at)
{
	const char *newline = at < t->size ? memchr(t->bytes + at, '\n', t->size - at) : NULL;

	return newline ? (size_t)(newline - t->bytes) : t->size;
}

/* What stands at a place, in quotes, or that there is nothing. */
static void show(char *buf, size_t size, const struct pb_compare_text *t, size_t at)
{
	size_t begin = line_begin(t, at), end = line_end(t, at), from;
	char safe[SHOWN];

	if (at >= t->size && begin == at) {
		snprintf(buf, size, "the end");
		return;
	}
	from = at - begin > BEFORE + MARGIN ? at - BEFORE : begin;
	if (end - at > AFTER + MARGIN)
		end = at + AFTER;
	pb_text_safe_line(safe, sizeof(safe), t->bytes + from, end - from);
	snprintf(buf, size, "%s\"%s\"%s", from > begin ? "..." : "", safe,
		 end < line_end(t, at) ? "..."
		 : at >= t->size       ? " and the end"
				       : "");
}

static uint64_t line_of(const struct pb_compare_text *t, size_t at)
{
	uint64_t line = 1;

	for (size_t i = 0; i < at; i++)
		line += t->bytes[i] == '\n';
	return line;
}

/* How many lines differ behind the one at @at, each with the one that has its number. */
static uint64_t count_more(const struct pb_comparison *c, const struct place *at)
{
	size_t a = line_end(&c->a, at->a) + 1, b = line_end(&c->b, at->b) + 1;
	uint64_t more = 0;

	while (a < c->a.size || b < c->b.size) {
		size_t a_end = line_end(&c->a, a), b_end = line_end(&c->b, b);

		if (a >= c->a.size || b >= c->b.size || a_end - a != b_end - b ||
		    memcmp(c->a.bytes + a, c->b.bytes + b, a_end - a) != 0)
			more++;
		a = a_end + 1;
		b = b_end + 1;
	}
	return more;
}

/* The last column of the line that differs, counted from 1; both lines have to be of one length. */
static size_t last_column(const struct pb_comparison *c, const struct place *at, size_t first)
{
	size_t a = line_end(&c->a, at->a), b = line_end(&c->b, at->b);

	if (a - line_begin(&c->a, at->a) != b - line_begin(&c->b, at->b))
		return first;
	while (a > at->a && c->a.bytes[a - 1] == c->b.bytes[b - 1]) {
		a--;
		b--;
	}
	return a - line_begin(&c->a, at->a);
}

static void tell(const struct pb_comparison *c, const struct place *at, char *text, size_t size)
{
	size_t first = at->b - line_begin(&c->b, at->b) + 1, last;
	uint64_t line = line_of(&c->b, at->b), more;
	char a[SHOWN + 32], b[SHOWN + 32], columns[64];

	show(a, sizeof(a), &c->a, at->a);
	show(b, sizeof(b), &c->b, at->b);
	if (!c->of_two_runs) {
		snprintf(text, size, "line %llu, column %zu: got %s, expected %s",
			 (unsigned long long)line, first, b, a);
		return;
	}
	last = last_column(c, at, first);
	more = count_more(c, at);
	if (last > first)
		snprintf(columns, sizeof(columns), "columns %zu to %zu", first, last);
	else
		snprintf(columns, sizeof(columns), "column %zu", first);
	snprintf(text, size, "line %llu, %s: %s in the first run, %s in the second",
		 (unsigned long long)line, columns, a, b);
	if (more && strlen(text) + 40 < size)
		snprintf(text + strlen(text), size - strlen(text), "; %llu more line%s",
			 (unsigned long long)more, more > 1 ? "s vary" : " varies");
}

/* Lines are in order: the first that one has and the other has not. */
static void tell_line(const struct pb_comparison *c, char *text, size_t size)
{
	size_t a = 0, b = 0;

	while (a < c->a.size || b < c->b.size) {
		size_t n = line_end(&c->a, a) - a, m = line_end(&c->b, b) - b;
		const struct pb_compare_text *one;
		char shown[SHOWN + 32];
		int order = memcmp(c->a.bytes + a, c->b.bytes + b, n < m ? n : m);

		order = a >= c->a.size   ? 1
			: b >= c->b.size ? -1
			: order          ? order
			: n < m          ? -1
					 : n > m;
		if (!order) {
			a += n + 1;
			b += m + 1;
			continue;
		}
		one = order < 0 ? &c->a : &c->b;
		show(shown, sizeof(shown), one, order < 0 ? a : b);
		snprintf(text, size, "the line %s %s", shown,
			 c->of_two_runs ? order < 0 ? "is of the first run only"
						    : "is of the second run only"
			 : order < 0    ? "is missing"
					: "is not expected");
		return;
	}
}

bool pb_compare_texts(const struct pb_comparison *c, char *text, size_t text_size)
{
	struct place at;

	if (!differ_in_bytes(c, &at))
		return true;
	if (c->mode == PB_COMPARE_FLOAT && !differ_in_floats(c, &at))
		return true;
	if (c->mode == PB_COMPARE_SET)
		tell_line(c, text, text_size);
	else
		tell(c, &at, text, text_size);
	return false;
}
