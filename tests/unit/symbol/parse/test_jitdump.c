/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/jitdump.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/own.h"
#include "user/symbol/shared/symtab.h"

#define PID 4711

/* A dump that is being made. Integers are written one by one, as the format has them. */
struct dump {
	unsigned char bytes[1u << 20];
	size_t len;
};

static struct dump dump;

static void put(const void *bytes, size_t n)
{
	assert_true(n <= sizeof(dump.bytes) - dump.len);
	memcpy(dump.bytes + dump.len, bytes, n);
	dump.len += n;
}

static void put32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put64(uint64_t v)
{
	put(&v, sizeof(v));
}

static void begin(void)
{
	dump.len = 0;
	put32(0x4a695444);
	put32(1);
	put32(40);
	put32(62);
	put32(0);
	put32(PID);
	put64(1);
	put64(0);
}

static void record(uint32_t id, uint32_t total_size)
{
	put32(id);
	put32(total_size);
	put64(2);
}

/* A function whose record is said to have @total_size bytes; 0: what it has. */
static void load_as(uint32_t pid, uint32_t total_size, uint64_t addr, uint64_t size, uint64_t index,
		    const char *name)
{
	uint32_t right = 56 + (uint32_t)strlen(name) + 1 + (uint32_t)size;

	record(0, total_size ? total_size : right);
	put32(pid);
	put32(pid + 1);
	put64(addr);
	put64(addr);
	put64(size);
	put64(index);
	put(name, strlen(name) + 1);
	for (uint64_t i = 0; i < size && i < 8192; i++)
		put("\xcc", 1);
}

static void load(uint64_t addr, uint64_t size, uint64_t index, const char *name)
{
	load_as(PID, 0, addr, size, index, name);
}

static void move_as(uint32_t pid, uint64_t from, uint64_t to, uint64_t size, uint64_t index)
{
	record(1, 64);
	put32(pid);
	put32(pid);
	put64(to);
	put64(from);
	put64(to);
	put64(size);
	put64(index);
}

static void move(uint64_t from, uint64_t to, uint64_t size, uint64_t index)
{
	move_as(PID, from, to, size, index);
}

static int read_dump(struct pb_symtab **out)
{
	pb_autoclose int fd = memfd_create("dump", MFD_CLOEXEC);
	struct pb_symtab *t = NULL;
	int err;

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, dump.bytes, dump.len, 0), (ssize_t)dump.len);
	assert_int_equal(pb_symtab_new(&t), 0);
	err = pb_jitdump_read(t, fd);
	assert_int_equal(pb_symtab_finish(t, 1), 0);
	*out = t;
	return err;
}

static struct pb_symtab *read_right(void)
{
	struct pb_symtab *t = NULL;

	assert_int_equal(read_dump(&t), 0);
	return t;
}

static const char *name_at(const struct pb_symtab *t, uint64_t addr)
{
	const struct pb_symbol *s = pb_symtab_find(t, addr);

	return s ? s->name : "none";
}

static void functions_are_where_they_were_loaded(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	load(0x1000, 0x20, 1, "JS:*run main.js:12:3");
	/* Lines, unwind information, and what a later version may have. */
	record(2, 16 + 8);
	put64(0x1000);
	record(4, 16 + 24);
	put("unwinding information...", 24);
	record(77, 16);
	load(0x2000, 0x10, 2, "Builtin:Add");
	t = read_right();
	assert_int_equal(pb_symtab_count(t), 2);
	assert_string_equal(name_at(t, 0x0fff), "none");
	assert_string_equal(name_at(t, 0x1000), "JS:*run main.js:12:3");
	assert_string_equal(name_at(t, 0x101f), "JS:*run main.js:12:3");
	assert_string_equal(name_at(t, 0x1020), "none");
	assert_string_equal(name_at(t, 0x200f), "Builtin:Add");
}

static void moved_code_keeps_its_name(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	load(0x1000, 0x20, 7, "first");
	load(0x2000, 0x20, 8, "second");
	move(0x1000, 0x2010, 0x20, 7);
	move(0x2010, 0x5000, 0x20, 7);
	move(0x9000, 0x6000, 0x20, 99);
	move(0x2000, 0x7000, 0, 8);
	move(0x2000, UINT64_MAX - 8, 0x20, 8);
	move_as(PID + 1, 0x2000, 0xa000, 0x20, 8);
	t = read_right();
	assert_string_equal(name_at(t, 0x2000), "second");
	assert_string_equal(name_at(t, 0x2010), "first");
	assert_string_equal(name_at(t, 0x5000), "first");
	assert_string_equal(name_at(t, 0x6000), "none");
	assert_string_equal(name_at(t, 0x7000), "none");
	assert_string_equal(name_at(t, UINT64_MAX - 8), "none");
	assert_string_equal(name_at(t, 0xa000), "none");
}

static void code_that_replaces_other_code_has_its_name(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	load(0x1000, 0x40, 1, "interpreted");
	load(0x1020, 0x40, 1, "optimised");
	move(0x1020, 0x8000, 0x40, 1);
	t = read_right();
	assert_string_equal(name_at(t, 0x101f), "interpreted");
	assert_string_equal(name_at(t, 0x1020), "optimised");
	/* The index was used again: its last name counts. */
	assert_string_equal(name_at(t, 0x8000), "optimised");
}

static void nothing_is_read_behind_the_close_record(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	load(0x1000, 0x20, 1, "before");
	record(3, 16);
	load(0x2000, 0x20, 2, "behind");
	t = read_right();
	assert_int_equal(pb_symtab_count(t), 1);
}

static void a_last_record_that_is_not_finished_is_skipped(void **state)
{
	size_t one, two;

	(void)state;
	begin();
	load(0x1000, 0x20, 1, "whole");
	one = dump.len;
	load(0x2000, 0x20, 2, "cut");
	two = dump.len;
	for (dump.len = one; dump.len < two; dump.len++) {
		struct pb_symtab *t = read_right();

		assert_int_equal(pb_symtab_count(t), 1);
		pb_symtab_free(t);
	}
}

static void hostile_records_cost_only_themselves(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	load(0x1000, 0, 1, "empty");
	load(UINT64_MAX - 4, 0x20, 2, "wraps");
	load(0x3000, 0x20, 3, "");
	load_as(PID + 1, 0, 0x4000, 0x20, 4, "of another process");
	/* The code is said to be larger than the record, as large as all behind the head, endless. */
	load_as(PID, 56 + 5 + 8192, 0x5000, 8192 + 5, 5, "over");
	load_as(PID, 56 + 5 + 8192, 0x6000, 8192 + 6, 6, "over");
	load_as(PID, 56 + 5 + 8192, 0x7000, UINT64_MAX - 0x8000, 7, "over");
	/* A load and a move without room for themselves. */
	record(0, 24);
	put64(0);
	record(1, 24);
	put64(0);
	/* Together with its neighbour this one would look like a function. */
	record(0, 24);
	put32(PID);
	put32(PID);
	record(2, 16 + 24);
	put64(4);
	put64(1);
	put("neighbr", 8);
	load(0x8000, 0x20, 8, "right");
	t = read_right();
	assert_int_equal(pb_symtab_count(t), 1);
	assert_string_equal(name_at(t, 0x8000), "right");
}

static void a_name_ends_within_its_record(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	/* The record ends before the name does: what follows is no part of it. */
	record(0, 56 + 4 + 0);
	put32(PID);
	put32(PID);
	put64(0x1000);
	put64(0x1000);
	put64(1);
	put64(1);
	put("abcd", 4);
	/* The code is no part of it either. */
	record(0, 56 + 4 + 4);
	put32(PID);
	put32(PID);
	put64(0x1800);
	put64(0x1800);
	put64(4);
	put64(1);
	put("abcdef\0h", 8);
	load(0x2000, 8, 2, "next");
	t = read_right();
	assert_int_equal(pb_symtab_count(t), 1);
	assert_string_equal(name_at(t, 0x2000), "next");
}

static void names_have_a_bound(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_autofree char *name = malloc(PB_SYMTAB_NAME_MAX + 1);

	(void)state;
	assert_non_null(name);
	memset(name, 'n', PB_SYMTAB_NAME_MAX);
	name[PB_SYMTAB_NAME_MAX] = '\0';
	begin();
	load(0x1000, 8, 1, name);
	name[PB_SYMTAB_NAME_MAX - 1] = '\0';
	load(0x2000, 8, 2, name);
	move(0x2000, 0x3000, 8, 2);
	t = read_right();
	assert_string_equal(name_at(t, 0x1000), "none");
	assert_string_equal(name_at(t, 0x2000), name);
	assert_string_equal(name_at(t, 0x3000), name);
}

/* Larger than what is read at once, so that records cross its borders. */
static void long_dumps_are_read_to_their_end(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	char name[32];

	(void)state;
	begin();
	for (uint32_t i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "function %u", i);
		load(0x10000 + i * 0x1000, 1 + i % 300, i, name);
	}
	assert_true(dump.len > 700000);
	t = read_right();
	assert_int_equal(pb_symtab_count(t), 4000);
	for (uint32_t i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "function %u", i);
		assert_string_equal(name_at(t, 0x10000 + i * 0x1000), name);
	}
}

static void a_record_that_cannot_be_ends_the_reading(void **state)
{
	static const uint32_t sizes[] = {0, 1, 15, UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(sizes); i++) {
		struct pb_symtab *t;

		begin();
		load(0x1000, 8, 1, "before");
		record(2, sizes[i]);
		load(0x2000, 8, 2, "behind");
		t = read_right();
		assert_int_equal(pb_symtab_count(t), 1);
		assert_string_equal(name_at(t, 0x1000), "before");
		pb_symtab_free(t);
	}
}

static void patch32(size_t off, uint32_t v)
{
	memcpy(dump.bytes + off, &v, sizeof(v));
}

static void other_files_are_refused(void **state)
{
	/* Magic of the other byte order, version, size of the header. */
	static const uint32_t wrong[][2] = {{0, 0x4454694a}, {0, 0},  {4, 0},
					    {4, 2},          {8, 39}, {8, 0}};
	struct pb_symtab *t = NULL;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(wrong); i++) {
		begin();
		load(0x1000, 8, 1, "f");
		patch32(wrong[i][0], wrong[i][1]);
		assert_int_equal(read_dump(&t), -EPROTO);
		assert_int_equal(pb_symtab_count(t), 0);
		pb_symtab_free(t);
	}
	for (size_t len = 0; len < 40; len++) {
		begin();
		dump.len = len;
		assert_int_equal(read_dump(&t), -EPROTO);
		pb_symtab_free(t);
	}
}

static void a_longer_header_is_stepped_over(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	begin();
	patch32(8, 48);
	put64(0);
	load(0x1000, 8, 1, "f");
	t = read_right();
	assert_string_equal(name_at(t, 0x1000), "f");
}

static void what_is_no_file_or_too_large_is_refused(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_autoclose int fd = memfd_create("dump", MFD_CLOEXEC);
	int ends[2];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pb_symtab_new(&t), 0);
	assert_int_equal(ftruncate(fd, (off_t)PB_JITDUMP_SIZE_MAX + 1), 0);
	assert_int_equal(pb_jitdump_read(t, fd), -EFBIG);
	assert_int_equal(pb_jitdump_read(t, -1), -EBADF);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pb_jitdump_read(t, ends[0]), -EPROTO);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_where_they_were_loaded),
		cmocka_unit_test(moved_code_keeps_its_name),
		cmocka_unit_test(code_that_replaces_other_code_has_its_name),
		cmocka_unit_test(nothing_is_read_behind_the_close_record),
		cmocka_unit_test(a_last_record_that_is_not_finished_is_skipped),
		cmocka_unit_test(hostile_records_cost_only_themselves),
		cmocka_unit_test(a_name_ends_within_its_record),
		cmocka_unit_test(names_have_a_bound),
		cmocka_unit_test(long_dumps_are_read_to_their_end),
		cmocka_unit_test(a_record_that_cannot_be_ends_the_reading),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(a_longer_header_is_stepped_over),
		cmocka_unit_test(what_is_no_file_or_too_large_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
