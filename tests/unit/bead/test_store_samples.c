/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/store.h"

#include <errno.h>

#include "tests/unit/bead/store_fixture.h"

static const struct pb_run full = {
	.end = PB_RUN_SIGNALLED,
	.status = 9,
	.wall_ns = 1,
	.net_ns = 17,
	.user_ns = 2,
	.system_ns = 3,
	.own_ns = 4,
	.max_rss_bytes = 5,
	.counts = {.syscalls = 6,
		   .minor_faults = 7,
		   .major_faults = 8,
		   .voluntary_switches = 9,
		   .involuntary_switches = 10,
		   .block_reads = 11,
		   .block_writes = 12},
	.interference = {.steal_pct = 13.5, .foreign_pct = 14.5, .run_queue_pct = 15.5},
	.left_children = true,
};

static uint32_t column(struct pb_store *s, int64_t id, const char *name, double **out)
{
	uint32_t n = UINT32_MAX;

	assert_int_equal(pb_store_column(s, id, "w", name, out, &n), 0);
	return n;
}

static void expect_one(struct pb_store *s, int64_t id, const char *name, double want)
{
	double *values = NULL;

	assert_int_equal(column(s, id, name, &values), 1);
	assert_true(values[0] == want);
	free(values);
}

static void every_number_of_a_run_comes_back(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);

	(void)state;
	assert_int_equal(pb_store_sample(s, id, "w", &full, NULL), 0);
	expect_one(s, id, "wall_ns", 1);
	expect_one(s, id, "net_ns", 17);
	expect_one(s, id, "user_ns", 2);
	expect_one(s, id, "system_ns", 3);
	expect_one(s, id, "own_ns", 4);
	expect_one(s, id, "max_rss_bytes", 5);
	expect_one(s, id, "syscalls", 6);
	expect_one(s, id, "minor_faults", 7);
	expect_one(s, id, "major_faults", 8);
	expect_one(s, id, "voluntary_switches", 9);
	expect_one(s, id, "involuntary_switches", 10);
	expect_one(s, id, "block_reads", 11);
	expect_one(s, id, "block_writes", 12);
	expect_one(s, id, "steal_pct", 13.5);
	expect_one(s, id, "foreign_pct", 14.5);
	expect_one(s, id, "run_queue_pct", 15.5);
	assert_string_equal(sqlite("SELECT how || status || left_children FROM samples"),
			    "signalled91");
	pb_store_close(s);
}

static void what_is_not_known_is_null_and_left_out(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);
	const struct pb_run run = run_of(5);
	double *values = NULL;

	(void)state;
	assert_int_equal(pb_store_sample(s, id, "w", &run, NULL), 0);
	assert_int_equal(column(s, id, "syscalls", &values), 0);
	free(values);
	assert_int_equal(column(s, id, "run_queue_pct", &values), 0);
	free(values);
	expect_one(s, id, "minor_faults", 0);
	assert_string_equal(sqlite("SELECT count(*) FROM samples WHERE syscalls IS NULL"), "1");
	pb_store_close(s);
}

static void rejected_samples_are_kept_and_do_not_count(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);
	double *values = NULL;

	(void)state;
	for (uint64_t i = 1; i <= 6; i++) {
		const struct pb_run run = run_of(i * 100);

		assert_int_equal(pb_store_sample(s, id, "w", &run,
						 i == 3 ? "8 % of the time was stolen" : NULL),
				 0);
		assert_int_equal(pb_store_sample(s, id, "other", &run, NULL), 0);
	}
	assert_int_equal(count_samples(s, id, "w"), 5);
	assert_int_equal(count_samples(s, id, "nobody's"), 0);
	assert_int_equal(column(s, id, "wall_ns", &values), 5);
	assert_true(values[0] == 100 && values[1] == 200 && values[2] == 400 && values[4] == 600);
	free(values);
	assert_string_equal(sqlite("SELECT rejected FROM samples WHERE rejected NOT NULL"),
			    "8 % of the time was stolen");
	pb_store_close(s);
}

static void unknown_columns_and_runs_are_refused(void **state)
{
	struct pb_store *s = open_store();
	const struct pb_run run = run_of(1);
	double *values = NULL;
	uint32_t n = 7;

	(void)state;
	said_begin();
	assert_int_equal(pb_store_column(s, 1, "w", "wall_ns; DROP TABLE samples", &values, &n),
			 -EINVAL);
	assert_non_null(strstr(said_end(), "no column"));
	assert_int_equal(n, 7);
	said_begin();
	assert_int_equal(pb_store_sample(s, 99, "w", &run, NULL), -EINVAL);
	assert_non_null(strstr(said_end(), "FOREIGN KEY"));
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(every_number_of_a_run_comes_back),
		store_test(what_is_not_known_is_null_and_left_out),
		store_test(rejected_samples_are_kept_and_do_not_count),
		store_test(unknown_columns_and_runs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
