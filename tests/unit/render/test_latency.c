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
#include "user/core/text.h"
#include "user/render/grid.h"

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

static char *table(const struct pb_io_sample *s, struct pb_render_opts o)
{
	return pb_sample_render(pb_render_latency, s->profile, s->report, &o, NULL);
}

/* The text of a report that has these members of its own. */
static char *table_of(struct pb_io_sample *s, const char *extra)
{
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	return table(s, (struct pb_render_opts){.top = 20});
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void the_text_is_as_expected(void **state)
{
	pb_autofree char *text = table(*state, (struct pb_render_opts){.top = 20});
	pb_autofree char *wide = table(*state, (struct pb_render_opts){.top = 20, .columns = 130});
	pb_autofree char *colour = table(*state, (struct pb_render_opts){.top = 2, .color = true});

	pb_sample_golden("io.txt", text);
	pb_sample_golden("io-130-columns.txt", wide);
	pb_sample_golden("io-colour.txt", colour);
}

/* Whoever looks at the first screen has seen what is wrong. */
static void findings_stand_in_the_first_ten_lines(void **state)
{
	pb_autofree char *text = table(*state, (struct pb_render_opts){.top = 20});
	char *at = text;

	for (int i = 0; i < 10; i++)
		at = strchr(at, '\n') + 1;
	*at = '\0';
	expect(text, "fsync per write (42 %): 3,011 calls of fsync or fdatasync for 6,022 write");
	expect(text, "    ledgerd, \u2026/ledger.db-wal, unixSync \u2190 pager_commit\n");
	expect(text, "repeated reads (52 %)");
	expect(text, "small sequential (5 %)");
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	for (int columns = 60; columns <= 150; columns++) {
		pb_autofree char *text =
			table(*state, (struct pb_render_opts){.top = 30, .columns = columns});
		char *save = NULL;

		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			if (pb_text_columns(line) > columns)
				fail_msg("%d columns: %s", columns, line);
			assert_int_not_equal(line[strlen(line) - 1], ' ');
		}
	}
}

static void top_bounds_each_table(void **state)
{
	pb_autofree char *text = table(*state, (struct pb_render_opts){.top = 1});

	expect(text, "4 more rows\n");                /* devices */
	expect(text, "6 more rows\n");                /* files */
	expect(text, "3 more rows\n");                /* calls */
	expect(text, "The slowest 1 of 5 that took"); /* and their number is said */
}

static void what_the_sample_is_too_small_for_is_a_dash(void **state)
{
	pb_autofree char *text = table_of(
		*state, "{\"latency\": [{\"device\": \"vda\", \"op\": \"read\", \"count\": 3, "
			"\"p50_us\": 40.5, \"p90_us\": null, \"max_us\": 99.04}]}");

	expect(text, "device  op    count  IOPS  bytes/s  p50  p90  p95  p99  p99.9  max\n"
		     "vda     read      3     -        -   41    -    -    -      -   99\n");
}

static void slow_devices_are_told_in_milliseconds(void **state)
{
	static const char extra[] = "{\"latency\": [{\"device\": \"sda\", \"op\": \"read\", "
				    "\"count\": 3, \"p50_us\": 4012.3, \"max_us\": 88123}]%s}";
	pb_autofree char *text = NULL, *forced = NULL;
	char buf[256];

	snprintf(buf, sizeof(buf), extra, "");
	text = table_of(*state, buf);
	expect(text, "Time in the device in ms");
	expect(text, "  4.01 ");
	expect(text, "  88.1\n");
	forced = table_of(*state, "{\"latency\": [{\"device\": \"vda\", \"op\": \"read\", "
				  "\"count\": 3, \"p50_us\": 56}], \"io\": {\"milliseconds\": "
				  "true, \"queue_included\": true}}");
	expect(forced, "Time in ms, from insertion into the queue to completion");
	expect(forced, "  0.056 ");
}

static void octaves_hold_all_of_their_buckets(void **state)
{
	pb_autofree char *text = table_of(
		*state,
		"{\"latency\": [{\"device\": \"a\", \"op\": \"read\", \"count\": 9, \"histogram\": "
		"[[0.512, 0.528, 1], [1.008, 1.024, 2], [1.024, 1.056, 4]]},"
		"{\"device\": \"b\", \"op\": \"read\", \"count\": 2, \"histogram\": "
		"[[1.024, 1.056, 2]]}]}");

	expect(text, "read                 count\n"
		     "  512 ns -  1.02 \u00b5s      3  ");
	expect(text, "\n 1.02 \u00b5s -  2.05 \u00b5s      6  \u2588");
}

static void each_disk_has_its_histogram_if_asked_for(void **state)
{
	pb_autofree char *text = table_of(
		*state,
		"{\"latency\": [{\"device\": \"a\", \"op\": \"read\", \"count\": 1, \"histogram\": "
		"[[1, 2, 1]]}, {\"device\": \"b\", \"op\": \"read\", \"count\": 2, \"histogram\": "
		"[[1, 2, 2]]}], \"io\": {\"per_disk\": true}}");

	expect(text, "\nb read  ");
	expect(text, "\na read  ");
	assert_true(strstr(text, "\nb read  ") < strstr(text, "\na read  "));
}

static void a_call_that_is_faster_than_the_device_is_explained(void **state)
{
	static const char extra[] =
		"{\"latency\": [{\"device\": \"vda\", \"op\": \"write\", \"count\": 10, \"p50_us\": "
		"56}], \"calls\": [{\"call\": \"write\", \"count\": 200, \"p50_us\": %s, "
		"\"waited\": %s}]}";
	static const struct {
		const char *p50, *waited;
		bool said;
	} rows[] = {
		{"9", "3", true}, {"50", "3", false}, {"9", "150", false}, {"null", "3", false}};

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		pb_autofree char *text = NULL;
		char buf[512];

		snprintf(buf, sizeof(buf), extra, rows[i].p50, rows[i].waited);
		text = table_of(*state, buf);
		assert_true(rows[i].said ==
			    !!strstr(text, "Most writes end in the page cache: 3 of 200 calls "
					   "waited for the device.\n"));
	}
}

static void call_paths_are_leaf_first(void **state)
{
	pb_autofree char *text = table_of(
		*state, "{\"latency\": [], \"view\": {\"by\": \"stack\", \"rows\": [{\"who\": "
			"\"x\", \"count\": 7, \"frames\": [\"main\", \"load\", \"pread\"]}]}}");

	expect(text, "I/O by call path, ");
	expect(text, "pread \u2190 load \u2190 main\n");
}

static void nothing_measured_is_said(void **state)
{
	struct pb_io_sample *s = *state;
	pb_autofree char *text = table_of(s, "{\"latency\": []}");

	expect(text, "iolatency: whole machine, 10.0 s: no I/O of a device.\n34,555 events");
}

static void a_profile_of_another_tool_keeps_its_table(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.top = 10, .value = 1};
	pb_autofree char *a = pb_sample_render(pb_render_latency, p, r, &o, NULL);
	pb_autofree char *b = pb_sample_render(pb_render_text, p, r, &o, NULL);

	(void)state;
	assert_string_equal(a, b);
}

static char *interval(const char *extra, const struct pb_latency_opts *l, int err)
{
	const struct pb_render_opts o = {.top = 10};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(pb_render_latency_interval(out, extra, &o, l), err);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void an_interval_is_a_table_and_what_was_asked_for(void **state)
{
	static const char extra[] =
		"{\"latency\": [{\"device\": \"vda\", \"op\": \"read\", \"count\": 3, "
		"\"p50_us\": 40, \"histogram\": [[32, 33, 3]]}]}";
	pb_autofree char *plain = interval(extra, &(struct pb_latency_opts){0}, 0);
	pb_autofree char *all =
		interval(extra,
			 &(struct pb_latency_opts){
				 .time = "14:15:03", .milliseconds = true, .histograms = true},
			 0);
	pb_autofree char *none = interval("{\"latency\": [{\"device\": \"vda\", \"count\": 0}]}",
					  &(struct pb_latency_opts){0}, 0);
	pb_autofree char *bad = interval("[", &(struct pb_latency_opts){0}, -EPROTO);

	(void)state;
	assert_int_equal(strncmp(plain, "Time in the device in \u00b5s", 21), 0);
	assert_null(strstr(plain, "vda read"));
	assert_int_equal(strncmp(all, "14:15:03\nTime in the device in ms", 33), 0);
	expect(all, "\nvda read ");
	assert_string_equal(none, "no I/O of a device\n\n");
	assert_string_equal(bad, "");
}

/* What a member could be, in a file of somebody who means harm. */
static const char *const hostile_values[] = {
	"7",
	"-1",
	"1e300",
	"-0.0",
	"true",
	"null",
	"\"\"",
	"\"\\u001b[31m\\u0007%n%s\"",
	"[]",
	"{}",
	"[7]",
	"[[]]",
	"[{}]",
	"{\"a\": 1}",
	"[[-1, 5, 7], [5], [1e300, 1e300, 1e18], [3, 2, \"9\"]]",
	"\"99999999999999999999999\"",
	"9223372036854775807",
};

static void render_all(struct pb_io_sample *s, const json_t *extra)
{
	static pb_render_fn *const renders[] = {pb_render_latency, pb_render_prom, pb_render_trace,
						pb_render_html, pb_render_json};
	pb_autofree char *json = json_dumps(extra, 0);

	assert_int_equal(pb_report_set_extra(s->report, json), 0);
	for (size_t i = 0; i < PB_ARRAY_SIZE(renders); i++) {
		const struct pb_render_opts o = {.top = 30, .value = 2};
		pb_autofree char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		int err;

		assert_non_null(out);
		err = renders[i](out, s->profile, s->report, &o);
		assert_int_equal(fclose(out), 0);
		assert_true(!err || err == -EINVAL);
		assert_null(strchr(text, '\033'));
		assert_null(strchr(text, '\007'));
	}
}

/* Put each hostile value in the place of each member, one after the other, and draw. */
static void spoil(struct pb_io_sample *s, json_t *extra, json_t *at)
{
	const char *key;
	json_t *member;
	void *next;

	if (json_is_array(at)) {
		for (size_t i = 0; i < json_array_size(at) && i < 2; i++)
			spoil(s, extra, json_array_get(at, i));
		return;
	}
	json_object_foreach_safe(at, next, key, member)
	{
		pb_autojson json_t *kept = json_incref(member);

		spoil(s, extra, member);
		for (size_t i = 0; i < PB_ARRAY_SIZE(hostile_values); i++) {
			json_object_set_new(at, key,
					    json_loads(hostile_values[i], JSON_DECODE_ANY, NULL));
			render_all(s, extra);
		}
		json_object_set(at, key, kept);
	}
}

static void no_member_is_trusted(void **state)
{
	static const char small[] =
		"{\"latency\": [{\"device\": \"vda\", \"op\": \"write\", \"flags\": \"sync\", \"count\": "
		"4, \"bytes\": 4096, \"iops\": 1, \"bytes_per_s\": 7, \"mean_us\": 1, \"p50_us\": 56, "
		"\"max_us\": 9, \"errors\": 1, \"unbinned\": 1, \"queue_us\": {\"count\": 2, \"p50_us\": "
		"1}, \"histogram\": [[1, 2, 4]]}], \"view\": {\"by\": \"stack\", \"rows\": [{\"who\": "
		"\"a\", \"pid\": 7, \"share_pct\": 4, \"frames\": [\"main\"]}]}, \"calls\": [{\"call\": "
		"\"write\", \"who\": \"a\", \"count\": 9, \"p50_us\": 2, \"share_pct\": 1, \"waited\": 1, "
		"\"io_wait_us\": 1, \"cpu_us\": 2, \"histogram\": [[1, 2, 9]]}], \"slow\": [{\"at\": "
		"\"2026-09-21T14:13:24.412006Z\", \"since_start_us\": 5, \"device\": \"vda\", \"op\": "
		"\"read\", \"sector\": 1, \"bytes\": 512, \"time_us\": 4, \"queue_us\": 1, \"depth\": 1, "
		"\"comm\": \"a\", \"file\": \"/f\", \"frames\": [\"main\"], \"error\": 5}], "
		"\"slow_total\": 4, \"patterns\": [{\"kind\": \"n_plus_one\", \"where\": \"w\", "
		"\"share_pct\": 4, \"evidence\": \"e\", \"frames\": [\"main\"]}], \"attribution\": "
		"{\"submitter\": {\"ops\": 1}, \"none\": {\"ops\": 1}, \"file_known_ops\": 1, "
		"\"unattributed_pct\": 50}, \"io\": {\"slower_us\": 10, \"unmatched\": 4}}";
	pb_autojson json_t *extra = json_loads(small, 0, NULL);

	assert_non_null(extra);
	spoil(*state, extra, extra);
}

static void a_full_disk_is_reported(void **state)
{
	const struct pb_io_sample *s = *state;
	const struct pb_render_opts o = {.top = 5};
	FILE *out = fopen("/dev/full", "we");

	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pb_render_latency(out, s->profile, s->report, &o), -EIO);
	fclose(out);
}

static void numbers_have_three_digits_that_count(void **state)
{
	static const struct {
		double n;
		int decimals;
		const char *said;
	} rows[] = {
		{0, 3, "0"},          {-1, 3, "-"},
		{0.0563, 3, "0.056"}, {0.9996, 3, "1.000"},
		{9.994, 3, "9.99"},   {9.996, 3, "10.0"},
		{99.96, 2, "100"},    {1234.5, 3, "1,235"},
		{56.4, 0, "56"},      {1e17, 3, "100,000,000,000,000,000"},
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		char text[PB_GRID_CELL_SIZE];

		pb_cell_number(text, rows[i].n, rows[i].decimals);
		assert_string_equal(text, rows[i].said);
	}
}

/* What a "$ref" names. */
static const json_t *resolved(const json_t *schema, const json_t *at)
{
	const char *ref = json_string_value(json_object_get(at, "$ref"));

	if (!ref)
		return at;
	assert_int_equal(strncmp(ref, "#/definitions/", 14), 0);
	return json_object_get(json_object_get(schema, "definitions"), ref + 14);
}

/* Each member is described, and each that is required is there. */
static void fits(const json_t *schema, const json_t *at, const json_t *value)
{
	const json_t *choices, *properties;
	const char *key;
	json_t *member;
	size_t i;

	at = resolved(schema, at);
	choices = json_object_get(at, "oneOf");
	if (choices) /* null, or something */
		at = resolved(schema, json_array_get(choices, 1));
	assert_non_null(at);
	properties = json_object_get(at, "properties");
	json_array_foreach(value, i, member)
	{
		if (json_is_object(member))
			fits(schema, json_object_get(at, "items"), member);
	}
	json_object_foreach((json_t *)value, key, member)
	{
		if (!json_object_get(properties, key))
			fail_msg("no %s in the schema", key);
		if (json_is_object(member) || json_is_array(member))
			fits(schema, json_object_get(properties, key), member);
	}
	json_array_foreach(json_object_get(at, "required"), i, member)
	{
		if (json_is_object(value) && !json_object_get(value, json_string_value(member)))
			fail_msg("%s is required", json_string_value(member));
	}
}

/* The schema is strict, so a member that is added must be described there first. */
static void the_report_fits_the_schema(void **state)
{
	const struct pb_io_sample *s = *state;
	const struct pb_render_opts o = {.top = 20, .value = 2};
	pb_autojson json_t *schema = json_load_file("docs/schema/iolatency.schema.json", 0, NULL);
	pb_autofree char *text = pb_sample_render(pb_render_json, s->profile, s->report, &o, NULL);
	pb_autojson json_t *report = json_loads(text, 0, NULL);

	assert_non_null(schema);
	/* members by any name: of their own kind */
	json_object_del(report, "totals");
	json_array_remove(json_object_get(schema, "required"),
			  json_array_size(json_object_get(schema, "required")) - 3);
	fits(schema, schema, report);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_as_expected),
		TEST(findings_stand_in_the_first_ten_lines),
		TEST(no_line_is_wider_than_the_terminal),
		TEST(top_bounds_each_table),
		TEST(what_the_sample_is_too_small_for_is_a_dash),
		TEST(slow_devices_are_told_in_milliseconds),
		TEST(octaves_hold_all_of_their_buckets),
		TEST(each_disk_has_its_histogram_if_asked_for),
		TEST(a_call_that_is_faster_than_the_device_is_explained),
		TEST(call_paths_are_leaf_first),
		TEST(nothing_measured_is_said),
		TEST(a_profile_of_another_tool_keeps_its_table),
		TEST(an_interval_is_a_table_and_what_was_asked_for),
		TEST(no_member_is_trusted),
		TEST(a_full_disk_is_reported),
		TEST(numbers_have_three_digits_that_count),
		TEST(the_report_fits_the_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
