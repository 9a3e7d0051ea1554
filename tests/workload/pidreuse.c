/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pidreuse ROUNDS FIRST SECOND [PID]: runs the programs FIRST and SECOND, each with one number as its argument
 * ("shape:0.2"), in turn and all under one pid, by clone3() with set_tid; where the loader puts a program is not
 * random, so that what the two have at one address differs. With PID, that one, and it waits for its end at
 * first: a process of somebody else's whose pid is taken.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* One that was free a moment ago; the kernel gives the ones behind it first. */
static pid_t free_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void become(const char *what)
{
	char *program = strdup(what), *number = program ? strrchr(program, ':') : NULL;

	if (!number)
		_exit(2);
	*number++ = '\0';
	personality(ADDR_NO_RANDOMIZE);
	execl(program, program, number, (char *)NULL);
	perror(program);
	_exit(127);
}

static int run_as(pid_t pid, const char *what)
{
	pid_t child;
	int status;

	for (int tries = 0; (child = fork_as(pid)) < 0 && errno == EEXIST && tries < 1000; tries++)
		usleep(10000); /* it has not been reaped */
	if (child < 0) {
		perror("clone3 with set_tid");
		return 1;
	}
	if (!child)
		become(what);
	return waitpid(child, &status, 0) == child && !status ? 0 : 1;
}

int main(int argc, char **argv)
{
	pid_t pid = (pid_t)arg(argc, argv, 4, 0);

	if (argc < 4)
		return 2;
	if (!pid)
		pid = free_pid();
	say_ready();
	while (argc > 4 && !kill(pid, 0))
		usleep(10000);
	for (int rounds = (int)arg(argc, argv, 1, 1); rounds > 0; rounds--) {
		if (run_as(pid, argv[2]) || run_as(pid, argv[3]))
			return 1;
	}
	return 0;
}
