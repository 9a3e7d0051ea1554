/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/report.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "user/core/json.h"

/* The JSON of a report, to be freed. */
static char *json_of(const struct pb_report *r)
{
	struct pb_json json;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	pb_json_init(&json, out, false);
	pb_json_object(&json, NULL);
	pb_report_write(r, &json);
	pb_json_end(&json, '}');
	assert_int_equal(fclose(out), 0);
	return text;
}

static char **list(const char *const *strings, size_t n)
{
	char **out = calloc(n + 1, sizeof(*out));

	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		out[i] = strdup(strings[i]);
	return out;
}

static void lose(struct pb_report *r, const char *id, uint64_t events)
{
	r->lost[r->n_lost++] = (struct pb_report_loss){id, pb_report_sentence(id), events};
	r->produced += events;
}

/* A report in which nothing is left out. */
static struct pb_report *full_report(void)
{
	static const char *const argv[] = {"./prog", "-x", "größe \"q\"", ""};
	struct pb_report *r = NULL;

	assert_int_equal(pb_report_new(&r), 0);
	r->tool = "cpuflame";
	r->tgids = calloc(2, sizeof(*r->tgids));
	assert_non_null(r->tgids);
	r->tgids[0] = 4711;
	r->tgids[1] = INT32_MAX;
	r->n_tgids = 2;
	pb_report_set(&r->scope, "pid 4711");
	pb_report_set(&r->comm, "prog");
	r->argv = list(argv, 4);
	r->has_exit = true;
	r->exit_status = 137;
	r->started_ns = UINT64_C(1709210096789) * 1000000; /* 2024-02-29 12:34:56.789 UTC */
	r->duration_ns = UINT64_C(10003482719);
	pb_report_set(&r->host, "box");
	pb_report_set(&r->kernel, "6.1.0");
	pb_report_set(&r->event, "cpu-clock");
	pb_report_set(&r->unwind, "eh");
	r->kept = 1230;
	r->produced = 1230;
	lose(r, "ringbuf_full", 4);
	r->unique_stacks = 321;
	r->complete = 1208;
	r->truncated = 4;
	r->broken = 18;
	r->broken_by = calloc(1, sizeof(*r->broken_by));
	assert_non_null(r->broken_by);
	r->broken_by[0].module = strdup("/usr/lib/libx.so");
	r->broken_by[0].cause = "no_frame_pointer";
	r->broken_by[0].events = 18;
	r->n_broken_by = 1;
	r->cut_processes = 5;
	r->unwind_modules = 12;
	r->unwind_without = 3;
	r->unwind_refused = 1;
	r->unwind_evicted = 2;
	r->unwind_rows = 260000;
	r->unwind_misses = 7;
	r->symbol_locations = 640;
	r->symbol_named = 601;
	r->symbol_inlined = 77;
	r->symbol_debug_modules = 3;
	r->gaps = calloc(2, sizeof(*r->gaps));
	assert_non_null(r->gaps);
	r->gaps[0] = (struct pb_report_gap){strdup("/usr/lib/libx.so"), "no_symbols", 38};
	r->gaps[1] = (struct pb_report_gap){strdup("[anon]"), "no_file", 1};
	r->n_gaps = 2;
	r->bpf_ns_per_event = 4125.5;
	r->bpf_cpu_pct = 0.0412;
	r->tool_cpu_s = 0.0625;
	r->max_rss_bytes = 11200000;
	r->map_bytes = 5242880;
	r->asked_hz = 99;
	r->achieved_hz = 98.96;
	return r;
}

static void a_new_report_has_texts_and_nothing_measured(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	assert_string_equal(r->comm, "");
	assert_string_equal(r->tool, "");
	assert_string_equal(r->event, "");
	assert_true(r->bpf_ns_per_event < 0 && r->achieved_hz < 0 && r->map_bytes < 0);
	assert_int_equal(pb_report_lost(r), 0);
	pb_report_free(NULL);
}

static void the_json_has_the_keys_of_the_design(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report();
	pb_autofree char *text = json_of(r);

	(void)state;
	assert_string_equal(
		text, "{\n"
		      "  \"target\": {\n"
		      "    \"scope\": \"pid 4711\",\n"
		      "    \"pids\": [4711, 2147483647],\n"
		      "    \"comm\": \"prog\",\n"
		      "    \"argv\": [\"./prog\", \"-x\", \"größe \\\"q\\\"\", \"\"],\n"
		      "    \"exit_status\": 137\n"
		      "  },\n"
		      "  \"capture\": {\n"
		      "    \"started\": \"2024-02-29T12:34:56.789Z\",\n"
		      "    \"duration_s\": 10.003482719,\n"
		      "    \"host\": \"box\",\n"
		      "    \"kernel\": \"6.1.0\",\n"
		      "    \"event\": \"cpu-clock\",\n"
		      "    \"unwind\": \"eh\"\n"
		      "  },\n"
		      "  \"events\": {\n"
		      "    \"produced\": 1234,\n"
		      "    \"kept\": 1230,\n"
		      "    \"lost\": 4,\n"
		      "    \"lost_by\": {\"ringbuf_full\": 4}\n"
		      "  },\n"
		      "  \"stacks\": {\n"
		      "    \"unique\": 321,\n"
		      "    \"complete\": 1208,\n"
		      "    \"truncated\": 4,\n"
		      "    \"broken\": 18,\n"
		      "    \"broken_by\": [\n"
		      "      {\"module\": \"/usr/lib/libx.so\", \"cause\": \"no_frame_pointer\", "
		      "\"events\": 18}\n"
		      "    ],\n"
		      "    \"cut_processes\": 5,\n"
		      "    \"unwind\": {\"modules\": 12, \"without\": 3, \"refused\": 1, "
		      "\"evicted\": 2, \"rows\": 260000, \"misses\": 7}\n"
		      "  },\n"
		      "  \"symbols\": {\n"
		      "    \"locations\": 640,\n"
		      "    \"named\": 601,\n"
		      "    \"inlined_frames\": 77,\n"
		      "    \"modules_with_debug_info\": 3,\n"
		      "    \"gaps\": [\n"
		      "      {\"module\": \"/usr/lib/libx.so\", \"cause\": \"no_symbols\", "
		      "\"locations\": 38},\n"
		      "      {\"module\": \"[anon]\", \"cause\": \"no_file\", "
		      "\"locations\": 1}\n"
		      "    ]\n"
		      "  },\n"
		      "  \"overhead\": {\n"
		      "    \"bpf_ns_per_event\": 4125.5,\n"
		      "    \"bpf_cpu_pct\": 0.0412,\n"
		      "    \"tool_cpu_s\": 0.062500,\n"
		      "    \"max_rss_bytes\": 11200000,\n"
		      "    \"map_bytes\": 5242880,\n"
		      "    \"asked_hz\": 99.000,\n"
		      "    \"achieved_hz\": 98.960\n"
		      "  }\n"
		      "}");
}

static void reading_gives_back_what_was_written(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = json_of(r);
	pb_autofree char *again = NULL;

	(void)state;
	assert_int_equal(pb_report_read(&back, text), 0);
	again = json_of(back);
	assert_string_equal(again, text);
	/* and not only as text */
	assert_int_equal(back->n_tgids, 2);
	assert_int_equal(back->tgids[0], 4711);
	assert_string_equal(back->argv[2], "größe \"q\"");
	assert_null(back->argv[4]);
	assert_true(back->has_exit);
	assert_int_equal(back->exit_status, 137);
	assert_true(back->started_ns == r->started_ns);
	assert_true(back->duration_ns == r->duration_ns);
	assert_string_equal(back->lost[0].id, "ringbuf_full");
	assert_string_equal(back->lost[0].sentence, r->lost[0].sentence);
	assert_true(strstr(back->lost[0].sentence, "--ring-size") != NULL);
	assert_string_equal(back->broken_by[0].cause, "no_frame_pointer");
	assert_int_equal(back->cut_processes, 5);
	assert_int_equal(back->unwind_modules, 12);
	assert_int_equal(back->unwind_without, 3);
	assert_int_equal(back->unwind_refused, 1);
	assert_int_equal(back->unwind_evicted, 2);
	assert_int_equal(back->unwind_rows, 260000);
	assert_int_equal(back->unwind_misses, 7);
	assert_int_equal(back->symbol_locations, 640);
	assert_int_equal(back->symbol_named, 601);
	assert_int_equal(back->symbol_inlined, 77);
	assert_int_equal(back->symbol_debug_modules, 3);
	assert_int_equal(back->n_gaps, 2);
	assert_string_equal(back->gaps[0].module, "/usr/lib/libx.so");
	assert_string_equal(back->gaps[0].cause, "no_symbols");
	assert_int_equal(back->gaps[0].locations, 38);
	assert_string_equal(back->gaps[1].cause, "no_file");
	assert_true(back->achieved_hz == r->achieved_hz);
	assert_true(back->max_rss_bytes == r->max_rss_bytes);
}

static void what_was_not_measured_is_null_and_stays_so(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL, *back = NULL;
	pb_autofree char *text = NULL;
	pb_autofree char *again = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	text = json_of(r);
	assert_non_null(strstr(text, "\"argv\": null"));
	assert_non_null(strstr(text, "\"bpf_ns_per_event\": null"));
	assert_non_null(strstr(text, "\"max_rss_bytes\": null"));
	assert_non_null(strstr(text, "\"achieved_hz\": null"));
	assert_null(strstr(text, "exit_status"));
	assert_int_equal(pb_report_read(&back, text), 0);
	again = json_of(back);
	assert_string_equal(again, text);
	assert_null(back->argv);
	assert_false(back->has_exit);
	assert_true(back->asked_hz < 0 && back->map_bytes < 0);
}

static void the_largest_numbers_survive(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL, *back = NULL;
	pb_autofree char *text = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	r->kept = UINT64_MAX - 10;
	r->produced = r->kept;
	lose(r, "map_full", 10);
	r->complete = r->kept;
	r->max_rss_bytes = INT64_MAX;
	r->started_ns = UINT64_MAX - UINT64_MAX % 1000000; /* 2554 */
	text = json_of(r);
	assert_non_null(strstr(text, "\"produced\": \"18446744073709551615\""));
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_true(back->produced == UINT64_MAX);
	assert_true(back->kept == r->kept);
	assert_true(back->max_rss_bytes == INT64_MAX);
	assert_true(back->started_ns == r->started_ns);
}

static void a_duration_survives_to_the_nanosecond(void **state)
{
	/* 15 / 1e9 * 1e9 is a little less than 15 in doubles; 4e15 are 46 days */
	static const uint64_t durations[] = {0, 1, 15, 999999999, 4000000000000001};
	pb_auto(pb_report) struct pb_report *r = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	for (size_t i = 0; i < PB_ARRAY_SIZE(durations); i++) {
		pb_auto(pb_report) struct pb_report *back = NULL;
		pb_autofree char *text = NULL;

		r->duration_ns = durations[i];
		text = json_of(r);
		assert_int_equal(pb_report_read(&back, text), 0);
		assert_true(back->duration_ns == durations[i]);
	}
}

static void hostile_texts_are_safe_in_both_directions(void **state)
{
	static const char *const argv[] = {"a\nb", "\xff\033[2J"};
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = NULL;
	pb_autofree char *again = NULL;
	pb_autofree char *by_hand = NULL;
	const char *at;

	(void)state;
	for (char **arg = r->argv; *arg; arg++)
		free(*arg);
	free(r->argv);
	r->argv = list(argv, 2);
	free(r->comm);
	r->comm = strdup("\033]0;x\a");
	text = json_of(r);
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_string_equal(back->argv[0], "a\\x0ab");
	assert_string_equal(back->argv[1], "\\xff\\x1b[2J");
	again = json_of(back);
	assert_string_equal(again, text);

	/* a file that this tool did not write */
	at = strstr(text, "\"box\"");
	assert_non_null(at);
	assert_true(asprintf(&by_hand, "%.*s\"\\u001b[2J\"%s", (int)(at - text), text, at + 5) > 0);
	pb_report_free(pb_take(back));
	assert_int_equal(pb_report_read(&back, by_hand), 0);
	assert_string_equal(back->host, "\\x1b[2J");
}

static void an_unknown_cause_has_no_sentence(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = NULL;

	(void)state;
	for (int i = 0; i < PB_REPORT_CAUSES_MAX - 1; i++) {
		static char ids[PB_REPORT_CAUSES_MAX][16];

		snprintf(ids[i], sizeof(ids[i]), "later_%d", i);
		lose(r, ids[i], 1);
	}
	text = json_of(r);
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_int_equal(back->n_lost, PB_REPORT_CAUSES_MAX);
	assert_int_equal(pb_report_lost(back), pb_report_lost(r));
	for (uint32_t i = 0; i < back->n_lost; i++) {
		if (!strcmp(back->lost[i].id, "later_7"))
			assert_string_equal(back->lost[i].sentence, "");
	}
	assert_string_equal(pb_report_sentence("later_7"), "");
}

/* A full report read from its JSON with @more at the front. */
static struct pb_report *read_with_members(const char *more)
{
	pb_auto(pb_report) struct pb_report *r = full_report();
	struct pb_report *back = NULL;
	pb_autofree char *text = json_of(r);
	pb_autofree char *longer = NULL;

	assert_true(asprintf(&longer, "{%s, %s", more, text + 1) > 0);
	assert_int_equal(pb_report_read(&back, longer), 0);
	assert_int_equal(back->produced, 1234);
	return back;
}

static void members_of_the_tool_itself_come_back_the_same(void **state)
{
	static const char members[] = "{\"alloc\":{\"bytes\":123,\"share\":0.25,\"none\":null},"
				      "\"sites\":[{\"frames\":[\"main\",\"f\\u003cint\\u003e\"],"
				      "\"ok\":true,\"n\":-9007199254740991}],\"word\":\"größe\"}";
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = NULL, *again = NULL;

	(void)state;
	assert_int_equal(pb_report_set_extra(r, members), 0);
	assert_string_equal(r->extra, members);
	text = json_of(r);
	assert_non_null(strstr(text, "\n  \"word\": \"größe\"\n}"));
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_string_equal(back->extra, members);
	again = json_of(back);
	assert_string_equal(again, text);
}

static void common_members_are_never_replaced(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report();

	(void)state;
	assert_int_equal(pb_report_set_extra(r, "{\"events\": {\"produced\": 0}, \"totals\": 1, "
						"\"schema\": \"x\", \"stacks_top\": [], "
						"\"mine\": 1}"),
			 0);
	assert_string_equal(r->extra, "{\"mine\":1}");
	assert_int_equal(pb_report_set_extra(r, "{\"tool\": 1}"), 0);
	assert_string_equal(r->extra, "");
}

static void what_is_no_object_is_not_taken(void **state)
{
	static const char *const bad[] = {
		"[]", "1", "{\"a\":1", "{\"a\":1} x", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"};
	pb_auto(pb_report) struct pb_report *r = full_report();
	pb_autofree char *huge = malloc(PB_REPORT_EXTRA_MAX + 64);
	char deep[256] = "{\"a\":";

	(void)state;
	assert_int_equal(pb_report_set_extra(r, "{\"a\":1}"), 0);
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++)
		assert_int_equal(pb_report_set_extra(r, bad[i]), -EPROTO);
	memset(deep + strlen(deep), '[', PB_REPORT_EXTRA_DEPTH);
	memset(deep + strlen(deep), ']', PB_REPORT_EXTRA_DEPTH);
	strcat(deep, "}");
	assert_int_equal(pb_report_set_extra(r, deep), -EPROTO);
	assert_non_null(huge);
	memset(huge, ' ', PB_REPORT_EXTRA_MAX + 63);
	memcpy(huge, "{}", 2);
	huge[PB_REPORT_EXTRA_MAX + 63] = '\0';
	assert_int_equal(pb_report_set_extra(r, huge), -EFBIG);
	assert_string_equal(r->extra, "{\"a\":1}");
	assert_int_equal(pb_report_set_extra(r, ""), 0);
	assert_string_equal(r->extra, "");
}

static void members_too_deep_to_keep_cost_only_themselves(void **state)
{
	pb_auto(pb_report) struct pb_report *back =
		read_with_members("\"x\": [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]");

	(void)state;
	assert_string_equal(back->extra, "");
}

static void numbers_of_the_tool_itself_are_written_the_same_again(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = NULL;

	(void)state;
	assert_int_equal(
		pb_report_set_extra(r, "{\"x\": [0.1, 1e-12, 123456789.123456789012, 1e300, -0.0, "
				       "1E3, 0.30000000000000004]}"),
		0);
	text = json_of(r);
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_string_equal(back->extra, r->extra);
	assert_non_null(strstr(r->extra, "[0.1,0.0,123456789.123456791,"));
	assert_non_null(strstr(r->extra, "0,0.0,1000.0,0.3]"));
}

static void the_schema_tells_who_measured(void **state)
{
	static const char *const odd[] = {"\"schema\": \"cpuflame\"", "\"schema\": \"Ab/1\"",
					  "\"schema\": \"a/1/\"", "\"schema\": 7",
					  "\"schema\": \"/1\""};
	pb_auto(pb_report) struct pb_report *back =
		read_with_members("\"schema\": \"allocsites/12\"");

	(void)state;
	assert_string_equal(back->tool, "allocsites");
	assert_string_equal(back->schema, "allocsites/12");
	for (size_t i = 0; i < PB_ARRAY_SIZE(odd); i++) {
		pb_auto(pb_report) struct pb_report *none = read_with_members(odd[i]);

		assert_string_equal(none->tool, "");
		assert_string_equal(none->schema, "");
	}
}

/* Replace the first @old in a full report by @new_, and read that. */
static int read_with(const char *old, const char *new_)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = json_of(r);
	pb_autofree char *changed = NULL;
	const char *at = strstr(text, old);
	int err;

	if (!at)
		fail_msg("there is no %s", old);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, new_, at + strlen(old)) >
		    0);
	err = pb_report_read(&back, changed);
	if (err)
		assert_null(back);
	return err;
}

static void anything_else_is_refused(void **state)
{
	static const char *const changes[][2] = {
		{"\"target\"", "\"targets\""},
		{"\"overhead\"", "\"over\""},
		{"\"scope\": \"pid 4711\",", ""},
		{"\"pids\": [4711,", "\"pids\": [0,"},
		{"\"pids\": [4711,", "\"pids\": [-1,"},
		{"\"pids\": [4711,", "\"pids\": [2147483648,"},
		{"\"pids\": [4711,", "\"pids\": [4.5,"},
		{"\"pids\": [4711,", "\"pids\": [null,"},
		{"\"./prog\"", "1"},
		{"\"exit_status\": 137", "\"exit_status\": 256"},
		{"\"exit_status\": 137", "\"exit_status\": -1"},
		{"\"comm\": \"prog\"", "\"comm\": null"},
		{"\"comm\": \"prog\"", "\"comm\": \"a\", \"comm\": \"b\""},
		{"02-29T", "02-30T"},
		{"2024-02-29T", "2023-02-29T"},
		{"2024-", "1969-"},
		{"2024-", "2555-"},
		{"2024-", "+024-"},
		{"12:34", "24:34"},
		{":56.", ":60."},
		{".789Z", ".789+"},
		{".789Z", ".78Z"},
		{"10.003482719", "-1.0"},
		{"10.003482719", "1e11"},
		{"10.003482719", "\"10\""},
		{"\"kept\": 1230", "\"kept\": 1231"},
		{"\"kept\": 1230", "\"kept\": \"18446744073709551616\""},
		{"\"kept\": 1230", "\"kept\": \"12 30\""},
		{"\"lost\": 4", "\"lost\": 5"},
		{"{\"ringbuf_full\": 4}", "{\"a\": \"18446744073709551615\", \"b\": 5}"},
		{"{\"ringbuf_full\": 4}", "[4]"},
		{"\"unique\": 321", "\"unique\": -321"},
		{"\"complete\": 1208", "\"complete\": \"18446744073709551615\""},
		{"\"cause\": \"no_frame_pointer\"", "\"cause\": 1"},
		{"\"module\": \"/usr/lib/libx.so\", ", ""},
		{"\"events\": 18", "\"events\": 1.8"},
		{"\"modules\": 12", "\"modules\": -12"},
		{"\"modules\": 12, ", ""},
		{"\"misses\": 7", "\"misses\": null"},
		{"\"unwind\": {\"modules\": 12,", "\"unwind\": [], \"x\": {"},
		{"\"locations\": 640", "\"locations\": 600"},
		{"\"locations\": 640", "\"locations\": null"},
		{"\"named\": 601", "\"named\": -1"},
		{"\"named\": 601,", ""},
		{"\"inlined_frames\": 77", "\"inlined_frames\": 7.7"},
		{"\"modules_with_debug_info\": 3", "\"modules_with_debug_info\": \"many\""},
		{"\"gaps\": [", "\"gaps\": {}, \"x\": ["},
		{"\"gaps\": [", "\"x\": ["},
		{"\"gaps\": [", "\"gaps\": [7, "},
		{"\"cause\": \"no_symbols\"", "\"cause\": null"},
		{"\"module\": \"[anon]\", ", ""},
		{"\"locations\": 38", "\"locations\": \"few\""},
		{"4125.5", "-4125.5"},
		{"4125.5", "1e300"},
		{"4125.5", "\"fast\""},
		{"11200000", "-1"},
		{"11200000", "\"9223372036854775808\""},
	};

	(void)state;
	assert_int_equal(read_with("\"box\"", "\"fox\""), 0); /* the trick itself works */
	for (size_t i = 0; i < PB_ARRAY_SIZE(changes); i++) {
		if (read_with(changes[i][0], changes[i][1]) != -EPROTO)
			fail_msg("%s was accepted for %s", changes[i][1], changes[i][0]);
	}
}

static void file_of_before_there_were_tables_still_reads(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = json_of(r);
	pb_autofree char *again = NULL;
	char *from = strstr(text, ",\n    \"unwind\": {"), *to;

	(void)state;
	assert_non_null(from);
	to = strchr(from, '}') + 1;
	memmove(from, to, strlen(to) + 1);
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_int_equal(back->broken, 18);
	again = json_of(back);
	assert_non_null(strstr(again, "\"unwind\": {\"modules\": 0, \"without\": 0, "
				      "\"refused\": 0, \"evicted\": 0, \"rows\": 0, "
				      "\"misses\": 0}"));
}

static void file_of_before_names_were_counted_still_reads(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report(), *back = NULL;
	pb_autofree char *text = json_of(r);
	pb_autofree char *again = NULL;
	char *from = strstr(text, ",\n  \"symbols\": {"), *to;

	(void)state;
	assert_non_null(from);
	to = strstr(from, "]\n  }") + strlen("]\n  }");
	memmove(from, to, strlen(to) + 1);
	assert_int_equal(pb_report_read(&back, text), 0);
	assert_int_equal(back->max_rss_bytes, 11200000);
	assert_int_equal(back->n_gaps, 0);
	again = json_of(back);
	assert_non_null(strstr(again, "\"symbols\": {\n"
				      "    \"locations\": 0,\n"
				      "    \"named\": 0,\n"
				      "    \"inlined_frames\": 0,\n"
				      "    \"modules_with_debug_info\": 0,\n"
				      "    \"gaps\": []\n"
				      "  }"));
}

static void text_that_is_no_object_is_refused(void **state)
{
	static const char *const texts[] = {"",    "{", "[]", "null", "{}", "{\"target\": []}",
					    "\xff"};
	struct pb_report *r = NULL;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++)
		assert_int_equal(pb_report_read(&r, texts[i]), -EPROTO);
	assert_null(r);
}

static void too_many_causes_are_refused(void **state)
{
	char many[2048] = "{\"ringbuf_full\": 4";
	size_t used = strlen(many);

	(void)state;
	for (int i = 0; i < PB_REPORT_CAUSES_MAX; i++)
		used += (size_t)snprintf(many + used, sizeof(many) - used, ", \"c%d\": 0", i);
	snprintf(many + used, sizeof(many) - used, "}");
	assert_int_equal(read_with("{\"ringbuf_full\": 4}", many), -EPROTO);
}

static void expect_ledger(const struct pb_report *r, const char *want)
{
	pb_autofree char *line = pb_report_ledger(r);

	assert_non_null(line);
	assert_string_equal(line, want);
}

static void the_ledger_says_it_all_in_one_line(void **state)
{
	pb_auto(pb_report) struct pb_report *r = full_report();

	(void)state;
	expect_ledger(r, "1,234 samples: 1,230 kept, 4 lost (ringbuf full 4); "
			 "stacks 98.2 % complete, 0.3 % truncated, 1.5 % broken; "
			 "5 processes with more code mappings than are kept; "
			 "99.0 of 99 Hz; cost 4.1 us/sample, 0.04 % of a CPU, tool 0.06 CPU s, "
			 "11.2 MB, maps 5.2 MB");
}

static void the_ledger_leaves_out_what_was_not_measured(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	expect_ledger(r, "0 events: 0 kept, none lost");
	r->produced = 1;
	r->kept = 1;
	expect_ledger(r, "1 event: 1 kept, none lost");
	r->tool_cpu_s = 1.5;
	expect_ledger(r, "1 event: 1 kept, none lost; cost tool 1.50 CPU s");
	r->bpf_cpu_pct = 0.001;
	r->achieved_hz = 49;
	expect_ledger(r, "1 sample: 1 kept, none lost; 49.0 Hz; cost <0.01 % of a CPU, "
			 "tool 1.50 CPU s");
}

static void the_ledger_rounds_no_loss_away(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	r->kept = 1000000;
	r->produced = 1000000;
	lose(r, "map_full", 2000);
	lose(r, "no_memory", 0);
	lose(r, "map_busy", 1);
	r->complete = 999999;
	r->broken = 1;
	expect_ledger(r,
		      "1,002,001 events: 1,000,000 kept, 2,001 lost (map full 2,000, map busy 1); "
		      "stacks >99.9 % complete, 0.0 % truncated, <0.1 % broken");
	r->complete = 1000000;
	r->broken = 0;
	expect_ledger(r,
		      "1,002,001 events: 1,000,000 kept, 2,001 lost (map full 2,000, map busy 1); "
		      "stacks 100.0 % complete, 0.0 % truncated, 0.0 % broken");
}

static void the_sum_of_losses_does_not_wrap(void **state)
{
	pb_auto(pb_report) struct pb_report *r = NULL;

	(void)state;
	assert_int_equal(pb_report_new(&r), 0);
	lose(r, "map_full", UINT64_MAX);
	lose(r, "map_busy", 2);
	assert_true(pb_report_lost(r) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_report_has_texts_and_nothing_measured),
		cmocka_unit_test(the_json_has_the_keys_of_the_design),
		cmocka_unit_test(reading_gives_back_what_was_written),
		cmocka_unit_test(what_was_not_measured_is_null_and_stays_so),
		cmocka_unit_test(the_largest_numbers_survive),
		cmocka_unit_test(a_duration_survives_to_the_nanosecond),
		cmocka_unit_test(hostile_texts_are_safe_in_both_directions),
		cmocka_unit_test(an_unknown_cause_has_no_sentence),
		cmocka_unit_test(members_of_the_tool_itself_come_back_the_same),
		cmocka_unit_test(common_members_are_never_replaced),
		cmocka_unit_test(what_is_no_object_is_not_taken),
		cmocka_unit_test(members_too_deep_to_keep_cost_only_themselves),
		cmocka_unit_test(numbers_of_the_tool_itself_are_written_the_same_again),
		cmocka_unit_test(the_schema_tells_who_measured),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(file_of_before_there_were_tables_still_reads),
		cmocka_unit_test(file_of_before_names_were_counted_still_reads),
		cmocka_unit_test(text_that_is_no_object_is_refused),
		cmocka_unit_test(too_many_causes_are_refused),
		cmocka_unit_test(the_ledger_says_it_all_in_one_line),
		cmocka_unit_test(the_ledger_leaves_out_what_was_not_measured),
		cmocka_unit_test(the_ledger_rounds_no_loss_away),
		cmocka_unit_test(the_sum_of_losses_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
