/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/trie.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "user/core/profile.h"

static void a_child_is_added_once(void **state)
{
	pb_auto(pb_trie) struct pb_trie *t = NULL;
	uint32_t a, b;

	(void)state;
	assert_int_equal(pb_trie_new(&t, 0), 0);
	assert_int_equal(t->n, 1);
	assert_int_equal(t->key[0], PB_NONE);
	a = pb_trie_child(t, 0, 7);
	b = pb_trie_child(t, a, 7);
	assert_int_equal(pb_trie_child(t, 0, 7), a);
	assert_int_equal(pb_trie_child(t, a, 7), b);
	assert_int_not_equal(a, b);
	assert_int_equal(t->n, 3);
	assert_int_equal(t->parent[b], a);
}

static void children_are_found_after_growth(void **state)
{
	pb_auto(pb_trie) struct pb_trie *t = NULL;
	uint32_t n = 5000;

	(void)state;
	assert_int_equal(pb_trie_new(&t, 0), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pb_trie_child(t, i / 3, i), i + 1);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pb_trie_child(t, i / 3, i), i + 1);
	assert_int_equal(t->n, n + 1);
	assert_int_equal(t->err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_is_added_once),
		cmocka_unit_test(children_are_found_after_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
