/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/space.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE     4096
#define FULL     PB_SPACE_MAX
#define A        1 /* files */
#define B        2
#define FOR_EVER UINT64_MAX

#define ROOMY (16ull << 20)

static struct pb_space_budget budget;
static struct pb_space *space;

static int setup(void **state)
{
	(void)state;
	budget = (struct pb_space_budget){.limit_bytes = ROOMY};
	return pb_space_new(&space, &budget);
}

static int teardown(void **state)
{
	(void)state;
	pb_space_free(space);
	return budget.used_bytes != 0;
}

/* Pages @first to @end - 1 are those of a file that lies from page @base on. */
static struct pb_place file_pages(uint32_t file, uint64_t first, uint64_t end, uint64_t base)
{
	return (struct pb_place){file, PB_MODULE_FILE, first * PAGE, end * PAGE,
				 (first - base) * PAGE};
}

static int map_into(struct pb_space **s, uint32_t file, uint64_t first, uint64_t end, uint64_t base,
		    uint64_t since_ns)
{
	struct pb_place place = file_pages(file, first, end, base);

	return pb_space_map(s, &place, since_ns);
}

static int map(uint32_t file, uint64_t first, uint64_t end, uint64_t base, uint64_t since_ns)
{
	return map_into(&space, file, first, end, base, since_ns);
}

static int map_anon(uint64_t first, uint64_t end, uint64_t since_ns)
{
	struct pb_place place = {PB_NONE, PB_MODULE_ANON, first * PAGE, end * PAGE, 0};

	return pb_space_map(&space, &place, since_ns);
}

/* The file at the beginning of a page; 0: nothing is there. */
static uint32_t file_at(const struct pb_space *s, uint64_t time_ns, uint64_t page)
{
	const struct pb_place *place = pb_space_at(s, time_ns, page * PAGE);

	return place ? place->file : 0;
}

static struct pb_place *current(uint32_t *n)
{
	struct pb_place *places = NULL;

	assert_int_equal(pb_space_current(space, &places, n), 0);
	assert_non_null(places);
	return places;
}

static void empty_space_has_nothing(void **state)
{
	uint32_t n = 7;
	struct pb_place *places = current(&n);

	(void)state;
	assert_int_equal(n, 0);
	assert_null(pb_space_at(space, FOR_EVER, 0));
	assert_null(pb_space_at(space, FOR_EVER, UINT64_MAX));
	assert_false(pb_space_has(space, PB_MODULE_FILE, 0, PAGE, 0));
	free(places);
}

static void bounds_of_a_mapping_are_exact(void **state)
{
	(void)state;
	assert_int_equal(map(A, 10, 12, 10, 0), PB_SPACE_ADDED);
	assert_null(pb_space_at(space, FOR_EVER, 10 * PAGE - 1));
	assert_non_null(pb_space_at(space, FOR_EVER, 10 * PAGE));
	assert_non_null(pb_space_at(space, FOR_EVER, 12 * PAGE - 1));
	assert_null(pb_space_at(space, FOR_EVER, 12 * PAGE));
}

static void newest_mapping_counts_where_they_overlap(void **state)
{
	uint32_t n;
	struct pb_place *places;

	(void)state;
	assert_int_equal(map(A, 10, 20, 8, 1), PB_SPACE_ADDED);
	assert_int_equal(map(B, 13, 15, 13, 2), PB_SPACE_REPLACED);
	places = current(&n);
	assert_int_equal(n, 3);
	assert_int_equal(places[0].start, 10 * PAGE);
	assert_int_equal(places[0].end, 13 * PAGE);
	assert_int_equal(places[0].file_off, 2 * PAGE);
	assert_int_equal(places[1].file, B);
	assert_int_equal(places[1].file_off, 0);
	/* What is left behind the hole keeps its place in the file. */
	assert_int_equal(places[2].file, A);
	assert_int_equal(places[2].start, 15 * PAGE);
	assert_int_equal(places[2].end, 20 * PAGE);
	assert_int_equal(places[2].file_off, 7 * PAGE);
	free(places);
	/* A mapping tells its own bounds, whatever lies over it. */
	assert_int_equal(pb_space_at(space, FOR_EVER, 16 * PAGE)->start, 10 * PAGE);
}

static void time_before_a_change_sees_what_was_there(void **state)
{
	(void)state;
	map(A, 10, 20, 10, 100);
	map(B, 12, 14, 12, 200);
	map(A, 10, 20, 10, 300);
	assert_int_equal(file_at(space, 99, 12), 0);
	assert_int_equal(file_at(space, 100, 12), A);
	assert_int_equal(file_at(space, 199, 12), A);
	assert_int_equal(file_at(space, 200, 12), B);
	assert_int_equal(file_at(space, 200, 11), A);
	assert_int_equal(file_at(space, 300, 12), A);
}

static void same_code_again_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(map(A, 10, 20, 10, 1), PB_SPACE_ADDED);
	assert_int_equal(map(A, 10, 20, 10, 2), PB_SPACE_SAME);
	assert_int_equal(map(A, 12, 14, 10, 2), PB_SPACE_SAME);
	/* Nor does it if several mappings together cover it. */
	assert_int_equal(map(A, 20, 30, 10, 2), PB_SPACE_ADDED);
	assert_int_equal(map(A, 15, 25, 10, 3), PB_SPACE_SAME);
	assert_int_equal(map_anon(40, 50, 4), PB_SPACE_ADDED);
	assert_int_equal(map_anon(45, 48, 5), PB_SPACE_SAME);
	assert_int_equal(map_anon(45, 55, 6), PB_SPACE_ADDED);
	assert_int_equal(map_anon(40, 55, 7), PB_SPACE_SAME);
}

static void more_of_the_same_code_replaces_nothing(void **state)
{
	(void)state;
	map(A, 10, 20, 10, 1);
	assert_int_equal(map(A, 15, 25, 10, 2), PB_SPACE_ADDED);
	assert_int_equal(map(A, 5, 40, 0, 3), PB_SPACE_REPLACED); /* elsewhere in the file */
	map_anon(50, 51, 4);
	map_anon(52, 53, 4);
	assert_int_equal(map_anon(50, 53, 5), PB_SPACE_ADDED); /* there is a hole */
	assert_int_equal(map(A, 50, 51, 50, 6), PB_SPACE_REPLACED);
}

/* A scan of /proc does not know since when, but it saw the newest. */
static void what_is_laid_over_another_is_never_older(void **state)
{
	(void)state;
	map(A, 10, 20, 10, 100);
	assert_int_equal(map(B, 10, 20, 10, 0), PB_SPACE_REPLACED);
	assert_int_equal(file_at(space, FOR_EVER, 10), B);
	assert_int_equal(file_at(space, 100, 10), B);
	assert_int_equal(file_at(space, 99, 10), 0);
}

static void only_what_counts_now_is_had(void **state)
{
	(void)state;
	map(A, 10, 20, 10, 1);
	assert_true(pb_space_has(space, PB_MODULE_FILE, 10 * PAGE, 20 * PAGE, 0));
	assert_false(pb_space_has(space, PB_MODULE_ANON, 10 * PAGE, 20 * PAGE, 0));
	assert_false(pb_space_has(space, PB_MODULE_FILE, 10 * PAGE, 20 * PAGE, PAGE));
	assert_false(pb_space_has(space, PB_MODULE_FILE, 10 * PAGE, 19 * PAGE, 0));
	assert_false(pb_space_has(space, PB_MODULE_FILE, 11 * PAGE, 20 * PAGE, PAGE));
	map(B, 10, 12, 10, 2);
	assert_false(pb_space_has(space, PB_MODULE_FILE, 10 * PAGE, 20 * PAGE, 0));
	assert_true(pb_space_has(space, PB_MODULE_FILE, 12 * PAGE, 20 * PAGE, 2 * PAGE));
}

static void shared_space_is_copied_by_who_changes_it(void **state)
{
	struct pb_space *parent = space, *child;

	(void)state;
	map(A, 10, 20, 10, 1);
	map(B, 10, 12, 10, 5);
	child = pb_space_share(space);
	assert_int_equal(map_into(&child, A, 10, 12, 10, 0), PB_SPACE_REPLACED);
	assert_ptr_not_equal(child, parent);
	assert_int_equal(file_at(parent, FOR_EVER, 10), B);
	assert_int_equal(file_at(child, FOR_EVER, 10), A);
	assert_int_equal(file_at(child, 4, 10), A);
	pb_space_free(child);

	/* What changes nothing copies nothing, and the last owner needs no copy. */
	child = pb_space_share(space);
	assert_int_equal(map_into(&child, A, 15, 16, 10, 9), PB_SPACE_SAME);
	assert_ptr_equal(child, parent);
	pb_space_free(child);
	assert_int_equal(map(A, 30, 31, 30, 9), PB_SPACE_ADDED);
	assert_ptr_equal(space, parent);
}

static void copy_of_an_empty_space_can_grow(void **state)
{
	struct pb_space *child = pb_space_share(space);
	uint64_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(map_into(&child, A, 2 * i, 2 * i + 1, 0, i), PB_SPACE_ADDED);
	for (i = 0; i < 100; i++)
		assert_int_equal(file_at(child, FOR_EVER, 2 * i), A);
	assert_null(pb_space_at(space, FOR_EVER, 0));
	pb_space_free(child);
}

static void mappings_beyond_the_bound_are_not_kept(void **state)
{
	uint64_t i;

	(void)state;
	for (i = 0; i < FULL; i++)
		assert_int_equal(map(A, 2 * i, 2 * i + 1, 0, i), PB_SPACE_ADDED);
	assert_int_equal(map(A, 2 * i, 2 * i + 1, 0, i), -ENOSPC);
	assert_int_equal(file_at(space, FOR_EVER, 2 * i), 0);
	assert_int_equal(file_at(space, FOR_EVER, 2 * i - 2), A);
}

static void full_space_forgets_what_it_cannot_replace(void **state)
{
	uint64_t i;

	(void)state;
	for (i = 0; i < FULL; i++)
		map(A, 2 * i, 2 * i + 1, 0, i);
	assert_int_equal(map(B, 20, 21, 20, i), PB_SPACE_DROPPED);
	assert_int_equal(file_at(space, FOR_EVER, 20), 0);
	assert_int_equal(file_at(space, FOR_EVER, 18), A);
	assert_int_equal(file_at(space, FOR_EVER, 22), A);
	assert_int_equal(map(A, 22, 23, 0, i), PB_SPACE_SAME);
	assert_int_equal(map(B, 20, 21, 20, i), -ENOSPC);
}

/* As a program does that loads and unloads its plugins for days. */
static void history_makes_room_for_what_is_mapped_now(void **state)
{
	uint64_t i;

	(void)state;
	map(A, 100, 101, 100, 1);
	for (i = 0; i < 2 * FULL + 7; i++)
		assert_true(map(A + i % 2, 10, 12, 10, i + 1) > 0);
	assert_int_equal(file_at(space, FOR_EVER, 10), A);
	assert_int_equal(file_at(space, FOR_EVER, 100), A);
	assert_int_equal(map(B, 50, 51, 50, i + 1), PB_SPACE_ADDED);
	assert_int_equal(file_at(space, FOR_EVER, 50), B);
}

static void highest_addresses_are_no_special_case(void **state)
{
	struct pb_place top = {A, PB_MODULE_FILE, UINT64_MAX - PAGE, UINT64_MAX, UINT64_MAX - PAGE};
	struct pb_place all = {B, PB_MODULE_FILE, 0, UINT64_MAX, UINT64_MAX};

	(void)state;
	assert_int_equal(pb_space_map(&space, &top, 1), PB_SPACE_ADDED);
	assert_int_equal(pb_space_map(&space, &all, 2), PB_SPACE_REPLACED);
	assert_int_equal(pb_space_map(&space, &top, 3), PB_SPACE_REPLACED);
	assert_int_equal(pb_space_at(space, FOR_EVER, UINT64_MAX - 1)->file, A);
	assert_int_equal(pb_space_at(space, FOR_EVER, 0)->file, B);
}

/* Map pages apart from each other until there is no room. Return: how many. */
static uint32_t fill(struct pb_space **s)
{
	uint64_t used;
	uint32_t n;
	int change;

	for (n = 0; n < 2 * FULL; n++) {
		used = budget.used_bytes;
		change = map_into(s, A, 2 * n, 2 * n + 1, 0, n);
		if (change < 0)
			break;
		assert_int_equal(change, PB_SPACE_ADDED);
	}
	assert_int_equal(change, -ENOSPC);
	assert_int_equal(budget.used_bytes, used);
	return n;
}

static void mappings_beyond_the_budget_are_not_kept(void **state)
{
	struct pb_space *first = NULL;
	uint32_t n;

	(void)state;
	budget.limit_bytes = 2 << 20;
	assert_int_equal(pb_space_new(&first, &budget), 0);
	assert_int_equal(fill(&first), FULL);
	n = fill(&space);
	assert_in_range(n, 250, FULL / 2);
	assert_true(budget.used_bytes <= budget.limit_bytes);
	assert_int_equal(file_at(space, FOR_EVER, 2 * n - 2), A);
	assert_int_equal(file_at(space, FOR_EVER, 2 * n), 0);
	assert_int_equal(map(A, 0, 1, 0, n), PB_SPACE_SAME);
	/* What is wrong goes, as at the other bound. */
	assert_int_equal(map(B, 20, 21, 20, n), PB_SPACE_DROPPED);
	assert_int_equal(file_at(space, FOR_EVER, 20), 0);
	assert_int_equal(file_at(space, FOR_EVER, 22), A);
	/* What is given back is there for others. */
	pb_space_free(first);
	assert_int_equal(map(B, 20, 21, 20, n), PB_SPACE_ADDED);
	assert_int_equal(map(A, 2 * n, 2 * n + 1, 0, n), PB_SPACE_ADDED);
}

/* As under a program that starts hundreds of processes, each with all mappings it can get. */
static void many_large_spaces_leave_room_for_small_ones(void **state)
{
	static struct pb_space *large[250], *small[500];
	uint64_t used;
	uint32_t i, k;

	(void)state;
	budget.limit_bytes = 64ull << 20;
	for (i = 0; i < PB_ARRAY_SIZE(large); i++) {
		assert_int_equal(pb_space_new(&large[i], &budget), 0);
		fill(&large[i]);
	}
	used = budget.used_bytes;
	assert_in_range(used, budget.limit_bytes / 4 * 3, budget.limit_bytes);
	for (i = 0; i < PB_ARRAY_SIZE(small); i++) {
		assert_int_equal(pb_space_new(&small[i], &budget), 0);
		for (k = 0; k < 100; k++)
			assert_int_equal(map_into(&small[i], A, 2 * k, 2 * k + 1, 0, k),
					 PB_SPACE_ADDED);
	}
	assert_true(budget.used_bytes <= budget.limit_bytes);
	for (i = 0; i < PB_ARRAY_SIZE(small); i++)
		pb_space_free(small[i]);
	assert_int_equal(budget.used_bytes, used);
	for (i = 0; i < PB_ARRAY_SIZE(large); i++)
		pb_space_free(large[i]);
	assert_int_equal(budget.used_bytes, 0);
}

/* 2,000 processes with 300 mappings each, none of them shared. */
static void large_server_stays_below_the_budget(void **state)
{
	static struct pb_space *spaces[2000];
	uint32_t i, k;

	(void)state;
	budget.limit_bytes = 64ull << 20;
	for (i = 0; i < PB_ARRAY_SIZE(spaces); i++) {
		assert_int_equal(pb_space_new(&spaces[i], &budget), 0);
		for (k = 0; k < 300; k++)
			assert_int_equal(map_into(&spaces[i], A, 2 * k, 2 * k + 1, 0, k),
					 PB_SPACE_ADDED);
	}
	for (i = 0; i < PB_ARRAY_SIZE(spaces); i++)
		pb_space_free(spaces[i]);
}

static void copies_are_of_the_budget_and_spaces_that_are_shared_count_once(void **state)
{
	struct pb_space *children[3];
	uint64_t used;
	uint32_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(map(A, 2 * i, 2 * i + 1, 0, i), PB_SPACE_ADDED);
	used = budget.used_bytes;
	for (i = 0; i < 3; i++)
		children[i] = pb_space_share(space);
	assert_int_equal(budget.used_bytes, used);
	assert_int_equal(map_into(&children[0], B, 10, 11, 10, 2000), PB_SPACE_REPLACED);
	assert_true(budget.used_bytes > used);
	/* Without room for a copy, what is new is not kept, */
	used = budget.limit_bytes = budget.used_bytes;
	assert_int_equal(map_into(&children[1], B, 11, 12, 11, 2000), -ENOSPC);
	assert_ptr_equal(children[1], space);
	/* and nothing is better than what is wrong. */
	assert_int_equal(map_into(&children[1], B, 10, 11, 10, 2000), PB_SPACE_DROPPED);
	assert_int_equal(file_at(children[1], FOR_EVER, 10), 0);
	assert_int_equal(file_at(children[1], FOR_EVER, 12), 0);
	assert_int_equal(file_at(space, FOR_EVER, 10), A);
	assert_int_equal(file_at(children[0], FOR_EVER, 10), B);
	assert_int_equal(budget.used_bytes, used);
	for (i = 0; i < 3; i++)
		pb_space_free(children[i]);
}

static void history_makes_room_where_the_budget_has_none(void **state)
{
	uint64_t used;
	uint32_t i;

	(void)state;
	for (i = 0; i < 12; i++)
		assert_int_equal(map(A, 2 * i, 2 * i + 1, 0, i), PB_SPACE_ADDED);
	used = budget.limit_bytes = budget.used_bytes;
	for (i = 0; i < 100; i++)
		assert_int_equal(map(i % 2 ? A : B, 0, 1, 0, 20 + i), PB_SPACE_REPLACED);
	assert_int_equal(file_at(space, FOR_EVER, 0), A);
	assert_int_equal(file_at(space, FOR_EVER, 22), A);
	assert_int_equal(budget.used_bytes, used);
}

/* The most pieces for the fewest records: the bytes are bounded all the same. */
static void spaces_in_many_pieces_stay_in_the_budget(void **state)
{
	uint64_t i;

	(void)state;
	budget.limit_bytes = 256 << 10;
	map(A, 0, 100000, 0, 1);
	for (i = 0; i < 20000; i++) {
		map(B, 2 * i + 1, 2 * i + 2, 0, i + 2);
		/* and at most one growth of one array */
		assert_true(budget.used_bytes <= budget.limit_bytes / 8 * 7 * 3 / 2);
	}
}

#define PAGES 24
#define STEPS 400

/* Every page at every time, beside a table that is simply written over. */
static void random_mappings_are_those_of_a_plain_table(void **state)
{
	static uint32_t table[STEPS + 1][PAGES];
	unsigned int seed = 1, first, end, file;
	uint32_t step, page, n, i;
	struct pb_place *places;

	(void)state;
	for (step = 1; step <= STEPS; step++) {
		memcpy(table[step], table[step - 1], sizeof(table[0]));
		first = (unsigned int)rand_r(&seed) % PAGES;
		end = first + 1 + (unsigned int)rand_r(&seed) % (PAGES - first);
		file = 1 + (unsigned int)rand_r(&seed) % 3;
		assert_true(map(file, first, end, 0, step) >= 0);
		for (page = first; page < end; page++)
			table[step][page] = file;
	}
	for (step = 1; step <= STEPS; step++) {
		for (page = 0; page < PAGES; page++)
			assert_int_equal(file_at(space, step, page), table[step][page]);
	}
	places = current(&n);
	for (i = 0; i < n; i++) {
		assert_true(places[i].start < places[i].end);
		assert_int_equal(places[i].file_off, places[i].start);
		if (i)
			assert_true(places[i - 1].end <= places[i].start);
		for (page = (uint32_t)(places[i].start / PAGE); page < places[i].end / PAGE; page++)
			assert_int_equal(table[STEPS][page], places[i].file);
	}
	free(places);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_space_has_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_of_a_mapping_are_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(newest_mapping_counts_where_they_overlap, setup,
						teardown),
		cmocka_unit_test_setup_teardown(time_before_a_change_sees_what_was_there, setup,
						teardown),
		cmocka_unit_test_setup_teardown(same_code_again_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(more_of_the_same_code_replaces_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_laid_over_another_is_never_older, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_what_counts_now_is_had, setup, teardown),
		cmocka_unit_test_setup_teardown(shared_space_is_copied_by_who_changes_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(copy_of_an_empty_space_can_grow, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_beyond_the_bound_are_not_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_space_forgets_what_it_cannot_replace, setup,
						teardown),
		cmocka_unit_test_setup_teardown(history_makes_room_for_what_is_mapped_now, setup,
						teardown),
		cmocka_unit_test_setup_teardown(highest_addresses_are_no_special_case, setup,
						teardown),
		cmocka_unit_test_setup_teardown(mappings_beyond_the_budget_are_not_kept, setup,
						teardown),
		cmocka_unit_test_setup_teardown(many_large_spaces_leave_room_for_small_ones, setup,
						teardown),
		cmocka_unit_test_setup_teardown(large_server_stays_below_the_budget, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			copies_are_of_the_budget_and_spaces_that_are_shared_count_once, setup,
			teardown),
		cmocka_unit_test_setup_teardown(history_makes_room_where_the_budget_has_none, setup,
						teardown),
		cmocka_unit_test_setup_teardown(spaces_in_many_pieces_stay_in_the_budget, setup,
						teardown),
		cmocka_unit_test_setup_teardown(random_mappings_are_those_of_a_plain_table, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
