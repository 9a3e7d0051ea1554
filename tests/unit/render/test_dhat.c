/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What valgrind's own viewer makes of the golden file is checked by the golden ring. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/heap/sample_heap.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static const struct pb_render_opts opts = {.top = 1};

static int setup(void **state)
{
	struct pb_heap_sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	pb_heap_sample_init(s);
	assert_int_equal(pb_report_set_extra(s->report, "{\"alloc\": {\"peak_s\": 6.2}}"), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	pb_heap_sample_drop(*state);
	free(*state);
	return 0;
}

static json_t *render(const struct pb_profile *p, const struct pb_report *r)
{
	pb_autofree char *text = pb_sample_render(pb_render_dhat, p, r, &opts, NULL);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	return json;
}

static json_int_t sum(const json_t *json, const char *key)
{
	const json_t *points = json_object_get(json, "pps");
	json_int_t n = 0;

	for (size_t i = 0; i < json_array_size(points); i++)
		n += json_integer_value(json_object_get(json_array_get(points, i), key));
	return n;
}

static void the_sample_is_as_expected(void **state)
{
	const struct pb_heap_sample *s = *state;
	pb_autofree char *text =
		pb_sample_render(pb_render_dhat, s->profile, s->report, &opts, NULL);

	pb_sample_golden("heap.dhat.json", text);
}

static void members_add_up_to_the_values(void **state)
{
	static const struct {
		const char *key;
		enum pb_alloc_value value;
	} rows[] = {
		{"tb", PB_ALLOC_SPACE},    {"tbk", PB_ALLOC_OBJECTS}, {"eb", PB_INUSE_SPACE},
		{"ebk", PB_INUSE_OBJECTS}, {"gb", PB_PEAK_SPACE},     {"gbk", PB_PEAK_OBJECTS},
		{"mb", PB_MOST_SPACE},     {"mbk", PB_MOST_OBJECTS},  {"tl", PB_LIFETIME},
	};
	const struct pb_heap_sample *s = *state;
	json_t *json = render(s->profile, s->report);

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++)
		assert_int_equal(sum(json, rows[i].key),
				 pb_profile_total(s->profile, rows[i].value));
	assert_true(json_is_true(json_object_get(json, "bklt")));
	assert_int_equal(json_integer_value(json_object_get(json, "tg")), 6200000);
	assert_int_equal(json_integer_value(json_object_get(json, "te")), 10012345);
	json_decref(json);
}

static void a_stack_of_two_processes_is_one_point(void **state)
{
	const struct pb_heap_sample *s = *state;
	uint32_t process = pb_profile_process(s->profile, 9, 0);
	uint64_t values[PB_ALLOC_VALUES] = {1, 40};
	json_t *json;

	pb_profile_add(s->profile, s->book.sites[PB_HEAP_PARSE].node, process, values);
	json = render(s->profile, s->report);
	assert_int_equal(json_array_size(json_object_get(json, "pps")), PB_HEAP_SITES);
	assert_int_equal(sum(json, "tbk"), PB_HEAP_ALLOCATIONS + 1);
	json_decref(json);
}

/* As Firefox Profiler takes a frame apart: address, function, file, line. */
static void frames_have_the_form_that_viewers_know(void **state)
{
	const struct pb_heap_sample *s = *state;
	json_t *json = render(s->profile, s->report), *frames = json_object_get(json, "ftbl");
	const json_t *points = json_object_get(json, "pps");

	assert_string_equal(json_string_value(json_array_get(frames, 0)), "[root]");
	for (size_t i = 1; i < json_array_size(frames); i++) {
		const char *text = json_string_value(json_array_get(frames, i));

		if (!strcmp(text, "[broken]"))
			continue;
		assert_true(!strncmp(text, "0x", 2) && strstr(text, ": "));
		assert_int_equal(text[strlen(text) - 1], ')');
	}
	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *fs = json_object_get(json_array_get(points, i), "fs");

		assert_true(json_array_size(fs) > 0);
		for (size_t k = 0; k < json_array_size(fs); k++)
			assert_in_range(json_integer_value(json_array_get(fs, k)), 1,
					json_array_size(frames) - 1);
	}
	json_decref(json);
}

/* A heap profile of Go's, say: it knows of no lifetimes. */
static void what_is_not_known_is_not_claimed(void **state)
{
	static const struct pb_value_type types[] = {{"alloc_space", "bytes"}};
	const struct pb_heap_sample *s = *state;
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	json_t *json;

	assert_int_equal(pb_profile_new(&p, types, 1), 0);
	json = render(p, s->report);
	assert_true(json_is_false(json_object_get(json, "bklt")));
	assert_null(json_object_get(json, "tg"));
	assert_int_equal(json_array_size(json_object_get(json, "pps")), 0);
	json_decref(json);
}

static void numbers_stay_numbers(void **state)
{
	const struct pb_heap_sample *s = *state;
	json_t *json;

	s->profile->values[PB_ALLOC_SPACE] = UINT64_MAX;
	json = render(s->profile, s->report);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(json, "pps"), 0), "tb")),
			 (INT64_C(1) << 53) - 1);
	json_decref(json);
}

static void a_profile_of_cpu_time_is_refused(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(pb_render_dhat(out, p, r, &opts), -EINVAL);
	fclose(out);
	assert_int_equal(size, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_sample_is_as_expected),
		TEST(members_add_up_to_the_values),
		TEST(a_stack_of_two_processes_is_one_point),
		TEST(frames_have_the_form_that_viewers_know),
		TEST(what_is_not_known_is_not_claimed),
		TEST(numbers_stay_numbers),
		TEST(a_profile_of_cpu_time_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
