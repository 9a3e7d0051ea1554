/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/normalize.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "user/bead/oracle.h"
#include "user/bead/runner.h"
#include "user/core/grow.h"
#include "user/core/jsonvalue.h"

#define GROUPS_MAX 10
#define TEXT_MAX   (4u * PB_RUN_OUTPUT_MAX) /* replacements may be longer than what they replace */
/* The C library needs memory and time by the length that it may look at, for each match. */
#define WINDOW     8192
#define OVERLAP    2048 /* of one window and the next: a match of this length is found */

/* Bytes that come one after the other. */
struct text {
	char *bytes;
	uint32_t size, room;
};

struct span {
	const char *at;
	size_t len;
};

static int append(struct text *t, const char *bytes, size_t len)
{
	uint64_t size = (uint64_t)t->size + len;
	int err = size > TEXT_MAX ? -ENOMEM : pb_grow(&t->bytes, &t->room, size + 1, 1);

	if (err)
		return err;
	memcpy(t->bytes + t->size, bytes, len);
	t->size = (uint32_t)size;
	t->bytes[t->size] = '\0';
	return 0;
}

/* Where it may look from @at: a window, with one byte before, which tells whether a word begins here. */
static bool match_window(const regex_t *regex, const struct span *line, size_t at, size_t end,
			 regmatch_t *groups)
{
	size_t base = at ? at - 1 : 0;
	int flags = REG_STARTEND | (base ? REG_NOTBOL : 0) | (end < line->len ? REG_NOTEOL : 0);

	groups[0].rm_so = (regoff_t)(at - base);
	groups[0].rm_eo = (regoff_t)(end - base);
	if (regexec(regex, line->at + base, GROUPS_MAX, groups, flags))
		return false;
	for (int i = 0; i < GROUPS_MAX; i++) {
		if (groups[i].rm_so < 0)
			continue;
		groups[i].rm_so += (regoff_t)base;
		groups[i].rm_eo += (regoff_t)base;
	}
	return true;
}

/* The first match at or behind @at, as offsets into the line. */
static bool find_match(const regex_t *regex, const struct span *line, size_t at, regmatch_t *groups)
{
	for (;;) {
		size_t end = line->len - at > WINDOW ? at + WINDOW : line->len;
		bool found = match_window(regex, line, at, end, groups);

		/* One that reaches the window's end may be longer than that: once more, from its begin. */
		if (found && ((size_t)groups[0].rm_eo < end || end == line->len ||
			      (size_t)groups[0].rm_so == at))
			return true;
		if (!found && end == line->len)
			return false;
		at = found ? (size_t)groups[0].rm_so : end - OVERLAP;
	}
}

static int append_replacement(struct text *to, const char *replace, const struct span *line,
			      const regmatch_t *groups)
{
	int err = 0;

	for (const char *p = replace; *p && !err; p++) {
		const regmatch_t *group = NULL;

		if (*p == '\\' && p[1] >= '1' && p[1] <= '9')
			group = &groups[*++p - '0'];
		else if (*p == '\\' && p[1])
			p++;
		if (!group)
			err = append(to, p, 1);
		else if (group->rm_so >= 0)
			err = append(to, line->at + group->rm_so,
				     (size_t)(group->rm_eo - group->rm_so));
	}
	return err;
}

/* One rule on one line: to the end of @to. */
static int replace_all(struct text *to, const regex_t *regex, const char *replace,
		       const struct span *line)
{
	regmatch_t groups[GROUPS_MAX];
	size_t at = 0;
	int err = 0;

	while (!err && at <= line->len && find_match(regex, line, at, groups)) {
		size_t begin = (size_t)groups[0].rm_so, end = (size_t)groups[0].rm_eo;

		err = append(to, line->at + at, begin - at);
		if (!err)
			err = append_replacement(to, replace, line, groups);
		/* An empty match: one byte on, or it would be found for ever. */
		if (!err && end == begin && end < line->len)
			err = append(to, line->at + end, 1);
		at = end + (end == begin);
	}
	if (!err && at < line->len)
		err = append(to, line->at + at, line->len - at);
	return err;
}

/* One rule on all lines. */
static int apply_rule(struct text *to, const struct pb_plan_rule *rule, const struct text *from)
{
	const char *p = from->bytes, *end = from->bytes + from->size;
	regex_t regex;
	int err = 0;

	/* It was compiled once when the plan was read: what fails now is memory. */
	if (regcomp(&regex, rule->match, REG_EXTENDED))
		return -ENOMEM;
	while (p < end && !err) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		struct span line = {p, (size_t)((newline ? newline : end) - p)};

		err = replace_all(to, &regex, rule->replace, &line);
		if (!err && newline)
			err = append(to, "\n", 1);
		p += line.len + 1;
	}
	regfree(&regex);
	return err;
}

static int apply_rules(struct text *t, const struct pb_plan_golden *golden)
{
	for (uint32_t i = 0; i < golden->n_rules; i++) {
		struct text next = {0};
		int err = append(&next, "", 0);

		if (!err)
			err = apply_rule(&next, &golden->rules[i], t);
		if (err) {
			free(next.bytes);
			return err;
		}
		free(t->bytes);
		*t = next;
	}
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);

	return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

/* Lines in order; each ends in a newline, also the last one. */
static int sort_lines(struct text *t)
{
	pb_autofree struct span *lines = NULL;
	const char *end = t->bytes + t->size;
	struct text sorted = {0};
	uint32_t n = 0, room = 0;
	int err = append(&sorted, "", 0);

	for (const char *p = t->bytes; p < end && !err;) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		err = pb_grow(&lines, &room, (uint64_t)n + 1, sizeof(*lines));
		if (err)
			break;
		lines[n++] = (struct span){p, (size_t)((newline ? newline : end) - p)};
		p += lines[n - 1].len + 1;
	}
	if (n)
		qsort(lines, n, sizeof(*lines), by_bytes);
	for (uint32_t i = 0; i < n && !err; i++) {
		err = append(&sorted, lines[i].at, lines[i].len);
		if (!err)
			err = append(&sorted, "\n", 1);
	}
	if (err) {
		free(sorted.bytes);
		return err;
	}
	free(t->bytes);
	*t = sorted;
	return 0;
}

/* Keys in order, one member a line, so that a difference has a line of its own. */
static int sort_keys(struct text *t, char *why, size_t why_size)
{
	const size_t flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
	json_error_t error;
	pb_autojson json_t *json = json_loadb(t->bytes, t->size, flags, &error);
	pb_autofree char *sorted = NULL;

	if (!json && json_error_code(&error) == json_error_out_of_memory)
		return -ENOMEM;
	if (!json) {
		snprintf(why, why_size, "line %d, column %d: this is no JSON: %s", error.line,
			 error.column, error.text);
		return -EPROTO;
	}
	sorted = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_ENCODE_ANY |
					  JSON_REAL_PRECISION(17));
	if (!sorted)
		return -ENOMEM;
	t->size = 0;
	return append(t, sorted, strlen(sorted)) ?: append(t, "\n", 1);
}

int pb_normalize(char **out, size_t *out_size, const struct pb_plan_golden *golden,
		 enum pb_compare mode, const char *text, size_t size, char *why, size_t why_size)
{
	struct text t = {0};
	int err = append(&t, text ? text : "", size);

	if (!err)
		err = apply_rules(&t, golden);
	if (!err && mode == PB_COMPARE_JSON)
		err = sort_keys(&t, why, why_size);
	if (!err && mode == PB_COMPARE_SET)
		err = sort_lines(&t);
	if (err) {
		free(t.bytes);
		return err;
	}
	*out = t.bytes;
	*out_size = t.size;
	return 0;
}

int pb_oracle_normalize(char **out, size_t *out_size, const struct pb_plan_golden *golden, int mode,
			const char *text, size_t size)
{
	char why[256];

	return pb_normalize(out, out_size, golden, (enum pb_compare)mode, text, size, why,
			    sizeof(why));
}
