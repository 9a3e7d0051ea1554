/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/procstat.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/clock.h"

/* A child that waits; with @argv it becomes that program first. */
static pid_t new_child(char *const *argv)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* A test that fails leaves no process behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "odd) S 1 (");
		if (argv)
			execv(argv[0], argv);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	/* Its end closes at the exec, or by hand. */
	assert_int_equal(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void parent_and_start_are_told(void **state)
{
	uint64_t before = pb_clock_read_ns(CLOCK_REALTIME), after;
	uint64_t booted = pb_clock_read_ns(CLOCK_BOOTTIME);
	pid_t pid = new_child(NULL);
	struct pb_procstat stat;

	(void)state;
	after = pb_clock_read_ns(CLOCK_REALTIME);
	assert_int_equal(pb_procstat_read((uint32_t)pid, &stat), 0);
	assert_int_equal(stat.parent_tgid, getpid());
	assert_in_range(stat.start_ns, before - 20000000, after);
	/* Ticks are of 10 ms, and count from boot. */
	assert_in_range(stat.start_ticks, booted / 10000000 - 2, booted / 10000000 + 1000);
	end_child(pid);
	assert_int_equal(pb_procstat_read((uint32_t)pid, &stat), -ESRCH);
}

static void a_forked_child_runs_the_same_image(void **state)
{
	pid_t pid = new_child(NULL);
	struct pb_procstat_image own, child;

	(void)state;
	assert_int_equal(pb_procstat_image((uint32_t)getpid(), &own), 0);
	assert_int_equal(pb_procstat_image((uint32_t)pid, &child), 0);
	assert_memory_equal(&own, &child, sizeof(own));
	end_child(pid);
	assert_int_equal(pb_procstat_image((uint32_t)pid, &child), -ESRCH);
}

static void an_exec_makes_another_image(void **state)
{
	char exe[] = "/proc/self/exe", wait[] = "wait", *const argv[] = {exe, wait, NULL};
	pid_t pid = new_child(argv), twin = new_child(argv);
	struct pb_procstat_image own, first, second;

	(void)state;
	assert_int_equal(pb_procstat_image((uint32_t)getpid(), &own), 0);
	assert_int_equal(pb_procstat_image((uint32_t)pid, &first), 0);
	assert_int_equal(pb_procstat_image((uint32_t)twin, &second), 0);
	assert_memory_not_equal(own.random, first.random, sizeof(own.random));
	assert_memory_not_equal(first.random, second.random, sizeof(own.random));
	end_child(pid);
	end_child(twin);
}

static void a_process_that_has_ended_has_no_image(void **state)
{
	struct pb_procstat_image image;
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	/* Not reaped: it still has an entry in /proc. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(pb_procstat_image((uint32_t)pid, &image) < 0);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parent_and_start_are_told),
		cmocka_unit_test(a_forked_child_runs_the_same_image),
		cmocka_unit_test(an_exec_makes_another_image),
		cmocka_unit_test(a_process_that_has_ended_has_no_image),
	};

	(void)argv;
	if (argc > 1)
		for (;;)
			pause();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
