/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is looked at ten times a second while a run of allocsites goes on: what the last second cost, and the series. */
#ifndef PB_ALLOC_WATCH_H
#define PB_ALLOC_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/allocsites.h"
#include "user/alloc/book.h"

struct pb_overhead;

#define PB_WATCH_TICKS 10 /* a second: what a limit is for */

/* Zeroed to begin with. All is private. */
struct pb_alloc_watch {
	struct {
		struct pb_alloc_tally tally;
		uint64_t faults, time_ns;
	} last[PB_WATCH_TICKS]; /* a ring */
	uint32_t ticks;
	uint32_t halved; /* how often the series was: points are 2^halved ticks apart */
};

/**
 * pb_alloc_watch_tick() - a tick, and the cost of the ten before it.
 * @o: ticked already
 *
 * Return: percent of one CPU over the last second; 0 in the first one.
 */
double pb_alloc_watch_tick(struct pb_alloc_watch *w, const struct pb_overhead *o,
			   const struct pb_alloc_tally *tally, uint64_t now_ns);

/* Is there to be a point of the series at this tick? */
bool pb_alloc_watch_wants_point(const struct pb_alloc_watch *w);
/* Put it there. At PB_ALLOC_POINTS_MAX every second one is dropped, so that there is room for a run of any length. Without
 * memory there is no series. */
void pb_alloc_watch_add_point(struct pb_alloc_watch *w, struct pb_alloc_book *book,
			      const struct pb_alloc_point *point);

#endif
