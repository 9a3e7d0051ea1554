/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/report.h"

static struct pb_report *report;

static int setup(void **state)
{
	(void)state;
	if (pb_report_new(&report))
		return -1;
	report->kept = report->produced = 1000;
	report->broken_by = calloc(2, sizeof(*report->broken_by));
	return report->broken_by ? pb_report_set(&report->unwind, "auto") : -1;
}

static int teardown(void **state)
{
	(void)state;
	pb_report_free(report);
	return 0;
}

/* Blame one more module. */
static void breaks(const char *module, const char *cause, uint64_t events)
{
	struct pb_report_broken *row = &report->broken_by[report->n_broken_by++];

	assert_int_equal(pb_report_set(&row->module, module), 0);
	row->cause = cause;
	row->events = events;
	report->broken += events;
}

static void explains(const char *part)
{
	pb_autofree char *line = pb_explain_broken(report);

	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	if (!strstr(line, part))
		fail_msg("\"%s\" does not say \"%s\"", line, part);
}

static void few_broken_stacks_are_not_worth_a_word(void **state)
{
	(void)state;
	assert_null(pb_explain_broken(report));
	breaks("/lib/x.so", "no_frame_pointer", 49);
	assert_null(pb_explain_broken(report));
	breaks("/lib/x.so", "bad_frame", 1);
	explains("5 % of stacks are incomplete");
	report->kept = 19;
	assert_null(pb_explain_broken(report));
	report->kept = 0;
	assert_null(pb_explain_broken(report));
}

static void line_names_share_module_and_reason(void **state)
{
	(void)state;
	breaks("/usr/lib/libx.so.1", "no_frame_pointer", 300);
	explains("30 % of stacks are incomplete, mostly in libx.so.1: no unwind rules and no frame "
		 "pointers; build it with -fasynchronous-unwind-tables or -fno-omit-frame-pointer");
	breaks("/usr/lib/liby.so", "bad_frame", 300);
	explains("60 % of stacks are incomplete, most of all in libx.so.1: ");
}

static void remedy_follows_the_cause(void **state)
{
	static const struct {
		const char *module, *cause, *part;
	} rows[] = {
		{"[anon]", "no_frame_pointer", "-XX:+PreserveFramePointer"},
		{"[anon]", "frame_pointer_lost", "-XX:+PreserveFramePointer"},
		{"/bin/x", "frame_pointer_lost", "-fno-omit-frame-pointer"},
		{"/bin/x", "no_unwind_rule", "--unwind auto"},
		{"/bin/x", "unsupported_rule", "not supported"},
		{"/bin/x", "bad_frame", "--unwind fp"},
		{"/bin/x", "unknown_code", "appeared too recently"},
		{"[unknown]", "new_process", "began too recently, or there is no room"},
		{"/bin/x", "stack_unreadable", "could not be read"},
		{"[unknown]", "32_bit_task", "32-bit"},
		{"/bin/x", "cause_of_tomorrow", "cause_of_tomorrow"},
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		while (report->n_broken_by) {
			free(report->broken_by[--report->n_broken_by].module);
			report->broken_by[report->n_broken_by].module = NULL;
		}
		report->broken = 0;
		breaks(rows[i].module, rows[i].cause, 300);
		explains(rows[i].part);
	}
}

static void frame_pointers_alone_are_the_users_choice(void **state)
{
	(void)state;
	assert_int_equal(pb_report_set(&report->unwind, "fp"), 0);
	breaks("/bin/x", "no_frame_pointer", 300);
	explains("leave out --unwind fp");
}

static void table_that_found_no_room_asks_for_more(void **state)
{
	(void)state;
	report->unwind_refused = 1;
	breaks("/bin/x", "no_frame_pointer", 300);
	explains("raise --table-size");
}

static void file_that_could_not_be_opened_is_perhaps_built_well(void **state)
{
	(void)state;
	report->unwind_without = 1;
	breaks("/bin/x", "no_frame_pointer", 300);
	explains(
		"its file could not be read; if it has none, build it with -fasynchronous-unwind-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(few_broken_stacks_are_not_worth_a_word, setup,
						teardown),
		cmocka_unit_test_setup_teardown(line_names_share_module_and_reason, setup,
						teardown),
		cmocka_unit_test_setup_teardown(remedy_follows_the_cause, setup, teardown),
		cmocka_unit_test_setup_teardown(frame_pointers_alone_are_the_users_choice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(table_that_found_no_room_asks_for_more, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_that_could_not_be_opened_is_perhaps_built_well,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
