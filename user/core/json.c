/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "user/core/text.h"

/* RFC 8259 section 6: beyond this, readers that use doubles disagree on the value. */
#define INTEGER_MAX  ((UINT64_C(1) << 53) - 1)
#define DECIMALS_MAX 17

void pb_json_init(struct pb_json *j, FILE *out, bool compact)
{
	memset(j, 0, sizeof(*j));
	j->out = out;
	j->compact = compact;
}

/*
 * Where the state of the innermost level is kept. Levels below the deepest share its state: they
 * are flat, and whenever one ends, the level around it has a member.
 */
static int level(const struct pb_json *j)
{
	return j->depth < PB_JSON_DEPTH_MAX ? j->depth : PB_JSON_DEPTH_MAX;
}

static void newline(struct pb_json *j)
{
	fprintf(j->out, "\n%*s", 2 * j->depth, "");
}

/* True if @c may stand in a string as it is, on a terminal and inside a <script>. */
static bool is_plain(uint32_t c)
{
	return c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && pb_text_prints(c);
}

static void put_text(FILE *out, const char *text)
{
	size_t len = strlen(text);
	size_t i = 0, n;
	uint32_t c;

	fputc('"', out);
	while (i < len) {
		n = pb_text_decode(text + i, len - i, &c);
		if (!n) {
			/* as pb_text_safe() would show it */
			fprintf(out, "\\\\x%02x", (unsigned char)text[i]);
			n = 1;
		} else if (is_plain(c)) {
			fwrite(text + i, 1, n, out);
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", (char)c);
		} else if (c == '\n') {
			fputs("\\n", out);
		} else if (c == '\t') {
			fputs("\\t", out);
		} else {
			/* all that pb_text_prints() denies is below U+10000: no pairs */
			fprintf(out, "\\u%04x", c);
		}
		i += n;
	}
	fputc('"', out);
}

/* What stands between the members before and this one: comma, line, key. */
static void begin_member(struct pb_json *j, const char *key)
{
	int l = level(j);

	if (j->has_member[l])
		fputc(',', j->out);
	if (j->depth && !j->compact) {
		if (!j->flat[l])
			newline(j);
		else if (j->has_member[l])
			fputc(' ', j->out);
	}
	j->has_member[l] = true;
	if (!key)
		return;
	put_text(j->out, key);
	fputs(j->compact ? ":" : ": ", j->out);
}

static void begin_level(struct pb_json *j, const char *key, char bracket, bool flat)
{
	bool in_flat = j->depth && j->flat[level(j)];

	begin_member(j, key);
	fputc(bracket, j->out);
	j->depth++;
	j->has_member[level(j)] = false;
	j->flat[level(j)] = flat || in_flat || j->depth >= PB_JSON_DEPTH_MAX;
}

void pb_json_object(struct pb_json *j, const char *key)
{
	begin_level(j, key, '{', false);
}

void pb_json_array(struct pb_json *j, const char *key)
{
	begin_level(j, key, '[', false);
}

void pb_json_flat_object(struct pb_json *j, const char *key)
{
	begin_level(j, key, '{', true);
}

void pb_json_flat_array(struct pb_json *j, const char *key)
{
	begin_level(j, key, '[', true);
}

void pb_json_end(struct pb_json *j, char bracket)
{
	bool own_line = j->has_member[level(j)] && !j->flat[level(j)] && !j->compact;

	if (!j->depth)
		return;
	j->depth--;
	if (own_line)
		newline(j);
	fputc(bracket, j->out);
	j->has_member[level(j)] = true;
}

void pb_json_string(struct pb_json *j, const char *key, const char *text)
{
	if (!text) {
		pb_json_null(j, key);
		return;
	}
	begin_member(j, key);
	put_text(j->out, text);
}

void pb_json_uint(struct pb_json *j, const char *key, uint64_t value)
{
	begin_member(j, key);
	fprintf(j->out, value > INTEGER_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
}

void pb_json_int(struct pb_json *j, const char *key, int64_t value)
{
	bool exact = value <= (int64_t)INTEGER_MAX && value >= -(int64_t)INTEGER_MAX;

	begin_member(j, key);
	fprintf(j->out, exact ? "%" PRId64 : "\"%" PRId64 "\"", value);
}

/* @least: decimals that stay though they are zeros. */
static void put_double(struct pb_json *j, const char *key, double value, int decimals, int least)
{
	/* sign, 309 digits of DBL_MAX, a point of the locale, decimals */
	char buf[352];
	bool is_zero;
	int len;

	if (!isfinite(value)) {
		pb_json_null(j, key);
		return;
	}
	len = snprintf(buf, sizeof(buf), "%.*f", decimals, value);
	for (; decimals > least && buf[len - 1] == '0'; decimals--)
		buf[--len] = '\0';
	is_zero = !buf[strcspn(buf, "123456789")];
	begin_member(j, key);
	/* No "-0.0"; and whatever the locale has for a point, one byte or three, becomes ".". */
	for (const char *p = is_zero && buf[0] == '-' ? buf + 1 : buf; *p;) {
		size_t n = strspn(p, "-0123456789");

		fwrite(p, 1, n, j->out);
		p += n;
		if (*p)
			fputc('.', j->out);
		p += strcspn(p, "0123456789");
	}
}

void pb_json_double(struct pb_json *j, const char *key, double value, int decimals)
{
	decimals = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
	put_double(j, key, value, decimals, decimals);
}

void pb_json_real(struct pb_json *j, const char *key, double value)
{
	put_double(j, key, value, 9, 1);
}

void pb_json_bool(struct pb_json *j, const char *key, bool value)
{
	begin_member(j, key);
	fputs(value ? "true" : "false", j->out);
}

void pb_json_null(struct pb_json *j, const char *key)
{
	begin_member(j, key);
	fputs("null", j->out);
}
