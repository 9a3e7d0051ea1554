/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Servers of all kinds on 127.0.0.1, most of them ill-behaved, and Debian's own. */
#include "user/symbol/debuginfod.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/unit/symbol/debug_fixture.h"
#include "user/symbol/debugfile.h"

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull
#define CHUNK     65536

/* Limits that no test reaches that does not mean to; a hang beyond them is one. */
static const struct pb_debuginfod_limits wide = {
	.file_ns = 60 * NS_PER_S, .idle_ns = 60 * NS_PER_S, .bytes = 64u << 20};

/* --- servers --- */

struct server {
	pid_t pid;
	int port;
	/* Shared with it. */
	volatile uint32_t *connections;
};

typedef void serve_fn(int sock);

static void say(int sock, const char *text)
{
	if (write(sock, text, strlen(text)) < 0)
		_exit(0);
}

static void serve_not_found(int sock)
{
	say(sock, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void serve_silence(int sock)
{
	/* Stays open, in this process for ever. */
	if (dup(sock) < 0)
		_exit(1);
}

static void serve_junk(int sock)
{
	say(sock, "\x7f\x45\x01\xff no HTTP at all \r\n\r\n\r\n");
}

static void serve_another_file(int sock)
{
	say(sock,
	    "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nno debug file");
}

static void serve_fixture(int sock)
{
	char bytes[CHUNK], header[128];
	int fd = open(fixture_path("prog.debug"), O_RDONLY);
	ssize_t size = read(fd, bytes, sizeof(bytes));

	snprintf(header, sizeof(header),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zd\r\nConnection: close\r\n\r\n", size);
	say(sock, header);
	if (write(sock, bytes, (size_t)size) != size)
		_exit(1);
	close(fd);
}

/* As one that unpacks packages first. */
static void serve_late(int sock)
{
	struct timespec pause = {.tv_nsec = 700 * 1000 * 1000};

	nanosleep(&pause, NULL);
	serve_fixture(sock);
}

static void serve_a_large_file(int sock)
{
	say(sock, "HTTP/1.1 200 OK\r\nContent-Length: 3000000000\r\n"
		  "X-DEBUGINFOD-SIZE: 3000000000\r\n\r\nits beginning");
	serve_silence(sock);
}

static void serve_without_end(int sock)
{
	static char bytes[CHUNK];

	say(sock, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	/* Until the other end has had enough. */
	while (write(sock, bytes, sizeof(bytes)) > 0)
		;
}

static void serve_a_trickle(int sock)
{
	struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};

	say(sock, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	while (write(sock, "x", 1) > 0)
		nanosleep(&pause, NULL);
}

/* A socket that listens on a port of its own. */
static int listen_anywhere(int *port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(sock >= 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(sock, 16), 0);
	assert_int_equal(getsockname(sock, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return sock;
}

__attribute__((noreturn)) static void serve_for_ever(int sock, serve_fn *serve,
						     volatile uint32_t *connections)
{
	char request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int peer = accept(sock, NULL, NULL);
		size_t len = 0;
		ssize_t got;

		if (peer < 0)
			_exit(1);
		++*connections;
		/* All of the request, or closing would be a reset. */
		do {
			got = read(peer, request + len, sizeof(request) - 1 - len);
			len += got > 0 ? (size_t)got : 0;
			request[len] = '\0';
		} while (got > 0 && !strstr(request, "\r\n\r\n"));
		serve(peer);
		close(peer);
	}
}

static void use_servers(const char *urls)
{
	setenv("DEBUGINFOD_URLS", urls, 1);
}

static void use_port(int port)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	use_servers(url);
}

/* Start one, and make it the one to ask. */
static struct server new_server(serve_fn *serve)
{
	struct server s;
	int sock = listen_anywhere(&s.port);

	s.connections = mmap(NULL, sizeof(*s.connections), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s.connections != MAP_FAILED);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (!s.pid)
		serve_for_ever(sock, serve, s.connections);
	close(sock);
	use_port(s.port);
	return s;
}

static void end_server(struct server *s)
{
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	munmap((void *)s->connections, sizeof(*s->connections));
}

/* --- what the tests share --- */

static bool have_library(void)
{
	void *so = dlopen("libdebuginfod.so.1", RTLD_LAZY);

	if (!so)
		print_message("libdebuginfod.so.1 is not installed (Debian: libdebuginfod1)\n");
	return so;
}

static int setup(void **state)
{
	if (fixture_setup(state))
		return -1;
	unsetenv("DEBUGINFOD_TIMEOUT");
	unsetenv("DEBUGINFOD_MAXTIME");
	unsetenv("DEBUGINFOD_MAXSIZE");
	setenv("no_proxy", "127.0.0.1", 1);
	setenv("NO_PROXY", "127.0.0.1", 1);
	return 0;
}

/* Every test has a cache of its own, empty at first. */
static int new_cache(void **state)
{
	(void)state;
	fixture_run("rm -rf cache; mkdir -m 700 cache");
	setenv("DEBUGINFOD_CACHE_PATH", fixture_path("cache"), 1);
	return 0;
}

static void expect_clean_cache(void)
{
	fixture_run(
		"! find cache -name 'debuginfo*' | grep . && ! find cache -mindepth 1 -type d | grep .");
}

static struct pb_debuginfod *ready(const struct pb_debuginfod_limits *limits)
{
	struct pb_debuginfod *d = NULL;

	assert_int_equal(pb_debuginfod_new(&d, limits), 0);
	assert_non_null(d);
	return d;
}

static int find(struct pb_debuginfod *d)
{
	int fd = pb_debuginfod_find(d, fixture_id, sizeof(fixture_id), "prog");

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int find_with(const struct pb_debuginfod_limits *limits)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = ready(limits);

	return find(d);
}

static void expect_fixture(struct pb_debuginfod *d)
{
	pb_autoclose int fd = pb_debuginfod_find(d, fixture_id, sizeof(fixture_id), "prog");
	pb_autoclose int expected = open(fixture_path("prog.debug"), O_RDONLY | O_CLOEXEC);
	char a[CHUNK], b[CHUNK];
	ssize_t size = read(expected, a, sizeof(a));

	if (fd < 0)
		fail_msg("not found: %s", strerror(-fd));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_true(size > 0);
	assert_int_equal(pread(fd, b, sizeof(b), 0), size);
	assert_memory_equal(a, b, (size_t)size);
}

/* --- tests --- */

static void without_a_server_named_there_is_nothing_to_ask(void **state)
{
	struct pb_debuginfod *d = NULL;

	(void)state;
	unsetenv("DEBUGINFOD_URLS");
	assert_int_equal(pb_debuginfod_new(&d, NULL), -ENOENT);
	use_servers(" ");
	assert_int_equal(pb_debuginfod_new(&d, NULL), -ENOENT);
	assert_null(d);
}

static void a_library_that_is_not_installed_is_said_at_once(void **state)
{
	struct pb_debuginfod *d = NULL;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid()) {
		print_message("needs root: a root without libraries\n");
		skip();
	}
	use_servers("http://127.0.0.1:1");
	pid = fork();
	if (!pid) {
		setenv("DEBUGINFOD_CACHE_PATH", "/", 1);
		/* Its child looks at its own memory there. */
		if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mkdir(fixture_path("cache/proc"), 0755) ||
		    mount("/proc", fixture_path("cache/proc"), NULL, MS_BIND | MS_REC, NULL))
			_exit(77);
		_exit(chroot(fixture_path("cache")) || pb_debuginfod_new(&d, NULL) != -ENOENT || d);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no mount namespace may be made: no root without libraries\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void a_file_comes_from_the_server_and_then_from_the_cache(void **state)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_fixture);
	d = ready(&wide);
	expect_fixture(d);
	assert_int_equal(*s.connections, 1);
	expect_fixture(d);
	assert_int_equal(*s.connections, 1);
	end_server(&s);
}

static void what_no_server_has_is_not_found_and_others_are_asked_for(void **state)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	uint8_t other[sizeof(fixture_id)] = {1};
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_not_found);
	d = ready(&wide);
	assert_int_equal(find(d), -ENOENT);
	assert_int_equal(*s.connections, 1);
	assert_int_equal(pb_debuginfod_find(d, other, sizeof(other), "other"), -ENOENT);
	assert_int_equal(*s.connections, 2);
	assert_int_equal(pb_debuginfod_find(d, other, 0, "none"), -ENOENT);
	end_server(&s);
}

static void a_silent_server_is_waited_for_once(void **state)
{
	struct pb_debuginfod_limits limits = wide;
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	limits.idle_ns = 300 * NS_PER_MS;
	s = new_server(serve_silence);
	d = ready(&limits);
	assert_int_equal(find(d), -ETIMEDOUT);
	assert_int_equal(*s.connections, 1);
	assert_int_equal(find(d), -ETIMEDOUT);
	assert_int_equal(*s.connections, 1);
	end_server(&s);
	expect_clean_cache();
}

/* Else the library's own note would hide the file for ten minutes. */
static void after_a_failure_the_next_run_asks_again(void **state)
{
	static serve_fn *const failing[] = {serve_silence, serve_a_trickle, serve_without_end,
					    serve_a_large_file};
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct server s;
	size_t i;

	(void)state;
	if (!have_library())
		skip();
	for (i = 0; i < PB_ARRAY_SIZE(failing); i++) {
		struct pb_debuginfod_limits limits = {
			.file_ns = 700 * NS_PER_MS, .idle_ns = 300 * NS_PER_MS, .bytes = 1u << 20};
		int err;

		s = new_server(failing[i]);
		err = find_with(&limits);
		if (!err || err == -ENOENT)
			fail_msg("server %zu: %d", i, err);
		end_server(&s);
		expect_clean_cache();
	}
	s = new_server(serve_fixture);
	d = ready(&wide);
	expect_fixture(d);
	end_server(&s);
}

static void a_server_that_is_not_there_is_given_up(void **state)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct server s;
	int port;

	(void)state;
	if (!have_library())
		skip();
	close(listen_anywhere(&port));
	use_port(port);
	d = ready(&wide);
	assert_int_equal(find(d), -ETIMEDOUT);
	/* Even if there were one now. */
	s = new_server(serve_fixture);
	assert_int_equal(find(d), -ETIMEDOUT);
	assert_int_equal(*s.connections, 0);
	end_server(&s);
	expect_clean_cache();
}

static void a_trickle_ends_at_the_limit_of_one_file(void **state)
{
	struct pb_debuginfod_limits limits = wide;
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	limits.file_ns = 500 * NS_PER_MS;
	s = new_server(serve_a_trickle);
	assert_int_equal(find_with(&limits), -ETIMEDOUT);
	end_server(&s);
	expect_clean_cache();
}

static void a_file_beyond_the_size_limit_is_left_out_and_others_are_asked_for(void **state)
{
	struct pb_debuginfod_limits limits = wide;
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	limits.bytes = 4u << 20;
	s = new_server(serve_without_end);
	d = ready(&limits);
	assert_int_equal(find(d), -EFBIG);
	assert_int_equal(find(d), -EFBIG);
	assert_int_equal(*s.connections, 2);
	end_server(&s);
	expect_clean_cache();
}

static void a_size_announced_beyond_the_limit_is_not_waited_for(void **state)
{
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_a_large_file);
	assert_int_equal(find_with(&wide), -EFBIG);
	end_server(&s);
	expect_clean_cache();
}

/* --- a library that somebody has taken over --- */

static const char fake_library[] =
	"#include <errno.h>\n"
	"#include <stdio.h>\n"
	"#include <string.h>\n"
	"#include <sys/socket.h>\n"
	"#include <unistd.h>\n"
	"void *debuginfod_begin(void) { return &errno; }\n"
	"void debuginfod_set_progressfn(void *c, void *fn) { }\n"
	"const char *debuginfod_get_url(void *c) { return 0; }\n"
	"static int see_shared_memory(void)\n"
	"{\n"
	"	FILE *f = fopen(\"/proc/self/maps\", \"r\");\n"
	"	char line[4096], mode[8];\n"
	"	while (fgets(line, sizeof(line), f))\n"
	"		if (sscanf(line, \"%*s %7s\", mode) == 1 && mode[3] == 's')\n"
	"			return -EIO;\n"
	"	return -ENOENT;\n"
	"}\n"
	"int debuginfod_find_debuginfo(void *c, const unsigned char *id, int len, char **path)\n"
	"{\n"
	"	struct { unsigned kind; int err; unsigned long long bytes, total; } done = {2, 200};\n"
	"	if (id[0] == 'm')\n"
	"		return see_shared_memory();\n"
	"	if (id[0] == 'n')\n"
	"		done.err = -5000;\n"
	"	for (int fd = 0; fd < 1024; fd++)\n"
	"		send(fd, &done, sizeof(done), 0);\n"
	"	for (;;)\n"
	"		pause();\n"
	"}\n";

/* What such a one gives for a build id of one letter. Before the real one is loaded: it has the same name. */
static int find_by_fake(char letter)
{
	const uint8_t id[2] = {(uint8_t)letter};
	struct pb_debuginfod *d = NULL;
	int status;
	pid_t pid;

	fixture_write("fake.c", fake_library, strlen(fake_library));
	fixture_run("gcc -w -shared -fPIC -Wl,-soname,libdebuginfod.so.1 fake.c -o fake.so");
	use_servers("http://127.0.0.1:1");
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* The file of ours that its 200 would stand for. */
		int ours = dup2(open(fixture_path("prog"), O_RDONLY | O_CLOEXEC), 200);
		void *shared =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (ours != 200 || shared == MAP_FAILED ||
		    !dlopen(fixture_path("fake.so"), RTLD_NOW) || pb_debuginfod_new(&d, &wide))
			_exit(255);
		status = -pb_debuginfod_find(d, id, sizeof(id), "prog");
		pb_debuginfod_free(d);
		_exit(status & 0xff);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void an_error_that_cannot_be_is_not_taken_for_a_descriptor(void **state)
{
	(void)state;
	assert_int_equal(find_by_fake('p'), -ETIMEDOUT);
	assert_int_equal(find_by_fake('n'), -ETIMEDOUT);
}

static void the_library_sees_no_memory_that_the_tool_shares(void **state)
{
	(void)state;
	assert_int_equal(find_by_fake('m'), -ENOENT);
}

/* --- limits of the user's --- */

static void a_looser_limit_of_the_users_counts(void **state)
{
	const struct pb_debuginfod_limits limits = {
		.file_ns = 100 * NS_PER_MS, .idle_ns = 100 * NS_PER_MS, .bytes = 100};
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_late);
	assert_int_equal(find_with(&limits), -ETIMEDOUT);
	end_server(&s);
	s = new_server(serve_late);
	setenv("DEBUGINFOD_TIMEOUT", "30", 1);
	assert_int_equal(find_with(&limits), -EFBIG);
	end_server(&s);
	s = new_server(serve_late);
	setenv("DEBUGINFOD_MAXSIZE", "100000000", 1);
	/* More than 64 bits of nanoseconds hold. */
	setenv("DEBUGINFOD_MAXTIME", "18446744073709551615", 1);
	assert_int_equal(find_with(&limits), 0);
	unsetenv("DEBUGINFOD_TIMEOUT");
	unsetenv("DEBUGINFOD_MAXTIME");
	unsetenv("DEBUGINFOD_MAXSIZE");
	end_server(&s);
}

static void a_stricter_limit_of_the_users_counts(void **state)
{
	struct server s;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_fixture);
	setenv("DEBUGINFOD_MAXSIZE", "100", 1);
	assert_int_equal(find_with(&wide), -EFBIG);
	setenv("DEBUGINFOD_MAXSIZE", "many", 1);
	end_server(&s);
	new_cache(state);
	s = new_server(serve_silence);
	setenv("DEBUGINFOD_TIMEOUT", "1", 1);
	assert_int_equal(find_with(&wide), -ETIMEDOUT);
	unsetenv("DEBUGINFOD_TIMEOUT");
	unsetenv("DEBUGINFOD_MAXSIZE");
	end_server(&s);
}

static void what_is_not_http_is_no_file(void **state)
{
	struct server s;
	int err;

	(void)state;
	if (!have_library())
		skip();
	s = new_server(serve_junk);
	err = find_with(&wide);
	/* The library has told it from a missing file at some times only. */
	assert_true(err == -ENOENT || err == -ETIMEDOUT);
	end_server(&s);
}

static void another_file_than_was_asked_for_is_not_used(void **state)
{
	struct pb_wanted w = {.kind = PB_WANTED_BUILD_ID, .build_id_len = sizeof(fixture_id)};
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	struct pb_debugfile file = {.path = "/nowhere/prog"};
	struct server s;
	int fd;

	(void)state;
	if (!have_library())
		skip();
	memcpy(w.build_id, fixture_id, sizeof(fixture_id));
	s = new_server(serve_another_file);
	file.debuginfod = d = ready(&wide);
	assert_int_equal(pb_debugfile_open(&file, &w), -ENOENT);
	assert_int_equal(*s.connections, 1);
	end_server(&s);
	new_cache(state);
	s = new_server(serve_fixture);
	pb_debuginfod_free(d);
	file.debuginfod = d = ready(&wide);
	fd = pb_debugfile_open(&file, &w);
	assert_true(fd >= 0);
	close(fd);
	end_server(&s);
}

static void no_process_outlives_its_user(void **state)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	int status;

	(void)state;
	if (!have_library())
		skip();
	use_servers("http://127.0.0.1:1");
	d = ready(NULL);
	assert_int_equal(waitpid(-1, &status, WNOHANG), 0);
	pb_debuginfod_free(pb_take(d));
	assert_int_equal(waitpid(-1, &status, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- Debian's own server --- */

static bool answers_200(int port)
{
	static const char request[] = "GET /buildid/" FIXTURE_ID_TEXT "/debuginfo HTTP/1.0\r\n\r\n";
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	pb_autoclose int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char reply[13] = "";

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return !connect(sock, (struct sockaddr *)&addr, sizeof(addr)) &&
	       write(sock, request, strlen(request)) == (ssize_t)strlen(request) &&
	       recv(sock, reply, sizeof(reply) - 1, MSG_WAITALL) == sizeof(reply) - 1 &&
	       !strcmp(reply + 8, " 200");
}

/* 0 if it is not installed. */
static pid_t start_debuginfod(int *port)
{
	struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	char number[16];
	int status, i;
	pid_t pid;

	close(listen_anywhere(port));
	snprintf(number, sizeof(number), "%d", *port);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		unsetenv("DEBUGINFOD_URLS");
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("debuginfod", "debuginfod", "-d", fixture_path("server.sqlite"), "-p",
		       number, "-c", "1", "-F", fixture_path("served"), (char *)NULL);
		_exit(127);
	}
	/* Until it has read the folder. */
	for (i = 0; i < 1000 && !answers_200(*port); i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 0;
		nanosleep(&pause, NULL);
	}
	return pid;
}

static void debians_server_gives_the_debug_file(void **state)
{
	pb_auto(pb_debuginfod) struct pb_debuginfod *d = NULL;
	uint8_t other[sizeof(fixture_id)] = {1};
	int port, status;
	pid_t pid;

	(void)state;
	if (!have_library())
		skip();
	fixture_run("mkdir served; cp prog.debug served");
	pid = start_debuginfod(&port);
	if (!pid) {
		print_message("debuginfod is not installed\n");
		skip();
	}
	use_port(port);
	d = ready(&wide);
	expect_fixture(d);
	assert_int_equal(pb_debuginfod_find(d, other, sizeof(other), "other"), -ENOENT);
	/* Stopped, it still takes connections, and says nothing. */
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	pb_debuginfod_free(d);
	d = ready(&(struct pb_debuginfod_limits){
		.file_ns = 60 * NS_PER_S, .idle_ns = 300 * NS_PER_MS, .bytes = 1u << 30});
	expect_fixture(d);
	other[0]++;
	assert_int_equal(pb_debuginfod_find(d, other, sizeof(other), "other"), -ETIMEDOUT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: see find_by_fake(). */
		cmocka_unit_test_setup(an_error_that_cannot_be_is_not_taken_for_a_descriptor,
				       new_cache),
		cmocka_unit_test_setup(the_library_sees_no_memory_that_the_tool_shares, new_cache),
		cmocka_unit_test_setup(without_a_server_named_there_is_nothing_to_ask, new_cache),
		cmocka_unit_test_setup(a_library_that_is_not_installed_is_said_at_once, new_cache),
		cmocka_unit_test_setup(a_file_comes_from_the_server_and_then_from_the_cache,
				       new_cache),
		cmocka_unit_test_setup(what_no_server_has_is_not_found_and_others_are_asked_for,
				       new_cache),
		cmocka_unit_test_setup(a_silent_server_is_waited_for_once, new_cache),
		cmocka_unit_test_setup(after_a_failure_the_next_run_asks_again, new_cache),
		cmocka_unit_test_setup(a_server_that_is_not_there_is_given_up, new_cache),
		cmocka_unit_test_setup(a_trickle_ends_at_the_limit_of_one_file, new_cache),
		cmocka_unit_test_setup(
			a_file_beyond_the_size_limit_is_left_out_and_others_are_asked_for,
			new_cache),
		cmocka_unit_test_setup(a_size_announced_beyond_the_limit_is_not_waited_for,
				       new_cache),
		cmocka_unit_test_setup(a_looser_limit_of_the_users_counts, new_cache),
		cmocka_unit_test_setup(a_stricter_limit_of_the_users_counts, new_cache),
		cmocka_unit_test_setup(what_is_not_http_is_no_file, new_cache),
		cmocka_unit_test_setup(another_file_than_was_asked_for_is_not_used, new_cache),
		cmocka_unit_test_setup(no_process_outlives_its_user, new_cache),
		cmocka_unit_test_setup(debians_server_gives_the_debug_file, new_cache),
	};

	return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
