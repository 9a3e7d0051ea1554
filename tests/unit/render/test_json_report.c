/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/abi/loss.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static json_t *render_and_parse(const struct pb_profile *p, const struct pb_report *r, uint32_t top,
				uint32_t value)
{
	const struct pb_render_opts o = {.top = top, .value = value};
	pb_autofree char *text = pb_sample_render(pb_render_json, p, r, &o, NULL);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	return json;
}

static json_t *sample(uint32_t top, uint32_t value)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	return render_and_parse(p, r, top, value);
}

static int64_t number(const json_t *json, const char *key, size_t i)
{
	const json_t *n = json_array_get(json_object_get(json, key), i);

	assert_true(json_is_integer(n));
	return json_integer_value(n);
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	assert_non_null(text);
	return text;
}

static void the_sample_is_as_expected(void **state)
{
	const struct pb_render_opts o = {.top = 12, .value = 1};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *text = pb_sample_render(pb_render_json, p, r, &o, NULL);

	(void)state;
	pb_sample_golden("sample.json", text);
}

static void lines_are_as_expected(void **state)
{
	const struct pb_render_opts o = {.top = 12, .value = 1, .lines = true};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *text = pb_sample_render(pb_render_json, p, r, &o, NULL);

	(void)state;
	pb_sample_golden("source-lines.json", text);
}

/* The row of a function; fails the test if there is none. */
static const json_t *row_of(const json_t *json, const char *function)
{
	const json_t *rows = json_object_get(json, "hotspots");

	for (size_t i = 0; i < json_array_size(rows); i++) {
		if (!strcmp(text_of(json_array_get(rows, i), "function"), function))
			return json_array_get(rows, i);
	}
	fail_msg("no row for %s", function);
	return NULL;
}

static void source_of_a_row_is_where_its_function_starts(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	json_t *json = render_and_parse(p, r, 20, 1);
	const json_t *row = row_of(json, "std::_Rb_tree<int>::_M_lower_bound");

	(void)state;
	assert_string_equal(text_of(row, "file"), "/usr/include/c++/12/bits/stl_tree.h");
	assert_int_equal(json_integer_value(json_object_get(row, "line")), 1950);
	/* of two overloads the file is known, and the line is not */
	row = row_of(json, "app::Server::handle");
	assert_string_equal(text_of(row, "file"), "/src/server/server.cc");
	assert_true(json_is_null(json_object_get(row, "line")));
	json_decref(json);
}

static void the_keys_are_those_of_the_design(void **state)
{
	static const char *const keys[] = {"schema", "tool",   "target",   "capture",
					   "events", "stacks", "symbols",  "overhead",
					   "values", "totals", "hotspots", "stacks_top"};
	json_t *json = sample(5, 0), *value;
	const char *key;
	size_t n = 0;

	(void)state;
	json_object_foreach(json, key, value)
	{
		assert_true(n < PB_ARRAY_SIZE(keys));
		assert_string_equal(key, keys[n++]);
	}
	assert_int_equal(n, PB_ARRAY_SIZE(keys));
	assert_string_equal(text_of(json, "schema"), "cpuflame/1");
	json_decref(json);
}

static void every_row_has_a_number_per_value(void **state)
{
	json_t *json = sample(100, 1), *hotspots = json_object_get(json, "hotspots");
	int64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < json_array_size(hotspots); i++) {
		const json_t *row = json_array_get(hotspots, i);

		assert_int_equal(json_array_size(json_object_get(row, "self")), 2);
		assert_int_equal(number(row, "self", 1),
				 number(row, "self", 0) * (int64_t)PB_SAMPLE_NS);
		assert_int_equal(number(row, "total", 1),
				 number(row, "total", 0) * (int64_t)PB_SAMPLE_NS);
		assert_int_equal(strlen(text_of(row, "id")), 16);
		sum += number(row, "self", 0);
	}
	assert_int_equal(sum, PB_SAMPLE_TOTAL);
	json_decref(json);
}

/* Values that disagree about what is hot: rows must follow the chosen one, and keep the others. */
static void rows_follow_the_chosen_value_and_keep_the_others(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	json_t *json;
	const json_t *row;

	(void)state;
	for (uint32_t i = 0; i < p->n_samples; i++)
		p->values[2 * i + 1] = i == 14 ? 1000 : i; /* 14: the idle loop */
	json = render_and_parse(p, r, 1, 1);
	row = json_array_get(json_object_get(json, "hotspots"), 0);
	assert_string_equal(text_of(row, "function"), "cpu_startup_entry");
	assert_int_equal(number(row, "self", 0), 8);
	assert_int_equal(number(row, "self", 1), 1000);
	row = json_array_get(json_object_get(json, "stacks_top"), 0);
	assert_int_equal(number(row, "values", 0), 8);
	assert_int_equal(number(row, "values", 1), 1000);
	json_decref(json);
}

static void stacks_are_root_first_with_the_thread_at_the_root(void **state)
{
	static const char *const frames[] = {"app", "_start", "main", "compute", "square"};
	json_t *json = sample(3, 0), *stacks = json_object_get(json, "stacks_top");
	const json_t *first = json_array_get(stacks, 0);

	(void)state;
	assert_int_equal(json_array_size(stacks), 3);
	assert_int_equal(json_array_size(json_object_get(first, "frames")), PB_ARRAY_SIZE(frames));
	for (size_t i = 0; i < PB_ARRAY_SIZE(frames); i++)
		assert_string_equal(
			json_string_value(json_array_get(json_object_get(first, "frames"), i)),
			frames[i]);
	assert_int_equal(number(first, "values", 0), 42);
	json_decref(json);
}

static void unknown_source_is_null(void **state)
{
	json_t *json = sample(100, 0), *hotspots = json_object_get(json, "hotspots");

	(void)state;
	for (size_t i = 0; i < json_array_size(hotspots); i++) {
		const json_t *row = json_array_get(hotspots, i);

		if (strcmp(text_of(row, "function"), "vfs_write") != 0)
			continue;
		assert_true(json_is_null(json_object_get(row, "file")));
		assert_true(json_is_null(json_object_get(row, "line")));
	}
	json_decref(json);
}

static void an_empty_profile_has_empty_lists(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_empty_report();
	json_t *json = render_and_parse(p, r, 20, 0);

	(void)state;
	assert_int_equal(json_array_size(json_object_get(json, "hotspots")), 0);
	assert_int_equal(json_array_size(json_object_get(json, "stacks_top")), 0);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(json, "totals"), "cpu")), 0);
	json_decref(json);
}

/* The schema is strict, so a key that is added must be described there first. */
static void every_top_key_is_in_the_schema(void **state)
{
	json_error_t error;
	json_t *schema = json_load_file("docs/schema/cpuflame.schema.json", 0, &error);
	json_t *json = sample(5, 0), *value;
	json_t *properties = json_object_get(schema, "properties");
	const char *key;

	(void)state;
	assert_non_null(schema);
	json_object_foreach(json, key, value) assert_non_null(json_object_get(properties, key));
	assert_int_equal(json_object_size(properties), json_object_size(json));
	json_decref(json);
	json_decref(schema);
}

static void every_cause_of_loss_is_in_the_schema(void **state)
{
	static const char *const causes[] = {
#define CAUSE(id, name, sentence) name,
		PB_LOSS_CAUSES(CAUSE)
#undef CAUSE
	};
	static const char *const way[] = {"properties", "events", "properties", "lost_by",
					  "properties"};
	json_error_t error;
	json_t *schema = json_load_file("docs/schema/cpuflame.schema.json", 0, &error);
	const json_t *at = schema;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(way); i++)
		at = json_object_get(at, way[i]);
	for (size_t i = 0; i < PB_ARRAY_SIZE(causes); i++)
		assert_non_null(json_object_get(at, causes[i]));
	assert_int_equal(json_object_size(at), PB_ARRAY_SIZE(causes));
	json_decref(schema);
}

static void a_full_disk_is_reported(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.top = 5};
	FILE *out = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pb_render_json(out, p, r, &o), -EIO);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_as_expected),
		cmocka_unit_test(lines_are_as_expected),
		cmocka_unit_test(source_of_a_row_is_where_its_function_starts),
		cmocka_unit_test(the_keys_are_those_of_the_design),
		cmocka_unit_test(every_row_has_a_number_per_value),
		cmocka_unit_test(rows_follow_the_chosen_value_and_keep_the_others),
		cmocka_unit_test(stacks_are_root_first_with_the_thread_at_the_root),
		cmocka_unit_test(unknown_source_is_null),
		cmocka_unit_test(an_empty_profile_has_empty_lists),
		cmocka_unit_test(every_top_key_is_in_the_schema),
		cmocka_unit_test(every_cause_of_loss_is_in_the_schema),
		cmocka_unit_test(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
