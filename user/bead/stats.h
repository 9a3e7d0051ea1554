/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The statistics of bead: honest with few samples, few assumptions about what times look like.
 *
 * Samples are plain arrays of finite doubles in any unit, borrowed and left as they are, in any order. What needs chance takes a seed and
 * gives the same answer for the same one. NaN is never given: where a number has no meaning the function says so.
 */
#ifndef PB_BEAD_STATS_H
#define PB_BEAD_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An estimate with its confidence interval. */
struct pb_interval_estimate {
	double value;
	double low, high;
	double confidence; /* that was asked for: 0.95 */
};

/* The smallest n that supports a one-sided distribution-free bound at quantile @q: ln(1 - confidence) / ln(q), rounded
 * up (Wilks, 1941). 59 for p95 and 299 for p99 at 0.95. */
size_t pb_stats_needed(double q, double confidence);

/* Quantile @q by linear interpolation between order statistics (Hyndman and Fan, 1996, type 7, R's default). @n > 0. */
double pb_stats_quantile(const double *x, size_t n, double q);
double pb_stats_median(const double *x, size_t n);
/* Median absolute deviation from the median, times 1.4826: the standard deviation where times are normal. */
double pb_stats_mad(const double *x, size_t n);

/**
 * pb_stats_quantile_interval() - a quantile with a distribution-free interval from order statistics.
 *
 * The interval of ranks whose binomial coverage is at least @confidence (Conover, Practical Nonparametric Statistics,
 * 3.2): half of what may be missed on each side, or, far out, the extreme on one and all the rest on the other. It is
 * given from pb_stats_needed() samples on (of the median, from one more). Return: 0; -ENODATA where even the whole
 * range of so few samples does not hold it with that confidence.
 */
int pb_stats_quantile_interval(struct pb_interval_estimate *out, const double *x, size_t n,
			       double q, double confidence);

/* The ranks of that interval, from 1, for who has the numbers in an order of their own. Return: as above. */
int pb_stats_quantile_ranks(size_t *low, size_t *high, size_t n, double q, double confidence);

/* Hodges-Lehmann: the median of all differences y - x. O((n + m) log (n + m)), and as little memory. Return: 0; -ENODATA
 * where either is empty; -ENOMEM. */
int pb_stats_shift(double *out, const double *x, size_t n, const double *y, size_t m);

/**
 * pb_stats_ratio() - median(y) / median(x) with a BCa bootstrap interval (Efron, 1987).
 * @rounds: of the bootstrap; 0: 10,000
 *
 * O(rounds (n + m)). Numbers that are all equal have an interval without width. Return: 0; -EDOM where the median of x,
 * or that of a resample of it, is not above 0; -ENODATA below 3 samples each; -ENOMEM.
 */
int pb_stats_ratio(struct pb_interval_estimate *out, const double *x, size_t n, const double *y,
		   size_t m, double confidence, uint32_t rounds, uint64_t seed);

/* The same of pairs: the median of y[i] / x[i], resampled by pair. -EDOM where an x is not above 0. */
int pb_stats_paired_ratio(struct pb_interval_estimate *out, const double *x, const double *y,
			  size_t n, double confidence, uint32_t rounds, uint64_t seed);

/**
 * pb_stats_mann_whitney() - two-sided p of the rank-sum test.
 *
 * Exact, ties and all, by counting the ways the pooled ranks can fall, where n + m <= 40: the share of those whose rank
 * sum is as far from its mean as the one seen. Else the normal approximation with continuity and tie correction. 1 where
 * either is empty. -ENOMEM.
 */
int pb_stats_mann_whitney(double *p, const double *x, size_t n, const double *y, size_t m);

/* The least p that so many can give where no two are equal: 2 of all the ways to deal them out. At most 1. */
double pb_stats_least_p(size_t n, size_t m);

/* Two-sided p of the Wilcoxon signed-rank test of y[i] - x[i]; zeros are left out. Exact, ties
 * and all, where 30 or fewer are left. -ENOMEM. */
int pb_stats_signed_rank(double *p, const double *x, const double *y, size_t n);

/* Holm's step-down: adjusted p values, in place of @p, in their order. */
void pb_stats_holm(double *p, size_t n);

/* What a comparison says. */
enum pb_verdict {
	PB_VERDICT_INCONCLUSIVE, /* the data cannot say */
	PB_VERDICT_EQUIVALENT,   /* the interval lies within +-delta */
	PB_VERDICT_IMPROVED,     /* wholly below -delta, and p < alpha */
	PB_VERDICT_REGRESSED,    /* wholly above delta, and p < alpha */
};
/* "inconclusive" and so on. */
const char *pb_verdict_name(enum pb_verdict verdict);

/* @ratio: new / old. @delta: 0.02 is two percent. */
enum pb_verdict pb_stats_judge(const struct pb_interval_estimate *ratio, double p, double delta,
			       double alpha);

/* A generator of the same numbers for the same seed: splitmix64 (Steele, Lea and Flood, 2014). */
struct pb_random {
	uint64_t state;
};
uint64_t pb_random_next(struct pb_random *r);
/* Of 0 to n - 1, without bias. @n > 0. */
uint64_t pb_random_below(struct pb_random *r, uint64_t n);

#endif
