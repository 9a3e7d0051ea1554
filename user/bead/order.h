/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the statistics share: order statistics, with and without a sorted copy, and the normal distribution. */
#ifndef PB_BEAD_ORDER_H
#define PB_BEAD_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* A copy in ascending order, to be freed; NULL without memory. */
double *pb_order_sorted(const double *x, size_t n);

/* Quantile @q, type 7, of what is sorted. @n > 0. */
double pb_order_quantile(const double *sorted, size_t n, double q);

/* How many of a multiset of numbers are at most @v. */
typedef uint64_t pb_order_count(const void *ctx, double v);

/**
 * pb_order_nth() - the @k-th smallest number of a multiset that is known by @count only; the smallest is 1.
 *
 * Doubles are in the order of their bits, so a binary search over those finds the number itself in 64 questions,
 * without a copy of anything.
 */
double pb_order_nth(pb_order_count *count, const void *ctx, uint64_t k);

/* Quantile @q, type 7, of @n numbers that are known by @count only. @n > 0. */
double pb_order_quantile_by(pb_order_count *count, const void *ctx, uint64_t n, double q);

/* The normal distribution: how much lies below @z, and below which z lies @p. */
double pb_normal_below(double z);
double pb_normal_quantile(double p);

#endif
