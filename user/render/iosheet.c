/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/iosheet.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/text.h"
#include "user/render/member.h"

#define MS_FROM_US     1000.0    /* what is never faster is shown in milliseconds, */
#define MS_UP_TO_US    1000000.0 /* and what has so slow ones */
#define PATH_FRAMES    12
#define ARROW          " \u2190 "
#define PATTERNS_MAX   3
#define PATTERN_INDENT 2
#define PATTERN_SHARE  1 /* percent of all time */
#define PATTERN_LINES  2
#define WIDE           98 /* columns: room for whole paths in a pattern */

uint64_t pb_iosheet_total(const struct pb_iosheet *s, const char *key)
{
	const json_t *rows = json_object_get(s->extra, "latency");
	uint64_t sum = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		sum = pb_sum(sum, pb_member_count(json_array_get(rows, i), key));
	return sum;
}

struct pb_iounit pb_iosheet_unit(const struct pb_iosheet *s, const json_t *rows)
{
	double least = -1, most = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		double p50 = pb_member_number(row, "p50_us"), max = pb_member_number(row, "max_us");

		if (p50 < 0)
			p50 = pb_member_number(row, "mean_us");
		if (p50 >= 0 && (least < 0 || p50 < least))
			least = p50;
		most = max > most ? max : most;
	}
	if (s->milliseconds || least >= MS_FROM_US || most >= MS_UP_TO_US)
		return (struct pb_iounit){1000, "ms"};
	return (struct pb_iounit){1, "\u00b5s"};
}

void pb_iosheet_number(struct pb_grid *g, double n, int decimals)
{
	char text[PB_GRID_CELL_SIZE];

	pb_cell_number(text, n, decimals);
	pb_grid_add(g, text);
}

void pb_iosheet_count(struct pb_grid *g, uint64_t n)
{
	char text[PB_GRID_CELL_SIZE];

	pb_cell_count(text, n);
	pb_grid_add(g, text);
}

void pb_iosheet_time(struct pb_grid *g, const struct pb_iounit *unit, const json_t *row,
		     const char *key)
{
	double us = pb_member_number(row, key);

	/* the kernel half counts nanoseconds: in microseconds there is one digit to see */
	pb_iosheet_number(g, us < 0 ? us : us / unit->per, unit->per > 1 ? 3 : us < 10 ? 1 : 0);
}

void pb_iosheet_percent(struct pb_grid *g, double percent)
{
	char text[PB_GRID_CELL_SIZE];
	unsigned int tenths = (unsigned int)((percent < 100 ? percent : 100) * 10 + 0.5);

	if (!(percent >= 0)) {
		pb_grid_add(g, "-");
		return;
	}
	snprintf(text, sizeof(text), "%u.%u", tenths / 10, tenths % 10);
	pb_grid_add(g, text);
}

struct pb_scale pb_iosheet_bytes(const json_t *rows, const char *key)
{
	static const struct pb_value_type type = {"bytes", "bytes"};
	double most = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		double n = pb_member_number(json_array_get(rows, i), key);

		most = n > most ? n : most;
	}
	/* three digits that count will do, with a point among them */
	return pb_scale_for(&type, (uint64_t)most * 100);
}

int pb_iosheet_caption(const struct pb_iosheet *s, const char *format, ...)
{
	pb_autofree char *text = NULL;
	va_list args;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		text = NULL; /* its content is undefined then */
		return -ENOMEM;
	}
	pb_sheet_wrapped(&s->sheet, text, 0);
	fputc('\n', s->sheet.out);
	return 0;
}

void pb_iosheet_rest(const struct pb_iosheet *s, size_t rows)
{
	char text[PB_SHEET_NUMBER_SIZE];

	if (rows <= s->top)
		return;
	pb_sheet_digits(text, rows - s->top);
	pb_sheet_style(&s->sheet, PB_SHEET_DIM);
	fprintf(s->sheet.out, "%s more row%s", text, rows - s->top == 1 ? "" : "s");
	pb_sheet_style(&s->sheet, PB_SHEET_PLAIN);
	fputc('\n', s->sheet.out);
}

char *pb_iosheet_path(const json_t *frames)
{
	size_t n = json_array_size(frames), size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < n && i < PATH_FRAMES; i++) {
		const char *name = json_string_value(json_array_get(frames, n - 1 - i));

		fprintf(out, "%s%.*s", i ? ARROW : "", PB_NAME_MAX / PATH_FRAMES, name ? name : "");
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static void put_safe(FILE *out, const char *text)
{
	char safe[PB_NAME_MAX + 1];

	pb_text_safe(safe, sizeof(safe), text, strlen(text));
	fputs(safe, out);
}

/* On a narrow terminal, the last part of a path that has more than two. */
static const char *end_of(const char *path, int columns)
{
	const char *slash = strrchr(path, '/');

	return columns < WIDE && slash > path && strchr(path + 1, '/') < slash ? slash : path;
}

/* "fsync per write (71 %): 1,204 calls of ..." */
static void describe(FILE *out, const json_t *pattern)
{
	double share = pb_member_number(pattern, "share_pct");

	for (const char *c = pb_member_text(pattern, "kind"); *c; c++) {
		if (*c == '_')
			fputc(' ', out);
		else if (*c >= 'a' && *c <= 'z')
			fputc(*c, out);
	}
	if (share >= 0)
		fprintf(out, " (%.0f %%)", share < 100 ? share : 100);
	fputs(": ", out);
	put_safe(out, pb_member_text(pattern, "evidence"));
}

/* "sqlite3, \u2026/db-wal, unixSync \u2190 commit": what may be cut stands last. */
static void describe_place(FILE *out, const json_t *pattern, int columns)
{
	const char *file = pb_member_text(pattern, "file"), *end = end_of(file, columns);
	const char *const parts[] = {pb_member_text(pattern, "comm"), end,
				     pb_member_text(pattern, "where")};
	const char *separator = "";

	for (size_t i = 0; i < PB_ARRAY_SIZE(parts); i++) {
		if (!*parts[i])
			continue;
		fprintf(out, "%s%s", separator, parts[i] == end && end != file ? "\u2026" : "");
		put_safe(out, parts[i]);
		separator = ", ";
	}
}

/* A line that is @cut ends in "\u2026", behind a whole word if there is one. */
static void put_line(const struct pb_iosheet *s, char *line, bool cut)
{
	int room = s->sheet.columns - PATTERN_INDENT - 2 * cut;
	char *space;

	while (cut && pb_text_columns(line) > room && (space = strrchr(line, ' ')))
		*space = '\0';
	fprintf(s->sheet.out, "%*s", PATTERN_INDENT, "");
	pb_sheet_last(&s->sheet, line, room, 0);
	fputs(cut ? " \u2026\n" : "\n", s->sheet.out);
}

/* Where it is, on one line. */
static int put_place(const struct pb_iosheet *s, const json_t *pattern)
{
	int columns = s->sheet.columns - 2 * PATTERN_INDENT;
	pb_autofree char *text = NULL;
	size_t size;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return -ENOMEM;
	describe_place(mem, pattern, columns);
	if (fclose(mem))
		return -ENOMEM;
	fprintf(s->sheet.out, "%*s", 2 * PATTERN_INDENT, "");
	pb_sheet_style(&s->sheet, PB_SHEET_DIM);
	pb_sheet_last(&s->sheet, text, columns, 0);
	pb_sheet_style(&s->sheet, PB_SHEET_PLAIN);
	fputc('\n', s->sheet.out);
	return 0;
}

/* At most PATTERN_LINES lines and one: what is worth a look must fit on the first screen, behind it the numbers do. */
static int put_pattern(const struct pb_iosheet *s, const json_t *pattern)
{
	struct pb_sheet narrow = {.columns = s->sheet.columns - PATTERN_INDENT};
	pb_autofree char *text = NULL, *lines = NULL;
	char *rest, *line;
	size_t size;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return -ENOMEM;
	describe(mem, pattern);
	if (fclose(mem))
		return -ENOMEM;
	narrow.out = open_memstream(&lines, &size);
	if (!narrow.out)
		return -ENOMEM;
	pb_sheet_wrapped(&narrow, text, 0);
	if (fclose(narrow.out))
		return -ENOMEM;
	rest = lines;
	for (int i = 0; i < PATTERN_LINES && (line = strsep(&rest, "\n")); i++)
		put_line(s, line, rest && i == PATTERN_LINES - 1);
	return put_place(s, pattern);
}

/* Most time first: what took none to speak of is for the report. */
static size_t count_patterns(const json_t *patterns)
{
	size_t n = 0;

	while (n < json_array_size(patterns) && n < PATTERNS_MAX &&
	       (!n || pb_member_number(json_array_get(patterns, n), "share_pct") >= PATTERN_SHARE))
		n++;
	return n;
}

int pb_iosheet_patterns(const struct pb_iosheet *s)
{
	const json_t *patterns = json_object_get(s->extra, "patterns");
	size_t n = json_array_size(patterns), shown = count_patterns(patterns);
	int err = 0;

	if (!n)
		return 0;
	pb_sheet_style(&s->sheet, PB_SHEET_BOLD);
	fputs("Worth a look", s->sheet.out);
	pb_sheet_style(&s->sheet, PB_SHEET_PLAIN);
	fputc('\n', s->sheet.out);
	for (size_t i = 0; i < shown && !err; i++)
		err = put_pattern(s, json_array_get(patterns, i));
	if (n > shown)
		fprintf(s->sheet.out, "%*sand %zu more in the JSON report\n", PATTERN_INDENT, "",
			n - shown);
	fputc('\n', s->sheet.out);
	return err;
}
