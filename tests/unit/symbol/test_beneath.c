/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/beneath.h"

#include <errno.h>

#include "tests/unit/symbol/debug_fixture.h"
#include "user/core/own.h"

static int open_in(const char *root_path, const char *path, bool follow)
{
	pb_autoclose int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(root >= 0);
	return pb_beneath_open(root, path, follow);
}

static void expect_open(const char *path, bool follow, int err)
{
	pb_autoclose int fd = open_in(fixture_dir, path, follow);

	if (err)
		assert_int_equal(fd, err);
	else
		assert_true(fd >= 0);
}

static void links_are_followed_only_if_asked_and_within_the_root(void **state)
{
	(void)state;
	fixture_run("mkdir dir; ln -s /prog dir/absolute; ln -s ../../../prog dir/climbing\n"
		    "ln -s /etc/passwd dir/outside; ln -s /dir dirs");
	expect_open("prog", false, 0);
	expect_open("/../../prog", false, 0);
	expect_open("dir/absolute", false, -ELOOP);
	expect_open("dir/absolute", true, 0);
	expect_open("dirs/climbing", true, 0);
	expect_open("dir/outside", true, -ENOENT);
	expect_open("dir/none", true, -ENOENT);
}

static void what_is_opened_can_be_read_and_not_written(void **state)
{
	pb_autoclose int fd = open_in(fixture_dir, "prog.c", false);
	char byte;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'i');
	assert_int_equal(write(fd, &byte, 1), -1);
}

static void what_is_no_plain_file_is_never_opened(void **state)
{
	(void)state;
	fixture_run("mkfifo fifo; mkdir -p folder");
	expect_open("fifo", true, -EINVAL);
	expect_open("folder", true, -EINVAL);
	assert_int_equal(open_in("/", "dev/null", true), -EINVAL);
	/* Regular files by their type, and yet what is read from some of them is gone. */
	assert_int_equal(open_in("/", "proc/version", true), -EINVAL);
	assert_int_equal(open_in("/", "proc/self/exe", true), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_followed_only_if_asked_and_within_the_root),
		cmocka_unit_test(what_is_opened_can_be_read_and_not_written),
		cmocka_unit_test(what_is_no_plain_file_is_never_opened),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
