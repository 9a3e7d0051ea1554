/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "user/core/loading.h"
#include "user/core/log.h"

#define PASS_MS 20 /* between two looks at whether a signal has stopped a command that is watched */

struct pb_launch {
	pid_t pid;
	const char *name;
	int gate;    /* write end; closed or written once */
	int verdict; /* read end: the errno of a failed exec, or end of file */
	bool released;
	bool watched; /* by pb_loading_begin() */
	int status;   /* -1 until it has ended */
};

/* The child: wait, give the command the signals it would have had, become it. */
__attribute__((noreturn)) static void be_command(char *const *argv, int gate, int verdict)
{
	sigset_t none;
	ssize_t n;
	char go;
	int err;

	do
		n = read(gate, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(PB_EXIT_TOOL_FAILED);
	/* We ignore this one; what else is ignored our caller wanted so, as nohup(1) does. */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	err = errno;
	if (write(verdict, &err, sizeof(err)) != sizeof(err))
		_exit(PB_EXIT_TOOL_FAILED);
	_exit(err == ENOENT ? PB_EXIT_NOT_FOUND : PB_EXIT_NOT_RUNNABLE);
}

int pb_launch_new(struct pb_launch **out, char *const *argv)
{
	pb_auto(pb_launch) struct pb_launch *l = calloc(1, sizeof(*l));
	int gate[2], verdict[2];

	if (!l)
		return -ENOMEM;
	*l = (struct pb_launch){
		.pid = -1, .name = argv[0], .gate = -1, .verdict = -1, .status = -1};
	if (pipe2(gate, O_CLOEXEC))
		return pb_err(errno, "make a pipe for %s", argv[0]);
	l->gate = gate[1];
	if (pipe2(verdict, O_CLOEXEC)) {
		close(gate[0]);
		return pb_err(errno, "make a pipe for %s", argv[0]);
	}
	l->verdict = verdict[0];
	signal(SIGCHLD, SIG_DFL); /* where our caller ignores it there would be no exit status */
	l->pid = fork();
	if (!l->pid) {
		close(gate[1]);
		be_command(argv, gate[0], verdict[1]);
	}
	close(gate[0]);
	close(verdict[1]);
	if (l->pid < 0)
		return pb_err(errno, "start %s", argv[0]);
	*out = pb_take(l);
	return 0;
}

void pb_launch_free(struct pb_launch *l)
{
	if (!l)
		return;
	if (l->pid > 0 && !l->released) {
		pb_launch_signal(l, SIGKILL);
		pb_launch_status(l, true);
	}
	if (l->gate >= 0)
		close(l->gate);
	if (l->verdict >= 0)
		close(l->verdict);
	free(l);
}

pid_t pb_launch_pid(const struct pb_launch *l)
{
	return l->pid;
}

void pb_launch_watch(struct pb_launch *l)
{
	int err = pb_loading_begin(l->pid);

	l->watched = !err;
	if (err)
		pb_log(PB_LOG_DEBUG, "%s is not held while it is loaded: %s", l->name,
		       strerror(-err));
}

int pb_launch_release(struct pb_launch *l)
{
	struct pollfd verdict = {.fd = l->verdict, .events = POLLIN};
	int err = 0;
	ssize_t n;

	n = write(l->gate, "!", 1);
	close(l->gate);
	l->gate = -1;
	l->released = true;
	if (n != 1)
		return pb_fail(ECHILD, "%s ended before it was started", l->name);
	while (l->watched && !poll(&verdict, 1, PASS_MS))
		pb_loading_pass(l->pid);
	do
		n = read(l->verdict, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(err))
		return pb_err(err, "cannot run %s", l->name);
	return 0;
}

/* How it ended, as a shell says it. */
static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void pb_launch_hold(struct pb_launch *l, void (*at_rest)(void *ctx), void *ctx)
{
	int status = 0, err;

	if (!l->watched)
		return;
	l->watched = false;
	err = pb_loading_hold(l->pid, at_rest, ctx, &status);
	if (err)
		pb_log(PB_LOG_DEBUG, "%s was not held while it was loaded: %s", l->name,
		       strerror(-err));
	if (err == -ECHILD)
		l->status = shell_status(status);
}

void pb_launch_signal(struct pb_launch *l, int sig)
{
	if (l->pid > 0 && pb_launch_status(l, false) < 0)
		kill(l->pid, sig);
}

int pb_launch_status(struct pb_launch *l, bool wait)
{
	pid_t pid;
	int status;

	if (l->status >= 0)
		return l->status;
	do
		pid = waitpid(l->pid, &status, wait ? 0 : WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == l->pid)
		l->status = shell_status(status);
	return l->status;
}
