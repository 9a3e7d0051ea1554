/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double *pb_order_sorted(const double *x, size_t n)
{
	double *sorted = calloc(n + 1, sizeof(*sorted)); /* + 1: none is no lack of memory */

	if (!sorted)
		return NULL;
	if (n)
		memcpy(sorted, x, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), ascending);
	return sorted;
}

/* Where the quantile lies among @n order statistics, from 0: whole ranks, and what is left. */
static size_t rank_of(uint64_t n, double q, double *rest)
{
	double h = (double)(n - 1) * fmin(fmax(q, 0), 1);
	double below = floor(h + 4 * 2.3e-16 * h); /* 0.7 * 10 is rank 7, and not a little less */

	*rest = fmax(h - below, 0);
	return (size_t)below;
}

double pb_order_quantile(const double *sorted, size_t n, double q)
{
	double rest;
	size_t i = rank_of(n, q, &rest);

	return i + 1 < n && rest > 0 ? sorted[i] + rest * (sorted[i + 1] - sorted[i]) : sorted[i];
}

/* Bits in the order of the numbers they stand for, and back: negative numbers are stored by their size. */
static uint64_t to_ordered(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits >> 63 ? ~bits : bits | 1ull << 63;
}

static double from_ordered(uint64_t ordered)
{
	uint64_t bits = ordered >> 63 ? ordered & ~(1ull << 63) : ~ordered;
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

double pb_order_nth(pb_order_count *count, const void *ctx, uint64_t k)
{
	uint64_t low = to_ordered(-INFINITY), high = to_ordered(INFINITY);

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (count(ctx, from_ordered(middle)) >= k)
			high = middle;
		else
			low = middle + 1;
	}
	return from_ordered(low) + 0.0; /* no negative zero */
}

double pb_order_quantile_by(pb_order_count *count, const void *ctx, uint64_t n, double q)
{
	double rest, at, next;
	size_t i = rank_of(n, q, &rest);

	at = pb_order_nth(count, ctx, i + 1);
	if (!(rest > 0) || i + 1 >= n)
		return at;
	next = pb_order_nth(count, ctx, i + 2);
	return at + rest * (next - at);
}

double pb_normal_below(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

double pb_normal_quantile(double p)
{
	double low = -40, high = 40;

	/* What rounds to 0 or 1 is as far out as doubles go. */
	for (int i = 0; i < 80; i++) {
		double middle = (low + high) / 2;

		if (pb_normal_below(middle) < p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}
