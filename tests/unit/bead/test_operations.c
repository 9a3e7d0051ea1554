/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/operations.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/bead/stats.h"

#define MOST 1000

/* @runs of @each numbers around @centre: noise of one in @noise between operations, @shift between runs. */
static struct pb_operations *draw(uint32_t runs, uint32_t each, double centre, double noise,
				  double shift, uint64_t seed)
{
	struct pb_random random = {.state = seed};
	struct pb_operations *o = NULL;
	double x[MOST];

	assert_int_equal(pb_operations_new(&o), 0);
	for (uint32_t i = 0; i < runs; i++) {
		double own = centre + shift * (double)pb_random_below(&random, 1000) / 1000;

		for (uint32_t k = 0; k < each; k++)
			x[k] = own + noise * (double)pb_random_below(&random, 1000) / 1000;
		assert_int_equal(pb_operations_add(o, x, each), 0);
	}
	return o;
}

static void one_operation_a_run_is_a_plain_sample(void **state)
{
	struct pb_interval_estimate e, plain;
	struct pb_operations *o = NULL;
	double x[200];

	(void)state;
	assert_int_equal(pb_operations_new(&o), 0);
	for (int i = 0; i < 200; i++) {
		x[i] = (i * 37) % 200;
		assert_int_equal(pb_operations_add(o, &x[i], 1), 0);
	}
	assert_int_equal(pb_operations_interval(&e, o, 0.95, 0.95, 1), 0);
	assert_int_equal(pb_stats_quantile_interval(&plain, x, 200, 0.95, 0.95), 0);
	assert_true(e.value == plain.value);
	assert_true(e.low <= plain.low && e.high >= plain.high);
	/* Nearly the same where there is nothing to be wider for. */
	assert_true(e.low >= plain.low - 5 && e.high <= plain.high + 5);
	pb_operations_free(o);
}

static void operations_of_few_runs_that_differ_are_less_certain(void **state)
{
	struct pb_operations *alike = draw(10, 1000, 100, 10, 0, 1);
	struct pb_operations *unlike = draw(10, 1000, 100, 10, 50, 1);
	struct pb_interval_estimate a, b;

	(void)state;
	assert_int_equal(pb_operations_interval(&a, alike, 0.99, 0.95, 1), 0);
	assert_int_equal(pb_operations_interval(&b, unlike, 0.99, 0.95, 1), 0);
	assert_true(a.low <= a.value && a.value <= a.high);
	assert_true(b.low <= b.value && b.value <= b.high);
	/* As if the ten thousand were independent, it would be as narrow. */
	assert_true(b.high - b.low > 5 * (a.high - a.low));
	pb_operations_free(alike);
	pb_operations_free(unlike);
}

static void too_little_gives_no_interval_and_says_what_it_takes(void **state)
{
	struct pb_operations *runs = draw(5, 1000, 100, 10, 0, 1);
	struct pb_operations *few = draw(6, 49, 100, 10, 0, 1);
	struct pb_operations *enough = draw(6, 50, 100, 10, 0, 1);
	struct pb_interval_estimate e;
	char why[128];

	(void)state;
	assert_int_equal(pb_operations_interval(&e, runs, 0.99, 0.95, 1), -ENODATA);
	pb_operations_explain(why, sizeof(why), runs, 0.99, 0.95);
	assert_string_equal(why, "5 runs, and operations need those of 6");
	assert_int_equal(pb_operations_interval(&e, few, 0.99, 0.95, 1), -ENODATA);
	pb_operations_explain(why, sizeof(why), few, 0.99, 0.95);
	assert_string_equal(why, "294 operations, and p99 needs 299");
	assert_int_equal(pb_operations_interval(&e, enough, 0.99, 0.95, 1), 0);
	assert_int_equal(pb_operations_ratio(&e, enough, few, 0.99, 0.95, 1), -ENODATA);
	pb_operations_free(runs);
	pb_operations_free(few);
	pb_operations_free(enough);
}

static void a_quantile_that_grew_is_seen_and_one_that_did_not_is_not(void **state)
{
	struct pb_operations *a = draw(20, 200, 100, 10, 2, 1), *b = draw(20, 200, 130, 13, 2, 2);
	struct pb_operations *same = draw(20, 200, 100, 10, 2, 3);
	struct pb_interval_estimate e, again;
	double p;

	(void)state;
	assert_int_equal(pb_operations_ratio(&e, a, b, 0.99, 0.95, 7), 0);
	assert_true(e.low > 1.2 && e.high < 1.4 && e.low <= e.value && e.value <= e.high);
	assert_int_equal(pb_operations_ratio(&again, a, b, 0.99, 0.95, 7), 0);
	assert_true(again.low == e.low && again.high == e.high);
	assert_int_equal(pb_operations_test(&p, a, b, 0.99, 1), 0);
	assert_true(p < 0.001);
	assert_int_equal(pb_operations_ratio(&e, a, same, 0.99, 0.95, 7), 0);
	assert_true(e.low < 1 && e.high > 1);
	assert_int_equal(pb_operations_test(&p, a, same, 0.99, 1), 0);
	assert_true(p > 0.01);
	pb_operations_free(a);
	pb_operations_free(b);
	pb_operations_free(same);
}

/* Of two kinds of runs that were drawn unevenly, ten thousand operations would say that there is a difference. */
static void runs_are_what_is_tested_and_not_operations(void **state)
{
	struct pb_operations *a = NULL, *b = NULL;
	double fast[MOST], slow[MOST], p;

	(void)state;
	assert_int_equal(pb_operations_new(&a), 0);
	assert_int_equal(pb_operations_new(&b), 0);
	for (int i = 0; i < MOST; i++) {
		fast[i] = 100 + i % 7;
		slow[i] = 200 + i % 7;
	}
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pb_operations_add(a, i < 4 ? slow : fast, MOST), 0);
		assert_int_equal(pb_operations_add(b, i < 6 ? slow : fast, MOST), 0);
	}
	assert_int_equal(pb_operations_test(&p, a, b, 0.5, 1), 0);
	assert_true(p > 0.05);
	pb_operations_free(a);
	pb_operations_free(b);
}

/* As the time of a workload: so few runs are in the tail that the test has to look at where it is. */
static void a_tail_of_plain_samples_that_moved_is_seen(void **state)
{
	struct pb_operations *a = draw(72, 1, 100, 10, 0, 1), *b = draw(72, 1, 120, 12, 0, 2);
	double p;

	(void)state;
	assert_int_equal(pb_operations_test(&p, a, b, 0.95, 1), 0);
	assert_true(p < 0.001);
	assert_int_equal(pb_operations_test(&p, b, a, 0.95, 1), 0);
	assert_true(p < 0.001);
	assert_int_equal(pb_operations_test(&p, a, a, 0.95, 1), 0);
	assert_true(p > 0.5);
	pb_operations_free(a);
	pb_operations_free(b);
}

static void nothing_is_in_percent_of_nothing(void **state)
{
	struct pb_operations *zero = draw(10, 100, 0, 0, 0, 1), *b = draw(10, 100, 5, 1, 0, 1);
	struct pb_interval_estimate e;

	(void)state;
	assert_int_equal(pb_operations_ratio(&e, zero, b, 0.95, 0.95, 1), -EDOM);
	pb_operations_free(zero);
	pb_operations_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_operation_a_run_is_a_plain_sample),
		cmocka_unit_test(operations_of_few_runs_that_differ_are_less_certain),
		cmocka_unit_test(too_little_gives_no_interval_and_says_what_it_takes),
		cmocka_unit_test(a_quantile_that_grew_is_seen_and_one_that_did_not_is_not),
		cmocka_unit_test(runs_are_what_is_tested_and_not_operations),
		cmocka_unit_test(a_tail_of_plain_samples_that_moved_is_seen),
		cmocka_unit_test(nothing_is_in_percent_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
