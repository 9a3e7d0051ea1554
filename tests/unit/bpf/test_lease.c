/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct scene s;

static int setup(void **state)
{
	(void)state;
	scene_open(&s, 64, 65536);
	scene_chain(&s, 2, 0x402000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void lease_until(__u64 ns)
{
	__u32 zero = 0;

	((struct pb_control *)host_map_value(&control, &zero, 0))->lease_until_ns = ns;
}

static void lease_ends_at_its_nanosecond(void **state)
{
	(void)state;
	lease_until(1000);
	assert_true(pb_lease_valid(0));
	assert_true(pb_lease_valid(999));
	assert_false(pb_lease_valid(1000));
	assert_false(pb_lease_valid(UINT64_MAX));
}

static void nothing_runs_before_the_tool_is_ready(void **state)
{
	(void)state;
	lease_until(0);
	assert_false(pb_lease_valid(0));
	assert_false(pb_lease_valid(1));
}

static void interrupt_fails(void)
{
	fail_msg("an expired lease must not even look at a stack");
}

static void expired_lease_counts_and_captures_nothing(void **state)
{
	(void)state;
	lease_until(SCENE_NOW);
	s.event.in_kernel = true;
	host.interrupt = interrupt_fails;
	host.moment = HOST_IN_GET_STACK;
	scene_take(&s);
	s.event.in_kernel = false;
	host.moment = HOST_IN_READ_USER;
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 0);
	assert_int_equal(host_ring_count(&stacks), 0);
	assert_int_equal(scene_tally()->produced, 2);
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], 2);
	assert_int_equal(scene_lost(), 2);
}

static void renewed_lease_goes_on(void **state)
{
	(void)state;
	lease_until(SCENE_NOW);
	scene_take(&s);
	lease_until(SCENE_NOW + PB_LEASE_NS);
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 1);
	assert_int_equal(host_ring_count(&stacks), 1);
	assert_int_equal(scene_lost(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lease_ends_at_its_nanosecond, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_runs_before_the_tool_is_ready, setup,
						teardown),
		cmocka_unit_test_setup_teardown(expired_lease_counts_and_captures_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(renewed_lease_goes_on, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
