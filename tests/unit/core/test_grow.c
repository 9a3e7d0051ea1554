/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/grow.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void elements_are_kept_and_copied_a_few_times_each(void **state)
{
	uint32_t room = 0, n, grown = 0, before;
	uint64_t *array = NULL;

	(void)state;
	for (n = 0; n < 100000; n++) {
		before = room;
		assert_int_equal(pb_grow(&array, &room, n + 1ull, sizeof(*array)), 0);
		assert_true(room > n);
		grown += room != before;
		array[n] = n;
	}
	assert_in_range(grown, 1, 30);
	assert_true(room <= n + n / 2);
	for (n = 0; n < 100000; n++)
		assert_int_equal(array[n], n);
	free(array);
}

static void room_for_many_at_once_is_as_much_as_they_need(void **state)
{
	uint32_t room = 0, *array = NULL;

	(void)state;
	assert_int_equal(pb_grow(&array, &room, 0, sizeof(*array)), 0);
	assert_null(array);
	assert_int_equal(pb_grow(&array, &room, 1000, sizeof(*array)), 0);
	assert_int_equal(room, 1000);
	assert_int_equal(pb_grow(&array, &room, 7, sizeof(*array)), 0);
	assert_int_equal(room, 1000);
	free(array);
}

static void what_overflows_is_refused_and_changes_nothing(void **state)
{
	uint32_t room = 0, *array = NULL, *before;

	(void)state;
	assert_int_equal(pb_grow(&array, &room, 10, sizeof(*array)), 0);
	before = array;
	assert_int_equal(pb_grow(&array, &room, UINT32_MAX + 1ull, sizeof(*array)), -ENOMEM);
	assert_int_equal(pb_grow(&array, &room, UINT64_MAX, sizeof(*array)), -ENOMEM);
	assert_int_equal(pb_grow(&array, &room, UINT32_MAX, SIZE_MAX / 2), -ENOMEM);
	assert_ptr_equal(array, before);
	assert_int_equal(room, 16);
	free(array);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_kept_and_copied_a_few_times_each),
		cmocka_unit_test(room_for_many_at_once_is_as_much_as_they_need),
		cmocka_unit_test(what_overflows_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
