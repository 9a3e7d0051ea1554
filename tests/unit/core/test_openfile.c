/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/openfile.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "user/core/files.h"
#include "user/core/log.h"

static char dir[64];
static struct pb_opener *opener;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/pb-test-openfile-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return pb_opener_new(&opener);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	pb_opener_free(opener);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

/* No mapping is there: by the path alone. */
static struct pb_opened open_path(const char *name)
{
	static char path[128];
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(), .path = path};
	struct pb_opened opened;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	pb_opener_open(opener, &s, &opened);
	return opened;
}

static void make_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void regular_file_is_opened(void **state)
{
	struct pb_opened opened;
	struct stat st;
	char text[8];

	(void)state;
	make_file("f", "text");
	opened = open_path("f");
	assert_true(opened.fd >= 0);
	assert_int_equal(fcntl(opened.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(opened.fd, text, sizeof(text)), 4);
	assert_memory_equal(text, "text", 4);
	assert_int_equal(stat("f", &st), 0);
	assert_true(opened.st.st_dev == st.st_dev && opened.st.st_ino == st.st_ino);
	close(opened.fd);
}

static void fifos_and_what_is_not_there_are_not_opened(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(open_path("fifo").fd, -1);
	assert_int_equal(open_path("nothing").fd, -1);
	assert_int_equal(open_path(".").fd, -1);
}

static void what_is_known_of_a_file_is_what_fstat_says(void **state)
{
	struct stat known, st;
	int fd;

	(void)state;
	make_file("f", "text");
	fd = open("f", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pb_stat_known(fd, &known), 0);
	assert_true(known.st_dev == st.st_dev && known.st_ino == st.st_ino);
	assert_true(known.st_mode == st.st_mode && known.st_uid == st.st_uid);
	assert_int_equal(known.st_size, 4);
	assert_memory_equal(&known.st_mtim, &st.st_mtim, sizeof(st.st_mtim));
	close(fd);
	assert_int_equal(pb_stat_known(fd, &known), -1);
}

/* The one file that was asked for then is lost, no later one. */
static void process_that_was_killed_is_replaced(void **state)
{
	struct pb_opened opened;
	char command[64];

	(void)state;
	make_file("f", "text");
	snprintf(command, sizeof(command), "pkill -KILL -P %d pb-opener", (int)getpid());
	assert_int_equal(system(command), 0);
	opened = open_path("f");
	if (opened.fd < 0)
		opened = open_path("f");
	assert_true(opened.fd >= 0);
	close(opened.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(regular_file_is_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(fifos_and_what_is_not_there_are_not_opened, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_known_of_a_file_is_what_fstat_says, setup,
						teardown),
		cmocka_unit_test_setup_teardown(process_that_was_killed_is_replaced, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
