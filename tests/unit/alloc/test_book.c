/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/book.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/heap/sample_heap.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

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

static json_t *json_of(const struct pb_heap_sample *s, uint32_t top, uint32_t value)
{
	pb_autofree char *text = NULL;
	json_t *json;

	assert_int_equal(pb_alloc_book_json(&s->book, s->profile, top, value, &text), 0);
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	return json;
}

static int64_t number(const json_t *json, const char *key)
{
	const json_t *n = json_object_get(json, key);

	if (!json_is_integer(n))
		fail_msg("%s is no integer", key);
	return json_integer_value(n);
}

static void totals_are_those_of_the_profile(void **state)
{
	json_t *json = json_of(*state, 3, PB_ALLOC_SPACE);
	const json_t *alloc = json_object_get(json, "alloc");

	assert_string_equal(json_string_value(json_object_get(alloc, "mode")), "exact");
	assert_int_equal(number(alloc, "allocs"), PB_HEAP_ALLOCATIONS);
	assert_int_equal(number(alloc, "bytes"), PB_HEAP_BYTES);
	assert_int_equal(number(alloc, "frees") + number(alloc, "live_allocs"),
			 PB_HEAP_ALLOCATIONS);
	assert_int_equal(number(alloc, "freed_bytes") + number(alloc, "live_bytes"), PB_HEAP_BYTES);
	assert_int_equal(number(alloc, "peak_bytes"), 45000000);
	assert_true(json_real_value(json_object_get(alloc, "peak_s")) > 6.19);
	assert_int_equal(number(alloc, "frees_unknown"), 100);
	assert_int_equal(number(alloc, "failed"), 2);
	assert_true(json_is_null(json_object_get(alloc, "detached_s")));
	json_decref(json);
}

static void sites_are_the_largest_by_the_chosen_value(void **state)
{
	json_t *json = json_of(*state, 2, PB_ALLOC_OBJECTS);
	const json_t *sites = json_object_get(json, "sites");
	const json_t *first = json_array_get(sites, 0), *frames = json_object_get(first, "frames");
	const json_t *sizes = json_object_get(first, "sizes");

	assert_int_equal(number(first, "events"), 100000);
	assert_int_equal(json_array_size(frames), 6);
	assert_string_equal(json_string_value(json_array_get(frames, 0)), "main");
	assert_string_equal(json_string_value(json_array_get(frames, 5)), "malloc");
	assert_int_equal(json_array_size(json_object_get(first, "values")), PB_ALLOC_VALUES);
	assert_int_equal(json_array_size(sizes), 1);
	assert_int_equal(number(json_array_get(sizes, 0), "up_to_bytes"), 63);
	assert_int_equal(number(json_array_get(sizes, 0), "objects"), 100000);
	assert_int_equal(number(json_array_get(json_object_get(first, "lifetimes"), 0), "up_to_ns"),
			 32767);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(first, "freed_by"), "function")),
		"release");
	assert_int_equal(number(json_array_get(sites, 1), "events"), 60000);
	json_decref(json);
}

/* Inlined functions are frames; code without a name is an offset; the last bucket has no end. */
static void hard_sites_are_told_as_well(void **state)
{
	struct pb_heap_sample *s = *state;
	json_t *json;
	const json_t *site, *frames, *sizes;

	s->book.sites[PB_HEAP_VECTOR].sizes[PB_ALLOC_BUCKETS - 1] = 1;
	s->book.sites[PB_HEAP_VECTOR].process = PB_NONE;
	json = json_of(s, 20, PB_LIFETIME);
	site = json_array_get(json_object_get(json, "sites"), 0);
	frames = json_object_get(site, "frames");
	sizes = json_object_get(site, "sizes");
	assert_true(json_is_null(json_object_get(site, "pid")));
	assert_string_equal(json_string_value(json_array_get(frames, 2)), "index");
	assert_string_equal(json_string_value(json_array_get(frames, 3)),
			    "std::vector<int, std::allocator<int> >::push_back");
	assert_true(json_is_null(
		json_object_get(json_array_get(sizes, json_array_size(sizes) - 1), "up_to_bytes")));
	json_decref(json);
}

static void a_hint_points_at_its_site(void **state)
{
	json_t *json = json_of(*state, 1, PB_LEAKED_SPACE);
	const json_t *hints = json_object_get(json, "hints"),
		     *sites = json_object_get(json, "sites");
	const json_t *hint = json_array_get(hints, 0), *site;

	/* one of each is told, and the hint's comes on top */
	assert_int_equal(json_array_size(hints), 1);
	assert_int_equal(json_array_size(sites), 2);
	assert_string_equal(json_string_value(json_object_get(hint, "kind")), "arena_or_pool");
	assert_string_equal(json_string_value(json_array_get(json_object_get(hint, "frames"), 0)),
			    "sdsnew");
	site = json_array_get(sites, (size_t)number(hint, "site"));
	assert_int_equal(number(site, "events"), 100000);
	json_decref(json);
}

static void all_sites_of_hints_have_their_place(void **state)
{
	for (uint32_t top = 1; top < 14; top++) {
		json_t *json = json_of(*state, top, PB_INUSE_SPACE);
		const json_t *hints = json_object_get(json, "hints");
		const json_t *sites = json_object_get(json, "sites");

		for (size_t i = 0; i < json_array_size(hints); i++) {
			const json_t *hint = json_array_get(hints, i);
			const json_t *site = json_array_get(sites, (size_t)number(hint, "site"));
			const json_t *frames = json_object_get(site, "frames");
			const char *name = json_string_value(
				json_array_get(frames, json_array_size(frames) - 2));

			assert_string_equal(name, json_string_value(json_array_get(
							  json_object_get(hint, "frames"), 0)));
		}
		json_decref(json);
	}
}

static void an_empty_book_is_whole(void **state)
{
	const struct pb_heap_sample *s = *state;
	const struct pb_alloc_book none = {
		.entry_ns = -1, .return_ns = -1, .expected_pct = -1, .actual_pct = -1};
	pb_autofree char *text = NULL;
	json_t *json;

	assert_int_equal(pb_alloc_book_json(&none, s->profile, 20, 0, &text), 0);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_object_size(json), 5);
	assert_int_equal(json_array_size(json_object_get(json, "sites")), 0);
	assert_true(json_is_null(json_object_get(
		json_object_get(json_object_get(json, "alloc"), "cost"), "entry_ns")));
	json_decref(json);
}

static void the_report_keeps_all_of_it(void **state)
{
	const struct pb_heap_sample *s = *state;
	const struct pb_render_opts o = {.top = 5, .value = PB_ALLOC_SPACE};
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	pb_auto(pb_report) struct pb_report *r = NULL;
	pb_autofree char *extra = NULL, *saved = NULL, *first = NULL, *again = NULL, *table = NULL,
			 *table_again = NULL;
	size_t len;

	assert_int_equal(pb_alloc_book_json(&s->book, s->profile, 20, 1, &extra), 0);
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	assert_string_equal(s->report->extra, extra);
	saved = pb_sample_render(pb_render_pprof, s->profile, s->report, &o, &len);
	assert_int_equal(pb_pprof_read(&p, &r, saved, len), 0);
	assert_string_equal(r->extra, extra);
	assert_string_equal(r->tool, "allocsites");
	assert_int_equal(p->default_value, PB_ALLOC_SPACE);
	first = pb_sample_render(pb_render_json, s->profile, s->report, &o, NULL);
	again = pb_sample_render(pb_render_json, p, r, &o, NULL);
	assert_string_equal(again, first);
	table = pb_sample_render(pb_render_heap, s->profile, s->report, &o, NULL);
	table_again = pb_sample_render(pb_render_heap, p, r, &o, NULL);
	assert_string_equal(table_again, table);
	pb_sample_golden("heap.json", first);
}

/* Objects have the keys that the schema requires, and no others; so have those inside. */
static void expect_keys(const json_t *json, const json_t *schema, const char *where)
{
	const json_t *properties = json_object_get(schema, "properties");
	const json_t *required = json_object_get(schema, "required"), *choices;
	const char *key;
	json_t *value;
	size_t i;

	json_array_foreach(json_object_get(schema, "oneOf"), i, choices)
	{
		if (json_object_get(choices, "properties") && json_is_object(json))
			expect_keys(json, choices, where);
	}
	json_array_foreach(json, i, value)
		expect_keys(value, json_object_get(schema, "items"), where);
	if (!properties || !json_is_object(json))
		return;
	json_array_foreach(required, i, value)
	{
		if (!json_object_get(json, json_string_value(value)))
			fail_msg("%s has no %s", where, json_string_value(value));
	}
	json_object_foreach((json_t *)json, key, value)
	{
		if (!json_object_get(properties, key))
			fail_msg("%s: the schema has no %s", where, key);
		expect_keys(value, json_object_get(properties, key), key);
	}
}

static void every_key_is_in_the_schema(void **state)
{
	const struct pb_heap_sample *s = *state;
	const struct pb_render_opts o = {.top = 20, .value = PB_ALLOC_SPACE};
	pb_autofree char *extra = NULL, *text = NULL;
	json_error_t error;
	json_t *schema = json_load_file("docs/schema/allocsites.schema.json", 0, &error), *json;

	assert_non_null(schema);
	assert_int_equal(pb_alloc_book_json(&s->book, s->profile, 20, 1, &extra), 0);
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	text = pb_sample_render(pb_render_json, s->profile, s->report, &o, NULL);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	expect_keys(json, schema, "the report");
	json_decref(json);
	json_decref(schema);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(totals_are_those_of_the_profile),
		TEST(sites_are_the_largest_by_the_chosen_value),
		TEST(hard_sites_are_told_as_well),
		TEST(a_hint_points_at_its_site),
		TEST(all_sites_of_hints_have_their_place),
		TEST(an_empty_book_is_whole),
		TEST(the_report_keeps_all_of_it),
		TEST(every_key_is_in_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
