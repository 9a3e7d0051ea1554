/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/text.h"

static char *table(struct pb_render_opts o)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	return pb_sample_render(pb_render_text, p, r, &o, NULL);
}

static void the_sample_is_as_expected(void **state)
{
	pb_autofree char *text = table((struct pb_render_opts){.top = 10, .value = 1});

	(void)state;
	pb_sample_golden("sample.txt", text);
}

static void wide_and_narrow_and_coloured_are_as_expected(void **state)
{
	pb_autofree char *narrow = table((struct pb_render_opts){.top = 8, .columns = 60});
	pb_autofree char *wide = table((struct pb_render_opts){.top = 20, .columns = 140});
	pb_autofree char *colour = table((struct pb_render_opts){.top = 4, .color = true});

	(void)state;
	pb_sample_golden("sample-60-columns.txt", narrow);
	pb_sample_golden("sample-140-columns.txt", wide);
	pb_sample_golden("sample-colour.txt", colour);
}

static void lines_are_as_expected(void **state)
{
	const struct pb_render_opts o = {.top = 20, .columns = 100, .lines = true};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	pb_autofree char *text = pb_sample_render(pb_render_text, p, r, &o, NULL);

	(void)state;
	pb_sample_golden("source-lines.txt", text);
}

static void a_line_is_not_cut_off_before_its_name(void **state)
{
	struct pb_render_opts o = {.top = 20, .lines = true};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	(void)state;
	for (o.columns = 60; o.columns < 120; o.columns++) {
		pb_autofree char *text = pb_sample_render(pb_render_text, p, r, &o, NULL);

		assert_non_null(strstr(text, ":1955"));
		assert_non_null(strstr(text, ":3020"));
	}
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	for (int columns = 60; columns <= 130; columns++) {
		pb_autofree char *text =
			table((struct pb_render_opts){.top = 30, .columns = columns});
		char *save = NULL;

		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			assert_true(pb_text_columns(line) <= columns);
			assert_int_not_equal(line[strlen(line) - 1], ' ');
		}
	}
}

static void nothing_raw_reaches_the_terminal(void **state)
{
	pb_autofree char *text = table((struct pb_render_opts){.top = 30, .columns = 200});

	(void)state;
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\007'));
	assert_non_null(strstr(text, "evil\\x1b]0;owned\\x07\\x0a"));
}

static void losses_are_red_and_only_they(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts o = {.top = 5, .color = true};
	pb_autofree char *lossy = pb_sample_render(pb_render_text, p, r, &o, NULL);
	pb_autofree char *fine = NULL;

	(void)state;
	assert_non_null(strstr(lossy, "\033[31m"));
	r->n_lost = 0;
	r->produced = r->kept;
	fine = pb_sample_render(pb_render_text, p, r, &o, NULL);
	assert_null(strstr(fine, "\033[31m"));
}

static void an_empty_profile_is_one_sentence(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_empty_report();
	const struct pb_render_opts o = {.top = 5};
	pb_autofree char *text = pb_sample_render(pb_render_text, p, r, &o, NULL);

	(void)state;
	assert_string_equal(text, "cpuflame: app (pid 1234), 10.0 s: no samples were kept.\n");
}

static void what_was_lost_is_said_even_if_nothing_was_kept(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_empty_report();
	const struct pb_render_opts o = {.top = 5};
	pb_autofree char *text = NULL;

	(void)state;
	r->produced = 5;
	r->n_lost = 1;
	r->lost[0] = (struct pb_report_loss){"map_full", "", 5};
	text = pb_sample_render(pb_render_text, p, r, &o, NULL);
	assert_non_null(strstr(text, "no samples were kept.\n"));
	assert_non_null(strstr(text, "5 lost"));
}

static void large_numbers_are_grouped_and_scaled(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	const struct pb_render_opts by_count = {.top = 1, .value = 0};
	const struct pb_render_opts by_time = {.top = 1, .value = 1};
	pb_autofree char *count = NULL, *time = NULL;

	(void)state;
	for (uint32_t i = 0; i < p->n_samples; i++) {
		p->values[2 * i] *= 1000000;
		p->values[2 * i + 1] *= 1000;
	}
	count = pb_sample_render(pb_render_text, p, r, &by_count, NULL);
	time = pb_sample_render(pb_render_text, p, r, &by_time, NULL);
	assert_non_null(strstr(count, " 42,000,000 "));
	assert_non_null(strstr(count, "93,000,000 samples"));
	assert_non_null(strstr(time, " 420,000 "));
	assert_non_null(strstr(time, "930,000 ms cpu"));
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
	assert_int_equal(pb_render_text(out, p, r, &o), -EIO);
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_as_expected),
		cmocka_unit_test(wide_and_narrow_and_coloured_are_as_expected),
		cmocka_unit_test(lines_are_as_expected),
		cmocka_unit_test(a_line_is_not_cut_off_before_its_name),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(nothing_raw_reaches_the_terminal),
		cmocka_unit_test(losses_are_red_and_only_they),
		cmocka_unit_test(an_empty_profile_is_one_sentence),
		cmocka_unit_test(what_was_lost_is_said_even_if_nothing_was_kept),
		cmocka_unit_test(large_numbers_are_grouped_and_scaled),
		cmocka_unit_test(a_full_disk_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
