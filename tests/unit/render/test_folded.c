/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static const struct pb_render_opts by_samples = {.top = 20, .value = 0};

static char *folded(const struct pb_profile *p, uint32_t value)
{
	const struct pb_render_opts o = {.value = value};
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	return pb_sample_render(pb_render_folded, p, r, &o, NULL);
}

static uint32_t string(struct pb_profile *p, const char *s)
{
	return pb_profile_string(p, s, strlen(s));
}

/* Add a stack of plain functions, "outer inner leaf", to process "c". */
static void add_stack(struct pb_profile *p, const char *names, uint64_t value)
{
	const uint64_t values[] = {value, 0};
	const struct pb_module m = {.path = string(p, "/bin/x")};
	pb_autofree char *copy = strdup(names);
	char *save = NULL;
	uint32_t node = 0;

	if (!p->n_modules)
		pb_profile_module(p, &m);
	for (char *name = strtok_r(copy, "|", &save); name; name = strtok_r(NULL, "|", &save)) {
		const struct pb_function f = {.name = string(p, name)};
		const struct pb_line line = {.function = pb_profile_function(p, &f)};
		uint32_t location = pb_profile_location(p, 0, 0x1000 + line.function, false);

		pb_profile_set_lines(p, location, &line, 1);
		node = pb_profile_node(p, node, location);
	}
	pb_profile_add(p, node, pb_profile_process(p, 1, string(p, "c")), values);
	assert_int_equal(pb_profile_error(p), 0);
}

static void the_sample_is_as_expected(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_autofree char *text = folded(p, 0);

	(void)state;
	pb_sample_golden("sample.folded", text);
}

static void inlined_functions_and_lines_are_as_expected(void **state)
{
	const struct pb_render_opts by_line = {.lines = true};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *plain = folded(p, 0);
	pb_autofree char *lines = pb_sample_render(pb_render_folded, p, r, &by_line, NULL);

	(void)state;
	pb_sample_golden("source.folded", plain);
	pb_sample_golden("source-lines.folded", lines);
}

static void every_line_is_a_path_and_a_number(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_autofree char *text = folded(p, 0);
	uint64_t sum = 0;
	char *save = NULL;

	(void)state;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strrchr(line, ' ');
		uint64_t n;
		int end = 0;

		assert_non_null(space);
		assert_int_equal(sscanf(space + 1, "%" SCNu64 "%n", &n, &end), 1);
		assert_int_equal(space[1 + end], '\0');
		assert_true(n > 0);
		*space = '\0';
		for (const char *c = line; *c; c++)
			assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
		assert_null(strstr(line, ";;"));
		sum += n;
	}
	assert_int_equal(sum, PB_SAMPLE_TOTAL);
}

static void the_chosen_value_is_counted(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_autofree char *text = folded(p, 1);

	(void)state;
	assert_non_null(strstr(text, "app;_start;main;compute;square_[i] 420000000\n"));
}

static void an_empty_profile_is_an_empty_file(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_autofree char *text = folded(p, 0);

	(void)state;
	assert_string_equal(text, "");
}

static void separators_in_names_are_replaced(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_autofree char *text = NULL;

	(void)state;
	add_stack(p, "a;b|c d 7", 1);
	text = folded(p, 0);
	assert_string_equal(text, "c;a:b;c d 7 1\n");
}

static void functions_that_print_alike_are_one_line(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_autofree char *text = NULL;

	(void)state;
	add_stack(p, "a;b|x", 1);
	add_stack(p, "a:b|x", 2);
	add_stack(p, "a:b|y", 4);
	text = folded(p, 0);
	assert_string_equal(text, "c;a:b;x 3\nc;a:b;y 4\n");
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names around ';' and ' ' in ASCII, and counts that compare with what follows in other names. */
static void lines_are_in_the_order_of_sort(void **state)
{
	static const char *const stacks[] = {
		"a",       "a|b",    "a!",        "a! b",     "a|b c", "a 1|z", "a 12",
		"a 123|x", "a:|b",   "a<|b",      "a 1",      "aa",    "a|b|c", "a|b|c|d",
		"A",       "a(x)|b", "a(x, y)|b", "\xc3\xa9", "z|a",   "",
	};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_autofree char *text = NULL;
	char *lines[64], *save = NULL, *sorted[64];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(stacks); i++)
		add_stack(p, stacks[i], i % 3 ? 12 : 100);
	text = folded(p, 0);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		lines[n++] = line;
	assert_int_equal(n, PB_ARRAY_SIZE(stacks));
	memcpy(sorted, lines, n * sizeof(*lines));
	qsort(sorted, n, sizeof(*sorted), compare_lines);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(lines[i], sorted[i]);
}

static void a_full_disk_is_reported(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	FILE *out = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pb_render_folded(out, p, r, &by_samples), -EIO);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_as_expected),
		cmocka_unit_test(inlined_functions_and_lines_are_as_expected),
		cmocka_unit_test(every_line_is_a_path_and_a_number),
		cmocka_unit_test(the_chosen_value_is_counted),
		cmocka_unit_test(an_empty_profile_is_an_empty_file),
		cmocka_unit_test(separators_in_names_are_replaced),
		cmocka_unit_test(functions_that_print_alike_are_one_line),
		cmocka_unit_test(lines_are_in_the_order_of_sort),
		cmocka_unit_test(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
