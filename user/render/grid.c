/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/grid.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/text.h"
#include "user/render/sheet.h"

#define CUT_MIN  4 /* columns of a text where nothing else helps */
#define DROP_TOP 100

struct pb_grid {
	struct pb_grid_column columns[PB_GRID_COLUMNS_MAX];
	uint32_t n;
	char **cells; /* n to a row */
	size_t n_cells;
	size_t room;
	const char **styles; /* by row; NULL: plain */
	size_t n_styles;
	int err;

	/* set by lay_out() */
	int widths[PB_GRID_COLUMNS_MAX]; /* 0: left out */
	int gap;
};

int pb_grid_new(struct pb_grid **out, const struct pb_grid_column *columns, uint32_t n)
{
	struct pb_grid *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->n = n < PB_GRID_COLUMNS_MAX ? n : PB_GRID_COLUMNS_MAX;
	memcpy(g->columns, columns, g->n * sizeof(*columns));
	*out = g;
	return 0;
}

void pb_grid_free(struct pb_grid *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n_cells; i++)
		free(g->cells[i]);
	free(g->cells);
	free(g->styles);
	free(g);
}

/* Room for one row more. */
static int grow(struct pb_grid *g)
{
	size_t room = g->room ? 2 * g->room : 16;
	char **cells = reallocarray(g->cells, room * g->n, sizeof(*cells));
	const char **styles;

	if (!cells)
		return -ENOMEM;
	g->cells = cells;
	styles = reallocarray(g->styles, room, sizeof(*styles));
	if (!styles)
		return -ENOMEM;
	g->styles = styles;
	g->room = room;
	return 0;
}

void pb_grid_add(struct pb_grid *g, const char *text)
{
	char safe[PB_NAME_MAX + 1];

	if (!g->err && g->n_cells == g->room * g->n)
		g->err = grow(g);
	if (g->err)
		return;
	pb_text_safe(safe, sizeof(safe), text, strlen(text));
	g->cells[g->n_cells] = strdup(safe);
	if (!g->cells[g->n_cells]) {
		g->err = -ENOMEM;
		return;
	}
	if (g->n_cells % g->n == 0)
		g->styles[g->n_cells / g->n] = NULL;
	g->n_cells++;
}

void pb_grid_style(struct pb_grid *g, const char *escape)
{
	if (g->n_cells)
		g->styles[(g->n_cells - 1) / g->n] = escape;
}

static bool is_same(const struct pb_grid *g, uint32_t column, bool only_empty)
{
	for (size_t i = column; i < g->n_cells; i += g->n) {
		if (only_empty ? *g->cells[i] && strcmp(g->cells[i], "-") != 0
			       : strcmp(g->cells[i], g->cells[column]) != 0)
			return false;
	}
	return true;
}

void pb_grid_hide_same(struct pb_grid *g, uint32_t column, bool only_empty)
{
	if (is_same(g, column, only_empty))
		g->columns[column].is_hidden = true;
}

void pb_grid_drop_same(struct pb_grid *g, uint32_t column)
{
	if (is_same(g, column, false))
		g->columns[column].drop = DROP_TOP;
}

/* Columns that all of it takes. */
static int width_of(const struct pb_grid *g)
{
	int sum = 0, shown = 0;

	for (uint32_t i = 0; i < g->n; i++) {
		sum += g->widths[i];
		shown += g->widths[i] > 0;
	}
	return sum + g->gap * (shown ? shown - 1 : 0);
}

static int least_of(const struct pb_grid *g, uint32_t i, bool hard)
{
	const struct pb_grid_column *c = &g->columns[i];
	int least = pb_max(c->min, c->is_text ? pb_text_columns(c->head) : 0);

	if (!c->is_text || !c->min || !g->widths[i])
		return g->widths[i];
	return hard ? CUT_MIN : pb_min(least, g->widths[i]);
}

/* Make texts narrower, the widest first, until the table fits. Returns whether it does. */
static bool cut(struct pb_grid *g, int columns, bool hard)
{
	while (width_of(g) > columns) {
		uint32_t widest = PB_GRID_COLUMNS_MAX;

		for (uint32_t i = 0; i < g->n; i++) {
			if (g->widths[i] > least_of(g, i, hard) &&
			    (widest == PB_GRID_COLUMNS_MAX || g->widths[i] > g->widths[widest]))
				widest = i;
		}
		if (widest == PB_GRID_COLUMNS_MAX)
			return false;
		g->widths[widest]--;
	}
	return true;
}

static bool drop_one(struct pb_grid *g, bool *dropped)
{
	uint32_t at = PB_GRID_COLUMNS_MAX;

	for (uint32_t i = 0; i < g->n; i++) {
		if (dropped[i] || g->columns[i].is_hidden || !g->columns[i].drop)
			continue;
		if (at == PB_GRID_COLUMNS_MAX || g->columns[i].drop > g->columns[at].drop)
			at = i;
	}
	if (at == PB_GRID_COLUMNS_MAX)
		return false;
	dropped[at] = true;
	return true;
}

static void lay_out(struct pb_grid *g, int columns)
{
	bool dropped[PB_GRID_COLUMNS_MAX] = {0};
	int natural[PB_GRID_COLUMNS_MAX] = {0};

	for (uint32_t i = 0; i < g->n; i++) {
		natural[i] = pb_text_columns(g->columns[i].head);
		for (size_t k = i; k < g->n_cells; k += g->n)
			natural[i] = pb_max(natural[i], pb_text_columns(g->cells[k]));
	}
	do {
		for (g->gap = PB_SHEET_GAP; g->gap > 0; g->gap--) {
			for (uint32_t i = 0; i < g->n; i++)
				g->widths[i] =
					dropped[i] || g->columns[i].is_hidden ? 0 : natural[i];
			if (cut(g, columns, false))
				return;
		}
	} while (drop_one(g, dropped));
	g->gap = 1;
	cut(g, columns, true);
}

static void put_cell(const struct pb_grid *g, const struct pb_sheet *s, uint32_t i,
		     const char *text, int *behind)
{
	const struct pb_grid_column *c = &g->columns[i];
	int width = g->widths[i], used = pb_min(pb_text_columns(text), width);

	if (!width)
		return;
	if (!c->is_text)
		*behind += width - used;
	if (*text) {
		fprintf(s->out, "%*s", *behind, "");
		pb_sheet_last(s, text, width, c->keep_end);
		*behind = 0;
	} else {
		*behind += used;
	}
	*behind += (c->is_text ? width - used : 0) + g->gap;
}

int pb_grid_put(struct pb_grid *g, const struct pb_sheet *s)
{
	size_t rows = g->n_cells / g->n;
	int behind = 0;

	if (g->err)
		return g->err;
	lay_out(g, s->columns);
	pb_sheet_style(s, PB_SHEET_BOLD);
	for (uint32_t i = 0; i < g->n; i++)
		put_cell(g, s, i, g->columns[i].head, &behind);
	pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
	for (size_t row = 0; row < rows; row++) {
		behind = 0;
		if (g->styles[row])
			pb_sheet_style(s, g->styles[row]);
		for (uint32_t i = 0; i < g->n; i++)
			put_cell(g, s, i, g->cells[row * g->n + i], &behind);
		if (g->styles[row])
			pb_sheet_style(s, PB_SHEET_PLAIN);
		fputc('\n', s->out);
	}
	return 0;
}

void pb_cell_count(char out[PB_GRID_CELL_SIZE], uint64_t n)
{
	_Static_assert(PB_GRID_CELL_SIZE == PB_SHEET_NUMBER_SIZE, "one is written into the other");
	pb_sheet_digits(out, n);
}

/* By hand, so that no locale has a say in the point. */
void pb_cell_number(char out[PB_GRID_CELL_SIZE], double n, int decimals)
{
	static const unsigned int powers[] = {1, 10, 100, 1000};
	uint64_t scaled;
	int len;

	if (!(n >= 0)) {
		snprintf(out, PB_GRID_CELL_SIZE, "-");
		return;
	}
	decimals = pb_min(decimals, n < 1 ? 3 : n < 9.995 ? 2 : n < 99.95 ? 1 : 0);
	if (n > 1e15 || !n)
		decimals = 0;
	scaled = (uint64_t)(n * powers[decimals] + 0.5);
	len = pb_sheet_digits(out, scaled / powers[decimals]);
	if (decimals)
		snprintf(out + len, PB_GRID_CELL_SIZE - (size_t)len, ".%0*u", decimals,
			 (unsigned int)(scaled % powers[decimals]));
}
