/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/slowlog.h"

#include <errno.h>
#include <stdlib.h>

#include "user/core/grow.h"

void pb_slowlog_drop(struct pb_slowlog *log)
{
	free(log->rows);
	log->rows = NULL;
	log->n = log->room = 0;
}

/* Then in the order of time, so that equal ones keep one. */
static int slowest_first(const void *a, const void *b)
{
	const struct pb_io_slow *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns > y->total_ns ? -1 : 1;
	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

void pb_slowlog_sort(struct pb_slowlog *log)
{
	if (log->n)
		qsort(log->rows, log->n, sizeof(*log->rows), slowest_first);
	if (log->n > log->keep)
		log->n = log->keep;
}

int pb_slowlog_add(struct pb_slowlog *log, const struct pb_io_slow *slow)
{
	log->n_slow++;
	if (log->n >= 2ull * log->keep)
		pb_slowlog_sort(log);
	if (pb_grow(&log->rows, &log->room, log->n + 1ull, sizeof(*log->rows)))
		return -ENOMEM;
	log->rows[log->n++] = *slow;
	return 0;
}
