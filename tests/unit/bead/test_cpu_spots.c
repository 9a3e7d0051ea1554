/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/cpu_profile.h"

#include <errno.h>

#include "tests/unit/bead/report_fixture.h"
#include "user/bead/share.h"

#define LIBC "/lib/libc.so.6"

static char why[256];

/* A report of stacks "samples root;..;leaf", whose functions are in modules: "name" is the program's, "name@c" libc's,
 * "name@k" the kernel's, and "name@/path" of another one. */
static json_t *report(const char *const *stacks)
{
	json_t *r = report_of("{'values': [{'type': 'samples'}, {'type': 'cpu'}], 'hotspots': [],"
			      " 'stacks_top': []}");
	json_t *hotspots = json_object_get(r, "hotspots"), *seen = json_object();
	json_int_t all = 0;

	for (; *stacks; stacks++) {
		json_t *frames = json_pack("[s]", "w");
		char *copy = strdup(*stacks), *rest, *word;
		json_int_t samples = strtoll(copy, &rest, 10);

		for (word = strtok(rest + 1, ";"); word; word = strtok(NULL, ";")) {
			char *at = strchr(word, '@');
			const char *module = "/bin/w";

			if (at) {
				*at++ = '\0';
				module = *at == 'c' ? LIBC : *at == 'k' ? "[kernel.kallsyms]" : at;
			}
			json_array_append_new(frames, json_string(word));
			if (word[0] != '[')
				json_array_append_new(hotspots,
						      json_pack("{s:s, s:s, s:s, s:i}", "function",
								word, "module", module, "file",
								at ? "" : "w.c", "line", 7));
		}
		json_array_append_new(json_object_get(r, "stacks_top"),
				      json_pack("{s:o, s:[I, I]}", "frames", frames, "values",
						samples, samples * 1000000));
		all += samples;
		free(copy);
	}
	json_object_set_new(r, "totals",
			    json_pack("{s:I, s:I}", "samples", all, "cpu", all * 1000000));
	json_decref(seen);
	return r;
}

/* As often as there are runs. */
static void look(struct pb_finds *finds, const char *const *stacks, uint32_t runs,
		 double cpu_per_wall)
{
	pb_autojson json_t *r = report(stacks);
	struct pb_cpu cpu = {0};

	for (uint32_t i = 0; i < runs; i++)
		assert_int_equal(pb_cpu_add(&cpu, r, why, sizeof(why)), 0);
	assert_int_equal(pb_cpu_find(&cpu, cpu_per_wall, 5, finds), 0);
	pb_cpu_drop(&cpu);
}

static void who_only_passes_on_is_left_out_and_the_deepest_stands(void **state)
{
	static const char *const stacks[] = {"960 _start;__libc_start_main@c;main;run;find",
					     "40 _start;__libc_start_main@c;main;run", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 0.5);
	/* run has 4 % of its own. */
	assert_int_equal(finds.n, 2);
	assert_string_equal(finds.rows[0].spot.name, "run");
	assert_string_equal(finds.rows[1].spot.name, "find");
	assert_true(is_near(finds.rows[1].spot.total_pct, 96));
	assert_true(is_near(finds.rows[1].spot.self_pct, 96));
	assert_true(is_near(finds.rows[1].spot.ceiling_pct, 48));
	assert_true(finds.rows[1].spot.ceiling_low_pct < 48 &&
		    finds.rows[1].spot.ceiling_high_pct > 48);
	assert_true(is_near(finds.rows[1].spot.amount, 960e6));
	assert_int_equal(finds.rows[1].spot.events, 3 * 960);
	assert_string_equal(finds.rows[1].spot.file, "w.c");
	assert_int_equal(finds.rows[1].spot.line, 7);
	assert_non_null(clue_for(&finds.rows[1], "algorithm"));
	assert_null(clue_for(&finds.rows[0], "algorithm"));
}

/* 8 threads on 2 CPUs: a function with 45 % of their time saves 45 % of the wall time, not 90. */
static void threads_at_once_do_not_lift_a_ceiling(void **state)
{
	static const char *const stacks[] = {"450 start_thread@c;f", "550 start_thread@c;g", NULL};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_spot *spot;

	(void)state;
	look(&finds, stacks, 3, 2);
	spot = &find_named(&finds, "f")->spot;
	assert_true(is_near(spot->ceiling_pct, 45) && is_near(spot->total_pct, 45));
	assert_true(is_near(spot->ceiling_low_pct, spot->low_pct));
	assert_true(is_near(spot->ceiling_high_pct, spot->high_pct));
}

static void the_id_is_of_the_function_and_its_modules_file_name(void **state)
{
	static const char *const here[] = {"100 f@/usr/bin/x", NULL};
	static const char *const there[] = {"100 f@/opt/bin/x", NULL};
	pb_auto_finds struct pb_finds a = {0}, b = {0};
	char id[PB_SPOT_ID];

	(void)state;
	look(&a, here, 1, 1);
	look(&b, there, 1, 1);
	pb_spot_id(id, PB_SPOT_CPU, "f\nx");
	assert_string_equal(a.rows[0].spot.id, id);
	assert_string_equal(b.rows[0].spot.id, id);
}

static void recursion_counts_once(void **state)
{
	static const char *const stacks[] = {
		"50 main;walk;walk;walk", "50 main;walk;visit;walk;leaf", "100 main;other", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 1, NAN);
	assert_true(is_near(find_named(&finds, "walk")->spot.total_pct, 50));
	assert_true(is_near(find_named(&finds, "walk")->spot.self_pct, 25));
	assert_true(isnan(find_named(&finds, "walk")->spot.ceiling_pct));
	assert_true(isnan(find_named(&finds, "walk")->spot.spread_pct));
}

static void work_in_a_library_is_told_of_who_asked_for_it(void **state)
{
	static const char *const stacks[] = {"600 main;parse;pick;__memcmp_avx2@c",
					     "100 main;parse;pick", "300 main;store", NULL};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_find_clue *clue;

	(void)state;
	look(&finds, stacks, 3, 1);
	/* parse only passes on to pick. */
	assert_null(find_named(&finds, "parse"));
	clue = clue_for(find_named(&finds, "pick"), "index");
	assert_non_null(clue);
	assert_true(is_near(clue->share_pct, 100 * 6.0 / 7));
	assert_string_equal(clue->text, "86 % of its time is in functions that look at bytes one "
					"after the other, most in __memcmp_avx2 (86 %)");
	/* The library's function is a spot of its own, without a lever; so is main, which is told nothing again. */
	assert_non_null(find_named(&finds, "__memcmp_avx2"));
	assert_int_equal(find_named(&finds, "__memcmp_avx2")->n_clues, 0);
	assert_int_equal(find_named(&finds, "main")->n_clues, 0);
}

static void work_that_several_share_in_is_told_of_who_called_them(void **state)
{
	static const char *const stacks[] = {"300 main;a;malloc@c;_int_malloc@c",
					     "300 main;b;free@c", "400 main;c", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_true(is_near(clue_for(find_named(&finds, "main"), "buffer-reuse")->share_pct, 60));
	assert_true(is_near(clue_for(find_named(&finds, "a"), "buffer-reuse")->share_pct, 100));
	assert_non_null(clue_for(find_named(&finds, "b"), "buffer-reuse"));
	assert_int_equal(find_named(&finds, "c")->n_clues, 1);
	assert_non_null(clue_for(find_named(&finds, "c"), "algorithm"));
}

static void a_name_that_begins_like_the_allocators_is_not_the_allocator(void **state)
{
	static const char *const stacks[] = {"500 main;drop;free_list", "500 main;keep", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_non_null(find_named(&finds, "free_list"));
	assert_non_null(clue_for(find_named(&finds, "free_list"), "algorithm"));
	assert_null(clue_for(find_named(&finds, "free_list"), "buffer-reuse"));
	assert_null(clue_for(find_named(&finds, "main"), "buffer-reuse"));
}

static void a_little_work_is_no_clue(void **state)
{
	static const char *const stacks[] = {"19 main;f;memcpy@c", "81 main;f", NULL};
	static const char *const locks[] = {"11 main;f;pthread_mutex_lock@c", "89 main;f", NULL};
	pb_auto_finds struct pb_finds copies = {0}, waits = {0};

	(void)state;
	look(&copies, stacks, 3, 1);
	assert_null(clue_for(find_named(&copies, "f"), "zero-copy"));
	look(&waits, locks, 3, 1);
	assert_non_null(clue_for(find_named(&waits, "f"), "lock-striping"));
}

static void entries_of_the_kernel_and_wrappers_are_no_spots_but_their_caller_is(void **state)
{
	static const char *const stacks[] = {
		"500 main;save;write@c;entry_SYSCALL_64_after_hwframe@k;do_syscall_64@k;"
		"__x64_sys_write@k;vfs_write@k;copy_page@k",
		"500 main;other", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_int_equal(finds.n, 4);
	assert_non_null(find_named(&finds, "main"));
	assert_non_null(find_named(&finds, "save"));
	assert_non_null(find_named(&finds, "other"));
	assert_non_null(find_named(&finds, "copy_page"));
	assert_int_equal(find_named(&finds, "save")->n_clues, 0);
}

#define LIBM    "@/lib/libm.so.6"
#define SYSCALL "entry_SYSCALL_64_after_hwframe@k;do_syscall_64@k;"

/* A loop around pow() is an algorithm, though the time is in libm. */
static void what_a_function_calls_of_libm_is_its_own(void **state)
{
	static const char *const stacks[] = {"600 main;sum;pow" LIBM ";__ieee754_pow_fma" LIBM,
					     "300 main;sum", "20 main;sum;malloc@c",
					     "80 main;sum;__floor_sse41" LIBM, NULL};
	/* What is called back, or waits in OpenMP, is not. */
	static const char *const others[] = {
		"400 main;sort;qsort@c;compare", "100 main;sort;qsort@c",
		"500 main;part;gomp_barrier_wait_end@/lib/libgomp.so.1", NULL};
	pb_auto_finds struct pb_finds finds = {0}, none = {0};
	const struct pb_find_clue *clue;

	(void)state;
	look(&finds, stacks, 3, 1);
	clue = clue_for(find_named(&finds, "sum"), "algorithm");
	assert_non_null(clue);
	assert_true(is_near(clue->share_pct, 98));
	assert_string_equal(clue->text,
			    "98 % of its time is in the function itself and in pow() of libm.so.6 "
			    "and the like; whether it grows faster than the input a profile cannot "
			    "say");
	assert_int_equal(find_named(&finds, "__ieee754_pow_fma")->n_clues, 0);
	look(&none, others, 3, 1);
	assert_non_null(clue_for(find_named(&none, "compare"), "algorithm"));
	assert_null(clue_for(find_named(&none, "sort"), "algorithm"));
	assert_null(clue_for(find_named(&none, "part"), "algorithm"));
}

static void time_in_system_calls_speaks_for_fewer_of_them(void **state)
{
	static const char *const stacks[] = {
		"300 main;load;__GI___libc_read@c;" SYSCALL "__x64_sys_read@k;vfs_read@k",
		"10 main;load;__libc_pread64@c;" SYSCALL "vfs_read@k",
		"190 main;load",
		"150 main;save;fsync@c;" SYSCALL "do_fsync@k;ext4_sync_file@k",
		"150 main;save",
		"200 main;keep",
		NULL};
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_find_clue *clue;

	(void)state;
	look(&finds, stacks, 3, 1);
	clue = clue_for(find_named(&finds, "load"), "scatter-gather");
	assert_non_null(clue);
	assert_true(is_near(clue->share_pct, 62));
	assert_string_equal(clue->text, "62 % of its time is in read() and the like: fewer and "
					"larger ones would save the entry");
	clue = clue_for(find_named(&finds, "save"), "n-plus-one");
	assert_non_null(clue);
	assert_true(is_near(clue->share_pct, 50));
	assert_string_equal(clue->text, "50 % of its time is in fsync(): one for many items would "
					"save the others");
	/* It is told where it can be changed. */
	assert_int_equal(find_named(&finds, "main")->n_clues, 0);
	assert_int_equal(find_named(&finds, "vfs_read")->n_clues, 0);
}

static void a_static_program_has_its_wrappers_in_itself(void **state)
{
	static const char *const stacks[] = {"500 main;load;__libc_read;" SYSCALL
					     "__x64_sys_read@k;vfs_read@k",
					     "500 main;keep", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_non_null(clue_for(find_named(&finds, "load"), "scatter-gather"));
	assert_null(find_named(&finds, "__libc_read"));
}

static void what_no_system_call_less_would_save_is_no_clue(void **state)
{
	static const char *const stacks[] = {
		/* A fault in memory, a lock, a copy of many bytes, a call of another sort, an interrupt. */
		"100 main;fault;read@c;asm_exc_page_fault@k;exc_page_fault@k;filemap_fault@k",
		"100 main;lock;write@c;" SYSCALL "__x64_sys_write@k;rwsem_down_write_slowpath@k",
		"100 main;copy;read@c;" SYSCALL "__x64_sys_read@k;rep_movs_alternative@k",
		"100 main;other;getdents@c;" SYSCALL "__x64_sys_getdents64@k;iterate_dir@k",
		"100 main;hit;read@c;asm_sysvec_apic_timer_interrupt@k;tick@k",
		"100 main;text;fprintf@c;__vfprintf_internal@c;write@c;" SYSCALL
		"__x64_sys_write@k;vfs_write@k",
		NULL};
	static const char *const spots[] = {"fault", "lock", "copy", "other", "hit"};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		assert_non_null(find_named(&finds, spots[i]));
		assert_null(clue_for(find_named(&finds, spots[i]), "scatter-gather"));
	}
	assert_non_null(clue_for(find_named(&finds, "lock"), "lock-striping"));
	/* Nor is writing the making of text. */
	assert_non_null(clue_for(find_named(&finds, "text"), "scatter-gather"));
	assert_null(clue_for(find_named(&finds, "text"), "serialization"));
}

static void a_name_in_two_modules_is_of_its_neighbours(void **state)
{
	static const char *const stacks[] = {"100 main@/bin/sh;execute@/bin/sh",
					     "300 main;work;leaf", NULL};
	pb_auto_finds struct pb_finds finds = {0};
	double of_sh = 0, of_w = 0;

	(void)state;
	look(&finds, stacks, 1, 1);
	for (uint32_t i = 0; i < finds.n; i++) {
		of_sh += !strcmp(finds.rows[i].spot.module, "/bin/sh")
				 ? finds.rows[i].spot.total_pct
				 : 0;
		of_w += !strcmp(finds.rows[i].spot.module, "/bin/w") ? finds.rows[i].spot.total_pct
								     : 0;
	}
	assert_true(is_near(of_sh, 25) && is_near(of_w, 75));
}

static void what_is_cut_off_has_no_marker_for_a_function(void **state)
{
	static const char *const stacks[] = {"100 [broken];leaf", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_int_equal(finds.n, 1);
	assert_string_equal(finds.rows[0].spot.name, "leaf");
}

static void the_allocators_share_is_known(void **state)
{
	static const char *const stacks[] = {
		"30 main;a;malloc@c;_int_malloc@c;malloc_consolidate@c", "70 main;b", NULL};
	pb_autojson json_t *r = report(stacks);
	struct pb_cpu cpu = {0};
	struct pb_share share;

	(void)state;
	assert_int_equal(pb_cpu_add(&cpu, r, why, sizeof(why)), 0);
	pb_cpu_allocator(&cpu, &share);
	assert_true(is_near(share.pct, 30));
	pb_cpu_drop(&cpu);
}

static void many_spots_are_cut_to_twenty_with_own_code_first(void **state)
{
	pb_auto_finds struct pb_finds finds = {0};
	const char *stacks[41] = {0};
	char text[40][64];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(text[i], sizeof(text[i]), i % 2 ? "%d f%d@c" : "%d f%d", 100 + i, i);
		stacks[i] = text[i];
	}
	look(&finds, stacks, 3, 1);
	assert_int_equal(finds.n, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_string_equal(finds.rows[i].spot.module, "/bin/w");
}

static void small_ones_fill_up_to_the_top_and_no_further(void **state)
{
	static const char *const stacks[] = {"9960 a", "10 b", "9 c", "8 d", "7 e", "6 f", NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_int_equal(finds.n, 5);
}

static void no_samples_are_no_spots(void **state)
{
	static const char *const stacks[] = {NULL};
	pb_auto_finds struct pb_finds finds = {0};

	(void)state;
	look(&finds, stacks, 3, 1);
	assert_int_equal(finds.n, 0);
}

/* As of /bin/true: one sample in a lock is no lever, and 18 are no profile. */
static void few_samples_are_neither_spots_nor_clues(void **state)
{
	static const char *const true_[] = {"17 main;f", "1 main;f;pthread_mutex_lock@c", NULL};
	static const char *const enough[] = {"29 main;f", "4 main;h", "9 main;g;memcpy@c",
					     "10 main;k;memcpy@c", NULL};
	pb_autojson json_t *r = report(true_);
	pb_auto_finds struct pb_finds none = {0}, finds = {0};
	struct pb_cpu cpu = {0};
	struct pb_share share;

	(void)state;
	look(&none, true_, 1, 1);
	assert_int_equal(none.n, 0);
	assert_int_equal(pb_cpu_add(&cpu, r, why, sizeof(why)), 0);
	assert_true(pb_cpu_is_too_short(&cpu, why, sizeof(why)));
	assert_string_equal(why, "too short to be profiled: 18 samples in 1 run");
	pb_cpu_allocator(&cpu, &share);
	assert_true(isnan(share.pct) && isnan(share.high_pct));
	assert_int_equal(pb_cpu_add(&cpu, r, why, sizeof(why)), 0);
	assert_false(pb_cpu_is_too_short(&cpu, why, sizeof(why)));
	pb_cpu_drop(&cpu);
	look(&finds, enough, 1, 1);
	assert_non_null(clue_for(find_named(&finds, "f"), "algorithm"));
	assert_null(find_named(&finds, "h"));
	assert_int_equal(find_named(&finds, "g")->n_clues, 0);
	assert_non_null(clue_for(find_named(&finds, "k"), "zero-copy"));
}

static void a_report_without_its_members_is_told(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{'totals': {'samples': 1, 'cpu': 1}, 'values': [{'type': 'samples'}]}",
		"{'totals': {'samples': 'x', 'cpu': 1}, 'values': [{'type': 'samples'}], "
		"'hotspots': [], 'stacks_top': []}"};
	static const char *const odd =
		"{'totals': {'samples': 3, 'cpu': 1}, 'values': [{'type': 'samples'}], "
		"'hotspots': [3, null, {}], 'stacks_top': [1, {'frames': 7, 'values': [1]}, "
		"{'frames': [], 'values': [1]}, {'frames': ['t', 5, 'f'], 'values': [1]}]}";
	pb_auto_finds struct pb_finds finds = {0};
	pb_autojson json_t *strange = report_of(odd);
	struct pb_cpu cpu = {0};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		pb_autojson json_t *r = report_of(texts[i]);

		assert_int_equal(pb_cpu_add(&cpu, r, why, sizeof(why)), -EPROTO);
		assert_true(strlen(why) > 10);
	}
	for (int i = 0; i < 20; i++)
		assert_int_equal(pb_cpu_add(&cpu, strange, why, sizeof(why)), 0);
	assert_int_equal(pb_cpu_find(&cpu, 1, 5, &finds), 0);
	assert_non_null(find_named(&finds, "f"));
	pb_cpu_drop(&cpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_only_passes_on_is_left_out_and_the_deepest_stands),
		cmocka_unit_test(threads_at_once_do_not_lift_a_ceiling),
		cmocka_unit_test(the_id_is_of_the_function_and_its_modules_file_name),
		cmocka_unit_test(recursion_counts_once),
		cmocka_unit_test(work_in_a_library_is_told_of_who_asked_for_it),
		cmocka_unit_test(work_that_several_share_in_is_told_of_who_called_them),
		cmocka_unit_test(a_name_that_begins_like_the_allocators_is_not_the_allocator),
		cmocka_unit_test(a_little_work_is_no_clue),
		cmocka_unit_test(
			entries_of_the_kernel_and_wrappers_are_no_spots_but_their_caller_is),
		cmocka_unit_test(what_a_function_calls_of_libm_is_its_own),
		cmocka_unit_test(time_in_system_calls_speaks_for_fewer_of_them),
		cmocka_unit_test(a_static_program_has_its_wrappers_in_itself),
		cmocka_unit_test(what_no_system_call_less_would_save_is_no_clue),
		cmocka_unit_test(a_name_in_two_modules_is_of_its_neighbours),
		cmocka_unit_test(what_is_cut_off_has_no_marker_for_a_function),
		cmocka_unit_test(the_allocators_share_is_known),
		cmocka_unit_test(many_spots_are_cut_to_twenty_with_own_code_first),
		cmocka_unit_test(small_ones_fill_up_to_the_top_and_no_further),
		cmocka_unit_test(no_samples_are_no_spots),
		cmocka_unit_test(few_samples_are_neither_spots_nor_clues),
		cmocka_unit_test(a_report_without_its_members_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
