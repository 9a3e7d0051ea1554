/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ratios of medians with BCa bootstrap intervals (Efron, Better Bootstrap Confidence Intervals, 1987; for several
 * samples Davison and Hinkley, Bootstrap Methods and their Application, 5.3).
 *
 * Samples are sorted once. A resample is then a count of how often each number was drawn, and its median a walk over
 * the counts; and the median without one number, for the acceleration, is that of two neighbours.
 */
#include "user/bead/stats.h"

#include <errno.h>
#include <math.h>

#include "user/bead/order.h"
#include "user/core/own.h"

#define ROUNDS_DEFAULT 10000
#define SAMPLES_MIN    3

struct sample {
	double *sorted;
	uint32_t *drawn; /* scratch: how often, by rank */
	size_t n;
};

static void drop_sample(struct sample *s)
{
	free(s->sorted);
	free(s->drawn);
}

#define auto_sample __attribute__((cleanup(drop_sample))) struct sample

static int new_sample(struct sample *s, const double *x, size_t n)
{
	s->n = n;
	s->sorted = pb_order_sorted(x, n);
	s->drawn = calloc(n, sizeof(*s->drawn));
	return s->sorted && s->drawn ? 0 : -ENOMEM;
}

static double median(const struct sample *s)
{
	return pb_order_quantile(s->sorted, s->n, 0.5);
}

/* The number of rank @k, from 0, among those drawn; *@i and *@seen go on from an earlier, smaller rank. */
static double drawn_rank(const struct sample *s, size_t k, size_t *i, size_t *seen)
{
	while (*seen + s->drawn[*i] <= k)
		*seen += s->drawn[(*i)++];
	return s->sorted[*i];
}

static double resampled_median(struct sample *s, struct pb_random *random)
{
	size_t i = 0, seen = 0;
	double at;

	for (size_t k = 0; k < s->n; k++)
		s->drawn[k] = 0;
	for (size_t k = 0; k < s->n; k++)
		s->drawn[pb_random_below(random, s->n)]++;
	at = drawn_rank(s, (s->n - 1) / 2, &i, &seen);
	return s->n % 2 ? at : (at + drawn_rank(s, s->n / 2, &i, &seen)) / 2;
}

/* The median without the number of rank @k, from 0. */
static double median_without(const struct sample *s, size_t k)
{
	size_t low = (s->n - 2) / 2, high = (s->n - 1) / 2; /* of n - 1 numbers, from 0 */

	return (s->sorted[low + (low >= k)] + s->sorted[high + (high >= k)]) / 2;
}

/* @x NULL: the statistic is the median of @y alone. */
static double ratio(double median_y, const struct sample *x, double median_x)
{
	return x ? median_y / median_x : median_y;
}

/* What one sample adds to the second and third moment of the statistic's influence values. */
static void add_influence(const struct sample *s, double other, bool is_below, double *square,
			  double *cube)
{
	double n = (double)s->n, mean = 0;

	for (int pass = 0; pass < 2; pass++)
		for (size_t k = 0; k < s->n; k++) {
			double without = median_without(s, k);
			double value = is_below ? other / without : without / other;
			double u = (n - 1) * (mean - value);

			if (!pass) {
				mean += value / n;
				continue;
			}
			*square += u * u / (n * n);
			*cube += u * u * u / (n * n * n);
		}
}

static double acceleration(const struct sample *x, const struct sample *y)
{
	double square = 0, cube = 0, a;

	add_influence(y, x ? median(x) : 1, false, &square, &cube);
	if (x)
		add_influence(x, median(y), true, &square, &cube);
	a = cube / (6 * pow(square, 1.5));
	return isfinite(a) ? a : 0; /* all equal; or x without one number has its median at 0 */
}

/* The level at which the bootstrap distribution is read instead of at @level. */
static double corrected(double level, double bias, double a)
{
	double z = bias + pb_normal_quantile(level);

	/* So skewed that the correction turns round: all there is on that side. */
	if (!(1 - a * z > 0))
		return level < 0.5 ? 0 : 1;
	return pb_normal_below(bias + z / (1 - a * z));
}

static int resample(double *values, uint32_t rounds, struct sample *x, struct sample *y,
		    uint64_t seed)
{
	struct pb_random random = {.state = seed};

	for (uint32_t i = 0; i < rounds; i++) {
		double median_x = x ? resampled_median(x, &random) : 1;

		if (!(median_x > 0))
			return -EDOM;
		values[i] = ratio(resampled_median(y, &random), x, median_x);
	}
	return 0;
}

static int bca(struct pb_interval_estimate *out, struct sample *x, struct sample *y,
	       double confidence, uint32_t rounds, uint64_t seed)
{
	uint32_t n = rounds ? rounds : ROUNDS_DEFAULT;
	pb_autofree double *values = calloc(n, sizeof(*values)), *sorted = NULL;
	double value = ratio(median(y), x, x ? median(x) : 1), below = 0, bias, a;
	int err;

	if (!values)
		return -ENOMEM;
	err = resample(values, n, x, y, seed);
	if (err)
		return err;
	sorted = pb_order_sorted(values, n);
	if (!sorted)
		return -ENOMEM;
	/* Medians of resamples are often equal: those count half. */
	for (uint32_t i = 0; i < n; i++)
		below += sorted[i] < value ? 1 : sorted[i] > value ? 0 : 0.5;
	bias = pb_normal_quantile(below / n);
	a = acceleration(x, y);
	*out = (struct pb_interval_estimate){
		.value = value,
		.low = pb_order_quantile(sorted, n, corrected((1 - confidence) / 2, bias, a)),
		.high = pb_order_quantile(sorted, n, corrected((1 + confidence) / 2, bias, a)),
		.confidence = confidence,
	};
	return 0;
}

int pb_stats_ratio(struct pb_interval_estimate *out, const double *x, size_t n, const double *y,
		   size_t m, double confidence, uint32_t rounds, uint64_t seed)
{
	auto_sample before = {0}, after = {0};

	if (n < SAMPLES_MIN || m < SAMPLES_MIN)
		return -ENODATA;
	if (new_sample(&before, x, n) || new_sample(&after, y, m))
		return -ENOMEM;
	if (!(median(&before) > 0))
		return -EDOM;
	return bca(out, &before, &after, confidence, rounds, seed);
}

int pb_stats_paired_ratio(struct pb_interval_estimate *out, const double *x, const double *y,
			  size_t n, double confidence, uint32_t rounds, uint64_t seed)
{
	pb_autofree double *ratios = calloc(n + 1, sizeof(*ratios));
	auto_sample pairs = {0};

	if (n < SAMPLES_MIN)
		return -ENODATA;
	if (!ratios)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!(x[i] > 0))
			return -EDOM;
		ratios[i] = y[i] / x[i];
	}
	if (new_sample(&pairs, ratios, n))
		return -ENOMEM;
	return bca(out, NULL, &pairs, confidence, rounds, seed);
}
