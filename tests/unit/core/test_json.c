/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "user/core/own.h"

struct text {
	struct pb_json json;
	FILE *out;
	char *text;
	size_t size;
};

static struct pb_json *begin(struct text *t, bool compact)
{
	memset(t, 0, sizeof(*t));
	t->out = open_memstream(&t->text, &t->size);
	assert_non_null(t->out);
	pb_json_init(&t->json, t->out, compact);
	return &t->json;
}

static void expect(struct text *t, const char *want)
{
	assert_int_equal(fclose(t->out), 0);
	assert_string_equal(t->text, want);
	free(t->text);
}

/* A single value at the top, as it is written. */
static void expect_text(const char *s, const char *want)
{
	struct text t;

	pb_json_string(begin(&t, false), NULL, s);
	expect(&t, want);
}

static void expect_double(double value, int decimals, const char *want)
{
	struct text t;

	pb_json_double(begin(&t, false), NULL, value, decimals);
	expect(&t, want);
}

static void write_sample(struct pb_json *j)
{
	pb_json_object(j, NULL);
	pb_json_string(j, "name", "x");
	pb_json_flat_object(j, "row");
	pb_json_uint(j, "a", 1);
	pb_json_array(j, "b");
	pb_json_uint(j, NULL, 1);
	pb_json_int(j, NULL, -2);
	pb_json_end(j, ']');
	pb_json_end(j, '}');
	pb_json_array(j, "list");
	pb_json_bool(j, NULL, true);
	pb_json_bool(j, NULL, false);
	pb_json_null(j, NULL);
	pb_json_end(j, ']');
	pb_json_object(j, "none");
	pb_json_end(j, '}');
	pb_json_flat_array(j, "empty");
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

static void levels_are_indented_and_flat_ones_stay_on_a_line(void **state)
{
	struct text t;

	(void)state;
	write_sample(begin(&t, false));
	expect(&t, "{\n"
		   "  \"name\": \"x\",\n"
		   "  \"row\": {\"a\": 1, \"b\": [1, -2]},\n"
		   "  \"list\": [\n"
		   "    true,\n"
		   "    false,\n"
		   "    null\n"
		   "  ],\n"
		   "  \"none\": {},\n"
		   "  \"empty\": []\n"
		   "}");
}

static void compact_has_no_spaces(void **state)
{
	struct text t;

	(void)state;
	write_sample(begin(&t, true));
	expect(&t, "{\"name\":\"x\",\"row\":{\"a\":1,\"b\":[1,-2]},\"list\":[true,false,null],"
		   "\"none\":{},\"empty\":[]}");
}

static void strings_are_escaped_for_scripts_and_terminals(void **state)
{
	(void)state;
	expect_text("a\"b\\c", "\"a\\\"b\\\\c\"");
	expect_text("</script>&", "\"\\u003c/script\\u003e\\u0026\"");
	expect_text("\n\t\r\033\x7f", "\"\\n\\t\\u000d\\u001b\\u007f\"");
	expect_text("\xc2\x9b\xe2\x80\xa8\xe2\x80\xae", "\"\\u009b\\u2028\\u202e\"");
	expect_text("größe 日本 \xf0\x9f\x94\xa5", "\"größe 日本 \xf0\x9f\x94\xa5\"");
	expect_text("", "\"\"");
	expect_text(NULL, "null");
}

static void bytes_that_are_not_utf8_become_text(void **state)
{
	(void)state;
	expect_text("a\xff"
		    "b\xed\xa0\x80",
		    "\"a\\\\xffb\\\\xed\\\\xa0\\\\x80\"");
	expect_text("\xf0\x9f", "\"\\\\xf0\\\\x9f\"");
}

static void keys_are_escaped_as_well(void **state)
{
	struct text t;
	struct pb_json *j = begin(&t, true);

	(void)state;
	pb_json_object(j, NULL);
	pb_json_null(j, "a\"<\n\xff");
	pb_json_end(j, '}');
	expect(&t, "{\"a\\\"\\u003c\\n\\\\xff\":null}");
}

static void integers_beyond_a_double_are_strings(void **state)
{
	struct text t;
	struct pb_json *j = begin(&t, true);

	(void)state;
	pb_json_array(j, NULL);
	pb_json_uint(j, NULL, (UINT64_C(1) << 53) - 1);
	pb_json_uint(j, NULL, UINT64_C(1) << 53);
	pb_json_uint(j, NULL, UINT64_MAX);
	pb_json_int(j, NULL, -(INT64_C(1) << 53) + 1);
	pb_json_int(j, NULL, -(INT64_C(1) << 53));
	pb_json_int(j, NULL, INT64_MIN);
	pb_json_end(j, ']');
	expect(&t, "[9007199254740991,\"9007199254740992\",\"18446744073709551615\","
		   "-9007199254740991,\"-9007199254740992\",\"-9223372036854775808\"]");
}

static void doubles_have_the_decimals_asked_for(void **state)
{
	(void)state;
	expect_double(1.25, 1, "1.2");
	expect_double(3, 0, "3");
	expect_double(-0.5, 3, "-0.500");
	expect_double(-0.0001, 2, "0.00");
	expect_double(-0.0, 0, "0");
	expect_double(1.5, -1, "2");
	expect_double(0.1, 99, "0.10000000000000001");
	expect_double(NAN, 1, "null");
	expect_double(INFINITY, 1, "null");
	expect_double(-INFINITY, 1, "null");
}

static void the_largest_double_is_still_a_number(void **state)
{
	struct text t;
	json_t *json;

	(void)state;
	pb_json_double(begin(&t, false), NULL, -DBL_MAX, 99);
	assert_int_equal(fclose(t.out), 0);
	json = json_loads(t.text, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	assert_true(json_number_value(json) == -DBL_MAX);
	json_decref(json);
	free(t.text);
}

static void a_decimal_comma_of_the_locale_does_not_get_in(void **state)
{
	static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF"};
	bool found = false;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(locales) && !found; i++)
		found = setlocale(LC_NUMERIC, locales[i]) &&
			strcmp(localeconv()->decimal_point, ".");
	if (!found) {
		print_message("skipped: no locale with a decimal comma is installed\n");
		skip();
	}
	expect_double(-1234.5, 2, "-1234.50");
	setlocale(LC_NUMERIC, "C");
}

static void levels_beyond_the_deepest_are_flat_and_well_formed(void **state)
{
	struct text t;
	struct pb_json *j = begin(&t, false);
	const json_t *inner;
	json_t *json;
	int n = PB_JSON_DEPTH_MAX + 20;
	char deepest[64];

	(void)state;
	for (int i = 0; i < n; i++) {
		pb_json_array(j, NULL);
		pb_json_uint(j, NULL, 1);
	}
	for (int i = 0; i < n; i++) {
		pb_json_end(j, ']');
		if (i < n - 1)
			pb_json_uint(j, NULL, 2);
	}
	pb_json_end(j, ']'); /* one too many: nothing to end */
	assert_int_equal(fclose(t.out), 0);
	snprintf(deepest, sizeof(deepest), "\n%*s[", 2 * (PB_JSON_DEPTH_MAX - 1), "");
	assert_non_null(strstr(t.text, deepest));
	snprintf(deepest, sizeof(deepest), "\n%*s", 2 * PB_JSON_DEPTH_MAX, "");
	assert_null(strstr(t.text, deepest));
	json = json_loads(t.text, 0, NULL);
	assert_non_null(json);
	inner = json;
	for (int i = 0; i < n - 1; i++) {
		assert_int_equal(json_array_size(inner), 3);
		inner = json_array_get(inner, 1);
	}
	assert_int_equal(json_array_size(inner), 1);
	json_decref(json);
	free(t.text);
}

static void an_error_of_the_stream_shows_there(void **state)
{
	struct pb_json j;
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	setbuf(out, NULL);
	pb_json_init(&j, out, false);
	pb_json_string(&j, NULL, "x");
	assert_true(ferror(out));
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_are_indented_and_flat_ones_stay_on_a_line),
		cmocka_unit_test(compact_has_no_spaces),
		cmocka_unit_test(strings_are_escaped_for_scripts_and_terminals),
		cmocka_unit_test(bytes_that_are_not_utf8_become_text),
		cmocka_unit_test(keys_are_escaped_as_well),
		cmocka_unit_test(integers_beyond_a_double_are_strings),
		cmocka_unit_test(doubles_have_the_decimals_asked_for),
		cmocka_unit_test(the_largest_double_is_still_a_number),
		cmocka_unit_test(a_decimal_comma_of_the_locale_does_not_get_in),
		cmocka_unit_test(levels_beyond_the_deepest_are_flat_and_well_formed),
		cmocka_unit_test(an_error_of_the_stream_shows_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
