/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the tables on a terminal have in common: numbers, names that are cut, titles, paragraphs. */
#ifndef PB_RENDER_SHEET_H
#define PB_RENDER_SHEET_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct pb_frame;
struct pb_render_opts;
struct pb_report;
struct pb_value_type;

#define PB_SHEET_NUMBER_SIZE     32 /* 2^64 with separators and a NUL */
#define PB_SHEET_PERCENT_COLUMNS 6  /* "total%" */
#define PB_SHEET_GAP             2

#define PB_SHEET_BOLD  "\033[1m"
#define PB_SHEET_DIM   "\033[2m"
#define PB_SHEET_RED   "\033[31m"
#define PB_SHEET_CYAN  "\033[36m"
#define PB_SHEET_PLAIN "\033[0m"

struct pb_sheet {
	FILE *out;
	bool color;
	int columns;
};

/* How values are shown: divided by @per, under the heading @unit. */
struct pb_scale {
	uint64_t per;
	const char *unit;
};

static inline int pb_max(int a, int b)
{
	return a > b ? a : b;
}

static inline int pb_min(int a, int b)
{
	return a < b ? a : b;
}

void pb_sheet_init(struct pb_sheet *s, FILE *out, const struct pb_render_opts *o);

/* One of the escapes above, if there are to be colours. */
void pb_sheet_style(const struct pb_sheet *s, const char *escape);
void pb_sheet_gap(const struct pb_sheet *s);

/* Digits in groups of three. Returns their number, commas included. */
int pb_sheet_digits(char out[PB_SHEET_NUMBER_SIZE], uint64_t value);

/* A unit in which @whole has three digits or more, so that a row of one percent shows. */
struct pb_scale pb_scale_for(const struct pb_value_type *type, uint64_t whole);
int pb_scale_digits(char out[PB_SHEET_NUMBER_SIZE], const struct pb_scale *scale, uint64_t value);

/* In tenths, rounded, in PB_SHEET_PERCENT_COLUMNS. */
void pb_sheet_percent(const struct pb_sheet *s, uint64_t part, uint64_t whole);

/* The last text of a line: cut, but not padded. */
void pb_sheet_last(const struct pb_sheet *s, const char *text, int columns, int keep_end);

/* " [k]" for the kernel, " [i]" for what is inlined, as in folded stacks; "" else. */
const char *pb_frame_mark(const struct pb_frame *f);

/* A name that is too long loses its template arguments, then one of its ends, but not its line. Return:
 * columns that it took. */
int pb_sheet_name(const struct pb_sheet *s, const struct pb_frame *f, int columns);

/* A paragraph, broken at spaces, @indent columns in but for its first line, where the caller is. No newline
 * at its end; a word wider than the line stands alone. */
void pb_sheet_wrapped(const struct pb_sheet *s, const char *text, int indent);

/* "tool: subject, 10.0 s", without a newline. Return: 0; -ENOMEM. */
int pb_sheet_subject(const struct pb_sheet *s, const struct pb_report *r);
/* The report's one line, red if something was lost. Return: 0; -ENOMEM. */
int pb_sheet_ledger(const struct pb_sheet *s, const struct pb_report *r);

#endif
