/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define B(name) "<!-- bead:begin " name " -->\n"
#define E(name) "<!-- bead:end " name " -->\n"

static char message[256];

static struct pb_report_block block(const char *name, const char *text)
{
	return (struct pb_report_block){name, (char *)text, strlen(text)};
}

/* What becomes of @old with the blocks one and two; NULL: refused. To be freed. */
static char *merge_bytes(const char *old, size_t old_size, size_t *size)
{
	const struct pb_report_block blocks[] = {block("one", "new 1\n"),
						 block("two", "new 2\nmore\n")};
	char *text = NULL;
	int err;

	message[0] = '\0';
	err = pb_report_merge(&text, size, old, old_size, blocks, 2, message, sizeof(message));
	if (err) {
		assert_int_equal(err, -EINVAL);
		assert_null(text);
		return NULL;
	}
	assert_int_equal(text[*size], '\0');
	return text;
}

static char *merge(const char *old)
{
	size_t size;

	return merge_bytes(old, strlen(old), &size);
}

static void expect_merged(const char *old, const char *want)
{
	char *text = merge(old), *again;

	assert_non_null(text);
	assert_string_equal(text, want);
	again = merge(text);
	assert_string_equal(again, want);
	free(again);
	free(text);
}

static void blocks_that_are_missing_come_in_their_order(void **state)
{
	(void)state;
	expect_merged("", "\n" B("one") "new 1\n" E("one") "\n" B("two") "new 2\nmore\n" E("two"));
	expect_merged("# Title\n", "# Title\n\n" B("one") "new 1\n" E("one") "\n" B(
					   "two") "new 2\nmore\n" E("two"));
}

static void text_of_others_stays_byte_by_byte(void **state)
{
	(void)state;
	expect_merged("a \t\n\n" B("two") "old\n\nold\n" E("two") "between\r\n" B("one")
			      E("one") "\n\n  end",
		      "a \t\n\n" B("two") "new 2\nmore\n" E("two") "between\r\n" B(
			      "one") "new 1\n" E("one") "\n\n  end");
}

static void a_file_without_a_last_newline_gets_one_before_what_is_new(void **state)
{
	(void)state;
	expect_merged(B("one") E("one") "end",
		      B("one") "new 1\n" E("one") "end\n\n" B("two") "new 2\nmore\n" E("two"));
	/* Nothing is new. */
	expect_merged(B("one") E("one") B("two") "<!-- bead:end two -->",
		      B("one") "new 1\n" E("one") B("two") "new 2\nmore\n<!-- bead:end two -->");
}

static void lines_end_as_those_around(void **state)
{
	(void)state;
	expect_merged("# T\r\n<!-- bead:begin one -->\r\nold\r\n<!-- bead:end one -->\r\n",
		      "# T\r\n<!-- bead:begin one -->\r\nnew 1\r\n<!-- bead:end one -->\r\n"
		      "\r\n<!-- bead:begin two -->\r\nnew 2\r\nmore\r\n<!-- bead:end two -->\r\n");
}

static void markers_may_be_indented_and_padded(void **state)
{
	(void)state;
	expect_merged("  <!-- bead:begin one -->  \nold\n\t<!-- bead:end one --> \n" B("two")
			      E("two"),
		      "  <!-- bead:begin one -->  \nnew 1\n\t<!-- bead:end one --> \n" B(
			      "two") "new 2\nmore\n" E("two"));
}

static void blocks_of_other_names_are_left_alone(void **state)
{
	(void)state;
	expect_merged(B("mine") "x\n" E("mine") B("one") E("one") B("two") E("two"),
		      B("mine") "x\n" E("mine") B("one") "new 1\n" E("one")
			      B("two") "new 2\nmore\n" E("two"));
}

static void a_marker_inside_of_a_line_is_text(void **state)
{
	const char *old =
		"see `<!-- bead:begin one -->` for it\n" B("one") E("one") B("two") E("two");

	(void)state;
	expect_merged(old, "see `<!-- bead:begin one -->` for it\n" B("one") "new 1\n" E("one")
				   B("two") "new 2\nmore\n" E("two"));
}

static void nul_bytes_are_text(void **state)
{
	static const char old[] = "a\0b\n" B("one") "\0\n" E("one") B("two") E("two") "\0";
	static const char want[] =
		"a\0b\n" B("one") "new 1\n" E("one") B("two") "new 2\nmore\n" E("two") "\0";
	size_t size;
	char *text = merge_bytes(old, sizeof(old) - 1, &size);

	(void)state;
	assert_int_equal(size, sizeof(want) - 1);
	assert_memory_equal(text, want, size);
	free(text);
}

static void damaged_markers_are_refused_with_their_lines(void **state)
{
	static const struct {
		const char *old, *message;
	} cases[] = {
		{"a\n" B("one") "x\n", "line 2: the block \"one\" begins, and does not end"},
		{B("one") E("one") "\n" E("one"),
		 "line 4: the block \"one\" ends, and has not begun"},
		{B("one") "x\n" B("two") E("two") E("one"),
		 "line 3: the block \"two\" begins inside the block \"one\" of line 1, which has not "
		 "ended"},
		{B("one") E("one") B("one") E("one"),
		 "line 3: the block \"one\" is there already, in line 1"},
		{B("one") E("two"), "line 2: the block \"two\" ends, and has not begun"},
		{"<!-- bead:begin -->\n",
		 "line 1: this is no marker; it would be \"<!-- bead:begin NAME -->\" or \"<!-- "
		 "bead:end NAME -->\""},
		{"\n<!-- bead:begin One -->\n", "line 2: this is no marker"},
		{"<!-- bead:begin one\n", "line 1: this is no marker"},
		{"<!-- bead:end one --> x\n", "line 1: this is no marker"},
		{"<!-- bead:begin aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa -->\n",
		 "line 1: this is no marker"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(merge(cases[i].old));
		assert_int_equal(strncmp(message, cases[i].message, strlen(cases[i].message)), 0);
	}
}

static void a_block_that_holds_a_marker_is_not_written(void **state)
{
	const struct pb_report_block bad = block("one", "x\n " E("one") "y\n");
	char *text = NULL;
	size_t size;

	(void)state;
	assert_int_equal(pb_report_merge(&text, &size, "", 0, &bad, 1, message, sizeof(message)),
			 -EINVAL);
	assert_null(text);
	assert_string_equal(message, "the new block \"one\" holds a marker");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_that_are_missing_come_in_their_order),
		cmocka_unit_test(text_of_others_stays_byte_by_byte),
		cmocka_unit_test(a_file_without_a_last_newline_gets_one_before_what_is_new),
		cmocka_unit_test(lines_end_as_those_around),
		cmocka_unit_test(markers_may_be_indented_and_padded),
		cmocka_unit_test(blocks_of_other_names_are_left_alone),
		cmocka_unit_test(a_marker_inside_of_a_line_is_text),
		cmocka_unit_test(nul_bytes_are_text),
		cmocka_unit_test(damaged_markers_are_refused_with_their_lines),
		cmocka_unit_test(a_block_that_holds_a_marker_is_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
