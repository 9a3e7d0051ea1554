/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/interval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ull

static char *text;
static size_t size;
static FILE *out;
static struct pb_interval interval;

static int setup(void **state)
{
	(void)state;
	interval = (struct pb_interval){.every_ns = SECOND};
	out = open_memstream(&text, &size);
	return out ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fclose(out);
	free(text);
	return 0;
}

static void tick(uint64_t time_ns, uint64_t calls)
{
	const struct pb_alloc_point now = {.time_ns = time_ns,
					   .calls = calls,
					   .bytes = calls * 1000,
					   .live_bytes = 2500000,
					   .rss_bytes = 7000000};

	pb_interval_tick(&interval, out, &now, calls / 2, 1.25);
}

static uint32_t lines(void)
{
	uint32_t n = 0;

	fflush(out);
	for (const char *p = text; p && *p; p++)
		n += *p == '\n';
	return n;
}

static void a_line_tells_rates_since_the_one_before(void **state)
{
	(void)state;
	tick(SECOND / 2, 1000);
	assert_int_equal(lines(), 0);
	tick(SECOND, 2000);
	assert_int_equal(lines(), 2); /* and the heading */
	tick(3 * SECOND, 6000);
	assert_non_null(strstr(text, "      3.0         2000        2.0         1000"
				     "        2.5        7.0    1.2\n"));
}

static void late_ticks_do_not_add_up(void **state)
{
	uint64_t t;

	(void)state;
	/* Every 130 ms, so that no tick is on time. */
	for (t = 0; t <= 10 * SECOND; t += 130000000)
		tick(t, t);
	assert_int_equal(lines(), 1 + 9);
}

static void the_heading_comes_again(void **state)
{
	uint64_t t;

	(void)state;
	for (t = 1; t <= 45; t++)
		tick(t * SECOND, t);
	assert_int_equal(lines(), 45 + 3);
}

static void before_a_table_there_is_a_heading_each_time(void **state)
{
	(void)state;
	interval.with_tables = true;
	tick(SECOND, 1);
	tick(2 * SECOND, 2);
	assert_int_equal(lines(), 4);
}

static void the_caller_is_told_when_it_was_time(void **state)
{
	const struct pb_alloc_point early = {.time_ns = SECOND / 2}, due = {.time_ns = SECOND};

	(void)state;
	assert_false(pb_interval_tick(&interval, out, &early, 0, 0));
	assert_true(pb_interval_tick(&interval, out, &due, 0, 0));
	assert_false(pb_interval_tick(&interval, out, &due, 0, 0));
}

static void without_an_interval_there_are_no_lines(void **state)
{
	(void)state;
	interval.every_ns = 0;
	tick(5 * SECOND, 1);
	assert_int_equal(lines(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_tells_rates_since_the_one_before, setup,
						teardown),
		cmocka_unit_test_setup_teardown(late_ticks_do_not_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(the_heading_comes_again, setup, teardown),
		cmocka_unit_test_setup_teardown(before_a_table_there_is_a_heading_each_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_caller_is_told_when_it_was_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_an_interval_there_are_no_lines, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
