/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/latencies.h"

#include <errno.h>

#include "tests/unit/bead/store_fixture.h"
#include "user/bead/operations.h"

static char why[192];

static int parse(const char *text, enum pb_plan_unit unit, double **out, uint32_t *n)
{
	why[0] = '\0';
	*out = NULL;
	*n = 0;
	return pb_latencies_parse(out, n, text, strlen(text), unit, why, sizeof(why));
}

static void expect_numbers(const char *text, enum pb_plan_unit unit, const double *expected,
			   uint32_t count)
{
	double *ns;
	uint32_t n;

	assert_int_equal(parse(text, unit, &ns, &n), 0);
	assert_int_equal(n, count);
	for (uint32_t i = 0; i < n; i++)
		assert_true(ns[i] == expected[i]);
	free(ns);
}

static void expect_complaint(const char *text, const char *expected)
{
	double *ns;
	uint32_t n;

	assert_int_equal(parse(text, PB_UNIT_US, &ns, &n), -EPROTO);
	assert_null(ns);
	assert_string_equal(why, expected);
}

static void numbers_come_in_nanoseconds_whatever_their_unit(void **state)
{
	const double ns[] = {1, 2.5}, us[] = {1000, 2500}, s[] = {0, 1500000000.0};

	(void)state;
	expect_numbers("1\n2.5\n", PB_UNIT_NS, ns, 2);
	expect_numbers("1\n2.5", PB_UNIT_US, us, 2);
	expect_numbers(" 1 \r\n\t2.5\r\n", PB_UNIT_US, us, 2);
	expect_numbers("1e-3\n0.0025\n", PB_UNIT_MS, us, 2);
	expect_numbers("0\n1.5\n", PB_UNIT_S, s, 2);
}

static void a_bad_line_is_told_by_its_number(void **state)
{
	(void)state;
	expect_complaint("1\n2\nabc\n4\n", "line 3: \"abc\" is no time");
	expect_complaint("1\n-2\n", "line 2: \"-2\" is no time");
	expect_complaint("1 2\n", "line 1: \"1 2\" is no time");
	expect_complaint("12us\n", "line 1: \"12us\" is no time");
	expect_complaint("nan\n", "line 1: \"nan\" is no time");
	expect_complaint("inf\n", "line 1: \"inf\" is no time");
	expect_complaint("1e300\n", "line 1: \"1e300\" is no time");
	expect_complaint("0x10\n", "line 1: \"0x10\" is no time");
	expect_complaint("1\n\n2\n", "line 2 is empty, and is to be a time");
	expect_complaint("1\n\n", "line 2 is empty, and is to be a time");
	expect_complaint("\x1b[31m\n", "line 1: \"\\x1b[31m\" is no time");
	expect_complaint("", "it is empty, and is to hold a time for each operation");
}

static void what_a_run_did_not_write_is_told(void **state)
{
	const struct {
		int err;
		const char *text;
	} causes[] = {
		{ENOENT, "the run made no such file"},
		{ESTALE, "the run did not write it: it is left over from before; let \"prepare\" "
			 "remove it"},
		{EFBIG, "it has more than 32 MiB"},
		{ELOOP, "it cannot be read: Too many levels of symbolic links"},
	};
	double *ns = NULL;
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(causes); i++) {
		const struct pb_run_file run = {.err = causes[i].err};

		assert_int_equal(pb_latencies_of_run(&ns, &n, &run, PB_UNIT_US, why, sizeof(why)),
				 -EPROTO);
		assert_string_equal(why, causes[i].text);
	}
}

static void numbers_are_kept_by_the_index_of_their_sample(void **state)
{
	const double first[] = {3, 1, 2}, second[] = {10, 20};
	struct pb_operations *o = NULL;

	(void)state;
	assert_int_equal(pb_latencies_keep(scratch, "w", 0, first, 3), 0);
	assert_int_equal(pb_latencies_keep(scratch, "w", 1, first, 3), 0);
	/* A run that was lost is taken again. */
	assert_int_equal(pb_latencies_keep(scratch, "w", 1, second, 2), 0);
	assert_int_equal(pb_latencies_load(&o, scratch, "w", 0, 2), 0);
	assert_int_equal(pb_operations_runs(o), 2);
	assert_int_equal(pb_operations_count(o), 5);
	assert_true(pb_operations_max(o) == 20);
	assert_true(pb_operations_quantile(o, 0.5) == 3);
	pb_operations_free(o);
	assert_int_equal(pb_latencies_load(&o, scratch, "w", 1, 1), 0);
	assert_int_equal(pb_operations_count(o), 2);
	pb_operations_free(o);
	assert_int_equal(pb_latencies_load(&o, scratch, "w", 1, 2), -ENOENT);
	assert_int_equal(pb_latencies_load(&o, scratch, "other", 0, 1), -ENOENT);
}

static void a_file_that_is_damaged_is_no_sample(void **state)
{
	const double ns[] = {1, 2};
	struct pb_operations *o = NULL;
	char path[128];

	(void)state;
	assert_int_equal(pb_latencies_keep(scratch, "w", 0, ns, 2), 0);
	snprintf(path, sizeof(path), "%s/w.latencies/0", scratch);
	assert_int_equal(truncate(path, 13), 0);
	said_begin();
	assert_int_equal(pb_latencies_load(&o, scratch, "w", 0, 1), -EBADMSG);
	assert_non_null(strstr(said_end(), "does not hold the times of a run"));
	assert_null(o);
	assert_int_equal(truncate(path, 0), 0);
	said_begin();
	assert_int_equal(pb_latencies_load(&o, scratch, "w", 0, 1), -EBADMSG);
	said_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_in_nanoseconds_whatever_their_unit),
		cmocka_unit_test(a_bad_line_is_told_by_its_number),
		cmocka_unit_test(what_a_run_did_not_write_is_told),
		store_test(numbers_are_kept_by_the_index_of_their_sample),
		store_test(a_file_that_is_damaged_is_no_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
