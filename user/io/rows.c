/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/own.h"

void pb_io_rows_drop(struct pb_io_rows *rows)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		pb_histogram_drop(&rows->rows[i].time);
		pb_histogram_drop(&rows->rows[i].queue);
	}
	free(rows->rows);
	pb_idtable_free(rows->index);
	*rows = (struct pb_io_rows){0};
}

static void add(__u64 *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static void largest(__u64 *max, uint64_t value)
{
	if (*max < value)
		*max = value;
}

static void add_group(struct pb_io_group *sum, const struct pb_io_group *g)
{
	add(&sum->ops, g->ops);
	add(&sum->bytes, g->bytes);
	add(&sum->time_ns, g->time_ns);
	add(&sum->queue_ns, g->queue_ns);
	add(&sum->blocked_ns, g->blocked_ns);
	add(&sum->queued, g->queued);
	largest(&sum->max_ns, g->max_ns);
	largest(&sum->max_queue_ns, g->max_queue_ns);
	add(&sum->errors, g->errors);
	add(&sum->sequential, g->sequential);
	add(&sum->repeated, g->repeated);
	add(&sum->unbinned, g->unbinned);
	for (int i = 0; i < PB_IO_SIZES; i++)
		add(&sum->sizes[i], g->sizes[i]);
}

static bool same_key(const void *rows, uint32_t id, const void *key)
{
	const struct pb_io_row *r = rows;

	return !memcmp(&r[id].key, key, sizeof(r[id].key));
}

static uint32_t find(const struct pb_io_rows *rows, const struct pb_io_row_key *key)
{
	return pb_idtable_find(rows->index, pb_idtable_hash(rows->index, key, sizeof(*key)),
			       same_key, rows->rows, key);
}

struct pb_io_row *pb_io_rows_find(const struct pb_io_rows *rows, const struct pb_io_row_key *key)
{
	uint32_t i = find(rows, key);

	return i == PB_IDTABLE_NONE ? NULL : &rows->rows[i];
}

/* NULL without memory. */
static struct pb_io_row *row_of(struct pb_io_rows *rows, const struct pb_io_row_key *key)
{
	struct pb_io_row *row = pb_io_rows_find(rows, key);

	if (row)
		return row;
	if (pb_grow(&rows->rows, &rows->room, (uint64_t)rows->n + 1, sizeof(*rows->rows)) ||
	    pb_idtable_add(rows->index, pb_idtable_hash(rows->index, key, sizeof(*key)), rows->n))
		return NULL;
	row = &rows->rows[rows->n++];
	*row = (struct pb_io_row){.key = *key};
	return row;
}

static int add_line(struct pb_io_row *row, const struct pb_io_book *book, uint32_t i)
{
	const struct pb_io_line *line = &book->lines[i];

	if (!row->n_lines || book->lines[row->line].group.time_ns < line->group.time_ns) {
		row->line = i;
		row->sum.stack = line->group.stack;
		row->sum.leaf = line->group.leaf;
	}
	row->n_lines++;
	add_group(&row->sum, &line->group);
	if (pb_histogram_merge(&row->time, &line->time) ||
	    pb_histogram_merge(&row->queue, &line->queue))
		return -ENOMEM;
	return 0;
}

int pb_io_rows_build(struct pb_io_rows *rows, const struct pb_io_book *book, pb_io_key_of key_of,
		     void *ctx)
{
	if (pb_idtable_new(&rows->index))
		return -ENOMEM;
	for (uint32_t i = 0; i < book->n_lines; i++) {
		struct pb_io_row_key key = {0};
		struct pb_io_row *row;
		int is_in = key_of(ctx, i, &key);

		if (is_in < 0)
			return is_in;
		if (!is_in)
			continue;
		row = row_of(rows, &key);
		if (!row || add_line(row, book, i))
			return -ENOMEM;
	}
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	const struct pb_io_row *x = a, *y = b;

	if (x->sum.time_ns != y->sum.time_ns)
		return x->sum.time_ns < y->sum.time_ns ? 1 : -1;
	return (x->line > y->line) - (x->line < y->line);
}

void pb_io_rows_sort(struct pb_io_rows *rows)
{
	if (rows->n)
		qsort(rows->rows, rows->n, sizeof(*rows->rows), compare_times);
}

int pb_io_row_add(struct pb_io_row *sum, const struct pb_io_row *row)
{
	if (!sum->n_lines)
		sum->key = row->key;
	if (sum->key.disk != row->key.disk)
		sum->key.disk = PB_IO_MIXED;
	if (sum->key.op != row->key.op)
		sum->key.op = PB_IO_MIXED;
	sum->n_lines += row->n_lines;
	add_group(&sum->sum, &row->sum);
	if (pb_histogram_merge(&sum->time, &row->time) ||
	    pb_histogram_merge(&sum->queue, &row->queue))
		return -ENOMEM;
	return 0;
}
