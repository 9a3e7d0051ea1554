/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debuginfod.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/symbol/debuginfod_cache.h"
#include "user/symbol/debuginfod_child.h"

#define NS_PER_S     1000000000ull
#define NS_PER_MS    1000000ull
/* How late it is noticed that somebody is in a hurry. */
#define STOP_POLL_MS 100
/* To load the library, from a slow disk. */
#define START_NS     (10 * NS_PER_S)
/* The largest number that the kernel returns as an error. */
#define ERRNO_MAX    4095

struct pb_debuginfod {
	struct pb_debuginfod_limits limits;
	char *urls;
	struct pb_debuginfod_cache *cache;
	pid_t child; /* 0: there is none now */
	int sock;
	bool given_up;
	bool said;               /* a failure has been logged */
	bool (*stop)(void *ctx); /* NULL: nobody is in a hurry */
	void *stop_ctx;
};

/* --- the child --- */

static void stop(struct pb_debuginfod *d)
{
	if (d->sock >= 0)
		close(d->sock);
	d->sock = -1;
	if (d->child <= 0)
		return;
	kill(d->child, SIGKILL);
	while (waitpid(d->child, NULL, 0) < 0 && errno == EINTR)
		;
	d->child = 0;
}

/* Wait for a packet. Return: 0; -ETIMEDOUT; -ECANCELED if somebody is in a hurry; -errno. */
static int wait_for_packet(const struct pb_debuginfod *d, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = d->sock, .events = POLLIN};

	for (;;) {
		uint64_t now = pb_clock_ns(), ms;
		int n;

		if (d->stop && d->stop(d->stop_ctx))
			return -ECANCELED;
		if (now >= deadline_ns)
			return -ETIMEDOUT;
		/* Rounded up, or the last millisecond would be spent spinning. */
		ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
		n = poll(&p, 1, ms > STOP_POLL_MS ? STOP_POLL_MS : (int)ms);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* The one descriptor that a packet came with; -1: none. More than one cannot have been sent. */
static int descriptor_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Return: 0, with a descriptor or -1 in @fd; -ETIMEDOUT; -ECANCELED; -EPIPE if the child is gone;
 * -errno. */
static int receive(const struct pb_debuginfod *d, uint64_t deadline_ns,
		   struct pb_debuginfod_tell *tell, int *fd)
{
	struct iovec part = {.iov_base = tell, .iov_len = sizeof(*tell)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	int err = wait_for_packet(d, deadline_ns);
	ssize_t len;

	if (err)
		return err;
	do
		len = recvmsg(d->sock, &msg, MSG_CMSG_CLOEXEC);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	*fd = descriptor_of(&msg);
	/* An error above 0 would be taken for a descriptor of ours. */
	if (len == sizeof(*tell) && tell->err <= 0 && tell->err >= -ERRNO_MAX)
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return len ? -EPROTO : -EPIPE;
}

static int fork_child(struct pb_debuginfod *d)
{
	struct pb_debuginfod_child c = {.parent = getpid(),
					.urls = d->urls,
					.cache = pb_debuginfod_cache_path(d->cache),
					.limits = d->limits};
	int socks[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks))
		return -errno;
	d->child = fork();
	if (!d->child) {
		c.sock = socks[1];
		pb_debuginfod_serve(&c);
	}
	close(socks[1]);
	if (d->child < 0) {
		int err = errno;

		close(socks[0]);
		d->child = 0;
		return -err;
	}
	d->sock = socks[0];
	return 0;
}

/* Return: 0; -ENOENT: the library is not installed; -errno. */
static int start(struct pb_debuginfod *d)
{
	struct pb_debuginfod_tell tell;
	int err = fork_child(d), fd = -1;

	if (!err)
		err = receive(d, pb_clock_ns() + START_NS, &tell, &fd);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = tell.kind == PB_TELL_READY ? tell.err : -EPROTO;
	if (err)
		stop(d);
	return err;
}

/* --- what the user wants --- */

/* The user's own limit in @name, in units of @unit, up to @most. Return: whether there is one. */
static bool take_limit(uint64_t *limit, const char *name, uint64_t unit, uint64_t most)
{
	const char *text = getenv(name);
	uint64_t n;

	if (!text || pb_parse_uint(text, 1, UINT64_MAX, &n))
		return false;
	*limit = n < most / unit ? n * unit : most;
	return true;
}

static void take_limits(struct pb_debuginfod_limits *l)
{
	const uint64_t most_ns = PB_DEBUGINFOD_MOST_S * NS_PER_S;
	bool idle = take_limit(&l->idle_ns, "DEBUGINFOD_TIMEOUT", NS_PER_S, most_ns);

	/* Who only says how long to wait for a byte means to wait that long. */
	if (!take_limit(&l->file_ns, "DEBUGINFOD_MAXTIME", NS_PER_S, most_ns) && idle &&
	    l->file_ns < l->idle_ns)
		l->file_ns = l->idle_ns;
	take_limit(&l->bytes, "DEBUGINFOD_MAXSIZE", 1, PB_DEBUGINFOD_MOST_BYTES);
}

static bool is_blank(const char *s)
{
	return !s || !s[strspn(s, " \t\n")];
}

static int say_start_failed(int err)
{
	if (err == -ENOENT)
		return pb_fail(ENOENT,
			       "debuginfod: libdebuginfod.so.1 cannot be loaded; install it "
			       "(Debian: libdebuginfod1)");
	return pb_err(-err, "debuginfod: start its process");
}

int pb_debuginfod_new(struct pb_debuginfod **out, const struct pb_debuginfod_limits *limits)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	int err;

	if (is_blank(urls))
		return pb_fail(ENOENT, "debuginfod: no server is named; set DEBUGINFOD_URLS to the "
				       "addresses of those to ask");
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->sock = -1;
	d->limits = limits ? *limits
			   : (struct pb_debuginfod_limits){
				     .file_ns = PB_DEBUGINFOD_FILE_S * NS_PER_S,
				     .idle_ns = PB_DEBUGINFOD_IDLE_S * NS_PER_S,
				     .bytes = PB_DEBUGINFOD_BYTES,
			     };
	take_limits(&d->limits);
	d->urls = strdup(urls);
	if (!d->urls)
		return -ENOMEM;
	err = pb_debuginfod_cache_new(&d->cache);
	if (err)
		return err;
	err = start(d);
	if (err)
		return say_start_failed(err);
	*out = pb_take(d);
	return 0;
}

void pb_debuginfod_free(struct pb_debuginfod *d)
{
	if (!d)
		return;
	stop(d);
	pb_debuginfod_cache_free(d->cache);
	free(d->urls);
	free(d);
}

void pb_debuginfod_stop_when(struct pb_debuginfod *d, bool (*stop_now)(void *ctx), void *ctx)
{
	d->stop = stop_now;
	d->stop_ctx = ctx;
}

/* --- one file --- */

static void show(const char *what, const struct pb_debuginfod_tell *tell)
{
	char line[PATH_MAX];

	if (!pb_live_wanted())
		return;
	if (tell->total)
		snprintf(line, sizeof(line), "debuginfod: %s %.0f of %.0f MB", what,
			 (double)tell->bytes / 1e6, (double)tell->total / 1e6);
	else if (tell->bytes)
		snprintf(line, sizeof(line), "debuginfod: %s %.0f MB", what,
			 (double)tell->bytes / 1e6);
	else
		snprintf(line, sizeof(line), "debuginfod: %s", what);
	pb_live(line);
}

static int send_ask(int sock, const uint8_t *build_id, uint32_t len)
{
	struct pb_debuginfod_ask ask = {.build_id_len = len};
	ssize_t sent;

	memcpy(ask.build_id, build_id, len);
	do
		sent = send(sock, &ask, sizeof(ask), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == sizeof(ask) ? 0 : -EPIPE;
}

/* Return: a descriptor; -errno of the library; -ETIMEDOUT; -EFBIG; -EPIPE if the child is gone. */
static int follow(struct pb_debuginfod *d, const char *what)
{
	uint64_t end_ns = pb_clock_ns() + d->limits.file_ns;
	uint64_t idle_ns = pb_clock_ns() + d->limits.idle_ns;
	struct pb_debuginfod_tell tell;
	uint64_t bytes = 0;
	int err, fd;

	for (;;) {
		fd = -1;
		err = receive(d, idle_ns < end_ns ? idle_ns : end_ns, &tell, &fd);
		if (err)
			return err;
		if (tell.kind == PB_TELL_DONE && (fd >= 0) == !tell.err)
			return tell.err ? tell.err : fd;
		if (fd >= 0)
			close(fd);
		if (tell.kind != PB_TELL_PROGRESS)
			return -EPROTO;
		if (tell.bytes > d->limits.bytes || tell.total > d->limits.bytes)
			return -EFBIG;
		if (tell.bytes > bytes) {
			bytes = tell.bytes;
			idle_ns = pb_clock_ns() + d->limits.idle_ns;
		}
		show(what, &tell);
	}
}

static int ask(struct pb_debuginfod *d, const uint8_t *build_id, uint32_t len, const char *what)
{
	pb_autoclose int fd = -1;
	struct stat st;
	int err;

	err = d->child ? 0 : start(d);
	if (!err)
		err = send_ask(d->sock, build_id, len);
	if (!err) {
		fd = follow(d, what);
		err = fd < 0 ? fd : 0;
	}
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	/* From the cache, or faster than its progress was told. */
	if (!err && (uint64_t)st.st_size > d->limits.bytes)
		err = -EFBIG;
	return err ? err : pb_take_fd(fd);
}

static int say_failed(struct pb_debuginfod *d, int err, const char *what)
{
	bool once = !d->said;

	d->said = true;
	if (err == -EFBIG) {
		if (once)
			pb_log(PB_LOG_WARN,
			       "debuginfod: the debug file of %s is larger than %.0f MB and left out",
			       what, (double)d->limits.bytes / 1e6);
		return err;
	}
	if (err == -EIO || err == -ENOMEM) {
		/* Of this machine; the next file may be smaller. */
		if (once)
			pb_err(-err, "debuginfod: the debug file of %s is left out", what);
		return err;
	}
	d->given_up = true;
	if (err == -ETIMEDOUT || err == -ETIME)
		pb_log(PB_LOG_WARN,
		       "debuginfod: %s does not answer: no debug information comes from there",
		       d->urls);
	else
		pb_log(PB_LOG_WARN, "debuginfod: %s: %s: no debug information comes from there",
		       d->urls, strerror(-err));
	return -ETIMEDOUT;
}

int pb_debuginfod_find(struct pb_debuginfod *d, const uint8_t *build_id, uint32_t len,
		       const char *what)
{
	int fd;

	if (d->given_up)
		return -ETIMEDOUT;
	if (!len || len > PB_WIRE_ID_MAX)
		return -ENOENT;
	fd = ask(d, build_id, len, what);
	if (pb_live_wanted())
		pb_live(NULL);
	if (fd >= 0 || fd == -ENOENT)
		return fd;
	/* It may be in the middle of it; the next question starts another one. */
	pb_debuginfod_cache_tidy(d->cache, d->child, build_id, len);
	stop(d);
	/* That it was given up is said by whoever is in a hurry. */
	return fd == -ECANCELED ? fd : say_failed(d, fd, what);
}
