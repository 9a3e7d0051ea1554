/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/frames.h"

#include "tests/unit/io/sample_book.h"

static void expect_site(struct sample *s, const char *stack, uint32_t max, const char *site)
{
	struct pb_io_frames frames;
	char *text;

	assert_int_equal(pb_io_frames_of(&frames, s->p, stack ? sample_stack(s, stack) : PB_NONE),
			 0);
	text = pb_io_frames_site(&frames, max);
	assert_string_equal(text, site);
	free(text);
	pb_io_frames_drop(&frames);
}

static void a_site_is_code_that_somebody_can_change(void **state)
{
	struct sample *s = *state;

	expect_site(s, "main;serve;append;libc:write;kernel:ksys_write", 3,
		    "append ← serve ← main");
	expect_site(s, "libc:__libc_start_main;main;append;libc:write", 2, "append ← main");
	expect_site(s, "main;?;append;?", 3, "append ← main");
	expect_site(s, "main", 3, "main");
}

static void where_there_is_none_what_there_is_will_do(void **state)
{
	struct sample *s = *state;

	expect_site(s, "libc:start_thread;libc:fsync;kernel:do_fsync", 3, "fsync ← start_thread");
	expect_site(s, "kernel:kthread;kernel:kjournald2;kernel:submit_bio", 2,
		    "submit_bio ← kjournald2");
	expect_site(s, NULL, 3, "");
}

static void inlined_functions_are_frames_and_code_without_a_name_is_an_offset(void **state)
{
	struct sample *s = *state;
	uint32_t node = sample_stack(s, "main;outer"), inner = sample_stack(s, "inner");
	struct pb_io_frames frames;
	struct pb_line lines[2] = {
		s->p->lines[s->p->locations[s->p->nodes[inner].location].first_line],
		s->p->lines[s->p->locations[s->p->nodes[node].location].first_line],
	};

	pb_profile_set_lines(s->p, s->p->nodes[node].location, lines, 2);
	assert_int_equal(pb_io_frames_of(&frames, s->p, node), 0);
	assert_int_equal(frames.n, 3);
	assert_string_equal(frames.rows[0].name, "inner");
	assert_string_equal(frames.rows[1].name, "outer");
	assert_string_equal(frames.rows[2].name, "main");
	pb_io_frames_drop(&frames);
	assert_int_equal(pb_io_frames_of(&frames, s->p, sample_stack(s, "?")), 0);
	assert_int_equal(frames.n, 1);
	assert_false(frames.rows[0].is_named);
	assert_memory_equal(frames.rows[0].name, "app+0x", 6);
	pb_io_frames_drop(&frames);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sample_setup, sample_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_site_is_code_that_somebody_can_change),
		TEST(where_there_is_none_what_there_is_will_do),
		TEST(inlined_functions_are_frames_and_code_without_a_name_is_an_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
