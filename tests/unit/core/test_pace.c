/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS 1000000ull

/* The first answer begins when the clock has run for long. */
#define START (3600 * 1000 * MS)

/* Answers of @work_ns that come again without a break. Return: work in @span_ns, in ns. */
static uint64_t storm(struct pb_pace *pace, uint64_t start_ns, uint64_t work_ns, uint64_t span_ns)
{
	uint64_t now = start_ns, worked = 0;

	while (now < start_ns + span_ns) {
		now += work_ns;
		worked += work_ns;
		now += pb_pace_pause(pace, now - work_ns, now);
	}
	return worked;
}

static void what_comes_after_quiet_is_answered_at_once(void **state)
{
	struct pb_pace pace = {0};

	(void)state;
	assert_int_equal(pb_pace_pause(&pace, START, START + 3 * MS), 0);
	assert_int_equal(pb_pace_pause(&pace, START + 4 * MS, START + 6 * MS), 0);
}

static void a_storm_costs_a_fifth_of_a_cpu(void **state)
{
	struct pb_pace pace = {0};
	uint64_t worked = storm(&pace, START, MS / 2, 10000 * MS);

	(void)state;
	/* And once the credit, 25 ms of work. */
	assert_in_range(worked, 1950 * MS, 2050 * MS);
}

static void credit_comes_back_with_quiet(void **state)
{
	struct pb_pace pace = {0};

	(void)state;
	storm(&pace, START, MS, 1000 * MS);
	assert_true(pb_pace_pause(&pace, START + 1010 * MS, START + 1020 * MS) > 0);
	assert_int_equal(pb_pace_pause(&pace, START + 1200 * MS, START + 1210 * MS), 0);
}

static void a_long_answer_is_paid_by_one_bounded_pause(void **state)
{
	struct pb_pace pace = {0};
	uint64_t now = START + 500 * MS;

	(void)state;
	assert_int_equal(pb_pace_pause(&pace, START, now), PB_PACE_MAX_NS);
	now += PB_PACE_MAX_NS;
	assert_int_equal(pb_pace_pause(&pace, now, now + MS), PB_PACE_FACTOR * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_after_quiet_is_answered_at_once),
		cmocka_unit_test(a_storm_costs_a_fifth_of_a_cpu),
		cmocka_unit_test(credit_comes_back_with_quiet),
		cmocka_unit_test(a_long_answer_is_paid_by_one_bounded_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
