/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/readall.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/own.h"

#define BIG 1000003

/* A file of @size bytes that count up. */
static int new_file(size_t size)
{
	int fd = memfd_create("readall", MFD_CLOEXEC);
	size_t i;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (size) {
		uint8_t *bytes = mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);

		assert_true(bytes != MAP_FAILED);
		for (i = 0; i < size; i++)
			bytes[i] = (uint8_t)(i % 251);
		munmap(bytes, size);
	}
	return fd;
}

static void everything_is_read(void **state)
{
	static const size_t sizes[] = {0, 1, 256 << 10, BIG};
	size_t i, j;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(sizes); i++) {
		pb_autoclose int fd = new_file(sizes[i]);
		pb_autofree char *text = NULL;
		size_t len = 99;

		assert_int_equal(pb_read_all(fd, BIG, &text, &len), 0);
		assert_int_equal(len, sizes[i]);
		for (j = 0; j < len; j++)
			if ((uint8_t)text[j] != j % 251)
				fail_msg("byte %zu differs", j);
	}
}

static void more_than_the_bound_is_refused(void **state)
{
	pb_autoclose int fd = new_file(1001);
	char *text = NULL;
	size_t len;

	(void)state;
	assert_int_equal(pb_read_all(fd, 1000, &text, &len), -EFBIG);
	assert_null(text);
}

static void a_file_without_end_is_refused(void **state)
{
	pb_autoclose int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t len;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pb_read_all(fd, 1 << 20, &text, &len), -EFBIG);
	assert_null(text);
}

static void an_error_of_read_is_given_back(void **state)
{
	pb_autoclose int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *text = NULL;
	size_t len;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pb_read_all(fd, 100, &text, &len), -EISDIR);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(more_than_the_bound_is_refused),
		cmocka_unit_test(a_file_without_end_is_refused),
		cmocka_unit_test(an_error_of_read_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
