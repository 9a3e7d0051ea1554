/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICEST 19

/* Reap it if it has ended. Return: whether it runs still. */
static int is_running(struct pb_snapshot *s)
{
	if (s->pid && waitpid(s->pid, NULL, WNOHANG))
		s->pid = 0; /* also if it is not there: somebody else has reaped it */
	return s->pid != 0;
}

int pb_snapshot_take(struct pb_snapshot *s, void (*look)(void *ctx), void *ctx)
{
	pid_t self = getpid(), pid;

	if (is_running(s))
		return -EBUSY;
	/* What is buffered would be written twice. */
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		s->pid = pid;
		return 0;
	}
	s->pid = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != self)
		_exit(0);
	setpriority(PRIO_PROCESS, 0, NICEST);
	look(ctx);
	fflush(stdout);
	_exit(0);
}

void pb_snapshot_end(struct pb_snapshot *s)
{
	if (!is_running(s))
		return;
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}
