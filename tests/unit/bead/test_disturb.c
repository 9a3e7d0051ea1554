/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/disturb.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "user/bead/machine.h"
#include "user/bead/runner.h"

static char buf[256];

/* A second of work in one thread, and how long it waited besides. */
static struct pb_run run_of(uint64_t waited_ms)
{
	return (struct pb_run){
		.end = PB_RUN_EXITED,
		.wall_ns = 1000000000 + waited_ms * 1000000,
		.user_ns = 1000000000,
		.ran_ns = 1000000000,
		.waited_ns = waited_ms * 1000000,
	};
}

static const char *rejects(const struct pb_run *run, const struct pb_session *session)
{
	return pb_run_rejects(run, session, buf, sizeof(buf));
}

static void a_run_that_had_its_cpu_counts_whatever_others_did(void **state)
{
	struct pb_run run = run_of(10);

	(void)state;
	run.interference.foreign_pct = 50;
	run.status = 3;
	assert_null(rejects(&run, NULL));
	/* Nor does it matter how long it took. */
	run.wall_ns *= 100;
	run.user_ns = run.ran_ns *= 100;
	assert_null(rejects(&run, NULL));
}

static void a_run_that_waited_for_a_cpu_is_rejected(void **state)
{
	struct pb_run run = run_of(250);

	(void)state;
	assert_string_equal(rejects(&run, NULL),
			    "waiting for a CPU that others had added 25.0 % to its time, and more "
			    "than 5.0 % is too much here");
	run.waited_ns = UINT64_MAX;
	assert_null(rejects(&run, NULL));
}

static void threads_that_wait_for_each_other_reject_nothing(void **state)
{
	struct pb_run run = run_of(250);

	(void)state;
	run.user_ns *= 4;
	assert_false(pb_run_is_alone(&run));
	assert_null(rejects(&run, NULL));
	/* No more of it is due to others than these had. */
	run.interference.foreign_pct = 10 / (double)pb_machine_cpus();
	assert_true(fabs(pb_run_added_pct(&run, false) - 100 / 9.0) < 1e-6);
	assert_non_null(rejects(&run, NULL));
}

static void time_that_the_hypervisor_took_rejects(void **state)
{
	struct pb_run run = run_of(0);

	(void)state;
	/* A tick of each CPU may be none. */
	run.interference.steal_pct = 1;
	assert_null(rejects(&run, NULL));
	/* Of all CPUs; this command had one of them. */
	run.interference.steal_pct = 1 + 3;
	assert_true(fabs(pb_run_added_pct(&run, false) - 300 / 97.0) < 1e-6);
	assert_null(rejects(&run, NULL));
	run.interference.steal_pct = 1 + 10;
	assert_non_null(strstr(rejects(&run, NULL), "the hypervisor added "));
	/* One that has all, and one that has none. */
	run.interference.steal_pct = 1 + 3 / (double)pb_machine_cpus();
	run.user_ns *= pb_machine_cpus();
	assert_true(fabs(pb_run_added_pct(&run, false) - 300 / 97.0) < 1e-6);
	run.user_ns = 0;
	run.interference.steal_pct = 50;
	assert_null(rejects(&run, NULL));
}

static void what_is_usual_in_a_session_is_accepted(void **state)
{
	struct pb_session session = {.net = false};
	struct pb_run run = run_of(250), spike = run_of(9000);

	(void)state;
	for (int i = 0; i < 4; i++)
		pb_session_add(&session, &run);
	assert_non_null(rejects(&run, &session));
	pb_session_add(&session, &run);
	assert_true(fabs(pb_session_usual_pct(&session) - 20) < 1e-9);
	assert_true(fabs(pb_session_limit_pct(&session) - 75) < 1e-9);
	assert_null(rejects(&run, &session));
	assert_non_null(rejects(&spike, &session));
	/* A quiet machine stays one: a few that were disturbed do not change what is usual. */
	session = (struct pb_session){.net = false};
	for (int i = 0; i < 9; i++) {
		const struct pb_run quiet = run_of(i % 3 ? 10 : 250);

		pb_session_add(&session, &quiet);
	}
	assert_true(fabs(pb_session_limit_pct(&session) - 5) < 1e-9);
}

static void a_session_remembers_so_many_runs_and_no_more(void **state)
{
	struct pb_session session = {.net = false};
	const struct pb_run run = run_of(0);

	(void)state;
	for (int i = 0; i < PB_SESSION_RUNS + 10; i++)
		pb_session_add(&session, &run);
	assert_int_equal(session.n, PB_SESSION_RUNS);
}

static void a_run_during_which_bead_was_stopped_is_rejected(void **state)
{
	const struct pb_session net = {.net = true};
	struct pb_run run = run_of(0);

	(void)state;
	run.halted = true;
	assert_string_equal(rejects(&run, NULL),
			    "bead was stopped meanwhile, and did not see when it ended");
	assert_non_null(rejects(&run, &net));
}

static void net_time_leaves_out_the_wait_and_nothing_else(void **state)
{
	const struct pb_session net = {.net = true};
	struct pb_run run = run_of(250);

	(void)state;
	assert_true(pb_run_is_alone(&run));
	assert_int_equal(pb_run_net_ns(&run), 1000000000);
	assert_null(rejects(&run, &net));
	/* Asleep is not waiting for a CPU. */
	run.wall_ns += 500000000;
	assert_int_equal(pb_run_net_ns(&run), 1500000000);
	run.interference.steal_pct = 30;
	assert_non_null(strstr(rejects(&run, &net), "hypervisor"));
	/* Some of the wait may lie behind the end that was seen. */
	run.waited_ns = 600000000;
	assert_int_equal(pb_run_net_ns(&run), 1150000000);
	run.waited_ns = 1000000000;
	assert_int_equal(pb_run_net_ns(&run), 1000000000);
	run.waited_ns = 9000000000;
	assert_int_equal(pb_run_net_ns(&run), 1000000000);
	run.waited_ns = run.ran_ns = UINT64_MAX;
	assert_false(pb_run_is_alone(&run));
	assert_int_equal(pb_run_net_ns(&run), run.wall_ns);
}

static void one_thread_may_have_helpers_that_do_nothing(void **state)
{
	struct pb_run run = run_of(0);

	(void)state;
	run.user_ns += 5000000;
	assert_true(pb_run_is_alone(&run));
	run.user_ns += 15000000;
	assert_false(pb_run_is_alone(&run));
	run.ran_ns = 10000;
	run.user_ns = 100000;
	assert_true(pb_run_is_alone(&run));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_that_had_its_cpu_counts_whatever_others_did),
		cmocka_unit_test(a_run_that_waited_for_a_cpu_is_rejected),
		cmocka_unit_test(threads_that_wait_for_each_other_reject_nothing),
		cmocka_unit_test(time_that_the_hypervisor_took_rejects),
		cmocka_unit_test(what_is_usual_in_a_session_is_accepted),
		cmocka_unit_test(a_session_remembers_so_many_runs_and_no_more),
		cmocka_unit_test(a_run_during_which_bead_was_stopped_is_rejected),
		cmocka_unit_test(net_time_leaves_out_the_wait_and_nothing_else),
		cmocka_unit_test(one_thread_may_have_helpers_that_do_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
