/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/profile.h"

static void every_format_is_found_by_its_name_and_suffix(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct pb_format *f = pb_formats; f->name; f++, n++) {
		char path[64];

		assert_ptr_equal(pb_format_by_name(f->name), f);
		assert_ptr_equal(pb_format_by_name(f->suffix + 1), f);
		strcpy(path, "some.dir/a.b");
		strcat(path, f->suffix);
		assert_ptr_equal(pb_format_by_path(path), f);
		assert_non_null(f->render);
		assert_true(f->help[0]);
	}
	assert_int_equal(n, 9);
}

static void the_longest_suffix_wins(void **state)
{
	(void)state;
	assert_string_equal(pb_format_by_path("x.speedscope.json")->name, "speedscope");
	assert_string_equal(pb_format_by_path("speedscope.json")->name, "json");
	assert_string_equal(pb_format_by_path("x.json")->name, "json");
	assert_string_equal(pb_format_by_path("x.dhat.json")->name, "dhat");
	assert_string_equal(pb_format_by_path("x.trace.json")->name, "trace");
}

static void unknown_names_are_no_format(void **state)
{
	(void)state;
	assert_null(pb_format_by_name("svg"));
	assert_null(pb_format_by_name(""));
	assert_null(pb_format_by_path("x.svg"));
	assert_null(pb_format_by_path("json"));
	assert_null(pb_format_by_path("x.gz"));
	assert_null(pb_format_by_path(""));
}

static void only_pprof_is_binary(void **state)
{
	(void)state;
	for (const struct pb_format *f = pb_formats; f->name; f++)
		assert_int_equal(f->binary, f->render == pb_render_pprof);
}

static bool is_of_io(const struct pb_format *f)
{
	return f->render == pb_render_prom || f->render == pb_render_trace;
}

static void some_formats_need_a_heap_or_io(void **state)
{
	static const struct pb_value_type cpu[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	static const struct pb_value_type heap[] = {{"alloc_space", "count"}};
	static const struct pb_value_type io[] = {{"operations", "count"}};

	(void)state;
	for (const struct pb_format *f = pb_formats; f->name; f++) {
		bool is_heap = f->render == pb_render_dhat;

		assert_int_equal(pb_format_fits(f, cpu, 2), !is_heap && !is_of_io(f));
		assert_int_equal(pb_format_fits(f, heap, 1), !is_of_io(f));
		assert_int_equal(pb_format_fits(f, io, 1), !is_heap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_is_found_by_its_name_and_suffix),
		cmocka_unit_test(the_longest_suffix_wins),
		cmocka_unit_test(unknown_names_are_no_format),
		cmocka_unit_test(only_pprof_is_binary),
		cmocka_unit_test(some_formats_need_a_heap_or_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
