/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/loadlist.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "user/core/clock.h"
#include "user/core/grow.h"

#define PATHS_MAX  4096u
#define OUTPUT_MAX (1u << 20)
#define ASK_MS     5000
#define NS_PER_MS  1000000ull

void pb_loadlist_drop(struct pb_loadlist *l)
{
	uint32_t i;

	for (i = 0; i < l->n; i++)
		free(l->paths[i]);
	free(l->paths);
	*l = (struct pb_loadlist){.paths = NULL};
}

/* The path in a line, cut to it; NULL if it names none. */
static char *path_in(char *line)
{
	char *arrow = strstr(line, " => "), *end, *path = line + strspn(line, "\t ");

	if (arrow)
		path = arrow + 4;
	end = strstr(path, " (0x");
	/* A library's name may hold the words: the last ones are the loader's. */
	while (end && strstr(end + 1, " (0x"))
		end = strstr(end + 1, " (0x");
	if (!end || !memchr(path, '/', (size_t)(end - path)))
		return NULL;
	*end = '\0';
	return path;
}

int pb_loadlist_parse(struct pb_loadlist *out, char *text, size_t len)
{
	struct pb_loadlist l = {.paths = NULL};
	char *at = text, *end = text + len;
	uint32_t size = 0;
	int err = 0;

	while (!err && at < end && l.n < PATHS_MAX) {
		char *newline = memchr(at, '\n', (size_t)(end - at)), *path;

		if (!newline)
			break; /* a line that is cut has no path that can be trusted */
		*newline = '\0';
		path = path_in(at);
		at = newline + 1;
		if (!path)
			continue;
		err = pb_grow(&l.paths, &size, l.n + 1ull, sizeof(*l.paths));
		if (err)
			break;
		l.paths[l.n] = strdup(path);
		if (l.paths[l.n])
			l.n++;
		else
			err = -ENOMEM;
	}
	if (err)
		pb_loadlist_drop(&l);
	else
		*out = l;
	return err;
}

/* --- the child --- */

struct ask {
	const char *interpreter;
	const char *program;
	char *environ[4];
	pid_t parent;
	int to; /* its stdout */
};

static void reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

__attribute__((noreturn)) static void be_loader(const struct ask *a)
{
	char list[] = "--list";
	char *const argv[] = {(char *)a->interpreter, list, (char *)a->program, NULL};
	struct rlimit no_core = {0}, seconds = {ASK_MS / 1000, ASK_MS / 1000};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Ctrl-C is for the tool. */
	setpgid(0, 0);
	reset_signals();
	if (getppid() != a->parent || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(a->to, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
		_exit(1);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_CPU, &seconds);
	execve(a->interpreter, argv, a->environ);
	_exit(127);
}

/* --- the parent --- */

/* Milliseconds until then, rounded up; 0 if that has passed. */
static int left_ms(uint64_t end_ns)
{
	uint64_t now = pb_clock_ns();

	return now >= end_ns ? 0 : (int)((end_ns - now) / NS_PER_MS) + 1;
}

/* All that it says until it closes its end. Return: bytes; -errno. */
static ssize_t gather(int fd, char *text, size_t size, uint64_t end_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t done = 0;
	ssize_t got;
	int left;

	while ((left = left_ms(end_ns)) > 0) {
		if (poll(&p, 1, left) <= 0)
			continue;
		if (done == size)
			return -EFBIG;
		got = read(fd, text + done, size - done);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return (ssize_t)done;
		if (got > 0)
			done += (size_t)got;
	}
	return -ETIMEDOUT;
}

/* Waits until then for its end, and ends it, and what it has started, if that does not come. */
static int reap(pid_t pid, uint64_t end_ns)
{
	pb_autoclose int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int status = 0, left;
	pid_t got;

	while (fd >= 0 && (left = left_ms(end_ns)) > 0)
		if (poll(&p, 1, left) > 0)
			break;
	kill(-pid, SIGKILL);
	if (fd < 0 || poll(&p, 1, 0) <= 0)
		kill(pid, SIGKILL);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPROTO;
}

static int run(const struct ask *a, char *text, size_t size, size_t *len)
{
	struct ask ask = *a;
	pb_autoclose int from = -1;
	int ends[2], err;
	uint64_t end_ns;
	ssize_t got;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	from = ends[0];
	ask.to = ends[1];
	ask.parent = getpid();
	signal(SIGCHLD, SIG_DFL); /* where our caller ignores it there would be no exit status */
	pid = fork();
	if (!pid)
		be_loader(&ask);
	err = -errno;
	close(ends[1]);
	if (pid < 0)
		return err;
	end_ns = pb_clock_ns() + ASK_MS * NS_PER_MS;
	got = gather(from, text, size, end_ns);
	err = reap(pid, got < 0 ? 0 : end_ns);
	if (got < 0)
		return (int)got;
	*len = (size_t)got;
	return err;
}

/* Whether the kernel would have the loader distrust its environment. Without file capabilities: who may use
 * probes has them all. */
static bool gains_rights(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return true;
	return ((st.st_mode & S_ISUID) && st.st_uid != getuid()) ||
	       ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) && st.st_gid != getgid());
}

static void pick_environment(struct ask *a, char *const env[])
{
	static const char *const names[] = {"LD_PRELOAD=", "LD_LIBRARY_PATH=", "GLIBC_TUNABLES="};
	size_t i, n = 0;

	/* Of a name that stands there twice the last one counts to the loaders. */
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		char *const *e;
		char *last = NULL;

		for (e = env; e && *e; e++)
			if (!strncmp(*e, names[i], strlen(names[i])))
				last = *e;
		if (last)
			a->environ[n++] = last;
	}
	a->environ[n] = NULL;
}

int pb_loadlist_ask(struct pb_loadlist *out, const char *interpreter, const char *program, int fd,
		    char *const env[])
{
	struct ask a = {.interpreter = interpreter, .program = program};
	const char *slash = strrchr(interpreter, '/');
	pb_autofree char *text = NULL;
	size_t len = 0;
	int err;

	if (!slash || strncmp(slash + 1, "ld", 2))
		return -ENOEXEC;
	text = malloc(OUTPUT_MAX);
	if (!text)
		return -ENOMEM;
	if (!gains_rights(fd))
		pick_environment(&a, env);
	err = run(&a, text, OUTPUT_MAX, &len);
	return err ? err : pb_loadlist_parse(out, text, len);
}
