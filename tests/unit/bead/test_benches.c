/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What looks like a benchmark in a directory. */
#include "tests/unit/bead/store_fixture.h"

#include "user/bead/benches.h"

static void put(const char *path, const char *text, mode_t mode)
{
	char whole[256];
	int fd;

	snprintf(whole, sizeof(whole), "%s/%s", scratch, path);
	fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void folder(const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", scratch, path);
	assert_int_equal(mkdir(whole, 0700), 0);
}

static void words_are(char *const *command, const char *expected)
{
	char line[256] = "";

	for (; *command; command++) {
		strncat(line, *command, sizeof(line) - strlen(line) - 1);
		strncat(line, command[1] ? " " : "", sizeof(line) - strlen(line) - 1);
	}
	assert_string_equal(line, expected);
}

static void an_empty_directory_has_none(void **state)
{
	struct pb_benches b;

	(void)state;
	assert_int_equal(pb_benches_find(&b, scratch), 0);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.left_out, 0);
	pb_benches_drop(&b);
}

static void they_are_in_order_and_their_names_are_different(void **state)
{
	struct pb_benches b;

	(void)state;
	folder("bench");
	folder("bin");
	put("bench/Sort.sh", "#!/usr/bin/env bash\n", 0644);
	put("bench/sort", "#!/bin/sh\n", 0755);
	put("bin/-bench", "", 0755);
	put("Makefile", "bench:\n", 0644);
	assert_int_equal(pb_benches_find(&b, scratch), 0);
	assert_int_equal(b.n, 3);
	assert_int_equal(b.left_out, 1);
	assert_string_equal(b.names[0], "sort");
	words_are(b.commands[0], "bash bench/Sort.sh");
	assert_string_equal(b.names[1], "sort-2");
	words_are(b.commands[1], "bench/sort");
	assert_string_equal(b.names[2], "bench");
	words_are(b.commands[2], "bin/-bench");
	pb_benches_drop(&b);
}

static void what_is_no_program_is_passed_over(void **state)
{
	struct pb_benches b;

	(void)state;
	folder("bench");
	folder("bench/folder.sh");
	put("bench/.hidden", "", 0755);
	put("bench/data.csv", "", 0644);
	put("bench/a b", "", 0755);
	put("bench/\xff", "", 0755);
	put("bench.c", "", 0644);
	put("benchmark.sh", "", 0644);
	put("program", "", 0755);
	put("bin", "a file", 0755);
	assert_int_equal(pb_benches_find(&b, scratch), 0);
	assert_int_equal(b.n, 0);
	pb_benches_drop(&b);
}

static void a_target_is_no_variable_and_no_recipe(void **state)
{
	static const struct {
		const char *text;
		const char *command;
	} files[] = {
		{"all:\nbench : all\n\trun\n", "make --silent bench"},
		{"benchmark:: all", "make --silent benchmark"},
		{"bench := 1\n", NULL},
		{"bench ::= 1\n", NULL},
		{"all:\n\tbench: x\n", NULL},
		{"benches:\n", NULL},
		{"#bench:\n", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct pb_benches b;

		put("Makefile", files[i].text, 0644);
		assert_int_equal(pb_benches_find(&b, scratch), 0);
		assert_int_equal(b.n, files[i].command ? 1 : 0);
		if (b.n)
			words_are(b.commands[0], files[i].command);
		pb_benches_drop(&b);
	}
}

static void names_are_made_of_what_fits(void **state)
{
	char name[9];

	(void)state;
	pb_bench_name(name, sizeof(name), "/usr/bin/Make-It", "main");
	assert_string_equal(name, "make-it");
	pb_bench_name(name, sizeof(name), "a-very-long-name", "main");
	assert_string_equal(name, "a-very-l");
	pb_bench_name(name, sizeof(name), "_..", "main");
	assert_string_equal(name, "main");
	pb_bench_name(name, sizeof(name), "x/", "main");
	assert_string_equal(name, "main");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(an_empty_directory_has_none),
		store_test(they_are_in_order_and_their_names_are_different),
		store_test(what_is_no_program_is_passed_over),
		store_test(a_target_is_no_variable_and_no_recipe),
		cmocka_unit_test(names_are_made_of_what_fits),
	};

	return cmocka_run_group_tests_name("benches", tests, NULL, NULL);
}
