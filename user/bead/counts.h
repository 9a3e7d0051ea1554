/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What can be counted instead of timed: system calls, allocations, block I/Os. Counting slows a program down, so runs that
 * count are none of those that are timed, and come behind them, when files are in the cache. What two of them counted is a
 * figure with the fewest as its value and the range as its interval.
 *
 *   syscalls                      by a tracepoint, all processes and threads together
 *   allocations, allocated_bytes  calls of allocating functions and what they asked for, by allocsites --exact. Not of a
 *                                 workload of several processes: probes of a child come a moment after its fork
 *   block_ios, block_io_bytes     I/Os of block devices that began while it ran and that iolatency charges to it: what it
 *                                 submitted, flushes that it asked for, and what the kernel wrote back of what it dirtied.
 *                                 Bytes are known of those that ended, so only of runs behind which none was under way
 */
#ifndef PB_BEAD_COUNTS_H
#define PB_BEAD_COUNTS_H

#include <jansson.h>
#include <stdint.h>

struct pb_measure;
struct pb_plan_workload;
struct pb_store;

#define PB_COUNTING_RUNS 2

/* One number over some runs. Zeroed to begin with, but for name and unit. */
struct pb_count {
	const char *name, *unit;
	uint32_t n;
	double fewest, most;
	char why[320]; /* why it is not known, whatever was added; "" if it is */
};

void pb_count_add(struct pb_count *c, double value);
/* As a figure: a value with its range, or the reason. Return: 0; -errno, logged. */
int pb_count_put(struct pb_store *store, int64_t id, const char *workload,
		 const struct pb_count *c);

/* A report of allocsites or iolatency into the two counts that it gives: number and bytes. What it lost, or could not count,
 * is their reason. */
void pb_count_allocations(struct pb_count counts[2], const json_t *report);
void pb_count_block_ios(struct pb_count counts[2], const json_t *report);

/**
 * pb_counts_take() - count all of them, and note the figures.
 *
 * What cannot be counted here has the reason instead, and is no failure. Return: enum pb_measure_end; -errno, logged.
 */
int pb_counts_take(struct pb_measure *m, const struct pb_plan_workload *workload);

#endif
