/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A line every so many seconds, while the capture runs: how the heap does. The table of the sites is shown behind it,
 * by a copy of the tool that reads the counters as they are and names what they count as at the end
 * (user/core/snapshot.h). So the names are the same as there, and neither the drains nor the lease wait for
 * them: naming may take seconds, and a table of bare addresses would be of no use to a person.
 */
#ifndef PB_ALLOC_INTERVAL_H
#define PB_ALLOC_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/alloc/book.h"

struct pb_interval {
	uint64_t every_ns; /* 0: none */
	bool with_tables;  /* so each line needs its heading */
	/* private */
	struct pb_alloc_point last;
	uint64_t frees;
	uint64_t next_ns;
	uint32_t lines;
};

/* Is it time for a line? @time_ns: since the start of the capture. */
bool pb_interval_is_due(const struct pb_interval *i, uint64_t time_ns);

/**
 * pb_interval_tick() - print a line to @out if it is time for one.
 * @now: as of now; rates are those since the line before
 * @frees: calls so far
 * @spent_pct: of one CPU, what the probes cost of late
 *
 * With a heading at first and now and then, or each time where tables come between. Flushed, so that a pipe gets it
 * at once. Return: whether it was time.
 */
bool pb_interval_tick(struct pb_interval *i, FILE *out, const struct pb_alloc_point *now,
		      uint64_t frees, double spent_pct);

#endif
