/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/share.h"

#include "tests/unit/bead/report_fixture.h"

/* R: prop.test(30, 100, correct = FALSE)$conf.int */
static void wilson_is_what_r_says(void **state)
{
	double low, high;

	(void)state;
	pb_share_wilson(30, 100, &low, &high);
	assert_true(fabs(low - 0.2189489) < 1e-6);
	assert_true(fabs(high - 0.3958485) < 1e-6);
	pb_share_wilson(0, 10, &low, &high);
	assert_true(low == 0 && fabs(high - 0.2775328) < 1e-6);
	pb_share_wilson(10, 10, &low, &high);
	assert_true(high == 1 && fabs(low - 0.7224672) < 1e-6);
}

/* R: t.test(c(1, 2, 4))$conf.int is 2.333333 +- 3.794584 */
static void half_of_the_interval_of_a_mean_is_students(void **state)
{
	const double x[] = {1, 2, 4};

	(void)state;
	assert_true(fabs(pb_share_half_width(x, 3) - 3.7946) < 1e-3);
	assert_true(isnan(pb_share_half_width(x, 1)));
}

static void runs_that_disagree_widen_the_interval_of_samples(void **state)
{
	const double whole[] = {1000, 1000, 1000}, even[] = {300, 300, 300},
		     odd[] = {200, 300, 400};
	struct pb_share a, b;
	double low, high;

	(void)state;
	pb_share_of_samples(&a, even, whole, 3);
	pb_share_wilson(900, 3000, &low, &high);
	assert_true(is_near(a.pct, 30) && is_near(a.low_pct, 100 * low) &&
		    is_near(a.high_pct, 100 * high));
	assert_true(is_near(a.spread_pct, 0));
	pb_share_of_samples(&b, odd, whole, 3);
	assert_true(is_near(b.pct, 30) && b.low_pct < 10 && b.high_pct > 50);
	assert_true(is_near(b.spread_pct, 10));
}

static void one_run_has_no_spread_and_no_runs_have_no_share(void **state)
{
	const double whole[] = {1000, 0}, part[] = {300, 0};
	struct pb_share share;

	(void)state;
	pb_share_of_samples(&share, part, whole, 2);
	assert_true(is_near(share.pct, 30) && isnan(share.spread_pct));
	pb_share_of_samples(&share, part, whole, 0);
	assert_true(isnan(share.pct) && isnan(share.low_pct) && isnan(share.spread_pct));
	pb_share_of_amounts(&share, part + 1, whole + 1, 1);
	assert_true(isnan(share.pct));
}

static void two_counts_have_their_range_and_three_an_interval(void **state)
{
	const double whole[] = {100, 100, 100}, part[] = {49, 51, 50};
	double mean, low, high;
	struct pb_share share;

	(void)state;
	pb_share_of_amounts(&share, part, whole, 2);
	assert_true(is_near(share.pct, 50) && is_near(share.low_pct, 49) &&
		    is_near(share.high_pct, 51));
	pb_share_of_amounts(&share, part, whole, 3);
	assert_true(share.low_pct < 48 && share.high_pct > 52);
	pb_share_mean(&mean, &low, &high, part, 2);
	assert_true(mean == 50 && low == 49 && high == 51);
	pb_share_mean(&mean, &low, &high, part, 3);
	assert_true(mean == 50 && low < 48 && high > 52);
}

static void no_share_leaves_the_whole(void **state)
{
	const double whole[] = {10, 10, 10}, part[] = {0, 10, 10};
	struct pb_share share;

	(void)state;
	pb_share_of_samples(&share, part, whole, 3);
	assert_true(share.low_pct == 0 && share.high_pct == 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wilson_is_what_r_says),
		cmocka_unit_test(half_of_the_interval_of_a_mean_is_students),
		cmocka_unit_test(runs_that_disagree_widen_the_interval_of_samples),
		cmocka_unit_test(one_run_has_no_spread_and_no_runs_have_no_share),
		cmocka_unit_test(two_counts_have_their_range_and_three_an_interval),
		cmocka_unit_test(no_share_leaves_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
