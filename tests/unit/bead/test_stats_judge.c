/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bead/numbers.h"

#define COMPARISONS 200
#define RUNS        60
#define ROUNDS      2000
#define DELTA       0.02
#define ALPHA       0.01

static void holm_takes_the_smallest_times_all_of_them(void **state)
{
	double p[] = {0.01, 0.04, 0.03, 0.005}, one[] = {0.3}, zero[] = {0, 0, 1};

	(void)state;
	pb_stats_holm(p, 4);
	assert_near(p[0], 0.03, 1e-15);
	assert_near(p[1], 0.06, 1e-15);
	assert_near(p[2], 0.06, 1e-15);
	assert_near(p[3], 0.02, 1e-15);
	pb_stats_holm(one, 1);
	assert_near(one[0], 0.3, 0);
	pb_stats_holm(zero, 3);
	assert_near(zero[0], 0, 0);
	assert_false(signbit(zero[0]));
	assert_near(zero[2], 1, 0);
	pb_stats_holm(NULL, 0);
}

static enum pb_verdict judge(double low, double high, double p)
{
	const struct pb_interval_estimate e = {.value = 1, .low = low, .high = high};

	return pb_stats_judge(&e, p, DELTA, ALPHA);
}

static void a_verdict_needs_the_whole_interval_and_the_test(void **state)
{
	(void)state;
	assert_int_equal(judge(1.03, 1.08, 0.001), PB_VERDICT_REGRESSED);
	assert_int_equal(judge(1.03, 1.08, 0.01), PB_VERDICT_INCONCLUSIVE);
	assert_int_equal(judge(1.02, 1.08, 0.001), PB_VERDICT_INCONCLUSIVE);
	assert_int_equal(judge(1.01, 1.08, 0.001), PB_VERDICT_INCONCLUSIVE);
	assert_int_equal(judge(0.90, 0.97, 0.001), PB_VERDICT_IMPROVED);
	assert_int_equal(judge(0.90, 0.97, 0.2), PB_VERDICT_INCONCLUSIVE);
	assert_int_equal(judge(0.90, 0.99, 0.001), PB_VERDICT_INCONCLUSIVE);
	assert_int_equal(judge(0.99, 1.01, 0.9), PB_VERDICT_EQUIVALENT);
	/* So small a difference is none, however sure. */
	assert_int_equal(judge(1.005, 1.01, 0.0001), PB_VERDICT_EQUIVALENT);
	assert_int_equal(judge(0.9, 1.1, 0.9), PB_VERDICT_INCONCLUSIVE);
}

static void verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(pb_verdict_name(PB_VERDICT_INCONCLUSIVE), "inconclusive");
	assert_string_equal(pb_verdict_name(PB_VERDICT_EQUIVALENT), "equivalent");
	assert_string_equal(pb_verdict_name(PB_VERDICT_IMPROVED), "improved");
	assert_string_equal(pb_verdict_name(PB_VERDICT_REGRESSED), "regressed");
}

/* The first numbers of the generator as its authors published it, for seed 1234567. */
static void chance_is_splitmix64(void **state)
{
	struct pb_random r = {.state = 1234567};

	(void)state;
	assert_true(pb_random_next(&r) == 6457827717110365317u);
	assert_true(pb_random_next(&r) == 3203168211198807973u);
	assert_true(pb_random_next(&r) == 9817491932198370423u);
}

static void numbers_below_a_limit_are_all_as_likely(void **state)
{
	struct pb_random r = {.state = 1};
	uint32_t seen[6] = {0};

	(void)state;
	for (int i = 0; i < 60000; i++)
		seen[pb_random_below(&r, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(seen[i], 9600, 10400);
	assert_int_equal(pb_random_below(&r, 1), 0);
	/* A limit that does not fit 2^64 well: the upper half would be rare without rejection. */
	seen[0] = 0;
	for (int i = 0; i < 10000; i++)
		seen[0] += pb_random_below(&r, 3ull << 62) >= 1ull << 63;
	assert_in_range(seen[0], 3133, 3533);
}

static enum pb_verdict compare(const double *x, const double *y, uint64_t seed)
{
	struct pb_interval_estimate e;
	double p;

	assert_int_equal(pb_stats_ratio(&e, x, RUNS, y, RUNS, 0.95, ROUNDS, seed), 0);
	assert_int_equal(pb_stats_mann_whitney(&p, x, RUNS, y, RUNS), 0);
	return pb_stats_judge(&e, p, DELTA, ALPHA);
}

static void no_difference_raises_no_alarm(void **state)
{
	struct pb_random r = {.state = 200};
	uint32_t verdicts[4] = {0};
	double x[RUNS], y[RUNS];

	(void)state;
	for (uint64_t i = 0; i < COMPARISONS; i++) {
		for (size_t k = 0; k < RUNS; k++) {
			x[k] = noise_time(&r, 200e6, 0.05);
			y[k] = noise_time(&r, 200e6, 0.05);
		}
		verdicts[compare(x, y, i)]++;
	}
	assert_in_range(verdicts[PB_VERDICT_REGRESSED] + verdicts[PB_VERDICT_IMPROVED], 0,
			COMPARISONS / 100);
	assert_in_range(verdicts[PB_VERDICT_EQUIVALENT], COMPARISONS / 4, COMPARISONS);
}

static void a_slowdown_of_5_percent_is_found(void **state)
{
	struct pb_random r = {.state = 201};
	uint32_t verdicts[4] = {0};
	double x[RUNS], y[RUNS];

	(void)state;
	for (uint64_t i = 0; i < COMPARISONS; i++) {
		for (size_t k = 0; k < RUNS; k++) {
			x[k] = noise_time(&r, 200e6, 0.02);
			y[k] = noise_time(&r, 210e6, 0.02);
		}
		verdicts[compare(x, y, i)]++;
	}
	assert_in_range(verdicts[PB_VERDICT_REGRESSED], COMPARISONS * 9 / 10, COMPARISONS);
	assert_int_equal(verdicts[PB_VERDICT_IMPROVED], 0);
	assert_int_equal(verdicts[PB_VERDICT_EQUIVALENT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holm_takes_the_smallest_times_all_of_them),
		cmocka_unit_test(a_verdict_needs_the_whole_interval_and_the_test),
		cmocka_unit_test(verdicts_have_names),
		cmocka_unit_test(chance_is_splitmix64),
		cmocka_unit_test(numbers_below_a_limit_are_all_as_likely),
		cmocka_unit_test(no_difference_raises_no_alarm),
		cmocka_unit_test(a_slowdown_of_5_percent_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
