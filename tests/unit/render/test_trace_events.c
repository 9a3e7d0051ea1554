/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/io/sample_io.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static int setup(void **state)
{
	struct pb_io_sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	pb_io_sample_init(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	pb_io_sample_drop(*state);
	free(*state);
	return 0;
}

static const struct pb_render_opts no_opts = {.top = 20};

static json_t *trace(struct pb_io_sample *s, const char *extra)
{
	pb_autofree char *text = NULL;
	json_t *json;

	if (extra)
		assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	text = pb_sample_render(pb_render_trace, s->profile, s->report, &no_opts, NULL);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	return json;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	assert_non_null(text);
	return text;
}

static double number_of(const json_t *object, const char *key)
{
	assert_true(json_is_number(json_object_get(object, key)));
	return json_number_value(json_object_get(object, key));
}

static void the_file_is_as_expected(void **state)
{
	const struct pb_io_sample *s = *state;
	pb_autofree char *text =
		pb_sample_render(pb_render_trace, s->profile, s->report, &no_opts, NULL);

	pb_sample_golden("io.trace.json", text);
}

static bool is_slice(const json_t *event)
{
	return !strcmp(text_of(event, "ph"), "X");
}

/* A viewer nests slices of one track, or drops them, where they overlap. */
static void no_track_has_two_at_once(const json_t *events)
{
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *a = json_array_get(events, i);

		for (size_t k = 0; k < i && is_slice(a); k++) {
			const json_t *b = json_array_get(events, k);

			if (!is_slice(b) || number_of(a, "pid") != number_of(b, "pid") ||
			    number_of(a, "tid") != number_of(b, "tid"))
				continue;
			assert_true(number_of(a, "ts") + number_of(a, "dur") <=
					    number_of(b, "ts") + 0.002 ||
				    number_of(b, "ts") + number_of(b, "dur") <=
					    number_of(a, "ts") + 0.002);
		}
	}
}

static void what_overlaps_is_in_lanes_of_its_own(void **state)
{
	pb_autofree char *extra = NULL;
	pb_autojson json_t *json = NULL;
	uint32_t random = 7, lanes = 0;
	size_t size;
	FILE *out = open_memstream(&extra, &size);
	const json_t *events, *event;

	assert_non_null(out);
	fputs("{\"slow\": [", out);
	for (int i = 0; i < 300; i++) {
		random = random * 1664525 + 1013904223;
		fprintf(out,
			"%s{\"device\": \"vd%c\", \"op\": \"read\", \"since_start_us\": %u.5, "
			"\"time_us\": %u, \"queue_us\": %u}",
			i ? ", " : "", 'a' + (random >> 8) % 3, 5000 + (random >> 16) % 9000,
			1 + (random >> 10) % 400, (random >> 20) % 100);
	}
	fputs("]}", out);
	assert_int_equal(fclose(out), 0);
	json = trace(*state, extra);
	events = json_object_get(json, "traceEvents");
	no_track_has_two_at_once(events);
	for (size_t i = 0; i < json_array_size(events); i++) {
		event = json_array_get(events, i);
		lanes += !strcmp(text_of(event, "name"), "thread_name");
	}
	assert_in_range(lanes, 3, 60);
}

static void the_queue_is_a_slice_in_front(void **state)
{
	static const char row[] =
		"{\"slow\": [{\"device\": \"vda\", \"op\": \"write\", "
		"\"since_start_us\": 1000, \"time_us\": %s, \"queue_us\": 40}]%s}";
	static const char *const times[][2] = {{"100", ""},
					       {"140", ", \"io\": {\"queue_included\": true}"}};

	for (size_t i = 0; i < PB_ARRAY_SIZE(times); i++) {
		pb_autojson json_t *json = NULL;
		const json_t *events, *queued, *io;
		char extra[256];

		snprintf(extra, sizeof(extra), row, times[i][0], times[i][1]);
		json = trace(*state, extra);
		events = json_object_get(json, "traceEvents");
		assert_int_equal(json_array_size(events), 4);
		queued = json_array_get(events, 2);
		io = json_array_get(events, 3);
		assert_string_equal(text_of(queued, "name"), "queued");
		assert_true(number_of(queued, "ts") == 860 && number_of(queued, "dur") == 40);
		assert_string_equal(text_of(io, "name"), "write");
		assert_true(number_of(io, "ts") == 900 && number_of(io, "dur") == 100);
	}
}

static void a_run_that_kept_none_is_refused(void **state)
{
	struct pb_io_sample *s = *state;
	FILE *out = fopen("/dev/null", "we");
	pb_autojson json_t *none = trace(s, "{\"latency\": [], \"io\": {\"slower_us\": 1000}}");

	assert_non_null(out);
	assert_int_equal(json_array_size(json_object_get(none, "traceEvents")), 0);
	assert_int_equal(pb_report_set_extra(s->report, "{\"latency\": []}"), 0);
	assert_int_equal(pb_render_trace(out, s->profile, s->report, &no_opts), -EINVAL);
	fclose(out);
}

static void its_name_is_not_json_alone(void **state)
{
	(void)state;
	assert_ptr_equal(pb_format_by_path("io.trace.json"), pb_format_by_name("trace"));
	assert_ptr_equal(pb_format_by_path("trace.json"), pb_format_by_name("json"));
	assert_non_null(pb_format_by_name("trace")->lacks);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_as_expected),       TEST(what_overlaps_is_in_lanes_of_its_own),
		TEST(the_queue_is_a_slice_in_front), TEST(a_run_that_kept_none_is_refused),
		TEST(its_name_is_not_json_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
