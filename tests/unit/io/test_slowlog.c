/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/io/slowlog.h"

static void the_slowest_are_kept_and_all_are_counted(void **state)
{
	struct pb_slowlog log = {.keep = 5};
	struct pb_io_slow slow = {0};
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		/* Each time of 0 to 999 once, in no order: 617 and 1000 have no common divisor. */
		slow.time_ns = i * 617 % 1000;
		slow.end_ns = i;
		assert_int_equal(pb_slowlog_add(&log, &slow), 0);
		assert_true(log.n <= 10);
	}
	pb_slowlog_sort(&log);
	assert_int_equal(log.n, 5);
	assert_true(log.n_slow == 1000);
	for (i = 0; i < 5; i++)
		assert_true(log.rows[i].time_ns == 999 - i);
	pb_slowlog_drop(&log);
}

static void the_wait_in_the_queue_counts(void **state)
{
	struct pb_slowlog log = {.keep = 2};

	(void)state;
	pb_slowlog_add(&log, &(struct pb_io_slow){.time_ns = 10, .end_ns = 1});
	pb_slowlog_add(&log, &(struct pb_io_slow){.time_ns = 1, .queue_ns = 20, .end_ns = 2});
	pb_slowlog_add(&log, &(struct pb_io_slow){.time_ns = 5, .end_ns = 3});
	pb_slowlog_sort(&log);
	assert_int_equal(log.n, 2);
	assert_true(log.rows[0].end_ns == 2);
	assert_true(log.rows[1].end_ns == 1);
	pb_slowlog_drop(&log);
}

static void nothing_slow_is_nothing(void **state)
{
	struct pb_slowlog log = {.keep = 5};

	(void)state;
	pb_slowlog_sort(&log);
	assert_int_equal(log.n, 0);
	pb_slowlog_drop(&log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_slowest_are_kept_and_all_are_counted),
		cmocka_unit_test(the_wait_in_the_queue_counts),
		cmocka_unit_test(nothing_slow_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
