/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/log.h"

/* Every test runs in a directory of its own. */
static char dir[64];

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	/* As pb_tool_main() does. */
	signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/pb-test-launch-XXXXXX");
	return !mkdtemp(dir) || chdir(dir) ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

static struct pb_launch *start(const char *const *argv)
{
	struct pb_launch *l = NULL;

	assert_int_equal(pb_launch_new(&l, (char *const *)argv), 0);
	assert_non_null(l);
	return l;
}

/* Run a line of shell from gate to end. */
static int run_shell(const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct pb_launch *l = start(argv);
	int status;

	assert_int_equal(pb_launch_release(l), 0);
	status = pb_launch_status(l, true);
	assert_int_equal(pb_launch_status(l, false), status);
	pb_launch_free(l);
	return status;
}

static void read_exe(pid_t pid, char *exe, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	len = readlink(path, exe, size - 1);
	assert_true(len > 0);
	exe[len] = '\0';
}

static void command_waits_at_the_gate(void **state)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	char own[256], before[256], after[256];
	struct pb_launch *l = start(argv);

	(void)state;
	read_exe(getpid(), own, sizeof(own));
	read_exe(pb_launch_pid(l), before, sizeof(before));
	assert_string_equal(before, own);
	assert_int_equal(pb_launch_status(l, false), -1);
	assert_int_equal(pb_launch_release(l), 0);
	read_exe(pb_launch_pid(l), after, sizeof(after));
	assert_string_not_equal(after, own);
	assert_int_equal(pb_launch_status(l, false), -1);
	pb_launch_signal(l, SIGTERM);
	assert_int_equal(pb_launch_status(l, true), 128 + SIGTERM);
	pb_launch_free(l);
}

static void exit_status_is_the_commands(void **state)
{
	(void)state;
	assert_int_equal(run_shell("exit 0"), 0);
	assert_int_equal(run_shell("exit 42"), 42);
	assert_int_equal(run_shell("exit 255"), 255);
}

static void signal_is_128_and_its_number(void **state)
{
	(void)state;
	assert_int_equal(run_shell("kill -KILL $$"), 128 + SIGKILL);
	assert_int_equal(run_shell("kill -USR1 $$"), 128 + SIGUSR1);
}

static void arguments_see_no_shell(void **state)
{
	const char *const argv[] = {"sh", "-c",         "test \"$#:$1:$2\" = '2:$(touch x):a  b'",
				    "sh", "$(touch x)", "a  b",
				    NULL};
	struct pb_launch *l = start(argv);

	(void)state;
	assert_int_equal(pb_launch_release(l), 0);
	assert_int_equal(pb_launch_status(l, true), 0);
	assert_int_equal(access("x", F_OK), -1);
	pb_launch_free(l);
}

static void missing_command_is_127(void **state)
{
	const char *const argv[] = {"/nowhere/at-all", NULL};
	struct pb_launch *l = start(argv);

	(void)state;
	assert_int_equal(pb_launch_release(l), -ENOENT);
	assert_int_equal(pb_launch_status(l, true), PB_EXIT_NOT_FOUND);
	pb_launch_free(l);
}

static void command_that_cannot_be_run_is_126(void **state)
{
	const char *const directory[] = {"/tmp", NULL}, *const text[] = {"./text", NULL};
	struct pb_launch *l = start(directory);
	int fd = open("text", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)state;
	assert_int_equal(pb_launch_release(l), -EACCES);
	assert_int_equal(pb_launch_status(l, true), PB_EXIT_NOT_RUNNABLE);
	pb_launch_free(l);

	assert_true(fd >= 0);
	close(fd);
	l = start(text);
	assert_int_equal(pb_launch_release(l), -EACCES);
	assert_int_equal(pb_launch_status(l, true), PB_EXIT_NOT_RUNNABLE);
	pb_launch_free(l);
}

static void command_that_was_never_released_never_ran(void **state)
{
	const char *const argv[] = {"touch", "ran", NULL};
	struct pb_launch *l = start(argv);
	pid_t pid = pb_launch_pid(l);

	(void)state;
	alarm(30);
	pb_launch_free(l);
	alarm(0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(access("ran", F_OK), -1);
}

static void stopped_command_at_the_gate_does_not_hold_us_up(void **state)
{
	const char *const argv[] = {"touch", "ran", NULL};
	struct pb_launch *l = start(argv);
	siginfo_t info;

	(void)state;
	assert_int_equal(kill(pb_launch_pid(l), SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)pb_launch_pid(l), &info, WSTOPPED | WNOWAIT), 0);
	alarm(30);
	pb_launch_free(l);
	alarm(0);
	assert_int_equal(access("ran", F_OK), -1);
}

static void note_rest(void *ctx)
{
	*(bool *)ctx = true;
}

static void watched_command_that_is_stopped_at_the_gate_goes_on_when_it_is_continued(void **state)
{
	const char *const argv[] = {"sh", "-c", "exit 7", NULL};
	struct pb_launch *l = start(argv);
	bool rested = false;
	siginfo_t info;
	pid_t helper;

	(void)state;
	if (geteuid()) {
		print_message("only root can watch it\n");
		skip();
	}
	assert_int_equal(kill(pb_launch_pid(l), SIGSTOP), 0);
	assert_int_equal(waitid(P_PID, (id_t)pb_launch_pid(l), &info, WSTOPPED | WNOWAIT), 0);
	pb_launch_watch(l);
	helper = fork();
	if (!helper) {
		usleep(300000);
		_exit(kill(pb_launch_pid(l), SIGCONT));
	}
	alarm(30);
	assert_int_equal(pb_launch_release(l), 0);
	pb_launch_hold(l, note_rest, &rested);
	assert_int_equal(pb_launch_status(l, true), 7);
	alarm(0);
	assert_true(rested);
	waitpid(helper, NULL, 0);
	pb_launch_free(l);
}

/* It need not be one that stops it: each is shown to who watches first. */
static void watched_command_gets_its_signals_at_the_gate(void **state)
{
	const char *const argv[] = {"sh", "-c", "exit 7", NULL};
	struct pb_launch *l = start(argv);
	bool rested = false;

	(void)state;
	if (geteuid()) {
		print_message("only root can watch it\n");
		skip();
	}
	pb_launch_watch(l);
	assert_int_equal(kill(pb_launch_pid(l), SIGWINCH), 0);
	alarm(30);
	assert_int_equal(pb_launch_release(l), 0);
	pb_launch_hold(l, note_rest, &rested);
	assert_int_equal(pb_launch_status(l, true), 7);
	alarm(0);
	assert_true(rested);
	pb_launch_free(l);
}

static void command_that_runs_is_left_alone(void **state)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct pb_launch *l = start(argv);
	pid_t pid = pb_launch_pid(l);

	(void)state;
	assert_int_equal(pb_launch_release(l), 0);
	pb_launch_free(l);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The tool is a child here, which dies without a word. */
static void death_of_the_tool_closes_the_gate(void **state)
{
	const char *const argv[] = {"touch", "ran", NULL};
	struct pb_launch *l = NULL;
	int alive[2];
	pid_t tool;
	char byte;

	(void)state;
	assert_int_equal(pipe(alive), 0); /* its write end goes on into the command */
	tool = fork();
	if (!tool) {
		if (pb_launch_new(&l, (char *const *)argv))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_true(tool > 0);
	close(alive[1]);
	alarm(30);
	assert_int_equal(read(alive[0], &byte, 1), 0); /* all have ended */
	alarm(0);
	close(alive[0]);
	waitpid(tool, NULL, 0);
	assert_int_equal(access("ran", F_OK), -1);
}

static void command_that_was_killed_at_the_gate_is_told(void **state)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	struct pb_launch *l = start(argv);
	siginfo_t info;

	(void)state;
	assert_int_equal(kill(pb_launch_pid(l), SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pb_launch_pid(l), &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(pb_launch_release(l), -ECHILD);
	assert_int_equal(pb_launch_status(l, true), 128 + SIGKILL);
	pb_launch_free(l);
}

static void signal_after_the_end_goes_nowhere(void **state)
{
	const char *const argv[] = {"true", NULL};
	struct pb_launch *l = start(argv);

	(void)state;
	assert_int_equal(pb_launch_release(l), 0);
	assert_int_equal(pb_launch_status(l, true), 0);
	pb_launch_signal(l, SIGTERM);
	assert_int_equal(pb_launch_status(l, true), 0);
	pb_launch_free(l);
}

static void command_gets_signals_although_the_tool_blocks_them(void **state)
{
	sigset_t set, old;
	int status;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &old);
	status = run_shell("kill -TERM $$; exit 3");
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(status, 128 + SIGTERM);
}

static void command_gets_broken_pipes_although_the_tool_ignores_them(void **state)
{
	(void)state;
	assert_int_equal(run_shell("kill -PIPE $$; exit 3"), 128 + SIGPIPE);
}

/* nohup cpuflame -- CMD */
static void what_our_caller_ignores_the_command_ignores(void **state)
{
	int status;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	status = run_shell("kill -HUP $$; exit 3");
	signal(SIGHUP, SIG_DFL);
	assert_int_equal(status, 3);
}

static void status_is_known_where_our_caller_ignores_dead_children(void **state)
{
	int status;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	status = run_shell("exit 7");
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(status, 7);
}

/* Open ends of pipes in a process; of ours those that pass exec. */
static int count_pipes(pid_t pid)
{
	char path[64], link[64];
	struct dirent *entry;
	int n = 0, fd;
	ssize_t len;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d))) {
		len = readlinkat(dirfd(d), entry->d_name, link, sizeof(link));
		if (len < 5 || strncmp(link, "pipe:", 5) || sscanf(entry->d_name, "%d", &fd) != 1)
			continue;
		n += pid != getpid() || !(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	closedir(d);
	return n;
}

static void command_inherits_nothing_of_the_launch(void **state)
{
	const char *const argv[] = {"sleep", "1000", NULL};
	int ours = count_pipes(getpid());
	struct pb_launch *l = start(argv);

	(void)state;
	assert_int_equal(pb_launch_release(l), 0);
	assert_int_equal(count_pipes(pb_launch_pid(l)), ours);
	pb_launch_signal(l, SIGKILL);
	pb_launch_status(l, true);
	pb_launch_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(command_waits_at_the_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(exit_status_is_the_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(signal_is_128_and_its_number, setup, teardown),
		cmocka_unit_test_setup_teardown(arguments_see_no_shell, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_command_is_127, setup, teardown),
		cmocka_unit_test_setup_teardown(command_that_cannot_be_run_is_126, setup, teardown),
		cmocka_unit_test_setup_teardown(command_that_was_never_released_never_ran, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stopped_command_at_the_gate_does_not_hold_us_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			watched_command_that_is_stopped_at_the_gate_goes_on_when_it_is_continued,
			setup, teardown),
		cmocka_unit_test_setup_teardown(watched_command_gets_its_signals_at_the_gate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(command_that_runs_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(death_of_the_tool_closes_the_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(command_that_was_killed_at_the_gate_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(signal_after_the_end_goes_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(command_gets_signals_although_the_tool_blocks_them,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			command_gets_broken_pipes_although_the_tool_ignores_them, setup, teardown),
		cmocka_unit_test_setup_teardown(what_our_caller_ignores_the_command_ignores, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			status_is_known_where_our_caller_ignores_dead_children, setup, teardown),
		cmocka_unit_test_setup_teardown(command_inherits_nothing_of_the_launch, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
