/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/log.h"

/* Every test runs in a directory of its own. */
static char dir[64];
static struct pb_files *files;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/pb-test-files-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	return pb_files_new(&files);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	pb_files_free(files);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

static const char *in_dir(const char *name)
{
	static char path[100];

	snprintf(path, sizeof(path), "%s/%.30s", dir, name);
	return path;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_holds(uint32_t id, const char *text)
{
	char got[64] = "";
	int fd = pb_files_fd(files, id);

	assert_true(fd >= 0);
	assert_true(pread(fd, got, sizeof(got) - 1, 0) >= 0);
	assert_string_equal(got, text);
}

/* A sight that only its path can find. */
static uint32_t see_path(const char *path)
{
	struct pb_file_sight s = {
		.tgid = (uint32_t)getpid(), .start = 4096, .end = 8192, .path = path};

	return pb_files_see(files, &s);
}

static void *map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	assert_true(fd >= 0 && p != MAP_FAILED);
	close(fd);
	return p;
}

/* /proc/PID/map_files asks for CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. */
static bool may_follow_map_files(void *p)
{
	uint64_t start = (uint64_t)(uintptr_t)p;
	char name[96];

	snprintf(name, sizeof(name), "/proc/self/map_files/%llx-%llx", (unsigned long long)start,
		 (unsigned long long)(start + 4096));
	return !access(name, F_OK);
}

static uint32_t see_mapping(void *p, const char *path)
{
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(),
				  .start = (uint64_t)(uintptr_t)p,
				  .end = (uint64_t)(uintptr_t)p + 4096,
				  .path = path};

	return pb_files_see(files, &s);
}

static void file_is_found_by_its_path(void **state)
{
	uint32_t id, len;

	(void)state;
	write_file("a", "alpha");
	id = see_path(in_dir("a"));
	assert_int_not_equal(id, PB_NONE);
	assert_holds(id, "alpha");
	assert_string_equal(pb_files_path(files, id), in_dir("a"));
	pb_files_build_id(files, id, &len);
	assert_int_equal(len, 0);
}

static void pinned_file_survives_unlink_and_rename_over(void **state)
{
	uint32_t a, b;

	(void)state;
	write_file("a", "old a");
	write_file("b", "old b");
	a = see_path(in_dir("a"));
	b = see_path(in_dir("b"));
	assert_int_equal(unlink("a"), 0);
	write_file("new", "new b");
	assert_int_equal(rename("new", "b"), 0);
	assert_holds(a, "old a");
	assert_holds(b, "old b");
	/* Seen again, they are what they were. */
	assert_int_equal(see_path(in_dir("a")), a);
	assert_int_equal(see_path(in_dir("b")), b);
}

static void same_inode_by_two_routes_is_one_file(void **state)
{
	uint32_t a;

	(void)state;
	write_file("a", "alpha");
	assert_int_equal(link("a", "hard"), 0);
	assert_int_equal(symlink("a", "soft"), 0);
	a = see_path(in_dir("a"));
	assert_int_equal(see_path(in_dir("hard")), a);
	assert_int_equal(see_path(in_dir("soft")), a);
	assert_string_equal(pb_files_path(files, a), in_dir("a"));
}

static void other_build_id_at_the_same_path_is_another_file(void **state)
{
	const uint8_t one[PB_BUILD_ID_MAX] = {1}, two[PB_BUILD_ID_MAX] = {2};
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(), .build_id = one, .build_id_len = 20};
	const uint8_t *build_id;
	uint32_t a, b, len;
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("a"));
	s.path = path;
	write_file("a", "one");
	a = pb_files_see(files, &s);
	write_file("new", "two");
	assert_int_equal(rename("new", "a"), 0);
	s.build_id = two;
	b = pb_files_see(files, &s);
	assert_int_not_equal(a, b);
	assert_holds(a, "one");
	assert_holds(b, "two");
	build_id = pb_files_build_id(files, b, &len);
	assert_int_equal(len, 20);
	assert_memory_equal(build_id, two, 20);
}

static uint64_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void other_inode_at_the_same_path_is_another_file(void **state)
{
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(), .dev = 1};
	uint64_t first;
	char path[128];
	uint32_t a, b;

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("a"));
	s.path = path;
	write_file("a", "one");
	s.ino = first = inode_of("a");
	a = pb_files_see(files, &s);
	write_file("new", "two");
	assert_int_equal(rename("new", "a"), 0);
	s.ino = inode_of("a");
	b = pb_files_see(files, &s);
	assert_int_not_equal(a, b);
	assert_holds(b, "two");
	s.ino = first;
	assert_int_equal(pb_files_see(files, &s), a);
}

static void a_path_that_holds_another_inode_by_now_is_not_believed(void **state)
{
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(), .dev = 1};
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("a"));
	s.path = path;
	write_file("a", "another");
	s.ino = inode_of("a") + 1;
	assert_int_equal(pb_files_fd(files, pb_files_see(files, &s)), -1);
}

static void mapped_file_is_found_although_its_name_is_gone(void **state)
{
	char path[160];
	uint32_t id;
	void *p;

	(void)state;
	write_file("a", "mapped");
	p = map_file("a");
	if (!may_follow_map_files(p)) {
		munmap(p, 4096);
		skip();
	}
	assert_int_equal(unlink("a"), 0);
	write_file("a", "another");
	snprintf(path, sizeof(path), "%s (deleted)", in_dir("a"));
	id = see_mapping(p, path);
	munmap(p, 4096);
	assert_holds(id, "mapped");
	assert_string_equal(pb_files_path(files, id), in_dir("a"));
}

static void mapped_file_is_preferred_to_what_has_its_name_now(void **state)
{
	uint32_t id;
	void *p;

	(void)state;
	write_file("a", "mapped");
	p = map_file("a");
	if (!may_follow_map_files(p)) {
		munmap(p, 4096);
		skip();
	}
	write_file("new", "another");
	assert_int_equal(rename("new", "a"), 0);
	id = see_mapping(p, in_dir("a"));
	munmap(p, 4096);
	assert_holds(id, "mapped");
}

/* What was deleted is not what has the name now: no name is better than a wrong one. */
static void deleted_file_is_not_taken_for_its_successor(void **state)
{
	char path[160];
	uint32_t id;

	(void)state;
	write_file("a", "successor");
	snprintf(path, sizeof(path), "%s (deleted)", in_dir("a"));
	id = see_path(path);
	assert_int_not_equal(id, PB_NONE);
	assert_int_equal(pb_files_fd(files, id), -1);
	assert_string_equal(pb_files_path(files, id), in_dir("a"));
}

static void file_that_is_really_called_deleted_is_found(void **state)
{
	char path[160];

	(void)state;
	write_file("a (deleted)", "odd name");
	snprintf(path, sizeof(path), "%s (deleted)", in_dir("a"));
	assert_holds(see_path(path), "odd name");
}

static void missing_file_has_an_id_and_no_descriptor(void **state)
{
	uint32_t a, b;

	(void)state;
	a = see_path(in_dir("missing"));
	b = see_path(in_dir("missing too"));
	assert_int_not_equal(a, PB_NONE);
	assert_int_not_equal(a, b);
	assert_int_equal(pb_files_fd(files, a), -1);
	assert_string_equal(pb_files_path(files, b), in_dir("missing too"));
	assert_int_equal(see_path(in_dir("missing")), a);
}

static void fifo_is_refused_without_hanging(void **state)
{
	int writer;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	alarm(20);
	assert_int_equal(pb_files_fd(files, see_path(in_dir("fifo"))), -1);
	alarm(0);
	/* And whoever opens it for writing has not been let in by us. */
	writer = open("fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(writer, -1);
	assert_int_equal(errno, ENXIO);
}

static void only_regular_files_are_held(void **state)
{
	(void)state;
	assert_int_equal(pb_files_fd(files, see_path("/dev/zero")), -1);
	assert_int_equal(pb_files_fd(files, see_path(dir)), -1);
	assert_int_equal(pb_files_fd(files, see_path("")), -1);
}

/* A child with a root of its own, which waits until it is killed. */
static pid_t start_in_root(const char *root)
{
	char byte = 0;
	int up[2];
	pid_t pid;

	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (!pid) {
		if (chroot(root) || chdir("/"))
			byte = 1;
		if (write(up[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(read(up[0], &byte, 1), 1);
	close(up[0]);
	close(up[1]);
	if (!byte)
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static void symlink_inside_a_root_cannot_leave_it(void **state)
{
	struct pb_file_sight s = {.start = 4096, .end = 8192};
	uint32_t absolute, relative, inside;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir("root", 0755), 0);
	assert_int_equal(mkdir("root/tmp", 0755), 0);
	write_file("outside", "secret");
	write_file("root/inside", "mine");
	assert_int_equal(symlink(in_dir("outside"), "root/absolute"), 0);
	assert_int_equal(symlink("../../../../../outside", "root/relative"), 0);
	assert_int_equal(symlink("/inside", "root/to_inside"), 0);
	pid = start_in_root("root");
	if (pid < 0)
		skip(); /* chroot() asks for CAP_SYS_CHROOT */
	s.tgid = (uint32_t)pid;
	s.path = "/absolute";
	absolute = pb_files_see(files, &s);
	s.path = "/relative";
	relative = pb_files_see(files, &s);
	s.path = "/to_inside";
	inside = pb_files_see(files, &s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(pb_files_fd(files, absolute), -1);
	assert_int_equal(pb_files_fd(files, relative), -1);
	assert_holds(inside, "mine");
}

/* Our file of that name is not the one that a container has lost. */
static void file_missing_in_the_root_of_a_living_process_is_not_looked_up_in_ours(void **state)
{
	struct pb_file_sight s = {.start = 4096, .end = 8192};
	uint32_t id;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir("root", 0755), 0);
	write_file("ours", "ours");
	pid = start_in_root("root");
	if (pid < 0)
		skip();
	s.tgid = (uint32_t)pid;
	s.path = in_dir("ours");
	id = pb_files_see(files, &s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(pb_files_fd(files, id), -1);
}

/* Whether it is the same file only a build id can tell by then. */
static void file_of_a_process_that_is_gone_is_found_by_path_if_it_has_a_build_id(void **state)
{
	static const uint8_t build_id[20] = {1};
	struct pb_file_sight s = {.start = 4096, .end = 8192};
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	waitpid(pid, NULL, 0);
	write_file("a", "left");
	s.tgid = (uint32_t)pid;
	s.path = in_dir("a");
	assert_int_equal(pb_files_fd(files, pb_files_see(files, &s)), -1);
	s.build_id = build_id;
	s.build_id_len = sizeof(build_id);
	assert_holds(pb_files_see(files, &s), "left");
}

static void build_id_that_is_too_long_is_ignored(void **state)
{
	static const uint8_t long_id[64];
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(),
				  .path = "/nowhere",
				  .build_id = long_id,
				  .build_id_len = sizeof(long_id)};
	uint32_t id, len;

	(void)state;
	id = pb_files_see(files, &s);
	assert_int_not_equal(id, PB_NONE);
	pb_files_build_id(files, id, &len);
	assert_int_equal(len, 0);
}

static void hundreds_of_files_keep_their_ids(void **state)
{
	uint32_t ids[300], i;
	char path[128];

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/nowhere/%u", i);
		ids[i] = see_path(path);
	}
	for (i = 0; i < 300; i++) {
		snprintf(path, sizeof(path), "/nowhere/%u", i);
		assert_int_equal(see_path(path), ids[i]);
		assert_string_equal(pb_files_path(files, ids[i]), path);
	}
}

/* Long enough for another time of modification on every clock, and of the same size. */
static void rewrite(const char *path, const char *text)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};

	write_file(path, text);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* As "cp new program" does: same path, same inode. */
static void file_rewritten_in_place_is_another_file(void **state)
{
	uint32_t old, new;

	(void)state;
	write_file("a", "old a");
	old = see_path(in_dir("a"));
	assert_holds(old, "old a");
	rewrite("a", "new a");
	new = see_path(in_dir("a"));
	assert_int_not_equal(old, new);
	assert_holds(new, "new a");
	/* What is open is the new one: its names are not those of the old one. */
	assert_int_equal(pb_files_fd(files, old), -1);
	assert_int_equal(see_path(in_dir("a")), new);
	assert_string_equal(pb_files_path(files, old), in_dir("a"));
}

static void file_that_grows_is_another_file(void **state)
{
	uint32_t old;

	(void)state;
	write_file("a", "old");
	old = see_path(in_dir("a"));
	write_file("a", "longer");
	assert_int_equal(pb_files_fd(files, old), -1);
	assert_int_not_equal(see_path(in_dir("a")), old);
}

static void other_mode_or_link_is_the_same_file(void **state)
{
	uint32_t id;

	(void)state;
	write_file("a", "alpha");
	id = see_path(in_dir("a"));
	assert_int_equal(chmod("a", 0755), 0);
	assert_int_equal(link("a", "b"), 0);
	assert_int_equal(see_path(in_dir("a")), id);
	assert_int_equal(see_path(in_dir("b")), id);
	assert_holds(id, "alpha");
}

/* The side-band tells the build id, /proc does not: it is one file, that has it from then on. */
static void build_id_that_is_told_later_is_that_of_the_file(void **state)
{
	static const uint8_t one[PB_BUILD_ID_MAX] = {1}, two[PB_BUILD_ID_MAX] = {2};
	struct pb_file_sight s = {.tgid = (uint32_t)getpid(), .build_id = one, .build_id_len = 20};
	uint32_t id, len;
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s", in_dir("a"));
	s.path = path;
	write_file("a", "alpha");
	id = see_path(path);
	assert_int_equal(pb_files_see(files, &s), id);
	assert_memory_equal(pb_files_build_id(files, id, &len), one, 20);
	assert_int_equal(len, 20);
	/* Written in place so fast that no time tells. */
	s.build_id = two;
	assert_int_not_equal(pb_files_see(files, &s), id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(file_is_found_by_its_path, setup, teardown),
		cmocka_unit_test_setup_teardown(pinned_file_survives_unlink_and_rename_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(same_inode_by_two_routes_is_one_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(other_build_id_at_the_same_path_is_another_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(other_inode_at_the_same_path_is_another_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			a_path_that_holds_another_inode_by_now_is_not_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(mapped_file_is_found_although_its_name_is_gone,
						setup, teardown),
		cmocka_unit_test_setup_teardown(mapped_file_is_preferred_to_what_has_its_name_now,
						setup, teardown),
		cmocka_unit_test_setup_teardown(deleted_file_is_not_taken_for_its_successor, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_that_is_really_called_deleted_is_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(missing_file_has_an_id_and_no_descriptor, setup,
						teardown),
		cmocka_unit_test_setup_teardown(fifo_is_refused_without_hanging, setup, teardown),
		cmocka_unit_test_setup_teardown(only_regular_files_are_held, setup, teardown),
		cmocka_unit_test_setup_teardown(symlink_inside_a_root_cannot_leave_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			file_missing_in_the_root_of_a_living_process_is_not_looked_up_in_ours,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			file_of_a_process_that_is_gone_is_found_by_path_if_it_has_a_build_id, setup,
			teardown),
		cmocka_unit_test_setup_teardown(build_id_that_is_too_long_is_ignored, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_rewritten_in_place_is_another_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(file_that_grows_is_another_file, setup, teardown),
		cmocka_unit_test_setup_teardown(other_mode_or_link_is_the_same_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(build_id_that_is_told_later_is_that_of_the_file,
						setup, teardown),
		cmocka_unit_test_setup_teardown(hundreds_of_files_keep_their_ids, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
