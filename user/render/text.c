/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of functions:
 *
 *   cpuflame: app (pid 1234), 10.0 s, 990 samples
 *
 *    self%  samples  total%  samples  function                       module
 *     42.1      417    55.2      547  compute                        app
 *
 * Numbers keep their width; function and module share what is left of the line.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/render.h"
#include "user/render/subject.h"
#include "user/render/shorten.h"
#include "user/render/tree.h"

#define COLUMNS_DEFAULT  80
#define COLUMNS_MIN      60
#define NUMBER_SIZE      32 /* 2^64 with separators and a NUL */
#define PERCENT_COLUMNS  6  /* "total%" */
#define GAP              2
#define NAME_COLUMNS_MIN 6 /* beside a line; where there is no room for both, the line is cut */

/* How values are shown: divided by @per, under the heading @unit. */
struct scale {
	uint64_t per;
	const char *unit;
};

struct table {
	FILE *out;
	bool color;
	int columns;
	const struct pb_tree *tree;
	uint64_t whole; /* what 100 % is */
	struct scale scale;
	uint32_t rows;
	int value_columns;
	int function_columns;
	int module_columns; /* 0: no room for it */
};

static void style(const struct table *t, const char *escape)
{
	if (t->color)
		fputs(escape, t->out);
}

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define RED   "\033[31m"
#define PLAIN "\033[0m"

/* Digits in groups of three. Returns their number, commas included. */
static int group_digits(char out[NUMBER_SIZE], uint64_t value)
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

/* Units in which the whole has three digits or more, so that a row of one percent shows. */
static struct scale scale_for(const struct pb_value_type *type, uint64_t whole)
{
	if (!strcmp(type->unit, "nanoseconds")) {
		if (whole >= 100 * 1000 * 1000)
			return (struct scale){1000 * 1000, "ms"};
		if (whole >= 100 * 1000)
			return (struct scale){1000, "us"};
		return (struct scale){1, "ns"};
	}
	if (!strcmp(type->unit, "bytes")) {
		if (whole >= 100 << 20)
			return (struct scale){1 << 20, "MiB"};
		if (whole >= 100 << 10)
			return (struct scale){1 << 10, "KiB"};
		return (struct scale){1, "bytes"};
	}
	return (struct scale){1, type->type};
}

static int scaled(const struct table *t, char out[NUMBER_SIZE], uint64_t value)
{
	return group_digits(out, value / t->scale.per + (value % t->scale.per * 2 >= t->scale.per));
}

static void put_number(const struct table *t, uint64_t value)
{
	char text[NUMBER_SIZE];

	scaled(t, text, value);
	fprintf(t->out, "%*s", t->value_columns, text);
}

/* In tenths, rounded; by hand, so that no locale has a say in the point. */
static void put_percent(const struct table *t, uint64_t part)
{
	unsigned int tenths = (unsigned int)(1000.0 * (double)part / (double)t->whole + 0.5);

	fprintf(t->out, "%*u.%u", PERCENT_COLUMNS - 2, tenths / 10, tenths % 10);
}

static void put_gap(const struct table *t)
{
	fprintf(t->out, "%*s", GAP, "");
}

static const char *module_text(const struct pb_frame *f)
{
	return f->kind == PB_FRAME_KERNEL ? "[kernel]" : pb_module_base(f->module);
}

/* As in folded stacks; a function and its inlined copies are rows of one name. */
static const char *mark_of(const struct pb_frame *f)
{
	return f->kind == PB_FRAME_KERNEL ? " [k]" : f->kind == PB_FRAME_INLINED ? " [i]" : "";
}

static int function_width(const struct pb_frame *f)
{
	return pb_text_columns(f->label) + (int)strlen(mark_of(f));
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static int min(int a, int b)
{
	return a < b ? a : b;
}

/* Give function and module their columns: what they need, or else at most a third to the module. */
static void lay_out(struct table *t)
{
	char text[NUMBER_SIZE];
	int function = (int)strlen("function"), module = (int)strlen("module"), room;

	t->value_columns = max(pb_text_columns(t->scale.unit), scaled(t, text, t->whole));
	for (uint32_t i = 0; i < t->rows; i++) {
		const struct pb_frame *f = &t->tree->frames[t->tree->hotspots[i].frame];

		function = max(function, function_width(f));
		module = max(module, pb_text_columns(module_text(f)));
	}
	room = t->columns - 2 * (PERCENT_COLUMNS + t->value_columns + 2 * GAP);
	if (function + GAP + module > room)
		module = min(module, max(room / 3, room - GAP - function));
	t->module_columns = module >= 6 ? module : 0;
	t->function_columns = min(function, t->module_columns ? room - GAP - module : room);
	t->function_columns = max(t->function_columns, 12);
}

/* The last text of a line: cut, but not padded. */
static void put_last(const struct table *t, const char *text, int columns, int keep_end)
{
	if (pb_text_columns(text) <= columns)
		fputs(text, t->out);
	else
		pb_text_print(t->out, text, columns, keep_end);
}

/* What tells "std::string::find" and "std::string::append" apart, or "libx.so+0x10" and "libx.so+0x20",
 * stands at their ends. */
static bool is_told_by_its_end(const char *name)
{
	return strstr(name, "::") || strstr(name, "+0x");
}

static void put_head(const struct table *t)
{
	style(t, BOLD);
	for (int i = 0; i < 2; i++) {
		int pad = t->value_columns - pb_text_columns(t->scale.unit);

		fprintf(t->out, "%*s%*s%s", PERCENT_COLUMNS, i ? "total%" : "self%", GAP + pad, "",
			t->scale.unit);
		put_gap(t);
	}
	if (t->module_columns) {
		pb_text_print(t->out, "function", t->function_columns, 0);
		put_gap(t);
		fputs("module", t->out);
	} else {
		fputs("function", t->out);
	}
	style(t, PLAIN);
	fputc('\n', t->out);
}

/* A name that is too long loses its template arguments, then one of its ends, but not its line. Return:
 * columns. */
static int put_function(const struct table *t, const struct pb_frame *f, int columns)
{
	const char *line = f->label + strlen(f->name);
	int room = columns - (int)strlen(line);
	pb_autofree char *shorter = pb_text_columns(f->name) > room ? pb_shorten(f->name) : NULL;
	const char *name = shorter ? shorter : f->name;

	if (room < NAME_COLUMNS_MIN) {
		put_last(t, f->label, columns, 0);
		return min(pb_text_columns(f->label), columns);
	}
	put_last(t, name, room, is_told_by_its_end(name));
	fputs(line, t->out);
	return min(pb_text_columns(name), room) + columns - room;
}

static void put_row(const struct table *t, const struct pb_hotspot *h)
{
	const struct pb_frame *f = &t->tree->frames[h->frame];
	const char *mark = mark_of(f);
	const char *module = t->module_columns ? module_text(f) : "";
	int name_columns = t->function_columns - (int)strlen(mark);
	int used;

	put_percent(t, h->self);
	put_gap(t);
	put_number(t, h->self);
	put_gap(t);
	put_percent(t, h->total);
	put_gap(t);
	put_number(t, h->total);
	put_gap(t);
	used = put_function(t, f, name_columns);
	fputs(mark, t->out);
	if (*module) {
		fprintf(t->out, "%*s", name_columns - used + GAP, "");
		style(t, DIM);
		put_last(t, module, t->module_columns, 0);
		style(t, PLAIN);
	}
	fputc('\n', t->out);
}

/* What the rows left out amount to, so that the percentages above can be judged. */
static void put_rest(const struct table *t, uint32_t shown)
{
	uint64_t self = 0;
	uint32_t n = 0;
	char text[NUMBER_SIZE];

	for (uint32_t i = shown; i < t->tree->n_hotspots; i++) {
		const struct pb_hotspot *h = &t->tree->hotspots[i];

		n += h->total > 0;
		if (__builtin_add_overflow(self, h->self, &self))
			self = UINT64_MAX;
	}
	if (!n)
		return;
	style(t, DIM);
	put_percent(t, self);
	put_gap(t);
	put_number(t, self);
	group_digits(text, n);
	fprintf(t->out, "%*s%s more function%s", 3 * GAP + PERCENT_COLUMNS + t->value_columns, "",
		text, n == 1 ? "" : "s");
	style(t, PLAIN);
	fputc('\n', t->out);
}

/* A paragraph, broken at spaces, no newline at its end; a word wider than the line stands alone. */
static void put_wrapped(const struct table *t, const char *text)
{
	int column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		pb_autofree char *word = strndup(text, len);
		int width = word ? pb_text_columns(word) : (int)len;

		if (column && column + 1 + width > t->columns) {
			fputc('\n', t->out);
			column = 0;
		}
		fprintf(t->out, "%s%.*s", column ? " " : "", (int)len, text);
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

static int put_title(const struct table *t, const struct pb_report *r,
		     const struct pb_value_type *type)
{
	pb_autofree char *subject = pb_report_subject(r);
	char text[NUMBER_SIZE];

	if (!subject)
		return -ENOMEM;
	style(t, BOLD);
	fprintf(t->out, "%s: %s", *r->tool ? r->tool : "perfbeads", subject);
	style(t, PLAIN);
	if (r->duration_ns) { /* a heap profile of another program has none */
		fputs(", ", t->out);
		put_seconds(t->out, r->duration_ns);
	}
	if (!t->whole) {
		fprintf(t->out, ": no %s were kept.\n", type->type);
		return 0;
	}
	scaled(t, text, t->whole);
	fprintf(t->out, ", %s %s", text, t->scale.unit);
	if (strcmp(t->scale.unit, type->type) != 0)
		fprintf(t->out, " %s", type->type);
	fputs("\n\n", t->out);
	return 0;
}

static void put_table(struct table *t, uint32_t top)
{
	t->rows = t->tree->n_hotspots < top ? t->tree->n_hotspots : top;
	while (t->rows && !t->tree->hotspots[t->rows - 1].total)
		t->rows--;
	lay_out(t);
	put_head(t);
	for (uint32_t i = 0; i < t->rows; i++)
		put_row(t, &t->tree->hotspots[i]);
	put_rest(t, t->rows);
	fputc('\n', t->out);
}

static int put_ledger(const struct table *t, const struct pb_report *r)
{
	pb_autofree char *ledger = pb_report_ledger(r);

	if (!ledger)
		return -ENOMEM;
	if (pb_report_lost(r))
		style(t, RED);
	put_wrapped(t, ledger);
	if (pb_report_lost(r))
		style(t, PLAIN);
	fputc('\n', t->out);
	return 0;
}

int pb_render_text(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	pb_auto(pb_tree) struct pb_tree *tree = NULL;
	const struct pb_tree_opts by = {.value = o->value, .lines = o->lines};
	struct table t = {.out = out, .color = o->color};
	int err = pb_tree_build(&tree, p, &by);

	if (err)
		return err;
	t.columns = max(o->columns > 0 ? o->columns : COLUMNS_DEFAULT, COLUMNS_MIN);
	t.tree = tree;
	t.whole = tree->nodes[0].total;
	t.scale = scale_for(&p->value_types[o->value], t.whole);
	err = put_title(&t, r, &p->value_types[o->value]);
	if (err)
		return err;
	if (t.whole)
		put_table(&t, o->top);
	if (t.whole || r->produced)
		err = put_ledger(&t, r);
	if (err)
		return err;
	return ferror(out) ? -EIO : 0;
}
