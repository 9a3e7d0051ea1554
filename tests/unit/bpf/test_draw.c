/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/lib/draw.bpf.h"
#include "user/alloc/tables.h"

#define MEAN (512u << 10)

static struct pb_alloc_tables tables;

static int fill(void **state)
{
	(void)state;
	pb_alloc_tables_fill(&tables, MEAN);
	return 0;
}

static void the_logarithm_is_right_beside_each_power_of_two(void **state)
{
	__u32 bits;

	(void)state;
	assert_int_equal(pb_log2(1), 0);
	for (bits = 1; bits < 64; bits++) {
		assert_int_equal(pb_log2(1ull << bits), bits);
		assert_int_equal(pb_log2((1ull << bits) - 1), bits - 1);
		assert_int_equal(pb_log2((1ull << bits) | 1), bits);
	}
	assert_int_equal(pb_log2(UINT64_MAX), 63);
}

static void a_sample_stands_for_its_size_over_its_chance(void **state)
{
	struct pb_weight w;
	double bytes;
	__u64 size;

	(void)state;
	for (size = 1; size < 1ull << 40; size += 1 + size / 7) {
		pb_weigh(&tables, size, &w);
		bytes = -(double)size / expm1(-(double)size / MEAN);
		assert_true(fabs((double)w.bytes - bytes) <= 1e-3 * bytes);
		/* Rounded down: of large blocks to a little less than one. */
		assert_true(fabs((double)w.objects - 65536 * bytes / (double)size) <=
			    1 + 1e-3 * 65536 * bytes / (double)size);
	}
}

static void distances_have_the_mean_asked_for(void **state)
{
	const __u64 mean_ln2 = pb_alloc_mean_ln2(MEAN);
	double sum = 0;
	__u32 i, n = 1 << 16;

	(void)state;
	for (i = 0; i < n; i++)
		sum += (double)pb_draw_distance(&tables, mean_ln2, (i << 16) + 0x8001);
	assert_true(fabs(sum / n / MEAN - 1) < 1e-3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_logarithm_is_right_beside_each_power_of_two),
		cmocka_unit_test(a_sample_stands_for_its_size_over_its_chance),
		cmocka_unit_test(distances_have_the_mean_asked_for),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
