/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/snapshot.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	int pipe[2];
	int number;
};

static void tell(void *ctx)
{
	struct seen *s = ctx;

	s->number++;
	if (write(s->pipe[1], &s->number, sizeof(s->number)) != sizeof(s->number))
		_exit(1);
}

static void sleep_long(void *ctx)
{
	tell(ctx);
	pause();
}

static int heard(const struct seen *s)
{
	int number = -1;

	assert_int_equal(read(s->pipe[0], &number, sizeof(number)), sizeof(number));
	return number;
}

static void a_copy_sees_what_is_there_and_changes_nothing(void **state)
{
	struct pb_snapshot copy = {0};
	struct seen s = {.number = 41};

	(void)state;
	assert_false(pipe(s.pipe));
	assert_int_equal(pb_snapshot_take(&copy, tell, &s), 0);
	assert_int_equal(heard(&s), 42);
	assert_int_equal(s.number, 41);
	pb_snapshot_end(&copy);
	assert_int_equal(copy.pid, 0);
	/* It was reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(s.pipe[0]);
	close(s.pipe[1]);
}

static void there_is_one_at_a_time(void **state)
{
	struct pb_snapshot copy = {0};
	struct seen s = {.number = 0};

	(void)state;
	assert_false(pipe(s.pipe));
	assert_int_equal(pb_snapshot_take(&copy, sleep_long, &s), 0);
	assert_int_equal(heard(&s), 1);
	assert_int_equal(pb_snapshot_take(&copy, tell, &s), -EBUSY);
	pb_snapshot_end(&copy);
	assert_int_equal(pb_snapshot_take(&copy, tell, &s), 0);
	assert_int_equal(heard(&s), 1);
	pb_snapshot_end(&copy);
	pb_snapshot_end(&copy);
	close(s.pipe[0]);
	close(s.pipe[1]);
}

static void a_copy_dies_with_its_original(void **state)
{
	struct seen s = {.number = 0};
	struct pb_snapshot copy = {0};
	pid_t pid;
	int end;

	(void)state;
	assert_false(pipe(s.pipe));
	/* Its children come to us, so that we hear of the copy's end. */
	assert_false(prctl(PR_SET_CHILD_SUBREAPER, 1));
	pid = fork();
	if (!pid) {
		pb_snapshot_take(&copy, sleep_long, &s);
		pause();
	}
	assert_true(pid > 0);
	assert_int_equal(heard(&s), 1);
	assert_false(kill(pid, SIGKILL));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(waitpid(-1, &end, 0) > 0);
	assert_true(WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(s.pipe[0]);
	close(s.pipe[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_sees_what_is_there_and_changes_nothing),
		cmocka_unit_test(there_is_one_at_a_time),
		cmocka_unit_test(a_copy_dies_with_its_original),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
