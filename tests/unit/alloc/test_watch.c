/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/alloc/overhead.h"

#define TICK 100000000ull

static void the_cost_is_that_of_the_last_second(void **state)
{
	struct pb_alloc_watch w = {.ticks = 0};
	struct pb_alloc_tally tally = {.calls = 0};
	struct pb_overhead o;
	uint32_t i;
	double pct = 0;

	(void)state;
	pb_overhead_init(&o, NULL);
	o.entry_ns = 1000 - PB_OVERHEAD_SAMPLED_NS;
	/* 10,000 calls of 1 us in each second. */
	for (i = 0; i < 25; i++, tally.calls += 1000) {
		pct = pb_alloc_watch_tick(&w, &o, &tally, i * TICK);
		assert_float_equal(pct, i < PB_WATCH_TICKS ? 0 : 1.0, 1e-6);
	}
	/* Half a second of ten times as many. */
	for (i = 25; i < 30; i++, tally.calls += 10000)
		pct = pb_alloc_watch_tick(&w, &o, &tally, i * TICK);
	assert_float_equal(pct, (6 * 1000 + 4 * 10000) / 1e4, 1e-6);
}

static void faults_cost_as_well(void **state)
{
	struct pb_alloc_watch w = {.ticks = 0};
	const struct pb_alloc_tally none = {.calls = 0};
	struct pb_overhead o;
	double pct = 0;
	uint32_t i;

	(void)state;
	pb_overhead_init(&o, NULL);
	for (i = 0; i < 15; i++, o.faults += 1000)
		pct = pb_alloc_watch_tick(&w, &o, &none, i * TICK);
	assert_float_equal(pct, 100.0 * 10000 * PB_OVERHEAD_FAULT_NS / 1e9, 1e-6);
}

/* Evenly, from the first tick on, whatever the length. */
static void a_series_has_room_for_any_run(void **state)
{
	struct pb_alloc_book book = {.n_points = 0};
	struct pb_alloc_watch w = {.ticks = 0};
	const struct pb_alloc_tally none = {.calls = 0};
	struct pb_overhead o;
	uint64_t i, step;

	(void)state;
	pb_overhead_init(&o, NULL);
	for (i = 0; i < 5000; i++) {
		const struct pb_alloc_point point = {.time_ns = i};

		pb_alloc_watch_tick(&w, &o, &none, i * TICK);
		if (pb_alloc_watch_wants_point(&w))
			pb_alloc_watch_add_point(&w, &book, &point);
		assert_true(book.n_points <= PB_ALLOC_POINTS_MAX);
	}
	assert_true(book.n_points > PB_ALLOC_POINTS_MAX / 2);
	assert_int_equal(book.points[0].time_ns, 0);
	step = book.points[1].time_ns;
	for (i = 1; i < book.n_points; i++)
		assert_int_equal(book.points[i].time_ns, i * step);
	free(book.points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cost_is_that_of_the_last_second),
		cmocka_unit_test(faults_cost_as_well),
		cmocka_unit_test(a_series_has_room_for_any_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
