/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/tally.h"

#include <errno.h>

#include "tests/unit/bead/report_fixture.h"
#include "user/bead/plan.h"

static const struct pb_plan plan = {.min_complete_pct = 90, .max_overhead_pct = 20};
static char why[512];

static json_t *report(int kept, int lost, int complete, const char *broken_by, const char *cost)
{
	char text[1024];

	snprintf(
		text, sizeof(text),
		"{'events': {'produced': %d, 'kept': %d, 'lost': %d}, 'stacks': {'complete': %d, "
		"'broken_by': [%s]}, 'overhead': {'bpf_cpu_pct': %s}, 'capture': {'duration_s': 0.5}}",
		kept + lost, kept, lost, complete, broken_by, cost);
	return report_of(text);
}

static bool is_good(int kept, int lost, int complete, const char *broken_by, const char *cost,
		    bool overhead)
{
	pb_autojson json_t *r = report(kept, lost, complete, broken_by, cost);
	struct pb_tally t = {0};
	bool good;

	why[0] = '\0';
	assert_int_equal(pb_tally_add(&t, r, why, sizeof(why)), 0);
	good = pb_tally_judge(&t, &plan, overhead, why, sizeof(why));
	pb_tally_drop(&t);
	return good;
}

static void stacks_that_break_off_too_often_are_told_with_their_modules(void **state)
{
	(void)state;
	assert_true(is_good(1000, 0, 950, "", "1", true));
	assert_false(is_good(1000, 0, 500,
			     "{'module': '/lib/a.so', 'cause': 'bad_frame', 'events': 120},"
			     "{'module': '/lib/b.so', 'cause': 'bad_frame', 'events': 380}",
			     "1", true));
	assert_string_equal(why,
			    "50.0 % of the stacks are complete, and min_complete_pct of the plan "
			    "is 90: they break off in /lib/b.so 38.0 %, /lib/a.so 12.0 %");
}

static void so_few_stacks_that_chance_may_have_broken_them_pass(void **state)
{
	(void)state;
	assert_true(is_good(7, 0, 5, "", "1", true));
	assert_true(is_good(0, 0, 0, "", "null", true));
	assert_true(is_good(80, 0, 51, "", "1", true));
	assert_false(is_good(80, 0, 50, "", "1", true));
	assert_false(is_good(700, 0, 500, "", "1", true));
}

static void the_loader_of_a_new_process_is_not_the_workload(void **state)
{
	(void)state;
	assert_true(is_good(1000, 0, 500,
			    "{'module': '/lib/ld-linux-x86-64.so.2', 'cause': 'new_process', "
			    "'events': 500}",
			    "1", true));
	assert_false(is_good(1000, 0, 500,
			     "{'module': '/bin/w', 'cause': 'new_process', 'events': 500}", "1",
			     true));
	assert_false(is_good(1000, 0, 500,
			     "{'module': '/lib/ld-linux-x86-64.so.2', 'cause': 'bad_frame', "
			     "'events': 500}",
			     "1", true));
}

static void more_than_a_twentieth_lost_is_too_much(void **state)
{
	(void)state;
	assert_true(is_good(950, 50, 950, "", "1", false));
	assert_false(is_good(949, 51, 949, "", "1", false));
	assert_non_null(strstr(why, "5.1 % of the events were lost"));
}

static void the_cost_counts_where_time_is_measured(void **state)
{
	(void)state;
	assert_false(is_good(1000, 0, 1000, "", "21", true));
	assert_non_null(strstr(why, "21.0 % of a CPU, and max_overhead_pct of the plan is 20"));
	assert_true(is_good(1000, 0, 1000, "", "21", false));
	assert_true(is_good(1000, 0, 1000, "", "null", true));
}

static void a_member_that_is_missing_is_named(void **state)
{
	pb_autojson json_t *r = report_of("{'events': {'produced': 1, 'kept': 1, 'lost': 0}}");
	struct pb_tally t = {0};

	(void)state;
	assert_int_equal(pb_tally_add(&t, r, why, sizeof(why)), -EPROTO);
	assert_string_equal(why, "its report has no \"complete\" in \"stacks\"");
	pb_tally_drop(&t);
}

static void counts_may_be_text_and_nothing_else_is_one(void **state)
{
	pb_autojson json_t *values = report_of("['9007199254740993', 12, -1, '1x', '', null,"
					       " '99999999999999999999', 1.5]");
	uint64_t n = 0;

	(void)state;
	assert_int_equal(pb_report_count(json_array_get(values, 0), &n), 0);
	assert_true(n == 9007199254740993);
	assert_int_equal(pb_report_count(json_array_get(values, 1), &n), 0);
	assert_true(n == 12);
	for (size_t i = 2; i < 8; i++)
		assert_int_equal(pb_report_count(json_array_get(values, i), &n), -EPROTO);
	assert_true(isnan(pb_report_number(json_array_get(values, 5))));
	assert_true(isnan(pb_report_number(NULL)));
	assert_true(pb_report_number(json_array_get(values, 7)) == 1.5);
}

static void runs_are_added_up_to_a_bound(void **state)
{
	pb_autojson json_t *r = report(10, 1, 9, "", "2");
	struct pb_tally t = {0};

	(void)state;
	for (int i = 0; i < PB_TALLY_RUNS_MAX; i++)
		assert_int_equal(pb_tally_add(&t, r, why, sizeof(why)), 0);
	assert_int_equal(pb_tally_add(&t, r, why, sizeof(why)), -ENOSPC);
	assert_true(t.kept == 200 && t.lost == 20 && t.produced == 220 && t.complete == 180);
	assert_true(is_near(pb_tally_complete_pct(&t), 90) && is_near(pb_tally_cost_pct(&t), 2));
	assert_true(is_near(t.duration_ns[3], 5e8) && t.kept_of[19] == 10);
	pb_tally_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_that_break_off_too_often_are_told_with_their_modules),
		cmocka_unit_test(so_few_stacks_that_chance_may_have_broken_them_pass),
		cmocka_unit_test(the_loader_of_a_new_process_is_not_the_workload),
		cmocka_unit_test(more_than_a_twentieth_lost_is_too_much),
		cmocka_unit_test(the_cost_counts_where_time_is_measured),
		cmocka_unit_test(a_member_that_is_missing_is_named),
		cmocka_unit_test(counts_may_be_text_and_nothing_else_is_one),
		cmocka_unit_test(runs_are_added_up_to_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
