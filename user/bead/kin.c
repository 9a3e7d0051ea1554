/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Only our own children are looked at: what descends from one becomes our child when that has ended, so all are ended
 * generation by generation. The number of a child is nobody else's until we have waited for it, so that a signal by
 * number cannot hit another process. A child takes its process group along, at one stroke, so that a fork in it is no
 * way out; what makes a group for each fork has to be met between two of them, and time for that is bounded.
 */
#include "user/bead/kin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
#define LOOKS           3 /* without any, before there are none */

struct children {
	pid_t *pids;
	uint32_t n, room;
};

static void drop(struct children *c)
{
	free(c->pids);
	*c = (struct children){0};
}

static int add(struct children *c, uint64_t pid)
{
	int err = pb_grow(&c->pids, &c->room, (uint64_t)c->n + 1, sizeof(*c->pids));

	if (!err)
		c->pids[c->n++] = (pid_t)pid;
	return err;
}

/* "12 345 " of one thread. Return: 0; -ENOENT: this kernel has no such file; -errno. */
static int add_of_thread(struct children *c, const char *tid)
{
	pb_autofree char *text = NULL;
	size_t room = 0;
	char path[64];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/children", tid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (!err && getdelim(&text, &room, ' ', file) > 0) {
		uint64_t pid;

		text[strcspn(text, " ")] = '\0';
		if (!pb_parse_uint(text, 1, PID_MAX, &pid))
			err = add(c, pid);
	}
	fclose(file);
	return err;
}

/* From all of /proc, where the kernel was built without CONFIG_PROC_CHILDREN. */
static int scan(struct children *c)
{
	uint32_t self = (uint32_t)getpid();
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		struct pb_procstat stat;
		uint64_t pid;

		if (!pb_parse_uint(entry->d_name, 1, PID_MAX, &pid) &&
		    !pb_procstat_read((uint32_t)pid, &stat) && stat.parent_tgid == self)
			err = add(c, pid);
	}
	closedir(dir);
	return err;
}

/* Those that have ended and not been waited for among them. Some may be missing while others come and go. */
static int list(struct children *c)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int err = 0;

	c->n = 0;
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			err = add_of_thread(c, entry->d_name);
	}
	closedir(dir);
	return err == -ENOENT ? scan(c) : err;
}

static bool is_known(const struct pb_kin *k, pid_t pid)
{
	for (uint32_t i = 0; i < k->n_known; i++) {
		if (k->known[i] == pid)
			return true;
	}
	return false;
}

static bool has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) || errno != ECHILD;
}

int pb_kin_begin(struct pb_kin *k)
{
	struct children now = {0};
	int err = 0;

	*k = (struct pb_kin){0};
	if (prctl(PR_GET_CHILD_SUBREAPER, &k->was_subreaper) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return -errno;
	if (has_children())
		err = list(&now);
	if (err) {
		drop(&now);
		pb_kin_end(k);
		return err;
	}
	k->known = now.pids;
	k->n_known = now.n;
	return 0;
}

void pb_kin_end(struct pb_kin *k)
{
	prctl(PR_SET_CHILD_SUBREAPER, k->was_subreaper);
	free(k->known);
	k->known = NULL;
	k->n_known = 0;
}

/* A child that was not waited for, so all of these numbers are still what they were. */
static void kill_child(pid_t pid)
{
	pid_t group;

	kill(pid, SIGKILL);
	group = getpgid(pid);
	/* All of a session descend from who made it; in ours there are others. */
	if (group > 1 && getsid(pid) != getsid(0))
		kill(-group, SIGKILL);
}

/* Wait for those that have ended, and kill the others. @now: set to these. Return: how many; -errno. */
static int kill_round(const struct pb_kin *k, pid_t leader, struct children *now)
{
	uint32_t n = 0;
	int err = list(now);

	if (err)
		return err;
	for (uint32_t i = 0; i < now->n; i++) {
		pid_t pid = now->pids[i];

		if (is_known(k, pid))
			continue;
		if (pid != leader && waitpid(pid, NULL, WNOHANG | __WALL))
			continue;
		kill_child(pid);
		now->pids[n++] = pid;
	}
	now->n = n;
	return (int)n;
}

/* Are they the same as a moment ago, so that it is of no use to hurry? */
static bool is_same(const struct children *a, const struct children *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->pids, b->pids, a->n * sizeof(*a->pids)));
}

static bool has_ended(pid_t pid)
{
	struct pb_procstat stat;

	return pb_procstat_read((uint32_t)pid, &stat) || stat.has_ended;
}

int pb_kin_kill(const struct pb_kin *k, pid_t leader, bool *any)
{
	uint64_t until_ns = pb_clock_ns() + KILL_TIMEOUT_NS;
	struct children now = {0}, before = {0}, free_one;
	bool only_leader;
	int left = 0, looks = 0;

	/* Only where there are others may a list that is empty have to do for an answer. */
	while (has_children() && looks < LOOKS) {
		left = kill_round(k, leader, &now);
		if (left < 0)
			break;
		only_leader = left == 1 && now.pids && now.pids[0] == leader;
		*any |= left && !only_leader;
		if (only_leader && has_ended(leader))
			left = 0;
		looks = !left && (k->n_known || leader) ? looks + 1 : 0;
		if (pb_clock_ns() > until_ns) {
			left = -ETIMEDOUT;
			break;
		}
		if (now.n && is_same(&now, &before))
			usleep(PAUSE_US);
		free_one = before;
		before = now;
		now = free_one;
	}
	drop(&now);
	drop(&before);
	return left < 0 ? left : 0;
}
