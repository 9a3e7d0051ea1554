/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/overhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct pb_overhead calibrated(void)
{
	struct pb_overhead o;

	pb_overhead_init(&o, NULL);
	o.entry_ns = 1000;
	o.return_ns = 2000;
	o.step_ns = 5000;
	return o;
}

static void hits_cost_their_trap_and_their_program(void **state)
{
	struct pb_alloc_tally from = {.others = 5, .calls = 5, .returns = 7, .stepped = 3};
	struct pb_alloc_tally to = {
		.others = 6, .calls = 10, .frees = 4, .returns = 9, .stepped = 5};
	struct pb_overhead o = calibrated();

	(void)state;
	/* 10 beginnings, 2 of them stepped; 2 ends; no window so far. */
	assert_float_equal(pb_overhead_spent_ns(&o, &from, &to, 0),
			   8 * 1000 + 2 * 5000 + 2 * 2000 + 12 * PB_OVERHEAD_SAMPLED_NS, 1e-3);
	o.window_ns = 300;
	o.window_runs = 3;
	assert_float_equal(pb_overhead_spent_ns(&o, &from, &to, 0),
			   8 * 1000 + 2 * 5000 + 2 * 2000 + 12 * 100, 1e-3);
}

static void a_fault_costs_its_share_of_the_programs_time(void **state)
{
	static const struct pb_alloc_tally none;
	struct pb_overhead o = calibrated();

	(void)state;
	assert_float_equal(pb_overhead_spent_ns(&o, &none, &none, 10), 10 * PB_OVERHEAD_FAULT_NS,
			   1e-3);
	/* Of six runs two counted. */
	o.window_ns = 3000;
	o.window_runs = 6;
	o.window_faults = 2;
	assert_float_equal(pb_overhead_spent_ns(&o, &none, &none, 10), 15000, 1e-3);
}

static void traps_that_were_not_calibrated_cost_nothing(void **state)
{
	struct pb_alloc_tally none = {0}, some = {.calls = 10, .returns = 10, .stepped = 1};
	struct pb_overhead o;

	(void)state;
	pb_overhead_init(&o, NULL);
	assert_float_equal(pb_overhead_spent_ns(&o, &none, &some, 0), 20 * PB_OVERHEAD_SAMPLED_NS,
			   1e-3);
}

static double expect(enum pb_alloc_mode mode, struct pb_overhead_rates rates)
{
	struct pb_overhead o = calibrated();

	return pb_overhead_expect(&o, mode, &rates);
}

static void what_is_expected_follows_the_mode(void **state)
{
	(void)state;
	assert_float_equal(expect(PB_ALLOC_SAMPLED, (struct pb_overhead_rates){.allocs = 1e6}),
			   (1000 + PB_OVERHEAD_SAMPLED_NS) / 10.0, 1e-3);
	assert_float_equal(expect(PB_ALLOC_EXACT, (struct pb_overhead_rates){.allocs = 1e6}),
			   (3000 + PB_OVERHEAD_EXACT_NS) / 10.0, 1e-3);
	assert_float_equal(expect(PB_ALLOC_EXACT, (struct pb_overhead_rates){.frees = 1e6}),
			   (1000 + PB_OVERHEAD_FREE_NS) / 10.0, 1e-3);
	assert_float_equal(expect(PB_ALLOC_SAMPLED, (struct pb_overhead_rates){.allocs = 0}), 0,
			   1e-9);
}

static void traps_at_both_ends_and_single_steps_are_expected_to_cost(void **state)
{
	struct pb_overhead o = calibrated();

	(void)state;
	assert_float_equal(expect(PB_ALLOC_SAMPLED,
				  (struct pb_overhead_rates){.allocs = 1e6, .both_ends = true}),
			   (3000 + PB_OVERHEAD_SAMPLED_NS) / 10.0, 1e-3);
	assert_float_equal(
		expect(PB_ALLOC_SAMPLED,
		       (struct pb_overhead_rates){.allocs = 1e6, .frees = 1e6, .stepped = 1e6}),
		(1000 + o.step_ns + 2 * PB_OVERHEAD_SAMPLED_NS) / 10.0, 1e-3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hits_cost_their_trap_and_their_program),
		cmocka_unit_test(a_fault_costs_its_share_of_the_programs_time),
		cmocka_unit_test(traps_that_were_not_calibrated_cost_nothing),
		cmocka_unit_test(what_is_expected_follows_the_mode),
		cmocka_unit_test(traps_at_both_ends_and_single_steps_are_expected_to_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
