/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debuginfod_cache.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "tests/unit/symbol/debug_fixture.h"

static int new_home(void **state)
{
	(void)state;
	fixture_run("rm -rf home xdg named; mkdir home");
	setenv("HOME", fixture_path("home"), 1);
	unsetenv("XDG_CACHE_HOME");
	unsetenv("DEBUGINFOD_CACHE_PATH");
	return 0;
}

static struct pb_debuginfod_cache *open_cache(void)
{
	struct pb_debuginfod_cache *c = NULL;

	assert_int_equal(pb_debuginfod_cache_new(&c), 0);
	assert_int_equal(access(pb_debuginfod_cache_path(c), W_OK | X_OK), 0);
	return c;
}

/* It is this folder, and stays. */
static void expect_folder(const char *name)
{
	pb_auto(pb_debuginfod_cache) struct pb_debuginfod_cache *c = open_cache();

	assert_string_equal(pb_debuginfod_cache_path(c), fixture_path(name));
	pb_debuginfod_cache_free(pb_take(c));
	assert_int_equal(access(fixture_path(name), F_OK), 0);
}

static void the_folder_is_the_one_that_the_library_would_use(void **state)
{
	(void)state;
	expect_folder("home/.cache/debuginfod_client");
	fixture_run("mkdir xdg");
	setenv("XDG_CACHE_HOME", fixture_path("xdg"), 1);
	expect_folder("xdg/debuginfod_client");
	fixture_run("mkdir home/.debuginfod_client_cache");
	expect_folder("home/.debuginfod_client_cache");
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("named"), 1);
	expect_folder("named");
}

/* In a child, as another user than root, whose home is not ours. */
static void nothing_is_written_into_another_users_home(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("needs root: to become another user\n");
		skip();
	}
	/* Its rights are not what holds us off. */
	fixture_run("mkdir xdg; chmod 777 home xdg");
	setenv("XDG_CACHE_HOME", fixture_path("xdg"), 1);
	pid = fork();
	if (!pid) {
		struct pb_debuginfod_cache *c = NULL;
		char path[PATH_MAX];

		/* No user of the password file. */
		if (seteuid(987654) || pb_debuginfod_cache_new(&c))
			_exit(1);
		snprintf(path, sizeof(path), "%s/file", pb_debuginfod_cache_path(c));
		if (!strncmp(path, fixture_dir, strlen(fixture_dir)) || mkdir(path, 0700))
			_exit(2);
		strncat(path, "/inner", sizeof(path) - strlen(path) - 1);
		if (mkdir(path, 0700))
			_exit(3);
		snprintf(path, sizeof(path), "%s", pb_debuginfod_cache_path(c));
		pb_debuginfod_cache_free(c);
		_exit(access(path, F_OK) ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fixture_run("! find home xdg -mindepth 1 | grep .");
	/* As root, by way of sudo, just the same. */
	assert_int_equal(chown(fixture_path("home"), 65534, 65534), 0);
	assert_int_equal(chown(fixture_path("xdg"), 65534, 65534), 0);
	fixture_run("mkdir theirs");
	assert_int_equal(chown(fixture_path("theirs"), 65534, 65534), 0);
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("theirs/cache"), 1);
	pb_debuginfod_cache_free(open_cache());
	fixture_run("! find home xdg theirs -mindepth 1 | grep .");
}

static void what_a_killed_download_leaves_is_removed_and_nothing_else(void **state)
{
	static const uint8_t other[2] = {0xab, 0xcd};
	pb_auto(pb_debuginfod_cache) struct pb_debuginfod_cache *c = NULL;
	pb_autoclose int fd = -1;

	(void)state;
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("named"), 1);
	c = open_cache();
	fixture_run("mkdir -p named/" FIXTURE_ID_TEXT " named/abcd\n"
		    "cd named/" FIXTURE_ID_TEXT
		    "; touch debuginfo debuginfo.ours debuginfo.theirs\n"
		    "cd ../abcd; echo ELF >debuginfo; touch debuginfo.theirs");
	fd = open(fixture_path("named/" FIXTURE_ID_TEXT "/debuginfo.ours"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	pb_debuginfod_cache_tidy(c, getpid(), fixture_id, sizeof(fixture_id));
	pb_debuginfod_cache_tidy(c, getpid(), other, sizeof(other));
	fixture_run("cd named/" FIXTURE_ID_TEXT "; [ \"$(ls)\" = debuginfo.theirs ]\n"
		    "cd ../abcd; [ \"$(ls | wc -l)\" -eq 2 ]");
	fixture_run("rm named/*/debuginfo.theirs");
	pb_debuginfod_cache_tidy(c, 0, fixture_id, sizeof(fixture_id));
	fixture_run("! [ -e named/" FIXTURE_ID_TEXT " ] && [ -s named/abcd/debuginfo ]");
}

/* A run with a cache of its own; back when it is there, at @path. */
static pid_t start_run(char *path)
{
	int ready[2];
	pid_t pid;

	setenv("DEBUGINFOD_CACHE_PATH", "/nowhere/at/all", 1);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		struct pb_debuginfod_cache *c = NULL;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pb_debuginfod_cache_new(&c))
			_exit(1);
		snprintf(path, PATH_MAX, "%s", pb_debuginfod_cache_path(c));
		if (mkdirat(open(path, O_RDONLY | O_CLOEXEC), "inner", 0700) ||
		    write(ready[1], path, PATH_MAX) != PATH_MAX)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], path, PATH_MAX), PATH_MAX);
	close(ready[0]);
	return pid;
}

static void expect_gone(const char *path)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	int i;

	for (i = 0; i < 250 && !access(path, F_OK); i++)
		nanosleep(&pause, NULL);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_cache_of_its_own_goes_with_the_run_however_that_ends(void **state)
{
	char path[PATH_MAX];
	int status;
	pid_t pid;

	(void)state;
	pid = start_run(path);
	assert_int_equal(access(path, F_OK), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_gone(path);
}

static void what_a_run_and_its_keeper_left_the_next_run_removes(void **state)
{
	char stale[64] = "/tmp/perfbeads-debuginfod-XXXXXX";
	char foreign[64] = "/tmp/perfbeads-debuginfod-XXXXXX";
	char used[PATH_MAX], inner[96];
	int status;
	pid_t pid;

	(void)state;
	pid = start_run(used);
	assert_non_null(mkdtemp(stale));
	assert_non_null(mkdtemp(foreign));
	snprintf(inner, sizeof(inner), "%s/inner", stale);
	assert_int_equal(mkdir(inner, 0700), 0);
	/* Whatever others may write to is not what we have made. */
	assert_int_equal(chmod(foreign, 0777), 0);
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("named"), 1);
	pb_debuginfod_cache_free(open_cache());
	assert_int_not_equal(access(stale, F_OK), 0);
	assert_int_equal(access(foreign, F_OK), 0);
	assert_int_equal(access(used, F_OK), 0);
	rmdir(foreign);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	expect_gone(used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_folder_is_the_one_that_the_library_would_use, new_home),
		cmocka_unit_test_setup(nothing_is_written_into_another_users_home, new_home),
		cmocka_unit_test_setup(what_a_killed_download_leaves_is_removed_and_nothing_else,
				       new_home),
		cmocka_unit_test_setup(a_cache_of_its_own_goes_with_the_run_however_that_ends,
				       new_home),
		cmocka_unit_test_setup(what_a_run_and_its_keeper_left_the_next_run_removes,
				       new_home),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
