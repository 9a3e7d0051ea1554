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

static void so_many_samples_are_needed(void **state)
{
	(void)state;
	assert_int_equal(pb_stats_needed(0.5, 0.95), 5);
	assert_int_equal(pb_stats_needed(0.95, 0.95), 59);
	assert_int_equal(pb_stats_needed(0.99, 0.95), 299);
	assert_int_equal(pb_stats_needed(0.99, 0.99), 459);
	assert_int_equal(pb_stats_needed(0.5, 0.75), 2);
	assert_int_equal(pb_stats_needed(1, 0.95), SIZE_MAX);
	assert_int_equal(pb_stats_needed(0, 0.95), 1);
}

static void quantiles_lie_between_order_statistics(void **state)
{
	const double x[] = {4, 1, 3, 2};

	(void)state;
	assert_near(pb_stats_quantile(x, 4, 0), 1, 0);
	assert_near(pb_stats_quantile(x, 4, 0.25), 1.75, 1e-15);
	assert_near(pb_stats_median(x, 4), 2.5, 0);
	assert_near(pb_stats_quantile(x, 4, 1), 4, 0);
	assert_near(pb_stats_quantile(x, 1, 0.99), 4, 0);
	assert_near(x[0], 4, 0); /* left as it is */
}

static void negative_and_equal_numbers_are_in_order(void **state)
{
	const double x[] = {-3, 0.0, -0.0, 5, -1e300, 1e-300, 0.0};

	(void)state;
	assert_near(pb_stats_quantile(x, 7, 0), -1e300, 0);
	assert_near(pb_stats_median(x, 7), 0, 0);
	assert_false(signbit(pb_stats_median(x, 7)));
	assert_near(pb_stats_quantile(x, 7, 1), 5, 0);
	assert_near(pb_stats_mad(x, 7), 1.4826 * 1e-300, 1e-310);
}

static void the_median_absolute_deviation_of_equal_numbers_is_nothing(void **state)
{
	const double x[] = {7, 7, 7};

	(void)state;
	assert_near(pb_stats_mad(x, 3), 0, 0);
}

/* By the definition: the chance that at least @low and at most @high - 1 of n numbers are below the quantile. */
static long double coverage(size_t n, double q, size_t low, size_t high)
{
	long double term = powl(1 - q, (long double)n), sum = 0; /* 0.01^600 is no double */

	for (size_t k = 0; k < high; k++) {
		sum += k >= low ? term : 0;
		term *= (long double)(n - k) / (long double)(k + 1) * q / (1 - q);
	}
	return sum;
}

static void intervals_cover_what_they_promise(void **state)
{
	const double qs[] = {0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99};
	double x[600];

	(void)state;
	for (size_t i = 0; i < 600; i++)
		x[i] = (double)i + 1;
	for (size_t n = 1; n <= 600; n += n < 80 ? 1 : 37)
		for (size_t i = 0; i < sizeof(qs) / sizeof(*qs); i++) {
			double q = qs[i], widest = 1 - pow(q, (double)n) - pow(1 - q, (double)n);
			struct pb_interval_estimate e = {0};
			int err = pb_stats_quantile_interval(&e, x, n, q, 0.95);

			/* It is given wherever the whole range would do, and only there. */
			assert_int_equal(err, widest >= 0.95 ? 0 : -ENODATA);
			if (err)
				continue;
			assert_true(coverage(n, q, (size_t)e.low, (size_t)e.high) >= 0.95);
			assert_true(e.low <= e.value && e.value <= e.high);
		}
}

static void a_high_quantile_needs_so_many_samples(void **state)
{
	struct pb_interval_estimate e;
	double x[299];

	(void)state;
	for (size_t i = 0; i < 299; i++)
		x[i] = (double)i;
	assert_int_equal(pb_stats_quantile_interval(&e, x, 298, 0.99, 0.95), -ENODATA);
	assert_int_equal(pb_stats_quantile_interval(&e, x, 299, 0.99, 0.95), 0);
	assert_near(e.high, 298, 0);
	assert_int_equal(pb_stats_quantile_interval(&e, x, 58, 0.95, 0.95), -ENODATA);
	assert_int_equal(pb_stats_quantile_interval(&e, x, 59, 0.95, 0.95), 0);
	assert_int_equal(pb_stats_quantile_interval(&e, x, 0, 0.5, 0.95), -ENODATA);
	assert_int_equal(pb_stats_quantile_interval(&e, x, 100, 1, 0.95), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_samples_are_needed),
		cmocka_unit_test(quantiles_lie_between_order_statistics),
		cmocka_unit_test(negative_and_equal_numbers_are_in_order),
		cmocka_unit_test(the_median_absolute_deviation_of_equal_numbers_is_nothing),
		cmocka_unit_test(intervals_cover_what_they_promise),
		cmocka_unit_test(a_high_quantile_needs_so_many_samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
