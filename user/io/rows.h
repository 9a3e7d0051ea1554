/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines of a book merged into rows: whatever a person asks for is a sum over groups, percentiles among it. */
#ifndef PB_IO_ROWS_H
#define PB_IO_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/io/book.h"

struct pb_idtable;

/* What makes lines one row. Hashed as it is: every byte counts. */
struct pb_io_row_key {
	uint64_t who; /* whatever else tells rows apart: a hash of names, a number */
	uint32_t node;
	uint32_t process;
	uint32_t disk;
	uint32_t op;
	uint32_t flags;
	uint32_t pad; /* always 0 */
};

struct pb_io_row {
	struct pb_io_row_key key;
	struct pb_io_group sum; /* numbers; its stack and leaf are those of @line */
	uint32_t line;          /* of the book: the one of most time */
	uint32_t n_lines;
	struct pb_histogram time, queue;
};

/* Begins zeroed. */
struct pb_io_rows {
	struct pb_io_row *rows;
	uint32_t n, room;
	struct pb_idtable *index;
};

/* Which row line @line belongs to, in a zeroed @key. Return: 1; 0 if it is in none; -errno. */
typedef int (*pb_io_key_of)(void *ctx, uint32_t line, struct pb_io_row_key *key);

/* Return: 0; -ENOMEM, or what @key_of gave, and @rows is to be dropped as well. */
int pb_io_rows_build(struct pb_io_rows *rows, const struct pb_io_book *book, pb_io_key_of key_of,
		     void *ctx);
void pb_io_rows_drop(struct pb_io_rows *rows);

/* The row of a key; NULL if there is none. Until rows are sorted. */
struct pb_io_row *pb_io_rows_find(const struct pb_io_rows *rows, const struct pb_io_row_key *key);

/* The most time first. Rows of equal time stand in the order of their lines. */
void pb_io_rows_sort(struct pb_io_rows *rows);

/* A disk or operation of several rows that have not the same. */
#define PB_IO_MIXED UINT32_MAX

/* Add all numbers of @row to @sum, which begins zeroed; of its key, disk and op count. Return: 0; -ENOMEM. */
int pb_io_row_add(struct pb_io_row *sum, const struct pb_io_row *row);

#endif
