/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The parts of the text of iolatency. Each prints one section and an empty line behind it, or nothing where its
 * member is absent. user/io/book.h says what the members are; here all of them are hostile.
 */
#ifndef PB_RENDER_IOSHEET_H
#define PB_RENDER_IOSHEET_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "user/render/grid.h"
#include "user/render/sheet.h"

struct pb_iosheet {
	struct pb_sheet sheet;
	const json_t *extra;
	const json_t *io;
	uint32_t top;      /* rows of each table */
	bool milliseconds; /* all times; else the unit follows what there is */
};

/* In which unit the times of one table are. */
struct pb_iounit {
	double per; /* microseconds */
	const char *name;
};

/* Of all devices together: "count", "bytes". */
uint64_t pb_iosheet_total(const struct pb_iosheet *s, const char *key);
struct pb_iounit pb_iosheet_unit(const struct pb_iosheet *s, const json_t *rows);
/* A time in that unit; "-" where it is null. */
void pb_iosheet_time(struct pb_grid *g, const struct pb_iounit *unit, const json_t *row,
		     const char *key);
void pb_iosheet_number(struct pb_grid *g, double n, int decimals);
void pb_iosheet_count(struct pb_grid *g, uint64_t n);
void pb_iosheet_percent(struct pb_grid *g, double percent);
/* One scale for this member of all rows. */
struct pb_scale pb_iosheet_bytes(const json_t *rows, const char *key);
/* What a table is about: a line, or as many as it takes. Return: 0; -ENOMEM. */
__attribute__((format(printf, 2, 3))) int pb_iosheet_caption(const struct pb_iosheet *s,
							     const char *format, ...);
/* "12 more rows", where a table does not show all. */
void pb_iosheet_rest(const struct pb_iosheet *s, size_t rows);
/* The path of a call, leaf first: "commit \u2190 step \u2190 main". Return: to be freed; NULL without memory. */
char *pb_iosheet_path(const json_t *frames);

int pb_iosheet_patterns(const struct pb_iosheet *s);
int pb_iosheet_devices(const struct pb_iosheet *s);
/* One for each operation, or one for each device and operation. */
int pb_iosheet_histograms(const struct pb_iosheet *s, bool per_disk);
int pb_iosheet_view(const struct pb_iosheet *s);
int pb_iosheet_calls(const struct pb_iosheet *s);
int pb_iosheet_slow(const struct pb_iosheet *s);
/* Who it was charged to, and what bends the numbers. */
int pb_iosheet_notes(const struct pb_iosheet *s);

#endif
