/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/profile.h"

#include "tests/unit/bead/store_fixture.h"
#include "tests/unit/bead/report_fixture.h"
#include "user/bead/cpu_profile.h"
#include "user/bead/profile_inside.h"

static const char *strip(const char *text)
{
	static char buf[256];

	snprintf(buf, sizeof(buf), "%s", text);
	buf[pb_profile_strip(buf, strlen(buf), "cpuflame")] = '\0';
	return buf;
}

static void only_the_profilers_own_lines_are_left_out(void **state)
{
	(void)state;
	assert_string_equal(strip("ready\n"), "");
	assert_string_equal(strip("ready\nready\nx"), "ready\nx");
	assert_string_equal(strip("a\nready\ncpuflame: lost\nb\n"), "a\nb\n");
	assert_string_equal(strip("already\nready \ncpuflame is\n"),
			    "already\nready \ncpuflame is\n");
	assert_string_equal(strip("cpuflame: last"), "");
	assert_string_equal(strip(""), "");
}

static void finds_replace_what_the_run_had_of_the_workload(void **state)
{
	const struct pb_spot spot = {.kind = PB_SPOT_CPU, .name = "f", .unit = "ns"};
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);
	pb_auto_finds struct pb_finds finds = {0};
	struct pb_find *find = pb_finds_add(&finds, &spot, "f\nw");

	(void)state;
	assert_non_null(find);
	assert_int_equal(pb_find_clue(find, pb_lever_find("algorithm"), 90, "%d %%", 90), 0);
	assert_int_equal(pb_find_clue(find, NULL, 90, "nothing"), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pb_finds_store(&finds, s, id, "w", "e.html"), 0);
	assert_string_equal(sqlite("SELECT count(*) || name || module || evidence FROM spots"),
			    "1fe.html");
	assert_string_equal(sqlite("SELECT count(*) || lever || text FROM clues"),
			    "1algorithm90 %");
	pb_store_close(s);
}

static void put(struct pb_store *s, int64_t id, const char *name, double value)
{
	const struct pb_figure figure = {"w", name, "ns", value, value / 2, value * 2, NULL};

	assert_int_equal(pb_store_put_figure(s, id, &figure), 0);
}

/* What a baseline and a profile of CPU time have found is known to those that come behind. */
static void the_base_is_of_the_last_beads_that_are_done(void **state)
{
	struct pb_plan_workload workloads[] = {{.name = (char[]){"w"}}, {.name = (char[]){"v"}}};
	uint32_t first = 0;
	struct pb_plan_bead beads[] = {
		{.id = (char[]){"base"},
		 .kind = PB_BEAD_BASELINE,
		 .workloads = &first,
		 .n_workloads = 1},
		{.id = (char[]){"cpu"},
		 .kind = PB_BEAD_CPU_FLAME,
		 .workloads = &first,
		 .n_workloads = 1},
	};
	struct pb_plan plan = {
		.workloads = workloads, .n_workloads = 2, .beads = beads, .n_beads = 2};
	struct pb_store *s = open_store();
	struct pb_path_base base;
	int64_t id = begin_bead(s, "base", false);

	(void)state;
	snprintf(plan.digest, sizeof(plan.digest), "digest");
	assert_int_equal(pb_profile_read_base(&base, s, &plan, &workloads[0]), 0);
	assert_true(isnan(base.wall_ns) && isnan(base.cpu_per_wall) && isnan(base.allocator_pct));
	put(s, id, "wall_p50_ns", 1000);
	put(s, id, "user_p50_ns", 400);
	put(s, id, "system_p50_ns", 100);
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	id = begin_bead(s, "cpu", false);
	put(s, id, "cpu_allocator_pct", 20);
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	assert_int_equal(pb_profile_read_base(&base, s, &plan, &workloads[0]), 0);
	assert_true(base.wall_ns == 1000 && is_near(base.cpu_per_wall, 0.5) &&
		    isnan(base.rss_bytes));
	assert_true(base.allocator_pct == 20 && base.allocator_low_pct == 10 &&
		    base.allocator_high_pct == 40);
	/* Of the program before a change it is not known what the allocator takes now. */
	close_a_change(s);
	assert_int_equal(pb_profile_read_base(&base, s, &plan, &workloads[0]), 0);
	assert_true(isnan(base.allocator_pct) && isnan(base.allocator_high_pct) &&
		    base.wall_ns == 1000);
	assert_int_equal(pb_profile_read_base(&base, s, &plan, &workloads[1]), 0);
	assert_true(isnan(base.wall_ns));
	pb_store_close(s);
}

/* A workload may be that short: its profile is done, and says why nothing is in it. */
static void a_profile_of_a_few_samples_says_that_it_is_too_short(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "cpu", false);
	struct pb_cpu cpu = {.runs = 20, .samples = 18, .cpu_ns = 18e6};
	struct pb_measure m = {.store = s, .id = id};
	struct pb_plan_workload workload = {.name = (char[]){"w"}};
	struct pb_plan_bead bead = {.top = 5};
	struct pb_profiling p = {.m = &m, .bead = &bead, .workload = &workload, .ctx = &cpu};

	(void)state;
	assert_int_equal(pb_profile_cpu.finish(&p), 0);
	assert_string_equal(
		sqlite("SELECT why FROM figures WHERE name = 'cpu_allocator_pct' AND value IS NULL"),
		"too short to be profiled: 18 samples in 20 runs");
	assert_string_equal(sqlite("SELECT value FROM figures WHERE name = 'cpu_samples'"), "18.0");
	assert_string_equal(sqlite("SELECT count(*) FROM spots"), "0");
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_profilers_own_lines_are_left_out),
		store_test(finds_replace_what_the_run_had_of_the_workload),
		store_test(a_profile_of_a_few_samples_says_that_it_is_too_short),
		store_test(the_base_is_of_the_last_beads_that_are_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
