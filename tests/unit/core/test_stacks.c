/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/stacks.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/files.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/track.h"

#define A       100 /* processes */
#define B       200
#define CODE    0x400000ull
#define LIBRARY 0x7f0000000000ull
#define JIT     0x7e0000000000ull
#define VDSO    0x7ffe00000000ull
#define KERNEL  0xffffffff81000000ull

static struct pb_profile *profile;
static struct pb_report *report;
static struct pb_files *files;
static struct pb_stacks *stacks;
static uint32_t app_file, library_file;
static uint32_t anonymous_tgid, n_anonymous;
static char file_state;

/* Stands in for the tracker: what lies where in A and B. B has everything 0x10000 further up. */
int pb_track_find(struct pb_track *t, uint32_t tgid, uint64_t time_ns, uint64_t addr,
		  struct pb_place *out)
{
	const struct pb_place places[] = {
		{app_file, PB_MODULE_FILE, CODE, CODE + 0x2000, 0x1000},
		{library_file, PB_MODULE_FILE, LIBRARY, LIBRARY + 0x1000, 0},
		{PB_NONE, PB_MODULE_ANON, JIT, JIT + 0x1000, 0},
		{PB_NONE, PB_MODULE_VDSO, VDSO, VDSO + 0x1000, 0},
	};
	uint64_t moved = tgid == B ? 0x10000 : 0;
	size_t i;

	assert_ptr_equal(t, &file_state);
	assert_true(time_ns == 777 || time_ns == 1777);
	for (i = 0; i < PB_ARRAY_SIZE(places); i++) {
		*out = places[i];
		out->start += moved;
		out->end += moved;
		if (addr >= out->start && addr < out->end)
			return 0;
	}
	return -ENOENT;
}

/* A has one life until 1000, and another from then on. */
int pb_track_life(const struct pb_track *t, uint32_t tgid, uint64_t time_ns, struct pb_life *out)
{
	assert_ptr_equal(t, &file_state);
	*out = (struct pb_life){.id = tgid == B ? 3 : time_ns < 1000 ? 1 : 2, .tgid = tgid};
	return 0;
}

static void on_anonymous(void *ctx, const struct pb_life *life)
{
	assert_ptr_equal(ctx, &n_anonymous);
	anonymous_tgid = life->tgid;
	n_anonymous++;
}

static int setup_for(enum pb_unwind_mode unwind)
{
	static const struct pb_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	static const uint8_t build_id[20] = {0xab, 0xcd};
	struct pb_file_sight app = {
		.tgid = A, .path = "/nowhere/app", .build_id = build_id, .build_id_len = 20};
	struct pb_file_sight library = {.tgid = A, .path = "/nowhere/lib.so"};
	struct pb_stacks_parts parts = {.track = (struct pb_track *)&file_state,
					.unwind = unwind,
					.value_size = sizeof(struct pb_stack_count),
					.on_anonymous = on_anonymous,
					.ctx = &n_anonymous};

	n_anonymous = 0;
	if (pb_profile_new(&profile, types, 2) || pb_report_new(&report) || pb_files_new(&files))
		return -1;
	app_file = pb_files_see(files, &app);
	library_file = pb_files_see(files, &library);
	parts.profile = profile;
	parts.files = files;
	return pb_stacks_new(&stacks, &parts);
}

/* Walks by frame pointers alone. */
static int setup(void **state)
{
	(void)state;
	return setup_for(PB_UNWIND_FP);
}

/* Walks by rules, and by frame pointers where there are none. */
static int setup_auto(void **state)
{
	(void)state;
	return setup_for(PB_UNWIND_AUTO);
}

static int teardown(void **state)
{
	(void)state;
	pb_stacks_free(stacks);
	pb_files_free(files);
	pb_report_free(report);
	pb_profile_free(profile);
	return 0;
}

/* A record as the kernel half sends it; frames are added by kernel_frame() and user_frame(). */
static struct pb_stack_record r;

static void begin(uint32_t tgid, enum pb_walk_end end)
{
	static uint64_t next_hash;

	memset(&r, 0, sizeof(r));
	r.key.stack_hash = ++next_hash;
	r.key.tgid = tgid;
	r.key.start_ns = 5;
	r.time_ns = 777;
	r.tid = tgid;
	r.user_end = (uint8_t)end;
	strcpy(r.comm, "worker");
}

static void kernel_frame(uint64_t addr)
{
	r.frames[r.n_kernel++] = addr;
}

static void user_frame(uint64_t addr)
{
	r.frames[r.n_kernel + r.n_user++] = addr;
}

static size_t record_size(void)
{
	return PB_STACK_RECORD_HEADER + 8 * ((size_t)r.n_kernel + r.n_user);
}

static void keep(void)
{
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	assert_int_equal(pb_stacks_resolve(stacks), 0);
}

static void count(uint64_t events, uint64_t weight)
{
	struct pb_stack_count c = {.events = events, .weight = weight, .sent = 1};

	assert_int_equal(pb_stacks_count(stacks, &r.key, &c), 0);
	report->kept += events;
}

static bool is_main(const char *name)
{
	return !strcmp(name, "main");
}

static void to_values(void *ctx, const struct pb_stack_total *total, uint64_t *values)
{
	assert_ptr_equal(ctx, report);
	assert_int_not_equal(total->node, PB_NONE);
	values[0] = total->count->events;
	values[1] = total->count->weight;
}

/* Build, and hold what a report promises: kept = complete + truncated + broken. */
static void build(void)
{
	uint64_t blamed = 0;
	uint32_t i;

	assert_int_equal(pb_stacks_build(stacks, report, is_main, to_values, report), 0);
	assert_int_equal(report->kept, report->complete + report->truncated + report->broken);
	assert_int_equal(report->kept, pb_profile_total(profile, 0));
	for (i = 0; i < report->n_broken_by; i++)
		blamed += report->broken_by[i].events;
	assert_int_equal(blamed, report->broken);
}

/* Name the location of @addr in A. */
static void name(uint64_t addr, const char *text)
{
	struct pb_function f = {.name = pb_profile_string(profile, text, strlen(text))};
	struct pb_line line = {.function = pb_profile_function(profile, &f)};
	uint32_t i;

	for (i = 0; i < profile->n_locations; i++) {
		if (profile->locations[i].addr == addr)
			pb_profile_set_lines(profile, i, &line, 1);
	}
}

/* Sample @i as text, outermost first: addresses, or the names of markers. */
static const char *path_of(uint32_t sample)
{
	static char text[512];
	uint32_t node = profile->samples[sample].node;
	char copy[512];

	text[0] = '\0';
	for (; node; node = profile->nodes[node].parent) {
		const struct pb_location *l = &profile->locations[profile->nodes[node].location];
		char one[64];

		if (l->module == PB_NONE)
			snprintf(one, sizeof(one), "%s",
				 pb_profile_text(
					 profile,
					 profile->functions[profile->lines[l->first_line].function]
						 .name));
		else
			snprintf(one, sizeof(one), "%llx%s", (unsigned long long)l->addr,
				 l->is_return ? "r" : "");
		snprintf(copy, sizeof(copy), "%s", text);
		snprintf(text, sizeof(text), "%s%s%.400s", one, *copy ? " " : "", copy);
	}
	return text;
}

static void a_record_becomes_a_sample_outermost_first(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	kernel_frame(KERNEL + 2);
	kernel_frame(KERNEL + 1);
	user_frame(LIBRARY + 0x10);
	user_frame(CODE + 0x20);
	user_frame(CODE + 0x30);
	keep();
	count(3, 30);
	build();
	assert_int_equal(profile->n_samples, 1);
	assert_string_equal(path_of(0), "400030r 400020r 7f0000000010 ffffffff81000001r "
					"ffffffff81000002");
	assert_int_equal(profile->values[0], 3);
	assert_int_equal(profile->values[1], 30);
	assert_int_equal(profile->processes[profile->samples[0].process].tgid, A);
	assert_string_equal(
		pb_profile_text(profile, profile->processes[profile->samples[0].process].comm),
		"worker");
	assert_int_equal(report->unique_stacks, 1);
	assert_int_equal(report->complete, 3);
}

static void counter_without_frames_is_told(void **state)
{
	struct pb_stack_count c = {.events = 1};
	struct pb_stack_key key;

	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	assert_int_equal(pb_stacks_count(stacks, &r.key, &c), -ENOENT);
	keep();
	key = r.key;
	assert_int_equal(pb_stacks_count(stacks, &key, &c), 0);
	key.start_ns++; /* same pid, same frames, another process */
	assert_int_equal(pb_stacks_count(stacks, &key, &c), -ENOENT);
	key = r.key;
	key.exec_id++;
	assert_int_equal(pb_stacks_count(stacks, &key, &c), -ENOENT);
}

static void stack_that_came_twice_is_one(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	keep();
	keep();
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	assert_int_equal(pb_stacks_resolve(stacks), 0);
	count(5, 0);
	build();
	assert_int_equal(profile->n_samples, 1);
	assert_int_equal(report->unique_stacks, 1);
	assert_int_equal(profile->values[0], 5);
}

static void stack_without_a_counter_makes_no_sample(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	keep();
	build();
	assert_int_equal(profile->n_samples, 0);
	assert_int_equal(report->unique_stacks, 0);
}

static void one_file_in_two_processes_is_one_module(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE + 0x20);
	keep();
	count(1, 1);
	begin(B, PB_END_BOTTOM);
	user_frame(CODE + 0x10000 + 0x20);
	keep();
	count(1, 1);
	build();
	assert_int_equal(profile->n_modules, 1);
	assert_int_equal(profile->n_locations, 1);
	assert_int_equal(profile->n_samples, 2);
	assert_string_equal(path_of(1), "400020");
}

static void module_tells_file_offset_and_build_id(void **state)
{
	const struct pb_module *m;

	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE + 0x20);
	keep();
	assert_int_equal(profile->n_modules, 1);
	m = &profile->modules[0];
	assert_string_equal(pb_profile_text(profile, m->path), "/nowhere/app");
	assert_int_equal(m->kind, PB_MODULE_FILE);
	assert_int_equal(m->start, CODE);
	assert_int_equal(m->limit, CODE + 0x2000);
	assert_int_equal(m->file_off, 0x1000);
	assert_int_equal(m->build_id_len, 20);
	assert_int_equal(m->build_id[1], 0xcd);
	assert_int_equal(pb_stacks_file(stacks, 0), app_file);
	assert_int_equal(pb_stacks_file(stacks, 1), PB_NONE);
}

static void vdso_and_jit_have_modules_of_their_own(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(VDSO + 8);
	user_frame(JIT + 8);
	keep();
	begin(A, PB_END_BOTTOM);
	user_frame(JIT + 16);
	keep();
	begin(B, PB_END_BOTTOM);
	user_frame(VDSO + 0x10000 + 8);
	user_frame(JIT + 0x10000 + 8);
	keep();
	assert_int_equal(profile->n_modules, 3); /* one vdso, JIT of A, JIT of B */
	assert_int_equal(n_anonymous, 2);
	assert_int_equal(anonymous_tgid, B);
	assert_int_equal(profile->modules[0].kind, PB_MODULE_VDSO);
	assert_int_equal(profile->modules[1].kind, PB_MODULE_ANON);
	assert_int_equal(profile->modules[1].tgid, A);
	assert_int_equal(profile->modules[2].tgid, B);
	assert_int_equal(profile->locations[1].addr, JIT + 8);
	assert_int_equal(pb_stacks_file(stacks, 1), PB_NONE);
}

static void return_address_behind_the_last_call_belongs_to_the_mapping(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	user_frame(CODE + 0x2000);
	keep();
	count(1, 1);
	build();
	assert_string_equal(path_of(0), "402000r 400000");
	assert_int_equal(report->complete, 1);
}

static void leaf_in_unknown_memory_is_kept_and_called_unknown(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(0x123456);
	user_frame(CODE + 0x20);
	keep();
	count(1, 1);
	build();
	assert_string_equal(path_of(0), "400020r 123456");
	assert_string_equal(
		pb_profile_text(profile, profile->modules[profile->locations[0].module].path),
		"[unknown]");
}

/* In the middle of an exec the registers are of the old program, the mappings of the new one. */
static void system_call_from_nowhere_has_no_user_frames(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	r.in_kernel = 1;
	user_frame(0x123456);
	user_frame(CODE + 0x20);
	keep();
	count(1, 1);
	build();
	assert_int_equal(report->broken, 1);
	assert_string_equal(report->broken_by[0].cause, "stack_unreadable");
}

static void astray_return_address_is_cut(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE + 0x10);
	user_frame(0x123456);
	user_frame(CODE + 0x30);
	keep();
	count(2, 2);
	build();
	assert_string_equal(path_of(0), "[broken] 400010");
	assert_int_equal(report->broken, 2);
	assert_int_equal(report->n_broken_by, 1);
	assert_string_equal(report->broken_by[0].cause, "no_frame_pointer");
	assert_string_equal(report->broken_by[0].module, "/nowhere/app");
}

static void stack_that_goes_astray_later_has_lost_its_frame_pointer(void **state)
{
	(void)state;
	begin(A, PB_END_DEPTH);
	kernel_frame(KERNEL);
	user_frame(LIBRARY + 0x10);
	user_frame(CODE + 0x20);
	user_frame(0x99);
	keep();
	count(1, 1);
	build();
	assert_string_equal(path_of(0), "[broken] 400020r 7f0000000010 ffffffff81000000");
	assert_string_equal(report->broken_by[0].cause, "frame_pointer_lost");
	assert_int_equal(report->truncated, 0);
}

/* A row: how the walk ended, how many user frames up the first address without code is, the cause. */
struct astray {
	enum pb_walk_end end;
	uint32_t depth;
	const char *cause;
};

static void expect_astray(const struct astray *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		begin(A, rows[i].end);
		for (uint32_t k = 0; k < rows[i].depth; k++)
			user_frame(CODE + 0x100 * (i + 1) + k);
		user_frame(0x99);
		keep();
		count(1 + i, 0); /* tells the rows apart */
	}
	build();
	assert_int_equal(report->complete, 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t want = 0, got = 0;

		for (size_t k = 0; k < n; k++)
			want += strcmp(rows[k].cause, rows[i].cause) ? 0 : 1 + k;
		for (uint32_t k = 0; k < report->n_broken_by; k++)
			got += strcmp(report->broken_by[k].cause, rows[i].cause)
				       ? 0
				       : report->broken_by[k].events;
		if (want != got)
			fail_msg("row %zu: %s has %llu events", i, rows[i].cause,
				 (unsigned long long)got);
	}
}

static void walk_by_frame_pointers_goes_astray_by_frame_pointers(void **state)
{
	static const struct astray rows[] = {
		{PB_END_BOTTOM, 1, "no_frame_pointer"},
		{PB_END_DEPTH, 2, "frame_pointer_lost"},
		{PB_END_UNREADABLE, 1, "no_frame_pointer"},
		{PB_END_NO_FP, 1, "no_frame_pointer"},
		{PB_END_UNREADABLE, 3, "frame_pointer_lost"},
	};

	(void)state;
	expect_astray(rows, PB_ARRAY_SIZE(rows));
}

static void walk_by_rules_goes_astray_by_its_end(void **state)
{
	static const struct astray rows[] = {
		{PB_END_NO_MAPPING, 1, "bad_frame"},      {PB_END_NO_MAPPING, 4, "bad_frame"},
		{PB_END_BOTTOM, 1, "bad_frame"},          {PB_END_OUTERMOST, 2, "bad_frame"},
		{PB_END_DEPTH, 2, "bad_frame"},           {PB_END_NO_FP, 1, "no_frame_pointer"},
		{PB_END_BAD_FP, 2, "frame_pointer_lost"},
	};

	(void)state;
	expect_astray(rows, PB_ARRAY_SIZE(rows));
}

static void ends_of_walks_by_rules_are_causes_of_their_own(void **state)
{
	static const struct {
		enum pb_walk_end end;
		const char *cause;
	} rows[] = {
		{PB_END_NO_RULE, "no_unwind_rule"}, {PB_END_UNSUPPORTED, "unsupported_rule"},
		{PB_END_BAD_FRAME, "bad_frame"},    {PB_END_NO_MAPPING, "unknown_code"},
		{PB_END_NO_PROCESS, "new_process"}, {PB_END_INTERRUPTED, "interrupted"},
	};
	size_t n = PB_ARRAY_SIZE(rows), i;

	(void)state;
	for (i = 0; i < n; i++) {
		begin(A, rows[i].end);
		user_frame(LIBRARY + 0x10 + i);
		user_frame(CODE + 0x20);
		keep();
		count(n - i, 0); /* in this order in the report */
	}
	build();
	assert_int_equal(report->complete, 0);
	assert_int_equal(report->n_broken_by, n);
	for (i = 0; i < n; i++) {
		assert_string_equal(report->broken_by[i].cause, rows[i].cause);
		assert_string_equal(report->broken_by[i].module, "/nowhere/app");
		assert_int_equal(report->broken_by[i].events, n - i);
	}
	/* Each frame that lies in code has its name, the last one too. */
	assert_string_equal(path_of(3), "[broken] 400020r 7f0000000013");
}

static void outermost_frame_by_rule_is_complete_whatever_its_name(void **state)
{
	(void)state;
	begin(A, PB_END_OUTERMOST);
	user_frame(LIBRARY + 0x10);
	user_frame(CODE + 0x20);
	keep();
	count(4, 0);
	build();
	assert_int_equal(report->complete, 4);
	assert_string_equal(path_of(0), "400020r 7f0000000010");
}

static void bottom_by_name_counts_only_where_no_rule_could_tell(void **state)
{
	static const enum pb_walk_end ends[] = {
		PB_END_NO_FP,      PB_END_BAD_FP,    PB_END_NO_RULE,    PB_END_UNSUPPORTED,
		PB_END_UNREADABLE, PB_END_BAD_FRAME, PB_END_NO_MAPPING, PB_END_NO_PROCESS,
	};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		begin(A, ends[i]);
		user_frame(LIBRARY + 0x10);
		user_frame(CODE + 0x20);
		keep();
		count(1, 0);
	}
	name(CODE + 0x20, "main");
	build();
	assert_int_equal(report->complete, 3);
	assert_int_equal(report->broken, 5);
}

/* The system call that a new process sleeps in was made by code that we never saw. */
static void system_call_from_a_new_process_says_so(void **state)
{
	static const enum pb_walk_end ends[] = {PB_END_NO_PROCESS, PB_END_NO_MAPPING,
						PB_END_OUTERMOST};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		begin(A, ends[i]);
		r.in_kernel = 1;
		user_frame(0x123456);
		keep();
		count(3 - i, 0);
	}
	build();
	assert_int_equal(report->n_broken_by, 3);
	assert_string_equal(report->broken_by[0].cause, "new_process");
	assert_string_equal(report->broken_by[0].module, "[unknown]");
	assert_string_equal(report->broken_by[1].cause, "unknown_code");
	assert_string_equal(report->broken_by[2].cause, "stack_unreadable");
}

static void depth_limit_is_truncated(void **state)
{
	(void)state;
	begin(A, PB_END_DEPTH);
	user_frame(CODE + 0x10);
	keep();
	count(4, 4);
	build();
	assert_string_equal(path_of(0), "[truncated] 400010");
	assert_int_equal(report->truncated, 4);
	assert_int_equal(report->n_broken_by, 0);
}

static void cut_kernel_stack_is_truncated(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	kernel_frame(KERNEL);
	user_frame(CODE + 0x10);
	r.kernel_cut = 1;
	keep();
	count(1, 1);
	build();
	assert_int_equal(report->truncated, 1);
}

static void stack_without_user_frames_is_complete_where_there_are_none(void **state)
{
	static const enum pb_walk_end ends[] = {PB_END_NOT_WALKED, PB_END_NO_USER};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		begin(A, ends[i]);
		kernel_frame(KERNEL + i);
		keep();
		count(1, 1);
	}
	build();
	assert_int_equal(report->complete, 2);
	assert_string_equal(path_of(0), "ffffffff81000000");
}

static void thirty_two_bit_task_is_broken_in_an_unknown_module(void **state)
{
	(void)state;
	begin(A, PB_END_COMPAT);
	keep();
	count(1, 1);
	build();
	assert_string_equal(path_of(0), "[broken]");
	assert_string_equal(report->broken_by[0].module, "[unknown]");
	assert_string_equal(report->broken_by[0].cause, "32_bit_task");
}

static void bottom_is_told_by_name_in_the_two_outermost_frames(void **state)
{
	uint32_t depth;

	(void)state;
	for (depth = 0; depth < 3; depth++) { /* frames above main */
		begin(A, PB_END_BAD_FP);
		user_frame(LIBRARY + 0x10 + depth);
		user_frame(CODE + 0x20);
		for (uint32_t i = 0; i < depth; i++)
			user_frame(LIBRARY + 0x100 + i);
		keep();
		count(1, 1);
	}
	name(CODE + 0x20, "main");
	build();
	assert_int_equal(report->complete, 2);
	assert_int_equal(report->broken, 1);
	assert_string_equal(path_of(0), "400020r 7f0000000010");
	assert_string_equal(path_of(2),
			    "[broken] 7f0000000101r 7f0000000100r 400020r 7f0000000012");
}

static void blame_goes_to_module_and_cause_worst_first(void **state)
{
	static const struct {
		uint64_t addr;
		enum pb_walk_end end;
		uint64_t events;
	} rows[] = {
		{CODE + 1, PB_END_NO_FP, 2},      {LIBRARY + 1, PB_END_NO_FP, 10},
		{CODE + 2, PB_END_NO_FP, 3},      {CODE + 3, PB_END_UNREADABLE, 7},
		{LIBRARY + 2, PB_END_BOTTOM, 99},
	};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		begin(A, rows[i].end);
		user_frame(rows[i].addr);
		keep();
		count(rows[i].events, 0);
	}
	build();
	assert_int_equal(report->n_broken_by, 3);
	assert_string_equal(report->broken_by[0].module, "/nowhere/lib.so");
	assert_int_equal(report->broken_by[0].events, 10);
	assert_string_equal(report->broken_by[1].cause, "stack_unreadable");
	assert_int_equal(report->broken_by[1].events, 7);
	assert_string_equal(report->broken_by[2].module, "/nowhere/app");
	assert_string_equal(report->broken_by[2].cause, "no_frame_pointer");
	assert_int_equal(report->broken_by[2].events, 5);
	assert_int_equal(report->broken, 22);
}

static void stacks_that_resolve_alike_add_up_in_one_sample(void **state)
{
	(void)state;
	/* As after an exec of the same program. */
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	keep();
	count(2, 20);
	begin(A, PB_END_BOTTOM);
	r.key.exec_id = 9;
	user_frame(CODE);
	keep();
	count(3, 30);
	build();
	assert_int_equal(profile->n_samples, 1);
	assert_int_equal(profile->values[0], 5);
	assert_int_equal(profile->values[1], 50);
}

static void name_without_an_end_is_bounded(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	memset(r.comm, 'x', sizeof(r.comm));
	user_frame(CODE);
	keep();
	count(1, 1);
	build();
	assert_string_equal(
		pb_profile_text(profile, profile->processes[profile->samples[0].process].comm),
		"xxxxxxxxxxxxxxxx");
}

static void keep_rejects_sizes_that_do_not_add_up(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(CODE);
	user_frame(CODE + 1);
	assert_int_equal(pb_stacks_keep(stacks, &r, 0), -EPROTO);
	assert_int_equal(pb_stacks_keep(stacks, &r, PB_STACK_RECORD_HEADER - 1), -EPROTO);
	assert_int_equal(pb_stacks_keep(stacks, &r, PB_STACK_RECORD_HEADER), -EPROTO);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size() - 1), -EPROTO);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	/* More than is used does no harm. */
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size() + 8), 0);
	r.n_user = PB_FRAMES_MAX;
	r.n_kernel = 1;
	assert_int_equal(pb_stacks_keep(stacks, &r, SIZE_MAX), -EPROTO);
	r.n_user = r.n_kernel = UINT16_MAX;
	assert_int_equal(pb_stacks_keep(stacks, &r, SIZE_MAX), -EPROTO);
}

static void keep_rejects_an_end_that_it_does_not_know(void **state)
{
	(void)state;
	begin(A, PB_END_COUNT);
	user_frame(CODE);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), -EPROTO);
}

static void longest_record_is_kept(void **state)
{
	uint32_t i;

	(void)state;
	begin(A, PB_END_BOTTOM);
	for (i = 0; i < PB_KERNEL_FRAMES_MAX; i++)
		kernel_frame(KERNEL + i);
	for (i = 0; i < PB_USER_FRAMES_MAX; i++)
		user_frame(CODE + 1 + i);
	assert_int_equal(record_size(), sizeof(r));
	keep();
	count(1, 1);
	build();
	assert_int_equal(profile->n_nodes, 1 + PB_FRAMES_MAX);
}

static void thousands_of_stacks_are_all_there(void **state)
{
	struct pb_stack_count c = {.events = 1, .weight = 2, .sent = 1};
	const uint32_t n = 5000;
	struct pb_stack_key first;
	uint32_t i;

	(void)state;
	for (i = 0; i < n; i++) {
		begin(A, PB_END_BOTTOM);
		user_frame(CODE + i % 0x2000);
		user_frame(CODE + 1 + i / 100);
		if (!i)
			first = r.key;
		assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
		if (i % 1000 == 999)
			assert_int_equal(pb_stacks_resolve(stacks), 0);
	}
	for (i = 0; i < n; i++, first.stack_hash++)
		assert_int_equal(pb_stacks_count(stacks, &first, &c), 0);
	report->kept = n;
	build();
	assert_int_equal(report->unique_stacks, n);
	assert_int_equal(pb_profile_total(profile, 1), 2 * n);
}

static void code_of_one_pid_is_apart_before_and_after_an_exec(void **state)
{
	(void)state;
	begin(A, PB_END_BOTTOM);
	user_frame(JIT + 0x10);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	begin(A, PB_END_BOTTOM);
	r.time_ns = 1777;
	user_frame(JIT + 0x10);
	assert_int_equal(pb_stacks_keep(stacks, &r, record_size()), 0);
	assert_int_equal(pb_stacks_resolve(stacks), 0);
	assert_int_equal(n_anonymous, 2);
	assert_int_equal(profile->n_modules, 2);
	assert_int_equal(profile->modules[0].tgid, A);
	assert_int_equal(profile->modules[1].tgid, A);
	assert_int_equal(pb_stacks_life(stacks, 0), 1);
	assert_int_equal(pb_stacks_life(stacks, 1), 2);
	assert_int_equal(pb_stacks_life(stacks, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(code_of_one_pid_is_apart_before_and_after_an_exec,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_becomes_a_sample_outermost_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(counter_without_frames_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(stack_that_came_twice_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(stack_without_a_counter_makes_no_sample, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_file_in_two_processes_is_one_module, setup,
						teardown),
		cmocka_unit_test_setup_teardown(module_tells_file_offset_and_build_id, setup,
						teardown),
		cmocka_unit_test_setup_teardown(vdso_and_jit_have_modules_of_their_own, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			return_address_behind_the_last_call_belongs_to_the_mapping, setup,
			teardown),
		cmocka_unit_test_setup_teardown(system_call_from_nowhere_has_no_user_frames, setup,
						teardown),
		cmocka_unit_test_setup_teardown(leaf_in_unknown_memory_is_kept_and_called_unknown,
						setup, teardown),
		cmocka_unit_test_setup_teardown(astray_return_address_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(
			stack_that_goes_astray_later_has_lost_its_frame_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(
			walk_by_frame_pointers_goes_astray_by_frame_pointers, setup, teardown),
		cmocka_unit_test_setup_teardown(walk_by_rules_goes_astray_by_its_end, setup_auto,
						teardown),
		cmocka_unit_test_setup_teardown(ends_of_walks_by_rules_are_causes_of_their_own,
						setup_auto, teardown),
		cmocka_unit_test_setup_teardown(
			outermost_frame_by_rule_is_complete_whatever_its_name, setup_auto,
			teardown),
		cmocka_unit_test_setup_teardown(bottom_by_name_counts_only_where_no_rule_could_tell,
						setup_auto, teardown),
		cmocka_unit_test_setup_teardown(system_call_from_a_new_process_says_so, setup_auto,
						teardown),
		cmocka_unit_test_setup_teardown(depth_limit_is_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_kernel_stack_is_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(
			stack_without_user_frames_is_complete_where_there_are_none, setup,
			teardown),
		cmocka_unit_test_setup_teardown(thirty_two_bit_task_is_broken_in_an_unknown_module,
						setup, teardown),
		cmocka_unit_test_setup_teardown(bottom_is_told_by_name_in_the_two_outermost_frames,
						setup, teardown),
		cmocka_unit_test_setup_teardown(blame_goes_to_module_and_cause_worst_first, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stacks_that_resolve_alike_add_up_in_one_sample,
						setup, teardown),
		cmocka_unit_test_setup_teardown(name_without_an_end_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(keep_rejects_sizes_that_do_not_add_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keep_rejects_an_end_that_it_does_not_know, setup,
						teardown),
		cmocka_unit_test_setup_teardown(longest_record_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(thousands_of_stacks_are_all_there, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
