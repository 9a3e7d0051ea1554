/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Numbers that come in clusters: the times of the operations of several runs. Operations of one run are alike, since they
 * share its cache, its layout in memory and what else the machine did, so a thousand of them are less than a thousand
 * samples. Intervals here are the wider of two: the distribution-free one of order statistics, which takes all for
 * independent, and a bootstrap that draws whole runs (Davison and Hinkley, Bootstrap Methods and their Application, 3.8),
 * which does not, but is rough where runs are few. Tests compare runs, not operations.
 *
 * With one number a run it is the same as any sample.
 */
#ifndef PB_BEAD_OPERATIONS_H
#define PB_BEAD_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

/* Runs below which nothing is said: as many as the median's interval takes. */
#define PB_OPERATIONS_RUNS_MIN 6

/* The least p of pb_operations_test(). */
#define PB_OPERATIONS_P_MIN 0.0004

struct pb_interval_estimate;
struct pb_operations;

int pb_operations_new(struct pb_operations **out);
void pb_operations_free(struct pb_operations *o);
PB_DEFINE_FREE(pb_operations, pb_operations_free);

/* One run's: @n > 0 finite numbers, copied. Return: 0; -ENOMEM. */
int pb_operations_add(struct pb_operations *o, const double *x, uint32_t n);

uint64_t pb_operations_count(const struct pb_operations *o);
uint32_t pb_operations_runs(const struct pb_operations *o);
/* Of all together; there has to be one. Without an interval it says little: for what is shown beside one. */
double pb_operations_quantile(const struct pb_operations *o, double q);
double pb_operations_max(const struct pb_operations *o);

/**
 * pb_operations_interval() - a quantile of all together.
 *
 * O(rounds runs log n) and the binomial's sum, O(n). Return: 0; -ENODATA: fewer than PB_OPERATIONS_RUNS_MIN runs, or than
 * pb_stats_needed() operations; -ENOMEM.
 */
int pb_operations_interval(struct pb_interval_estimate *out, const struct pb_operations *o,
			   double q, double confidence, uint64_t seed);

/* Why there was no interval of @o, with how many it would take. */
void pb_operations_explain(char *buf, size_t size, const struct pb_operations *o, double q,
			   double confidence);

/**
 * pb_operations_ratio() - the quantile of @b divided by that of @a.
 *
 * Of the distribution-free kind is the range between the extremes of two intervals that hold together with @confidence
 * (Bonferroni), so that both sides need pb_stats_needed() at half the chance to miss. Return: 0; -ENODATA; -EDOM where the
 * quantile of @a may be 0; -ENOMEM.
 */
int pb_operations_ratio(struct pb_interval_estimate *out, const struct pb_operations *a,
			const struct pb_operations *b, double q, double confidence, uint64_t seed);

/**
 * pb_operations_test() - two-sided p of that both have the same quantile.
 *
 * Of the difference of quantiles under 4,999 ways to deal the runs out to both sides, so that runs, not operations, are
 * the samples: the permutation test (Good, Permutation Tests, 3.2), with 0.0004 as the least p. 1 where either is empty.
 * O(rounds runs log n), less where there is no difference. Return: 0; -ENOMEM.
 */
int pb_operations_test(double *p, const struct pb_operations *a, const struct pb_operations *b,
		       double q, uint64_t seed);

#endif
