/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/lateness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Seen 100 after the start, of which we waited 60 for a CPU; the main thread ran or was ready for 70. */
static struct pb_lateness seen(void)
{
	return (struct pb_lateness){
		.start_ns = 1000,
		.seen_ns = 1100,
		.late_ns = 60,
		.busy_ns = 70,
	};
}

static void what_we_waited_behind_the_end_is_taken_off(void **state)
{
	struct pb_lateness l = seen();

	(void)state;
	l.busy_ns = 30;
	assert_int_equal(pb_lateness_end_ns(&l), 1040);
	l.busy_ns = UINT64_MAX;
	assert_int_equal(pb_lateness_end_ns(&l), 1040);
	l.late_ns = 0;
	assert_int_equal(pb_lateness_end_ns(&l), 1100);
}

static void no_end_is_before_the_work_is_done(void **state)
{
	struct pb_lateness l = seen();

	(void)state;
	assert_int_equal(pb_lateness_end_ns(&l), 1070);
	l.late_ns = 5000;
	assert_int_equal(pb_lateness_end_ns(&l), 1070);
	l.busy_ns = 0;
	assert_int_equal(pb_lateness_end_ns(&l), 1000);
	l.busy_ns = 5000;
	assert_int_equal(pb_lateness_end_ns(&l), 1100);
}

static void a_thread_that_never_slept_tells_its_end(void **state)
{
	struct pb_lateness l = seen();

	(void)state;
	l.other_cause = true;
	assert_int_equal(pb_lateness_end_ns(&l), 1070);
}

static void where_it_may_have_slept_while_we_waited_nothing_is_taken_off(void **state)
{
	struct pb_lateness l = seen();

	(void)state;
	l.other_cause = l.slept = true;
	assert_int_equal(pb_lateness_end_ns(&l), 1100);
	l.slept = false;
	l.busy_ns = UINT64_MAX;
	assert_int_equal(pb_lateness_end_ns(&l), 1100);
}

static void an_end_that_was_seen_before_the_start_is_the_start(void **state)
{
	struct pb_lateness l = seen();

	(void)state;
	l.seen_ns = 900;
	assert_int_equal(pb_lateness_end_ns(&l), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_we_waited_behind_the_end_is_taken_off),
		cmocka_unit_test(no_end_is_before_the_work_is_done),
		cmocka_unit_test(a_thread_that_never_slept_tells_its_end),
		cmocka_unit_test(where_it_may_have_slept_while_we_waited_nothing_is_taken_off),
		cmocka_unit_test(an_end_that_was_seen_before_the_start_is_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
