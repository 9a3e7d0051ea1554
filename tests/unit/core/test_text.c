/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/own.h"

static void expect_safe(const char *s, size_t len, const char *want)
{
	char buf[256];

	assert_int_equal(pb_text_safe(buf, sizeof(buf), s, len), strlen(want));
	assert_string_equal(buf, want);
}

static void expect_printed(const char *s, int columns, int keep_end, const char *want)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	pb_text_print(out, s, columns, keep_end);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, want);
}

static bool is_utf8(const char *s, size_t len)
{
	uint32_t c;

	for (size_t i = 0, n; i < len; i += n) {
		n = pb_text_decode(s + i, len - i, &c);
		if (!n || !pb_text_prints(c))
			return false;
	}
	return true;
}

static void printing_utf8_is_kept(void **state)
{
	const char *s = "main größe 日本語 \xf0\x9f\x94\xa5 a\\b";

	(void)state;
	expect_safe(s, strlen(s), s);
	expect_safe("", 0, "");
	/* the ends of the ranges: U+00A0, U+07FF, U+0800, U+D7FF, U+E000, U+10000, U+10FFFF */
	s = "\xc2\xa0\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
	expect_safe(s, strlen(s), s);
}

static void controls_become_hex(void **state)
{
	(void)state;
	expect_safe("a\0b", 3, "a\\x00b");
	expect_safe("\033[31m\n\t\x7f", 8, "\\x1b[31m\\x0a\\x09\\x7f");
	expect_safe("\xc2\x9b", 2, "\\xc2\\x9b"); /* CSI as a C1 control */
}

static void bidi_controls_and_separators_become_hex(void **state)
{
	static const char *const bad[] = {
		"\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8", "\xe2\x80\xa9",
		"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9",
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++) {
		assert_int_equal(pb_text_safe(buf, sizeof(buf), bad[i], strlen(bad[i])),
				 4 * strlen(bad[i]));
		assert_memory_equal(buf, "\\x", 2);
	}
	/* their neighbours print */
	expect_safe("\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5", 9,
		    "\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xa5");
}

static void bytes_that_are_not_utf8_become_hex(void **state)
{
	(void)state;
	expect_safe("\x80z", 2, "\\x80z");                 /* continuation alone */
	expect_safe("\xc0\xaf", 2, "\\xc0\\xaf");          /* overlong '/' */
	expect_safe("\xe0\x9f\xbf", 3, "\\xe0\\x9f\\xbf"); /* overlong U+07FF */
	expect_safe("\xf0\x8f\xbf\xbf", 4, "\\xf0\\x8f\\xbf\\xbf");
	expect_safe("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* surrogate */
	expect_safe("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	expect_safe("\xff\xfe", 2, "\\xff\\xfe");
	expect_safe("\xe6\x97", 2, "\\xe6\\x97"); /* cut short */
	expect_safe("\xe6"
		    "a",
		    2,
		    "\\xe6"
		    "a");
}

static void a_sequence_behind_the_length_is_not_read(void **state)
{
	char *s = malloc(2);

	(void)state;
	assert_non_null(s);
	memcpy(s, "\xf0\x9f", 2); /* a sanitizer sees a third byte being read */
	expect_safe(s, 2, "\\xf0\\x9f");
	free(s);
}

static void a_cut_splits_neither_character_nor_escape(void **state)
{
	char buf[64];

	(void)state;
	assert_int_equal(pb_text_safe(buf, 8, "1234567", 7), 7);
	assert_string_equal(buf, "1234567");
	assert_int_equal(pb_text_safe(buf, 8, "12345678", 8), 7);
	assert_string_equal(buf, "1234...");
	pb_text_safe(buf, 8, "12\xc3\xa4\xc3\xa4\xc3\xa4", 8);
	assert_string_equal(buf, "12\xc3\xa4...");
	pb_text_safe(buf, 8, "123\xc3\xa4\xc3\xa4\xc3\xa4", 9);
	assert_string_equal(buf, "123...");
	pb_text_safe(buf, 8, "\1\2\3", 3);
	assert_string_equal(buf, "\\x01...");
	pb_text_safe(buf, 8, "a\1\2", 3);
	assert_string_equal(buf, "a...");
	/* exactly full without a cut */
	pb_text_safe(buf, 9, "\1\2", 2);
	assert_string_equal(buf, "\\x01\\x02");
}

static void a_name_is_bounded_and_a_line_by_its_buffer(void **state)
{
	static char in[3 * PB_NAME_MAX], out[3 * PB_NAME_MAX];

	(void)state;
	memset(in, 'x', sizeof(in));
	assert_int_equal(pb_text_safe(out, sizeof(out), in, PB_NAME_MAX), PB_NAME_MAX);
	assert_int_equal(out[PB_NAME_MAX - 1], 'x');
	assert_int_equal(pb_text_safe(out, sizeof(out), in, sizeof(in)), PB_NAME_MAX);
	assert_string_equal(out + PB_NAME_MAX - 4, "x...");
	assert_int_equal(pb_text_safe_line(out, sizeof(out), in, 2 * PB_NAME_MAX), 2 * PB_NAME_MAX);
	assert_int_equal(pb_text_safe_line(out, sizeof(out), in, sizeof(in)), sizeof(out) - 1);
}

/* A short generator of its own, so that a failure comes again. */
static void any_bytes_in_any_room_give_safe_text_that_is_stable(void **state)
{
	char in[40], once[64], again[64];
	uint32_t seed = 12345;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t size, len, n;

		for (size_t i = 0; i < sizeof(in); i++) {
			seed = seed * 1664525 + 1013904223;
			in[i] = (char)(seed >> 24);
		}
		size = 8 + (seed >> 8) % (sizeof(once) - 8);
		len = (seed >> 16) % sizeof(in);
		memset(once, 0x7e, sizeof(once));
		n = pb_text_safe(once, size, in, len);
		assert_true(n < size && once[n] == '\0' && strlen(once) == n);
		assert_true(size == sizeof(once) || once[size] == 0x7e);
		assert_true(is_utf8(once, n));
		assert_int_equal(pb_text_safe(again, size, once, n), n);
		assert_string_equal(once, again);
	}
}

static void columns_follow_the_terminal(void **state)
{
	(void)state;
	assert_int_equal(pb_text_columns(""), 0);
	assert_int_equal(pb_text_columns("abc"), 3);
	assert_int_equal(pb_text_columns("größe"), 5);
	assert_int_equal(pb_text_columns("日本"), 4);
	assert_int_equal(pb_text_columns("e\xcc\x81"), 1); /* e and a combining acute */
	assert_int_equal(pb_text_columns("\xf0\x9f\x94\xa5"), 2);
	assert_int_equal(pb_text_columns("…"), 1);
	assert_int_equal(pb_text_columns("한글"), 4);
	assert_int_equal(pb_text_columns("\xff"), 1); /* not UTF-8: no harm */
}

static void fitting_takes_whole_characters_with_their_marks(void **state)
{
	(void)state;
	assert_int_equal(pb_text_fit("abc", 2), 2);
	assert_int_equal(pb_text_fit("abc", 9), 3);
	assert_int_equal(pb_text_fit("abc", 0), 0);
	assert_int_equal(pb_text_fit("abc", -1), 0);
	assert_int_equal(pb_text_fit("日本", 3), 3);
	assert_int_equal(pb_text_fit("e\xcc\x81x", 1), 3);
}

static void printing_takes_exactly_the_columns(void **state)
{
	(void)state;
	expect_printed("abc", 5, 0, "abc  ");
	expect_printed("abc", 3, 0, "abc");
	expect_printed("abcdef", 4, 0, "abc…");
	expect_printed("abcdef", 4, 1, "…def");
	expect_printed("abcdef", 1, 0, "…");
	expect_printed("abcdef", 1, 1, "…");
	expect_printed("abcdef", 0, 0, "");
	expect_printed("abcdef", -3, 1, "");
	expect_printed("", 2, 0, "  ");
}

static void a_wide_character_that_does_not_fit_leaves_a_space(void **state)
{
	(void)state;
	expect_printed("日本語", 4, 0, "日… ");
	expect_printed("日本語", 4, 1, "…語 ");
	expect_printed("日本語", 5, 0, "日本…");
	expect_printed("日本語", 6, 0, "日本語");
}

static void a_mark_is_not_parted_from_its_letter(void **state)
{
	(void)state;
	/* "abe´": cut in front of b, and cut in front of e */
	expect_printed("abe\xcc\x81", 2, 1, "…e\xcc\x81");
	expect_printed("ae\xcc\x81"
		       "b",
		       2, 1, "…b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printing_utf8_is_kept),
		cmocka_unit_test(controls_become_hex),
		cmocka_unit_test(bidi_controls_and_separators_become_hex),
		cmocka_unit_test(bytes_that_are_not_utf8_become_hex),
		cmocka_unit_test(a_sequence_behind_the_length_is_not_read),
		cmocka_unit_test(a_cut_splits_neither_character_nor_escape),
		cmocka_unit_test(a_name_is_bounded_and_a_line_by_its_buffer),
		cmocka_unit_test(any_bytes_in_any_room_give_safe_text_that_is_stable),
		cmocka_unit_test(columns_follow_the_terminal),
		cmocka_unit_test(fitting_takes_whole_characters_with_their_marks),
		cmocka_unit_test(printing_takes_exactly_the_columns),
		cmocka_unit_test(a_wide_character_that_does_not_fit_leaves_a_space),
		cmocka_unit_test(a_mark_is_not_parted_from_its_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
