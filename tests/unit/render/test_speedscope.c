/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static json_t *render_and_parse(const struct pb_profile *p, uint32_t value)
{
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.value = value};
	pb_autofree char *text = pb_sample_render(pb_render_speedscope, p, r, &o, NULL);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	return json;
}

static void the_sample_is_as_expected(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.value = 1};
	pb_autofree char *text = pb_sample_render(pb_render_speedscope, p, r, &o, NULL);

	(void)state;
	pb_sample_golden("sample.speedscope.json", text);
}

/* What its schema does not check and the program stumbles over. */
static void indices_and_sums_agree(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	json_t *json = render_and_parse(p, 1), *profiles = json_object_get(json, "profiles");
	json_t *frames = json_object_get(json_object_get(json, "shared"), "frames");

	(void)state;
	assert_int_equal(json_array_size(profiles), 2);
	assert_int_equal(json_integer_value(json_object_get(json, "activeProfileIndex")), 1);
	for (size_t i = 0; i < 2; i++) {
		const json_t *one = json_array_get(profiles, i);
		const json_t *samples = json_object_get(one, "samples");
		const json_t *weights = json_object_get(one, "weights");
		json_int_t sum = 0;

		assert_int_equal(json_array_size(samples), json_array_size(weights));
		for (size_t k = 0; k < json_array_size(samples); k++) {
			const json_t *stack = json_array_get(samples, k);

			assert_true(json_array_size(stack) > 0);
			for (size_t f = 0; f < json_array_size(stack); f++)
				assert_true(json_integer_value(json_array_get(stack, f)) <
					    (json_int_t)json_array_size(frames));
			sum += json_integer_value(json_array_get(weights, k));
		}
		assert_int_equal(sum, json_integer_value(json_object_get(one, "endValue")));
		assert_int_equal(sum, pb_profile_total(p, (uint32_t)i));
	}
	json_decref(json);
}

static void units_are_those_it_knows(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	json_t *json = render_and_parse(p, 0), *profiles = json_object_get(json, "profiles");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json_array_get(profiles, 0), "unit")),
			    "none");
	assert_string_equal(json_string_value(json_object_get(json_array_get(profiles, 1), "unit")),
			    "nanoseconds");
	json_decref(json);
}

static void inlined_functions_are_frames(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	json_t *json = render_and_parse(p, 0);
	json_t *frames = json_object_get(json_object_get(json, "shared"), "frames");
	bool found = false;

	(void)state;
	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *f = json_array_get(frames, i);

		if (!strcmp(json_string_value(json_object_get(f, "name")), "square")) {
			found = true;
			assert_int_equal(json_integer_value(json_object_get(f, "line")), 4);
		}
	}
	assert_true(found);
	json_decref(json);
}

static void inlined_functions_and_lines_are_as_expected(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts plain = {.value = 1}, lines = {.value = 1, .lines = true};
	pb_autofree char *by_function = pb_sample_render(pb_render_speedscope, p, r, &plain, NULL);
	pb_autofree char *by_line = pb_sample_render(pb_render_speedscope, p, r, &lines, NULL);

	(void)state;
	pb_sample_golden("source.speedscope.json", by_function);
	pb_sample_golden("source-lines.speedscope.json", by_line);
}

static void the_largest_numbers_stay_numbers(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	json_t *json;

	(void)state;
	p->values[0] = UINT64_C(1) << 60;
	json = render_and_parse(p, 0);
	assert_true(json_is_number(
		json_object_get(json_array_get(json_object_get(json, "profiles"), 0), "endValue")));
	json_decref(json);
}

static void an_empty_profile_is_a_file_all_the_same(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	json_t *json = render_and_parse(p, 0);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(json, "profiles")), 2);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_as_expected),
		cmocka_unit_test(indices_and_sums_agree),
		cmocka_unit_test(units_are_those_it_knows),
		cmocka_unit_test(inlined_functions_are_frames),
		cmocka_unit_test(inlined_functions_and_lines_are_as_expected),
		cmocka_unit_test(the_largest_numbers_stay_numbers),
		cmocka_unit_test(an_empty_profile_is_a_file_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
