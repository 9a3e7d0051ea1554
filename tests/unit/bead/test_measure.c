/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/measure.h"

#include <errno.h>
#include <math.h>
#include <poll.h>

#include "tests/unit/bead/store_fixture.h"
#include "user/bead/counts.h"
#include "user/bead/figures.h"
#include "user/bead/oracle.h"
#include "user/bead/plan.h"
#include "user/core/clock.h"

static char why[256];

static enum pb_run_worth worth(const struct pb_run *run, int oracle)
{
	const struct pb_plan_workload workload = {.golden = {.exit_status = 3}};
	const struct pb_oracle_difference difference = {.output = "stdout",
							.text = "line 1: got b, expected a"};

	why[0] = '\0';
	return pb_measure_worth(run, &workload, oracle, &difference, NULL, why, sizeof(why));
}

static void a_quiet_run_with_the_status_of_the_plan_counts(void **state)
{
	struct pb_run run = {.end = PB_RUN_EXITED, .status = 3, .wall_ns = 1000000000};

	(void)state;
	assert_int_equal(worth(&run, 0), PB_WORTH_COUNTS);
	assert_int_equal(worth(&run, -ENOENT), PB_WORTH_COUNTS);
	run.status = 0;
	assert_int_equal(worth(&run, -ENOENT), PB_WORTH_WRONG);
	assert_string_equal(why, "it exited with 0, and the plan says 3");
}

static void wrong_output_is_wrong_however_disturbed_the_run_was(void **state)
{
	const struct pb_run run = {.end = PB_RUN_EXITED,
				   .status = 3,
				   .wall_ns = 1000000000,
				   .user_ns = 500000000,
				   .ran_ns = 500000000,
				   .waited_ns = 500000000};

	(void)state;
	assert_int_equal(worth(&run, 0), PB_WORTH_DISTURBED);
	assert_non_null(strstr(why, "100.0 %"));
	assert_int_equal(worth(&run, 1), PB_WORTH_WRONG);
	assert_string_equal(why, "stdout: line 1: got b, expected a");
}

static void a_run_that_did_not_end_by_itself_is_wrong_or_stopped(void **state)
{
	struct pb_run run = {.end = PB_RUN_TIMEOUT, .wall_ns = 1000000000};

	(void)state;
	assert_int_equal(worth(&run, 0), PB_WORTH_WRONG);
	assert_true(strlen(why) > 10);
	run.end = PB_RUN_SIGNALLED;
	run.status = 11;
	assert_int_equal(worth(&run, 0), PB_WORTH_WRONG);
	run.end = PB_RUN_STOPPED;
	assert_int_equal(worth(&run, 0), PB_WORTH_STOPPED);
	/* Nor does a run whose invariant was stopped. */
	run.end = PB_RUN_EXITED;
	assert_int_equal(worth(&run, -EINTR), PB_WORTH_STOPPED);
}

static void few_runs_give_a_reason_instead_of_a_percentile(void **state)
{
	struct pb_figure figure = {.name = "x"};
	double x[299];

	(void)state;
	for (int i = 0; i < 299; i++)
		x[i] = i + 1;
	pb_figures_quantile(&figure, x, 58, 0.95, why, sizeof(why));
	assert_true(isnan(figure.value) && isnan(figure.low));
	assert_string_equal(figure.why, "58 runs, and p95 needs 59");
	pb_figures_quantile(&figure, x, 59, 0.95, why, sizeof(why));
	assert_null(figure.why);
	assert_true(figure.low <= figure.value && figure.value <= figure.high);
	pb_figures_quantile(&figure, x, 298, 0.99, why, sizeof(why));
	assert_string_equal(figure.why, "298 runs, and p99 needs 299");
	pb_figures_quantile(&figure, x, 299, 0.99, why, sizeof(why));
	assert_null(figure.why);
	pb_figures_quantile(&figure, x, 5, 0.5, why, sizeof(why));
	assert_string_equal(figure.why, "5 runs, and p50 needs 6");
	pb_figures_quantile(&figure, NULL, 0, 0.5, why, sizeof(why));
	assert_string_equal(figure.why, "0 runs, and p50 needs 6");
	pb_figures_quantile(&figure, x, 7, 0.5, why, sizeof(why));
	assert_true(figure.value == 4 && figure.low == 1 && figure.high == 7);
}

static int keep_throughput(void *ctx, const struct pb_figure *figure)
{
	struct pb_figure *out = ctx;

	if (!strcmp(figure->name, "operations_per_second"))
		*out = *figure;
	return 0;
}

static void operations_per_second_have_their_interval_the_right_way_round(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);
	struct pb_plan_workload workload = {.name = (char[]){"w"}, .operations = 10};
	struct pb_figure figure = {.value = 0};

	(void)state;
	for (uint64_t i = 1; i <= 9; i++) {
		const struct pb_run run = run_of(i * 1000000000);

		assert_int_equal(pb_store_sample(s, id, "w", &run, NULL), 0);
	}
	assert_int_equal(pb_figures_put(s, id, &workload, scratch), 0);
	assert_int_equal(pb_store_figures(s, id, keep_throughput, &figure), 0);
	assert_true(fabs(figure.value - 2) < 1e-9);
	assert_true(figure.low < 2 && figure.high > 2);
	pb_store_close(s);
}

static void system_calls_that_cannot_be_counted_have_a_reason(void **state)
{
	struct pb_count calls = {.name = "syscalls", .unit = "count", .why = "no root"};
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);

	(void)state;
	/* Whatever was counted before it was found out. */
	pb_count_add(&calls, 11);
	assert_int_equal(pb_count_put(s, id, "w", &calls), 0);
	assert_string_equal(sqlite("SELECT why FROM figures WHERE value IS NULL"), "no root");
	calls = (struct pb_count){.name = "syscalls", .unit = "count"};
	pb_count_add(&calls, 12);
	pb_count_add(&calls, 10);
	assert_int_equal(pb_count_put(s, id, "w", &calls), 0);
	assert_string_equal(sqlite("SELECT value || ' ' || low || ' ' || high FROM figures"),
			    "10.0 10.0 12.0");
	pb_store_close(s);
}

static void a_deadline_or_a_signal_ends_it_before_the_next_run(void **state)
{
	char *argv[] = {(char[]){"/no/such/program"}, NULL};
	struct pb_plan_workload workload = {.name = (char[]){"w"}, .argv = argv, .runs = 3};
	struct pb_measure m = {.golden = scratch, .stop_fd = -1, .deadline_ns = pb_clock_ns()};
	int pipe_fds[2];

	(void)state;
	m.store = open_store();
	m.id = begin_bead(m.store, "b", false);
	assert_int_equal(pb_measure_baseline(&m, &workload), PB_MEASURE_LATE);
	assert_int_equal(pipe(pipe_fds), 0);
	close(pipe_fds[1]);
	m.stop_fd = pipe_fds[0];
	assert_int_equal(pb_measure_baseline(&m, &workload), PB_MEASURE_STOPPED);
	close(pipe_fds[0]);
	assert_int_equal(count_samples(m.store, m.id, "w"), 0);
	pb_store_close(m.store);
}

static void amounts_are_told_in_units_for_people(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(pb_figures_amount(buf, sizeof(buf), 41234567, "ns"), "41.23 ms");
	assert_string_equal(pb_figures_amount(buf, sizeof(buf), 2.5e9, "ns"), "2.5 s");
	assert_string_equal(pb_figures_amount(buf, sizeof(buf), 12, "ns"), "12 ns");
	assert_string_equal(pb_figures_amount(buf, sizeof(buf), 1536, "bytes"), "1.5 KiB");
	assert_string_equal(pb_figures_amount(buf, sizeof(buf), 1234567, "count"), "1234567");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_run_with_the_status_of_the_plan_counts),
		cmocka_unit_test(wrong_output_is_wrong_however_disturbed_the_run_was),
		cmocka_unit_test(a_run_that_did_not_end_by_itself_is_wrong_or_stopped),
		cmocka_unit_test(few_runs_give_a_reason_instead_of_a_percentile),
		store_test(operations_per_second_have_their_interval_the_right_way_round),
		store_test(system_calls_that_cannot_be_counted_have_a_reason),
		store_test(a_deadline_or_a_signal_ends_it_before_the_next_run),
		cmocka_unit_test(amounts_are_told_in_units_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
