/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/hints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/heap/sample_heap.h"
#include "user/core/own.h"
#include "user/core/profile.h"

static int setup(void **state)
{
	struct pb_heap_sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	pb_heap_sample_init(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	pb_heap_sample_drop(*state);
	free(*state);
	return 0;
}

/* Whether a site has a hint of this kind; @evidence: a part of its text, or NULL. */
static bool has(const struct pb_heap_sample *s, uint32_t site, enum pb_hint_kind kind,
		const char *evidence)
{
	pb_autofree struct pb_hint *hints = NULL;
	uint32_t n = 0;
	bool found = false;

	assert_int_equal(pb_hints_find(&s->book, s->profile, 100, &hints, &n), 0);
	for (uint32_t i = 0; i < n; i++) {
		if (hints[i].site != site || hints[i].kind != kind)
			continue;
		found = true;
		if (evidence && !strstr(hints[i].evidence, evidence))
			fail_msg("\"%s\" is not in \"%s\"", evidence, hints[i].evidence);
	}
	return found;
}

#define SITE(s, i) (&(s)->book.sites[i])

static void a_pool_has_one_size_short_lives_and_one_that_frees(void **state)
{
	struct pb_heap_sample *s = *state;
	struct pb_alloc_site *site = SITE(s, PB_HEAP_PARSE), was = *site;

	assert_true(has(s, PB_HEAP_PARSE, PB_HINT_POOL, "100,000 blocks have 32 to 63 bytes"));
	assert_true(has(s, PB_HEAP_PARSE, PB_HINT_POOL, "lived less than 33 us"));
	assert_true(has(s, PB_HEAP_PARSE, PB_HINT_POOL, "99 % were freed by release"));
	site->sizes[3] -= 20000;
	site->sizes[9] += 20000;
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_POOL, NULL));
	*site = was;
	site->lifetimes[20] = site->freed_objects / 5;
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_POOL, NULL));
	*site = was;
	site->free_share = 0.7;
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_POOL, NULL));
	*site = was;
	site->free_location = PB_NONE;
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_POOL, NULL));
	*site = was;
	site->freed_objects /= 2; /* the rest lives on */
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_POOL, NULL));
}

static void a_buffer_is_temporary_and_of_one_size(void **state)
{
	struct pb_heap_sample *s = *state;
	struct pb_alloc_site *site = SITE(s, PB_HEAP_REPLY);

	assert_true(has(s, PB_HEAP_REPLY, PB_HINT_REUSE, "58,000 of 60,000 blocks"));
	assert_true(has(s, PB_HEAP_REPLY_2, PB_HINT_REUSE, "the last has 512 bytes"));
	assert_false(has(s, PB_HEAP_REPLY, PB_HINT_POOL, NULL));
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_REUSE, NULL));
	site->same_size_objects = 30000;
	assert_false(has(s, PB_HEAP_REPLY, PB_HINT_REUSE, NULL));
	assert_true(has(s, PB_HEAP_REPLY, PB_HINT_POOL, "freed by reply"));
	site->same_size_objects = 60000;
	site->values[PB_TEMPORARY_OBJECTS] = 40000;
	assert_false(has(s, PB_HEAP_REPLY, PB_HINT_REUSE, NULL));
}

static void blocks_that_grow_want_to_reserve(void **state)
{
	struct pb_heap_sample *s = *state;

	assert_true(has(s, PB_HEAP_GROW, PB_HINT_RESERVE, "7,500 of 8,000 calls"));
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_RESERVE, NULL));
	SITE(s, PB_HEAP_GROW)->regrown_objects = 1900;
	assert_false(has(s, PB_HEAP_GROW, PB_HINT_RESERVE, NULL));
}

static void tiny_blocks_have_to_be_many_and_alive(void **state)
{
	struct pb_heap_sample *s = *state;
	struct pb_alloc_site *site = SITE(s, PB_HEAP_ENTRY), was = *site;

	assert_true(has(s, PB_HEAP_ENTRY, PB_HINT_TINY,
			"less than 32 bytes, 16 on average, and up to 50,000 lived at once"));
	assert_false(has(s, PB_HEAP_PARSE, PB_HINT_TINY, NULL));
	site->values[PB_MOST_OBJECTS] = 9000;
	assert_false(has(s, PB_HEAP_ENTRY, PB_HINT_TINY, NULL));
	*site = was;
	site->sizes[5] = site->sizes[2];
	site->sizes[2] = 0;
	assert_false(has(s, PB_HEAP_ENTRY, PB_HINT_TINY, NULL));
}

static void a_site_of_little_has_no_hint(void **state)
{
	struct pb_heap_sample *s = *state;
	struct pb_alloc_site *site = SITE(s, PB_HEAP_REPLY);

	site->events = 29;
	assert_false(has(s, PB_HEAP_REPLY, PB_HINT_REUSE, NULL));
	site->events = 30;
	assert_true(has(s, PB_HEAP_REPLY, PB_HINT_REUSE, NULL));
	/* EVIL is temporary, too, but ten of 235,041 */
	SITE(s, PB_HEAP_EVIL)->events = 1000;
	assert_false(has(s, PB_HEAP_EVIL, PB_HINT_REUSE, NULL));
}

static void those_that_are_about_most_come_first(void **state)
{
	const struct pb_heap_sample *s = *state;
	pb_autofree struct pb_hint *hints = NULL;
	uint32_t n = 0;

	assert_int_equal(pb_hints_find(&s->book, s->profile, 3, &hints, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(hints[0].site, PB_HEAP_PARSE);
	assert_int_equal(hints[1].site, PB_HEAP_REPLY);
	assert_int_equal(hints[2].site, PB_HEAP_ENTRY);
	assert_true(hints[0].weight >= hints[1].weight && hints[1].weight >= hints[2].weight);
	for (int kind = 0; kind < PB_HINT_KINDS; kind++)
		assert_true(pb_hint_name(kind)[0]);
}

static void long_and_hostile_names_leave_room_for_the_numbers(void **state)
{
	struct pb_heap_sample *s = *state;
	char name[2048];
	struct pb_function f = {0};
	struct pb_line line = {0};

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	f.name = pb_profile_string(s->profile, name, strlen(name));
	line.function = pb_profile_function(s->profile, &f);
	pb_profile_set_lines(s->profile, SITE(s, PB_HEAP_PARSE)->free_location, &line, 1);
	assert_true(has(s, PB_HEAP_PARSE, PB_HINT_POOL, "were freed by xxx"));
	assert_true(has(s, PB_HEAP_PARSE, PB_HINT_POOL, "..."));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pool_has_one_size_short_lives_and_one_that_frees),
		TEST(a_buffer_is_temporary_and_of_one_size),
		TEST(blocks_that_grow_want_to_reserve),
		TEST(tiny_blocks_have_to_be_many_and_alive),
		TEST(a_site_of_little_has_no_hint),
		TEST(those_that_are_about_most_come_first),
		TEST(long_and_hostile_names_leave_room_for_the_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
