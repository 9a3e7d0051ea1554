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
#include <string.h>

#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/render.h"
#include "user/render/sheet.h"
#include "user/render/tree.h"

struct table {
	struct pb_sheet sheet;
	const struct pb_tree *tree;
	uint64_t whole; /* what 100 % is */
	struct pb_scale scale;
	uint32_t rows;
	int value_columns;
	int function_columns;
	int module_columns; /* 0: no room for it */
};

static void put_number(const struct table *t, uint64_t value)
{
	const struct pb_sheet *s = &t->sheet;
	char text[PB_SHEET_NUMBER_SIZE];

	pb_scale_digits(text, &t->scale, value);
	fprintf(s->out, "%*s", t->value_columns, text);
}

static const char *module_text(const struct pb_frame *f)
{
	return f->kind == PB_FRAME_KERNEL ? "[kernel]" : pb_module_base(f->module);
}

static int function_width(const struct pb_frame *f)
{
	return pb_text_columns(f->label) + (int)strlen(pb_frame_mark(f));
}

/* Give function and module their columns: what they need, or else at most a third to the module. */
static void lay_out(struct table *t)
{
	char text[PB_SHEET_NUMBER_SIZE];
	int function = (int)strlen("function"), module = (int)strlen("module"), room;

	t->value_columns =
		pb_max(pb_text_columns(t->scale.unit), pb_scale_digits(text, &t->scale, t->whole));
	for (uint32_t i = 0; i < t->rows; i++) {
		const struct pb_frame *f = &t->tree->frames[t->tree->hotspots[i].frame];

		function = pb_max(function, function_width(f));
		module = pb_max(module, pb_text_columns(module_text(f)));
	}
	room = t->sheet.columns -
	       2 * (PB_SHEET_PERCENT_COLUMNS + t->value_columns + 2 * PB_SHEET_GAP);
	if (function + PB_SHEET_GAP + module > room)
		module = pb_min(module, pb_max(room / 3, room - PB_SHEET_GAP - function));
	t->module_columns = module >= 6 ? module : 0;
	t->function_columns =
		pb_min(function, t->module_columns ? room - PB_SHEET_GAP - module : room);
	t->function_columns = pb_max(t->function_columns, 12);
}

static void put_head(const struct table *t)
{
	const struct pb_sheet *s = &t->sheet;

	pb_sheet_style(s, PB_SHEET_BOLD);
	for (int i = 0; i < 2; i++) {
		int pad = t->value_columns - pb_text_columns(t->scale.unit);

		fprintf(s->out, "%*s%*s%s", PB_SHEET_PERCENT_COLUMNS, i ? "total%" : "self%",
			PB_SHEET_GAP + pad, "", t->scale.unit);
		pb_sheet_gap(s);
	}
	if (t->module_columns) {
		pb_text_print(s->out, "function", t->function_columns, 0);
		pb_sheet_gap(s);
		fputs("module", s->out);
	} else {
		fputs("function", s->out);
	}
	pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
}

static void put_row(const struct table *t, const struct pb_hotspot *h)
{
	const struct pb_sheet *s = &t->sheet;
	const struct pb_frame *f = &t->tree->frames[h->frame];
	const char *mark = pb_frame_mark(f);
	const char *module = t->module_columns ? module_text(f) : "";
	int name_columns = t->function_columns - (int)strlen(mark);
	int used;

	pb_sheet_percent(s, h->self, t->whole);
	pb_sheet_gap(s);
	put_number(t, h->self);
	pb_sheet_gap(s);
	pb_sheet_percent(s, h->total, t->whole);
	pb_sheet_gap(s);
	put_number(t, h->total);
	pb_sheet_gap(s);
	used = pb_sheet_name(s, f, name_columns);
	fputs(mark, s->out);
	if (*module) {
		fprintf(s->out, "%*s", name_columns - used + PB_SHEET_GAP, "");
		pb_sheet_style(s, PB_SHEET_DIM);
		pb_sheet_last(s, module, t->module_columns, 0);
		pb_sheet_style(s, PB_SHEET_PLAIN);
	}
	fputc('\n', s->out);
}

/* What the rows left out amount to, so that the percentages above can be judged. */
static void put_rest(const struct table *t, uint32_t shown)
{
	const struct pb_sheet *s = &t->sheet;
	uint64_t self = 0;
	uint32_t n = 0;
	char text[PB_SHEET_NUMBER_SIZE];

	for (uint32_t i = shown; i < t->tree->n_hotspots; i++) {
		const struct pb_hotspot *h = &t->tree->hotspots[i];

		n += h->total > 0;
		if (__builtin_add_overflow(self, h->self, &self))
			self = UINT64_MAX;
	}
	if (!n)
		return;
	pb_sheet_style(s, PB_SHEET_DIM);
	pb_sheet_percent(s, self, t->whole);
	pb_sheet_gap(s);
	put_number(t, self);
	pb_sheet_digits(text, n);
	fprintf(s->out, "%*s%s more function%s",
		3 * PB_SHEET_GAP + PB_SHEET_PERCENT_COLUMNS + t->value_columns, "", text,
		n == 1 ? "" : "s");
	pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
}

static int put_title(const struct table *t, const struct pb_report *r,
		     const struct pb_value_type *type)
{
	const struct pb_sheet *s = &t->sheet;
	char text[PB_SHEET_NUMBER_SIZE];

	if (pb_sheet_subject(s, r))
		return -ENOMEM;
	if (!t->whole) {
		fprintf(s->out, ": no %s were kept.\n", type->type);
		return 0;
	}
	pb_scale_digits(text, &t->scale, t->whole);
	fprintf(s->out, ", %s %s", text, t->scale.unit);
	if (strcmp(t->scale.unit, type->type) != 0)
		fprintf(s->out, " %s", type->type);
	fputs("\n\n", s->out);
	return 0;
}

static void put_table(struct table *t, uint32_t top)
{
	const struct pb_sheet *s = &t->sheet;

	t->rows = t->tree->n_hotspots < top ? t->tree->n_hotspots : top;
	while (t->rows && !t->tree->hotspots[t->rows - 1].total)
		t->rows--;
	lay_out(t);
	put_head(t);
	for (uint32_t i = 0; i < t->rows; i++)
		put_row(t, &t->tree->hotspots[i]);
	put_rest(t, t->rows);
	fputc('\n', s->out);
}

int pb_render_text(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	pb_auto(pb_tree) struct pb_tree *tree = NULL;
	const struct pb_tree_opts by = {.value = o->value, .lines = o->lines};
	struct table t = {0};
	int err = pb_tree_build(&tree, p, &by);

	if (err)
		return err;
	pb_sheet_init(&t.sheet, out, o);
	t.tree = tree;
	t.whole = tree->nodes[0].total;
	t.scale = pb_scale_for(&p->value_types[o->value], t.whole);
	err = put_title(&t, r, &p->value_types[o->value]);
	if (err)
		return err;
	if (t.whole)
		put_table(&t, o->top);
	if (t.whole || r->produced)
		err = pb_sheet_ledger(&t.sheet, r);
	if (err)
		return err;
	return ferror(out) ? -EIO : 0;
}
