/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/callcount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "user/core/opts.h"
#include "user/core/own.h"

#define CALL_EVENT "events/raw_syscalls/sys_enter/id"
#define TASK_EVENT "events/task/task_newtask/id"
/* CLONE_THREAD: what is no process. */
#define NO_THREAD  "!(clone_flags & 65536)"

/* A tracefs of our own that is mounted nowhere, where the system has mounted none: Linux 5.2, fsopen(2). */
static int open_detached(const char *event)
{
	pb_autoclose int fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	pb_autoclose int mount = -1;
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mount < 0)
		return -errno;
	fd = openat(mount, event, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The number that the running kernel has for the event. */
static int read_id(const char *event, uint64_t *id)
{
	const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
	pb_autoclose int fd = -1;
	char text[32];
	ssize_t n;
	int err;

	for (size_t i = 0; i < PB_ARRAY_SIZE(roots) && fd < 0; i++) {
		char path[96];

		snprintf(path, sizeof(path), "%s/%s", roots[i], event);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	err = fd < 0 && errno == EACCES ? -EACCES : 0;
	if (fd < 0) {
		fd = open_detached(event);
		if (fd < 0)
			return err ? err : fd;
	}
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n ? -errno : -EPROTO;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pb_parse_uint(text, 0, UINT64_MAX, id);
}

/* Return: a descriptor; -errno. */
static int open_event(const char *event)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_TRACEPOINT,
		.disabled = 1,
		.inherit = 1,
		.enable_on_exec = 1,
	};
	uint64_t id = 0;
	int err = read_id(event, &id), fd;

	if (err)
		return err;
	attr.config = id;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int pb_callcount_open_processes(void)
{
	int fd = open_event(TASK_EVENT), err;

	if (fd < 0 || !ioctl(fd, PERF_EVENT_IOC_SET_FILTER, NO_THREAD))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int pb_callcount_open(char *why, size_t size)
{
	int err = open_event(CALL_EVENT);

	if (err >= 0)
		return err;
	if (err == -EACCES || err == -EPERM)
		snprintf(why, size, "system calls are counted by a tracepoint, which needs root");
	else
		snprintf(
			why, size,
			"this kernel has no tracepoint raw_syscalls:sys_enter to count system calls "
			"by: %s",
			strerror(-err));
	return err;
}

uint64_t pb_callcount_read(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : UINT64_MAX;
}
