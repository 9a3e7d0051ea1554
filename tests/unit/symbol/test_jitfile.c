/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/jitfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/own.h"
#include "user/symbol/shared/wire.h"

/* --- perf maps; a child is the target --- */

struct target {
	pid_t pid;
	char path[64]; /* of its map, in our root */
};

/* A child that waits; with @root it lives there, and is process 1 of a pid namespace of its own. */
static struct target new_target(const char *root)
{
	struct target t;
	int ready[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	t.pid = (pid_t)syscall(SYS_clone, (root ? CLONE_NEWPID : 0) | SIGCHLD, 0, 0, 0, 0);
	assert_true(t.pid >= 0);
	if (!t.pid) {
		/* A test that fails leaves no process behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (root && (chroot(root) || chdir("/")))
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	/* Its end closes once the child has changed its root. */
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	snprintf(t.path, sizeof(t.path), "/tmp/perf-%d.map", t.pid);
	unlink(t.path);
	return t;
}

static void end_target(const struct target *t)
{
	kill(t->pid, SIGKILL);
	waitpid(t->pid, NULL, 0);
	unlink(t->path);
}

static void write_map(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* What the map of @tgid says. */
static void expect_map(pid_t tgid, const char *text)
{
	pb_autoclose int fd = pb_jitfile_open_map((uint32_t)tgid);
	char said[256] = "";

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(read(fd, said, sizeof(said) - 1) >= 0);
	assert_string_equal(said, text);
}

static void the_map_of_a_process_is_opened(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -ENOENT);
	write_map(t.path, "1000 10 jitted\n");
	expect_map(t.pid, "1000 10 jitted\n");
	end_target(&t);
}

static void a_map_from_before_the_process_is_refused(void **state)
{
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 10}, {.tv_sec = time(NULL) - 10}};
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "1000 10 stale\n");
	assert_int_equal(utimensat(AT_FDCWD, t.path, old, 0), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -ESTALE);
	/* Once its process has written to it, it is that process'. */
	write_map(t.path, "1000 10 fresh\n");
	expect_map(t.pid, "1000 10 fresh\n");
	end_target(&t);
}

static void a_process_that_is_gone_has_no_map(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "1000 10 jitted\n");
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -ENOENT);
	unlink(t.path);
}

static void a_symlink_is_not_followed(void **state)
{
	struct target t = new_target(NULL);
	char other[80];

	(void)state;
	snprintf(other, sizeof(other), "%s.other", t.path);
	write_map(other, "1000 10 elsewhere\n");
	assert_int_equal(symlink(other, t.path), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -ELOOP);
	unlink(other);
	end_target(&t);
}

static void a_fifo_does_not_hang_us(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(mkfifo(t.path, 0644), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -EINVAL);
	end_target(&t);
}

static void a_directory_is_refused(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(mkdir(t.path, 0755), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -EINVAL);
	rmdir(t.path);
	end_target(&t);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "");
	assert_int_equal(truncate(t.path, PB_WIRE_MAP_MAX + 1), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -EFBIG);
	end_target(&t);
}

static void a_strangers_file_is_refused(void **state)
{
	struct target t;

	(void)state;
	if (geteuid())
		skip();
	t = new_target(NULL);
	write_map(t.path, "1000 10 forged\n");
	assert_int_equal(chown(t.path, 65534, 65534), 0);
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -EPERM);
	end_target(&t);
}

static void the_map_inside_the_targets_root_comes_first(void **state)
{
	char root[] = "/tmp/pb-test-jitfile-XXXXXX", dir[64], inside[128];
	struct target t;

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/tmp", root);
	snprintf(inside, sizeof(inside), "%s/tmp/perf-1.map", root);
	assert_int_equal(mkdir(dir, 0755), 0);
	t = new_target(root);
	write_map(t.path, "1000 10 ours\n");
	expect_map(t.pid, "1000 10 ours\n");
	write_map(inside, "1000 10 inside\n");
	expect_map(t.pid, "1000 10 inside\n");
	unlink(inside);
	rmdir(dir);
	rmdir(root);
	end_target(&t);
}

static void a_symlink_cannot_lead_out_of_the_targets_root(void **state)
{
	char root[] = "/tmp/pb-test-jitfile-XXXXXX", dir[64], outside[64];
	struct target t;

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/tmp", root);
	snprintf(outside, sizeof(outside), "%s.out", root);
	assert_int_equal(mkdir(outside, 0755), 0);
	assert_int_equal(symlink(outside, dir), 0);
	strcat(outside, "/perf-1.map");
	write_map(outside, "1000 10 outside\n");
	t = new_target(root);
	/* Inside its root, the link leads to itself. */
	assert_int_equal(pb_jitfile_open_map((uint32_t)t.pid), -ELOOP);
	unlink(outside);
	*strrchr(outside, '/') = '\0';
	rmdir(outside);
	unlink(dir);
	rmdir(root);
	end_target(&t);
}

/* --- jitdumps --- */

static void a_dump_is_known_by_its_name(void **state)
{
	static const char *const right[] = {"jit-1.dump", "/tmp/jit-4711.dump",
					    "/home/x/.debug/jit/java-jit-20261122.XXab/jit-9.dump"};
	static const char *const wrong[] = {
		"",
		"/tmp/jit-.dump",
		"/tmp/jit-12.dump.gz",
		"/tmp/jit-12.dumper",
		"/tmp/jit-12",
		"/tmp/jit-0x12.dump",
		"/tmp/jit--12.dump",
		"/tmp/my-jit-12.dump",
		"/tmp/jit-12.dump (deleted)",
		"/tmp/jit-12.dump/x",
		"/tmp/jit-12345678901.dump",
		"/tmp/perf-12.map",
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(right); i++)
		assert_true(pb_jitfile_is_dump(right[i]));
	for (size_t i = 0; i < PB_ARRAY_SIZE(wrong); i++)
		assert_false(pb_jitfile_is_dump(wrong[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_map_of_a_process_is_opened),
		cmocka_unit_test(a_map_from_before_the_process_is_refused),
		cmocka_unit_test(a_process_that_is_gone_has_no_map),
		cmocka_unit_test(a_symlink_is_not_followed),
		cmocka_unit_test(a_fifo_does_not_hang_us),
		cmocka_unit_test(a_directory_is_refused),
		cmocka_unit_test(a_file_that_is_too_large_is_refused),
		cmocka_unit_test(a_strangers_file_is_refused),
		cmocka_unit_test(the_map_inside_the_targets_root_comes_first),
		cmocka_unit_test(a_symlink_cannot_lead_out_of_the_targets_root),
		cmocka_unit_test(a_dump_is_known_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
