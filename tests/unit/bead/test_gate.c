/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/gate.h"

#include <math.h>

#include "tests/unit/bead/store_fixture.h"
#include "user/bead/operations.h"
#include "user/bead/versus_judge.h"

#define N 30

/* One row, of so many percent. */
static struct pb_gate_row row_of(enum pb_limit limit, double limit_pct)
{
	struct pb_gate_row row = {.workload = "w", .limit_pct = limit_pct};

	pb_versus_init(&row.v, limit);
	return row;
}

static enum pb_gate_verdict judge(struct pb_gate_row *row)
{
	pb_gate_judge(row, 1, row->fresh);
	return row->verdict;
}

/* What @ratio makes of a time, with p. */
static enum pb_gate_verdict judge_time(double low, double high, double p, double limit_pct)
{
	struct pb_gate_row row = row_of(PB_LIMIT_WALL_P50, limit_pct);

	row.v.ratio = (struct pb_interval_estimate){(low + high) / 2, low, high, 0.95};
	row.v.p = p;
	return judge(&row);
}

static void a_time_is_judged_by_its_interval_and_by_chance(void **state)
{
	(void)state;
	assert_int_equal(judge_time(0.98, 1.02, 0.9, 5), PB_GATE_HOLDS);
	assert_int_equal(judge_time(1.01, 1.05, 0.001, 5), PB_GATE_HOLDS);
	assert_int_equal(judge_time(0.5, 0.6, 0.001, 5), PB_GATE_HOLDS);
	assert_int_equal(judge_time(1.06, 1.10, 0.001, 5), PB_GATE_REGRESSED);
	assert_int_equal(judge_time(1.06, 1.10, 0.02, 5), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_time(1.04, 1.10, 0.001, 5), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_time(0.90, 1.10, 0.5, 5), PB_GATE_INCONCLUSIVE);
}

static enum pb_gate_verdict judge_busy(double low, double high, double ready_low, double ready_high)
{
	struct pb_gate_row row = row_of(PB_LIMIT_WALL_P50, 5);

	row.v.ratio = (struct pb_interval_estimate){(low + high) / 2, low, high, 0.95};
	row.v.p = 0.0001;
	row.v.has_ready = true;
	row.v.ready = (struct pb_interval_estimate){ready_low, ready_low, ready_high, 0.95};
	judge(&row);
	assert_int_equal(row.why[0] == '\0', row.verdict == PB_GATE_HOLDS);
	return row.verdict;
}

static void waiting_for_a_cpu_is_nobodys_regression(void **state)
{
	(void)state;
	assert_int_equal(judge_busy(1.5, 1.7, 0.99, 1.01), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_busy(1.5, 1.7, 1.02, 1.08), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_busy(1.5, 1.7, 1.4, 1.6), PB_GATE_REGRESSED);
	/* Nor does a reference that waited excuse one. */
	assert_int_equal(judge_busy(0.8, 0.9, 1.2, 1.3), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_busy(0.8, 0.9, 0.9, 1.0), PB_GATE_HOLDS);
}

static enum pb_gate_verdict judge_counts(double a, double b, double c, double d, double limit_pct)
{
	struct pb_gate_row row = row_of(PB_LIMIT_ALLOCATIONS, limit_pct);

	pb_versus_counts(&row.v, a, b, c, d);
	return judge(&row);
}

static void one_more_in_a_hundred_is_caught_where_half_a_percent_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(judge_counts(1000, 1000, 1000, 1000, 0.5), PB_GATE_HOLDS);
	assert_int_equal(judge_counts(1000, 1000, 1005, 1005, 0.5), PB_GATE_HOLDS);
	assert_int_equal(judge_counts(1000, 1000, 1006, 1006, 0.5), PB_GATE_REGRESSED);
	assert_int_equal(judge_counts(1000, 1000, 900, 900, 0.5), PB_GATE_HOLDS);
	assert_int_equal(judge_counts(1000, 1000, 1001, 1001, 0), PB_GATE_REGRESSED);
	assert_int_equal(judge_counts(1000, 1000, 1000, 1000, 0), PB_GATE_HOLDS);
}

static void counts_that_vary_by_more_than_the_limit_say_nothing(void **state)
{
	struct pb_random r = {.state = 1};
	struct pb_gate_row row = row_of(PB_LIMIT_SYSCALLS, 0.5);
	uint32_t alarms = 0;

	(void)state;
	assert_int_equal(judge_counts(1000, 1020, 1010, 1030, 0.5), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_counts(1000, 1020, 1100, 1130, 0.5), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_counts(1000, 1020, 900, 900, 0.5), PB_GATE_INCONCLUSIVE);
	assert_int_equal(judge_counts(1000, 1005, 1011, 1011, 0.5), PB_GATE_REGRESSED);
	assert_int_equal(judge_counts(1000, 1005, 990, 994, 0.5), PB_GATE_HOLDS);
	assert_int_equal(judge_counts(1000, 1001, 1000, 1000, 0), PB_GATE_INCONCLUSIVE);
	pb_versus_counts(&row.v, 1000, 1000, 1000, 1080);
	judge(&row);
	assert_string_equal(row.why, "syscalls cannot be held to its limit: it varies by 8 % from "
				     "run to run, and the limit is 0.5 %");
	/* The same program on both sides, whose counts vary by 8 %: two ranges of two, one of which lies above the other
	 * one time in six. */
	for (int i = 0; i < 600; i++) {
		double n[4], low[2], high[2];

		for (int k = 0; k < 4; k++)
			n[k] = 1000 + (double)pb_random_below(&r, 80);
		for (int k = 0; k < 2; k++) {
			low[k] = fmin(n[2 * k], n[2 * k + 1]);
			high[k] = fmax(n[2 * k], n[2 * k + 1]);
		}
		alarms += judge_counts(low[0], high[0], low[1], high[1], 0.5) == PB_GATE_REGRESSED;
	}
	assert_true(alarms <= 6);
}

static void something_out_of_nothing_is_a_regression(void **state)
{
	struct pb_gate_row row = row_of(PB_LIMIT_BLOCK_IOS, 5);

	(void)state;
	pb_versus_counts(&row.v, 0, 0, 12, 12);
	assert_int_equal(judge(&row), PB_GATE_REGRESSED);
	assert_string_equal(row.why, "block_ios went from nothing to 12, and the limit is 5 %");
	assert_int_equal(judge_counts(0, 0, 0, 0, 0), PB_GATE_HOLDS);
	assert_int_equal(judge_counts(0, 3, 1, 2, 5), PB_GATE_INCONCLUSIVE);
	pb_versus_counts(&row.v, 0, 3, 5, 5);
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
	assert_non_null(strstr(row.why, "some of its runs have none and others do"));
	assert_int_equal(judge_counts(5, 5, 0, 0, 0), PB_GATE_HOLDS);
}

static void what_is_not_known_is_not_held(void **state)
{
	struct pb_gate_row row = row_of(PB_LIMIT_ALLOCATIONS, 0.5);

	(void)state;
	snprintf(row.v.why, sizeof(row.v.why), "it could not be counted: no root");
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
	assert_string_equal(row.why, "allocations cannot be held to its limit: it could not be "
				     "counted: no root");
}

static void many_workloads_make_chance_more_likely(void **state)
{
	struct pb_gate_row rows[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		rows[i] = row_of(i < 3 ? PB_LIMIT_WALL_P50 : PB_LIMIT_CPU, 5);
		rows[i].v.ratio = (struct pb_interval_estimate){1.2, 1.1, 1.3, 0.95};
		rows[i].v.p = i ? 0.006 : 0.001;
	}
	pb_gate_judge(rows, 4, false);
	/* 3 * 0.001, and 2 * 0.006 of those behind it; the other limit stands alone. */
	assert_true(fabs(rows[0].p - 0.003) < 1e-12 && rows[0].verdict == PB_GATE_REGRESSED);
	assert_true(fabs(rows[1].p - 0.012) < 1e-12 && rows[1].verdict == PB_GATE_INCONCLUSIVE);
	assert_true(fabs(rows[3].p - 0.006) < 1e-12 && rows[3].verdict == PB_GATE_REGRESSED);
}

/* A time with such an interval. */
static struct pb_versus_judged judged(enum pb_limit what, double low, double high, double p)
{
	struct pb_versus_judged row = {.verdict = PB_VERDICT_INCONCLUSIVE};

	pb_versus_init(&row.v, what);
	row.v.ratio = (struct pb_interval_estimate){(low + high) / 2, low, high, 0.95};
	row.v.p = p;
	return row;
}

static void all_that_is_compared_is_adjusted_for(void **state)
{
	struct pb_versus_judged one[6], *rows[6];

	(void)state;
	for (int i = 0; i < 6; i++) {
		one[i] = judged((enum pb_limit[]){PB_LIMIT_WALL_P50, PB_LIMIT_CPU}[i % 2], 1.1, 1.2,
				i ? 0.003 : 0.001);
		rows[i] = &one[i];
	}
	/* Two thirds are tested: one count, and one that is not known. */
	pb_versus_init(&one[4].v, PB_LIMIT_SYSCALLS);
	pb_versus_counts(&one[4].v, 100, 100, 101, 101);
	snprintf(one[5].v.why, sizeof(one[5].v.why), "it was left out");
	assert_int_equal(pb_versus_judge(rows, 6, 0.05, 0.005, 0.01), 0);
	assert_true(fabs(one[0].v.p - 0.004) < 1e-12 && fabs(one[1].v.p - 0.009) < 1e-12);
	assert_int_equal(one[1].verdict, PB_VERDICT_REGRESSED);
	assert_int_equal(one[4].verdict, PB_VERDICT_REGRESSED);
	assert_int_equal(one[5].verdict, PB_VERDICT_INCONCLUSIVE);
	one[1].v.p = one[2].v.p = one[3].v.p = 0.004;
	one[0].v.p = 0.001;
	assert_int_equal(pb_versus_judge(rows, 6, 0.05, 0.005, 0.01), 0);
	assert_int_equal(one[0].verdict, PB_VERDICT_REGRESSED);
	assert_int_equal(one[1].verdict, PB_VERDICT_INCONCLUSIVE);
}

static void what_is_compared_may_not_rest_on_waits_or_on_counts_that_vary(void **state)
{
	struct pb_versus_judged time = judged(PB_LIMIT_WALL_P50, 1.5, 1.7, 0.0001), count = time;
	struct pb_versus_judged *rows[] = {&time, &count};

	(void)state;
	pb_versus_init(&count.v, PB_LIMIT_SYSCALLS);
	pb_versus_counts(&count.v, 1000, 1020, 1100, 1130);
	time.v.has_ready = true;
	time.v.ready = (struct pb_interval_estimate){1, 0.99, 1.01, 0.95};
	assert_int_equal(pb_versus_judge(rows, 2, 0.05, 0.005, 0.01), 0);
	assert_int_equal(time.verdict, PB_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(time.why, "seems to be regressed, and may not without"));
	assert_int_equal(count.verdict, PB_VERDICT_INCONCLUSIVE);
	assert_non_null(strstr(count.why, "it varies by 2.7 % from run to run"));
	time.v.ready = (struct pb_interval_estimate){1.5, 1.4, 1.6, 0.95};
	assert_int_equal(pb_versus_judge(rows, 2, 0.05, 0.005, 0.01), 0);
	assert_int_equal(time.verdict, PB_VERDICT_REGRESSED);
	assert_string_equal(time.why, "");
}

static void what_so_few_runs_cannot_show_is_said(void **state)
{
	struct pb_gate_row rows[30];

	(void)state;
	for (int i = 0; i < 30; i++) {
		rows[i] = row_of(i < 4 ? PB_LIMIT_WALL_P50 : PB_LIMIT_P99, 5);
		rows[i].v.ratio = (struct pb_interval_estimate){1.2, 1.1, 1.3, 0.95};
		rows[i].v.p = i < 4 ? 2 / 252.0 : 0.0004;
		rows[i].v.n_base = rows[i].v.n_fresh = i < 4 ? 5 : 30;
	}
	/* 2 of the 252 ways to deal 10 out; of 924 there are 12, four times which is below 0.01. */
	pb_gate_judge(rows, 30, false);
	assert_int_equal(rows[0].verdict, PB_GATE_INCONCLUSIVE);
	assert_string_equal(rows[0].why,
			    "wall_p50 seems to be above the limit of 5 % [10.00, 30.00], "
			    "and 5 runs cannot show it: 6 are needed");
	assert_int_equal(rows[9].verdict, PB_GATE_INCONCLUSIVE);
	assert_non_null(strstr(rows[9].why, "of 26 workloads at once no number of runs can"));
	pb_gate_judge(rows, 1, false);
	assert_int_equal(rows[0].verdict, PB_GATE_REGRESSED);
	rows[0].v.p = 0.02;
	pb_gate_judge(rows, 1, false);
	assert_non_null(strstr(rows[0].why, "chance is not ruled out"));
}

static void a_fresh_block_is_judged_by_itself(void **state)
{
	struct pb_gate_row rows[2] = {row_of(PB_LIMIT_CPU, 5), row_of(PB_LIMIT_CPU, 5)};
	const struct pb_gate g = {.rows = rows, .n = 2};

	(void)state;
	rows[0].v.ratio = rows[1].v.ratio = (struct pb_interval_estimate){1, 0.99, 1.01, 0.95};
	pb_gate_judge(rows, 2, false);
	assert_int_equal(pb_gate_worst(&g), PB_GATE_HOLDS);
	rows[1].fresh = true;
	rows[1].v.ratio = (struct pb_interval_estimate){1.2, 1.1, 1.3, 0.95};
	rows[1].v.p = 0.001;
	rows[0].v.ratio = rows[1].v.ratio;
	pb_gate_judge(rows, 2, true);
	assert_int_equal(rows[0].verdict, PB_GATE_HOLDS);
	assert_int_equal(rows[1].verdict, PB_GATE_REGRESSED);
	assert_int_equal(pb_gate_worst(&g), PB_GATE_REGRESSED);
	rows[1].v.ratio = (struct pb_interval_estimate){1.1, 1.0, 1.2, 0.95};
	pb_gate_judge(rows, 2, true);
	assert_int_equal(pb_gate_worst(&g), PB_GATE_INCONCLUSIVE);
	assert_non_null(strstr(rows[1].why, "fresh runs did not confirm it"));
}

static void fill(double *x, double centre, double step)
{
	for (int i = 0; i < N; i++)
		x[i] = centre + step * ((i * 7) % N);
}

static void medians_are_compared_with_interval_and_test(void **state)
{
	struct pb_gate_row row = row_of(PB_LIMIT_WALL_P50, 5);
	double x[N], y[N];

	(void)state;
	fill(x, 100, 0.1);
	fill(y, 120, 0.1);
	assert_int_equal(pb_versus_samples(&row.v, x, N, y, N, 1), 0);
	assert_true(row.v.ratio.low > 1.15 && row.v.ratio.high < 1.25 && row.v.p < 1e-6);
	assert_true(row.v.base > 101 && row.v.base < 102 && row.v.n_base == N);
	assert_int_equal(judge(&row), PB_GATE_REGRESSED);
	assert_int_equal(pb_versus_samples(&row.v, x, N, x, N, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_HOLDS);
	/* Numbers that are all the same, as of memory. */
	fill(y, 100, 0);
	pb_versus_init(&row.v, PB_LIMIT_MEMORY);
	assert_int_equal(pb_versus_samples(&row.v, y, N, y, N, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_HOLDS);
	pb_versus_init(&row.v, PB_LIMIT_MEMORY);
	assert_int_equal(pb_versus_samples(&row.v, x, 2, y, N, 1), 0);
	assert_string_equal(row.v.why, "2 runs of the reference and 30 new ones are too few");
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
}

static void medians_of_nothing(void **state)
{
	struct pb_gate_row row = row_of(PB_LIMIT_FAULTS, 0);
	double zero[N], y[N];

	(void)state;
	fill(zero, 0, 0);
	fill(y, 5, 0);
	assert_int_equal(pb_versus_samples(&row.v, zero, N, zero, N, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_HOLDS);
	assert_int_equal(pb_versus_samples(&row.v, zero, N, y, N, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
	assert_non_null(strstr(row.why, "often 0"));
}

static void far_quantiles_say_how_much_they_need(void **state)
{
	struct pb_operations *few = NULL, *many = NULL;
	struct pb_versus v;

	(void)state;
	assert_int_equal(pb_operations_new(&few), 0);
	assert_int_equal(pb_operations_new(&many), 0);
	for (int i = 0; i < 72; i++) {
		double x = 100 + i;

		if (i < 71)
			assert_int_equal(pb_operations_add(few, &x, 1), 0);
		assert_int_equal(pb_operations_add(many, &x, 1), 0);
	}
	pb_versus_init(&v, PB_LIMIT_WALL_P95);
	assert_int_equal(pb_versus_operations(&v, many, few, 0.95, 1), 0);
	assert_string_equal(v.why, "too little was measured: 71 operations, and p95 needs 72");
	pb_versus_init(&v, PB_LIMIT_WALL_P95);
	assert_int_equal(pb_versus_operations(&v, few, many, 0.95, 1), 0);
	assert_string_equal(v.why, "too little in the reference: 71 operations, and p95 needs 72");
	pb_versus_init(&v, PB_LIMIT_WALL_P95);
	assert_int_equal(pb_versus_operations(&v, many, many, 0.95, 1), 0);
	assert_string_equal(v.why, "");
	assert_true(v.ratio.value == 1 && v.ratio.low < 1 && v.ratio.high > 1);
	pb_operations_free(few);
	pb_operations_free(many);
}

static void a_gate_without_limits_has_the_usual_ones(void **state)
{
	struct pb_plan_bead bead = {.kind = PB_BEAD_GATE};
	double limits[PB_LIMITS];

	(void)state;
	for (int i = 0; i < PB_LIMITS; i++)
		bead.limits[i] = -1;
	pb_gate_limits(&bead, limits);
	assert_true(limits[PB_LIMIT_WALL_P50] == 5 && limits[PB_LIMIT_ALLOCATIONS] == 0.5);
	assert_true(limits[PB_LIMIT_SYSCALLS] == 0.5 && limits[PB_LIMIT_MEMORY] == 5);
	assert_true(limits[PB_LIMIT_CPU] < 0);
	bead.limits[PB_LIMIT_CPU] = 0;
	pb_gate_limits(&bead, limits);
	assert_true(limits[PB_LIMIT_CPU] == 0 && limits[PB_LIMIT_WALL_P50] < 0);
}

static void p99_is_no_limit_of_what_writes_no_times(void **state)
{
	struct pb_plan_workload workloads[2] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
	const struct pb_plan plan = {.workloads = workloads, .n_workloads = 2};
	uint32_t indices[] = {0, 1};
	const struct pb_plan_bead bead = {.workloads = indices, .n_workloads = 2};

	(void)state;
	/* Nothing could be held, and that is to be said. */
	assert_true(pb_gate_applies(&plan, &bead, PB_LIMIT_P99, 0));
	workloads[1].latencies.path = (char[]){"l.txt"};
	assert_false(pb_gate_applies(&plan, &bead, PB_LIMIT_P99, 0));
	assert_true(pb_gate_applies(&plan, &bead, PB_LIMIT_P99, 1));
	assert_true(pb_gate_applies(&plan, &bead, PB_LIMIT_WALL_P95, 0));
}

static void times_without_waits_come_from_the_store(void **state)
{
	const struct pb_plan_workload w = {.name = (char[]){"w"}};
	struct pb_store *s = open_store();
	const struct pb_versus_side a = {begin_bead(s, "a", false), scratch, 0, UINT32_MAX};
	const struct pb_versus_side b = {begin_bead(s, "b", false), scratch, 2, UINT32_MAX};
	struct pb_versus v;

	(void)state;
	for (int i = 0; i < N + 2; i++) {
		struct pb_run quiet = run_of(1000), busy = run_of(2000);

		quiet.interference.run_queue_pct = 0;
		busy.interference.run_queue_pct =
			i < 2 ? 0 : 45; /* the first two are another block */
		assert_int_equal(pb_store_sample(s, a.run, "w", &quiet, NULL), 0);
		assert_int_equal(pb_store_sample(s, b.run, "w", &busy, NULL), 0);
	}
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_WALL_P50, 1), 0);
	assert_true(v.n_fresh == N && v.ratio.value == 2 && v.has_ready);
	assert_true(fabs(v.ready.low - 1.1) < 1e-9 && fabs(v.ready.high - 1.1) < 1e-9);
	pb_store_close(s);
}

static void memory_that_is_not_known_is_not_compared(void **state)
{
	const struct pb_plan_workload w = {.name = (char[]){"w"}};
	struct pb_store *s = open_store();
	const struct pb_versus_side a = {begin_bead(s, "a", false), scratch, 0, UINT32_MAX};
	const struct pb_versus_side b = {begin_bead(s, "b", false), scratch, 0, UINT32_MAX};
	const struct pb_versus_side c = {begin_bead(s, "c", false), scratch, 0, UINT32_MAX};
	struct pb_gate_row row = row_of(PB_LIMIT_MEMORY, 5);

	(void)state;
	for (int i = 0; i < N; i++) {
		struct pb_run run = run_of(1000);

		run.max_rss_bytes = 4 << 20;
		assert_int_equal(pb_store_sample(s, a.run, "w", &run, NULL), 0);
		/* Of b some, of c none. */
		run.max_rss_bytes = i % 3 ? 8 << 20 : UINT64_MAX;
		assert_int_equal(pb_store_sample(s, b.run, "w", &run, NULL), 0);
		run.max_rss_bytes = UINT64_MAX;
		assert_int_equal(pb_store_sample(s, c.run, "w", &run, NULL), 0);
	}
	assert_int_equal(pb_versus_read(&row.v, s, &a, &b, &w, PB_LIMIT_MEMORY, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
	assert_string_equal(row.why,
			    "memory cannot be held to its limit: of the new runs, it uses no more "
			    "memory than bead itself before its exec, which cannot be told apart");
	assert_true(row.v.below);
	assert_int_equal(pb_versus_read(&row.v, s, &c, &a, &w, PB_LIMIT_MEMORY, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_INCONCLUSIVE);
	assert_false(row.v.below);
	assert_int_equal(pb_versus_read(&row.v, s, &c, &b, &w, PB_LIMIT_MEMORY, 1), 0);
	assert_true(row.v.below);
	assert_int_equal(pb_versus_read(&row.v, s, &a, &a, &w, PB_LIMIT_MEMORY, 1), 0);
	assert_int_equal(judge(&row), PB_GATE_HOLDS);
	pb_store_close(s);
}

/* A run with its figures, and samples of @ns. */
static int64_t put_run(struct pb_store *s, const char *bead, double calls, double ns)
{
	const struct pb_figure figure = {"w", "syscalls", "count", calls, calls, calls, NULL};
	const struct pb_figure unknown = {"w",         "allocations", "count",  (double)NAN,
					  (double)NAN, (double)NAN,   "no root"};
	int64_t id = begin_bead(s, bead, false);

	for (int i = 0; i < N; i++) {
		const struct pb_run run = run_of((uint64_t)(ns + i));

		assert_int_equal(pb_store_sample(s, id, "w", &run, NULL), 0);
	}
	assert_int_equal(pb_store_put_figure(s, id, &figure), 0);
	assert_int_equal(pb_store_put_figure(s, id, &unknown), 0);
	return id;
}

static void both_sides_come_from_the_store(void **state)
{
	const struct pb_plan_workload w = {.name = (char[]){"w"}}, other = {.name = (char[]){"o"}};
	struct pb_store *s = open_store();
	const struct pb_versus_side a = {put_run(s, "a", 100, 1000), scratch, 0, UINT32_MAX};
	struct pb_versus_side b = {put_run(s, "b", 120, 2000), scratch, 0, 10};
	struct pb_versus v;

	(void)state;
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_SYSCALLS, 1), 0);
	assert_true(v.why[0] == '\0' && fabs(v.ratio.value - 1.2) < 1e-12);
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_ALLOCATIONS, 1), 0);
	assert_string_equal(v.why, "the reference does not know it: no root");
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_BLOCK_IOS, 1), 0);
	assert_string_equal(v.why, "the reference does not know it: it was not counted there");
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &other, PB_LIMIT_WALL_P50, 1), 0);
	assert_string_equal(v.why, "the reference has no runs of it");
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_P99, 1), 0);
	assert_non_null(strstr(v.why, "\"latencies\" in the plan"));
	/* Only the part of the samples that is asked for. */
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_WALL_P50, 1), 0);
	assert_true(v.n_base == N && v.n_fresh == 10 && v.fresh == 2004.5);
	b.first = 25;
	assert_int_equal(pb_versus_read(&v, s, &a, &b, &w, PB_LIMIT_WALL_P50, 1), 0);
	assert_true(v.n_fresh == 5 && v.fresh == 2027);
	assert_false(v.has_ready);
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_judged_by_its_interval_and_by_chance),
		cmocka_unit_test(waiting_for_a_cpu_is_nobodys_regression),
		cmocka_unit_test(one_more_in_a_hundred_is_caught_where_half_a_percent_is_allowed),
		cmocka_unit_test(counts_that_vary_by_more_than_the_limit_say_nothing),
		cmocka_unit_test(something_out_of_nothing_is_a_regression),
		cmocka_unit_test(what_is_not_known_is_not_held),
		cmocka_unit_test(many_workloads_make_chance_more_likely),
		cmocka_unit_test(all_that_is_compared_is_adjusted_for),
		cmocka_unit_test(what_is_compared_may_not_rest_on_waits_or_on_counts_that_vary),
		cmocka_unit_test(what_so_few_runs_cannot_show_is_said),
		cmocka_unit_test(a_fresh_block_is_judged_by_itself),
		cmocka_unit_test(medians_are_compared_with_interval_and_test),
		cmocka_unit_test(medians_of_nothing),
		cmocka_unit_test(far_quantiles_say_how_much_they_need),
		cmocka_unit_test(a_gate_without_limits_has_the_usual_ones),
		cmocka_unit_test(p99_is_no_limit_of_what_writes_no_times),
		store_test(times_without_waits_come_from_the_store),
		store_test(memory_that_is_not_known_is_not_compared),
		store_test(both_sides_come_from_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
