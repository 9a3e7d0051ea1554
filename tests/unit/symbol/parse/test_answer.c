/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/answer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pb_answer_writer *new_writer(void)
{
	struct pb_answer_writer *w = NULL;

	assert_int_equal(pb_answer_writer_new(&w), 0);
	return w;
}

static void addresses_have_their_frames_in_order(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	const struct pb_frame_texts inner = {"inner", "_Z5innerv", "a.h", 7, 3};
	const struct pb_frame_texts outer = {"outer", "_Z5outerv", "a.c", 20, 12};

	(void)state;
	pb_answer_address(w, 0x1000, 0);
	pb_answer_frame(w, &inner);
	pb_answer_frame(w, &outer);
	pb_answer_address(w, 0x2000, 0x1ff0);
	pb_answer_address(w, 0x3000, 0);
	pb_answer_frame(w, &outer);
	assert_int_equal(pb_answer_take(w, &a), 0);
	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_int_equal(a->has_debug_info, 0);
	assert_int_equal(a->n_addrs, 3);
	assert_int_equal(a->n_frames, 3);
	assert_int_equal(a->addrs[0].vaddr, 0x1000);
	assert_int_equal(a->addrs[0].first, 0);
	assert_int_equal(a->addrs[0].n_frames, 2);
	assert_int_equal(a->addrs[1].n_frames, 0);
	assert_int_equal(a->addrs[1].function, 0x1ff0);
	assert_int_equal(a->addrs[2].first, 2);
	assert_int_equal(a->addrs[2].n_frames, 1);
	assert_string_equal(pb_answer_text(a, a->frames[0].name), "inner");
	assert_string_equal(pb_answer_text(a, a->frames[0].system_name), "_Z5innerv");
	assert_string_equal(pb_answer_text(a, a->frames[0].file), "a.h");
	assert_int_equal(a->frames[0].line, 7);
	assert_int_equal(a->frames[0].start_line, 3);
	assert_string_equal(pb_answer_text(a, a->frames[1].name), "outer");
	assert_memory_equal(&a->frames[1], &a->frames[2], sizeof(a->frames[1]));
}

static void equal_texts_are_kept_once(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		struct pb_frame_texts t = {.name = name, .system_name = name, .file = "x.c"};

		snprintf(name, sizeof(name), "f%u", i % 100);
		pb_answer_address(w, i, 0);
		pb_answer_frame(w, &t);
	}
	assert_int_equal(pb_answer_take(w, &a), 0);
	/* "", "x.c", ten names of two letters and ninety of three, each with its NUL. */
	assert_int_equal(a->strings_len, 1 + 4 + 10 * 3 + 90 * 4);
	for (uint32_t i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "f%u", i % 100);
		assert_string_equal(pb_answer_text(a, a->frames[i].name), name);
		assert_int_equal(a->frames[i].name, a->frames[i].system_name);
	}
}

static void what_is_not_known_is_the_empty_text(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	pb_auto(pb_answer) struct pb_answer *a = NULL;

	(void)state;
	pb_answer_address(w, 1, 0);
	pb_answer_frame(w, &(struct pb_frame_texts){.name = "f", .file = ""});
	assert_int_equal(pb_answer_take(w, &a), 0);
	assert_int_equal(a->frames[0].system_name, 0);
	assert_int_equal(a->frames[0].file, 0);
	assert_string_equal(pb_answer_text(a, 0), "");
	assert_int_equal(a->strings[0], '\0');
}

static void a_frame_without_a_name_has_its_system_name_or_is_left_out(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	pb_auto(pb_answer) struct pb_answer *a = NULL;

	(void)state;
	pb_answer_address(w, 1, 0);
	pb_answer_frame(w, &(struct pb_frame_texts){.file = "a.c", .line = 1});
	pb_answer_frame(w, &(struct pb_frame_texts){.name = "", .system_name = "_Zx"});
	assert_int_equal(pb_answer_take(w, &a), 0);
	assert_int_equal(a->n_frames, 1);
	assert_int_equal(a->addrs[0].n_frames, 1);
	assert_string_equal(pb_answer_text(a, a->frames[0].name), "_Zx");
}

static void a_writer_can_be_used_again(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	pb_auto(pb_answer) struct pb_answer *first = NULL;
	pb_auto(pb_answer) struct pb_answer *second = NULL;
	pb_auto(pb_answer) struct pb_answer *empty = NULL;

	(void)state;
	pb_answer_address(w, 1, 0);
	pb_answer_frame(w, &(struct pb_frame_texts){.name = "before"});
	assert_int_equal(pb_answer_take(w, &first), 0);
	pb_answer_address(w, 2, 0);
	pb_answer_frame(w, &(struct pb_frame_texts){.name = "after"});
	assert_int_equal(pb_answer_take(w, &second), 0);
	assert_int_equal(second->n_addrs, 1);
	assert_int_equal(second->strings_len, 1 + 6);
	assert_string_equal(pb_answer_text(second, second->frames[0].name), "after");
	assert_string_equal(pb_answer_text(first, first->frames[0].name), "before");
	assert_int_equal(pb_answer_take(w, &empty), 0);
	assert_int_equal(empty->n_addrs, 0);
	assert_int_equal(empty->strings_len, 1);
	assert_string_equal(empty->strings, "");
}

static void errors_are_sticky_until_they_are_told(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	const struct pb_frame_texts t = {.name = "f"};
	struct pb_answer *a = NULL;

	(void)state;
	pb_answer_frame(w, &t);
	pb_answer_address(w, 1, 0);
	assert_int_equal(pb_answer_take(w, &a), -EINVAL);
	assert_null(a);
	pb_answer_address(w, 1, 0);
	assert_int_equal(pb_answer_take(w, &a), 0);
	assert_int_equal(a->n_addrs, 1);
	pb_answer_free(a);
}

static void an_address_has_a_bound_of_frames(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	const struct pb_frame_texts t = {.name = "f"};
	struct pb_answer *a = NULL;

	(void)state;
	pb_answer_address(w, 1, 0);
	for (uint32_t i = 0; i < PB_WIRE_INLINES_MAX; i++)
		pb_answer_frame(w, &t);
	assert_int_equal(pb_answer_take(w, &a), 0);
	assert_int_equal(a->n_frames, PB_WIRE_INLINES_MAX);
	pb_answer_free(a);
	a = NULL;
	pb_answer_address(w, 1, 0);
	for (uint32_t i = 0; i <= PB_WIRE_INLINES_MAX; i++)
		pb_answer_frame(w, &t);
	assert_int_equal(pb_answer_take(w, &a), -EFBIG);
	assert_null(a);
}

static void strings_have_a_bound(void **state)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *w = new_writer();
	const size_t len = PB_WIRE_STRINGS_MAX / 2;
	pb_autofree char *text = malloc(len + 1);
	struct pb_answer *a = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	text[len] = '\0';
	pb_answer_address(w, 1, 0);
	pb_answer_frame(w, &(struct pb_frame_texts){.name = text});
	text[0] = 'b';
	pb_answer_frame(w, &(struct pb_frame_texts){.name = text});
	assert_int_equal(pb_answer_take(w, &a), -EFBIG);
	assert_null(a);
}

static void nothing_is_freed_that_is_not_there(void **state)
{
	(void)state;
	pb_answer_writer_free(NULL);
	pb_answer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_their_frames_in_order),
		cmocka_unit_test(equal_texts_are_kept_once),
		cmocka_unit_test(what_is_not_known_is_the_empty_text),
		cmocka_unit_test(a_frame_without_a_name_has_its_system_name_or_is_left_out),
		cmocka_unit_test(a_writer_can_be_used_again),
		cmocka_unit_test(errors_are_sticky_until_they_are_told),
		cmocka_unit_test(an_address_has_a_bound_of_frames),
		cmocka_unit_test(strings_have_a_bound),
		cmocka_unit_test(nothing_is_freed_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
