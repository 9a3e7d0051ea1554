/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Quantiles, their spread, and intervals for them that assume nothing about the distribution. */
#include "user/bead/stats.h"

#include <errno.h>
#include <math.h>

#include "user/bead/order.h"

#define TO_DEVIATION 1.4826 /* from the median absolute deviation, where numbers are normal */

/* A sample, and the deviations of its numbers from @centre. */
struct sample {
	const double *x;
	size_t n;
	double centre;
};

static uint64_t count_below(const void *ctx, double v)
{
	const struct sample *s = ctx;
	uint64_t below = 0;

	for (size_t i = 0; i < s->n; i++)
		below += s->x[i] <= v;
	return below;
}

static uint64_t count_deviations(const void *ctx, double v)
{
	const struct sample *s = ctx;
	uint64_t below = 0;

	for (size_t i = 0; i < s->n; i++)
		below += fabs(s->x[i] - s->centre) <= v;
	return below;
}

size_t pb_stats_needed(double q, double confidence)
{
	if (!(confidence > 0))
		return 0;
	if (!(q > 0))
		return 1;
	if (!(q < 1 && confidence < 1))
		return SIZE_MAX;
	/* A whole number is not to be rounded up for the last bit of a logarithm. */
	return (size_t)ceil(log1p(-confidence) / log(q) - 1e-9);
}

double pb_stats_quantile(const double *x, size_t n, double q)
{
	struct sample s = {.x = x, .n = n};

	return pb_order_quantile_by(count_below, &s, n, q);
}

double pb_stats_median(const double *x, size_t n)
{
	return pb_stats_quantile(x, n, 0.5);
}

double pb_stats_mad(const double *x, size_t n)
{
	struct sample s = {.x = x, .n = n, .centre = pb_stats_median(x, n)};

	return TO_DEVIATION * pb_order_quantile_by(count_deviations, &s, n, 0.5);
}

/* How likely exactly @k of @n numbers are below the quantile @q. */
static double binomial(size_t n, size_t k, double q)
{
	double ways = lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);

	return exp(ways + (double)k * log(q) + (double)(n - k) * log1p(-q));
}

/* The largest rank above which the quantile lies but for a chance of at most @miss; 0: there is none. */
static size_t lower_rank(size_t n, double q, double miss, double *missed)
{
	double below = 0, next;
	size_t rank = 0;

	while (rank < n && below + (next = binomial(n, rank, q)) <= miss) {
		below += next;
		rank++;
	}
	*missed = below;
	return rank;
}

int pb_stats_quantile_ranks(size_t *low, size_t *high, size_t n, double q, double confidence)
{
	double miss = 1 - confidence, missed;
	size_t below, from_above;

	if (!n || !(q > 0 && q < 1 && confidence > 0 && confidence < 1))
		return -ENODATA;
	/* The upper rank is the lower one of the sample turned round. */
	below = lower_rank(n, q, miss / 2, &missed);
	from_above = lower_rank(n, 1 - q, miss / 2, &missed);
	/* Far out, one side takes the extreme, which misses more than its half; the other side has what is left. */
	if (!below) {
		below = 1;
		from_above = lower_rank(n, 1 - q, miss - binomial(n, 0, q), &missed);
	} else if (!from_above) {
		from_above = 1;
		below = lower_rank(n, q, miss - binomial(n, n, q), &missed);
	}
	if (!below || !from_above)
		return -ENODATA;
	*low = below;
	*high = n + 1 - from_above;
	return 0;
}

int pb_stats_quantile_interval(struct pb_interval_estimate *out, const double *x, size_t n,
			       double q, double confidence)
{
	struct sample s = {.x = x, .n = n};
	size_t low, high;

	if (pb_stats_quantile_ranks(&low, &high, n, q, confidence))
		return -ENODATA;
	*out = (struct pb_interval_estimate){
		.value = pb_stats_quantile(x, n, q),
		.low = pb_order_nth(count_below, &s, low),
		.high = pb_order_nth(count_below, &s, high),
		.confidence = confidence,
	};
	return 0;
}
