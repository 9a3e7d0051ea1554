/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/interval.h"

#define LINES_PER_HEADING 22 /* a screen of 24 shows one at any time */

static double per_second(uint64_t now, uint64_t before, double s)
{
	return now > before ? (double)(now - before) / s : 0;
}

bool pb_interval_is_due(const struct pb_interval *i, uint64_t time_ns)
{
	return i->every_ns && time_ns >= (i->next_ns ? i->next_ns : i->every_ns);
}

bool pb_interval_tick(struct pb_interval *i, FILE *out, const struct pb_alloc_point *now,
		      uint64_t frees, double spent_pct)
{
	double s = (double)(now->time_ns - i->last.time_ns) / 1e9;

	if (!pb_interval_is_due(i, now->time_ns))
		return false;
	/* By the clock, so that late ticks do not add up. */
	i->next_ns = (now->time_ns / i->every_ns + 1) * i->every_ns;
	if (i->lines++ % LINES_PER_HEADING == 0 || i->with_tables)
		fprintf(out, "%9s %12s %10s %12s %10s %10s %6s\n", "seconds", "allocs/s", "MB/s",
			"frees/s", "live MB", "RSS MB", "cost%");
	fprintf(out, "%9.1f %'12.0f %'10.1f %'12.0f %'10.1f %'10.1f %6.1f\n",
		(double)now->time_ns / 1e9, per_second(now->calls, i->last.calls, s),
		per_second(now->bytes, i->last.bytes, s) / 1e6, per_second(frees, i->frees, s),
		(double)now->live_bytes / 1e6, (double)now->rss_bytes / 1e6, spent_pct);
	fflush(out);
	i->last = *now;
	i->frees = frees;
	return true;
}
