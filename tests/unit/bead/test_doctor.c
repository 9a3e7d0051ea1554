/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/doctor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/bead/plan.h"
#include "user/bead/stats.h"

#define PAIRS 60

/* Pairs of times around 100 that differ by up to @percent. */
static void fill(double *a, double *b, double percent)
{
	struct pb_random r = {1};

	for (int i = 0; i < PAIRS; i++) {
		a[i] = 100;
		b[i] = 100 + percent * ((double)pb_random_below(&r, 2001) / 1000 - 1);
	}
}

static void the_floor_is_half_an_interval(void **state)
{
	struct pb_doctor_floor floor, noisier;
	double a[PAIRS], b[PAIRS];

	(void)state;
	fill(a, b, 10);
	pb_doctor_floor(&floor, a, b, PAIRS);
	/* The median of 60 numbers that are spread evenly over +-10 is known to about 2 x 10 / sqrt(60). */
	assert_true(floor.all_pct > 1 && floor.all_pct < 4);
	assert_true(floor.first_pct > floor.all_pct);
	assert_true(floor.delta_pct >= 2 * floor.all_pct - 1e-9);
	assert_true(floor.delta_pct < 2 * floor.all_pct + 0.1);
	fill(a, b, 40);
	pb_doctor_floor(&noisier, a, b, PAIRS);
	assert_true(noisier.all_pct > 3 * floor.all_pct);
}

static void a_quiet_machine_has_a_least_delta(void **state)
{
	struct pb_doctor_floor floor;
	double a[PAIRS], b[PAIRS];

	(void)state;
	fill(a, b, 0);
	pb_doctor_floor(&floor, a, b, PAIRS);
	assert_true(floor.all_pct == 0 && floor.delta_pct == 0.5);
}

static void too_few_pairs_give_no_floor(void **state)
{
	struct pb_doctor_floor floor;
	double a[PAIRS], b[PAIRS];

	(void)state;
	fill(a, b, 10);
	pb_doctor_floor(&floor, a, b, 19);
	assert_true(isnan(floor.first_pct) && isnan(floor.all_pct) && isnan(floor.delta_pct));
	pb_doctor_floor(&floor, a, b, 20);
	assert_true(floor.first_pct == floor.all_pct);
}

static const struct pb_doctor_check *find(const struct pb_doctor *d, const char *name)
{
	static const struct pb_doctor_check none;

	for (uint32_t i = 0; i < d->n; i++)
		if (!strcmp(d->checks[i].name, name))
			return &d->checks[i];
	return &none;
}

static void a_bead_needs_its_programs_and_its_profiler(void **state)
{
	char *there[] = {(char *)"sh", NULL}, *missing[] = {(char *)"bin/missing", NULL};
	struct pb_plan_workload workloads[] = {
		{.name = (char *)"there", .argv = there, .directory = (char *)"/"},
		{.name = (char *)"missing", .argv = missing, .directory = (char *)"/"},
	};
	uint32_t first[] = {0}, second[] = {1};
	struct pb_plan_bead beads[] = {
		{.id = (char *)"base",
		 .kind = PB_BEAD_BASELINE,
		 .workloads = first,
		 .n_workloads = 1},
		{.id = (char *)"cpu",
		 .kind = PB_BEAD_CPU_FLAME,
		 .workloads = first,
		 .n_workloads = 1},
		{.id = (char *)"io",
		 .kind = PB_BEAD_IO_LATENCY,
		 .workloads = first,
		 .n_workloads = 1},
		{.id = (char *)"lost",
		 .kind = PB_BEAD_BASELINE,
		 .workloads = second,
		 .n_workloads = 1},
	};
	const struct pb_plan plan = {
		.workloads = workloads, .n_workloads = 2, .beads = beads, .n_beads = 4};
	struct pb_doctor *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(d);
	pb_doctor_add(d, "cpuflame", PB_DOCTOR_CANNOT, "no root");
	pb_doctor_add(d, "iolatency", PB_DOCTOR_OK, "works");
	pb_doctor_look_at_plan(d, &plan);
	assert_int_equal(find(d, "base")->state, PB_DOCTOR_OK);
	assert_int_equal(find(d, "cpu")->state, PB_DOCTOR_CANNOT);
	assert_non_null(strstr(find(d, "cpu")->text, "cpuflame does not work here"));
	assert_int_equal(find(d, "io")->state, PB_DOCTOR_OK);
	assert_string_equal(find(d, "lost")->text,
			    "workload \"missing\": there is no program bin/missing in /");
	free(d);
}

static void more_checks_than_there_is_room_for_are_left_out(void **state)
{
	struct pb_doctor *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(d);
	for (int i = 0; i < PB_DOCTOR_CHECKS + 5; i++)
		pb_doctor_add(d, "x", PB_DOCTOR_NOTE, "%d", i);
	assert_int_equal(d->n, PB_DOCTOR_CHECKS);
	assert_string_equal(pb_doctor_state_name(d->checks[0].state), "note");
	free(d);
}

static void the_machine_is_described_without_a_plan(void **state)
{
	struct pb_doctor *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(d);
	pb_doctor_look(d, "/tmp");
	assert_string_not_equal(find(d, "kernel")->text, "");
	assert_string_not_equal(find(d, "cpus")->text, "");
	assert_string_not_equal(find(d, "steal")->text, "");
	assert_string_not_equal(find(d, "store")->text, "");
	assert_string_equal(find(d, "plan")->text, "");
	for (uint32_t i = 0; i < d->n; i++)
		assert_true(d->checks[i].text[0] != '\0');
	pb_doctor_look(d, "/no/such/directory");
	assert_int_equal(d->checks[d->n - 1].state, PB_DOCTOR_CANNOT);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_floor_is_half_an_interval),
		cmocka_unit_test(a_quiet_machine_has_a_least_delta),
		cmocka_unit_test(too_few_pairs_give_no_floor),
		cmocka_unit_test(a_bead_needs_its_programs_and_its_profiler),
		cmocka_unit_test(more_checks_than_there_is_room_for_are_left_out),
		cmocka_unit_test(the_machine_is_described_without_a_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
