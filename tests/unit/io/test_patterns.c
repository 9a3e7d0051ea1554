/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/patterns.h"

#include <jansson.h>

#include "tests/unit/io/sample_book.h"
#include "user/core/idtable.h"
#include "user/core/own.h"
#include "user/io/tell.h"

/* Whether @kind is found; @evidence: a part of its sentence, or NULL. */
static bool has(struct sample *s, enum pb_io_pattern_kind kind, const char *evidence)
{
	pb_auto(pb_idtable) struct pb_idtable *hasher = NULL;
	pb_autofree struct pb_io_pattern *found = NULL;
	struct pb_io_teller t = {.book = &s->book, .p = s->p};
	bool is_there = false;
	uint32_t n = 0;

	assert_int_equal(pb_idtable_new(&hasher), 0);
	t.hasher = hasher;
	assert_int_equal(pb_io_patterns_find(&t, 100, &found, &n), 0);
	for (uint32_t i = 0; i < n; i++) {
		if (found[i].kind != kind)
			continue;
		is_there = true;
		if (evidence && !strstr(found[i].evidence, evidence))
			fail_msg("\"%s\" is not in \"%s\"", evidence, found[i].evidence);
	}
	return is_there;
}

static struct pb_io_line *add(struct sample *s, const char *stack, uint32_t disk, uint32_t op,
			      uint64_t ino, uint64_t ops, uint64_t bytes)
{
	return sample_line_of(s, s->redis, stack, disk, op, ino, ops, bytes, 100);
}

static void many_small_ones_behind_each_other_could_be_larger(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *l = add(s, "main;append", SDA, PB_IO_WRITE, 5, 100, 4096);
	struct pb_io_group was;

	l->group.sequential = 95;
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL,
			"95 % of 100 writes began where the one before had ended, with 4,096 bytes "
			"on average; together they took 10.0 ms, 100.0 % of the time of all I/O"));
	assert_false(has(s, PB_IO_RANDOM_READS, NULL));
	was = l->group;
	l->group.sequential = 79;
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group = was;
	l->group.bytes = 100 * 16385;
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group = was;
	l->group.sizes[4] = 70;
	l->group.sizes[10] = 30;
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group = was;
	l->group.leaf.op = PB_IO_DISCARD;
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group = was;
	l->group.leaf.disk = 0;
	l->group.leaf.op = PB_IO_CALL_READ;
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL, "100 read calls"));
}

static void blocks_read_again_want_a_cache(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *l = add(s, "main;scan", SDA, PB_IO_READ, 5, 1000, 131072);

	l->group.repeated = 600;
	assert_true(has(s, PB_IO_REPEATED_READS, "600 of 1,000 reads (60 %)"));
	l->group.repeated = 490;
	assert_false(has(s, PB_IO_REPEATED_READS, NULL));
	l->group.repeated = 600;
	l->group.leaf.op = PB_IO_WRITE;
	assert_false(has(s, PB_IO_REPEATED_READS, NULL));
}

static void small_reads_here_and_there_could_be_asked_for_before(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *a = add(s, "main;lookup", SDA, PB_IO_READ, 5, 100, 8192);
	struct pb_io_line *b = add(s, "main;lookup", SDA, PB_IO_READ, 6, 100, 8192);

	a->group.sequential = 10;
	b->group.sequential = 10;
	assert_true(has(s, PB_IO_RANDOM_READS, "only 10 % of 200 reads"));
	assert_true(has(s, PB_IO_RANDOM_READS, "8,192 bytes on average; each took 100.0 us"));
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	assert_false(has(s, PB_IO_N_PLUS_ONE, NULL));
	b->group.sequential = 60;
	assert_false(has(s, PB_IO_RANDOM_READS, NULL));
	b->group.sequential = 10;
	a->group.leaf.op = b->group.leaf.op = PB_IO_WRITE;
	assert_false(has(s, PB_IO_RANDOM_READS, NULL));
	a->group.leaf.op = b->group.leaf.op = PB_IO_READ;
	a->group.bytes = b->group.bytes = 100 * 65536;
	assert_false(has(s, PB_IO_RANDOM_READS, NULL));
}

static void a_sync_for_each_write_is_told_by_calls(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *sync, *write;

	s->book.has_calls = true;
	sync = add(s, "main;commit;libc:fdatasync", 0, PB_IO_CALL_FDATASYNC, 5, 100, 0);
	write = add(s, "main;append;libc:write", 0, PB_IO_CALL_WRITE, 5, 100, 30);
	add(s, "main;append;libc:pwrite", 0, PB_IO_CALL_PWRITE, 5, 100, 30);
	assert_true(has(s, PB_IO_FSYNC_PER_WRITE,
			"100 calls of fsync or fdatasync for 200 write calls on the file, one for "
			"each 2.0; each took 100.0 us, together 33.3 % of the time of all calls"));
	write->group.ops = 301;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	write->group.ops = 100;
	/* another file, another process, a file that nobody knows */
	sync->group.leaf.ino = 6;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	sync->group.leaf.ino = 5;
	sync->process = s->worker;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	sync->process = s->redis;
	sync->group.leaf.ino = write->group.leaf.ino = 0;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
}

static void a_flush_for_each_write_is_told_by_requests(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *flush = add(s, "main;commit", SDA, PB_IO_FLUSH, 0, 50, 0);
	struct pb_io_line *write = add(s, "main;append", SDA, PB_IO_WRITE, 5, 100, 65536);
	struct pb_io_line *fua = add(s, "main;append", SDA, PB_IO_WRITE, 5, 40, 65536);

	flush->group.leaf.owner = PB_IO_OWNER_FLUSHER;
	fua->group.leaf.flags = PB_IO_FUA;
	assert_true(has(s, PB_IO_FSYNC_PER_WRITE,
			"90 flushes or writes through the device's cache for 100 writes to the "
			"device, one for each 1.1"));
	write->group.ops = 1000;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	write->group.ops = 100;
	flush->group.leaf.disk = fua->group.leaf.disk = SDB;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	flush->group.leaf.disk = fua->group.leaf.disk = SDA;
	flush->group.leaf.owner = fua->group.leaf.owner = PB_IO_OWNER_KERNEL;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
	flush->group.leaf.owner = fua->group.leaf.owner = PB_IO_OWNER_FLUSHER;
	/* where calls are timed they tell it better */
	s->book.has_calls = true;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
}

/* Nobody was told apart: still the device's own numbers. */
static void flushes_are_told_without_owners(void **state)
{
	struct sample *s = *state;

	s->book.attributes = false;
	sample_line(s, SDA, PB_IO_FLUSH, 0, 50, 0, 300);
	sample_line(s, SDA, PB_IO_WRITE, 0, 50, 4096, 300)->group.sequential = 50;
	assert_true(has(s, PB_IO_FSYNC_PER_WRITE, "50 flushes"));
	/* but what a stack does is not known */
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
}

static void writes_that_each_wait_are_as_synced_ones(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *l = add(s, "main;log;libc:write", 0, PB_IO_CALL_WRITE, 5, 100, 512);

	s->book.has_calls = true;
	l->group.queued = 99;
	assert_true(has(s, PB_IO_FSYNC_PER_WRITE, "99 % of 100 write calls slept for I/O"));
	l->group.queued = 50;
	assert_false(has(s, PB_IO_FSYNC_PER_WRITE, NULL));
}

static void a_read_call_per_item_on_one_file(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *l = add(s, "main;item;libc:pread", 0, PB_IO_CALL_PREAD, 5, 500, 200);

	s->book.has_calls = true;
	l->group.sequential = 5;
	assert_true(has(s, PB_IO_N_PLUS_ONE,
			"500 pread calls of one call path on one file, with 200 bytes on average, "
			"1 % of them where"));
	l->group.sequential = 450;
	assert_false(has(s, PB_IO_N_PLUS_ONE, NULL));
	l->group.sequential = 5;
	l->group.leaf.op = PB_IO_CALL_PWRITE;
	assert_false(has(s, PB_IO_N_PLUS_ONE, NULL));
}

static void a_file_per_item(void **state)
{
	struct sample *s = *state;

	s->book.has_calls = true;
	for (uint64_t i = 1; i <= 40; i++)
		add(s, "main;load;libc:read", 0, PB_IO_CALL_READ, i, 2, 700)->group.sequential = 1;
	assert_true(
		has(s, PB_IO_N_PLUS_ONE, "80 read calls of one call path on 40 files, 2.0 each"));
	for (uint32_t i = 0; i < s->book.n_lines; i++)
		s->book.lines[i].group.leaf.ino = 1 + i % 10;
	assert_false(has(s, PB_IO_N_PLUS_ONE, NULL));
}

static void too_little_is_no_evidence(void **state)
{
	struct sample *s = *state;
	struct pb_io_line *l = add(s, "main;append", SDA, PB_IO_WRITE, 5, 30, 4096), *big;

	l->group.sequential = 30;
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group.ops = 29;
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	l->group.ops = 30;
	big = add(s, "main;bulk", SDA, PB_IO_WRITE, 6, 5000, 1 << 20);
	assert_false(has(s, PB_IO_SMALL_SEQUENTIAL, NULL));
	/* one per cent of one of the three will do */
	big->group.time_ns = l->group.time_ns;
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL, "50.0 %"));
	/* calls are no part of the whole of requests */
	big->group.leaf.disk = 0;
	big->group.leaf.op = PB_IO_CALL_WRITE;
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL, "100.0 %"));
}

static void threads_of_a_process_are_one(void **state)
{
	struct sample *s = *state;

	for (int i = 0; i < 20; i++) {
		char comm[16];
		int len = snprintf(comm, sizeof(comm), "io-%d", i);
		uint32_t process =
			pb_profile_process(s->p, 100, pb_profile_string(s->p, comm, (size_t)len));

		sample_line_of(s, process, "main;append", SDA, PB_IO_WRITE, 5, 10, 4096, 100)
			->group.sequential = 9;
	}
	assert_true(has(s, PB_IO_SMALL_SEQUENTIAL, "90 % of 200 writes"));
}

static const json_t *pattern(const json_t *json, size_t i)
{
	return json_array_get(json_object_get(json, "patterns"), i);
}

static const char *text(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static void the_largest_share_comes_first_and_says_where(void **state)
{
	struct sample *s = *state;
	pb_autofree char *out = NULL;
	struct pb_io_line *l;
	json_t *json;

	l = add(s, "main;serve;?;append;libc:write;kernel:ksys_write", SDA, PB_IO_WRITE, 5, 100,
		4096);
	l->group.sequential = 100;
	l = add(s, "main;scan", SDA, PB_IO_READ, 6, 300, 131072);
	l->group.repeated = 300;
	l = add(s, "main;rare", SDA, PB_IO_READ, 6, 50, 131072);
	l->group.repeated = 50;
	assert_int_equal(pb_io_book_json(&s->book, s->p, 2, &out), 0);
	json = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	assert_int_equal(json_array_size(json_object_get(json, "patterns")), 2);
	assert_string_equal(text(pattern(json, 0), "kind"), "repeated_reads");
	assert_string_equal(text(pattern(json, 1), "kind"), "small_sequential");
	assert_string_equal(text(pattern(json, 1), "where"), "append ← serve ← main");
	assert_string_equal(text(pattern(json, 1), "file"), "inode 5 on 8:1");
	assert_string_equal(text(pattern(json, 1), "comm"), "redis");
	assert_int_equal(json_integer_value(json_object_get(pattern(json, 1), "pid")), 100);
	assert_int_equal(json_integer_value(json_object_get(pattern(json, 1), "ops")), 100);
	assert_int_equal(json_integer_value(json_object_get(pattern(json, 1), "bytes")), 409600);
	assert_int_equal(json_array_size(json_object_get(pattern(json, 1), "frames")), 6);
	json_decref(json);
	for (int kind = 0; kind < PB_IO_PATTERN_KINDS; kind++)
		assert_true(pb_io_pattern_name(kind)[0]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sample_setup, sample_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_small_ones_behind_each_other_could_be_larger),
		TEST(blocks_read_again_want_a_cache),
		TEST(small_reads_here_and_there_could_be_asked_for_before),
		TEST(a_sync_for_each_write_is_told_by_calls),
		TEST(a_flush_for_each_write_is_told_by_requests),
		TEST(flushes_are_told_without_owners),
		TEST(writes_that_each_wait_are_as_synced_ones),
		TEST(a_read_call_per_item_on_one_file),
		TEST(a_file_per_item),
		TEST(too_little_is_no_evidence),
		TEST(threads_of_a_process_are_one),
		TEST(the_largest_share_comes_first_and_says_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
