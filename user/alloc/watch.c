/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/watch.h"

#include <stdlib.h>

#include "user/alloc/overhead.h"

double pb_alloc_watch_tick(struct pb_alloc_watch *w, const struct pb_overhead *o,
			   const struct pb_alloc_tally *tally, uint64_t now_ns)
{
	uint32_t at = w->ticks % PB_WATCH_TICKS;
	double spent_ns, pct = 0;

	if (w->ticks >= PB_WATCH_TICKS && now_ns > w->last[at].time_ns) {
		spent_ns = pb_overhead_spent_ns(o, &w->last[at].tally, tally,
						o->faults - w->last[at].faults);
		pct = 100.0 * spent_ns / (double)(now_ns - w->last[at].time_ns);
	}
	w->last[at].tally = *tally;
	w->last[at].faults = o->faults;
	w->last[at].time_ns = now_ns;
	w->ticks++;
	return pct;
}

bool pb_alloc_watch_wants_point(const struct pb_alloc_watch *w)
{
	return (w->ticks - 1) % (1u << w->halved) == 0;
}

static void halve(struct pb_alloc_watch *w, struct pb_alloc_book *book)
{
	uint32_t i;

	for (i = 0; i < book->n_points / 2; i++)
		book->points[i] = book->points[2 * i];
	book->n_points /= 2;
	w->halved++;
}

void pb_alloc_watch_add_point(struct pb_alloc_watch *w, struct pb_alloc_book *book,
			      const struct pb_alloc_point *point)
{
	if (!book->points)
		book->points = calloc(PB_ALLOC_POINTS_MAX, sizeof(*book->points));
	if (!book->points)
		return;
	if (book->n_points == PB_ALLOC_POINTS_MAX)
		halve(w, book);
	book->points[book->n_points++] = *point;
}
