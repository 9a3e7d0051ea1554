/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rows of comma separated text, one at a time. No quotes: orders have none. */
#ifndef SHOP_CSV_H
#define SHOP_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CSV_ROW_BYTES  (128 * 1024) /* of the longest line, with its newline and NUL */
#define CSV_READ_BYTES (64 * 1024)  /* at once */
#define CSV_FIELDS     8

struct csv_row {
	char text[CSV_ROW_BYTES];
	char *field[CSV_FIELDS]; /* into text */
	uint32_t n_fields;
};

struct csv {
	const char *path;
	FILE *file;
	uint64_t line;
	struct csv_row *row; /* the last that was read */
	char buffer[CSV_READ_BYTES];
};

/* Ends the program with a message if the file cannot be read. @path: borrowed. */
void csv_open(struct csv *csv, const char *path);
void csv_close(struct csv *csv);

/* The next row into csv->row; what was there before is gone. Return: false at the end. */
bool csv_next(struct csv *csv);

#endif
