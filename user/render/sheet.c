/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/sheet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/render.h"
#include "user/render/shorten.h"
#include "user/render/subject.h"
#include "user/render/tree.h"

#define COLUMNS_DEFAULT  80
#define COLUMNS_MIN      60
#define NAME_COLUMNS_MIN 6 /* beside a line; where there is no room for both, the line is cut */

void pb_sheet_init(struct pb_sheet *s, FILE *out, const struct pb_render_opts *o)
{
	s->out = out;
	s->color = o->color;
	s->columns = pb_max(o->columns > 0 ? o->columns : COLUMNS_DEFAULT, COLUMNS_MIN);
}

void pb_sheet_style(const struct pb_sheet *s, const char *escape)
{
	if (s->color)
		fputs(escape, s->out);
}

void pb_sheet_gap(const struct pb_sheet *s)
{
	fprintf(s->out, "%*s", PB_SHEET_GAP, "");
}

int pb_sheet_digits(char out[PB_SHEET_NUMBER_SIZE], uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);
	int len = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			out[len++] = ',';
		out[len++] = digits[i];
	}
	out[len] = '\0';
	return len;
}

static struct pb_scale time_scale(uint64_t whole, const char *const units[3])
{
	if (whole >= 100 * 1000 * 1000)
		return (struct pb_scale){1000 * 1000, units[2]};
	if (whole >= 100 * 1000)
		return (struct pb_scale){1000, units[1]};
	return (struct pb_scale){1, units[0]};
}

struct pb_scale pb_scale_for(const struct pb_value_type *type, uint64_t whole)
{
	static const char *const times[] = {"ns", "us", "ms", "s"};

	if (!strcmp(type->unit, "nanoseconds"))
		return time_scale(whole, times);
	if (!strcmp(type->unit, "microseconds"))
		return time_scale(whole, times + 1);
	if (!strcmp(type->unit, "bytes")) {
		if (whole >= 100 << 20)
			return (struct pb_scale){1 << 20, "MiB"};
		if (whole >= 100 << 10)
			return (struct pb_scale){1 << 10, "KiB"};
		return (struct pb_scale){1, "bytes"};
	}
	return (struct pb_scale){1, type->type};
}

int pb_scale_digits(char out[PB_SHEET_NUMBER_SIZE], const struct pb_scale *scale, uint64_t value)
{
	return pb_sheet_digits(out, value / scale->per + (value % scale->per * 2 >= scale->per));
}

/* By hand, so that no locale has a say in the point. */
void pb_sheet_percent(const struct pb_sheet *s, uint64_t part, uint64_t whole)
{
	unsigned int tenths =
		whole ? (unsigned int)(1000.0 * (double)part / (double)whole + 0.5) : 0;

	fprintf(s->out, "%*u.%u", PB_SHEET_PERCENT_COLUMNS - 2, tenths / 10, tenths % 10);
}

void pb_sheet_last(const struct pb_sheet *s, const char *text, int columns, int keep_end)
{
	if (pb_text_columns(text) <= columns)
		fputs(text, s->out);
	else
		pb_text_print(s->out, text, columns, keep_end);
}

const char *pb_frame_mark(const struct pb_frame *f)
{
	return f->kind == PB_FRAME_KERNEL ? " [k]" : f->kind == PB_FRAME_INLINED ? " [i]" : "";
}

/* What tells "std::string::find" and "std::string::append" apart, or "libx.so+0x10" and "libx.so+0x20",
 * stands at their ends. */
static bool is_told_by_its_end(const char *name)
{
	return strstr(name, "::") || strstr(name, "+0x");
}

int pb_sheet_name(const struct pb_sheet *s, const struct pb_frame *f, int columns)
{
	const char *line = f->label + strlen(f->name);
	int room = columns - (int)strlen(line);
	pb_autofree char *shorter = pb_text_columns(f->name) > room ? pb_shorten(f->name) : NULL;
	const char *name = shorter ? shorter : f->name;

	if (room < NAME_COLUMNS_MIN) {
		pb_sheet_last(s, f->label, columns, 0);
		return pb_min(pb_text_columns(f->label), columns);
	}
	pb_sheet_last(s, name, room, is_told_by_its_end(name));
	fputs(line, s->out);
	return pb_min(pb_text_columns(name), room) + columns - room;
}

void pb_sheet_wrapped(const struct pb_sheet *s, const char *text, int indent)
{
	int column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		pb_autofree char *word = strndup(text, len);
		int width = word ? pb_text_columns(word) : (int)len;

		if (column && indent + column + 1 + width > s->columns) {
			fprintf(s->out, "\n%*s", indent, "");
			column = 0;
		}
		fprintf(s->out, "%s%.*s", column ? " " : "", (int)len, text);
		column += width + (column > 0);
		text += len;
		text += strspn(text, " ");
	}
}

static void put_seconds(FILE *out, uint64_t ns)
{
	uint64_t tenths = ns / 100000000 + (ns % 100000000 >= 50000000);

	fprintf(out, "%" PRIu64 ".%u s", tenths / 10, (unsigned int)(tenths % 10));
}

int pb_sheet_subject(const struct pb_sheet *s, const struct pb_report *r)
{
	pb_autofree char *subject = pb_report_subject(r);

	if (!subject)
		return -ENOMEM;
	pb_sheet_style(s, PB_SHEET_BOLD);
	fprintf(s->out, "%s: %s", *r->tool ? r->tool : "perfbeads", subject);
	pb_sheet_style(s, PB_SHEET_PLAIN);
	if (r->duration_ns) { /* a heap profile of another program has none */
		fputs(", ", s->out);
		put_seconds(s->out, r->duration_ns);
	}
	return 0;
}

int pb_sheet_ledger(const struct pb_sheet *s, const struct pb_report *r)
{
	pb_autofree char *ledger = pb_report_ledger(r);

	if (!ledger)
		return -ENOMEM;
	if (pb_report_lost(r))
		pb_sheet_style(s, PB_SHEET_RED);
	pb_sheet_wrapped(s, ledger, 0);
	if (pb_report_lost(r))
		pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
	return 0;
}
