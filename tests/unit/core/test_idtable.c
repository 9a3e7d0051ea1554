/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/idtable.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint32_t rows[20000];
static unsigned int asked;

static bool same(const void *row_array, uint32_t id, const void *key)
{
	asked++;
	return ((const uint32_t *)row_array)[id] == *(const uint32_t *)key;
}

static uint32_t find(const struct pb_idtable *t, uint64_t hash, uint32_t key)
{
	return pb_idtable_find(t, hash, same, rows, &key);
}

static int setup(void **state)
{
	struct pb_idtable *t = NULL;

	assert_int_equal(pb_idtable_new(&t), 0);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	pb_idtable_free(*state);
	return 0;
}

static void an_empty_table_finds_nothing(void **state)
{
	assert_int_equal(find(*state, 0, 0), PB_IDTABLE_NONE);
	assert_int_equal(pb_idtable_count(*state), 0);
}

static void every_id_is_found_again_after_growth(void **state)
{
	struct pb_idtable *t = *state;
	uint32_t n = PB_ARRAY_SIZE(rows);

	for (uint32_t i = 0; i < n; i++) {
		rows[i] = i * 7;
		assert_int_equal(
			pb_idtable_add(t, pb_idtable_hash(t, &rows[i], sizeof(rows[i])), i), 0);
	}
	assert_int_equal(pb_idtable_count(t), n);
	for (uint32_t key = 0; key < n * 7; key++)
		assert_int_equal(find(t, pb_idtable_hash(t, &key, sizeof(key)), key),
				 key % 7 ? PB_IDTABLE_NONE : key / 7);
}

static void rows_with_one_hash_are_told_apart(void **state)
{
	struct pb_idtable *t = *state;

	for (uint32_t i = 0; i < 200; i++) {
		rows[i] = i;
		assert_int_equal(pb_idtable_add(t, 0xffffffff, i), 0);
	}
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(find(t, 0xffffffff, i), i);
	assert_int_equal(find(t, 0xffffffff, 200), PB_IDTABLE_NONE);
}

static void rows_with_another_hash_are_not_asked(void **state)
{
	struct pb_idtable *t = *state;

	rows[0] = 1;
	rows[1] = 1;
	assert_int_equal(pb_idtable_add(t, 64, 0), 0);
	asked = 0;
	/* the same slot, another hash */
	assert_int_equal(find(t, 128, 1), PB_IDTABLE_NONE);
	assert_int_equal(asked, 0);
	assert_int_equal(find(t, 64, 1), 0);
	assert_int_equal(asked, 1);
}

static void the_id_that_means_none_is_refused(void **state)
{
	assert_int_equal(pb_idtable_add(*state, 1, PB_IDTABLE_NONE), -EINVAL);
	assert_int_equal(pb_idtable_count(*state), 0);
}

static void every_byte_counts_in_a_hash(void **state)
{
	unsigned char bytes[19] = {0};

	for (size_t len = 1; len <= sizeof(bytes); len++) {
		uint64_t before = pb_idtable_hash(*state, bytes, len);

		assert_true(before != pb_idtable_hash(*state, bytes, len - 1));
		for (size_t i = 0; i < len; i++) {
			bytes[i] = 1;
			assert_true(before != pb_idtable_hash(*state, bytes, len));
			bytes[i] = 0;
		}
		assert_true(before == pb_idtable_hash(*state, bytes, len));
	}
}

static void two_tables_hash_differently(void **state)
{
	pb_auto(pb_idtable) struct pb_idtable *other = NULL;

	assert_int_equal(pb_idtable_new(&other), 0);
	assert_true(pb_idtable_hash(*state, "name", 4) != pb_idtable_hash(other, "name", 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_table_finds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(every_id_is_found_again_after_growth, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rows_with_one_hash_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_with_another_hash_are_not_asked, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_id_that_means_none_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(every_byte_counts_in_a_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(two_tables_hash_differently, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
