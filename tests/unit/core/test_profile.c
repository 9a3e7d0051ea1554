/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/profile.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/text.h"

static const struct pb_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};

static int setup(void **state)
{
	struct pb_profile *p = NULL;

	assert_int_equal(pb_profile_new(&p, types, PB_ARRAY_SIZE(types)), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	pb_profile_free(*state);
	return 0;
}

static uint32_t string(struct pb_profile *p, const char *s)
{
	return pb_profile_string(p, s, strlen(s));
}

static uint32_t module(struct pb_profile *p, const char *path)
{
	const struct pb_module m = {.path = string(p, path), .start = 0x1000, .limit = 0x2000};

	return pb_profile_module(p, &m);
}

static uint32_t function(struct pb_profile *p, const char *name)
{
	const struct pb_function f = {.name = string(p, name)};

	return pb_profile_function(p, &f);
}

static void a_new_profile_has_a_root_and_the_empty_string(void **state)
{
	const struct pb_profile *p = *state;

	assert_int_equal(p->n_nodes, 1);
	assert_int_equal(p->nodes[0].location, PB_NONE);
	assert_string_equal(pb_profile_text(p, 0), "");
	assert_int_equal(p->n_samples, 0);
	assert_int_equal(p->n_modules, 0);
	assert_string_equal(p->period_type.type, "");
	assert_int_equal(pb_profile_error(p), 0);
	assert_int_equal(pb_profile_total(p, 0), 0);
}

static void value_types_are_copied(void **state)
{
	char type[] = "bytes", unit[] = "b";
	const struct pb_value_type passing = {type, unit};
	pb_auto(pb_profile) struct pb_profile *p = NULL;

	(void)state;
	assert_int_equal(pb_profile_new(&p, &passing, 1), 0);
	memset(type, 'x', 5);
	unit[0] = 'x';
	assert_string_equal(p->value_types[0].type, "bytes");
	assert_string_equal(p->value_types[0].unit, "b");
}

static void a_profile_without_values_or_with_too_many_is_refused(void **state)
{
	const struct pb_value_type many[PB_VALUES_MAX + 1] = {{"a", "b"}};
	struct pb_profile *p = NULL;

	(void)state;
	assert_int_equal(pb_profile_new(&p, many, 0), -EINVAL);
	assert_int_equal(pb_profile_new(&p, many, PB_VALUES_MAX + 1), -EINVAL);
	assert_null(p);
}

static void equal_strings_get_equal_ids_and_keep_their_place(void **state)
{
	struct pb_profile *p = *state;
	uint32_t first = string(p, "first");
	const char *text = pb_profile_text(p, first);
	char name[32];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		string(p, name);
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_string_equal(pb_profile_text(p, string(p, name)), name);
	}
	assert_int_equal(string(p, "first"), first);
	assert_ptr_equal(pb_profile_text(p, first), text);
	assert_string_equal(text, "first");
	assert_int_equal(string(p, ""), 0);
	assert_string_equal(pb_profile_text(p, UINT32_MAX), "");
}

static void a_hostile_string_is_made_safe_and_bounded(void **state)
{
	static char big[3 * PB_NAME_MAX];
	struct pb_profile *p = *state;

	assert_string_equal(pb_profile_text(p, pb_profile_string(p, "\033[2J\0x", 6)),
			    "\\x1b[2J\\x00x");
	memset(big, 'y', sizeof(big));
	/* many of them, so that they fill chunks to the brim */
	for (size_t i = 0; i < 100; i++) {
		const char *text = pb_profile_text(p, pb_profile_string(p, big, sizeof(big) - i));

		assert_int_equal(strlen(text), PB_NAME_MAX);
		big[i] = 'z';
	}
	assert_int_equal(pb_profile_error(p), 0);
}

static void a_module_is_always_new(void **state)
{
	struct pb_profile *p = *state;

	assert_int_equal(module(p, "/bin/a"), 0);
	assert_int_equal(module(p, "/bin/a"), 1);
	assert_int_equal(p->n_modules, 2);
	assert_string_equal(pb_profile_text(p, p->modules[1].path), "/bin/a");
	assert_int_equal(p->modules[1].limit, 0x2000);
}

static void processes_are_found_by_pid_and_name(void **state)
{
	struct pb_profile *p = *state;
	uint32_t a = pb_profile_process(p, 7, string(p, "a"));

	assert_int_equal(pb_profile_process(p, 7, string(p, "a")), a);
	assert_int_not_equal(pb_profile_process(p, 7, string(p, "b")), a);
	assert_int_not_equal(pb_profile_process(p, 8, string(p, "a")), a);
	assert_int_equal(p->n_processes, 3);
}

static void locations_differ_by_module_address_and_kind(void **state)
{
	struct pb_profile *p = *state;
	uint32_t m = module(p, "/bin/a"), n = module(p, "/bin/b");
	uint32_t first = pb_profile_location(p, m, 0x1010, false);

	assert_int_equal(pb_profile_location(p, m, 0x1010, false), first);
	assert_int_not_equal(pb_profile_location(p, m, 0x1010, true), first);
	assert_int_not_equal(pb_profile_location(p, n, 0x1010, false), first);
	assert_int_not_equal(pb_profile_location(p, m, 0x1011, false), first);
	assert_int_not_equal(pb_profile_location(p, PB_NONE, 0x1010, false), first);
	assert_int_equal(p->n_locations, 5);
	assert_int_equal(p->locations[first].first_line, PB_NONE);
	assert_int_equal(p->locations[first].n_lines, 0);
}

static void functions_differ_by_every_member(void **state)
{
	struct pb_profile *p = *state;
	struct pb_function f = {.name = string(p, "f")};
	uint32_t first = pb_profile_function(p, &f);

	assert_int_equal(pb_profile_function(p, &f), first);
	f.system_name = f.name;
	assert_int_not_equal(pb_profile_function(p, &f), first);
	f.file = f.name;
	pb_profile_function(p, &f);
	f.start_line = 3;
	pb_profile_function(p, &f);
	assert_int_equal(p->n_functions, 4);
	assert_int_equal(p->functions[3].start_line, 3);
}

static void stacks_share_their_common_part(void **state)
{
	struct pb_profile *p = *state;
	uint32_t m = module(p, "/bin/a");
	uint32_t main_ = pb_profile_location(p, m, 1, true);
	uint32_t a = pb_profile_location(p, m, 2, false), b = pb_profile_location(p, m, 3, false);
	uint32_t root = pb_profile_node(p, 0, main_);
	uint32_t leaf_a = pb_profile_node(p, root, a), leaf_b = pb_profile_node(p, root, b);

	assert_int_equal(pb_profile_node(p, 0, main_), root);
	assert_int_equal(pb_profile_node(p, root, a), leaf_a);
	assert_int_not_equal(leaf_a, leaf_b);
	assert_int_equal(p->n_nodes, 4);
	for (uint32_t i = 1; i < p->n_nodes; i++)
		assert_true(p->nodes[i].parent < i);
}

static void markers_are_found_by_name(void **state)
{
	struct pb_profile *p = *state;
	uint32_t broken = pb_profile_marker(p, "[broken]");
	uint32_t truncated = pb_profile_marker(p, "[truncated]");
	const struct pb_location *l = &p->locations[truncated];

	assert_int_not_equal(broken, truncated);
	assert_int_equal(pb_profile_marker(p, "[broken]"), broken);
	assert_int_equal(pb_profile_marker(p, "[truncated]"), truncated);
	assert_int_equal(p->n_locations, 2);
	assert_int_equal(l->module, PB_NONE);
	assert_int_equal(l->n_lines, 1);
	assert_string_equal(pb_profile_text(p, p->functions[p->lines[l->first_line].function].name),
			    "[truncated]");
	/* code that lies in no module is another thing, even at the same address */
	assert_int_not_equal(pb_profile_location(p, PB_NONE, l->addr, false), truncated);
}

static void a_renamed_marker_is_no_longer_found(void **state)
{
	struct pb_profile *p = *state;
	uint32_t marker = pb_profile_marker(p, "[broken]");
	const struct pb_line other = {.function = function(p, "other")};

	pb_profile_set_lines(p, marker, &other, 1);
	assert_int_not_equal(pb_profile_marker(p, "[broken]"), marker);
	pb_profile_set_lines(p, marker, NULL, 0);
	assert_int_not_equal(pb_profile_marker(p, "[broken]"), marker);
	assert_int_equal(p->n_locations, 2);
}

static void lines_are_set_and_replaced(void **state)
{
	struct pb_profile *p = *state;
	uint32_t l = pb_profile_location(p, module(p, "/bin/a"), 1, false);
	const struct pb_line three[] = {
		{function(p, "inlined"), 3}, {function(p, "middle"), 2}, {function(p, "outer"), 1}};
	const struct pb_line *row;

	pb_profile_set_lines(p, l, three, 1);
	pb_profile_set_lines(p, l, three, 3);
	assert_int_equal(p->locations[l].n_lines, 3);
	row = &p->lines[p->locations[l].first_line];
	assert_memory_equal(row, three, sizeof(three));
	pb_profile_set_lines(p, l, three + 1, 2);
	assert_int_equal(p->locations[l].n_lines, 2);
	assert_int_equal(p->lines[p->locations[l].first_line].line, 2);
	pb_profile_set_lines(p, l, NULL, 0);
	assert_int_equal(p->locations[l].n_lines, 0);
	assert_int_equal(p->locations[l].first_line, PB_NONE);
	assert_int_equal(pb_profile_error(p), 0);
}

static void values_of_one_stack_and_process_add_up(void **state)
{
	struct pb_profile *p = *state;
	uint32_t n = pb_profile_node(p, 0, pb_profile_marker(p, "x"));
	uint32_t one = pb_profile_process(p, 1, 0);
	const uint64_t v[] = {1, 10}, w[] = {2, 20};

	pb_profile_add(p, n, one, v);
	pb_profile_add(p, n, one, w);
	pb_profile_add(p, n, PB_NONE, v);
	pb_profile_add(p, 0, one, v);
	assert_int_equal(p->n_samples, 3);
	assert_int_equal(p->values[0], 3);
	assert_int_equal(p->values[1], 30);
	assert_int_equal(p->samples[0].node, n);
	assert_int_equal(p->samples[1].process, PB_NONE);
	assert_int_equal(pb_profile_total(p, 0), 5);
	assert_int_equal(pb_profile_total(p, 1), 50);
	assert_int_equal(pb_profile_total(p, 2), 0);
}

static void sums_stay_at_the_largest_number(void **state)
{
	struct pb_profile *p = *state;
	const uint64_t v[] = {UINT64_MAX - 1, 1};

	pb_profile_add(p, 0, PB_NONE, v);
	assert_true(p->values[0] == UINT64_MAX - 1);
	pb_profile_add(p, 0, PB_NONE, v);
	assert_true(p->values[0] == UINT64_MAX);
	assert_int_equal(p->values[1], 2);
	pb_profile_add(p, 0, pb_profile_process(p, 1, 0), v);
	assert_true(pb_profile_total(p, 0) == UINT64_MAX);
	assert_int_equal(pb_profile_total(p, 1), 3);
}

static void many_rows_are_all_found_again(void **state)
{
	struct pb_profile *p = *state;
	uint32_t m = module(p, "/bin/a"), n = 5000;
	const uint64_t v[] = {1, 2};

	for (int round = 0; round < 2; round++) {
		uint32_t node = 0;

		for (uint32_t i = 0; i < n; i++) {
			node = pb_profile_node(p, node, pb_profile_location(p, m, i, true));
			pb_profile_add(p, node, pb_profile_process(p, i, 0), v);
		}
	}
	assert_int_equal(p->n_locations, n);
	assert_int_equal(p->n_nodes, n + 1);
	assert_int_equal(p->n_processes, n);
	assert_int_equal(p->n_samples, n);
	assert_int_equal(pb_profile_total(p, 1), 4 * n);
	assert_int_equal(pb_profile_error(p), 0);
}

/* The counters are set to their end: as with memory, there is no room for a row. */
static void a_full_array_is_a_sticky_error(void **state)
{
	struct pb_profile *p = *state;
	const uint64_t v[] = {1, 1};

	p->n_processes = PB_NONE;
	assert_int_equal(pb_profile_process(p, 1, 0), PB_NONE);
	p->n_processes = 0;
	assert_int_equal(pb_profile_error(p), -ENOMEM);

	assert_int_equal(pb_profile_process(p, 1, 0), PB_NONE);
	assert_int_equal(string(p, "x"), 0);
	assert_int_equal(module(p, "x"), PB_NONE);
	assert_int_equal(function(p, "x"), PB_NONE);
	assert_int_equal(pb_profile_marker(p, "x"), PB_NONE);
	assert_int_equal(pb_profile_location(p, PB_NONE, 1, false), PB_NONE);
	assert_int_equal(pb_profile_node(p, 0, 0), PB_NONE);
	pb_profile_add(p, 0, PB_NONE, v);
	pb_profile_set_lines(p, 0, NULL, 0);
	assert_int_equal(p->n_samples, 0);
	assert_int_equal(p->n_modules, 0);
	assert_int_equal(pb_profile_error(p), -ENOMEM);
}

static void expect_refused(void (*add)(struct pb_profile *p))
{
	pb_auto(pb_profile) struct pb_profile *p = NULL;

	assert_int_equal(pb_profile_new(&p, types, PB_ARRAY_SIZE(types)), 0);
	add(p);
	assert_int_equal(pb_profile_error(p), -EINVAL);
	assert_int_equal(p->n_nodes, 1);
	assert_int_equal(p->n_samples, 0);
}

static void node_of_no_parent(struct pb_profile *p)
{
	pb_profile_node(p, 1, pb_profile_marker(p, "x"));
}

static void node_of_no_location(struct pb_profile *p)
{
	pb_profile_node(p, 0, PB_NONE);
}

static void location_of_no_module(struct pb_profile *p)
{
	pb_profile_location(p, 0, 1, false);
}

static void sample_of_no_node(struct pb_profile *p)
{
	pb_profile_add(p, 1, PB_NONE, (const uint64_t[]){1, 1});
}

static void sample_of_no_process(struct pb_profile *p)
{
	pb_profile_add(p, 0, 0, (const uint64_t[]){1, 1});
}

static void line_of_no_function(struct pb_profile *p)
{
	pb_profile_set_lines(p, pb_profile_marker(p, "x"), &(const struct pb_line){7, 0}, 1);
}

static void line_of_no_location(struct pb_profile *p)
{
	pb_profile_set_lines(p, 0, NULL, 0);
}

static void module_with_a_long_build_id(struct pb_profile *p)
{
	pb_profile_module(p, &(const struct pb_module){.build_id_len = PB_BUILD_ID_MAX + 1});
}

static void ids_that_are_not_there_are_refused(void **state)
{
	(void)state;
	expect_refused(node_of_no_parent);
	expect_refused(node_of_no_location);
	expect_refused(location_of_no_module);
	expect_refused(sample_of_no_node);
	expect_refused(sample_of_no_process);
	expect_refused(line_of_no_function);
	expect_refused(line_of_no_location);
	expect_refused(module_with_a_long_build_id);
}

#define WITH_PROFILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROFILE(a_new_profile_has_a_root_and_the_empty_string),
		cmocka_unit_test(value_types_are_copied),
		cmocka_unit_test(a_profile_without_values_or_with_too_many_is_refused),
		WITH_PROFILE(equal_strings_get_equal_ids_and_keep_their_place),
		WITH_PROFILE(a_hostile_string_is_made_safe_and_bounded),
		WITH_PROFILE(a_module_is_always_new),
		WITH_PROFILE(processes_are_found_by_pid_and_name),
		WITH_PROFILE(locations_differ_by_module_address_and_kind),
		WITH_PROFILE(functions_differ_by_every_member),
		WITH_PROFILE(stacks_share_their_common_part),
		WITH_PROFILE(markers_are_found_by_name),
		WITH_PROFILE(a_renamed_marker_is_no_longer_found),
		WITH_PROFILE(lines_are_set_and_replaced),
		WITH_PROFILE(values_of_one_stack_and_process_add_up),
		WITH_PROFILE(sums_stay_at_the_largest_number),
		WITH_PROFILE(many_rows_are_all_found_again),
		WITH_PROFILE(a_full_array_is_a_sticky_error),
		cmocka_unit_test(ids_that_are_not_there_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
