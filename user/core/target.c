/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "user/core/args.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/report.h"

void pb_target_free(struct pb_target *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->n; i++) {
		if (t->pidfds[i] >= 0)
			close(t->pidfds[i]);
	}
	if (t->cgroup_fd >= 0)
		close(t->cgroup_fd);
	pb_launch_free(t->launch);
	free(t->tgids);
	free(t->pidfds);
	free(t);
}

/* The process that a thread belongs to, from /proc/TID/status; 0 if there is no such thread. */
static uint32_t tgid_of(uint32_t tid)
{
	char path[32], line[256];
	uint64_t tgid = 0;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	pb_autofclose FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Tgid:\t", 6)) {
			if (pb_parse_uint(line + 6, 1, UINT32_MAX, &tgid))
				tgid = 0;
			break;
		}
	}
	return (uint32_t)tgid;
}

static int add_process(struct pb_target *t, uint32_t tgid)
{
	uint32_t owner = tgid_of(tgid);
	int fd;

	if (!owner)
		return pb_fail(ESRCH, "there is no process %u", tgid);
	if (owner != tgid)
		return pb_fail(EDOM, "%u is a thread of process %u: use -t %u, or -p %u", tgid,
			       owner, tgid, owner);
	fd = (int)syscall(SYS_pidfd_open, tgid, 0);
	if (fd < 0)
		return errno == ESRCH ? pb_fail(ESRCH, "there is no process %u", tgid)
				      : pb_err(errno, "open process %u", tgid);
	t->tgids[t->n] = tgid;
	t->pidfds[t->n++] = fd;
	return 0;
}

static int reserve(struct pb_target *t, uint32_t n)
{
	t->tgids = calloc(n, sizeof(*t->tgids));
	t->pidfds = calloc(n, sizeof(*t->pidfds));
	return t->tgids && t->pidfds ? 0 : -ENOMEM;
}

static int resolve_thread(struct pb_target *t, uint32_t tid)
{
	uint32_t tgid = tgid_of(tid);

	if (!tgid)
		return pb_fail(ESRCH, "there is no thread %u", tid);
	t->scope = PB_SCOPE_THREAD;
	t->tid = tid;
	return add_process(t, tgid);
}

static int open_cgroup(struct pb_target *t, const char *path)
{
	static const char *const below[] = {"", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char full[4096 + 32];
	struct statfs fs;
	size_t i;
	int fd = -1;

	t->scope = PB_SCOPE_CGROUP;
	if (!*path)
		return pb_fail(EDOM, "--cgroup needs a path; / is the root");
	for (i = 0; i < PB_ARRAY_SIZE(below) && fd < 0; i++) {
		snprintf(full, sizeof(full), "%s%s%s", below[i], i && path[0] != '/' ? "/" : "",
			 path);
		fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && (fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		return pb_fail(ESRCH, "there is no cgroup v2 directory %s", path);
	t->cgroup_fd = fd;
	return 0;
}

static int resolve_processes(struct pb_target *t, const struct pb_args *args)
{
	uint32_t i;
	int err;

	t->scope = PB_SCOPE_PROCESS;
	t->children = !args->no_children;
	if (args->command) {
		err = pb_launch_new(&t->launch, args->command);
		return err ? err : add_process(t, (uint32_t)pb_launch_pid(t->launch));
	}
	for (i = 0; i < args->pids.n; i++) {
		err = add_process(t, args->pids.ids[i]);
		if (err)
			return err;
	}
	return 0;
}

int pb_target_new(struct pb_target **out, const struct pb_args *args)
{
	pb_auto(pb_target) struct pb_target *t = calloc(1, sizeof(*t));
	int err = 0;

	if (!t)
		return -ENOMEM;
	t->cgroup_fd = -1;
	if (reserve(t, args->pids.n + 1))
		return -ENOMEM;
	if (args->all)
		t->scope = PB_SCOPE_ALL;
	else if (args->cgroup)
		err = open_cgroup(t, args->cgroup);
	else if (args->tid)
		err = resolve_thread(t, (uint32_t)args->tid);
	else
		err = resolve_processes(t, args);
	if (err)
		return err;
	*out = pb_take(t);
	return 0;
}

static bool thread_ended(const struct pb_target *t)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u", t->tgids[0], t->tid);
	return access(path, F_OK) != 0;
}

bool pb_target_ended(const struct pb_target *t)
{
	uint32_t i;

	if (t->scope == PB_SCOPE_ALL || t->scope == PB_SCOPE_CGROUP)
		return false;
	if (t->scope == PB_SCOPE_THREAD && thread_ended(t))
		return true;
	for (i = 0; i < t->n; i++) {
		struct pollfd p = {.fd = t->pidfds[i], .events = POLLIN};

		if (poll(&p, 1, 0) != 1)
			return false;
	}
	return true;
}

static void read_comm(uint32_t tgid, char *comm, size_t size)
{
	char path[32];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%u/comm", tgid);
	pb_autofclose FILE *f = fopen(path, "re");

	/* Not by line: a name may hold a newline. */
	len = f ? fread(comm, 1, size - 1, f) : 0;
	if (len && comm[len - 1] == '\n')
		len--;
	comm[len] = '\0';
}

static char *copy_scope(const struct pb_target *t, const struct pb_args *args)
{
	char *text = NULL;
	int n = -1;

	if (t->scope == PB_SCOPE_ALL)
		n = asprintf(&text, "whole machine");
	else if (t->scope == PB_SCOPE_CGROUP)
		n = asprintf(&text, "cgroup %s", args->cgroup);
	else if (t->scope == PB_SCOPE_THREAD)
		n = asprintf(&text, "thread %u of process %u", t->tid, t->tgids[0]);
	else if (t->n == 1)
		n = asprintf(&text, "pid %u", t->tgids[0]);
	else
		n = asprintf(&text, "%u processes", t->n);
	return n < 0 ? NULL : text;
}

static char **copy_argv(char *const *argv)
{
	size_t n = 0, i;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (i = 0; copy && i < n; i++)
		copy[i] = strdup(argv[i]);
	return copy;
}

int pb_target_describe(const struct pb_target *t, const struct pb_args *args,
		       struct pb_report *report)
{
	pb_autofree char *scope = copy_scope(t, args);
	char comm[64] = "";

	if (args->command)
		snprintf(comm, sizeof(comm), "%s", basename(args->command[0]));
	else if (t->n)
		read_comm(t->tgids[0], comm, sizeof(comm));
	if (!scope || pb_report_set(&report->scope, scope) || pb_report_set(&report->comm, comm))
		return -ENOMEM;
	report->tgids = calloc(t->n + 1, sizeof(*report->tgids));
	if (!report->tgids)
		return -ENOMEM;
	memcpy(report->tgids, t->tgids, t->n * sizeof(*t->tgids));
	report->n_tgids = t->n;
	if (args->command) {
		report->argv = copy_argv(args->command);
		if (!report->argv)
			return -ENOMEM;
	}
	return 0;
}
