/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/extent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define PLACES 512

static int setup(void **state)
{
	struct pb_extents *e = NULL;

	assert_int_equal(pb_extents_new(&e, PLACES), 0);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	pb_extents_free(*state);
	return 0;
}

static void the_first_run_that_fits_is_taken(void **state)
{
	struct pb_extents *e = *state;

	assert_int_equal(pb_extents_take(e, 10), 0);
	assert_int_equal(pb_extents_take(e, 5), 10);
	assert_int_equal(pb_extents_take(e, 20), 15);
	pb_extents_give(e, 10, 5, 0);
	assert_int_equal(pb_extents_take(e, 6), 35);
	assert_int_equal(pb_extents_take(e, 5), 10);
	assert_int_equal(pb_extents_used(e), 41);
}

static void all_places_can_be_taken_at_once_and_no_more(void **state)
{
	struct pb_extents *e = *state;

	assert_int_equal(pb_extents_take(e, PLACES + 1), PB_EXTENT_NONE);
	assert_int_equal(pb_extents_take(e, PLACES), 0);
	assert_int_equal(pb_extents_take(e, 1), PB_EXTENT_NONE);
	assert_int_equal(pb_extents_largest(e), 0);
	assert_int_equal(pb_extents_used(e), PLACES);
}

static void what_is_given_back_waits_for_its_grace(void **state)
{
	struct pb_extents *e = *state;

	pb_extents_take(e, PLACES);
	pb_extents_give(e, 0, PLACES, 1000);
	assert_int_equal(pb_extents_take(e, 1), PB_EXTENT_NONE);
	pb_extents_settle(e, 999);
	assert_int_equal(pb_extents_take(e, 1), PB_EXTENT_NONE);
	pb_extents_settle(e, 1000);
	assert_int_equal(pb_extents_take(e, 1), PB_EXTENT_NONE);
	assert_int_equal(pb_extents_used(e), PLACES);
	pb_extents_settle(e, 1001);
	assert_int_equal(pb_extents_used(e), 0);
	assert_int_equal(pb_extents_take(e, PLACES), 0);
}

static void graces_end_in_the_order_of_their_times(void **state)
{
	struct pb_extents *e = *state;
	uint32_t i;

	for (i = 0; i < 4; i++)
		pb_extents_take(e, PLACES / 4);
	pb_extents_give(e, 0, PLACES / 4, 400);
	pb_extents_give(e, PLACES / 4, PLACES / 4, 200);
	pb_extents_give(e, PLACES / 2, PLACES / 4, 300);
	pb_extents_settle(e, 201);
	assert_int_equal(pb_extents_take(e, PLACES / 4), PLACES / 4);
	assert_int_equal(pb_extents_take(e, 1), PB_EXTENT_NONE);
	pb_extents_settle(e, 301);
	assert_int_equal(pb_extents_take(e, PLACES / 4), PLACES / 2);
	pb_extents_settle(e, 401);
	assert_int_equal(pb_extents_take(e, PLACES / 4), 0);
}

static void neighbours_join_in_whatever_order_they_come_back(void **state)
{
	static const uint32_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct pb_extents *e = *state;
	uint32_t i, k;

	for (i = 0; i < PB_ARRAY_SIZE(orders); i++) {
		for (k = 0; k < 3; k++)
			assert_int_equal(pb_extents_take(e, 100), 100 * k);
		assert_int_equal(pb_extents_take(e, PLACES - 300), 300);
		for (k = 0; k < 3; k++)
			pb_extents_give(e, 100 * orders[i][k], 100, 0);
		assert_int_equal(pb_extents_largest(e), 300);
		assert_int_equal(pb_extents_take(e, 300), 0);
		pb_extents_give(e, 0, 300, 0);
		pb_extents_give(e, 300, PLACES - 300, 0);
	}
}

/* The plain way to do the same: a byte a place, and when its grace ends. */
struct model {
	bool taken[PLACES];
	uint64_t until_ns[PLACES];
};

static uint32_t model_take(struct model *m, uint32_t n)
{
	uint32_t first, len = 0;

	for (first = 0; first < PLACES && len < n; first++)
		len = m->taken[first] ? 0 : len + 1;
	if (len < n)
		return PB_EXTENT_NONE;
	memset(&m->taken[first - n], true, n);
	return first - n;
}

static void model_settle(struct model *m, uint64_t now_ns)
{
	uint32_t i;

	for (i = 0; i < PLACES; i++) {
		if (m->until_ns[i] && m->until_ns[i] < now_ns) {
			m->taken[i] = false;
			m->until_ns[i] = 0;
		}
	}
}

static uint32_t model_largest(const struct model *m)
{
	uint32_t largest = 0, len = 0, i;

	for (i = 0; i < PLACES; i++) {
		len = m->taken[i] ? 0 : len + 1;
		largest = len > largest ? len : largest;
	}
	return largest;
}

static void it_agrees_with_a_bitmap_in_random_use(void **state)
{
	static struct model model;
	struct {
		uint32_t first, n;
	} held[PLACES];
	uint32_t n_held = 0, used, round, first, n, i, k;
	struct pb_extents *e = *state;
	unsigned int seed = 1;
	uint64_t now_ns = 1;

	for (round = 0; round < 50000; round++) {
		now_ns += (uint64_t)rand_r(&seed) % 3;
		if (rand_r(&seed) % 2 || !n_held) {
			n = 1 + (uint32_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 8 : 64);
			first = pb_extents_take(e, n);
			assert_int_equal(first, model_take(&model, n));
			if (first != PB_EXTENT_NONE) {
				held[n_held].first = first;
				held[n_held++].n = n;
			}
		} else {
			uint64_t until_ns =
				rand_r(&seed) % 4 ? now_ns + (uint64_t)rand_r(&seed) % 50 : 0;

			i = (uint32_t)rand_r(&seed) % n_held;
			pb_extents_give(e, held[i].first, held[i].n, until_ns);
			for (k = held[i].first; k < held[i].first + held[i].n; k++) {
				model.until_ns[k] = until_ns;
				model.taken[k] = until_ns != 0;
			}
			held[i] = held[--n_held];
		}
		if (!(rand_r(&seed) % 4)) {
			pb_extents_settle(e, now_ns);
			model_settle(&model, now_ns);
		}
		for (used = i = 0; i < PLACES; i++)
			used += model.taken[i];
		assert_int_equal(pb_extents_used(e), used);
		assert_int_equal(pb_extents_largest(e), model_largest(&model));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_run_that_fits_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(all_places_can_be_taken_at_once_and_no_more, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_given_back_waits_for_its_grace, setup,
						teardown),
		cmocka_unit_test_setup_teardown(graces_end_in_the_order_of_their_times, setup,
						teardown),
		cmocka_unit_test_setup_teardown(neighbours_join_in_whatever_order_they_come_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(it_agrees_with_a_bitmap_in_random_use, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
