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
		slow.total_ns = i * 617 % 1000;
		slow.end_ns = i;
		assert_int_equal(pb_slowlog_add(&log, &slow), 0);
		assert_true(log.n <= 10);
	}
	pb_slowlog_sort(&log);
	assert_int_equal(log.n, 5);
	assert_true(log.n_slow == 1000);
	for (i = 0; i < 5; i++)
		assert_true(log.rows[i].total_ns == 999 - i);
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
		cmocka_unit_test(nothing_slow_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
