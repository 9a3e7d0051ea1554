/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/store.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/bead/store_fixture.h"

/* What is expected next, and how many came. */
struct expected {
	const struct pb_figure *figures;
	uint32_t n, stop_at;
};

static bool same(double a, double b)
{
	return isnan(a) ? isnan(b) : a == b;
}

static int compare(void *ctx, const struct pb_figure *got)
{
	struct expected *e = ctx;
	const struct pb_figure *want = &e->figures[e->n++];

	assert_string_equal(got->workload, want->workload);
	assert_string_equal(got->name, want->name);
	assert_string_equal(got->unit, want->unit);
	assert_true(same(got->value, want->value));
	assert_true(same(got->low, want->low));
	assert_true(same(got->high, want->high));
	assert_int_equal(!got->why, !want->why);
	if (got->why)
		assert_string_equal(got->why, want->why);
	return e->n == e->stop_at ? 42 : 0;
}

static void figures_come_back_with_interval_or_reason(void **state)
{
	const struct pb_figure figures[] = {
		{"w", "wall_p50_ns", "ns", 200.25, 199, 201.5, NULL},
		{"w", "wall_p99_ns", "ns", NAN, NAN, NAN, "30 runs; 299 are needed"},
		{"w", "runs", "count", 30, NAN, NAN, NULL},
		{"other", "wall_p50_ns", "ns", 0, 0, 0, NULL},
	};
	struct expected e = {.figures = figures};
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false), second = begin_bead(s, "c", false);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pb_store_put_figure(s, id, &figures[i]), 0);
	assert_int_equal(pb_store_put_figure(s, second, &figures[0]), 0);
	assert_int_equal(pb_store_figures(s, id, compare, &e), 0);
	assert_int_equal(e.n, 4);
	e = (struct expected){.figures = figures, .stop_at = 2};
	assert_int_equal(pb_store_figures(s, id, compare, &e), 42);
	assert_int_equal(e.n, 2);
	pb_store_close(s);
}

static void a_figure_is_replaced_by_a_later_one_of_its_name(void **state)
{
	const struct pb_figure old = {"", "score", "", NAN, NAN, NAN, "nothing measured yet"};
	const struct pb_figure new = {NULL, "score", NULL, 2.5, NAN, NAN, NULL};
	const struct pb_figure want = {"", "score", "", 2.5, NAN, NAN, NULL};
	struct expected e = {.figures = &want};
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);

	(void)state;
	assert_int_equal(pb_store_put_figure(s, id, &old), 0);
	assert_int_equal(pb_store_put_figure(s, id, &new), 0);
	assert_int_equal(pb_store_figures(s, id, compare, &e), 0);
	assert_int_equal(e.n, 1);
	pb_store_close(s);
}

static void a_figure_without_value_and_reason_is_refused(void **state)
{
	const struct pb_figure figure = {"w", "score", "", NAN, NAN, NAN, NULL};
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);

	(void)state;
	said_begin();
	assert_int_equal(pb_store_put_figure(s, id, &figure), -EINVAL);
	assert_non_null(strstr(said_end(), "neither a value nor a reason"));
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(figures_come_back_with_interval_or_reason),
		store_test(a_figure_is_replaced_by_a_later_one_of_its_name),
		store_test(a_figure_without_value_and_reason_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
