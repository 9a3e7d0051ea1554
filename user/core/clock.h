/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one clock by which the two halves agree on what was first. */
#ifndef PB_CORE_CLOCK_H
#define PB_CORE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of @clock. */
static inline uint64_t pb_clock_read_ns(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/**
 * pb_clock_ns() - now, in nanoseconds of CLOCK_MONOTONIC.
 *
 * That is the clock of bpf_ktime_get_ns() and, since we ask for it, of our perf events: times from the
 * kernel can be compared with it. It does not count suspend, and nobody sets it.
 */
static inline uint64_t pb_clock_ns(void)
{
	return pb_clock_read_ns(CLOCK_MONOTONIC);
}

#endif
