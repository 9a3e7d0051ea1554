/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/heap/sample_heap.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"
#include "user/render/sites.h"
#include "user/render/tree.h"

static int setup(void **state)
{
	struct pb_heap_sample *s = calloc(1, sizeof(*s));
	pb_autofree char *extra = NULL;

	assert_non_null(s);
	pb_heap_sample_init(s);
	assert_int_equal(pb_alloc_book_json(&s->book, s->profile, 20, PB_ALLOC_SPACE, &extra), 0);
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	pb_heap_sample_drop(*state);
	free(*state);
	return 0;
}

static char *table(const struct pb_heap_sample *s, struct pb_render_opts o)
{
	return pb_sample_render(pb_render_heap, s->profile, s->report, &o, NULL);
}

static void the_table_is_as_expected(void **state)
{
	pb_autofree char *text = table(*state, (struct pb_render_opts){.top = 8, .value = 1});
	pb_autofree char *wide =
		table(*state, (struct pb_render_opts){.top = 20, .value = 1, .columns = 130});
	pb_autofree char *colour =
		table(*state, (struct pb_render_opts){.top = 3, .value = 1, .color = true});

	pb_sample_golden("heap.txt", text);
	pb_sample_golden("heap-130-columns.txt", wide);
	pb_sample_golden("heap-colour.txt", colour);
}

static void the_chosen_value_leads_and_orders(void **state)
{
	static const struct {
		uint32_t value;
		const char *head, *first;
	} wanted[] = {
		{PB_ALLOC_OBJECTS, "     %    calls  alloc MiB", "  42.5  100,000"},
		{PB_INUSE_SPACE, "     %  live KiB  alloc MiB", "  97.4  "},
		{PB_LEAKED_SPACE, "     %  leaked KiB  ", " 100.0  "},
		{PB_TEMPORARY_OBJECTS, "     %  temporary  ", "  79.0     58,000"},
		{PB_PEAK_SPACE, "     %  at peak KiB  ", NULL},
		{PB_LIFETIME, "     %  lifetime ms  ", NULL},
	};

	for (size_t i = 0; i < PB_ARRAY_SIZE(wanted); i++) {
		pb_autofree char *text =
			table(*state, (struct pb_render_opts){.top = 3, .value = wanted[i].value});

		assert_non_null(strstr(text, wanted[i].head));
		if (wanted[i].first && !strstr(text, wanted[i].first))
			fail_msg("no \"%s\" in %s", wanted[i].first, text);
	}
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	for (int columns = 60; columns <= 150; columns++) {
		pb_autofree char *text = table(
			*state, (struct pb_render_opts){
					.top = 30, .value = columns % 12, .columns = columns});
		char *save = NULL;

		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			assert_true(pb_text_columns(line) <= columns);
			assert_int_not_equal(line[strlen(line) - 1], ' ');
		}
	}
}

/* One path in two threads is one row; the allocator is not in it. */
static void threads_are_added_up(void **state)
{
	const struct pb_heap_sample *s = *state;
	const struct pb_render_opts o = {.value = PB_ALLOC_OBJECTS};
	const uint32_t columns[] = {PB_ALLOC_OBJECTS, PB_ALLOC_SPACE};
	pb_auto(pb_sites) struct pb_sites *sites = NULL;
	uint32_t process = pb_profile_process(s->profile, 9, pb_profile_string(s->profile, "x", 1));
	uint64_t values[PB_ALLOC_VALUES] = {7, 70};

	pb_profile_add(s->profile, s->book.sites[PB_HEAP_PARSE].node, process, values);
	assert_int_equal(pb_sites_build(&sites, s->profile, &o, columns, 2), 0);
	assert_int_equal(sites->n_rows, PB_HEAP_SITES);
	assert_int_equal(sites->rows[0].values[0], 100007);
	assert_int_equal(sites->rows[0].values[1], 4000070);
	assert_int_equal(sites->totals[0], PB_HEAP_ALLOCATIONS + 7);
}

static void allocators_are_known_by_name(void **state)
{
	static const char *const yes[] = {"malloc",     "__libc_malloc",
					  "je_calloc",  "_rjem_malloc",
					  "mi_realloc", "operator new[](unsigned long)",
					  "tc_new",     "__GI___libc_malloc"};
	static const char *const no[] = {"",        "strdup",    "my_malloc_wrapper",
					 "xmalloc", "operator+", "main"};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(yes); i++)
		assert_true(pb_is_allocator(yes[i]));
	for (size_t i = 0; i < PB_ARRAY_SIZE(no); i++)
		assert_false(pb_is_allocator(no[i]));
}

static void wrappers_are_known_by_name(void **state)
{
	static const char *const yes[] = {
		"zmalloc",         "zmalloc_usable", "ztrymalloc_usable_internal",
		"xrealloc",        "sqlite3Malloc",  "_PyMem_RawMalloc",
		"PyObject_Calloc", "g_malloc0",      "g_realloc_n",
		"xcalloc"};
	static const char *const no[] = {"",          "strdup",        "malloc_usable_size",
					 "sdsnewlen", "Pool::malloc",  "mallocator",
					 "libx+0x10", "remalloc_table"};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(yes); i++)
		assert_true(pb_is_wrapper(yes[i]));
	for (size_t i = 0; i < PB_ARRAY_SIZE(no); i++)
		assert_false(pb_is_wrapper(no[i]));
}

/* The leaf first. */
static void expect_site(const char *const *path, const char *site)
{
	struct pb_site_search search = PB_SITE_SEARCH_INIT;
	uint32_t i;

	for (i = 0; path[i] && !pb_site_search_take(&search, path[i], i); i++)
		;
	if (site)
		assert_string_equal(path[search.site], site);
	else
		assert_int_equal(search.site, PB_NONE);
}

static void a_path_begins_above_wrappers_and_what_is_nameless_below_them(void **state)
{
	(void)state;
	expect_site((const char *[]){"malloc", "f", "xmalloc", "main", NULL}, "f");
	expect_site((const char *[]){"malloc", "xmalloc", "zcalloc", "f", "main", NULL}, "f");
	expect_site((const char *[]){"malloc", "so+0x10", "sqlite3Malloc", "f", NULL}, "f");
	expect_site((const char *[]){"malloc", "so+0x10", "sqlite3Malloc", "so+0x20", "f", NULL},
		    "so+0x20");
	expect_site((const char *[]){"so+0x10", "malloc", "f", NULL}, "f");
	expect_site((const char *[]){"malloc", "so+0x10", "f", "xmalloc", NULL}, "so+0x10");
	expect_site((const char *[]){"malloc", "a+0x1", "a+0x2", "a+0x3", "a+0x4", "a+0x5",
				     "xmalloc", "f", NULL},
		    "a+0x1");
	expect_site((const char *[]){"malloc", "xmalloc", "zcalloc", NULL}, "xmalloc");
	expect_site((const char *[]){"malloc", "calloc", NULL}, NULL);
}

/* The row is that of who called the wrapper, and that of the wrapper if nobody is known to. */
static void wrappers_are_left_out_at_the_leaf(void **state)
{
	static const char *const names[] = {"main", "serve", "xmalloc", "malloc"};
	const struct pb_heap_sample *s = *state;
	struct pb_profile *p = s->profile;
	const struct pb_render_opts o = {.value = PB_ALLOC_OBJECTS};
	const uint32_t columns[] = {PB_ALLOC_OBJECTS};
	uint64_t values[PB_ALLOC_VALUES] = {1000000, 1000000};
	pb_auto(pb_sites) struct pb_sites *sites = NULL;
	uint32_t node = 0, alone = 0, i;

	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		uint32_t location = pb_profile_location(p, 0, 0x700000 + 16 * i, true);
		struct pb_function f = {.name = pb_profile_string(p, names[i], strlen(names[i]))};
		struct pb_line line = {.function = pb_profile_function(p, &f)};

		pb_profile_set_lines(p, location, &line, 1);
		node = pb_profile_node(p, node, location);
		if (i >= 2)
			alone = pb_profile_node(p, alone, location);
	}
	pb_profile_add(p, node, 0, values);
	values[PB_ALLOC_OBJECTS] = 999999;
	pb_profile_add(p, alone, 0, values);
	assert_int_equal(pb_sites_build(&sites, p, &o, columns, 1), 0);
	for (i = 0; i < 2; i++) {
		const struct pb_tree *t = sites->tree;

		assert_int_equal(sites->rows[i].values[0], 1000000 - i);
		assert_string_equal(t->frames[t->nodes[sites->rows[i].node].frame].name,
				    i ? "xmalloc" : "serve");
	}
}

static void what_is_zero_everywhere_has_no_column(void **state)
{
	const struct pb_heap_sample *s = *state;
	pb_autofree char *text = NULL;

	for (uint32_t i = 0; i < s->profile->n_samples; i++)
		s->profile->values[i * PB_ALLOC_VALUES + PB_INUSE_SPACE] = 0;
	text = table(s, (struct pb_render_opts){.top = 3, .value = 1});
	assert_null(strstr(text, "live KiB"));
	assert_non_null(strstr(text, "temp%"));
}

static void nothing_of_a_value_is_one_sentence_and_the_rest(void **state)
{
	const struct pb_heap_sample *s = *state;
	pb_autofree char *text = NULL;

	for (uint32_t i = 0; i < s->profile->n_samples; i++)
		s->profile->values[i * PB_ALLOC_VALUES + PB_LEAKED_SPACE] = 0;
	text = table(s, (struct pb_render_opts){.top = 3, .value = PB_LEAKED_SPACE});
	assert_non_null(strstr(text, "allocsites: kvd (pid 4211), 10.0 s: no leaked bytes.\n"));
	assert_non_null(strstr(text, "Allocators: "));
}

static void losses_and_a_detached_run_are_red(void **state)
{
	struct pb_heap_sample *s = *state;
	pb_autofree char *extra = NULL, *text = NULL;

	s->book.detached = true;
	s->book.detached_ns = 3210000000;
	assert_int_equal(pb_alloc_book_json(&s->book, s->profile, 2, 1, &extra), 0);
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	text = table(s, (struct pb_render_opts){.top = 3, .value = 1, .color = true});
	assert_non_null(strstr(text, "\033[31mThe probes were taken out after 3.2 s"));
}

static void what_a_file_adds_is_never_raw(void **state)
{
	static const char *const hostile[] = {
		"{\"alloc\": 7, \"hints\": {\"a\": 1}, \"allocators\": \"x\"}",
		"{\"alloc\": {\"mode\": \"exact\", \"bytes\": -5, \"allocs\": \"9\", \"cost\": []}, "
		"\"hints\": [7, {\"kind\": \"a\\u001b[2J\", \"frames\": [\"\\u001b[31m\", 5], "
		"\"evidence\": \"\\u001b]0;x\\u0007\"}], \"allocators\": [\"\\u001b[31m\", {}]}",
	};
	struct pb_heap_sample *s = *state;

	for (size_t i = 0; i < PB_ARRAY_SIZE(hostile); i++) {
		pb_autofree char *text = NULL;

		assert_int_equal(pb_report_set_extra(s->report, hostile[i]), 0);
		text = table(s, (struct pb_render_opts){.top = 30, .value = 1, .columns = 200});
		assert_null(strchr(text, '\033'));
		assert_null(strchr(text, '\007'));
	}
}

static void growth_is_by_site_too(void **state)
{
	static const struct pb_value_type types[] = {{"faults", "count"}, {"grown_space", "bytes"}};
	struct pb_heap_sample *s = *state;
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	pb_autofree char *text = NULL, *extra = NULL;

	assert_int_equal(pb_profile_new(&p, types, 2), 0);
	for (int i = 1; i < 4; i++) {
		const uint64_t values[] = {i * 1000, i * 4096000};
		struct pb_function f = {.name = pb_profile_string(p, i == 1 ? "init" : "fill", 4)};
		struct pb_line line = {pb_profile_function(p, &f), 0};
		uint32_t at = pb_profile_location(p, PB_NONE, (uint64_t)i, false);

		pb_profile_set_lines(p, at, &line, 1);
		pb_profile_add(p, pb_profile_node(p, 0, at), PB_NONE, values);
	}
	s->book.mode = PB_ALLOC_GROWTH;
	s->book.n_sites = 0;
	assert_int_equal(pb_alloc_book_json(&s->book, p, 2, 1, &extra), 0);
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	text = pb_sample_render(pb_render_heap, p, s->report,
				&(struct pb_render_opts){.top = 5, .value = 1}, NULL);
	assert_non_null(strstr(text, "24,000 KiB grown\n\n"
				     "     %  grown KiB  faults  call path\n"
				     "  83.3     20,000   5,000  fill\n"
				     "  16.7      4,000   1,000  init\n\n"));
}

static void a_profile_of_cpu_time_keeps_its_table(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.top = 10, .value = 1};
	pb_autofree char *a = pb_sample_render(pb_render_heap, p, r, &o, NULL);
	pb_autofree char *b = pb_sample_render(pb_render_text, p, r, &o, NULL);

	(void)state;
	assert_string_equal(a, b);
}

static void a_full_disk_is_reported(void **state)
{
	const struct pb_heap_sample *s = *state;
	const struct pb_render_opts o = {.top = 5, .value = 1};
	FILE *out = fopen("/dev/full", "we");

	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(pb_render_heap(out, s->profile, s->report, &o), -EIO);
	fclose(out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_table_is_as_expected),
		TEST(the_chosen_value_leads_and_orders),
		TEST(no_line_is_wider_than_the_terminal),
		TEST(threads_are_added_up),
		TEST(allocators_are_known_by_name),
		TEST(wrappers_are_known_by_name),
		TEST(a_path_begins_above_wrappers_and_what_is_nameless_below_them),
		TEST(wrappers_are_left_out_at_the_leaf),
		TEST(what_is_zero_everywhere_has_no_column),
		TEST(nothing_of_a_value_is_one_sentence_and_the_rest),
		TEST(losses_and_a_detached_run_are_red),
		TEST(what_a_file_adds_is_never_raw),
		TEST(growth_is_by_site_too),
		TEST(a_profile_of_cpu_time_keeps_its_table),
		TEST(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
