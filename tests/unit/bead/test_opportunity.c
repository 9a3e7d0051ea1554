/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The matrix: how rows are scored, which stand, and in which order they come. */
#include "user/bead/opportunity.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/bead/store_fixture.h"
#include "user/bead/levers.h"
#include "user/bead/plan.h"

static const char plan_text[] = "version: 1\n"
				"project: p\n"
				"limits: {hotspot_pct: 5, score: 2.0}\n"
				"workloads:\n"
				"  w: {command: [\"true\"]}\n"
				"  v: {command: [\"true\"]}\n"
				"beads:\n"
				"  - {id: p.base, kind: baseline}\n"
				"  - {id: p.oracle, kind: oracle}\n"
				"  - {id: p.cpu, kind: cpu-flame, needs: [p.base, p.oracle]}\n"
				"  - {id: p.io, kind: io-latency, needs: [p.base, p.oracle]}\n";

static struct pb_plan *read_plan(void)
{
	struct pb_plan *plan = NULL;
	char message[256] = "";

	if (pb_plan_parse(&plan, "/x/beads.yaml", plan_text, strlen(plan_text), message,
			  sizeof(message)))
		fail_msg("%s", message);
	return plan;
}

/* 80 % of the CPU time, [78, 82], all of which the workload would save. */
static struct pb_spot a_spot(const char *workload, const char *id)
{
	const struct pb_spot spot = {
		.workload = workload,
		.kind = PB_SPOT_CPU,
		.id = id,
		.name = "find",
		.module = "/bin/x",
		.file = "x.c",
		.line = 7,
		.frames = "",
		.self_pct = 75,
		.total_pct = 80,
		.low_pct = 78,
		.high_pct = 82,
		.ceiling_pct = 80,
		.ceiling_low_pct = 78,
		.ceiling_high_pct = 82,
		.amount = 1e8,
		.unit = "ns",
		.events = 1200,
		.spread_pct = 2,
		.evidence = ".bead/runs/1-p.cpu/w.cpu-1.html",
	};

	return spot;
}

static void impact_is_graded_by_what_would_be_saved(void **state)
{
	(void)state;
	assert_int_equal(pb_opportunity_impact(100), 5);
	assert_int_equal(pb_opportunity_impact(50), 5);
	assert_int_equal(pb_opportunity_impact(49.99), 4);
	assert_int_equal(pb_opportunity_impact(25), 4);
	assert_int_equal(pb_opportunity_impact(10), 3);
	assert_int_equal(pb_opportunity_impact(5), 2);
	assert_int_equal(pb_opportunity_impact(4.99), 1);
	assert_int_equal(pb_opportunity_impact(0), 1);
	assert_int_equal(pb_opportunity_impact((double)NAN), 0);
}

static void confidence_is_that_of_the_weakest_part(void **state)
{
	struct pb_spot spot = a_spot("w", "C00000001");

	(void)state;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 5);
	/* Stacks that are cut. */
	assert_int_equal(pb_opportunity_confidence(&spot, 94), 4);
	assert_int_equal(pb_opportunity_confidence(&spot, 10), 1);
	assert_int_equal(pb_opportunity_confidence(&spot, (double)NAN), 3);
	/* A wide interval. */
	spot.low_pct = 60;
	spot.high_pct = 100;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 3);
	/* Without one, what it rests on. */
	spot.low_pct = spot.high_pct = (double)NAN;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 5);
	spot.events = 120;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 3);
	spot.events = 5;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 1);
	/* Runs that do not agree, or only one. */
	spot = a_spot("w", "C00000001");
	spot.spread_pct = 30;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 3);
	spot.spread_pct = (double)NAN;
	assert_int_equal(pb_opportunity_confidence(&spot, 100), 3);
}

/* One bead of kind @bead that is done, with @n spots, each with a clue for @levers[i] unless that is NULL. */
static int64_t profile(struct pb_store *s, const struct pb_plan *plan, const char *bead,
		       const struct pb_spot *spots, const char *const *levers, int n)
{
	pb_autofree char *directory = NULL;
	int64_t id;

	assert_int_equal(pb_store_begin(s, bead, plan->digest, false, &id, &directory), 0);
	for (int i = 0; i < n; i++) {
		const struct pb_clue clue = {spots[i].workload, spots[i].id, levers[i], 90,
					     "90 % of it"};

		assert_int_equal(pb_store_put_spot(s, id, &spots[i]), 0);
		if (levers[i])
			assert_int_equal(pb_store_put_clue(s, id, &clue), 0);
	}
	for (int i = 0; i < n; i++) {
		const struct pb_figure figure = {
			spots[i].workload, "cpu_complete_pct", "percent", 100,
			(double)NAN,       (double)NAN,        NULL};

		assert_int_equal(pb_store_put_figure(s, id, &figure), 0);
	}
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	return id;
}

static void rows_come_by_score_and_those_without_one_behind(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_store *s = open_store();
	struct pb_spot spots[] = {a_spot("w", "C00000001"), a_spot("w", "C00000002"),
				  a_spot("v", "C00000001")};
	const char *const levers[] = {NULL, "algorithm", "buffer-reuse"};

	(void)state;
	spots[2].ceiling_pct = spots[2].ceiling_low_pct = 12;
	profile(s, plan, "p.cpu", spots, levers, 3);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_int_equal(o->n, 3);
	/* 5 x 5 / 3, and 3 x 5 / 2. */
	assert_string_equal(o->rows[0].spot.id, "C00000002");
	assert_true(fabs(o->rows[0].score - 25.0 / 3) < 1e-9);
	assert_true(o->rows[0].effort_assumed && o->rows[0].effort == 3);
	assert_string_equal(o->rows[0].clues[0].lever->name, "algorithm");
	assert_string_equal(o->rows[0].clues[0].text, "90 % of it");
	assert_string_equal(o->rows[1].spot.workload, "v");
	assert_true(o->rows[1].score == 7.5);
	/* No lever without evidence, and no score without a lever. */
	assert_true(isnan(o->rows[2].score) && !o->rows[2].stands && !o->rows[2].effort);
	assert_non_null(strstr(o->rows[2].lacks, "no lever"));
	assert_int_equal(o->n_stand, 2);
	assert_int_equal(o->n_without_lever, 1);
	assert_int_equal(pb_opportunities_find(o, "C00000002"), 0);
	assert_int_equal(pb_opportunities_find(o, "C00000001"), -EEXIST);
	assert_int_equal(pb_opportunities_find(o, "w/C00000001"), 2);
	assert_int_equal(pb_opportunities_find(o, "x/C00000001"), -ENOENT);
	assert_int_equal(pb_opportunities_find(o, "find"), -ENOENT);
	pb_store_close(s);
}

static void what_people_say_counts(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_store *s = open_store();
	struct pb_spot spots[] = {a_spot("w", "C00000001"), a_spot("v", "C00000001")};
	const char *const levers[] = {"algorithm", "algorithm"};

	(void)state;
	profile(s, plan, "p.cpu", spots, levers, 2);
	assert_int_equal(pb_store_set_effort(s, "w", "C00000001", 5), 0);
	assert_int_equal(pb_store_accept(s, "v", "C00000001", "it is the work itself"), 0);
	/* One does not undo the other. */
	assert_int_equal(pb_store_set_effort(s, "v", "C00000001", 1), 0);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_string_equal(o->rows[0].spot.workload, "v");
	assert_true(o->rows[0].score == 25 && !o->rows[0].effort_assumed);
	assert_string_equal(o->rows[0].why_stays, "it is the work itself");
	assert_false(o->rows[0].stands);
	assert_true(o->rows[1].score == 5 && o->rows[1].stands);
	assert_int_equal(o->n_without_lever, 0);
	pb_store_close(s);
}

static void hotspots_below_the_limit_do_not_stand(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_store *s = open_store();
	struct pb_spot spots[] = {a_spot("w", "I00000001"), a_spot("v", "I00000002"),
				  a_spot("v", "I00000003")};
	const char *const levers[] = {"n-plus-one", "n-plus-one", "n-plus-one"};

	(void)state;
	for (int i = 0; i < 3; i++)
		spots[i].kind = PB_SPOT_IO;
	/* All of the I/O, but that is little; nothing known of the time; and enough. */
	spots[0].ceiling_pct = spots[0].ceiling_low_pct = 4.9;
	spots[1].ceiling_pct = spots[1].ceiling_low_pct = (double)NAN;
	/* Of which nine tenths speak for the lever. */
	spots[2].ceiling_pct = spots[2].ceiling_low_pct = 5.6;
	profile(s, plan, "p.io", spots, levers, 3);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_int_equal(o->n_stand, 1);
	assert_string_equal(o->rows[0].spot.id, "I00000003");
	assert_true(o->rows[0].stands);
	assert_string_equal(o->rows[2].spot.id, "I00000002");
	assert_int_equal(o->rows[2].impact, 0);
	assert_non_null(strstr(o->rows[2].lacks, "baseline"));
	pb_store_close(s);
}

static void a_large_hotspot_without_a_lever_is_counted(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	struct pb_opportunity row = {.spot = a_spot("w", "C00000001")};

	(void)state;
	assert_true(pb_opportunity_is_without_lever(&row, plan));
	row.spot.ceiling_pct = 4.9;
	assert_false(pb_opportunity_is_without_lever(&row, plan));
	/* Of CPU time its share says enough; half of the allocations may take no time. */
	row.spot.ceiling_pct = (double)NAN;
	assert_true(pb_opportunity_is_without_lever(&row, plan));
	row.spot.kind = PB_SPOT_ALLOC;
	assert_false(pb_opportunity_is_without_lever(&row, plan));
	row.spot = a_spot("w", "C00000001");
	row.why_stays = (char[]){"it is the work itself"};
	assert_false(pb_opportunity_is_without_lever(&row, plan));
}

static void only_the_last_profile_under_this_plan_counts(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_store *s = open_store();
	struct pb_spot first = a_spot("w", "C00000001"), second = a_spot("w", "C00000002");
	const char *const lever = "algorithm";
	int64_t id;

	(void)state;
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_int_equal(o->n, 0);
	pb_opportunities_free(pb_take(o));
	profile(s, plan, "p.cpu", &first, &lever, 1);
	id = profile(s, plan, "p.cpu", &second, &lever, 1);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_int_equal(o->n, 1);
	assert_string_equal(o->rows[0].spot.id, "C00000002");
	assert_int_equal(o->rows[0].run, id);
	pb_opportunities_free(pb_take(o));
	snprintf(plan->digest, sizeof(plan->digest), "another");
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_int_equal(o->n, 0);
	pb_store_close(s);
}

static void rows_from_before_a_change_was_closed_are_stale(void **state)
{
	pb_auto(pb_plan) struct pb_plan *plan = read_plan();
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_store *s = open_store();
	struct pb_spot spots[] = {a_spot("w", "C00000001"), a_spot("w", "C00000002")};
	const char *const levers[] = {"algorithm", NULL};
	int64_t change;

	(void)state;
	profile(s, plan, "p.cpu", spots, levers, 2);
	change = close_a_change(s);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_true(o->n == 2 && o->n_stand == 0 && o->n_without_lever == 0);
	assert_true(o->rows[0].stale == change && o->rows[1].stale == change);
	assert_true(!o->rows[0].stands && o->rows[0].score > 2);
	pb_opportunities_free(pb_take(o));
	profile(s, plan, "p.cpu", spots, levers, 2);
	assert_int_equal(pb_opportunities_read(&o, s, plan), 0);
	assert_true(o->n_stand == 1 && o->n_without_lever == 1 && !o->rows[0].stale);
	pb_store_close(s);
}

static void ids_are_the_same_everywhere(void **state)
{
	char a[PB_SPOT_ID], b[PB_SPOT_ID];

	(void)state;
	pb_spot_id(a, PB_SPOT_CPU, "find\nshop");
	/* printf 'find\nshop' | sha256sum */
	assert_string_equal(a, "C99f86348");
	pb_spot_id(b, PB_SPOT_IO, "find\nshop");
	assert_int_equal(b[0], 'I');
	assert_string_equal(a + 1, b + 1);
}

#define C "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define K "[kernel.kallsyms]"

struct named {
	const char *function, *module;
	enum pb_work work;
};

static void expect_work(const struct named *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pb_work_of(names[i].function, names[i].module) != names[i].work)
			fail_msg("%s of %s is %d", names[i].function, names[i].module,
				 pb_work_of(names[i].function, names[i].module));
}

static void functions_are_known_by_their_names(void **state)
{
	static const struct named names[] = {
		{"__memmove_avx_unaligned_erms", C, PB_WORK_COPY},
		{"__strcmp_avx2", C, PB_WORK_SCAN},
		{"__memcmp_evex_movbe", C, PB_WORK_SCAN},
		{"_int_malloc", C, PB_WORK_ALLOCATE},
		{"tcache_thread_shutdown", C, PB_WORK_ALLOCATE},
		{"__GI___libc_free", C, PB_WORK_ALLOCATE},
		{"free_list", C, PB_WORK_OTHER},
		{"operator new(unsigned long)", "/lib/libstdc++.so.6", PB_WORK_ALLOCATE},
		{"je_arena_palloc", "/lib/libjemalloc.so.2", PB_WORK_ALLOCATE},
		{"__memset_avx2_unaligned_erms", C, PB_WORK_CLEAR},
		{"clear_page_erms", K, PB_WORK_CLEAR},
		{"__vfprintf_internal", C, PB_WORK_FORMAT},
		{"____strtol_l_internal", C, PB_WORK_FORMAT},
		{"json_dump_callback", "/lib/libjansson.so.4", PB_WORK_FORMAT},
		{"json_object_to_json_string", "/lib/libjson-c.so.5", PB_WORK_FORMAT},
		{"___pthread_mutex_lock", C, PB_WORK_LOCK},
		{"__x64_sys_futex", K, PB_WORK_LOCK},
		{"find", C, PB_WORK_OTHER},
		{"", "", PB_WORK_OTHER},
		{"my_memcpy", C, PB_WORK_OTHER},
	};

	(void)state;
	expect_work(names, PB_ARRAY_SIZE(names));
}

static void a_programs_own_names_are_not_taken_for_libcs(void **state)
{
	static const struct named names[] = {
		{"json_parse_row", "/bin/w", PB_WORK_OTHER},
		{"memcmp_keys", "/bin/w", PB_WORK_OTHER},
		{"printf_stats", "/bin/w", PB_WORK_OTHER},
		{"je_x", "/bin/w", PB_WORK_OTHER},
		{"strlen_fast", "/bin/w", PB_WORK_OTHER},
		{"__strlen_fast", "/bin/w", PB_WORK_OTHER},
		{"memcpy_internal", "/bin/w", PB_WORK_OTHER},
		{"strcpy_2", "/bin/w", PB_WORK_OTHER},
		{"tcache_flush", "/bin/w", PB_WORK_OTHER},
		{"futex_table", "/bin/w", PB_WORK_OTHER},
		{"itoa", "/bin/w", PB_WORK_OTHER},
		{"int_free", "/bin/w", PB_WORK_OTHER},
		{"free(Node*)", "/bin/w", PB_WORK_OTHER},
		{"printf(Table const&)", "/bin/w", PB_WORK_OTHER},
		{"strtolower", "/bin/w", PB_WORK_OTHER},
		{"strlen_fast", "", PB_WORK_OTHER},
	};

	(void)state;
	expect_work(names, PB_ARRAY_SIZE(names));
}

/* As in `nm` of a program that was linked with -static. */
static void libcs_functions_are_known_in_a_static_program(void **state)
{
	static const struct named names[] = {
		{"memcpy", "/bin/w", PB_WORK_COPY},
		{"__memmove_avx_unaligned_erms_rtm", "/bin/w", PB_WORK_COPY},
		{"__memcpy_avx512_no_vzeroupper", "/bin/w", PB_WORK_COPY},
		{"__memcpy_ssse3_back", "/bin/w", PB_WORK_COPY},
		{"__memcpy_chk", "/bin/w", PB_WORK_COPY},
		{"__memcpy_generic", "/bin/w", PB_WORK_COPY},
		{"__memcmp_sse4_1", "/bin/w", PB_WORK_SCAN},
		{"__memcmp_avx2_movbe", "/bin/w", PB_WORK_SCAN},
		{"__strncasecmp_l_avx2", "/bin/w", PB_WORK_SCAN},
		{"strlen", "/bin/w", PB_WORK_SCAN},
		{"__libc_malloc", "/bin/w", PB_WORK_ALLOCATE},
		{"_int_free", "/bin/w", PB_WORK_ALLOCATE},
		{"malloc_consolidate", "/bin/w", PB_WORK_ALLOCATE},
		{"unlink_chunk.constprop.0", "/bin/w", PB_WORK_ALLOCATE},
		{"sysmalloc_mmap.isra.0", "/bin/w", PB_WORK_ALLOCATE},
		{"operator delete[](void*)", "/bin/w", PB_WORK_ALLOCATE},
		{"__memset_erms", "/bin/w", PB_WORK_CLEAR},
		{"__vfprintf_internal", "/bin/w", PB_WORK_FORMAT},
		{"____strtoull_l_internal", "/bin/w", PB_WORK_FORMAT},
		{"_IO_vfprintf", "/bin/w", PB_WORK_FORMAT},
		{"___pthread_mutex_lock", "/bin/w", PB_WORK_LOCK},
		{"__lll_lock_wait_private", "/bin/w", PB_WORK_LOCK},
	};

	(void)state;
	expect_work(names, PB_ARRAY_SIZE(names));
}

static void every_lever_has_all_that_a_row_tells(void **state)
{
	const struct pb_lever *lever;
	size_t n = 0;

	(void)state;
	for (; (lever = pb_lever_at(n)); n++) {
		assert_true(lever->name[0] && lever->title[0] && lever->evidence[0]);
		assert_in_range(lever->effort, 1, 5);
		assert_ptr_equal(pb_lever_find(lever->name), lever);
	}
	assert_int_equal(n, 12);
	assert_null(pb_lever_find("magic"));
	assert_null(pb_lever_of_hint("magic"));
	assert_string_equal(pb_lever_of_hint("arena_or_pool")->name, "buffer-reuse");
	assert_string_equal(pb_lever_of_hint("fsync_per_write")->name, "n-plus-one");
	assert_null(pb_lever_of_work(PB_WORK_OTHER));
	assert_string_equal(pb_lever_of_work(PB_WORK_SCAN)->name, "index");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impact_is_graded_by_what_would_be_saved),
		cmocka_unit_test(confidence_is_that_of_the_weakest_part),
		store_test(rows_come_by_score_and_those_without_one_behind),
		store_test(what_people_say_counts),
		store_test(hotspots_below_the_limit_do_not_stand),
		cmocka_unit_test(a_large_hotspot_without_a_lever_is_counted),
		store_test(only_the_last_profile_under_this_plan_counts),
		store_test(rows_from_before_a_change_was_closed_are_stale),
		cmocka_unit_test(ids_are_the_same_everywhere),
		cmocka_unit_test(functions_are_known_by_their_names),
		cmocka_unit_test(a_programs_own_names_are_not_taken_for_libcs),
		cmocka_unit_test(libcs_functions_are_known_in_a_static_program),
		cmocka_unit_test(every_lever_has_all_that_a_row_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
