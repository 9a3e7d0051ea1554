/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/lateness.h"

static uint64_t limit(uint64_t x, uint64_t low, uint64_t high)
{
	return x < low ? low : x > high ? high : x;
}

uint64_t pb_lateness_end_ns(const struct pb_lateness *l)
{
	uint64_t seen_ns = l->seen_ns > l->start_ns ? l->seen_ns : l->start_ns;
	uint64_t woken_ns = limit(seen_ns - limit(l->late_ns, 0, seen_ns), l->start_ns, seen_ns);
	uint64_t busy_ns = l->busy_ns == UINT64_MAX ? 0 : l->busy_ns;
	bool is_guess = l->other_cause && (l->slept || l->busy_ns == UINT64_MAX);

	if (is_guess)
		return seen_ns;
	return limit(l->start_ns + limit(busy_ns, 0, seen_ns - l->start_ns), woken_ns, seen_ns);
}
