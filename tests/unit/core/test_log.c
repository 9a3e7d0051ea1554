/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static char captured[64 * 1024];
static int saved = -1;
static int master = -1;

/* stderr becomes @fd, which is closed. */
static void redirect(int fd)
{
	assert_true(fd >= 0);
	saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(saved >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void restore(void)
{
	if (saved < 0)
		return;
	dup2(saved, STDERR_FILENO);
	close(saved);
	saved = -1;
}

static void begin_capture(void)
{
	redirect(memfd_create("stderr", 0));
}

/* What was written to stderr since begin_capture(). */
static const char *end_capture(void)
{
	ssize_t n = pread(STDERR_FILENO, captured, sizeof(captured) - 1, 0);

	restore();
	captured[n > 0 ? n : 0] = '\0';
	return captured;
}

/* stderr becomes a raw terminal of @columns, which knows how to redraw a line. */
static void begin_terminal(unsigned short columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = columns};
	struct termios raw;
	int fd;

	master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	fd = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(fd, TCSANOW, &raw), 0);
	assert_int_equal(ioctl(fd, TIOCSWINSZ, &size), 0);
	setenv("TERM", "xterm", 1);
	redirect(fd);
}

/* Everything the terminal got; it goes away. A mark says where that ends. */
static const char *end_terminal(void)
{
	size_t used = 0;

	assert_int_equal(write(STDERR_FILENO, "$", 1), 1);
	while (!used || captured[used - 1] != '$') {
		ssize_t n = read(master, captured + used, sizeof(captured) - 1 - used);

		assert_true(n > 0);
		used += (size_t)n;
	}
	captured[used - 1] = '\0';
	restore();
	close(master);
	return captured;
}

static int setup(void **state)
{
	(void)state;
	pb_log_init("prog", PB_LOG_INFO);
	pb_live_enable(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	restore();
	return 0;
}

static void a_message_is_one_line_with_the_program_in_front(void **state)
{
	(void)state;
	begin_capture();
	pb_log(PB_LOG_ERROR, "open %s: %d", "/x", 3);
	assert_string_equal(end_capture(), "prog: open /x: 3\n");
}

static void levels_above_the_chosen_are_not_shown(void **state)
{
	(void)state;
	begin_capture();
	pb_log_init("prog", PB_LOG_WARN);
	pb_log(PB_LOG_DEBUG, "debug");
	pb_log(PB_LOG_INFO, "info");
	pb_log(PB_LOG_WARN, "warn");
	pb_log(PB_LOG_ERROR, "error");
	assert_true(pb_log_wants(PB_LOG_WARN));
	assert_false(pb_log_wants(PB_LOG_INFO));
	assert_string_equal(end_capture(), "prog: warn\nprog: error\n");
}

static void a_hostile_name_does_not_reach_the_terminal_raw(void **state)
{
	(void)state;
	begin_capture();
	pb_log(PB_LOG_INFO, "comm %s", "\033[2J\nprog: fine\xff");
	assert_string_equal(end_capture(), "prog: comm \\x1b[2J\\x0aprog: fine\\xff\n");
}

static void a_long_message_is_cut_and_still_one_line(void **state)
{
	static char name[20000];
	const char *text;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	begin_capture();
	pb_log(PB_LOG_INFO, "%s", name);
	text = end_capture();
	assert_in_range(strlen(text), 8000, 8300);
	assert_string_equal(text + strlen(text) - 5, "x...\n");

	memset(name, '\n', sizeof(name) - 1);
	begin_capture();
	pb_err(ENOENT, "%s", name);
	text = end_capture();
	assert_in_range(strlen(text), 8000, 8300);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void an_error_is_named_and_returned_negative(void **state)
{
	(void)state;
	begin_capture();
	errno = EBUSY;
	assert_int_equal(pb_err(ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(pb_fail(EPERM, "no"), -EPERM);
	assert_int_equal(errno, EBUSY);
	assert_string_equal(end_capture(), "prog: open /x: No such file or directory\nprog: no\n");
}

/* Run @talk in a child whose stderr is broken; its status tells whether it lived through. */
static void expect_survival(void (*breakage)(void))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		signal(SIGPIPE, SIG_IGN);
		alarm(20); /* a loop without end is a failure, not a hang of all tests */
		breakage();
		errno = EBUSY;
		pb_log(PB_LOG_ERROR, "message");
		pb_live_enable(true);
		pb_live("line");
		pb_live(NULL);
		_exit(errno == EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void close_stderr(void)
{
	close(STDERR_FILENO);
}

static void leave_stderr_without_reader(void)
{
	int ends[2];

	if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
		_exit(2);
	close(ends[0]);
	close(ends[1]);
}

static void fill_stderr_without_blocking(void)
{
	int ends[2];

	if (pipe2(ends, O_NONBLOCK) || dup2(ends[1], STDERR_FILENO) < 0)
		_exit(2);
	while (write(ends[1], "x", 1) == 1)
		;
}

static void make_stderr_full(void)
{
	if (dup2(open("/dev/full", O_WRONLY), STDERR_FILENO) < 0)
		_exit(2);
}

static void a_broken_stderr_stops_nothing(void **state)
{
	(void)state;
	expect_survival(close_stderr);
	expect_survival(leave_stderr_without_reader);
	expect_survival(fill_stderr_without_blocking);
	expect_survival(make_stderr_full);
}

static void a_closed_stderr_is_not_given_to_the_next_file(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (!child) {
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		pb_log_init("prog", PB_LOG_INFO);
		if (open("/dev/null", O_WRONLY) <= STDERR_FILENO)
			_exit(1);
		/* and who uses them is told so; a command we start finds them closed */
		if (write(STDOUT_FILENO, "x", 1) != -1 || errno != EBADF)
			_exit(2);
		_exit(fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC ? 0 : 3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void open_descriptors_are_left_alone(void **state)
{
	(void)state;
	begin_capture();
	pb_log_init("prog", PB_LOG_INFO);
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFD) & FD_CLOEXEC, 0);
	pb_log(PB_LOG_INFO, "x");
	assert_string_equal(end_capture(), "prog: x\n");
}

static void a_live_line_is_replaced_cleared_and_gives_way_to_messages(void **state)
{
	(void)state;
	begin_terminal(80);
	pb_live_enable(true);
	pb_live("one");
	pb_live("two");
	pb_log(PB_LOG_INFO, "message");
	pb_log(PB_LOG_INFO, "another");
	pb_live("three");
	pb_live(NULL);
	pb_live(NULL);
	assert_string_equal(end_terminal(), "\rone\033[K\rtwo\033[K\r\033[Kprog: message\n"
					    "prog: another\n\rthree\033[K\r\033[K");
}

static void a_live_line_is_cut_to_the_terminal_and_safe(void **state)
{
	(void)state;
	begin_terminal(8);
	pb_live_enable(true);
	pb_live("123456789");
	pb_live("日本語日本語");
	pb_live("a\nb");
	pb_live(NULL);
	assert_string_equal(end_terminal(), "\r1234567\033[K\r日本語\033[K\ra\\x0ab\033[K\r\033[K");
}

static void switching_off_clears_the_live_line(void **state)
{
	(void)state;
	begin_terminal(80);
	pb_live_enable(true);
	pb_live("one");
	pb_live_enable(false);
	pb_live("two");
	assert_string_equal(end_terminal(), "\rone\033[K\r\033[K");
}

static void no_live_line_on_a_terminal_that_cannot_redraw(void **state)
{
	(void)state;
	begin_terminal(80);
	pb_live_enable(true);
	assert_true(pb_live_wanted());
	setenv("TERM", "dumb", 1);
	assert_false(pb_live_wanted());
	pb_live("one");
	unsetenv("TERM");
	pb_live("two");
	pb_live(NULL);
	assert_string_equal(end_terminal(), "");
}

static void no_live_line_where_there_is_no_terminal(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	begin_capture();
	pb_live_enable(true);
	assert_false(pb_live_wanted());
	pb_live("one");
	pb_live(NULL);
	assert_string_equal(end_capture(), "");
}

static void ready_is_for_scripts_at_any_level(void **state)
{
	(void)state;
	begin_capture();
	pb_log_init("prog", PB_LOG_ERROR);
	pb_log_ready();
	assert_string_equal(end_capture(), "ready\n");
	begin_terminal(80);
	pb_log_ready();
	assert_string_equal(end_terminal(), "");
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_message_is_one_line_with_the_program_in_front),
		LOG_TEST(levels_above_the_chosen_are_not_shown),
		LOG_TEST(a_hostile_name_does_not_reach_the_terminal_raw),
		LOG_TEST(a_long_message_is_cut_and_still_one_line),
		LOG_TEST(an_error_is_named_and_returned_negative),
		LOG_TEST(a_broken_stderr_stops_nothing),
		LOG_TEST(a_closed_stderr_is_not_given_to_the_next_file),
		LOG_TEST(open_descriptors_are_left_alone),
		LOG_TEST(a_live_line_is_replaced_cleared_and_gives_way_to_messages),
		LOG_TEST(a_live_line_is_cut_to_the_terminal_and_safe),
		LOG_TEST(switching_off_clears_the_live_line),
		LOG_TEST(no_live_line_on_a_terminal_that_cannot_redraw),
		LOG_TEST(no_live_line_where_there_is_no_terminal),
		LOG_TEST(ready_is_for_scripts_at_any_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
