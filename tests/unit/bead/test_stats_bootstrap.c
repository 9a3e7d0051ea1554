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

#define SETS   400
#define ROUNDS 2000

static void the_same_seed_gives_the_same_interval(void **state)
{
	const double x[] = {10, 12, 11, 15, 10.5, 11.7}, y[] = {11, 13, 10, 18, 12.5, 16};
	struct pb_interval_estimate a, b, c;

	(void)state;
	assert_int_equal(pb_stats_ratio(&a, x, 6, y, 6, 0.95, 1000, 1), 0);
	assert_int_equal(pb_stats_ratio(&b, x, 6, y, 6, 0.95, 1000, 1), 0);
	assert_int_equal(pb_stats_ratio(&c, x, 6, y, 6, 0.95, 1000, 2), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(&a, &c, sizeof(a));
	assert_near(a.value, 12.75 / 11.35, 1e-12);
	assert_true(a.low < a.value && a.value < a.high);
	assert_near(a.confidence, 0.95, 0);
}

static void numbers_that_are_all_equal_have_no_width(void **state)
{
	const double x[] = {100, 100, 100}, y[] = {103, 103, 103, 103};
	struct pb_interval_estimate e;

	(void)state;
	assert_int_equal(pb_stats_ratio(&e, x, 3, y, 4, 0.95, 100, 1), 0);
	assert_near(e.value, 1.03, 1e-15);
	assert_near(e.low, 1.03, 1e-15);
	assert_near(e.high, 1.03, 1e-15);
}

static void what_has_no_ratio_is_refused(void **state)
{
	const double x[] = {0, 0, 0, 1}, y[] = {1, 2, 3, 4}, mixed[] = {-1, -1, 0, 1, 2, 3, 3};
	struct pb_interval_estimate e = {.value = 7};

	(void)state;
	assert_int_equal(pb_stats_ratio(&e, x, 4, y, 4, 0.95, 100, 1), -EDOM);
	assert_int_equal(pb_stats_ratio(&e, mixed, 7, y, 4, 0.95, 100, 1), -EDOM);
	assert_int_equal(pb_stats_ratio(&e, y, 2, y, 4, 0.95, 100, 1), -ENODATA);
	assert_int_equal(pb_stats_ratio(&e, y, 4, y, 2, 0.95, 100, 1), -ENODATA);
	assert_int_equal(pb_stats_paired_ratio(&e, x, y, 4, 0.95, 100, 1), -EDOM);
	assert_int_equal(pb_stats_paired_ratio(&e, y, y, 2, 0.95, 100, 1), -ENODATA);
	assert_near(e.value, 7, 0);
	/* What is measured may well be 0. */
	assert_int_equal(pb_stats_ratio(&e, y, 4, x, 3, 0.95, 100, 1), 0);
	assert_near(e.value, 0, 0);
}

static void only_the_median_of_x_can_be_0_without_one_number(void **state)
{
	const double x[] = {0, 1e-9, 1e-9, 1}, y[] = {1, 2, 3, 4};
	struct pb_interval_estimate e = {0};
	int err = pb_stats_ratio(&e, x, 4, y, 4, 0.95, 100, 1);

	(void)state;
	assert_true(err == 0 || err == -EDOM);
	assert_false(isnan(e.low) || isnan(e.high));
}

static void pairs_take_the_drift_out(void **state)
{
	struct pb_random r = {.state = 11};
	struct pb_interval_estimate paired, apart;
	double x[40], y[40];

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		double drift = 1 + (double)i / 40;

		x[i] = drift * (1 + 0.01 * noise_normal(&r));
		y[i] = 1.05 * drift * (1 + 0.01 * noise_normal(&r));
	}
	assert_int_equal(pb_stats_paired_ratio(&paired, x, y, 40, 0.95, ROUNDS, 1), 0);
	assert_int_equal(pb_stats_ratio(&apart, x, 40, y, 40, 0.95, ROUNDS, 1), 0);
	assert_true(paired.low > 1.03 && paired.high < 1.07);
	assert_true(apart.low < 1 && apart.high > 1.1);
}

/* Log-normal, whose mean is three times its median. */
static void fill(double *x, size_t n, struct pb_random *r, double median)
{
	for (size_t i = 0; i < n; i++)
		x[i] = median * exp(1.5 * noise_normal(r));
}

static void expect_coverage(uint32_t covered)
{
	if (covered < SETS * 93 / 100 || covered > SETS * 97 / 100)
		fail_msg("%u of %u intervals hold the truth", covered, SETS);
}

static void intervals_of_skewed_ratios_hold_the_truth(void **state)
{
	struct pb_random r = {.state = 1987};
	struct pb_interval_estimate e;
	double x[41], y[50];
	uint32_t covered = 0;

	(void)state;
	for (uint32_t set = 0; set < SETS; set++) {
		fill(x, 41, &r, 2);
		fill(y, 50, &r, 3);
		assert_int_equal(pb_stats_ratio(&e, x, 41, y, 50, 0.95, ROUNDS, set), 0);
		covered += e.low <= 1.5 && 1.5 <= e.high;
	}
	expect_coverage(covered);
}

static void intervals_of_skewed_pairs_hold_the_truth(void **state)
{
	struct pb_random r = {.state = 1988};
	struct pb_interval_estimate e;
	double x[60], y[60];
	uint32_t covered = 0;

	(void)state;
	for (uint32_t set = 0; set < SETS; set++) {
		fill(x, 60, &r, 2);
		for (size_t i = 0; i < 60; i++)
			y[i] = x[i] * 1.2 * exp(exp(noise_normal(&r)) - 1);
		assert_int_equal(pb_stats_paired_ratio(&e, x, y, 60, 0.95, ROUNDS, set), 0);
		covered += e.low <= 1.2 && 1.2 <= e.high;
	}
	expect_coverage(covered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_interval),
		cmocka_unit_test(numbers_that_are_all_equal_have_no_width),
		cmocka_unit_test(what_has_no_ratio_is_refused),
		cmocka_unit_test(only_the_median_of_x_can_be_0_without_one_number),
		cmocka_unit_test(pairs_take_the_drift_out),
		cmocka_unit_test(intervals_of_skewed_ratios_hold_the_truth),
		cmocka_unit_test(intervals_of_skewed_pairs_hold_the_truth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
