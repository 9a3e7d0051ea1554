/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ranks: the shift between two samples, and how likely chance alone gives one. */
#include "user/bead/stats.h"

#include <errno.h>
#include <math.h>

#include "user/bead/order.h"
#include "user/core/own.h"

#define RANK_SUM_EXACT    40 /* numbers in both samples */
#define SIGNED_RANK_EXACT 30 /* pairs that differ */

struct two_samples {
	double *x, *y; /* sorted */
	size_t n, m;
};

/* Differences y - x that are at most @v. They grow along y and shrink along x, so one walk over both counts them. */
static uint64_t count_differences(const void *ctx, double v)
{
	const struct two_samples *t = ctx;
	uint64_t below = 0;
	size_t j = 0;

	for (size_t i = 0; i < t->n; i++) {
		while (j < t->m && t->y[j] - t->x[i] <= v)
			j++;
		below += j;
	}
	return below;
}

int pb_stats_shift(double *out, const double *x, size_t n, const double *y, size_t m)
{
	pb_autofree double *sorted_x = pb_order_sorted(x, n), *sorted_y = pb_order_sorted(y, m);
	const struct two_samples t = {.x = sorted_x, .y = sorted_y, .n = n, .m = m};
	uint64_t pairs;

	if (__builtin_mul_overflow(n, m, &pairs))
		return -ENOMEM;
	if (!pairs)
		return -ENODATA;
	if (!sorted_x || !sorted_y)
		return -ENOMEM;
	*out = pb_order_quantile_by(count_differences, &t, pairs, 0.5);
	return 0;
}

/* Two-sided p of a statistic that is @z deviations off, of which half a step is the continuity correction. */
static double two_sided(double off, double half_step, double deviation)
{
	if (!(deviation > 0))
		return 1;
	return fmin(2 * pb_normal_below(-fmax(fabs(off) - half_step, 0) / deviation), 1);
}

/* A number, and of which sample or sign it is. */
struct item {
	double value;
	bool marked;
	uint32_t rank2; /* twice its rank; those that are equal share the mean of their ranks */
};

static int by_value(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Ranks in ascending order. Gives the sum of t^3 - t over groups of t equal numbers, for the normal approximations. */
static double rank_items(struct item *items, size_t n)
{
	double ties = 0;
	size_t end;

	qsort(items, n, sizeof(*items), by_value);
	for (size_t i = 0; i < n; i = end) {
		double t;

		end = i + 1;
		while (end < n && !(items[end].value > items[i].value))
			end++;
		for (size_t k = i; k < end; k++)
			items[k].rank2 = (uint32_t)(i + 1 + end);
		t = (double)(end - i);
		ties += t * t * t - t;
	}
	return ties;
}

static double marked_rank2(const struct item *items, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += items[i].marked ? items[i].rank2 : 0;
	return sum;
}

/*
 * Choices of @n of the items by the sum of their doubled ranks: ways[k][s] of k items with sum s, built up item by item.
 * The p is the share of choices that are as far from the mean as the one that was seen. Numbers of ways are at most
 * C(40, 20), which a double holds exactly.
 */
static int rank_sum_exact(double *p, const struct item *items, size_t n, size_t all, double seen)
{
	const size_t top = all * (all + 1), row = top + 1; /* twice the sum of all ranks */
	pb_autofree double *ways = calloc((n + 1) * row, sizeof(*ways));
	double mean = (double)(n * (all + 1)), total = 0, as_far = 0;

	if (!ways)
		return -ENOMEM;
	ways[0] = 1;
	for (size_t i = 0; i < all; i++)
		for (size_t k = i + 1 < n ? i + 1 : n; k > 0; k--)
			for (size_t s = items[i].rank2; s <= top; s++)
				ways[k * row + s] += ways[(k - 1) * row + s - items[i].rank2];
	for (size_t s = 0; s <= top; s++) {
		total += ways[n * row + s];
		if (fabs((double)s - mean) >= fabs(seen - mean))
			as_far += ways[n * row + s];
	}
	*p = as_far / total;
	return 0;
}

double pb_stats_least_p(size_t n, size_t m)
{
	double ways = lgamma((double)(n + m) + 1) - lgamma((double)n + 1) - lgamma((double)m + 1);

	return fmin(2 * exp(-ways), 1);
}

int pb_stats_mann_whitney(double *p, const double *x, size_t n, const double *y, size_t m)
{
	const size_t all = n + m;
	pb_autofree struct item *items = calloc(all + 1, sizeof(*items));
	double ties, seen, mean, variance;

	if (!items || all > UINT32_MAX / 4)
		return -ENOMEM;
	if (!n || !m) {
		*p = 1;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		items[i] = (struct item){.value = x[i], .marked = true};
	for (size_t i = 0; i < m; i++)
		items[n + i] = (struct item){.value = y[i]};
	ties = rank_items(items, all);
	seen = marked_rank2(items, all);
	if (all <= RANK_SUM_EXACT)
		return rank_sum_exact(p, items, n, all, seen);
	/* Lehmann, Nonparametrics, 1.3: the variance of the rank sum with ties. */
	mean = (double)n * (double)(all + 1) / 2;
	variance = (double)n * (double)m / 12 *
		   ((double)(all + 1) - ties / ((double)all * (double)(all - 1)));
	*p = two_sided(seen / 2 - mean, 0.5, sqrt(variance));
	return 0;
}

/* Which sums of doubled ranks the 2^n choices of signs give. The distribution is symmetric. */
static double signed_rank_exact(const struct item *items, size_t n, double seen)
{
	double ways[SIGNED_RANK_EXACT * (SIGNED_RANK_EXACT + 1) + 1] = {1};
	double mean = (double)(n * (n + 1)) / 2, as_far = 0;
	const size_t top = n * (n + 1);

	for (size_t i = 0; i < n; i++)
		for (size_t s = top + 1; s-- > items[i].rank2;)
			ways[s] += ways[s - items[i].rank2];
	for (size_t s = 0; s <= top; s++)
		if (fabs((double)s - mean) >= fabs(seen - mean))
			as_far += ways[s];
	return as_far / exp2((double)n);
}

int pb_stats_signed_rank(double *p, const double *x, const double *y, size_t n)
{
	pb_autofree struct item *items = calloc(n + 1, sizeof(*items));
	double ties, seen, k, variance;
	size_t kept = 0;

	if (!items || n > UINT32_MAX / 4)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		double d = y[i] - x[i];

		if (d < 0 || d > 0)
			items[kept++] = (struct item){.value = fabs(d), .marked = d > 0};
	}
	ties = rank_items(items, kept);
	seen = marked_rank2(items, kept);
	if (kept <= SIGNED_RANK_EXACT) {
		*p = signed_rank_exact(items, kept, seen);
		return 0;
	}
	/* Lehmann, 3.2. */
	k = (double)kept;
	variance = k * (k + 1) * (2 * k + 1) / 24 - ties / 48;
	*p = two_sided(seen / 2 - k * (k + 1) / 4, 0.5, sqrt(variance));
	return 0;
}
