/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/histogram.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SAMPLES 20000

static const double quantiles[] = {0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1};

/* xorshift64*, so that a failure can be had again. */
static double draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((double)(*state * 2685821657736338717ull >> 11) + 1) / 9007199254740994.0;
}

static uint64_t uniform(uint64_t *s)
{
	return (uint64_t)(draw(s) * 1e6);
}

static uint64_t exponential(uint64_t *s)
{
	return (uint64_t)(-log(draw(s)) * 80000);
}

static uint64_t long_tailed(uint64_t *s)
{
	return (uint64_t)(5000 / pow(draw(s), 0.9));
}

static uint64_t two_humps(uint64_t *s)
{
	return draw(s) < 0.7 ? 9000 + (uint64_t)(draw(s) * 2000)
			     : 4000000 + (uint64_t)(draw(s) * 1000000);
}

/* At the lower edge of a bucket, with 2 % outliers: where placing by share goes most astray. */
static uint64_t nearly_constant(uint64_t *s)
{
	return draw(s) < 0.98 ? 65536 : 1u << 30;
}

static uint64_t tiny(uint64_t *s)
{
	return (uint64_t)(draw(s) * 100);
}

static uint64_t huge(uint64_t *s)
{
	return (uint64_t)(draw(s) * 9e18) + 9000000000000000000ull;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void add_time(struct pb_histogram *h, uint64_t ns)
{
	assert_int_equal(pb_histogram_add(h, pb_histogram_index(ns), 1), 0);
}

static void check_distribution(uint64_t (*next)(uint64_t *), uint64_t *times, uint32_t n)
{
	struct pb_histogram h = {0};
	uint64_t state = 88172645463325252ull + n;

	for (uint32_t i = 0; i < n; i++) {
		times[i] = next(&state);
		add_time(&h, times[i]);
	}
	qsort(times, n, sizeof(*times), compare);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		uint64_t rank = (uint64_t)ceil(quantiles[i] * n - 1e-6);
		double exact = (double)times[rank ? rank - 1 : 0];
		double known = (double)pb_histogram_quantile(&h, quantiles[i], times[n - 1]);
		double blind = (double)pb_histogram_quantile(&h, quantiles[i], UINT64_MAX);

		if (fabs(known - exact) > exact * 0.016 + 1 ||
		    fabs(blind - exact) > exact * 0.016 + 1)
			fail_msg("%g of %u: %g or %g, not %g", quantiles[i], n, known, blind,
				 exact);
	}
	assert_true(pb_histogram_quantile(&h, 1, times[n - 1]) == times[n - 1]);
	pb_histogram_drop(&h);
}

static void percentiles_are_within_two_percent_of_the_exact_ones(void **state)
{
	uint64_t (*const all[])(uint64_t *) = {uniform,         exponential, long_tailed, two_humps,
					       nearly_constant, tiny,        huge};
	static const uint32_t sizes[] = {1, 2, 19, 700, 1000, SAMPLES};
	uint64_t *times = calloc(SAMPLES, sizeof(*times));

	(void)state;
	assert_non_null(times);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++)
			check_distribution(all[i], times, sizes[k]);
	}
	free(times);
}

static void every_time_has_one_bucket_and_buckets_have_no_gaps(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < PB_IO_BUCKETS; i++) {
		uint64_t low = pb_histogram_low(i), high = pb_histogram_high(i);

		assert_true(low < high);
		assert_int_equal(pb_histogram_index(low), i);
		assert_int_equal(pb_histogram_index(high - 1), i);
		if (i + 1 < PB_IO_BUCKETS)
			assert_int_equal(pb_histogram_index(high), i + 1);
		assert_true(low < 64 ? high - low == 1 : (high - low) <= low / 32);
	}
	assert_true(pb_histogram_high(PB_IO_BUCKETS - 1) == UINT64_MAX);
	assert_int_equal(pb_histogram_index(UINT64_MAX), PB_IO_BUCKETS - 1);
	for (int bit = 0; bit < 64; bit++) {
		uint64_t n = UINT64_C(1) << bit;

		for (uint64_t m = n - 1; m != n + 2; m++) {
			uint32_t i = pb_histogram_index(m);

			assert_true(i < PB_IO_BUCKETS && pb_histogram_low(i) <= m);
			assert_true(m < pb_histogram_high(i) || m == UINT64_MAX);
		}
	}
}

static void buckets_are_sorted_in_whatever_order_they_come(void **state)
{
	struct pb_histogram h = {0};
	uint64_t sum = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(pb_histogram_add(&h, (i * 7919) % 313, i), 0);
		sum += i;
	}
	assert_int_equal(h.count, sum);
	assert_int_equal(h.n, 313);
	for (uint32_t i = 1; i < h.n; i++)
		assert_true(h.buckets[i - 1].index < h.buckets[i].index);
	assert_int_equal(pb_histogram_add(&h, PB_IO_BUCKETS, 1), -EINVAL);
	assert_int_equal(pb_histogram_add(&h, PB_IO_BUCKETS - 1, 0), 0);
	assert_int_equal(h.n, 313);
	pb_histogram_drop(&h);
	assert_int_equal(h.n, 0);
}

static void a_merge_is_the_sum_and_subtraction_takes_it_back(void **state)
{
	struct pb_histogram a = {0}, b = {0}, both = {0}, empty = {0};
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 500; i++) {
		uint64_t x = exponential(&seed), y = two_humps(&seed);

		add_time(&a, x);
		add_time(&b, y);
		add_time(&both, x);
		add_time(&both, y);
	}
	assert_int_equal(pb_histogram_merge(&a, &b), 0);
	assert_int_equal(pb_histogram_merge(&a, &empty), 0);
	assert_int_equal(a.n, both.n);
	assert_int_equal(a.count, 1000);
	assert_memory_equal(a.buckets, both.buckets, a.n * sizeof(*a.buckets));
	assert_int_equal(pb_histogram_subtract(&a, &b), 0);
	assert_int_equal(a.count, 500);
	assert_int_equal(pb_histogram_merge(&empty, &a), 0);
	assert_int_equal(empty.count, 500);
	/* one that is no earlier state of it */
	assert_int_equal(pb_histogram_subtract(&a, &both), 0);
	assert_int_equal(a.count, 0);
	assert_int_equal(a.n, 0);
	pb_histogram_drop(&a);
	pb_histogram_drop(&b);
	pb_histogram_drop(&both);
	pb_histogram_drop(&empty);
}

static void how_many_are_below_a_time(void **state)
{
	struct pb_histogram h = {0};
	uint32_t i = pb_histogram_index(1 << 20);
	uint64_t low = pb_histogram_low(i), width = pb_histogram_high(i) - low;

	(void)state;
	assert_int_equal(pb_histogram_below(&h, UINT64_MAX), 0);
	add_time(&h, 10);
	add_time(&h, 11);
	assert_int_equal(pb_histogram_add(&h, i, 1000), 0);
	assert_int_equal(pb_histogram_below(&h, 9), 0);
	assert_int_equal(pb_histogram_below(&h, 10), 1);
	assert_int_equal(pb_histogram_below(&h, low - 1), 2);
	assert_int_equal(pb_histogram_below(&h, low + width / 2 - 1), 502);
	assert_int_equal(pb_histogram_below(&h, low + width - 1), 1002);
	assert_int_equal(pb_histogram_below(&h, UINT64_MAX), 1002);
	pb_histogram_drop(&h);
}

static void a_percentile_needs_events_beyond_it(void **state)
{
	static const struct {
		double q;
		uint64_t least;
	} known[] = {{0.5, 2}, {0.9, 10}, {0.95, 20}, {0.99, 100}, {0.999, 1000}};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct pb_histogram h = {.count = known[i].least};

		assert_true(pb_histogram_supports(&h, known[i].q));
		h.count--;
		assert_false(pb_histogram_supports(&h, known[i].q));
	}
}

static void sums_stop_at_the_largest_number(void **state)
{
	struct pb_histogram h = {0};

	(void)state;
	assert_int_equal(pb_histogram_quantile(&h, 0.5, 7), 0);
	assert_int_equal(pb_histogram_add(&h, 5, UINT64_MAX), 0);
	assert_int_equal(pb_histogram_add(&h, 9, UINT64_MAX), 0);
	assert_true(h.count == UINT64_MAX);
	assert_int_equal(pb_histogram_quantile(&h, 0.5, UINT64_MAX), 5);
	assert_true(pb_histogram_below(&h, 9) == UINT64_MAX);
	pb_histogram_drop(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_within_two_percent_of_the_exact_ones),
		cmocka_unit_test(every_time_has_one_bucket_and_buckets_have_no_gaps),
		cmocka_unit_test(buckets_are_sorted_in_whatever_order_they_come),
		cmocka_unit_test(a_merge_is_the_sum_and_subtraction_takes_it_back),
		cmocka_unit_test(how_many_are_below_a_time),
		cmocka_unit_test(a_percentile_needs_events_beyond_it),
		cmocka_unit_test(sums_stop_at_the_largest_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
