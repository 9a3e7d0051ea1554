/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The kernel half's arithmetic of sampling, on the user half's tables, against that of the mathematicians. */
#include "tests/hostbpf/hostbpf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/lib/draw.bpf.h"
#include "tests/hostbpf/draw.h"
#include "user/alloc/tables.h"

#define DRAWS 1000000

static struct pb_alloc_tables tables;
static const uint64_t means[] = {PB_ALLOC_MEAN_MIN, 4096, 512 << 10, 1 << 30, PB_ALLOC_MEAN_MAX};
#define N_MEANS (sizeof(means) / sizeof(means[0]))

/* As pb_draw() asks for it. */
static __u32 draw_uniform(void)
{
	return (__u32)(draw64() >> 32) | 1;
}

static void expect_weight(uint64_t size, uint64_t mean)
{
	double objects = -1 / expm1(-(double)size / (double)mean);
	double bytes = objects * (double)size;
	struct pb_weight weight;

	pb_weigh(&tables, size, &weight);
	if (fabs((double)weight.bytes - bytes) > bytes * 1e-3)
		fail_msg("size %llu, mean %llu: %llu bytes, not %.1f", (unsigned long long)size,
			 (unsigned long long)mean, (unsigned long long)weight.bytes, bytes);
	if (fabs(ldexp((double)weight.objects, -PB_ALLOC_OBJECT_SHIFT) - objects) > objects * 1e-3)
		fail_msg("size %llu, mean %llu: %llu/65536 objects, not %.3f",
			 (unsigned long long)size, (unsigned long long)mean,
			 (unsigned long long)weight.objects, objects);
	assert_true(fabs(pb_alloc_weight(size, mean) - objects) <= objects * 1e-12);
}

static void an_allocation_stands_for_what_mathematics_says(void **state)
{
	uint64_t size;
	size_t m;
	int bits, i;

	(void)state;
	draw_from(1);
	for (m = 0; m < N_MEANS; m++) {
		pb_alloc_tables_fill(&tables, means[m]);
		for (size = 1; size < 4096; size++)
			expect_weight(size, means[m]);
		for (bits = 12; bits < 46; bits++) {
			expect_weight((1ull << bits) - 1, means[m]);
			expect_weight(1ull << bits, means[m]);
			for (i = 0; i < 300; i++)
				expect_weight((1ull << bits) + (draw64() & ((1ull << bits) - 1)),
					      means[m]);
		}
		expect_weight(1ull << 46, means[m]);
		expect_weight((1ull << 47) - 1, means[m]);
	}
}

static void logarithm_counts_bits(void **state)
{
	__u32 bits;

	(void)state;
	for (bits = 0; bits < 64; bits++) {
		assert_int_equal(pb_log2(1ull << bits), bits);
		assert_int_equal(pb_log2((1ull << bits) | ((1ull << bits) - 1)), bits);
	}
}

static double exact_distance(uint64_t mean, __u32 uniform)
{
	return -log(ldexp((double)uniform, -32)) * (double)mean;
}

static void distance_follows_the_logarithm_up_to_the_edges(void **state)
{
	static const __u32 uniforms[] = {
		1,          2,          3,          (1u << 31) - 1, 1u << 31,
		3u << 30,   0xffffff,   0x1000000,  (1u << 31) + 1, 0x80400000,
		0x803fffff, 0xffc00000, 0xfffffffe, 0xffffffff};
	size_t m, i;

	(void)state;
	for (m = 0; m < N_MEANS; m++) {
		pb_alloc_tables_fill(&tables, means[m]);
		for (i = 0; i < sizeof(uniforms) / sizeof(uniforms[0]); i++) {
			double want = exact_distance(means[m], uniforms[i]);
			__u64 got =
				pb_draw_distance(&tables, pb_alloc_mean_ln2(means[m]), uniforms[i]);

			/* Rounded up to whole bytes; a step of the logarithm is 2^-24. */
			assert_true(got >= 1);
			assert_true(fabs((double)got - want) <=
				    want * 1e-3 + ldexp((double)means[m], -23) + 1);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Kolmogorov and Smirnov: the largest distance of the two distributions. */
static double distance_of_distributions(double *x, double mean)
{
	double worst = 0, want;
	int i;

	qsort(x, DRAWS, sizeof(*x), by_size);
	for (i = 0; i < DRAWS; i++) {
		want = -expm1(-x[i] / mean);
		worst = fmax(worst, fabs((i + 1.0) / DRAWS - want));
		worst = fmax(worst, fabs((double)i / DRAWS - want));
	}
	return worst;
}

static void distances_are_exponential(void **state)
{
	double *x = calloc(DRAWS, sizeof(*x)), sum;
	size_t m;
	int i;

	(void)state;
	assert_non_null(x);
	draw_from(2);
	for (m = 0; m < N_MEANS; m++) {
		pb_alloc_tables_fill(&tables, means[m]);
		sum = 0;
		for (i = 0; i < DRAWS; i++) {
			/* A whole number stands for those up to it. */
			x[i] = (double)pb_draw_distance(&tables, pb_alloc_mean_ln2(means[m]),
							draw_uniform()) -
			       0.5;
			sum += x[i];
		}
		assert_true(fabs(sum / DRAWS / (double)means[m] - 1) < 0.01);
		/* 1.95 of these by chance once in a thousand, and half a byte of rounding. */
		assert_true(distance_of_distributions(x, (double)means[m]) <
			    1.95 / sqrt(DRAWS) + 0.5 / (double)means[m]);
	}
	free(x);
}

struct sum {
	double bytes, objects, true_bytes, true_objects;
};

/* One allocation of a thread, as pb_draw() and pb_record() deal with it. */
static void allocate(struct sum *sum, __u64 *distance, uint64_t size, uint64_t mean)
{
	struct pb_weight weight;

	sum->true_bytes += (double)size;
	sum->true_objects++;
	if (size < *distance) {
		*distance -= size;
		return;
	}
	*distance = pb_draw_distance(&tables, pb_alloc_mean_ln2(mean), draw_uniform());
	pb_weigh(&tables, size, &weight);
	sum->bytes += (double)weight.bytes;
	sum->objects += ldexp((double)weight.objects, -PB_ALLOC_OBJECT_SHIFT);
}

/* Sizes from 8 bytes to 4 MB, each octave with as many bytes as any other. */
static uint64_t draw_size(void)
{
	__u32 octave = 3;

	while (octave < 21 && draw(2))
		octave++;
	return (1ull << octave) + draw(1u << octave) + 1;
}

static void expect_unbiased(uint64_t mean, uint64_t (*size)(void), int allocations, int streams)
{
	struct sum sum = {0};
	__u64 distance;
	int i, k;

	pb_alloc_tables_fill(&tables, mean);
	for (i = 0; i < streams; i++) {
		distance = pb_draw_distance(&tables, pb_alloc_mean_ln2(mean), draw_uniform());
		for (k = 0; k < allocations; k++)
			allocate(&sum, &distance, size(), mean);
	}
	if (fabs(sum.bytes / sum.true_bytes - 1) > 0.01 ||
	    fabs(sum.objects / sum.true_objects - 1) > 0.01)
		fail_msg("mean %llu: %.4f of the bytes, %.4f of the objects",
			 (unsigned long long)mean, sum.bytes / sum.true_bytes,
			 sum.objects / sum.true_objects);
}

static void estimates_of_mixed_sizes_are_unbiased(void **state)
{
	(void)state;
	draw_from(3);
	expect_unbiased(PB_ALLOC_MEAN_MIN, draw_size, 10000, 200);
	expect_unbiased(4096, draw_size, 10000, 400);
	/* Of the many small blocks few are met: more of them, for less of chance. */
	expect_unbiased(16 << 10, draw_size, 10000, 1500);
}

static uint64_t fixed_size;

static uint64_t same_size(void)
{
	return fixed_size;
}

static void estimates_of_each_size_are_unbiased(void **state)
{
	static const uint64_t sizes[] = {1, 8, 24, 100, 1000, 5000, 100000, 4 << 20};
	size_t i;

	(void)state;
	draw_from(4);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fixed_size = sizes[i];
		/* Some 40,000 samples, whose number is 0.5 % off by chance, or each is met. */
		expect_unbiased(
			PB_ALLOC_MEAN_MIN, same_size,
			sizes[i] < 1000 ? (int)(800 * PB_ALLOC_MEAN_MIN / sizes[i]) + 1 : 800, 100);
	}
}

static void short_streams_are_unbiased_from_their_first_byte(void **state)
{
	(void)state;
	draw_from(5);
	fixed_size = 1024;
	/* 3 blocks a thread: what is left of its distance at the end tells nothing of it. */
	expect_unbiased(16 << 10, same_size, 3, 500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_allocation_stands_for_what_mathematics_says),
		cmocka_unit_test(logarithm_counts_bits),
		cmocka_unit_test(distance_follows_the_logarithm_up_to_the_edges),
		cmocka_unit_test(distances_are_exponential),
		cmocka_unit_test(estimates_of_mixed_sizes_are_unbiased),
		cmocka_unit_test(estimates_of_each_size_are_unbiased),
		cmocka_unit_test(short_streams_are_unbiased_from_their_first_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
