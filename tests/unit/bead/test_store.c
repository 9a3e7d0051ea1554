/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The store as a file: opening, versions, and where it cannot be. */
#include "user/bead/store.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "tests/unit/bead/store_fixture.h"

static void refused(int err, const char *sentence)
{
	struct pb_store *s = NULL;

	said_begin();
	assert_int_equal(pb_store_open(&s, where), err);
	assert_non_null(strstr(said_end(), sentence));
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
	assert_null(s);
}

static void a_new_store_is_made_and_opened_again(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "shop.baseline", false);

	(void)state;
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	pb_store_close(s);
	s = open_store();
	assert_int_equal(state_of_bead(s, "shop.baseline"), PB_STATE_DONE);
	pb_store_close(s);
	pb_store_close(NULL);
	assert_string_equal(sqlite("PRAGMA journal_mode"), "wal");
	assert_string_equal(sqlite("PRAGMA user_version"), "2");
}

static void a_relative_directory_holds_when_the_process_goes_elsewhere(void **state)
{
	int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *directory = NULL;
	struct pb_store *s;
	int64_t id;

	(void)state;
	assert_int_equal(chdir(scratch), 0);
	assert_int_equal(pb_store_open(&s, ".bead"), 0);
	assert_int_equal(fchdir(before), 0);
	close(before);
	assert_int_equal(pb_store_begin(s, "b", "digest", false, &id, &directory), 0);
	assert_int_equal(access(directory, W_OK), 0);
	assert_int_equal(strncmp(directory, where, strlen(where)), 0);
	free(directory);
	pb_store_close(s);
}

static void an_empty_file_is_migrated(void **state)
{
	struct pb_store *s;

	(void)state;
	assert_int_equal(mkdir(where, 0755), 0);
	close(open(file, O_CREAT | O_WRONLY, 0644));
	s = open_store();
	begin_bead(s, "b", false);
	pb_store_close(s);
	assert_string_equal(sqlite("PRAGMA user_version"), "2");
}

static void a_database_of_version_0_keeps_what_else_it_has(void **state)
{
	(void)state;
	assert_int_equal(mkdir(where, 0755), 0);
	sqlite("CREATE TABLE notes (text)");
	assert_string_equal(sqlite("PRAGMA user_version"), "0");
	pb_store_close(open_store());
	assert_string_equal(sqlite("PRAGMA user_version"), "2");
	assert_string_equal(sqlite("SELECT name FROM sqlite_master WHERE name = 'notes'"), "notes");
}

static void a_migration_that_fails_leaves_nothing_behind(void **state)
{
	(void)state;
	assert_int_equal(mkdir(where, 0755), 0);
	sqlite("CREATE TABLE baselines (other)"); /* the last of the tables that are made */
	refused(-EIO, "cannot make the tables");
	assert_string_equal(sqlite("PRAGMA user_version"), "0");
	assert_string_equal(sqlite("SELECT count(*) FROM sqlite_master"), "1");
}

static void a_newer_version_is_refused(void **state)
{
	(void)state;
	pb_store_close(open_store());
	sqlite("PRAGMA user_version = 99");
	refused(-EPROTO, "is of version 99, and this bead knows 2: a newer one made it");
	assert_string_equal(sqlite("PRAGMA user_version"), "99");
}

static void what_is_no_database_is_refused(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(mkdir(where, 0755), 0);
	f = fopen(file, "we");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("not a database\n", f);
	fclose(f);
	refused(-EBADMSG, "file is not a database; move it away, and a new one is made");
}

static void links_are_not_followed(void **state)
{
	char elsewhere[128];

	(void)state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", scratch);
	assert_int_equal(mkdir(elsewhere, 0755), 0);
	assert_int_equal(symlink(elsewhere, where), 0);
	refused(-ENOTDIR, "must be a directory, and no link");
	assert_int_equal(unlink(where), 0);
	assert_int_equal(mkdir(where, 0755), 0);
	strncat(elsewhere, "/x", 3);
	assert_int_equal(symlink(elsewhere, file), 0);
	refused(-ELOOP, "must be a regular file, and no link");
	assert_int_equal(access(elsewhere, F_OK), -1);
}

static void a_directory_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	snprintf(where, sizeof(where), "%s/no/such/.bead", scratch);
	refused(-ENOENT, "make the directory");
}

/* Open the store in a child, as somebody who may not write there. Gives its error. */
static int open_without_rights(void)
{
	pid_t pid;
	int status;

	assert_int_equal(chmod(where, 0555), 0);
	said_begin();
	pid = fork();
	if (!pid) {
		struct pb_store *s = NULL;

		if (!geteuid() && setresuid(65534, 65534, 65534))
			_exit(99);
		_exit(-pb_store_open(&s, where));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	said_end();
	assert_int_equal(chmod(where, 0755), 0);
	return WEXITSTATUS(status);
}

static void a_directory_that_is_read_only_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdir(where, 0755), 0);
	assert_int_equal(open_without_rights(), EACCES);
	assert_non_null(strstr(said, "Permission denied; its directory must be writable"));
	pb_store_close(open_store());
	assert_int_equal(open_without_rights(), EACCES);
	assert_non_null(strstr(said, "; the file and its directory must be writable"));
}

static void what_root_makes_belongs_to_the_owner_of_the_place(void **state)
{
	const char *const names[] = {
		"",      "/store.sqlite", "/store.sqlite-wal", "/store.sqlite-shm",
		"/runs", "/runs/1-b"};
	struct pb_store *s;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chown(scratch, 65534, 65534), 0);
	s = open_store();
	begin_bead(s, "b", false);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[256];
		struct stat st;

		snprintf(path, sizeof(path), "%s%s", where, names[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_uid, 65534);
	}
	pb_store_close(s);
}

/* How many samples a store takes, with its file system in @room bytes; the error that ended it is in *@err. */
static uint32_t fill(struct pb_store *s, int64_t id, int *err)
{
	const struct pb_run run = run_of(1);
	uint32_t n = 0;

	while (!(*err = pb_store_sample(s, id, "w", &run, NULL)) && n < 100000)
		n++;
	return n;
}

/* Child of the test below, in a mount namespace of its own. Exit status: 0, or a number of a step. */
static int fill_a_disk(void)
{
	struct pb_store *s = NULL;
	char *directory = NULL;
	uint32_t taken, there;
	int64_t id;
	int err;

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", scratch, "tmpfs", 0, "size=300k"))
		return 77;
	if (pb_store_open(&s, where) || pb_store_begin(s, "b", "digest", false, &id, &directory))
		return 1;
	free(directory);
	taken = fill(s, id, &err);
	if (err != -ENOSPC || !taken)
		return 2;
	/* What was taken can be read, now and by who comes later. */
	if (pb_store_count(s, id, "w", &there) || there != taken)
		return 3;
	pb_store_close(s);
	if (pb_store_open(&s, where) || pb_store_count(s, id, "w", &there) || there != taken)
		return 4;
	/* And with more room it goes on. */
	if (mount("tmpfs", scratch, "tmpfs", MS_REMOUNT, "size=2m") || fill(s, id, &err) < 10)
		return 5;
	pb_store_close(s);
	return 0;
}

static void a_full_disk_is_told_and_loses_nothing(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	said_begin();
	pid = fork();
	if (!pid)
		_exit(fill_a_disk());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	said_end();
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_non_null(strstr(said, "cannot note a sample in"));
	assert_non_null(strstr(said, "is full; make room on its file system"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(a_new_store_is_made_and_opened_again),
		store_test(a_relative_directory_holds_when_the_process_goes_elsewhere),
		store_test(an_empty_file_is_migrated),
		store_test(a_database_of_version_0_keeps_what_else_it_has),
		store_test(a_migration_that_fails_leaves_nothing_behind),
		store_test(a_newer_version_is_refused),
		store_test(what_is_no_database_is_refused),
		store_test(links_are_not_followed),
		store_test(a_directory_that_cannot_be_made_is_told),
		store_test(a_directory_that_is_read_only_is_told),
		store_test(what_root_makes_belongs_to_the_owner_of_the_place),
		store_test(a_full_disk_is_told_and_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
