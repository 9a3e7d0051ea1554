/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/naming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/symbol/shared/wire.h"
#include "user/symbol/symbol.h"

static struct pb_profile *profile;
static struct pb_report *report;
static struct pb_symbol_gap gaps[8];
static struct pb_symbol_stats stats;

static int setup(void **state)
{
	static const struct pb_value_type samples = {"samples", "count"};

	(void)state;
	stats = (struct pb_symbol_stats){.gaps = gaps};
	if (pb_profile_new(&profile, &samples, 1) || pb_report_new(&report))
		return -1;
	report->kept = report->produced = 1000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pb_report_free(report);
	pb_profile_free(profile);
	return 0;
}

static uint32_t module(enum pb_module_kind kind, const char *path, uint8_t build_id)
{
	struct pb_module m = {
		.path = pb_profile_string(profile, path, strlen(path)),
		.kind = kind,
		.limit = 0x10000,
		.build_id = {build_id},
		.build_id_len = !!build_id,
	};

	return pb_profile_module(profile, &m);
}

/* Samples in a module, at one address. @symbol: of its code; NULL: it has no name. */
static void sampled(uint32_t module_id, const char *symbol, uint64_t samples)
{
	uint32_t location = pb_profile_location(profile, module_id, 0x1000, false);
	const char *name = symbol ? symbol : "module+0x1000";
	struct pb_function f = {.name = pb_profile_string(profile, name, strlen(name))};
	struct pb_line line = {0};

	f.system_name = symbol ? f.name : 0;
	line.function = pb_profile_function(profile, &f);
	pb_profile_set_lines(profile, location, &line, 1);
	pb_profile_add(profile, pb_profile_node(profile, 0, location), PB_NONE, &samples);
	assert_int_equal(pb_profile_error(profile), 0);
}

static void lacks(uint32_t module_id, enum pb_answer_state state, uint32_t locations)
{
	gaps[stats.n_gaps++] =
		(struct pb_symbol_gap){.module = module_id, .state = state, .locations = locations};
}

static void explains(const char *part)
{
	pb_autofree char *line = pb_naming_explain(profile, report, &stats);

	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	if (!strstr(line, part))
		fail_msg("\"%s\" does not say \"%s\"", line, part);
}

static void is_silent(void)
{
	assert_null(pb_naming_explain(profile, report, &stats));
}

static void stripped_program_is_told_from_one_with_some_symbols(void **state)
{
	uint32_t stripped = module(PB_MODULE_FILE, "/bin/stripped", 1);

	(void)state;
	sampled(stripped, NULL, 1000);
	lacks(stripped, PB_ANSWER_NO_SYMBOLS, 1);
	explains("100 % of it is in code without names, mostly in stripped: it was stripped");
	gaps[0].state = PB_ANSWER_OK;
	explains("its symbols cover only part of it");
}

static void causes_have_the_documented_words(void **state)
{
	static const char *const words[PB_ANSWER_STATES] = {
		[PB_ANSWER_OK] = "not_covered",      [PB_ANSWER_NO_SYMBOLS] = "no_symbols",
		[PB_ANSWER_MISMATCH] = "mismatch",   [PB_ANSWER_UNREADABLE] = "unreadable",
		[PB_ANSWER_TOO_LARGE] = "too_large", [PB_ANSWER_NO_FILE] = "no_file",
		[PB_ANSWER_GIVEN_UP] = "given_up",
	};
	uint32_t m = module(PB_MODULE_FILE, "/bin/x", 0), i;

	(void)state;
	for (i = 0; i < PB_ANSWER_STATES; i++)
		lacks(m, i, i + 1);
	assert_int_equal(pb_naming_gaps(profile, &stats, report), 0);
	assert_int_equal(report->n_gaps, PB_ANSWER_STATES);
	for (i = 0; i < PB_ANSWER_STATES; i++) {
		assert_string_equal(report->gaps[i].cause, words[i]);
		assert_string_equal(report->gaps[i].module, "/bin/x");
		assert_int_equal(report->gaps[i].locations, i + 1);
	}
}

static void a_gap_without_locations_is_about_debug_information(void **state)
{
	(void)state;
	lacks(module(PB_MODULE_FILE, "/bin/x", 0), PB_ANSWER_OK, 0);
	assert_int_equal(pb_naming_gaps(profile, &stats, report), 0);
	assert_int_equal(report->n_gaps, 1);
	assert_string_equal(report->gaps[0].cause, "debug_info_unreadable");
}

static void modules_of_one_path_have_their_own_remedies(void **state)
{
	uint32_t replaced = module(PB_MODULE_FILE, "/opt/app", 1);
	uint32_t stripped = module(PB_MODULE_FILE, "/opt/app", 2);

	(void)state;
	sampled(replaced, NULL, 100);
	sampled(stripped, NULL, 900);
	lacks(replaced, PB_ANSWER_MISMATCH, 1);
	lacks(stripped, PB_ANSWER_NO_SYMBOLS, 1);
	explains("mostly in app: it was stripped");
}

static void copies_of_a_file_share_its_remedy(void **state)
{
	uint32_t one = module(PB_MODULE_FILE, "/a/lib.so", 7);
	uint32_t two = module(PB_MODULE_FILE, "/b/lib.so", 7);

	(void)state;
	sampled(one, NULL, 10);
	sampled(two, NULL, 990);
	lacks(one, PB_ANSWER_TOO_LARGE, 2);
	explains("need more memory than is allowed");
}

static void jit_code_has_another_story(void **state)
{
	uint32_t jit = module(PB_MODULE_ANON, "[anon]", 0);

	(void)state;
	sampled(jit, NULL, 1000);
	lacks(jit, PB_ANSWER_NO_FILE, 1);
	explains("JIT code without a perf map");
}

static void few_nameless_samples_are_not_worth_a_word(void **state)
{
	uint32_t m = module(PB_MODULE_FILE, "/bin/x", 0);

	(void)state;
	is_silent();
	sampled(m, "f", 1000);
	is_silent();
	sampled(module(PB_MODULE_KERNEL, "[kernel.kallsyms]", 0), NULL, 1000);
	is_silent();
}

/* One hot stack is one entry of the profile, however many samples it has. */
static void samples_are_counted_not_stacks(void **state)
{
	(void)state;
	sampled(module(PB_MODULE_FILE, "/bin/x", 0), NULL, 1000);
	explains("mostly in x");
	report->kept = 19;
	is_silent();
}

#define NAMING_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NAMING_TEST(stripped_program_is_told_from_one_with_some_symbols),
		NAMING_TEST(causes_have_the_documented_words),
		NAMING_TEST(a_gap_without_locations_is_about_debug_information),
		NAMING_TEST(modules_of_one_path_have_their_own_remedies),
		NAMING_TEST(copies_of_a_file_share_its_remedy),
		NAMING_TEST(jit_code_has_another_story),
		NAMING_TEST(few_nameless_samples_are_not_worth_a_word),
		NAMING_TEST(samples_are_counted_not_stacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
