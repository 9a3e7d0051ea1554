/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Log-linear histograms of times, as the kernel half keeps them: sparse, mergeable, with percentiles that
 * say how far off they can be. bpf/abi/iolatency.h tells what a bucket is.
 */
#ifndef PB_IO_HISTOGRAM_H
#define PB_IO_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/iolatency.h"

struct pb_histogram_bucket {
	uint32_t index; /* below PB_IO_BUCKETS */
	uint64_t count;
};

/* Begins zeroed. Buckets are sorted by index and apart; none is empty. */
struct pb_histogram {
	struct pb_histogram_bucket *buckets;
	uint32_t n;
	uint32_t room;  /* private */
	uint64_t count; /* of all buckets */
};

void pb_histogram_drop(struct pb_histogram *h);

/* Which bucket a time is in, and the times of a bucket: from its lower bound to just below the next one's. */
uint32_t pb_histogram_index(uint64_t ns);
uint64_t pb_histogram_low(uint32_t index);
uint64_t pb_histogram_high(
	uint32_t index); /* the next one's lower bound; UINT64_MAX behind the last */

/* Add to one bucket; O(1) where indices come in order, O(n) else. Return: 0; -EINVAL; -ENOMEM. */
int pb_histogram_add(struct pb_histogram *h, uint32_t index, uint64_t count);
/* Add all of @other. O(n + m). Return: 0; -ENOMEM, and @h is as before. */
int pb_histogram_merge(struct pb_histogram *h, const struct pb_histogram *other);
/* Take @before, an earlier state of the same histogram, away: for what came in an interval. A bucket that
 * would go below 0 is 0. Return: 0; -ENOMEM. */
int pb_histogram_subtract(struct pb_histogram *h, const struct pb_histogram *before);

/**
 * pb_histogram_quantile() - the time that a share of all are not above.
 * @q: 0 to 1; @max_ns: the largest time there was, which no answer is above; UINT64_MAX: not known
 *
 * The nearest-rank definition (the ceil(q * count)-th smallest), placed in the middle of its bucket, or of what
 * the bucket holds up to @max_ns: at most half a bucket off, 1.6 % of the time, however times are spread in it.
 * The last rank is @max_ns itself. Return: nanoseconds; 0 if empty.
 */
uint64_t pb_histogram_quantile(const struct pb_histogram *h, double q, uint64_t max_ns);

/* Whether quantile @q of so many is more than the largest there was: from 1 / (1 - q) on, 20 for p95, 1000 for
 * p99.9. */
bool pb_histogram_supports(const struct pb_histogram *h, double q);

/* How many are at or below @ns; counts of the bucket that holds it are taken in proportion. */
uint64_t pb_histogram_below(const struct pb_histogram *h, uint64_t ns);

#endif
