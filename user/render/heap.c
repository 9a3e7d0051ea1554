/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The table of allocation sites, and what the tool found beside it:
 *
 *   allocsites: app (pid 1234), 10.0 s, 1,204 MiB allocated
 *
 *        %  alloc MiB    calls  live MiB   temp%  call path
 *     42.1        507  120,400       113    97.2  sdsnewlen ← createObject ← main
 *
 *   Allocated 1,204 MiB in ...
 *
 * The first column is the chosen value. Amounts have three digits at least, with their points below each
 * other. What is 0 everywhere has no column. Below the table stand the
 * totals, allocators and candidates of report->extra, as user/alloc/book.c writes them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/render.h"
#include "user/render/sheet.h"
#include "user/render/sites.h"
#include "user/render/tree.h"
#include "user/render/valuename.h"

#define ARROW          " \u2190 "
#define ARROW_COLUMNS  3
#define CALLER_MIN     10 /* columns: less of a caller's name tells nothing */
#define LEAF_MIN       24 /* of the path */
#define PASSED         "\u2026 " /* frames without a name, of which more than so many are not passed over */
#define PASSED_COLUMNS 2
#define PASSED_MAX     4
#define SHOWN_MAX      4 /* columns of values beside the share */
#define HINTS_MAX      5
#define TEMP_COLUMNS   5
#define ALLOCATORS_MAX 16

/* One column of the table: an amount, or the share of temporary ones among all. */
struct column {
	struct pb_scale scale;
	char head[48];
	int columns;
	int decimals; /* of the row that has most */
	bool is_temporary;
	uint32_t at; /* of the row's values */
};

struct heap {
	struct pb_sheet sheet;
	const struct pb_profile *p;
	const struct pb_sites *sites;
	struct column shown[SHOWN_MAX];
	uint32_t n_shown;
	uint32_t calls; /* of the row's values: what temp% is a share of */
	uint32_t rows;
	int path_columns;
};

/* Columns */

static void add_value(uint32_t *values, uint32_t *n, uint32_t value)
{
	if (value == PB_NONE || *n == PB_SITE_COLUMNS_MAX)
		return;
	for (uint32_t i = 0; i < *n; i++) {
		if (values[i] == value)
			return;
	}
	values[(*n)++] = value;
}

/* The chosen value first; then what says most about a heap. */
static uint32_t choose_values(const struct pb_profile *p, uint32_t chosen, uint32_t *values)
{
	static const char *const order[] = {"alloc_space", "alloc_objects", "inuse_space",
					    "grown_space", "faults",        "temporary_objects"};
	uint32_t n = 0;

	add_value(values, &n, chosen);
	for (size_t i = 0; i < PB_ARRAY_SIZE(order); i++)
		add_value(values, &n, pb_profile_value(p, order[i]));
	return n;
}

static bool is_of(const struct heap *h, uint32_t at, const char *type)
{
	return !strcmp(h->p->value_types[h->sites->columns[at]].type, type);
}

/* Digits behind the point that make three in all. */
static int decimals_of(const struct pb_scale *scale, uint64_t value)
{
	/* Rounded as they will be: 9.996 is 10.0. */
	double units = (double)value / (double)scale->per;

	if (!value || scale->per == 1 || units >= 99.95)
		return 0;
	return units < 9.995 ? 2 : 1;
}

/* By hand, so that no locale has a say in the point. Return: columns. */
static int put_digits(char out[PB_SHEET_NUMBER_SIZE], const struct pb_scale *scale, uint64_t value,
		      int decimals)
{
	unsigned int ten = decimals == 2 ? 100 : 10, parts;

	if (!decimals)
		return pb_scale_digits(out, scale, value);
	parts = (unsigned int)((double)value / (double)scale->per * ten + 0.5);
	return snprintf(out, PB_SHEET_NUMBER_SIZE, "%u.%0*u", parts / ten, decimals, parts % ten);
}

static void add_column(struct heap *h, uint32_t at)
{
	const struct pb_value_type *type = &h->p->value_types[h->sites->columns[at]];
	struct column *c = &h->shown[h->n_shown++];
	struct pb_value_name scratch;
	char text[PB_SHEET_NUMBER_SIZE];

	c->at = at;
	c->is_temporary = at && is_of(h, at, "temporary_objects");
	if (c->is_temporary) {
		snprintf(c->head, sizeof(c->head), "temp%%");
		c->columns = TEMP_COLUMNS;
		return;
	}
	c->scale = pb_scale_for(type, h->sites->totals[at]);
	snprintf(c->head, sizeof(c->head), "%.30s%s%s",
		 pb_value_name(type->type, &scratch)->heading,
		 strcmp(type->unit, "count") != 0 ? " " : "",
		 strcmp(type->unit, "count") != 0 ? c->scale.unit : "");
	for (uint32_t i = 0; i < h->rows; i++)
		c->decimals =
			pb_max(c->decimals, decimals_of(&c->scale, h->sites->rows[i].values[at]));
	c->columns = pb_max(pb_text_columns(c->head),
			    pb_scale_digits(text, &c->scale, h->sites->totals[at]) +
				    (c->decimals ? c->decimals + 1 : 0));
}

static void lay_out(struct heap *h)
{
	const struct pb_sites *s = h->sites;

	h->path_columns = h->sheet.columns - PB_SHEET_PERCENT_COLUMNS - PB_SHEET_GAP;
	h->calls = PB_NONE;
	for (uint32_t i = 0; i < s->n_columns; i++) {
		if (is_of(h, i, "alloc_objects"))
			h->calls = i;
	}
	for (uint32_t i = 0; i < s->n_columns && h->n_shown < SHOWN_MAX; i++) {
		if (!s->totals[i] || (i && is_of(h, i, "temporary_objects") && h->calls == PB_NONE))
			continue;
		add_column(h, i);
		h->path_columns -= h->shown[h->n_shown - 1].columns + PB_SHEET_GAP;
		if (h->path_columns < LEAF_MIN && h->n_shown > 1) {
			h->path_columns += h->shown[--h->n_shown].columns + PB_SHEET_GAP;
			break;
		}
	}
}

/* Rows */

static void put_head(const struct heap *h)
{
	const struct pb_sheet *s = &h->sheet;

	pb_sheet_style(s, PB_SHEET_BOLD);
	fprintf(s->out, "%*s", PB_SHEET_PERCENT_COLUMNS, "%");
	for (uint32_t i = 0; i < h->n_shown; i++)
		fprintf(s->out, "%*s%s",
			PB_SHEET_GAP + h->shown[i].columns - pb_text_columns(h->shown[i].head), "",
			h->shown[i].head);
	pb_sheet_gap(s);
	fputs("call path", s->out);
	pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
}

/* 0 to 1; two estimates of one thing can differ. */
static double share_of(uint64_t part, uint64_t whole)
{
	double share = whole ? (double)part / (double)whole : 0;

	return share > 1 ? 1 : share;
}

static void put_cell(const struct heap *h, const struct column *c, const struct pb_site_row *row)
{
	const struct pb_sheet *s = &h->sheet;
	char text[PB_SHEET_NUMBER_SIZE];

	pb_sheet_gap(s);
	if (!c->is_temporary) {
		int decimals = pb_min(decimals_of(&c->scale, row->values[c->at]), c->decimals);
		/* Where others have a point and digits behind it. */
		int behind = c->decimals - decimals + (c->decimals && !decimals);

		put_digits(text, &c->scale, row->values[c->at], decimals);
		fprintf(s->out, "%*s%*s", c->columns - behind, text, behind, "");
		return;
	}
	if (row->values[h->calls]) {
		unsigned int tenths =
			(unsigned int)(1000 * share_of(row->values[c->at], row->values[h->calls]) +
				       0.5);

		fprintf(s->out, "%*u.%u", TEMP_COLUMNS - 2, tenths / 10, tenths % 10);
	} else {
		fprintf(s->out, "%*s", TEMP_COLUMNS, "-");
	}
}

static int name_width(const struct pb_frame *f)
{
	return pb_text_columns(f->label) + (int)strlen(pb_frame_mark(f));
}

/* The next frame from @node on towards the root that has a name, if it is near; else @node. A library's inner functions
 * that have none tell little and take much room. */
static uint32_t next_named(const struct pb_tree *t, uint32_t node)
{
	uint32_t at = node, i;

	for (i = 0; i < PASSED_MAX && at; i++, at = t->nodes[at].parent) {
		const struct pb_frame *f = &t->frames[t->nodes[at].frame];

		if (f->kind == PB_FRAME_PROCESS)
			break;
		if (!pb_is_place(f->name))
			return at;
	}
	return node;
}

/* The leaf, and as many of its callers as there is room for. */
static void put_path(const struct heap *h, uint32_t leaf)
{
	const struct pb_tree *t = h->sites->tree;
	const struct pb_sheet *s = &h->sheet;
	int room = h->path_columns;
	uint32_t next, at;

	for (next = leaf; next; next = t->nodes[at].parent) {
		const struct pb_frame *f;
		const char *mark;

		at = next_named(t, next);
		f = &t->frames[t->nodes[at].frame];
		mark = pb_frame_mark(f);
		if (f->kind == PB_FRAME_PROCESS && at != leaf)
			break;
		room -= (next != leaf ? ARROW_COLUMNS : 0) + (at != next ? PASSED_COLUMNS : 0);
		if (next != leaf && room < pb_min(CALLER_MIN, name_width(f)))
			break;
		if (next != leaf) {
			fputs(ARROW, s->out);
			pb_sheet_style(s, PB_SHEET_DIM);
		}
		if (at != next)
			fputs(PASSED, s->out);
		room -= pb_sheet_name(s, f, room - (int)strlen(mark)) + (int)strlen(mark);
		fputs(mark, s->out);
		if (next != leaf)
			pb_sheet_style(s, PB_SHEET_PLAIN);
	}
}

static void put_row(const struct heap *h, const struct pb_site_row *row)
{
	pb_sheet_percent(&h->sheet, row->values[0], h->sites->totals[0]);
	for (uint32_t i = 0; i < h->n_shown; i++)
		put_cell(h, &h->shown[i], row);
	pb_sheet_gap(&h->sheet);
	put_path(h, row->node);
	fputc('\n', h->sheet.out);
}

/* What the rows left out amount to. */
static void put_rest(const struct heap *h)
{
	struct pb_site_row rest = {0};
	char text[PB_SHEET_NUMBER_SIZE];
	uint32_t n = h->sites->n_rows - h->rows;

	if (!n)
		return;
	for (uint32_t i = h->rows; i < h->sites->n_rows; i++) {
		for (uint32_t k = 0; k < h->sites->n_columns; k++) {
			uint64_t *sum = &rest.values[k];

			if (__builtin_add_overflow(*sum, h->sites->rows[i].values[k], sum))
				*sum = UINT64_MAX;
		}
	}
	pb_sheet_style(&h->sheet, PB_SHEET_DIM);
	pb_sheet_percent(&h->sheet, rest.values[0], h->sites->totals[0]);
	for (uint32_t i = 0; i < h->n_shown; i++)
		put_cell(h, &h->shown[i], &rest);
	pb_sheet_digits(text, n);
	pb_sheet_gap(&h->sheet);
	fprintf(h->sheet.out, "%s more path%s", text, n == 1 ? "" : "s");
	pb_sheet_style(&h->sheet, PB_SHEET_PLAIN);
	fputc('\n', h->sheet.out);
}

static void put_table(struct heap *h, uint32_t top)
{
	h->rows = h->sites->n_rows < top ? h->sites->n_rows : top;
	lay_out(h);
	put_head(h);
	for (uint32_t i = 0; i < h->rows; i++)
		put_row(h, &h->sites->rows[i]);
	put_rest(h);
	fputc('\n', h->sheet.out);
}

/* What the tool added. All of it may come from a hostile file: texts are made safe, the rest is numbers. */

static uint64_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_integer_value(value); /* 0 for what is none */

	return n > 0 ? (uint64_t)n : 0;
}

static void put_safe(FILE *out, const json_t *value)
{
	const char *text = json_string_value(value);
	char safe[PB_NAME_MAX + 1];

	pb_text_safe(safe, sizeof(safe), text ? text : "", text ? strlen(text) : 0);
	fputs(safe, out);
}

static void put_bytes(FILE *out, uint64_t bytes)
{
	static const struct pb_value_type type = {"bytes", "bytes"};
	struct pb_scale scale = pb_scale_for(&type, bytes);
	char text[PB_SHEET_NUMBER_SIZE];

	pb_scale_digits(text, &scale, bytes);
	fprintf(out, "%s %s", text, scale.unit);
}

static void put_count(FILE *out, uint64_t n, const char *noun)
{
	char text[PB_SHEET_NUMBER_SIZE];

	pb_sheet_digits(text, n);
	fprintf(out, "%s %s%s", text, noun, n == 1 ? "" : "s");
}

/* "1,204 MiB in 120,400 calls" */
static void put_pair(FILE *out, uint64_t bytes, uint64_t n, const char *noun)
{
	put_bytes(out, bytes);
	fputs(" in ", out);
	put_count(out, n, noun);
}

static void put_totals(FILE *out, const json_t *alloc)
{
	const char *mode = json_string_value(json_object_get(alloc, "mode"));
	uint64_t allocs = number(alloc, "allocs"), temporary = number(alloc, "temporary");

	if (mode && !strcmp(mode, "sampled")) {
		fputs("Estimated from one sample every ", out);
		put_bytes(out, number(alloc, "sample_bytes"));
		fputs(": ", out);
	}
	put_pair(out, number(alloc, "bytes"), allocs, "allocation");
	if (json_is_true(json_object_get(alloc, "track_frees"))) {
		fputs("; freed ", out);
		put_pair(out, number(alloc, "freed_bytes"), number(alloc, "frees"), "block");
		fputs("; live ", out);
		put_pair(out, number(alloc, "live_bytes"), number(alloc, "live_allocs"), "block");
		fputs("; at the peak ", out);
		put_bytes(out, number(alloc, "peak_bytes"));
		if (allocs && temporary)
			fprintf(out, "; %.1f %% temporary", 100 * share_of(temporary, allocs));
	}
	fputs(".", out);
}

/* What bends the numbers. */
static void put_caveats(FILE *out, const json_t *alloc)
{
	static const struct {
		const char *key, *one, *many;
	} rows[] = {
		{"failed", "allocation failed", "allocations failed"},
		{"frees_unknown", "free of a block from before, or of one left out",
		 "frees of blocks from before, or of such as were left out"},
		{"untracked", "block found no room, so that its free is not seen; raise --max-live",
		 "blocks found no room, so that their frees are not seen; raise --max-live"},
		{"overwritten", "free was missed", "frees were missed"},
		{"stateless", "call found no room for its thread's state and is not counted",
		 "calls found no room for their thread's state and are not counted"},
		{"missed", "call was made while the tool was stopped, and is not counted",
		 "calls were made while the tool was stopped, and are not counted"},
	};
	const char *mode = json_string_value(json_object_get(alloc, "mode"));
	char text[PB_SHEET_NUMBER_SIZE];
	const char *separator = " ";

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		uint64_t n = number(alloc, rows[i].key);

		/* of what was not sampled nothing is known: that is no news */
		if (!n ||
		    (mode && !strcmp(mode, "sampled") && !strcmp(rows[i].key, "frees_unknown")))
			continue;
		pb_sheet_digits(text, n);
		fprintf(out, "%s%s %s", separator, text, n == 1 ? rows[i].one : rows[i].many);
		separator = "; ";
	}
	if (*separator == ';')
		fputs(".", out);
}

static void put_cost(FILE *out, const json_t *alloc)
{
	const json_t *cost = json_object_get(alloc, "cost");
	const char *by = json_string_value(json_object_get(cost, "attached_by"));
	double pct = json_number_value(json_object_get(cost, "actual_pct"));

	if (!by || !*by || !json_is_number(json_object_get(cost, "actual_pct")))
		return;
	fprintf(out, " Probes took about %.*f %% of one CPU, ", pct < 10 ? 1 : 0, pct);
	put_count(out, number(cost, "entries") + number(cost, "returns"), "hit");
	fputs(".", out);
}

static int put_summary(FILE *out, const json_t *alloc)
{
	const char *mode = json_string_value(json_object_get(alloc, "mode"));

	if (mode && strcmp(mode, "growth") != 0) {
		put_totals(out, alloc);
		put_caveats(out, alloc);
		put_cost(out, alloc);
	}
	return ferror(out) ? -ENOMEM : 0;
}

static int put_allocators(FILE *out, const json_t *allocators)
{
	size_t left_out = 0;

	for (size_t i = 0; i < json_array_size(allocators); i++) {
		const json_t *line = json_array_get(allocators, i);
		const char *text = json_string_value(line);

		/* What is not seen stands at the end, and is what a person has to know. */
		if (i >= ALLOCATORS_MAX && (!text || strncmp(text, "not seen", 8) != 0)) {
			left_out++;
			continue;
		}
		fputs(i ? "; " : "Allocators: ", out);
		put_safe(out, line);
	}
	if (left_out)
		fprintf(out, "; %zu more", left_out);
	if (json_array_size(allocators))
		fputs(".", out);
	return ferror(out) ? -ENOMEM : 0;
}

static void put_hint(FILE *out, const json_t *hint)
{
	const json_t *frames = json_object_get(hint, "frames");
	const char *kind = json_string_value(json_object_get(hint, "kind"));

	for (const char *c = kind ? kind : ""; *c; c++) {
		if (*c == '_')
			fputc(' ', out);
		else if (*c >= 'a' && *c <= 'z')
			fputc(*c, out);
	}
	fputs(": ", out);
	for (size_t i = 0; i < json_array_size(frames) && i < 3; i++) {
		if (i)
			fputs(ARROW, out);
		put_safe(out, json_array_get(frames, i));
	}
	fputs(": ", out);
	put_safe(out, json_object_get(hint, "evidence"));
}

/* One paragraph from what @put says; nothing if it says nothing. */
static int put_paragraph(const struct heap *h, const char *prefix, const json_t *value,
			 int (*put)(FILE *out, const json_t *value))
{
	pb_autofree char *text = NULL;
	const char *from;
	size_t size = 0;
	FILE *mem = open_memstream(&text, &size);
	int err;

	if (!mem)
		return -ENOMEM;
	err = put(mem, value);
	if (fclose(mem) || err)
		return -ENOMEM;
	from = text + strspn(text, " ");
	if (!*from)
		return 0;
	fputs(prefix, h->sheet.out);
	pb_sheet_wrapped(&h->sheet, from, (int)strlen(prefix));
	fputc('\n', h->sheet.out);
	return 0;
}

static int put_one_hint(FILE *out, const json_t *hint)
{
	put_hint(out, hint);
	return ferror(out) ? -ENOMEM : 0;
}

static int put_detached(FILE *out, const json_t *alloc)
{
	const json_t *at = json_object_get(alloc, "detached_s");

	if (json_is_number(at))
		fprintf(out,
			"The probes were taken out after %.1f s, because they cost more than "
			"--max-overhead allows: what came later is not counted.",
			json_number_value(at));
	return ferror(out) ? -ENOMEM : 0;
}

static int put_extra(const struct heap *h, const struct pb_report *r)
{
	pb_autojson json_t *extra = json_loads(r->extra, 0, NULL); /* NULL: "" */
	const json_t *hints = json_object_get(extra, "hints");
	int err;

	pb_sheet_style(&h->sheet, PB_SHEET_RED);
	err = put_paragraph(h, "", json_object_get(extra, "alloc"), put_detached);
	pb_sheet_style(&h->sheet, PB_SHEET_PLAIN);
	err = err ? err : put_paragraph(h, "", json_object_get(extra, "alloc"), put_summary);
	err = err ? err
		  : put_paragraph(h, "", json_object_get(extra, "allocators"), put_allocators);
	if (json_array_size(hints) && !err)
		fputs("Candidates for less work:\n", h->sheet.out);
	for (size_t i = 0; i < json_array_size(hints) && i < HINTS_MAX && !err; i++)
		err = put_paragraph(h, "  ", json_array_get(hints, i), put_one_hint);
	if (extra && !err)
		fputc('\n', h->sheet.out);
	return err;
}

static int put_title(const struct heap *h, const struct pb_report *r, uint32_t value)
{
	const struct pb_value_type *type = &h->p->value_types[value];
	struct pb_scale scale = pb_scale_for(type, h->sites->totals[0]);
	struct pb_value_name scratch;
	const struct pb_value_name *name = pb_value_name(type->type, &scratch);
	char text[PB_SHEET_NUMBER_SIZE];

	if (pb_sheet_subject(&h->sheet, r))
		return -ENOMEM;
	if (!h->sites->totals[0]) {
		fprintf(h->sheet.out, ": no %s.\n", name->label);
		return 0;
	}
	pb_scale_digits(text, &scale, h->sites->totals[0]);
	fprintf(h->sheet.out, ", %s%s%s %s\n\n", text, strcmp(type->unit, "count") != 0 ? " " : "",
		strcmp(type->unit, "count") != 0 ? scale.unit : "", name->said);
	return 0;
}

int pb_render_heap(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	pb_auto(pb_sites) struct pb_sites *sites = NULL;
	uint32_t values[PB_SITE_COLUMNS_MAX];
	struct heap h = {.p = p};
	int err;

	if (pb_profile_value(p, "alloc_space") == PB_NONE &&
	    pb_profile_value(p, "grown_space") == PB_NONE)
		return pb_render_text(out, p, r, o);
	err = pb_sites_build(&sites, p, o, values, choose_values(p, o->value, values));
	if (err)
		return err;
	pb_sheet_init(&h.sheet, out, o);
	h.sites = sites;
	err = put_title(&h, r, o->value);
	if (!err && sites->totals[0])
		put_table(&h, o->top);
	if (!err && !o->brief && (sites->totals[0] || r->produced)) {
		err = put_extra(&h, r);
		err = err ? err : pb_sheet_ledger(&h.sheet, r);
	}
	if (err)
		return err;
	return ferror(out) ? -EIO : 0;
}
