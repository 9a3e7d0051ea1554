/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/store_history.h"

#include <math.h>

#include "tests/unit/bead/store_fixture.h"

static int64_t finished(struct pb_store *s, const char *bead, enum pb_bead_state state,
			double value)
{
	const struct pb_figure figure = {"w",       "wall_p50_ns", "ns", value,
					 value - 1, value + 1,     NULL};
	int64_t id = begin_bead(s, bead, false);

	assert_int_equal(pb_store_put_figure(s, id, &figure), 0);
	assert_int_equal(pb_store_finish(s, id, state, state == PB_STATE_DONE ? NULL : "a note"),
			 0);
	return id;
}

/* "1:done:10:early, late;" for each. */
static int tell(void *ctx, const struct pb_store_point *p)
{
	char *text = ctx;
	size_t used = strlen(text);

	assert_string_equal(p->figure.workload, "w");
	assert_string_equal(p->plan_digest, "digest");
	assert_int_equal(strlen(p->time), strlen("2026-11-29T22:21:20.123Z"));
	snprintf(text + used, 512 - used, "%lld:%s:%g:%s;", (long long)p->run, p->state,
		 p->figure.value, p->saved ? p->saved : "");
	return 0;
}

static void runs_that_ended_are_told_oldest_first(void **state)
{
	struct pb_store *s = open_store();
	const struct pb_figure none = {"w", "wall_p50_ns", "ns", NAN, NAN, NAN, "too few"};
	char text[512] = "";
	int64_t first, second;

	(void)state;
	first = finished(s, "base", PB_STATE_DONE, 10);
	second = finished(s, "gate", PB_STATE_FAILED, 20);
	finished(s, "base", PB_STATE_CANNOT, 30);
	assert_int_equal(pb_store_put_figure(s, begin_bead(s, "base", false), &none), 0);
	assert_int_equal(pb_store_save_baseline(s, "late", first), 0);
	assert_int_equal(pb_store_save_baseline(s, "early", first), 0);
	assert_int_equal(pb_store_points(s, "w", "wall_p50_ns", tell, text), 0);
	assert_string_equal(text, "1:done:10:early, late;2:failed:20:;");
	assert_int_equal(second, 2);
	text[0] = '\0';
	assert_int_equal(pb_store_points(s, "w", "other", tell, text), 0);
	assert_int_equal(pb_store_points(s, "v", "wall_p50_ns", tell, text), 0);
	assert_string_equal(text, "");
	pb_store_close(s);
}

static int tell_run(void *ctx, const struct pb_store_run *run)
{
	snprintf(ctx, 64, "%lld:%s:%s", (long long)run->id, run->state,
		 run->note ? run->note : "-");
	assert_non_null(run->ended);
	return 0;
}

static void the_last_run_that_ended_is_of_that_plan(void **state)
{
	struct pb_store *s = open_store();
	char text[64] = "none";

	(void)state;
	assert_int_equal(pb_store_last_ended(s, "b", "digest", tell_run, text), 0);
	assert_string_equal(text, "none");
	finished(s, "b", PB_STATE_DONE, 1);
	finished(s, "b", PB_STATE_INCONCLUSIVE, 2);
	begin_bead(s, "b", false);
	assert_int_equal(pb_store_last_ended(s, "b", "other", tell_run, text), 0);
	assert_string_equal(text, "none");
	assert_int_equal(pb_store_last_ended(s, "b", "digest", tell_run, text), 0);
	assert_string_equal(text, "2:inconclusive:a note");
	pb_store_close(s);
}

static int count_names(void *ctx, const struct pb_figure *figure)
{
	assert_string_equal(figure->unit, "ns");
	(*(int *)ctx)++;
	return 0;
}

static void names_of_figures_come_once(void **state)
{
	struct pb_store *s = open_store();
	const struct pb_figure other = {"v", "wall_p95_ns", "ns", 1, 1, 1, NULL};
	int n = 0;

	(void)state;
	finished(s, "b", PB_STATE_DONE, 1);
	finished(s, "b", PB_STATE_DONE, 2);
	assert_int_equal(pb_store_put_figure(s, 1, &other), 0);
	assert_int_equal(pb_store_figure_names(s, "w", count_names, &n), 0);
	assert_int_equal(n, 1);
	n = 0;
	assert_int_equal(pb_store_figure_names(s, NULL, count_names, &n), 0);
	assert_int_equal(n, 2);
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(runs_that_ended_are_told_oldest_first),
		store_test(the_last_run_that_ended_is_of_that_plan),
		store_test(names_of_figures_come_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
