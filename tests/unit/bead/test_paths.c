/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/paths.h"

#include <errno.h>

#include "tests/unit/bead/report_fixture.h"

#define HOTSPOTS                                                                                   \
	"'hotspots': [{'function': 'main', 'module': '/bin/w', 'file': 'w.c', 'line': 1},"         \
	" {'function': 'parse', 'module': '/bin/w', 'file': 'w.c', 'line': 5},"                    \
	" {'function': 'item', 'module': '/bin/w', 'file': 'w.c', 'line': 9},"                     \
	" {'function': 'load', 'module': '/bin/w', 'file': 'w.c', 'line': 20},"                    \
	" {'function': 'fsync', 'module': '/lib/libc.so.6', 'file': null, 'line': null},"          \
	" {'function': 'strdup', 'module': '/lib/libc.so.6', 'file': null, 'line': null},"         \
	" {'function': 'do_syscall_64', 'module': '[kernel.kallsyms]'},"                           \
	" {'function': 'asm_exc_page_fault', 'module': '[kernel.kallsyms]'}]"

#define MIB 1048576

static char why[256];
static const struct pb_path_base nothing_known = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};

/* Two sites with one path, and one that holds the memory. */
static json_t *heap(int calls, int load_bytes, const char *hints)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{" HOTSPOTS ", 'values': [{'type': 'alloc_space'}, {'type': 'alloc_objects'},"
		 " {'type': 'peak_space'}],"
		 " 'totals': {'alloc_objects': %d, 'alloc_space': %d, 'peak_space': %d},"
		 " 'sites': [{'frames': ['_start', 'main', 'parse', 'item', 'strdup'],"
		 "  'values': [1000, %d, 100]},"
		 " {'frames': ['_start', 'main', 'parse', 'parse', 'item', 'strdup'],"
		 "  'values': [1000, %d, 0]},"
		 " {'frames': ['_start', 'main', 'load'], 'values': [%d, 1, %d]}],"
		 " 'hints': [%s]}",
		 2 * calls + 1, 2000 + load_bytes, 100 + load_bytes, calls, calls, load_bytes,
		 load_bytes, hints);
	return report_of(text);
}

static void find_in_heap(struct pb_finds *finds, json_t *r, uint32_t runs,
			 const struct pb_path_base *base)
{
	struct pb_paths paths = {0};

	for (uint32_t i = 0; i < runs; i++)
		assert_int_equal(pb_alloc_add(&paths, r, why, sizeof(why)), 0);
	assert_int_equal(pb_alloc_find(&paths, base, finds), 0);
	pb_paths_drop(&paths);
}

static void sites_with_one_path_are_one_spot(void **state)
{
	pb_autojson json_t *r = heap(500, 4000,
				     "{'kind': 'buffer_reuse', 'site': 1, 'objects': 250, "
				     "'evidence': 'why'}");
	const struct pb_path_base base = {1e9, 0.5, 100 * MIB, 40, 30, 50, NAN};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_spot *spot;
	char id[PB_SPOT_ID];

	(void)state;
	find_in_heap(&finds, r, 2, &base);
	assert_int_equal(finds.n, 1);
	spot = &finds.rows[0].spot;
	pb_spot_id(id, PB_SPOT_ALLOC, "_start;main;parse;item;strdup");
	assert_string_equal(spot->id, id);
	assert_string_equal(spot->name, "item < parse < main");
	assert_string_equal(spot->file, "w.c");
	assert_int_equal(spot->line, 9);
	assert_true(is_near(spot->total_pct, 100 * 1000.0 / 1001));
	assert_true(spot->amount == 1000 && spot->events == 2000);
	assert_string_equal(spot->unit, "count");
	/* Its part of the 40 % of CPU time that is the allocator's, of half of the wall time. */
	assert_true(is_near(spot->ceiling_pct, spot->total_pct * 0.4 * 0.5));
	assert_true(is_near(spot->ceiling_low_pct, spot->total_pct * 0.3 * 0.5));
	/* 250 of the 1,000 of one run. */
	assert_true(is_near(clue_for(&finds.rows[0], "buffer-reuse")->share_pct, 25));
	assert_string_equal(clue_for(&finds.rows[0], "buffer-reuse")->text, "why");
	assert_int_equal(finds.rows[0].n_clues, 1);
}

static void threads_at_once_do_not_lift_a_ceiling(void **state)
{
	pb_autojson json_t *r = heap(500, 4000, "");
	const struct pb_path_base base = {1e9, 2, 100 * MIB, 40, 30, 50, NAN};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_spot *spot;

	(void)state;
	find_in_heap(&finds, r, 2, &base);
	spot = &finds.rows[0].spot;
	assert_true(is_near(spot->ceiling_pct, spot->total_pct * 0.4));
	assert_true(is_near(spot->ceiling_high_pct, spot->high_pct * 0.5));
}

static void a_path_that_holds_the_memory_is_measured_in_bytes(void **state)
{
	pb_autojson json_t *r = heap(500, 50 * MIB, "");
	const struct pb_path_base base = {1e9, 0.5, 100 * MIB, 40, 30, 50, NAN};
	pb_auto_finds struct pb_finds finds = {0}, blind = {0};
	const struct pb_find *load;

	(void)state;
	find_in_heap(&finds, r, 2, &base);
	assert_int_equal(finds.n, 2);
	load = find_named(&finds, "load < main");
	assert_string_equal(load->spot.unit, "bytes");
	assert_true(load->spot.amount == 50.0 * MIB && load->spot.total_pct > 99);
	/* Half of the memory that the process takes. */
	assert_true(fabs(load->spot.ceiling_pct - 50) < 0.01);
	assert_string_equal(clue_for(load, "streaming")->text,
			    "when most was allocated, it held 50.0 MiB, 100 % of that");
	find_in_heap(&blind, r, 2, &nothing_known);
	assert_true(isnan(blind.rows[0].spot.ceiling_pct) && isnan(blind.rows[1].spot.ceiling_pct));
}

/* One block of two: how often it is made says nothing. */
static void one_large_block_is_measured_in_bytes(void **state)
{
	pb_autojson json_t *r = heap(0, 20 * MIB, "");
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	find_in_heap(&finds, r, 2, &nothing_known);
	assert_int_equal(finds.n, 1);
	assert_string_equal(finds.rows[0].spot.unit, "bytes");
	assert_true(finds.rows[0].spot.amount == 20.0 * MIB);
}

static void a_heap_that_nobody_sees_has_no_spots(void **state)
{
	pb_autojson json_t *r = heap(10, 80000, "");
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	find_in_heap(&finds, r, 2, &nothing_known);
	assert_int_equal(finds.n, 0);
}

static void a_heap_without_its_members_is_told(void **state)
{
	static const char *const texts[] = {
		"{}", "{'values': [{'type': 'alloc_objects'}]}",
		"{'values': [{'type': 'alloc_objects'}, {'type': 'alloc_space'}, {'type': "
		"'peak_space'}], 'totals': {'alloc_objects': 1, 'alloc_space': 1, 'peak_space': 1}}",
		"{'values': [{'type': 'alloc_objects'}, {'type': 'alloc_space'}, {'type': "
		"'peak_space'}], 'totals': {'alloc_objects': 1, 'alloc_space': 1, 'peak_space': 1},"
		" 'sites': [{'frames': ['a'], 'values': [1]}]}",
		"{'values': [{'type': 'alloc_objects'}, {'type': 'alloc_space'}, {'type': "
		"'peak_space'}], 'totals': {'alloc_objects': 1, 'alloc_space': 1, 'peak_space': 1},"
		" 'sites': [{'frames': [1], 'values': [1, 1, 1]}]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pb_autojson json_t *r = report_of(texts[i]);
		struct pb_paths paths = {0};

		why[0] = '\0';
		assert_int_equal(pb_alloc_add(&paths, r, why, sizeof(why)), -EPROTO);
		assert_true(strlen(why) > 10);
		pb_paths_drop(&paths);
	}
}

/* Of which so much is asleep. */
static int asleep_ns;

/* Calls of fsync in main that take that long, and a page fault that waits for the disk. */
static json_t *io(int fsync_ns, int fault_us, const char *patterns)
{
	char text[4096];

	snprintf(
		text, sizeof(text),
		"{" HOTSPOTS ", 'values': [{'type': 'operations'}, {'type': 'calls'},"
		" {'type': 'call_time'}, {'type': 'call_io_wait'}, {'type': 'call_blocked'}],"
		" 'totals': {'calls': 110, 'call_time': %d},"
		" 'stacks_top': [{'frames': ['w', '_start', 'main', 'parse', 'fsync', '/tmp/a'],"
		"  'values': [0, 60, %d, %d, 0]},"
		" {'frames': ['w', '_start', 'main', 'parse', 'fsync', '/tmp/b'],"
		"  'values': [0, 40, 0, 0, 0]},"
		" {'frames': ['w', '[broken]', '__read_nocancel', '/lib/libc.so.6'],"
		"  'values': [0, 10, 1000, 0, 0]}],"
		" 'view': {'rows': [{'who': 'main', 'count': 10, 'mean_us': %d, 'frames': ['_start',"
		"  'main', 'load', 'asm_exc_page_fault']}, {'who': 'main', 'count': 100,"
		"  'mean_us': 100, 'frames': ['_start', 'main', 'parse', 'fsync', 'do_syscall_64']},"
		"  {'who': 'others', 'count': 3, 'mean_us': 4}]}, 'patterns': [%s]}",
		fsync_ns + 1000, fsync_ns, asleep_ns, fault_us, patterns);
	return report_of(text);
}

static void find_io(struct pb_finds *finds, json_t *const *runs, uint32_t n,
		    const struct pb_path_base *base)
{
	struct pb_paths paths = {0};

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pb_io_add(&paths, runs[i], why, sizeof(why)), 0);
	pb_io_correct(&paths, base);
	assert_int_equal(pb_io_find(&paths, base, finds), 0);
	pb_paths_drop(&paths);
}

static void calls_on_many_files_are_one_path_with_their_pattern(void **state)
{
	pb_autojson json_t *r =
		io(50000000, 0,
		   "{'kind': 'fsync_per_write', 'time_us': 25000, 'evidence': 'one for each',"
		   " 'frames': ['_start', 'main', 'parse', 'fsync']},"
		   "{'kind': 'small_sequential', 'time_us': 1, 'evidence': 'x',"
		   " 'frames': ['_start', 'main', 'nowhere']}");
	const struct pb_path_base base = {1e8, 1, NAN, NAN, NAN, NAN, NAN};
	json_t *const runs[] = {r, r, r};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_spot *spot;

	(void)state;
	find_io(&finds, runs, 3, &base);
	assert_int_equal(finds.n, 1);
	spot = &finds.rows[0].spot;
	assert_string_equal(spot->frames, "_start;main;parse;fsync");
	assert_string_equal(spot->name, "parse < main");
	assert_true(spot->total_pct > 99.9 && spot->amount == 5e7 && spot->events == 300);
	assert_true(is_near(spot->ceiling_pct, 50) && is_near(spot->ceiling_low_pct, 50));
	assert_true(is_near(clue_for(&finds.rows[0], "n-plus-one")->share_pct, 50));
	assert_string_equal(finds.rows[0].clues[0].text, "one for each");
	assert_int_equal(finds.rows[0].n_clues, 1);
}

static void pages_that_are_waited_for_are_io_without_a_call(void **state)
{
	pb_autojson json_t *r =
		io(1000000, 1000,
		   "{'kind': 'random_reads', 'time_us': 10000, 'evidence': 'here and there',"
		   " 'frames': ['_start', 'main', 'load', 'asm_exc_page_fault']}");
	json_t *const runs[] = {r, r};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	find_io(&finds, runs, 2, &nothing_known);
	assert_int_equal(finds.n, 2);
	assert_string_equal(finds.rows[0].spot.frames, "_start;main;load;page fault");
	assert_true(is_near(finds.rows[0].spot.total_pct, 100 * 10.0 / 11.001));
	assert_non_null(clue_for(&finds.rows[0], "streaming"));
	assert_true(isnan(finds.rows[0].spot.ceiling_pct));
}

static void what_every_program_reads_is_no_spot(void **state)
{
	pb_autojson json_t *r = io(0, 0, "");
	const struct pb_path_base base = {1e6, 1, NAN, NAN, NAN, NAN, NAN};
	json_t *const runs[] = {r, r};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	find_io(&finds, runs, 2, &base);
	assert_int_equal(finds.n, 0);
}

static void runs_that_differ_have_an_interval(void **state)
{
	const struct pb_path_base base = {1e8, 1, NAN, NAN, NAN, NAN, NAN};
	pb_autojson json_t *a = io(10000000, 0, ""), *b = io(20000000, 0, "");
	pb_autojson json_t *c = io(30000000, 0, "");
	json_t *const runs[] = {a, b, c};
	pb_auto_finds struct pb_finds three = {0}, two = {0};

	(void)state;
	find_io(&three, runs, 3, &base);
	assert_true(is_near(three.rows[0].spot.ceiling_pct, 20));
	assert_true(three.rows[0].spot.ceiling_low_pct < 10 &&
		    three.rows[0].spot.ceiling_high_pct > 30);
	find_io(&two, runs, 2, &base);
	assert_true(is_near(two.rows[0].spot.ceiling_low_pct, 10) &&
		    is_near(two.rows[0].spot.ceiling_high_pct, 20));
}

/* One run of six waited ten times as long for a disk that others used. */
static void one_run_that_others_disturbed_is_not_the_interval(void **state)
{
	const struct pb_path_base base = {1e8, 10, NAN, NAN, NAN, NAN, NAN};
	pb_autojson json_t *a = io(10000000, 0, ""), *b = io(100000000, 0, "");
	json_t *const runs[] = {a, a, a, b, a, a};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	find_io(&finds, runs, 6, &base);
	assert_true(is_near(finds.rows[0].spot.ceiling_pct, 10) &&
		    is_near(finds.rows[0].spot.ceiling_low_pct, 10) &&
		    is_near(finds.rows[0].spot.ceiling_high_pct, 100));
	assert_true(finds.rows[0].spot.amount == 25e6);
}

/* Calls of 50 ms, of which 10 asleep, in a program that uses 20 ms of a CPU: 20 ms of them are the profiler's. */
static void cpu_time_of_calls_is_at_most_that_of_the_workload(void **state)
{
	const struct pb_path_base base = {1e8, 0.2, NAN, NAN, NAN, NAN, NAN};
	/* Of which 10 in the kernel: no call uses more. */
	const struct pb_path_base in_kernel = {1e8, 0.2, NAN, NAN, NAN, NAN, 1e7};
	pb_auto_finds struct pb_finds finds = {0}, unknown = {0}, least = {0};
	pb_autojson json_t *r = NULL;

	(void)state;
	asleep_ns = 10000000;
	r = io(50000000, 0,
	       "{'kind': 'small_sequential', 'time_us': 25000, 'evidence': 'x',"
	       " 'frames': ['_start', 'main', 'parse', 'fsync']}");
	asleep_ns = 0;
	{
		json_t *const runs[] = {r, r, r};

		find_io(&finds, runs, 3, &base);
		find_io(&unknown, runs, 3, &nothing_known);
		find_io(&least, runs, 3, &in_kernel);
	}
	assert_true(fabs(least.rows[0].spot.amount - 20e6) < 1e3);
	assert_true(fabs(finds.rows[0].spot.amount - 30e6) < 1e3);
	assert_true(fabs(finds.rows[0].spot.ceiling_pct - 30) < 0.01);
	assert_true(fabs(finds.rows[0].clues[0].share_pct - 50) < 0.01);
	assert_true(unknown.rows[0].spot.amount == 50e6);
}

static void io_without_its_members_is_told(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{'values': [{'type': 'calls'}, {'type': 'call_time'}, {'type': 'call_io_wait'},"
		" {'type': 'call_blocked'}], 'totals': {}}",
		"{'values': [{'type': 'calls'}, {'type': 'call_time'}, {'type': 'call_io_wait'},"
		" {'type': 'call_blocked'}], 'totals': {'calls': 1,"
		" 'call_time': 1}, 'stacks_top': [{'values': [1, 1, 0, 0]}]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		pb_autojson json_t *r = report_of(texts[i]);
		struct pb_paths paths = {0};

		why[0] = '\0';
		assert_int_equal(pb_io_add(&paths, r, why, sizeof(why)), -EPROTO);
		assert_true(strlen(why) > 10);
		pb_paths_drop(&paths);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sites_with_one_path_are_one_spot),
		cmocka_unit_test(threads_at_once_do_not_lift_a_ceiling),
		cmocka_unit_test(a_path_that_holds_the_memory_is_measured_in_bytes),
		cmocka_unit_test(one_large_block_is_measured_in_bytes),
		cmocka_unit_test(a_heap_that_nobody_sees_has_no_spots),
		cmocka_unit_test(a_heap_without_its_members_is_told),
		cmocka_unit_test(calls_on_many_files_are_one_path_with_their_pattern),
		cmocka_unit_test(pages_that_are_waited_for_are_io_without_a_call),
		cmocka_unit_test(what_every_program_reads_is_no_spot),
		cmocka_unit_test(runs_that_differ_have_an_interval),
		cmocka_unit_test(one_run_that_others_disturbed_is_not_the_interval),
		cmocka_unit_test(cpu_time_of_calls_is_at_most_that_of_the_workload),
		cmocka_unit_test(io_without_its_members_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
