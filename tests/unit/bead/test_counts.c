/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct pb_count counts[2];

static void read(void (*reader)(struct pb_count c[2], const json_t *report), const char *text)
{
	json_t *report = json_loads(text, 0, NULL);

	assert_non_null(report);
	reader(counts, report);
	json_decref(report);
}

static int fresh(void **state)
{
	(void)state;
	memset(counts, 0, sizeof(counts));
	return 0;
}

static void calls_of_an_allocator_are_counted(void **state)
{
	(void)state;
	read(pb_count_allocations,
	     "{\"alloc\": {\"mode\": \"exact\", \"calls\": 12, \"called_bytes\": 345,"
	     " \"stateless\": 0, \"missed\": 0, \"detached_s\": null}}");
	read(pb_count_allocations,
	     "{\"alloc\": {\"mode\": \"exact\", \"calls\": 10, \"called_bytes\": 345,"
	     " \"stateless\": 0, \"missed\": 0, \"detached_s\": null}}");
	assert_int_equal(counts[0].n, 2);
	assert_true(counts[0].fewest == 10 && counts[0].most == 12);
	assert_true(counts[1].fewest == 345 && counts[1].most == 345);
	assert_string_equal(counts[0].why, "");
}

static void calls_that_were_missed_leave_no_number(void **state)
{
	(void)state;
	read(pb_count_allocations,
	     "{\"alloc\": {\"mode\": \"exact\", \"calls\": 12, \"called_bytes\": 345,"
	     " \"stateless\": 2, \"missed\": 1, \"detached_s\": null}}");
	assert_int_equal(counts[0].n, 0);
	assert_string_equal(counts[0].why, "allocsites missed 3 calls of the allocator");
	assert_string_equal(counts[1].why, counts[0].why);
}

static void what_is_no_exact_count_is_none(void **state)
{
	const char *const reports[] = {
		"{\"alloc\": {\"mode\": \"growth\", \"calls\": 12, \"called_bytes\": 345,"
		" \"stateless\": 0, \"missed\": 0}}",
		"{\"alloc\": {\"mode\": \"exact\", \"called_bytes\": 345, \"stateless\": 0,"
		" \"missed\": 0}}",
		"{\"alloc\": {\"mode\": \"exact\", \"calls\": \"many\", \"called_bytes\": 345,"
		" \"stateless\": 0, \"missed\": 0}}",
		"{\"alloc\": {\"mode\": \"exact\", \"calls\": 12, \"called_bytes\": 345,"
		" \"stateless\": 0, \"missed\": 0, \"detached_s\": 1.5}}",
		"{}",
		"[]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		fresh(NULL);
		read(pb_count_allocations, reports[i]);
		assert_int_equal(counts[0].n, 0);
		assert_true(counts[0].why[0] && counts[1].why[0]);
		fresh(NULL);
		read(pb_count_block_ios, reports[i]);
		assert_int_equal(counts[0].n, 0);
		assert_true(counts[0].why[0]);
	}
}

static void block_ios_are_all_that_began(void **state)
{
	(void)state;
	read(pb_count_block_ios,
	     "{\"latency\": [{\"count\": 3, \"bytes\": 100}, {\"count\": 1, \"bytes\": 0}],"
	     " \"io\": {\"in_flight_at_end\": 0}, \"events\": {\"lost\": 0}}");
	read(pb_count_block_ios,
	     "{\"latency\": [{\"count\": 2, \"bytes\": 60}], \"io\": {\"in_flight_at_end\": 2},"
	     " \"events\": {\"lost\": 0}}");
	assert_int_equal(counts[0].n, 2);
	assert_true(counts[0].fewest == 4 && counts[0].most == 4);
	/* The bytes of those under way are not told. */
	assert_int_equal(counts[1].n, 1);
	assert_true(counts[1].most == 100);
	read(pb_count_block_ios, "{\"latency\": [], \"io\": {\"in_flight_at_end\": 0},"
				 " \"events\": {\"lost\": 4}}");
	assert_string_equal(counts[0].why, "iolatency lost 4 I/Os");
}

static void a_run_without_io_counts_none(void **state)
{
	(void)state;
	read(pb_count_block_ios, "{\"latency\": [], \"io\": {\"in_flight_at_end\": 0},"
				 " \"events\": {\"lost\": 0}}");
	assert_int_equal(counts[0].n, 1);
	assert_true(counts[0].fewest == 0 && counts[0].most == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(calls_of_an_allocator_are_counted, fresh),
		cmocka_unit_test_setup(calls_that_were_missed_leave_no_number, fresh),
		cmocka_unit_test(what_is_no_exact_count_is_none),
		cmocka_unit_test_setup(block_ios_are_all_that_began, fresh),
		cmocka_unit_test_setup(a_run_without_io_counts_none, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
