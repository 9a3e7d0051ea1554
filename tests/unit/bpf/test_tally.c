/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/lib/tally.bpf.h"

static const char *const names[PB_LOSS_COUNT] = {
#define NAME(id, name, sentence) [PB_LOSS_##id] = name,
	PB_LOSS_CAUSES(NAME)
#undef NAME
};

static int setup(void **state)
{
	(void)state;
	host_reset();
	HOST_MAP(tallies);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void each_cpu_counts_its_own(void **state)
{
	struct pb_tally *first = pb_tally();

	(void)state;
	assert_non_null(first);
	pb_count(&first->produced);
	host.cpu = 3;
	assert_non_null(pb_tally());
	assert_ptr_not_equal(pb_tally(), first);
	assert_int_equal(pb_tally()->produced, 0);
	pb_count(&pb_tally()->produced);
	pb_count(&pb_tally()->produced);
	assert_int_equal(pb_tally()->produced, 2);
	host.cpu = 0;
	assert_int_equal(pb_tally()->produced, 1);
}

static void a_loss_is_counted_by_its_cause_alone(void **state)
{
	int cause, other;

	(void)state;
	for (cause = 0; cause < PB_LOSS_COUNT; cause++) {
		memset(pb_tally(), 0, sizeof(struct pb_tally));
		pb_lose(pb_tally(), (enum pb_loss)cause);
		for (other = 0; other < PB_LOSS_COUNT; other++)
			assert_int_equal(pb_tally()->lost[other], other == cause);
		assert_int_equal(pb_tally()->ticks, 0);
		assert_int_equal(pb_tally()->produced, 0);
		assert_int_equal(pb_tally()->children_missed, 0);
	}
}

static void every_cause_has_a_name_of_its_own(void **state)
{
	int i, k;

	(void)state;
	for (i = 0; i < PB_LOSS_COUNT; i++) {
		assert_non_null(names[i]);
		assert_int_equal(strspn(names[i], "abcdefghijklmnopqrstuvwxyz_"), strlen(names[i]));
		for (k = 0; k < i; k++)
			assert_string_not_equal(names[i], names[k]);
	}
}

static void ids_of_causes_stay_as_they_were(void **state)
{
	(void)state;
	/* Saved profiles and scripts know them: append only. */
	assert_string_equal(names[0], "ringbuf_full");
	assert_string_equal(names[1], "map_full");
	assert_string_equal(names[2], "map_busy");
	assert_string_equal(names[3], "scratch_busy");
	assert_string_equal(names[4], "lease_expired");
	assert_string_equal(names[5], "no_memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_cpu_counts_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_loss_is_counted_by_its_cause_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_cause_has_a_name_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_of_causes_stay_as_they_were, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
