/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/book.h"

#include <errno.h>
#include <jansson.h>

#include "tests/unit/io/sample_book.h"
#include "user/core/own.h"

static json_t *json_of(const struct sample *s, uint32_t top)
{
	pb_autofree char *text = NULL;
	json_error_t error;
	json_t *json;

	assert_int_equal(pb_io_book_json(&s->book, s->p, top, &text), 0);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s in %s", error.text, text);
	return json;
}

static const json_t *get(const json_t *json, const char *key)
{
	const json_t *value = json_object_get(json, key);

	if (!value)
		fail_msg("there is no \"%s\"", key);
	return value;
}

static double number(const json_t *json, const char *key)
{
	const json_t *n = get(json, key);

	if (!json_is_number(n))
		fail_msg("%s is no number", key);
	return json_number_value(n);
}

static const char *text(const json_t *json, const char *key)
{
	const json_t *t = get(json, key);

	if (!json_is_string(t))
		fail_msg("%s is no text", key);
	return json_string_value(t);
}

static bool is_null(const json_t *json, const char *key)
{
	return json_is_null(get(json, key));
}

static bool near(double a, double b)
{
	return a > b * 0.98 - 0.001 && a < b * 1.02 + 0.001;
}

/* Two disks, two processes, a stack or two each. */
static void fill(struct sample *s)
{
	struct pb_io_line *l;

	l = sample_line_of(s, s->redis, "main;serve;libc:read;kernel:vfs_read", SDB, PB_IO_READ, 7,
			   2000, 4096, 100);
	l->group.leaf.flags = PB_IO_SYNC;
	l->group.leaf.cgroup = 42;
	l->group.queued = 2000;
	l->group.queue_ns = 2000 * 5000;
	l->group.max_queue_ns = 5000;
	assert_int_equal(pb_histogram_add(&l->queue, pb_histogram_index(5000), 2000), 0);
	l = sample_line_of(s, s->redis, "main;save", SDB, PB_IO_WRITE, 8, 15, 65536, 1000);
	l->group.leaf.owner = PB_IO_OWNER_DIRTIER;
	l->group.errors = 2;
	l = sample_line_of(s, s->worker, "main;work", SDA, PB_IO_READ, 7, 100, 512, 50);
	l->group.leaf.flags = PB_IO_SYNC | PB_IO_META;
	l->group.unbinned = 3;
	l = sample_line_of(s, s->worker, "main;work", SDA, PB_IO_READ, 0, 100, 511, 50);
	l->group.leaf.is_disk = 1;
	l->group.leaf.fs = SDA;
	l = sample_line(s, SDA, PB_IO_FLUSH, 0, 1, 0, 300);
	l->group.leaf.owner = PB_IO_OWNER_NONE;
	sample_line_of(s, s->redis, "main;serve;libc:read;kernel:vfs_read", 0, PB_IO_CALL_READ, 7,
		       50, 100, 10);
	l = sample_line_of(s, s->redis, "main;save", 0, PB_IO_CALL_FSYNC, 8, 4, 0, 2000);
	l->group.queued = 4;
	l->group.queue_ns = 5000000;
	l->group.blocked_ns = 1000000;
}

static void a_device_has_a_row_for_each_operation(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *rows, *row;

	fill(s);
	json = json_of(s, 10);
	rows = get(json, "latency");
	assert_int_equal(json_array_size(rows), 4);
	row = json_array_get(rows, 0);
	assert_string_equal(text(row, "device"), "8:0");
	assert_string_equal(text(row, "op"), "read");
	assert_string_equal(text(row, "flags"), "");
	assert_int_equal(number(row, "count"), 200);
	assert_int_equal(number(row, "bytes"), 102300);
	assert_true(number(row, "iops") == 100);
	assert_true(number(row, "bytes_per_s") == 51150);
	assert_int_equal(number(row, "unbinned"), 3);
	assert_true(is_null(row, "queue_us"));
	assert_true(is_null(row, "p999_us"));
	assert_true(near(number(row, "p99_us"), 50));
	assert_int_equal(json_array_size(get(row, "sizes")), 2);
	assert_int_equal(
		json_integer_value(json_array_get(json_array_get(get(row, "sizes"), 0), 0)), 0);
	assert_int_equal(
		json_integer_value(json_array_get(json_array_get(get(row, "sizes"), 1), 0)), 512);
	assert_string_equal(text(json_array_get(rows, 1), "op"), "flush");
	assert_true(is_null(json_array_get(rows, 1), "p50_us"));
	assert_true(number(json_array_get(rows, 1), "max_us") == 300);
	row = json_array_get(rows, 2);
	assert_string_equal(text(row, "device"), "8:16");
	assert_true(near(number(row, "p999_us"), 102));
	assert_true(near(number(row, "mean_us"), 101));
	assert_int_equal(number(get(row, "queue_us"), "count"), 2000);
	assert_true(number(get(row, "queue_us"), "p999_us") <= 5);
	assert_true(number(get(row, "queue_us"), "mean_us") == 5);
	row = json_array_get(rows, 3);
	assert_string_equal(text(row, "op"), "write");
	assert_int_equal(number(row, "errors"), 2);
	assert_true(is_null(row, "p95_us"));
	json_decref(json);
}

static void histograms_add_up_to_the_count(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *row, *bucket;
	size_t i, k;

	fill(s);
	json = json_of(s, 10);
	json_array_foreach(get(json, "latency"), i, row)
	{
		double sum = 0, sizes = 0, last = -1;

		json_array_foreach(get(row, "histogram"), k, bucket)
		{
			assert_true(json_number_value(json_array_get(bucket, 0)) > last);
			last = json_number_value(json_array_get(bucket, 0));
			assert_true(json_number_value(json_array_get(bucket, 1)) > last);
			sum += json_number_value(json_array_get(bucket, 2));
		}
		json_array_foreach(get(row, "sizes"), k, bucket) sizes +=
			json_number_value(json_array_get(bucket, 1));
		assert_true(sum == number(row, "count"));
		assert_true(sizes == number(row, "count"));
	}
	json_decref(json);
}

static void flags_split_rows_if_asked_for(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *rows;

	fill(s);
	s->book.split_flags = true;
	json = json_of(s, 10);
	rows = get(json, "latency");
	assert_int_equal(json_array_size(rows), 5);
	assert_string_equal(text(json_array_get(rows, 0), "flags"), "");
	assert_string_equal(text(json_array_get(rows, 1), "flags"), "sync meta");
	json_decref(json);
}

static double sum_of(const json_t *rows, const char *key)
{
	const json_t *row;
	double sum = 0;
	size_t i;

	json_array_foreach(rows, i, row) sum += number(row, key);
	return sum;
}

static void a_view_of_any_size_adds_up_to_all(void **state)
{
	struct sample *s = *state;

	fill(s);
	for (int by = PB_IO_BY_PROCESS; by <= PB_IO_BY_CGROUP; by++) {
		for (uint32_t top = 0; top < 7; top++) {
			json_t *json;
			const json_t *rows;

			s->book.by = (enum pb_io_by)by;
			json = json_of(s, top);
			rows = get(get(json, "view"), "rows");
			assert_true(json_array_size(rows) <= top + 1);
			assert_int_equal(sum_of(rows, "count"), 2216);
			assert_int_equal(sum_of(rows, "bytes"), 2000 * 4096 + 15 * 65536 + 102300);
			assert_true(near(sum_of(rows, "share_pct"), 100));
			assert_int_equal(sum_of(rows, "count"),
					 sum_of(get(json, "latency"), "count"));
			json_decref(json);
		}
	}
	s->book.by = PB_IO_BY_DEVICE;
	json_t *json = json_of(s, 3);

	assert_null(json_object_get(json, "view"));
	json_decref(json);
}

static void rows_of_a_view_say_who(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *rows, *row;

	fill(s);
	s->book.by = PB_IO_BY_PROCESS;
	json = json_of(s, 2);
	assert_string_equal(text(get(json, "view"), "by"), "process");
	rows = get(get(json, "view"), "rows");
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(text(json_array_get(rows, 0), "who"), "redis");
	assert_int_equal(number(json_array_get(rows, 0), "pid"), 100);
	assert_string_equal(text(json_array_get(rows, 0), "op"), "read");
	assert_string_equal(text(json_array_get(rows, 1), "op"), "write");
	row = json_array_get(rows, 2);
	assert_string_equal(text(row, "who"), "others");
	assert_null(json_object_get(row, "pid"));
	assert_string_equal(text(row, "device"), "8:0");
	assert_string_equal(text(row, "op"), "");
	json_decref(json);

	s->book.by = PB_IO_BY_FILE;
	json = json_of(s, 10);
	rows = get(get(json, "view"), "rows");
	assert_string_equal(text(json_array_get(rows, 0), "who"), "inode 7 on 8:1");
	assert_null(json_object_get(json_array_get(rows, 0), "pid"));
	assert_string_equal(text(json_array_get(rows, 3), "who"), "/dev/block/8:0");
	assert_string_equal(text(json_array_get(rows, 4), "who"), "[no file known]");
	json_decref(json);

	s->book.by = PB_IO_BY_STACK;
	json = json_of(s, 10);
	rows = get(get(json, "view"), "rows");
	row = json_array_get(rows, 0);
	assert_string_equal(text(row, "who"), "serve ← main");
	assert_int_equal(json_array_size(get(row, "frames")), 4);
	assert_string_equal(json_string_value(json_array_get(get(row, "frames"), 0)), "main");
	assert_string_equal(json_string_value(json_array_get(get(row, "frames"), 3)), "vfs_read");
	row = json_array_get(rows, 3);
	assert_string_equal(text(row, "who"), "[no stack known]");
	assert_int_equal(json_array_size(get(row, "frames")), 0);
	json_decref(json);

	s->book.by = PB_IO_BY_CGROUP;
	json = json_of(s, 10);
	rows = get(get(json, "view"), "rows");
	assert_string_equal(text(json_array_get(rows, 0), "who"), "cgroup 42");
	assert_string_equal(text(json_array_get(rows, 1), "who"), "[no cgroup known]");
	json_decref(json);
}

/* A process whose threads have names of their own; one place in code at two addresses; a file made anew. */
static void what_has_one_name_is_one_row(void **state)
{
	struct sample *s = *state;
	uint32_t io = pb_profile_process(s->p, 100, pb_profile_string(s->p, "io", 2)), location;
	struct pb_io_line *l;
	struct pb_io_leaf leaf;
	json_t *json;

	sample_line_of(s, s->redis, "main;a", SDA, PB_IO_READ, 7, 10, 512, 10);
	l = sample_line_of(s, io, "main;a", SDA, PB_IO_READ, 7, 10, 512, 10);
	leaf = l->group.leaf;
	location = pb_profile_location(s->p, s->app, 99, false);
	pb_profile_set_lines(
		s->p, location,
		&s->p->lines[s->p->locations[s->p->nodes[l->node].location].first_line], 1);
	l->node = pb_profile_node(s->p, s->p->nodes[l->node].parent, location);
	assert_int_equal(leaf.ino, 7);
	s->book.by = PB_IO_BY_PROCESS;
	json = json_of(s, 10);
	assert_int_equal(json_array_size(get(get(json, "view"), "rows")), 2);
	json_decref(json);
	s->book.by = PB_IO_BY_STACK;
	json = json_of(s, 10);
	assert_int_equal(json_array_size(get(get(json, "view"), "rows")), 1);
	json_decref(json);
}

static void calls_tell_where_their_time_went(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *rows, *row;

	fill(s);
	json = json_of(s, 10);
	assert_null(json_object_get(json, "calls"));
	json_decref(json);
	s->book.has_calls = true;
	json = json_of(s, 10);
	rows = get(json, "calls");
	assert_int_equal(json_array_size(rows), 2);
	row = json_array_get(rows, 0);
	assert_string_equal(text(row, "call"), "fsync");
	assert_null(json_object_get(row, "who"));
	assert_int_equal(number(row, "waited"), 4);
	assert_true(number(row, "io_wait_us") == 5000);
	assert_true(number(row, "blocked_us") == 1000);
	assert_true(near(number(row, "cpu_us"), 2000));
	assert_true(near(sum_of(rows, "share_pct"), 100));
	assert_true(is_null(row, "p90_us"));
	json_decref(json);

	s->book.by = PB_IO_BY_PROCESS;
	s->book.lines[s->book.n_lines - 1].group.blocked_ns = UINT64_MAX;
	json = json_of(s, 1);
	rows = get(json, "calls");
	assert_string_equal(text(json_array_get(rows, 0), "who"), "redis");
	assert_int_equal(number(json_array_get(rows, 0), "pid"), 100);
	assert_true(number(json_array_get(rows, 0), "cpu_us") == 0);
	assert_string_equal(text(json_array_get(rows, 1), "who"), "others");
	assert_string_equal(text(json_array_get(rows, 1), "call"), "read");
	json_decref(json);
}

static void slow_ones_say_when_what_and_who(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *slow, *one;

	fill(s);
	json = json_of(s, 10);
	assert_null(json_object_get(json, "slow"));
	assert_true(is_null(get(json, "io"), "slower_us"));
	json_decref(json);
	s->book.slower_ns = 10000000;
	s->book.n_slower = 77;
	s->book.n_slow = 3;
	s->book.slow = calloc(3, sizeof(*s->book.slow));
	s->book.slow[0] = (struct pb_io_exemplar){.line = 0,
						  .slow = {.end_ns = 1234568000,
							   .time_ns = 30000000,
							   .queue_ns = 1500,
							   .at = 2048,
							   .bytes = 4096,
							   .tid = 101,
							   .depth = 3,
							   .error = EIO}};
	s->book.slow[1] = (struct pb_io_exemplar){
		.line = 6, .slow = {.end_ns = 500, .time_ns = 20000000, .at = UINT64_MAX}};
	s->book.slow[2] = (struct pb_io_exemplar){.line = PB_NONE, .slow = {.error = 9999}};
	json = json_of(s, 10);
	assert_int_equal(number(json, "slow_total"), 77);
	assert_true(number(get(json, "io"), "slower_us") == 10000);
	slow = get(json, "slow");
	assert_int_equal(json_array_size(slow), 3);
	one = json_array_get(slow, 0);
	assert_string_equal(text(one, "at"), "2023-11-14T22:13:21.234568Z");
	assert_true(number(one, "since_start_us") == 1234567);
	assert_string_equal(text(one, "device"), "8:16");
	assert_string_equal(text(one, "flags"), "sync");
	assert_int_equal(number(one, "sector"), 2048);
	assert_null(json_object_get(one, "offset"));
	assert_true(number(one, "time_us") == 30000);
	assert_true(number(one, "queue_us") == 1.5);
	assert_int_equal(number(one, "pid"), 100);
	assert_int_equal(number(one, "tid"), 101);
	assert_string_equal(text(one, "comm"), "redis");
	assert_string_equal(text(one, "file"), "inode 7 on 8:1");
	assert_string_equal(text(one, "error"), "EIO");
	assert_int_equal(json_array_size(get(one, "frames")), 4);
	one = json_array_get(slow, 1);
	assert_true(is_null(one, "device"));
	assert_true(is_null(one, "offset"));
	assert_string_equal(text(one, "op"), "fsync");
	assert_string_equal(text(one, "error"), "");
	assert_true(number(one, "since_start_us") == -0.5);
	assert_string_equal(text(one, "at"), "2023-11-14T22:13:20.000000Z");
	one = json_array_get(slow, 2);
	assert_string_equal(text(one, "device"), "");
	assert_true(is_null(one, "pid"));
	assert_string_equal(text(one, "error"), "errno 9999");
	json_decref(json);
	/* A trace needs them all. */
	json = json_of(s, 1);
	assert_int_equal(json_array_size(get(json, "slow")), 3);
	json_decref(json);
}

static void attribution_tells_what_it_does_not_know(void **state)
{
	struct sample *s = *state;
	json_t *json;
	const json_t *a;

	fill(s);
	s->book.lines[2].group.leaf.owner = PB_IO_OWNER_KERNEL;
	json = json_of(s, 10);
	a = get(json, "attribution");
	assert_int_equal(number(get(a, "submitter"), "ops"), 2100);
	assert_int_equal(number(get(a, "dirtier"), "bytes"), 15 * 65536);
	assert_int_equal(number(get(a, "flusher"), "ops"), 0);
	assert_int_equal(number(get(a, "kernel"), "ops"), 100);
	assert_int_equal(number(get(a, "none"), "ops"), 1);
	assert_int_equal(number(a, "file_known_ops"), 2215);
	assert_true(near(number(a, "unattributed_pct"), 100.0 * 101 / 2216));
	json_decref(json);
	s->book.attributes = false;
	json = json_of(s, 10);
	assert_null(json_object_get(json, "attribution"));
	json_decref(json);
}

static void a_book_of_nothing_is_whole(void **state)
{
	struct sample *s = *state;
	json_t *json;

	s->book.has_calls = true;
	s->book.by = PB_IO_BY_FILE;
	s->book.duration_ns = 0;
	s->book.slower_ns = 1;
	s->book.in_flight = 5;
	s->book.tally.paths_lost = 6;
	json = json_of(s, 10);
	assert_int_equal(json_array_size(get(json, "latency")), 0);
	assert_int_equal(json_array_size(get(get(json, "view"), "rows")), 0);
	assert_int_equal(json_array_size(get(json, "calls")), 0);
	assert_int_equal(json_array_size(get(json, "slow")), 0);
	assert_int_equal(json_array_size(get(json, "patterns")), 0);
	assert_true(number(get(json, "attribution"), "unattributed_pct") == 0);
	assert_int_equal(number(get(json, "io"), "in_flight_at_end"), 5);
	assert_int_equal(number(get(json, "io"), "paths_lost"), 6);
	assert_int_equal(number(get(json, "io"), "unmatched"), 0);
	json_decref(json);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sample_setup, sample_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_has_a_row_for_each_operation),
		TEST(histograms_add_up_to_the_count),
		TEST(flags_split_rows_if_asked_for),
		TEST(a_view_of_any_size_adds_up_to_all),
		TEST(rows_of_a_view_say_who),
		TEST(what_has_one_name_is_one_row),
		TEST(calls_tell_where_their_time_went),
		TEST(slow_ones_say_when_what_and_who),
		TEST(attribution_tells_what_it_does_not_know),
		TEST(a_book_of_nothing_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
