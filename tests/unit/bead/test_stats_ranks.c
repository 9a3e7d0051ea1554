/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/stats.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bead/numbers.h"

static double mann_whitney(const double *x, size_t n, const double *y, size_t m)
{
	double p = -1;

	assert_int_equal(pb_stats_mann_whitney(&p, x, n, y, m), 0);
	assert_true(p >= 0 && p <= 1);
	return p;
}

static void two_samples_of_five_reach_this_and_no_less(void **state)
{
	const double x[] = {1, 2, 3, 4, 5}, y[] = {6, 7, 8, 9, 10};

	(void)state;
	assert_near(mann_whitney(x, 5, y, 5), 2.0 / 252, 1e-15);
	assert_near(mann_whitney(y, 5, x, 5), 2.0 / 252, 1e-15);
	assert_near(mann_whitney(x, 3, y, 3), 2.0 / 20, 1e-15);
}

static void two_samples_of_twenty_are_exact_still(void **state)
{
	double x[20], y[20];

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		x[i] = (double)i;
		y[i] = 100 + (double)i;
	}
	assert_near(mann_whitney(x, 20, y, 20) * 137846528820.0 / 2, 1, 1e-12);
}

static void what_is_equal_has_a_p_of_one(void **state)
{
	double x[60];

	(void)state;
	for (size_t i = 0; i < 60; i++)
		x[i] = 7;
	assert_near(mann_whitney(x, 5, x, 5), 1, 0);
	assert_near(mann_whitney(x, 60, x, 60), 1, 0);
	assert_near(mann_whitney(x, 0, x, 5), 1, 0);
	assert_near(mann_whitney(NULL, 0, NULL, 0), 1, 0);
}

/* Twice the rank sum of the chosen among all, equal ones sharing the mean. */
static int rank_sum2(const double *v, int all, uint32_t chosen)
{
	int sum = 0;

	for (int i = 0; i < all; i++)
		for (int j = 0; j < all && chosen >> i & 1; j++)
			sum += v[j] < v[i] ? 2 : v[j] > v[i] ? 0 : j == i ? 2 : 1;
	return sum;
}

/* By trying every way in which n of all can be chosen. */
static double rank_sum_by_force(const double *v, int n, int all)
{
	int seen = abs(rank_sum2(v, all, (1u << n) - 1) - n * (all + 1)), ways = 0, as_far = 0;

	for (uint32_t chosen = 0; chosen < 1u << all; chosen++) {
		if (__builtin_popcount(chosen) != n)
			continue;
		ways++;
		as_far += abs(rank_sum2(v, all, chosen) - n * (all + 1)) >= seen;
	}
	return (double)as_far / ways;
}

static void ties_are_exact_as_by_trying_all_ways(void **state)
{
	struct pb_random random = {.state = 3};

	(void)state;
	for (int round = 0; round < 60; round++) {
		int all = 2 + (int)pb_random_below(&random, 9);
		int n = 1 + (int)pb_random_below(&random, (uint64_t)all - 1);
		double v[12];

		for (int i = 0; i < all; i++)
			v[i] = (double)pb_random_below(&random, 5);
		assert_near(mann_whitney(v, (size_t)n, v + n, (size_t)(all - n)),
			    rank_sum_by_force(v, n, all), 1e-12);
	}
}

static double signed_rank(const double *x, const double *y, size_t n)
{
	double p = -1;

	assert_int_equal(pb_stats_signed_rank(&p, x, y, n), 0);
	assert_true(p >= 0 && p <= 1);
	return p;
}

static void six_pairs_in_one_direction_are_the_fewest_below_5_percent(void **state)
{
	const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {2, 4, 6, 8, 10, 12};

	(void)state;
	assert_near(signed_rank(x, y, 5), 2.0 / 32, 1e-15);
	assert_near(signed_rank(x, y, 6), 2.0 / 64, 1e-15);
	assert_near(signed_rank(y, x, 6), 2.0 / 64, 1e-15);
}

static void pairs_without_a_difference_are_left_out(void **state)
{
	const double x[] = {1, 2, 3, 4, 5, 6, 7, 7}, y[] = {2, 4, 6, 8, 10, 12, 7, 7};

	(void)state;
	assert_near(signed_rank(x, y, 8), 2.0 / 64, 1e-15);
	assert_near(signed_rank(x, x, 8), 1, 0);
	assert_near(signed_rank(x, y, 0), 1, 0);
}

/* Twice the sum of ranks of the differences whose bit is set. */
static int signed_rank2(const double *d, int n, uint32_t positive)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n && positive >> i & 1; j++)
			sum += fabs(d[j]) < fabs(d[i])   ? 2
			       : fabs(d[j]) > fabs(d[i]) ? 0
			       : j == i                  ? 2
							 : 1;
	return sum;
}

static double signed_rank_by_force(const double *d, int n)
{
	int seen, as_far = 0, middle = n * (n + 1) / 2;
	uint32_t positive = 0, bit = 1;

	for (int i = 0; i < n; i++, bit <<= 1)
		positive |= d[i] > 0 ? bit : 0;
	seen = abs(signed_rank2(d, n, positive) - middle);
	for (positive = 0; positive < 1u << n; positive++)
		as_far += abs(signed_rank2(d, n, positive) - middle) >= seen;
	return as_far / exp2(n);
}

static void tied_differences_are_exact_as_by_trying_all_signs(void **state)
{
	struct pb_random random = {.state = 5};
	const double x[12] = {0};

	(void)state;
	for (int round = 0; round < 60; round++) {
		int n = 1 + (int)pb_random_below(&random, 10);
		double d[12];

		for (int i = 0; i < n; i++) {
			d[i] = (double)pb_random_below(&random, 4) + 1;
			d[i] = pb_random_below(&random, 2) ? d[i] : -d[i];
		}
		assert_near(signed_rank(x, d, (size_t)n), signed_rank_by_force(d, n), 1e-12);
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void the_shift_is_the_median_of_all_differences(void **state)
{
	struct pb_random random = {.state = 6};
	double x[15], y[15], d[225], shift;

	(void)state;
	for (int round = 0; round < 100; round++) {
		size_t n = 1 + pb_random_below(&random, 15), m = 1 + pb_random_below(&random, 15);

		for (size_t i = 0; i < n; i++)
			x[i] = (double)pb_random_below(&random, 1000) / 7;
		for (size_t i = 0; i < m; i++)
			y[i] = (double)pb_random_below(&random, 1000) / 11 - 20;
		for (size_t i = 0; i < n * m; i++)
			d[i] = y[i % m] - x[i / m];
		qsort(d, n * m, sizeof(*d), ascending);
		assert_int_equal(pb_stats_shift(&shift, x, n, y, m), 0);
		assert_near(shift, d[(n * m - 1) / 2] / 2 + d[n * m / 2] / 2, 1e-12);
	}
	assert_int_equal(pb_stats_shift(&shift, x, 0, y, 5), -ENODATA);
}

static void the_shift_of_large_samples_takes_no_square_of_memory(void **state)
{
	const size_t n = 100000;
	double *x = calloc(n, sizeof(*x)), *y = calloc(n, sizeof(*y)), shift = 0;

	(void)state;
	assert_non_null(x);
	assert_non_null(y);
	for (size_t i = 0; i < n; i++) {
		x[i] = (double)i;
		y[i] = (double)(n - i) + 41;
	}
	assert_int_equal(pb_stats_shift(&shift, x, n, y, n), 0);
	assert_near(shift, 42, 0);
	free(x);
	free(y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_samples_of_five_reach_this_and_no_less),
		cmocka_unit_test(two_samples_of_twenty_are_exact_still),
		cmocka_unit_test(what_is_equal_has_a_p_of_one),
		cmocka_unit_test(ties_are_exact_as_by_trying_all_ways),
		cmocka_unit_test(six_pairs_in_one_direction_are_the_fewest_below_5_percent),
		cmocka_unit_test(pairs_without_a_difference_are_left_out),
		cmocka_unit_test(tied_differences_are_exact_as_by_trying_all_signs),
		cmocka_unit_test(the_shift_is_the_median_of_all_differences),
		cmocka_unit_test(the_shift_of_large_samples_takes_no_square_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
