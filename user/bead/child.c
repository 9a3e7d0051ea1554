/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "user/bead/plan.h"
#include "user/bead/plan_walk.h"
#include "user/core/clock.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define BUSY_TRIES   50
#define BUSY_US      2000

/* All that the child needs, made before the fork: behind it nothing is allocated. */
struct plan_of_child {
	char *const *words;
	char **environment;
	char **candidates; /* paths to try, in this order */
	int in_fd, out_fd, err_fd, directory_fd;
	pid_t parent;
	struct pb_child_word *word;
};

static void drop_plan(struct plan_of_child *p)
{
	pb_plan_words_free(p->environment);
	pb_plan_words_free(p->candidates);
	if (p->in_fd >= 0)
		close(p->in_fd);
	if (p->directory_fd >= 0)
		close(p->directory_fd);
}

/* The value of a variable in an environment; NULL. */
static const char *find_variable(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; *environment; environment++) {
		if (!strncmp(*environment, name, len) && (*environment)[len] == '=')
			return *environment + len + 1;
	}
	return NULL;
}

/* @variable is "NAME=value". One of the plan's, of that name, takes its place. */
static int add_fixed(char **environment, uint32_t *n, const struct pb_plan_workload *workload,
		     const char *name, const char *value)
{
	if (!value || find_variable(workload->environment, name))
		return 0;
	if (asprintf(&environment[*n], "%s=%s", name, value) < 0) {
		environment[*n] = NULL;
		return -ENOMEM;
	}
	++*n;
	return 0;
}

char **pb_child_environment(const struct pb_plan_workload *workload)
{
	const char *path = getenv("PATH");
	uint32_t n = 0, own = 0;
	char **environment;
	int err;

	while (workload->environment[own])
		own++;
	environment = calloc((size_t)own + 5, sizeof(*environment));
	if (!environment)
		return NULL;
	err = add_fixed(environment, &n, workload, "PATH", path ? path : DEFAULT_PATH);
	err = err ? err : add_fixed(environment, &n, workload, "HOME", getenv("HOME"));
	err = err ? err : add_fixed(environment, &n, workload, "LANG", "C.UTF-8");
	err = err ? err : add_fixed(environment, &n, workload, "TZ", "UTC");
	for (uint32_t i = 0; i < own && !err; i++, n++) {
		environment[n] = strdup(workload->environment[i]);
		err = environment[n] ? 0 : -ENOMEM;
	}
	if (!err)
		return environment;
	pb_plan_words_free(environment);
	return NULL;
}

/* Where the command may be: as it is if it has a slash, else in each directory of the child's PATH. */
static char **find_candidates(const char *command, char *const *environment)
{
	const char *path = find_variable(environment, "PATH");
	char **candidates;
	size_t n = 0, len;

	if (!path)
		path = "";
	for (const char *p = path; *p; p++)
		n += *p == ':';
	candidates = calloc(n + 2, sizeof(*candidates));
	if (!candidates)
		return NULL;
	if (strchr(command, '/')) {
		candidates[0] = strdup(command);
		return candidates;
	}
	for (n = 0;; n++) {
		len = strcspn(path, ":");
		/* An empty part is the working directory. Source: POSIX.1-2017, XBD 8.3. */
		if (asprintf(&candidates[n], "%.*s%s%s", (int)len, path, len ? "/" : "./",
			     command) < 0) {
			candidates[n] = NULL;
			pb_plan_words_free(candidates);
			return NULL;
		}
		if (!path[len])
			return candidates;
		path += len + 1;
	}
}

/* A file that can be read without waiting for anybody. */
static int open_input(const char *path)
{
	int fd = open(path ? path : "/dev/null", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return pb_err(errno, "open %s, the input of the command", path);
	if (fstat(fd, &st) || (path && !S_ISREG(st.st_mode))) {
		close(fd);
		return pb_fail(EINVAL, "%s, the input of the command, is no regular file", path);
	}
	return fd;
}

static int prepare(struct plan_of_child *p, const struct pb_plan_workload *workload)
{
	p->environment = pb_child_environment(workload);
	if (p->environment)
		p->candidates = find_candidates(p->words[0], p->environment);
	if (!p->candidates || !p->candidates[0])
		return pb_err(ENOMEM, "start %s", p->words[0]);
	p->directory_fd = open(workload->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->directory_fd < 0)
		return pb_err(errno, "enter %s, the directory of workload \"%s\"",
			      workload->directory, workload->name);
	p->in_fd = open_input(workload->stdin_path);
	return p->in_fd < 0 ? p->in_fd : 0;
}

/* Handlers of ours would run on a copy of our memory; what our caller ignores stays so, as with nohup(1). */
static void reset_signals(void)
{
	struct sigaction now;
	sigset_t none;

	for (int sig = 1; sig < _NSIG; sig++) {
		if (!sigaction(sig, NULL, &now) && now.sa_handler != SIG_IGN)
			signal(sig, SIG_DFL);
	}
	signal(SIGPIPE, SIG_DFL); /* this one we ignore */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The child. */
__attribute__((noreturn)) static void be_command(const struct plan_of_child *p)
{
	int err = ENOENT;

	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != p->parent)
		_exit(PB_EXIT_TOOL_FAILED);
	if (dup2(p->in_fd, STDIN_FILENO) < 0 || dup2(p->out_fd, STDOUT_FILENO) < 0 ||
	    dup2(p->err_fd, STDERR_FILENO) < 0 || fchdir(p->directory_fd) ||
	    close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC))
		_exit(PB_EXIT_TOOL_FAILED);
	reset_signals();
	/* Twice: what the first takes of memory has to be in what we had before the exec, as the kernel adds that up to the
	 * command's peak; and its work is not the command's. */
	for (int i = 0; i < 2; i++) {
		p->word->start_ns = pb_clock_ns();
		getrusage(RUSAGE_SELF, &p->word->before);
		p->word->thread = pb_machine_thread(0);
	}
	p->word->start_ns = 0;
	for (char **path = p->candidates; *path; path++) {
		/* A program that was installed just now may be open for writing for a moment. */
		for (int i = 0; i < BUSY_TRIES; i++) {
			p->word->start_ns = pb_clock_ns();
			execve(*path, p->words, p->environment);
			if (errno != ETXTBSY)
				break;
			usleep(BUSY_US);
		}
		/* In a directory of PATH that may not be searched there is nothing, as sh has it. */
		if (errno == EACCES && p->candidates[1] && access(*path, F_OK))
			continue;
		if (errno != ENOENT && errno != ENOTDIR)
			err = errno;
		if (err != ENOENT && err != EACCES)
			break;
	}
	p->word->exec_errno = err;
	_exit(err == ENOENT ? PB_EXIT_NOT_FOUND : PB_EXIT_NOT_RUNNABLE);
}

int pb_child_start(struct pb_child *child, const struct pb_plan_workload *workload,
		   char *const *words, int out_fd, int err_fd)
{
	struct plan_of_child plan = {.words = words,
				     .in_fd = -1,
				     .out_fd = out_fd,
				     .err_fd = err_fd,
				     .directory_fd = -1,
				     .parent = getpid()};
	int err = prepare(&plan, workload);

	*child = (struct pb_child){.pid = -1, .pidfd = -1};
	if (!err) {
		plan.word = mmap(NULL, sizeof(*plan.word), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		err = plan.word == MAP_FAILED ? pb_err(errno, "start %s", words[0]) : 0;
	}
	if (!err) {
		child->word = plan.word;
		signal(SIGCHLD, SIG_DFL); /* where our caller ignores it there would be no status */
		/* Peak memory of a command is at least that of us at the fork: exec does not forget it. So what we have
		 * freed, as after reading a profile, is given back before; else it would grow from bead to bead. */
		malloc_trim(0);
		child->pid = fork();
		if (!child->pid)
			be_command(&plan);
		child->pidfd = child->pid > 0 ? pidfd_open(child->pid, 0) : -1;
		err = child->pidfd < 0 ? pb_err(errno, "start %s", words[0]) : 0;
	}
	drop_plan(&plan);
	if (err && child->pid > 0) {
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	if (err)
		pb_child_drop(child);
	return err;
}

void pb_child_drop(struct pb_child *child)
{
	if (child->word)
		munmap(child->word, sizeof(*child->word));
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct pb_child){.pid = -1, .pidfd = -1};
}
