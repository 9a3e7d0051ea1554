/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/kin.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/grow.h"
#include "user/core/opts.h"
#include "user/core/own.h"
#include "user/core/procstat.h"

#define KILL_TIMEOUT_NS 5000000000ull
#define PID_MAX         4194304 /* PID_MAX_LIMIT, linux/threads.h */
#define PAUSE_US        500

struct process {
	pid_t pid, parent;
	bool has_ended, is_kin;
};

struct processes {
	struct process *items;
	uint32_t n, room;
};

static void drop(struct processes *all)
{
	free(all->items);
}

static int read_all(struct processes *all)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	*all = (struct processes){0};
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		struct pb_procstat stat;
		uint64_t pid;

		if (pb_parse_uint(entry->d_name, 1, PID_MAX, &pid) ||
		    pb_procstat_read((uint32_t)pid, &stat))
			continue;
		err = pb_grow(&all->items, &all->room, (uint64_t)all->n + 1, sizeof(*all->items));
		if (!err)
			all->items[all->n++] = (struct process){(pid_t)pid, (pid_t)stat.parent_tgid,
								stat.has_ended, false};
	}
	closedir(dir);
	return err;
}

static bool is_known(const struct pb_kin *k, pid_t pid)
{
	for (uint32_t i = 0; i < k->n_known; i++) {
		if (k->known[i] == pid)
			return true;
	}
	return false;
}

static const struct process *find(const struct processes *all, pid_t pid)
{
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->items[i].pid == pid)
			return &all->items[i];
	}
	return NULL;
}

/* Mark what descends from us, but for the known. Return: how many. */
static uint32_t mark_kin(const struct pb_kin *k, struct processes *all)
{
	pid_t self = getpid();
	uint32_t n = 0, before;

	do {
		before = n;
		for (uint32_t i = 0; i < all->n; i++) {
			struct process *p = &all->items[i];
			const struct process *parent;

			if (p->is_kin || (p->parent == self && is_known(k, p->pid)))
				continue;
			parent = p->parent == self ? NULL : find(all, p->parent);
			p->is_kin = p->parent == self || (parent && parent->is_kin);
			n += p->is_kin;
		}
	} while (n > before);
	return n;
}

static bool has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) || errno != ECHILD;
}

int pb_kin_begin(struct pb_kin *k)
{
	struct processes all = {0};
	pid_t self = getpid();
	int err = 0;

	*k = (struct pb_kin){0};
	if (prctl(PR_GET_CHILD_SUBREAPER, &k->was_subreaper) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	if (has_children())
		err = read_all(&all);
	if (!err && all.n) {
		k->known = calloc(all.n, sizeof(*k->known));
		err = k->known ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; i < all.n && !err; i++) {
		if (all.items[i].parent == self)
			k->known[k->n_known++] = all.items[i].pid;
	}
	drop(&all);
	if (err)
		pb_kin_end(k);
	return err;
}

void pb_kin_end(struct pb_kin *k)
{
	prctl(PR_SET_CHILD_SUBREAPER, k->was_subreaper);
	free(k->known);
	k->known = NULL;
	k->n_known = 0;
}

/* Its pid may be another's by now: only what still has the parent that it had, or us, is killed. */
static void kill_process(const struct process *p)
{
	pb_autoclose int fd = pidfd_open(p->pid, 0);
	struct pb_procstat now;

	if (fd < 0 || pb_procstat_read((uint32_t)p->pid, &now))
		return;
	if ((pid_t)now.parent_tgid == p->parent || (pid_t)now.parent_tgid == getpid())
		pidfd_send_signal(fd, SIGKILL, NULL, 0);
}

/* One round. Return: how many are there still; negative -errno. */
static int kill_round(const struct pb_kin *k, pid_t leader, bool *any)
{
	struct processes all = {0};
	int left = 0, err = read_all(&all);

	if (err || !mark_kin(k, &all)) {
		drop(&all);
		return err;
	}
	for (uint32_t i = 0; i < all.n; i++) {
		const struct process *p = &all.items[i];

		if (!p->is_kin)
			continue;
		if (!p->has_ended)
			kill_process(p);
		if (p->pid == leader) {
			left += !p->has_ended;
			continue;
		}
		*any |= !p->has_ended;
		/* One whose parent is among them comes to us when that one has ended. */
		left += p->parent != getpid() || waitpid(p->pid, NULL, WNOHANG | __WALL) != p->pid;
	}
	drop(&all);
	return left;
}

int pb_kin_kill(const struct pb_kin *k, pid_t leader, bool *any)
{
	uint64_t until_ns = pb_clock_ns() + KILL_TIMEOUT_NS;
	int left;

	while (has_children()) {
		left = kill_round(k, leader, any);
		if (left <= 0)
			return left;
		if (pb_clock_ns() > until_ns)
			return -ETIMEDOUT;
		usleep(PAUSE_US);
	}
	return 0;
}
