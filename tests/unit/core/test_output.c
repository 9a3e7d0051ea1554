/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/log.h"

#define SKIPPED 77

/* Every test runs in a directory of its own. */
static char dir[64];
static char logged[4096];
static int log_fd = -1, saved_stderr = -1;

static int count_files(void)
{
	DIR *d = opendir(".");
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static void remove_files(void)
{
	DIR *d = opendir(".");

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (unlink(e->d_name))
			rmdir(e->d_name);
	}
	closedir(d);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/pb-test-output-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	pb_log_init("test", PB_LOG_INFO);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(log_fd >= 0 && saved_stderr >= 0);
	assert_int_equal(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(log_fd);
	remove_files();
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* What was logged since the last call. */
static const char *log_text(void)
{
	ssize_t n = pread(log_fd, logged, sizeof(logged) - 1, 0);

	logged[n > 0 ? n : 0] = '\0';
	assert_int_equal(ftruncate(log_fd, 0), 0);
	assert_int_equal(lseek(log_fd, 0, SEEK_SET), 0);
	return logged;
}

static const char *content(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static void put_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct stat stat_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static int write_output(const char *path, const char *text)
{
	struct pb_output *o = NULL;
	int err = pb_output_open(&o, path, false);

	if (err) {
		assert_null(o);
		return err;
	}
	fputs(text, pb_output_stream(o));
	return pb_output_commit(o);
}

static void a_new_file_is_private_and_whole(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	assert_int_equal(pb_output_open(&o, "new", false), 0);
	fputs("hello", pb_output_stream(o));
	assert_int_equal(fflush(pb_output_stream(o)), 0);
	assert_int_equal(access("new", F_OK), -1); /* not there before it is whole */
	assert_false(pb_output_is_terminal(o));
	assert_int_equal(pb_output_commit(o), 0);
	assert_string_equal(content("new"), "hello");
	assert_int_equal(stat_of("new").st_mode, S_IFREG | 0600);
	assert_int_equal(stat_of("new").st_nlink, 1);
	assert_int_equal(count_files(), 1);
	assert_string_equal(log_text(), "");
}

static void an_existing_file_is_replaced_with_its_mode(void **state)
{
	ino_t before;

	(void)state;
	put_file("old", "old text", 0640);
	before = stat_of("old").st_ino;
	assert_int_equal(write_output("old", "new"), 0);
	assert_string_equal(content("old"), "new");
	assert_int_equal(stat_of("old").st_mode, S_IFREG | 0640);
	assert_true(stat_of("old").st_ino != before);
	assert_int_equal(count_files(), 1);
}

static void bits_that_give_rights_are_not_kept(void **state)
{
	(void)state;
	put_file("old", "old text", 06755);
	assert_int_equal(write_output("old", "new"), 0);
	assert_int_equal(stat_of("old").st_mode, S_IFREG | 0755);
}

static void giving_up_leaves_everything_as_it_was(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	put_file("old", "old text", 0644);
	assert_int_equal(pb_output_open(&o, "old", false), 0);
	fputs("x", pb_output_stream(o));
	pb_output_free(o);
	o = NULL;
	assert_int_equal(pb_output_open(&o, "new", false), 0);
	fputs("x", pb_output_stream(o));
	fflush(pb_output_stream(o));
	pb_output_free(o);
	pb_output_free(NULL);
	assert_string_equal(content("old"), "old text");
	assert_int_equal(count_files(), 1);
}

static void killing_the_writer_leaves_nothing(void **state)
{
	pid_t child;
	int status, fd, ready[2];
	char c;

	(void)state;
	fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	if (fd < 0)
		skip(); /* the filesystem of /tmp has no unnamed files: a dot file may stay */
	close(fd);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct pb_output *o = NULL;

		if (pb_output_open(&o, "new", false))
			_exit(1);
		fputs("x", pb_output_stream(o));
		fflush(pb_output_stream(o));
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(count_files(), 0);
}

static void a_file_that_appears_meanwhile_is_replaced(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	assert_int_equal(pb_output_open(&o, "new", false), 0);
	fputs("ours", pb_output_stream(o));
	put_file("new", "theirs", 0644);
	assert_int_equal(pb_output_commit(o), 0);
	assert_string_equal(content("new"), "ours");
	assert_int_equal(stat_of("new").st_mode, S_IFREG | 0600);
	assert_int_equal(count_files(), 1);
}

static void a_directory_that_appears_meanwhile_is_an_error(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	assert_int_equal(pb_output_open(&o, "new", false), 0);
	assert_int_equal(mkdir("new", 0755), 0);
	assert_int_equal(pb_output_commit(o), -EISDIR);
	assert_non_null(strstr(log_text(), "write new: Is a directory"));
	assert_int_equal(count_files(), 1);
}

static void a_symlink_is_replaced_and_not_followed(void **state)
{
	(void)state;
	put_file("precious", "precious", 0644);
	assert_int_equal(symlink("precious", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(write_output("link", "new"), 0);
	assert_int_equal(write_output("dangling", "new"), 0);
	assert_string_equal(content("precious"), "precious");
	assert_true(S_ISREG(stat_of("link").st_mode));
	assert_int_equal(stat_of("link").st_mode, S_IFREG | 0600);
	assert_true(S_ISREG(stat_of("dangling").st_mode));
	assert_int_equal(access("nowhere", F_OK), -1);
	assert_int_equal(count_files(), 3);
}

static void other_names_of_an_old_file_keep_the_old_text(void **state)
{
	(void)state;
	put_file("old", "old text", 0644);
	assert_int_equal(link("old", "second"), 0);
	assert_int_equal(write_output("old", "new"), 0);
	assert_string_equal(content("second"), "old text");
}

static void a_renamed_directory_still_gets_its_file(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(pb_output_open(&o, "a/new", false), 0);
	fputs("x", pb_output_stream(o));
	assert_int_equal(rename("a", "b"), 0);
	assert_int_equal(pb_output_commit(o), 0);
	assert_string_equal(content("b/new"), "x");
	assert_int_equal(unlink("b/new"), 0);
}

static void the_longest_name_can_be_written_and_replaced(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(write_output(name, "one"), 0);
	assert_int_equal(write_output(name, "two"), 0);
	assert_string_equal(content(name), "two");
	assert_int_equal(count_files(), 1);
}

static void names_that_are_no_file_are_refused_with_a_remedy(void **state)
{
	(void)state;
	assert_int_equal(write_output("", "x"), -EINVAL);
	assert_non_null(strstr(log_text(), "needs a name"));
	assert_int_equal(write_output("nodir/x", "x"), -ENOENT);
	assert_non_null(strstr(log_text(), "no directory nodir/; create it first"));
	assert_int_equal(mkdir("sub", 0755), 0);
	assert_int_equal(write_output("sub", "x"), -EISDIR);
	assert_non_null(strstr(log_text(), "sub is a directory"));
	assert_int_equal(write_output("sub/", "x"), -EISDIR);
	assert_int_equal(write_output("sub/..", "x"), -EISDIR);
	assert_int_equal(write_output(".", "x"), -EISDIR);
	put_file("file", "", 0644);
	log_text();
	assert_int_equal(write_output("file/x", "x"), -ENOTDIR);
	assert_non_null(strstr(log_text(), "file/x"));
	assert_int_equal(count_files(), 2);
}

static void a_full_device_is_an_error_and_stays(void **state)
{
	(void)state;
	assert_int_equal(write_output("/dev/full", "x"), -ENOSPC);
	assert_non_null(strstr(log_text(), "write /dev/full"));
	assert_true(S_ISCHR(stat_of("/dev/full").st_mode));
	assert_int_equal(write_output("/dev/null", "x"), 0);
	assert_true(S_ISCHR(stat_of("/dev/null").st_mode));
}

static void an_early_error_is_told_at_the_end(void **state)
{
	struct pb_output *o = NULL;

	(void)state;
	assert_int_equal(pb_output_open(&o, "/dev/full", false), 0);
	for (int i = 0; i < 300000; i++)
		fputc('x', pb_output_stream(o));
	assert_true(ferror(pb_output_stream(o)));
	clearerr(pb_output_stream(o)); /* a careless renderer */
	assert_int_equal(pb_output_commit(o), -ENOSPC);
}

static void a_pipe_is_written_directly(void **state)
{
	char text[8] = "";
	int fd;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	fd = open("pipe", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	assert_int_equal(write_output("pipe", "hello"), 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 5);
	assert_string_equal(text, "hello");
	close(fd);
	assert_true(S_ISFIFO(stat_of("pipe").st_mode));
	assert_int_equal(count_files(), 1);
}

static void what_is_buffered_is_dropped_when_giving_up(void **state)
{
	struct pb_output *o = NULL;
	char path[32];
	int fd = open("log", O_CREAT | O_WRONLY, 0644);

	(void)state;
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	assert_int_equal(pb_output_open(&o, path, false), 0);
	fputs("half of it", pb_output_stream(o));
	pb_output_free(o);
	close(fd);
	assert_string_equal(content("log"), "");
}

static void a_reader_that_left_is_no_message(void **state)
{
	char path[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	assert_int_equal(write_output(path, "x"), -EPIPE);
	assert_string_equal(log_text(), "");
	close(ends[1]);
}

static void a_full_pipe_that_does_not_block_is_waited_for(void **state)
{
	static char big[300000];
	int ends[2], status;
	char path[32];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		size_t sum = 0;
		ssize_t n;

		close(ends[1]);
		while ((n = read(ends[0], big, 1000)) > 0)
			sum += (size_t)n;
		_exit(sum == sizeof(big) - 1 ? 0 : 1);
	}
	close(ends[0]);
	assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	memset(big, 'x', sizeof(big) - 1);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
	assert_int_equal(write_output(path, big), 0);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void an_inherited_descriptor_keeps_its_place(void **state)
{
	char path[32];
	int fd = open("log", O_CREAT | O_RDWR, 0644);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "before ", 7), 7);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(write_output(path, "ours "), 0);
	assert_int_equal(write(fd, "after", 5), 5); /* it is still open, and behind what we wrote */
	close(fd);
	assert_string_equal(content("log"), "before ours after");
}

static void a_descriptor_not_open_for_writing_is_refused(void **state)
{
	char path[32];
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	snprintf(path, sizeof(path), "/dev/fd/%d", fd);
	assert_int_equal(write_output(path, "x"), -EBADF);
	assert_non_null(strstr(log_text(), "not open for writing"));
	close(fd);
	assert_int_equal(write_output(path, "x"), -EBADF);
}

static void stdout_is_written_behind_what_was_printed(void **state)
{
	int saved, fd;

	(void)state;
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	fd = open("out", O_CREAT | O_WRONLY, 0644);
	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	printf("one ");
	assert_int_equal(write_output("-", "two "), 0);
	assert_int_equal(write_output("/dev/stdout", "three"), 0);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_string_equal(content("out"), "one two three");
}

static void a_closed_stdout_is_told_and_gets_no_file(void **state)
{
	struct pb_output *o = NULL;
	int saved, err, probe;

	(void)state;
	fflush(stdout);
	saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	close(STDOUT_FILENO);
	err = write_output("-", "x");
	/* a file must not become descriptor 1, where a stray printf() would end up in it */
	assert_int_equal(pb_output_open(&o, "new", false), 0);
	probe = fcntl(STDOUT_FILENO, F_GETFD);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	assert_int_equal(probe, -1);
	assert_int_equal(err, -EBADF);
	assert_non_null(strstr(log_text(), "stdout is closed"));
	assert_int_equal(pb_output_commit(o), 0);
}

static void binary_data_is_not_written_to_a_terminal(void **state)
{
	struct pb_output *o = NULL;
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	assert_int_equal(pb_output_open(&o, ptsname(master), true), -EINVAL);
	assert_null(o);
	assert_non_null(strstr(log_text(), "not writing binary data to a terminal"));
	assert_int_equal(pb_output_open(&o, ptsname(master), false), 0);
	assert_true(pb_output_is_terminal(o));
	pb_output_free(o);
	close(master);
}

static void need_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: needs root to give files to others\n");
	skip();
}

static void under_sudo_a_new_file_belongs_to_the_person(void **state)
{
	(void)state;
	need_root();
	setenv("SUDO_UID", "4321", 1);
	setenv("SUDO_GID", "1234", 1);
	assert_int_equal(write_output("new", "x"), 0);
	assert_int_equal(stat_of("new").st_uid, 4321);
	assert_int_equal(stat_of("new").st_gid, 1234);
	assert_int_equal(stat_of("new").st_mode, S_IFREG | 0600);
	/* what was root's before stays root's */
	put_file("old", "old", 0644);
	assert_int_equal(write_output("old", "x"), 0);
	assert_int_equal(stat_of("old").st_uid, 0);
	assert_int_equal(stat_of("old").st_mode, S_IFREG | 0644);
}

static void a_bad_sudo_uid_is_ignored(void **state)
{
	static const char *const bad[] = {"", "-1", "12x", "4294967295", "99999999999999999999"};

	(void)state;
	need_root();
	setenv("SUDO_GID", "1234", 1);
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++) {
		setenv("SUDO_UID", bad[i], 1);
		assert_int_equal(write_output("new", "x"), 0);
		assert_int_equal(stat_of("new").st_uid, 0);
		assert_int_equal(stat_of("new").st_gid, getegid());
		assert_int_equal(unlink("new"), 0);
	}
}

static void an_existing_file_keeps_its_owner(void **state)
{
	(void)state;
	need_root();
	put_file("old", "old", 0640);
	assert_int_equal(chown("old", 4321, 1234), 0);
	assert_int_equal(write_output("old", "new"), 0);
	assert_int_equal(stat_of("old").st_uid, 4321);
	assert_int_equal(stat_of("old").st_gid, 1234);
	assert_int_equal(stat_of("old").st_mode, S_IFREG | 0640);
}

static void a_file_that_a_stranger_laid_out_does_not_become_his(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(mkdir("tmp", 0755), 0);
	assert_int_equal(chmod("tmp", 01777), 0);
	put_file("tmp/bait", "", 0666);
	assert_int_equal(chown("tmp/bait", 4321, 1234), 0);
	assert_int_equal(write_output("tmp/bait", "secret"), 0);
	assert_int_equal(stat_of("tmp/bait").st_uid, 0);
	assert_int_equal(stat_of("tmp/bait").st_mode, S_IFREG | 0600);
	assert_int_equal(unlink("tmp/bait"), 0);
}

/* Run @body in a child with the filesystem @type at ./mnt; only the child sees the mount. */
static void on_filesystem(const char *type, const char *options, int (*body)(void))
{
	pid_t child;
	int status;

	assert_int_equal(mkdir("mnt", 0755), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("none", "mnt", type, 0, options) || chdir("mnt"))
			_exit(SKIPPED);
		_exit(body());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED) {
		print_message("skipped: cannot mount a %s here; needs CAP_SYS_ADMIN\n", type);
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Write more than fits: first to a new file, then over one that is there. */
static int fill_filesystem(void)
{
	static char big[256 * 1024];

	memset(big, 'x', sizeof(big) - 1);
	if (write_output("new", big) != -ENOSPC)
		return 1;
	if (!strstr(log_text(), "make room"))
		return 2;
	if (count_files() != 0)
		return 3;
	put_file("old", "old text", 0644);
	if (write_output("old", big) != -ENOSPC)
		return 4;
	if (strcmp(content("old"), "old text") || count_files() != 1)
		return 5;
	return write_output("old", "new text") || strcmp(content("old"), "new text");
}

static void a_full_disk_leaves_neither_half_a_file_nor_a_temporary_one(void **state)
{
	(void)state;
	on_filesystem("tmpfs", "size=64k", fill_filesystem);
}

/* Without /proc an unnamed file could not get a name. */
static int write_with_temporary_names(void)
{
	struct pb_output *o = NULL;
	int err;

	if (mount("none", "/proc", "tmpfs", 0, NULL))
		return SKIPPED;
	if (pb_output_open(&o, "new", false))
		return 1;
	if (count_files() != 1 || !access("new", F_OK))
		return 2;
	pb_output_free(o);
	if (count_files() != 0)
		return 3;
	if (write_output("new", "one") || strcmp(content("new"), "one") || count_files() != 1)
		return 4;
	if (stat_of("new").st_mode != (S_IFREG | 0600))
		return 5;
	if (chmod("new", 0644) || write_output("new", "two") || strcmp(content("new"), "two"))
		return 6;
	if (stat_of("new").st_mode != (S_IFREG | 0644))
		return 7;
	if (count_files() != 1 || unlink("new"))
		return 8;
	err = fill_filesystem();
	return err ? 10 + err : 0;
}

static void without_unnamed_files_a_temporary_name_does(void **state)
{
	(void)state;
	on_filesystem("tmpfs", "size=64k", write_with_temporary_names);
}

#define OUTPUT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTPUT_TEST(a_new_file_is_private_and_whole),
		OUTPUT_TEST(an_existing_file_is_replaced_with_its_mode),
		OUTPUT_TEST(bits_that_give_rights_are_not_kept),
		OUTPUT_TEST(giving_up_leaves_everything_as_it_was),
		OUTPUT_TEST(killing_the_writer_leaves_nothing),
		OUTPUT_TEST(a_file_that_appears_meanwhile_is_replaced),
		OUTPUT_TEST(a_directory_that_appears_meanwhile_is_an_error),
		OUTPUT_TEST(a_symlink_is_replaced_and_not_followed),
		OUTPUT_TEST(other_names_of_an_old_file_keep_the_old_text),
		OUTPUT_TEST(a_renamed_directory_still_gets_its_file),
		OUTPUT_TEST(the_longest_name_can_be_written_and_replaced),
		OUTPUT_TEST(names_that_are_no_file_are_refused_with_a_remedy),
		OUTPUT_TEST(a_full_device_is_an_error_and_stays),
		OUTPUT_TEST(an_early_error_is_told_at_the_end),
		OUTPUT_TEST(a_pipe_is_written_directly),
		OUTPUT_TEST(what_is_buffered_is_dropped_when_giving_up),
		OUTPUT_TEST(a_reader_that_left_is_no_message),
		OUTPUT_TEST(a_full_pipe_that_does_not_block_is_waited_for),
		OUTPUT_TEST(an_inherited_descriptor_keeps_its_place),
		OUTPUT_TEST(a_descriptor_not_open_for_writing_is_refused),
		OUTPUT_TEST(stdout_is_written_behind_what_was_printed),
		OUTPUT_TEST(a_closed_stdout_is_told_and_gets_no_file),
		OUTPUT_TEST(binary_data_is_not_written_to_a_terminal),
		OUTPUT_TEST(under_sudo_a_new_file_belongs_to_the_person),
		OUTPUT_TEST(a_bad_sudo_uid_is_ignored),
		OUTPUT_TEST(an_existing_file_keeps_its_owner),
		OUTPUT_TEST(a_file_that_a_stranger_laid_out_does_not_become_his),
		OUTPUT_TEST(a_full_disk_leaves_neither_half_a_file_nor_a_temporary_one),
		OUTPUT_TEST(without_unnamed_files_a_temporary_name_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
