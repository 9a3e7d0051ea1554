/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "user/bead/history.h"

/* What a function writes. */
static const char *written(void (*write)(FILE *out, const char *text), const char *text)
{
	static char buf[4096];
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	buf[0] = '\0';
	write(out, text);
	fclose(out);
	return buf;
}

static void code(FILE *out, const char *text)
{
	pb_md_code(out, text, 100);
}

static void text_is_no_markup(void **state)
{
	(void)state;
	assert_string_equal(written(pb_md_text, "a<b>*c*[d](e)`f`~g~&amp;$h$\\i|j"),
			    "a\\<b\\>\\*c\\*\\[d\\](e)\\`f\\`\\~g\\~\\&amp;\\$h\\$\\\\i&#124;j");
	assert_string_equal(written(pb_md_text, "# h - #"), "\\# h - #");
	assert_string_equal(written(pb_md_text, "- h"), "\\- h");
	/* Inside of a word an underscore is one. */
	assert_string_equal(written(pb_md_text, "a_b _c_ __d"), "a_b \\_c\\_ \\_\\_d");
	assert_string_equal(written(pb_md_text, "x\n<!-- bead:end a -->\n\x1b[1m"),
			    "x\\\\x0a\\<!-- bead:end a --\\>\\\\x0a\\\\x1b\\[1m");
	assert_string_equal(written(pb_md_text, NULL), "");
}

static void code_is_fenced_by_what_it_does_not_hold(void **state)
{
	(void)state;
	assert_string_equal(written(code, "std::map<int>::operator[]"),
			    "`std::map<int>::operator[]`");
	assert_string_equal(written(code, "a`b"), "``a`b``");
	assert_string_equal(written(code, "`a``"), "``` `a`` ```");
	assert_string_equal(written(code, " a "), "`  a  `");
	assert_string_equal(written(code, "a\nb"), "`a\\x0ab`");
	assert_string_equal(written(code, ""), "-");
	/* A cell would end here. */
	assert_string_equal(written(code, "operator|<"), "operator&#124;\\<");
}

static void long_text_is_cut(void **state)
{
	char text[3 * PB_MD_TEXT_MAX];
	const char *got;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	got = written(pb_md_text, text);
	assert_true(strlen(got) <= PB_MD_TEXT_MAX);
	assert_string_equal(got + strlen(got) - 3, "...");
	got = written(code, text);
	assert_true(strlen(got) <= 102);
}

static void words_are_what_a_shell_takes(void **state)
{
	(void)state;
	assert_string_equal(written(pb_md_shell_word, "./bin/a-b_c=1"), "./bin/a-b_c=1");
	assert_string_equal(written(pb_md_shell_word, "a b"), "'a b'");
	assert_string_equal(written(pb_md_shell_word, "it's"), "'it'\\''s'");
	assert_string_equal(written(pb_md_shell_word, ""), "''");
	assert_string_equal(written(pb_md_shell_word, "a\nb\\'\xff"), "$'a\\x0ab\\\\\\'\\xff'");
	assert_string_equal(written(pb_md_shell_word, "\xc3\xa4"), "'\xc3\xa4'");
}

static void tables_are_aligned(void **state)
{
	static const struct pb_md_column columns[] = {
		{"name", false}, {"n", true}, {"note", false}};
	pb_auto_md_table struct pb_md_table t = {columns, 3, NULL, 0, 0, false};
	char buf[512];
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_int_equal(pb_md_table_print(&t, out), 0);
	assert_int_equal(ftell(out), 0);
	pb_md_cell_code(&t, "main", 40);
	pb_md_cell(&t, "%d", 12345);
	pb_md_cell_text(&t, "a|b is long enough to be wider than its title");
	pb_md_cell_code(&t, "\xc3\xa4", 40);
	pb_md_cell(&t, "%s", "7");
	pb_md_cell_text(&t, "");
	assert_int_equal(pb_md_table_print(&t, out), 0);
	fclose(out);
	assert_string_equal(buf, "| name   |     n | note |\n"
				 "| ------ | ----: | ---- |\n"
				 "| `main` | 12345 | a&#124;b is long enough to be wider than its "
				 "title |\n"
				 "| `\xc3\xa4`    |     7 |  |\n");
}

static void a_table_that_lost_a_cell_is_not_printed(void **state)
{
	static const struct pb_md_column columns[] = {{"a", false}};
	struct pb_md_table t = {columns, 1, NULL, 0, 0, true};
	char buf[64];
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_true(pb_md_table_print(&t, out) < 0);
	assert_int_equal(ftell(out), 0);
	fclose(out);
}

static void bars_begin_at_nothing(void **state)
{
	char buf[PB_HISTORY_BAR];

	(void)state;
	assert_string_equal(pb_history_bar(buf, 4, 4, 3), "███");
	assert_string_equal(pb_history_bar(buf, 2, 4, 3), "█▌ ");
	assert_string_equal(pb_history_bar(buf, 0, 4, 3), "   ");
	assert_string_equal(pb_history_bar(buf, 8, 4, 3), "███");
	assert_string_equal(pb_history_bar(buf, 1, 0, 3), "   ");
	assert_true(strlen(pb_history_bar(buf, 1, 1, 40)) < PB_HISTORY_BAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_no_markup),
		cmocka_unit_test(code_is_fenced_by_what_it_does_not_hold),
		cmocka_unit_test(long_text_is_cut),
		cmocka_unit_test(words_are_what_a_shell_takes),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(a_table_that_lost_a_cell_is_not_printed),
		cmocka_unit_test(bars_begin_at_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
