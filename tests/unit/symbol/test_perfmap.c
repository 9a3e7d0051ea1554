/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/perfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/own.h"
#include "user/symbol/symtab.h"

static struct pb_symtab *parse(const char *text, size_t len)
{
	struct pb_symtab *t = NULL;
	char *copy = malloc(len + !len);

	/* No byte behind the text: ASan sees what reads over. */
	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(pb_symtab_new(&t), 0);
	assert_int_equal(pb_perfmap_parse(t, copy, len), 0);
	assert_int_equal(pb_symtab_finish(t, 1), 0);
	free(copy);
	return t;
}

static const char *name_at(const struct pb_symtab *t, uint64_t addr)
{
	const struct pb_symbol *s = pb_symtab_find(t, addr);

	return s ? s->name : "none";
}

static void both_forms_of_numbers_are_read(void **state)
{
	static const char text[] = "7f0010 20 plain\n"
				   "0x7f0040 0x20 prefixed\n"
				   "7F00AB 1 UPPER\n"
				   "0007f00f000 10 LazyCompile:*run /app/main.js:12:3\n"
				   "7f010000\t10\ttabs\r\n"
				   "0 8 zero\n";
	struct pb_symtab *t = parse(text, strlen(text));

	(void)state;
	assert_int_equal(pb_symtab_count(t), 6);
	assert_string_equal(name_at(t, 0x7f002f), "plain");
	assert_string_equal(name_at(t, 0x7f0030), "none");
	assert_string_equal(name_at(t, 0x7f0040), "prefixed");
	assert_string_equal(name_at(t, 0x7f00ab), "UPPER");
	assert_string_equal(name_at(t, 0x7f00f004), "LazyCompile:*run /app/main.js:12:3");
	assert_string_equal(name_at(t, 0x7f010000), "tabs");
	assert_string_equal(name_at(t, 7), "zero");
	pb_symtab_free(t);
}

static void hostile_lines_are_skipped(void **state)
{
	static const char text[] = "\n"
				   " \n"
				   "1000\n"
				   "1000 \n"
				   "1000 10\n"
				   "1000 10 \n"
				   "1000 0 empty\n"
				   "0x 10 no_digits\n"
				   "1000 0x no_digits\n"
				   "-1000 10 negative\n"
				   " 1000 10 indented\n"
				   "10000000000000000 10 too_long\n"
				   "fffffffffffffff0 20 wraps\n"
				   "1000 ffffffffffffffff wraps\n"
				   "1000 10 nul\0byte\n"
				   "1000g 10 not_hex\n"
				   "1000 10 unfinished";
	struct pb_symtab *t = parse(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
	t = parse("", 0);
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
}

static void recompiled_code_has_its_new_name(void **state)
{
	static const char text[] = "1000 100 interpreted\n"
				   "1080 20 optimised\n"
				   "1000 10 again\n";
	struct pb_symtab *t = parse(text, strlen(text));

	(void)state;
	assert_string_equal(name_at(t, 0x100f), "again");
	assert_string_equal(name_at(t, 0x1010), "interpreted");
	assert_string_equal(name_at(t, 0x1080), "optimised");
	assert_string_equal(name_at(t, 0x10a0), "interpreted");
	pb_symtab_free(t);
}

static void a_file_beyond_the_bound_is_refused(void **state)
{
	pb_autoclose int fd = memfd_create("perfmap", MFD_CLOEXEC);
	struct pb_symtab *t = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PB_PERFMAP_SIZE_MAX + 1), 0);
	assert_int_equal(pb_perfmap_read(&t, fd), -EFBIG);
	assert_null(t);
}

/* --- opening; a child is the target --- */

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

/* The name that the map of @tgid gives to 0x1000. */
static void expect_map_name(pid_t tgid, const char *name)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_autoclose int fd = pb_perfmap_open((uint32_t)tgid);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(pb_perfmap_read(&t, fd), 0);
	assert_string_equal(name_at(t, 0x1000), name);
}

static void the_map_of_a_process_is_opened(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -ENOENT);
	write_map(t.path, "1000 10 jitted\n");
	expect_map_name(t.pid, "jitted");
	end_target(&t);
}

static void a_map_from_before_the_process_is_refused(void **state)
{
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 10}, {.tv_sec = time(NULL) - 10}};
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "1000 10 stale\n");
	assert_int_equal(utimensat(AT_FDCWD, t.path, old, 0), 0);
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -ESTALE);
	/* Once its process has written to it, it is that process'. */
	write_map(t.path, "1000 10 fresh\n");
	expect_map_name(t.pid, "fresh");
	end_target(&t);
}

static void a_process_that_is_gone_has_no_map(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "1000 10 jitted\n");
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -ENOENT);
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
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -ELOOP);
	unlink(other);
	end_target(&t);
}

static void a_fifo_does_not_hang_us(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(mkfifo(t.path, 0644), 0);
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -EINVAL);
	end_target(&t);
}

static void a_directory_is_refused(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	assert_int_equal(mkdir(t.path, 0755), 0);
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -EINVAL);
	rmdir(t.path);
	end_target(&t);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
	struct target t = new_target(NULL);

	(void)state;
	write_map(t.path, "");
	assert_int_equal(truncate(t.path, PB_PERFMAP_SIZE_MAX + 1), 0);
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -EFBIG);
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
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -EPERM);
	end_target(&t);
}

static void the_map_inside_the_targets_root_comes_first(void **state)
{
	char root[] = "/tmp/pb-test-perfmap-XXXXXX", dir[64], inside[128];
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
	expect_map_name(t.pid, "ours");
	write_map(inside, "1000 10 inside\n");
	expect_map_name(t.pid, "inside");
	unlink(inside);
	rmdir(dir);
	rmdir(root);
	end_target(&t);
}

static void a_symlink_cannot_lead_out_of_the_targets_root(void **state)
{
	char root[] = "/tmp/pb-test-perfmap-XXXXXX", dir[64], outside[64];
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
	assert_int_equal(pb_perfmap_open((uint32_t)t.pid), -ELOOP);
	unlink(outside);
	*strrchr(outside, '/') = '\0';
	rmdir(outside);
	unlink(dir);
	rmdir(root);
	end_target(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_numbers_are_read),
		cmocka_unit_test(hostile_lines_are_skipped),
		cmocka_unit_test(recompiled_code_has_its_new_name),
		cmocka_unit_test(a_file_beyond_the_bound_is_refused),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
