/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A table of texts that fits the terminal: columns are as wide as what is in them. Where there is no room, texts
 * are cut down to their least width, then gaps become one column, then columns are left out.
 */
#ifndef PB_RENDER_GRID_H
#define PB_RENDER_GRID_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_sheet;

#define PB_GRID_COLUMNS_MAX 16
#define PB_GRID_CELL_SIZE   32 /* of a number or a short word, with its NUL */

struct pb_grid_column {
	const char *head; /* borrowed */
	bool is_text;     /* stands on the left and may be cut; numbers stand on the right */
	bool keep_end;    /* cut at the front */
	bool is_hidden;
	int min;  /* columns that a text keeps; 0: it is not cut */
	int drop; /* the highest is left out first; 0: it stays */
};

struct pb_grid;

/* @n columns, copied. Return: 0; -ENOMEM. */
int pb_grid_new(struct pb_grid **out, const struct pb_grid_column *columns, uint32_t n);
void pb_grid_free(struct pb_grid *g);
PB_DEFINE_FREE(pb_grid, pb_grid_free);

/* The next cell, row by row; made safe and copied. Without memory pb_grid_put() says so. */
void pb_grid_add(struct pb_grid *g, const char *text);
/* How the row that has just been filled is shown: an escape of the sheet. */
void pb_grid_style(struct pb_grid *g, const char *escape);

/* Leave out a column whose cells are all the same; or, if @only_empty, all empty or "-". */
void pb_grid_hide_same(struct pb_grid *g, uint32_t column, bool only_empty);
/* Leave it out first where there is no room, if its cells are all the same. */
void pb_grid_drop_same(struct pb_grid *g, uint32_t column);

/* The heads and all rows. Return: 0; -ENOMEM. */
int pb_grid_put(struct pb_grid *g, const struct pb_sheet *s);

/* Numbers as cells: "12,345"; three digits that count, at most @decimals behind the point; "-" for less than 0. */
void pb_cell_count(char out[PB_GRID_CELL_SIZE], uint64_t n);
void pb_cell_number(char out[PB_GRID_CELL_SIZE], double n, int decimals);

#endif
