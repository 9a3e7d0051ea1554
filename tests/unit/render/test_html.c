/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The page as bytes; what a browser makes of it is tests/browser. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>

#include <jansson.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"

#define UNPACKED_MAX (64u << 20)

struct fixture {
	struct pb_profile *p;
	struct pb_report *r;
	uint32_t module, process;
	uint64_t next_addr;
	bool lines;
	char *page;
	size_t size;
	/* the packed tree of the page, by unpack() */
	unsigned char *packed;
	size_t packed_size;
	json_t *json;
};

static int setup(void **state)
{
	static const struct pb_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	struct pb_module module = {.kind = PB_MODULE_FILE, .limit = UINT64_MAX};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(pb_profile_new(&f->p, types, PB_ARRAY_SIZE(types)), 0);
	assert_int_equal(pb_report_new(&f->r), 0);
	module.path = pb_profile_string(f->p, "/bin/app", 8);
	f->module = pb_profile_module(f->p, &module);
	f->process = pb_profile_process(f->p, 7, pb_profile_string(f->p, "app", 3));
	f->r->tool = "cpuflame";
	f->r->schema = "cpuflame/1";
	assert_int_equal(pb_report_set(&f->r->comm, "app"), 0);
	assert_int_equal(pb_report_set(&f->r->scope, "pid 7"), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pb_profile_free(f->p);
	pb_report_free(f->r);
	json_decref(f->json);
	free(f->packed);
	free(f->page);
	free(f);
	return 0;
}

static uint32_t call(struct fixture *f, uint32_t node, const char *name)
{
	struct pb_function function = {.name = pb_profile_string(f->p, name, strlen(name))};
	struct pb_line line = {pb_profile_function(f->p, &function), 0};
	uint32_t location = pb_profile_location(f->p, f->module, ++f->next_addr, false);

	pb_profile_set_lines(f->p, location, &line, 1);
	return pb_profile_node(f->p, node, location);
}

static void add(struct fixture *f, uint32_t node, uint64_t samples, uint64_t ns)
{
	uint64_t values[] = {samples, ns};

	pb_profile_add(f->p, node, f->process, values);
}

static void render(struct fixture *f, uint32_t value)
{
	struct pb_render_opts o = {.top = 10, .value = value, .lines = f->lines};
	FILE *out = open_memstream(&f->page, &f->size);

	assert_non_null(out);
	assert_int_equal(pb_render_html(out, f->p, f->r, &o), 0);
	assert_int_equal(fclose(out), 0);
}

static size_t decode_base64(const char *in, unsigned char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0;
	size_t n = 0;

	for (size_t i = 0; in[i] != '<' && in[i] != '='; i++) {
		const char *digit = memchr(digits, in[i], 64);

		assert_non_null(digit);
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (i % 4)
			out[n++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
	}
	return n;
}

/* What the script sees. */
static void unpack(struct fixture *f)
{
	const char *data = strstr(f->page, "id=\"data\">");
	pb_autofree unsigned char *deflated = malloc(f->size);
	uLongf size = UNPACKED_MAX;
	size_t n;

	assert_non_null(data);
	assert_non_null(deflated);
	n = decode_base64(data + strlen("id=\"data\">"), deflated);
	f->packed = malloc(UNPACKED_MAX);
	assert_non_null(f->packed);
	assert_int_equal(uncompress(f->packed, &size, deflated, n), Z_OK);
	f->packed_size = size;
	f->json = json_loads((char *)f->packed, 0, NULL);
	assert_non_null(f->json);
}

/* The numbers behind the JSON are exactly @want. */
static void assert_numbers(const struct fixture *f, const uint64_t *want, size_t n)
{
	size_t at = strlen((char *)f->packed) + 1;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0;
		unsigned shift = 0;

		do {
			assert_true(at < f->packed_size);
			value |= (uint64_t)(f->packed[at] & 127) << shift;
			shift += 7;
		} while (f->packed[at++] & 128);
		assert_int_equal(value, want[i]);
	}
	assert_int_equal(at, f->packed_size);
}

static const char *name_at(const struct fixture *f, size_t i)
{
	return json_string_value(json_array_get(json_object_get(f->json, "names"), i));
}

static void every_slot_of_the_page_is_filled(void **state)
{
	struct fixture *f = *state;
	char *script;

	add(f, call(f, 0, "main"), 1, 1);
	render(f, 0);
	assert_null(strstr(f->page, "{{"));
	script = strstr(f->page, "id=\"data\">");
	assert_non_null(script);
	assert_true(script[strlen("id=\"data\">")] != '<');
	assert_non_null(strstr(f->page, "<title>cpuflame: app, pid 7</title>"));
	assert_non_null(strstr(f->page, "function makeTree("));
	assert_non_null(strstr(f->page, "async function main("));
	assert_non_null(strstr(f->page, "</html>"));
}

static void page_names_no_other_resource(void **state)
{
	struct fixture *f = *state;

	add(f, call(f, 0, "main"), 1, 1);
	render(f, 0);
	assert_non_null(strstr(f->page, "default-src 'none'"));
	assert_null(strstr(f->page, " src="));
	assert_null(strstr(f->page, "https:"));
	assert_null(strstr(f->page, "url("));
	assert_null(strstr(f->page, "@import"));
	assert_null(strstr(f->page, "innerHTML"));
	assert_null(strstr(f->page, "eval("));
}

static void nodes_are_packed_in_preorder_by_columns(void **state)
{
	struct fixture *f = *state;
	uint32_t main_node = call(f, 0, "main");
	uint32_t parse = call(f, main_node, "parse");
	/* names sort as app, main, parse, read, write: frames 0 to 4 */
	const uint64_t want[] = {
		0, 0, 0, 1,   1,         /* app; main; parse; read and write after one up */
		0, 1, 2, 3,   4,   5,    /* frame + 1 */
		0, 0, 5, 300, 200, 1000, /* self: samples */
		0, 0, 1, 1,   1,   1,    /* and cpu */
	};

	add(f, parse, 300, 1);
	add(f, call(f, main_node, "read"), 200, 1);
	add(f, call(f, main_node, "write"), 1000, 1);
	add(f, main_node, 5, 1);
	render(f, 0);
	unpack(f);
	assert_int_equal(json_integer_value(json_object_get(f->json, "nodes")), 6);
	assert_string_equal(name_at(f, 0), "app");
	assert_string_equal(name_at(f, 4), "write");
	assert_numbers(f, want, PB_ARRAY_SIZE(want));
}

static void chosen_value_is_what_is_drawn(void **state)
{
	struct fixture *f = *state;
	const uint64_t want[] = {0, 0, 0, 1, 2, 0, 0, UINT64_C(1) << 40};
	json_t *value;

	add(f, call(f, 0, "main"), 3, UINT64_C(1) << 40);
	render(f, 1);
	unpack(f);
	/* one sample is as good as its time */
	assert_int_equal(json_array_size(json_object_get(f->json, "values")), 1);
	value = json_array_get(json_object_get(f->json, "values"), 0);
	assert_string_equal(json_string_value(json_object_get(value, "unit")), "nanoseconds");
	assert_numbers(f, want, PB_ARRAY_SIZE(want));
}

static void nodes_of_nothing_are_left_out(void **state)
{
	struct fixture *f = *state;
	/* app; b; a and aa, frames 0 and 1, weigh nothing and are not there */
	const uint64_t want[] = {0, 0, 0, 3, 4, 0, 0, 9};
	uint32_t a = call(f, 0, "a");

	add(f, call(f, a, "aa"), 0, 0);
	add(f, call(f, 0, "b"), 9, 9);
	render(f, 0);
	unpack(f);
	assert_string_equal(name_at(f, 3), "b");
	assert_int_equal(json_integer_value(json_object_get(f->json, "nodes")), 3);
	assert_numbers(f, want, PB_ARRAY_SIZE(want));
}

static void all_values_of_something_can_be_shown(void **state)
{
	struct fixture *f = *state;
	/* app; a, of no samples, and b */
	const uint64_t want[] = {0, 0, 1, 0, 2, 1, 3, 0, 0, 0, 9, 0, 0, 7, 1};
	const json_t *values;

	add(f, call(f, 0, "a"), 0, 7);
	add(f, call(f, 0, "b"), 9, 1);
	render(f, 1);
	unpack(f);
	values = json_object_get(f->json, "values");
	assert_int_equal(json_array_size(values), 2);
	assert_int_equal(json_integer_value(json_object_get(f->json, "first")), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(values, 1), "label")),
			    "CPU time");
	assert_string_equal(name_at(f, 1), "app");
	assert_numbers(f, want, PB_ARRAY_SIZE(want));
}

static void a_page_begins_with_what_there_is(void **state)
{
	struct fixture *f = *state;
	const json_t *values;

	add(f, call(f, 0, "a"), 0, 7);
	render(f, 0);
	unpack(f);
	values = json_object_get(f->json, "values");
	assert_int_equal(json_array_size(values), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(values, 0), "type")),
			    "cpu");
	assert_non_null(strstr(f->page, "<dd id=\"total\">7.00\u00a0ns CPU time</dd>"));
}

static void lines_are_in_the_names_only_if_asked_for(void **state)
{
	struct fixture *f = *state;
	struct pb_line line = {.line = 12};
	uint32_t node = call(f, 0, "main");

	line.function = f->p->lines[0].function;
	pb_profile_set_lines(f->p, f->p->nodes[node].location, &line, 1);
	add(f, node, 1, 1);
	render(f, 0);
	unpack(f);
	assert_true(json_is_false(json_object_get(f->json, "byLine")));
	assert_string_equal(name_at(f, 1), "main");
	free(f->page);
	free(f->packed);
	json_decref(f->json);
	f->lines = true;
	render(f, 0);
	unpack(f);
	assert_true(json_is_true(json_object_get(f->json, "byLine")));
	assert_string_equal(name_at(f, 1), "main:12");
	assert_non_null(strstr(f->page, "<tr><th scope=\"row\">main:12</th>"));
}

static void empty_profile_is_a_page_with_a_root(void **state)
{
	struct fixture *f = *state;
	const uint64_t want[] = {0, 0};

	render(f, 0);
	unpack(f);
	assert_int_equal(json_integer_value(json_object_get(f->json, "nodes")), 1);
	assert_numbers(f, want, PB_ARRAY_SIZE(want));
}

static void hostile_names_stay_text(void **state)
{
	static const char name[] = "</script><img src=x onerror=alert(1)>\"'&";
	struct fixture *f = *state;

	/* raw on purpose: the page does not rely on others to have made them safe */
	free(f->r->comm);
	f->r->comm = strdup("</title><script>\x1b[0m\xe2\x80\xa8");
	free(f->r->scope);
	f->r->scope = strdup("\"><svg onload=alert(1)>{{js}}");
	add(f, call(f, 0, name), 4, 1);
	render(f, 0);
	assert_null(strstr(f->page, "<img"));
	assert_null(strstr(f->page, "<svg onload"));
	assert_null(strstr(f->page, "</title><script>"));
	assert_null(strchr(f->page, '\x1b'));
	assert_null(strstr(f->page, "\xe2\x80\xa8"));
	assert_non_null(strstr(f->page, "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;"
					"&#39;&amp;"));
	unpack(f);
	assert_string_equal(name_at(f, 0), name);
}

static void table_without_script_has_the_top_rows(void **state)
{
	struct fixture *f = *state;
	char name[16];
	char *row;
	int rows = 0;

	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		add(f, call(f, 0, name), 1000 + (uint64_t)i, 1);
	}
	render(f, 0);
	for (row = f->page; (row = strstr(row, "<tr><th scope=\"row\">")); row++)
		rows++;
	assert_int_equal(rows, 10);
	assert_non_null(strstr(f->page,
			       "<tr><th scope=\"row\">f29</th><td>app</td><td class=\"num\">1,029"
			       "</td><td class=\"num\">3.4</td>"));
}

static void losses_are_told_with_the_remedy(void **state)
{
	struct fixture *f = *state;

	add(f, call(f, 0, "main"), 900, 1);
	f->r->produced = 1000;
	f->r->kept = f->r->complete = 900;
	f->r->lost[0] = (struct pb_report_loss){"map_full", "raise --max-stacks", 60};
	f->r->lost[1] = (struct pb_report_loss){"from_the_future", "", 40};
	f->r->n_lost = 2;
	render(f, 0);
	assert_non_null(strstr(f->page, "100 events were lost</strong>, 10\u00a0% of all"));
	assert_non_null(strstr(f->page, "<li>60: raise --max-stacks</li>"));
	assert_non_null(strstr(f->page, "<li>40: from_the_future</li>"));
	assert_null(strstr(f->page, "class=\"notice mild\""));
}

static void few_broken_stacks_are_left_to_the_ledger(void **state)
{
	struct fixture *f = *state;

	f->r->produced = f->r->kept = 100;
	f->r->complete = 97;
	f->r->broken = 3;
	render(f, 0);
	assert_null(strstr(f->page, "broke off"));
	free(f->page);
	f->r->complete = 60;
	f->r->broken = 40;
	render(f, 0);
	assert_non_null(strstr(f->page, "40\u00a0% of the stacks broke off"));
}

static void same_input_gives_the_same_bytes(void **state)
{
	struct fixture *f = *state;
	pb_autofree char *first = NULL;
	size_t size;

	add(f, call(f, 0, "main"), 1, 1);
	render(f, 0);
	first = pb_take(f->page);
	size = f->size;
	render(f, 0);
	assert_int_equal(f->size, size);
	assert_memory_equal(f->page, first, size);
}

static void stream_that_fails_is_an_io_error(void **state)
{
	struct fixture *f = *state;
	struct pb_render_opts o = {.top = 10};
	FILE *out = fopen("/dev/full", "w");

	if (!out)
		skip();
	add(f, call(f, 0, "main"), 1, 1);
	assert_int_equal(pb_render_html(out, f->p, f->r, &o), -EIO);
	fclose(out);
}

static void two_thousand_deep_stacks_stay_below_two_megabytes(void **state)
{
	struct fixture *f = *state;
	uint32_t locations[2000];
	uint32_t seed = 1;
	char name[64];

	for (int i = 0; i < 2000; i++) {
		uint32_t node;

		snprintf(name, sizeof(name), "service::module_%d::function_%d(int)", i % 37, i);
		node = call(f, 0, name);
		locations[i] = f->p->nodes[node].location;
	}
	for (int i = 0; i < 2000; i++) {
		uint32_t node = 0;

		for (int k = 0; k < 200; k++) {
			seed = seed * 1664525 + 1013904223;
			node = pb_profile_node(f->p, node, locations[(seed >> 8) % 2000]);
		}
		add(f, node, 1 + (uint64_t)i % 9, 1);
	}
	assert_int_equal(pb_profile_error(f->p), 0);
	render(f, 0);
	assert_in_range(f->size, 100000, 2000000);
	unpack(f);
	assert_true(json_integer_value(json_object_get(f->json, "nodes")) > 390000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(every_slot_of_the_page_is_filled),
		TEST(page_names_no_other_resource),
		TEST(nodes_are_packed_in_preorder_by_columns),
		TEST(chosen_value_is_what_is_drawn),
		TEST(nodes_of_nothing_are_left_out),
		TEST(all_values_of_something_can_be_shown),
		TEST(a_page_begins_with_what_there_is),
		TEST(lines_are_in_the_names_only_if_asked_for),
		TEST(empty_profile_is_a_page_with_a_root),
		TEST(hostile_names_stay_text),
		TEST(table_without_script_has_the_top_rows),
		TEST(losses_are_told_with_the_remedy),
		TEST(few_broken_stacks_are_left_to_the_ledger),
		TEST(same_input_gives_the_same_bytes),
		TEST(stream_that_fails_is_an_io_error),
		TEST(two_thousand_deep_stacks_stay_below_two_megabytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
