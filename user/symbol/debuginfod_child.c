/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debuginfod_child.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/sandbox.h"

#define LIBRARY       "libdebuginfod.so.1"
#define NS_PER_S      1000000000ull
#define TELL_EVERY_NS (NS_PER_S / 10)
/* Between two calls of the progress function. */
#define WRITE_SLACK   (16ull << 20)
/* The library asks again after some errors; a server that is silent is silent then, too. */
#define RETRY_LIMIT   "0"

/* libdebuginfod.so.1. Source: debuginfod_find_debuginfo(3), elfutils 0.179. */
struct client;
typedef int progress_fn(struct client *client, long done, long total);

struct library {
	struct client *(*begin)(void);
	int (*find)(struct client *client, const unsigned char *id, int len, char **path);
	void (*set_progress)(struct client *client, progress_fn *fn);
	const char *(*get_url)(struct client *client);
};

struct server {
	int sock;
	struct library lib;
	struct client *client;
	uint64_t told_ns;
	uint64_t bytes_max;
	bool too_large; /* what is being downloaded */
};

/* This process is for it alone; the progress function gets nothing of ours. */
static struct server server;

/* --- confinement --- */

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_capset, &header, none))
		_exit(1);
}

/* Nothing of the tool's: not its BPF objects, not its output, not its terminal. */
static void drop_descriptors(int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null >= 0)
			dup2(null, fd);
	if (sock > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned int)sock - 1, 0);
	close_range((unsigned int)sock + 1, ~0u, 0);
}

static void reset_signals(void)
{
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_seconds(const char *name, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)((ns + NS_PER_S - 1) / NS_PER_S));
	setenv(name, text, 1);
}

static void set_environment(const struct pb_debuginfod_child *c)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)c->limits.bytes);
	setenv("DEBUGINFOD_MAXSIZE", text, 1);
	set_seconds("DEBUGINFOD_TIMEOUT", c->limits.idle_ns);
	set_seconds("DEBUGINFOD_MAXTIME", c->limits.file_ns);
	setenv("DEBUGINFOD_RETRY_LIMIT", RETRY_LIMIT, 1);
	setenv("DEBUGINFOD_URLS", c->urls, 1);
	setenv("DEBUGINFOD_CACHE_PATH", c->cache, 1);
	unsetenv("DEBUGINFOD_PROGRESS");
	unsetenv("DEBUGINFOD_VERBOSE");
}

static void confine(const struct pb_debuginfod_child *c)
{
	/* The last of the bounds, should the library not say how much it writes. */
	rlim_t most = c->limits.bytes < RLIM_INFINITY - WRITE_SLACK ? c->limits.bytes + WRITE_SLACK
								    : RLIM_INFINITY;
	struct rlimit size = {.rlim_cur = most, .rlim_max = most};
	struct rlimit no_core = {0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != c->parent)
		_exit(1);
	/* Ctrl-C is for the tool. */
	setpgid(0, 0);
	reset_signals();
	drop_descriptors(c->sock);
	if (pb_sandbox_drop_shared())
		_exit(1);
	drop_capabilities();
	setrlimit(RLIMIT_FSIZE, &size);
	setrlimit(RLIMIT_CORE, &no_core);
	set_environment(c);
	prctl(PR_SET_NAME, "debuginfod", 0, 0, 0);
}

/* --- the library --- */

static void *symbol(void *library, const char *name, int *err)
{
	void *address = dlsym(library, name);

	if (!address)
		*err = -ENOENT;
	return address;
}

static int load(struct library *l)
{
	void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	int err = 0;

	if (!so)
		return -ENOENT;
	l->begin = symbol(so, "debuginfod_begin", &err);
	l->find = symbol(so, "debuginfod_find_debuginfo", &err);
	l->set_progress = symbol(so, "debuginfod_set_progressfn", &err);
	l->get_url = symbol(so, "debuginfod_get_url", &err);
	return err;
}

/*
 * @done counts something else until there is a server to be named, whose bytes it counts then.
 * Return: whether the library is to give up.
 */
static int on_progress(struct client *client, long done, long total)
{
	bool bytes = server.lib.get_url(client) != NULL;
	struct pb_debuginfod_tell tell = {
		.kind = PB_TELL_PROGRESS,
		.bytes = bytes && done > 0 ? (uint64_t)done : 0,
		.total = bytes && total > 0 ? (uint64_t)total : 0,
	};
	uint64_t now = pb_clock_ns();

	if (tell.bytes > server.bytes_max || tell.total > server.bytes_max) {
		server.too_large = true;
		return 1;
	}
	if (now - server.told_ns < TELL_EVERY_NS)
		return 0;
	server.told_ns = now;
	/* One that finds no room is not missed. */
	send(server.sock, &tell, sizeof(tell), MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

/* --- answers --- */

static void tell(uint32_t kind, int err, int fd)
{
	struct pb_debuginfod_tell packet = {.kind = kind, .err = err};
	struct iovec part = {.iov_base = &packet, .iov_len = sizeof(packet)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *c;
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		sent = sendmsg(server.sock, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != sizeof(packet))
		_exit(1);
}

static void answer(const struct pb_debuginfod_ask *ask)
{
	char *path = NULL;
	int fd;

	server.told_ns = 0;
	server.too_large = false;
	fd = server.lib.find(server.client, ask->build_id, (int)ask->build_id_len, &path);
	free(path);
	if (fd < 0 && server.too_large)
		fd = -EFBIG;
	tell(PB_TELL_DONE, fd < 0 ? fd : 0, fd);
	if (fd >= 0)
		close(fd);
}

void pb_debuginfod_serve(const struct pb_debuginfod_child *c)
{
	struct pb_debuginfod_ask ask;
	int err;

	confine(c);
	server.sock = c->sock;
	server.bytes_max = c->limits.bytes;
	err = load(&server.lib);
	if (!err) {
		server.client = server.lib.begin();
		err = server.client ? 0 : -ENOMEM;
	}
	tell(PB_TELL_READY, err, -1);
	if (err)
		_exit(1);
	server.lib.set_progress(server.client, on_progress);
	for (;;) {
		ssize_t len = recv(server.sock, &ask, sizeof(ask), 0);

		if (len < 0 && errno == EINTR)
			continue;
		if (len != sizeof(ask) || ask.build_id_len > sizeof(ask.build_id))
			_exit(0);
		answer(&ask);
	}
}
