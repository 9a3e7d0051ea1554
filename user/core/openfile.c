/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A process of its own opens the files, since nothing else can be left alone in a system call: one that waits
 * for the server of a file system may not even be killed, and would keep its whole process from ending. It
 * has none of our descriptors and shares no memory with us. Who takes too long is left behind, and the next
 * file is another one's to open.
 *
 *	we                          it
 *	 |-- struct ask, path ------>|  open, read a byte
 *	 |<-- struct pb_opened, fd --|
 *
 * What the kernel has to ask a server for: open() and read(), fstat() of what was not looked at just now, and
 * each step of a path. What it never asks for: O_PATH descriptors by /proc/PID/map_files, and statx() with
 * AT_STATX_DONT_SYNC. So the device is known before, but not by a path.
 */
#include "user/core/openfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "user/core/clock.h"
#include "user/core/files.h"
#include "user/core/log.h"
#include "user/core/procmaps.h"
#include "user/core/sandbox.h"

#define WAIT_MS    1000
#define BLIND_MAX  8 /* paths that were waited for that long */
#define HURRIED_MS 20
#define LATE_MAX   16

/* What is asked; a sight without its pointers. */
struct ask {
	uint32_t tgid;
	uint32_t build_id_len;
	uint64_t start, end;
	uint64_t dev, ino;
	uint8_t build_id[PB_BUILD_ID_MAX];
	char path[PATH_MAX]; /* cut behind its NUL */
};

/* A process that opens. */
struct helper {
	pid_t pid; /* 0: none */
	int sock;
	bool has_dev; /* of what it could not open in time */
	dev_t dev;
};

struct pb_opener {
	struct helper helper;
	struct helper late[LATE_MAX];
	uint32_t n_late;
	uint32_t blind;
};

int pb_stat_known(int fd, struct stat *st)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS & ~STATX_ATIME, &x))
		return -1;
	*st = (struct stat){
		.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.st_ino = x.stx_ino,
		.st_mode = x.stx_mode,
		.st_uid = x.stx_uid,
		.st_size = (off_t)x.stx_size,
		.st_mtim = {x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec},
	};
	return 0;
}

/*
 * Opens for reading what @at, an O_PATH descriptor that is taken, stands for, if it is a regular file.
 * Only then: opening is an act where a target has put a FIFO or a device node in the way.
 */
static int open_regular(int at, struct stat *st)
{
	pb_autoclose int fd = at;
	char name[32];

	if (fd < 0 || pb_stat_known(fd, st) || !S_ISREG(st->st_mode))
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* The path below the target's root, which no symlink there can leave; if the target is gone, below
 * ours. A deleted file is not found this way, and must not be: its path is somebody else's now. */
static int open_path(const struct pb_file_sight *s, struct stat *st)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	pb_autoclose int root = -1;
	char name[32];

	snprintf(name, sizeof(name), "/proc/%u/root", s->tgid);
	root = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) /* only where a build id will tell whether it is the same file */
		return s->build_id_len ? open_regular(open(s->path, O_PATH | O_CLOEXEC), st) : -1;
	return open_regular((int)syscall(SYS_openat2, root, s->path, &how, sizeof(how)), st);
}

/* By the path, where nothing else can be had: without a build id to check the contents by, at least the
 * inode must be the one that was mapped. */
static int open_by_path(const struct pb_file_sight *s, struct stat *st)
{
	pb_autoclose int fd = open_path(s, st);

	if (fd >= 0 && !s->build_id_len && s->ino && s->ino != st->st_ino)
		return -1;
	return pb_take_fd(fd);
}

/* The mapped inode itself. */
static int open_mapped(const struct pb_file_sight *s)
{
	char name[96];

	snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", s->tgid,
		 (unsigned long long)s->start, (unsigned long long)s->end);
	return open(name, O_PATH | O_CLOEXEC);
}

static void find_build_id(const struct pb_file_sight *s, struct pb_opened *out)
{
	out->build_id_len = s->build_id_len;
	if (s->build_id_len) {
		memcpy(out->build_id, s->build_id, s->build_id_len);
		return;
	}
	/* The mapping was seen in /proc/PID/maps. The kernel may have to read the file for it. */
	out->build_id_len = (uint32_t)pb_procmaps_build_id(s->tgid, s->start, s->ino, out->build_id,
							   sizeof(out->build_id));
}

/* @at is taken. A file whose first byte cannot be had is as good as none. */
static void open_either(const struct pb_file_sight *s, int at, struct pb_opened *out)
{
	pb_autoclose int fd = -1;
	struct pb_file_sight told = *s;
	char first;

	*out = (struct pb_opened){.fd = -1};
	find_build_id(s, out);
	told.build_id = out->build_id;
	told.build_id_len = out->build_id_len;
	fd = open_regular(at, &out->st);
	if (fd < 0)
		fd = open_by_path(&told, &out->st);
	if (fd >= 0 && !fstat(fd, &out->st) && pread(fd, &first, 1, 0) >= 0)
		out->fd = pb_take_fd(fd);
}

/* --- the process --- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static bool answer(int sock, const struct pb_opened *opened)
{
	struct iovec io = {(void *)opened, sizeof(*opened)};
	union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};

	if (opened->fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &opened->fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	}
	return sendmsg(sock, &message, MSG_NOSIGNAL) == sizeof(*opened);
}

static bool serve_one(int sock)
{
	struct pb_opened opened;
	struct pb_file_sight s;
	struct ask ask;
	bool sent;

	if (recv(sock, &ask, sizeof(ask), 0) < (ssize_t)offsetof(struct ask, path) + 1)
		return false;
	s = (struct pb_file_sight){
		.tgid = ask.tgid,
		.start = ask.start,
		.end = ask.end,
		.path = ask.path,
		.build_id = ask.build_id,
		.build_id_len = ask.build_id_len,
		.dev = ask.dev,
		.ino = ask.ino,
	};
	open_either(&s, open_mapped(&s), &opened);
	sent = answer(sock, &opened);
	if (opened.fd >= 0)
		close(opened.fd);
	return sent;
}

/* Nothing of ours may stay open for its sake, and no terminal's signal is its business. */
__attribute__((noreturn)) static void be_helper(int sock, pid_t parent)
{
	if (sock != 0 && dup2(sock, 0) < 0)
		_exit(1);
	if (close_range(1, ~0u, 0) || pb_sandbox_drop_shared() || prctl(PR_SET_NAME, "pb-opener") ||
	    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL) || getppid() != parent)
		_exit(1);
	while (serve_one(0))
		;
	_exit(0);
}

static int start_helper(struct helper *h)
{
	sigset_t all, before;
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	h->pid = fork();
	if (!h->pid)
		be_helper(pair[1], parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	h->sock = pair[0];
	if (h->pid > 0)
		return 0;
	close(h->sock);
	h->pid = 0;
	return -EAGAIN;
}

/* --- who asks it --- */

static void end_helper(struct helper *h, bool waits)
{
	if (!h->pid)
		return;
	close(h->sock);
	kill(h->pid, SIGKILL);
	/* One in a system call without end is its next parent's to reap. */
	waitpid(h->pid, NULL, waits ? WNOHANG : 0);
	h->pid = 0;
}

static bool send_ask(const struct helper *h, const struct pb_file_sight *s)
{
	struct ask ask = {
		.tgid = s->tgid,
		.build_id_len = s->build_id_len,
		.start = s->start,
		.end = s->end,
		.dev = s->dev,
		.ino = s->ino,
	};
	size_t len = strlen(s->path) + 1;

	if (len > sizeof(ask.path) || s->build_id_len > sizeof(ask.build_id))
		return false;
	memcpy(ask.path, s->path, len);
	if (s->build_id_len)
		memcpy(ask.build_id, s->build_id, s->build_id_len);
	len += offsetof(struct ask, path);
	return send(h->sock, &ask, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool is_readable(const struct helper *h, uint32_t ms)
{
	uint64_t end_ns = pb_clock_ns() + ms * 1000000ull, now_ns;
	struct pollfd p = {.fd = h->sock, .events = POLLIN};
	int n;

	do {
		now_ns = pb_clock_ns();
		n = poll(&p, 1, now_ns < end_ns ? (int)((end_ns - now_ns + 999999) / 1000000) : 0);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

static bool receive(const struct helper *h, struct pb_opened *out)
{
	struct iovec io = {out, sizeof(*out)};
	union control control;
	struct msghdr message = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t n = recvmsg(h->sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header;

	if (n != sizeof(*out)) {
		*out = (struct pb_opened){.fd = -1};
		return false;
	}
	/* It has a number of its own. Without one here, too many are open. */
	out->fd = -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&out->fd, CMSG_DATA(header), sizeof(int));
	return true;
}

/* Let go of those that were answered after all. Return: whether another waits for @dev. */
static bool is_silent(struct pb_opener *o, dev_t dev)
{
	bool silent = false;
	uint32_t i = 0;

	while (i < o->n_late) {
		if (is_readable(&o->late[i], 0)) {
			end_helper(&o->late[i], false);
			o->late[i] = o->late[--o->n_late];
			continue;
		}
		silent |= o->late[i].has_dev && o->late[i].dev == dev;
		i++;
	}
	return silent;
}

static void leave_behind(struct pb_opener *o, const char *path, bool has_dev, dev_t dev)
{
	if (has_dev || !o->blind)
		pb_log(PB_LOG_WARN,
		       "%s: its file system does not answer: code from there has no names and no unwind "
		       "rules",
		       path);
	o->blind += !has_dev;
	o->helper.has_dev = has_dev;
	o->helper.dev = dev;
	if (o->n_late == LATE_MAX)
		end_helper(&o->late[--o->n_late], true);
	o->late[o->n_late++] = o->helper;
	o->helper.pid = 0;
}

/* Which device it is on, as far as that is known without asking. */
static bool device_of(const struct pb_file_sight *s, dev_t *dev)
{
	pb_autoclose int at = open_mapped(s);
	struct stat st;

	if (at < 0 || pb_stat_known(at, &st))
		return false;
	*dev = st.st_dev;
	return true;
}

void pb_opener_open(struct pb_opener *o, const struct pb_file_sight *s, struct pb_opened *out)
{
	dev_t dev = 0;
	bool has_dev = device_of(s, &dev), done;

	*out = (struct pb_opened){.fd = -1};
	if (is_silent(o, dev) && has_dev)
		return;
	if (!o->helper.pid && start_helper(&o->helper)) { /* then as long as it takes */
		open_either(s, open_mapped(s), out);
		return;
	}
	done = send_ask(&o->helper, s);
	if (done &&
	    !is_readable(&o->helper, !has_dev && o->blind >= BLIND_MAX ? HURRIED_MS : WAIT_MS)) {
		leave_behind(o, s->path, has_dev, dev);
		return;
	}
	if (!done || !receive(&o->helper, out))
		end_helper(&o->helper, false);
}

int pb_opener_new(struct pb_opener **out)
{
	struct pb_opener *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	/* Now, as long as there is little to be copied and nobody who watches our forks. Else when it is needed. */
	if (start_helper(&o->helper))
		o->helper.pid = 0;
	*out = o;
	return 0;
}

void pb_opener_free(struct pb_opener *o)
{
	if (!o)
		return;
	end_helper(&o->helper, false);
	while (o->n_late)
		end_helper(&o->late[--o->n_late], true);
	free(o);
}
