/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/sandbox.h"

#include <alloca.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/log.h"

#define MB (1024 * 1024)

/* Neither nobody nor what the sandbox takes. */
#define ORDINARY_USER 61234

static const struct pb_sandbox_limits no_limits;

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_WARN);
	return 0;
}

/* What must fail inside. Each gives its errno, or 0 if it worked. */
static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

static int open_a_file(void)
{
	return result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int open_own_memory(void)
{
	return result(syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR));
}

static int open_at_root(void)
{
	return result(syscall(SYS_openat, 0, "/", O_RDONLY | O_DIRECTORY));
}

static int make_a_file(void)
{
	return result(creat("/tmp/pb-test-sandbox", 0600));
}

static int stat_a_path(void)
{
	struct stat st;

	return result(fstatat(AT_FDCWD, "/etc/passwd", &st, 0));
}

static int read_a_link(void)
{
	char exe[64];

	return result(readlink("/proc/self/exe", exe, sizeof(exe)));
}

static int make_a_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int make_a_local_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int connect_its_socket(void)
{
	const struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "/run/socket"};

	return result(connect(3, (const struct sockaddr *)&sa, sizeof(sa)));
}

static int fork_itself(void)
{
	return result(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int become_another_program(void)
{
	char *const argv[] = {(char *)"true", NULL};

	return result(execv("/bin/true", argv));
}

static int trace_its_parent(void)
{
	return result(ptrace(PTRACE_ATTACH, getpid() - 1, NULL, NULL));
}

static int trace_itself(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int kill_a_process(void)
{
	return result(kill(1, 0));
}

static int kill_itself(void)
{
	return result(kill(getpid(), 0));
}

static int signal_a_thread_elsewhere(void)
{
	return result(syscall(SYS_tgkill, getpid() + 1, getpid() + 1, 0));
}

static int read_another_process(void)
{
	char byte;
	struct iovec own = {&byte, 1}, other = {&byte, 1};

	return result(process_vm_readv(getpid(), &own, 1, &other, 1, 0));
}

static int own_its_socket_for_signals(void)
{
	return result(fcntl(3, F_SETOWN, 1));
}

static int map_executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int make_memory_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	return result(mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
}

static int make_a_memory_file(void)
{
	return result(memfd_create("x", 0));
}

static int raise_its_bound(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	return result(setrlimit(RLIMIT_AS, &none));
}

static int be_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int outlive_its_parent(void)
{
	return result(prctl(PR_SET_PDEATHSIG, 0));
}

static int enter_a_namespace(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int load_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int use_io_uring(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int become_root(void)
{
	return result(syscall(SYS_setuid, 0));
}

static const struct probe {
	const char *what;
	int (*try)(void);
} probes[] = {
	{"open a file", open_a_file},
	{"open its own memory", open_own_memory},
	{"open at the root", open_at_root},
	{"make a file", make_a_file},
	{"stat a path", stat_a_path},
	{"read a link", read_a_link},
	{"make a socket", make_a_socket},
	{"make a local socket", make_a_local_socket},
	{"connect its socket", connect_its_socket},
	{"fork itself", fork_itself},
	{"become another program", become_another_program},
	{"trace its parent", trace_its_parent},
	{"trace itself", trace_itself},
	{"kill a process", kill_a_process},
	{"kill itself", kill_itself},
	{"signal a thread elsewhere", signal_a_thread_elsewhere},
	{"read another process", read_another_process},
	{"own its socket for signals", own_its_socket_for_signals},
	{"map executable memory", map_executable_memory},
	{"make memory executable", make_memory_executable},
	{"make a memory file", make_a_memory_file},
	{"raise its bound", raise_its_bound},
	{"be dumpable", be_dumpable},
	{"outlive its parent", outlive_its_parent},
	{"enter a namespace", enter_a_namespace},
	{"load BPF", load_bpf},
	{"use io_uring", use_io_uring},
	{"become root", become_root},
};

/* Each int that comes is the number of a probe; its outcome is sent back. */
static void serve_probes(int sock, void *ctx)
{
	int n, err;

	(void)ctx;
	while (recv(sock, &n, sizeof(n), MSG_WAITALL) == sizeof(n)) {
		err = probes[n].try();
		if (send(sock, &err, sizeof(err), 0) != sizeof(err))
			return;
	}
}

static void serve_echo(int sock, void *ctx)
{
	int n;

	(void)ctx;
	while (recv(sock, &n, sizeof(n), MSG_WAITALL) == sizeof(n))
		if (send(sock, &n, sizeof(n), 0) != sizeof(n))
			return;
}

/* Its pid, then nothing more, whatever becomes of the socket. */
static void serve_pid_and_hang(int sock, void *ctx)
{
	pid_t pid = getpid();

	(void)ctx;
	if (send(sock, &pid, sizeof(pid), 0) != sizeof(pid))
		return;
	for (;;)
		poll(NULL, 0, -1);
}

static void serve_pid_and_echo(int sock, void *ctx)
{
	pid_t pid = getpid();

	if (send(sock, &pid, sizeof(pid), 0) == sizeof(pid))
		serve_echo(sock, ctx);
}

static struct pb_sandbox *start(const struct pb_sandbox_limits *limits, pb_sandbox_serve *serve,
				void *ctx)
{
	struct pb_sandbox *s = NULL;

	assert_int_equal(pb_sandbox_start(&s, "test child", limits, serve, ctx), 0);
	assert_non_null(s);
	return s;
}

/* One int to the child and one back; false if it is gone. */
static bool ask(const struct pb_sandbox *s, int question, int *answer)
{
	int sock = pb_sandbox_socket(s);

	return send(sock, &question, sizeof(question), MSG_NOSIGNAL) == sizeof(question) &&
	       recv(sock, answer, sizeof(*answer), MSG_WAITALL) == sizeof(*answer);
}

static int told(const struct pb_sandbox *s)
{
	int n = -1;

	assert_int_equal(recv(pb_sandbox_socket(s), &n, sizeof(n), MSG_WAITALL), sizeof(n));
	return n;
}

/* Wait until the child has closed its socket. */
static void await_hangup(const struct pb_sandbox *s)
{
	char byte;

	assert_int_equal(recv(pb_sandbox_socket(s), &byte, 1, 0), 0);
}

/* The value of "Key:" in /proc/PID/status. */
static bool read_status(pid_t pid, const char *key, char *value, size_t size)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		size_t len = strlen(key);

		found = !strncmp(line, key, len) && line[len] == ':';
		if (found) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(value, size, "%s", line + len + 1 + strspn(line + len + 1, " \t"));
		}
	}
	fclose(f);
	return found;
}

static bool status_is(pid_t pid, const char *key, const char *expected)
{
	char value[256];

	if (!read_status(pid, key, value, sizeof(value))) {
		print_error("no %s in the status of %d\n", key, (int)pid);
		return false;
	}
	if (strcmp(value, expected))
		print_error("%s is \"%s\", not \"%s\"\n", key, value, expected);
	return !strcmp(value, expected);
}

/* The ids that only this child has, as /proc shows them. */
static const char *own_ids(pid_t pid)
{
	static char ids[64];
	unsigned int id = 0x7f000000u + (unsigned int)pid;

	snprintf(ids, sizeof(ids), "%u\t%u\t%u\t%u", id, id, id, id);
	return ids;
}

/* Every probe is refused, and the child has no rights by what the kernel says of it. @uids: NULL: its own. */
static bool all_is_refused(const char *uids)
{
	static const char none[] = "0000000000000000";
	struct pb_sandbox *s = NULL;
	bool good = true;
	pid_t pid;
	int err;

	if (pb_sandbox_start(&s, "test child", &no_limits, serve_probes, NULL))
		return false;
	for (int i = 0; i < (int)PB_ARRAY_SIZE(probes); i++) {
		if (!ask(s, i, &err))
			err = -1;
		if (err != EPERM) {
			print_error("child that tries to %s gets %s\n", probes[i].what,
				    err > 0 ? strerror(err) : (err ? "killed" : "its way"));
			good = false;
		}
	}
	pb_sandbox_free(s);

	s = NULL;
	if (pb_sandbox_start(&s, "test child", &no_limits, serve_pid_and_hang, NULL))
		return false;
	if (recv(pb_sandbox_socket(s), &pid, sizeof(pid), MSG_WAITALL) != sizeof(pid))
		return false;
	good = status_is(pid, "CapPrm", none) && status_is(pid, "CapEff", none) &&
	       status_is(pid, "CapInh", none) && status_is(pid, "CapAmb", none) &&
	       status_is(pid, "NoNewPrivs", "1") && status_is(pid, "Seccomp", "2") &&
	       status_is(pid, "Uid", uids ? uids : own_ids(pid)) &&
	       status_is(pid, "Gid", uids ? uids : own_ids(pid)) &&
	       status_is(pid, "SigBlk", none) && status_is(pid, "Name", "test child") && good;
	pb_sandbox_free(s);
	return good;
}

/* Run @body in a process of its own, which it may spoil. */
static bool in_process(bool (*body)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(body() ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static bool as_ordinary_user(void)
{
	char uids[64];

	if (!geteuid() &&
	    (setgroups(0, NULL) || setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) ||
	     setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)))
		return false;
	snprintf(uids, sizeof(uids), "%d\t%d\t%d\t%d", (int)getuid(), (int)getuid(), (int)getuid(),
		 (int)getuid());
	return all_is_refused(uids);
}

static bool set_capabilities(uint64_t caps)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(caps >> (32 * i));

		data[i] = (struct __user_cap_data_struct){word, word, word};
	}
	return !syscall(SYS_capset, &header, data);
}

#define CAP_BIT(cap) (1ull << (cap))

/* As after execve() of a file with capabilities, and one that is ambient on top. */
static bool as_user_with_capabilities(void)
{
	const uint64_t caps =
		CAP_BIT(CAP_PERFMON) | CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_NET_ADMIN);

	return !prctl(PR_SET_KEEPCAPS, 1ul, 0ul, 0ul, 0ul) &&
	       !setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) &&
	       !setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) && set_capabilities(caps) &&
	       !prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_RAISE,
		      (unsigned long)CAP_SYS_PTRACE, 0ul, 0ul) &&
	       all_is_refused("61234\t61234\t61234\t61234");
}

/* As in a container that has them dropped. */
static bool as_root_without_setuid(void)
{
	return set_capabilities(CAP_BIT(CAP_PERFMON) | CAP_BIT(CAP_KILL)) &&
	       all_is_refused("0\t0\t0\t0");
}

static void ordinary_users_child_can_do_nothing(void **state)
{
	(void)state;
	assert_true(in_process(as_ordinary_user));
}

static void roots_child_can_do_nothing_and_is_nobody_else(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_true(all_is_refused(NULL));
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

/* A user namespace with as many ids as a container has. Its maps are written from outside. */
static bool enter_small_namespace(void)
{
	int there[2], mapped[2];
	char path[64], byte = 0;
	pid_t writer, pid = getpid();

	if (pipe(there) || pipe(mapped))
		return false;
	writer = fork();
	if (!writer) {
		bool good = read(there[0], &byte, 1) == 1;

		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
		good = good && put(path, "0 0 65536");
		snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
		good = good && put(path, "0 0 65536");
		_exit(write(mapped[1], &good, 1) != 1);
	}
	return writer > 0 && !unshare(CLONE_NEWUSER) && write(there[1], "x", 1) == 1 &&
	       read(mapped[0], &byte, 1) == 1 && byte && waitpid(writer, NULL, 0) == writer &&
	       !setresgid(0, 0, 0) && !setresuid(0, 0, 0);
}

static bool as_root_of_a_small_namespace(void)
{
	return enter_small_namespace() && all_is_refused("65534\t65534\t65534\t65534");
}

static void where_its_id_has_no_number_the_child_is_nobody(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_true(in_process(as_root_of_a_small_namespace));
}

static void capabilities_of_a_file_do_not_reach_the_child(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_true(in_process(as_user_with_capabilities));
}

static void root_that_may_not_change_users_gets_a_child(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_true(in_process(as_root_without_setuid));
}

#ifdef __x86_64__
/* A call of the x32 ABI: getpid(), which is allowed by its own number. */
static void serve_x32(int sock, void *ctx)
{
	int n = (int)syscall(__X32_SYSCALL_BIT | SYS_getpid);

	(void)ctx;
	if (send(sock, &n, sizeof(n), 0) != sizeof(n))
		return;
}
#endif

static void other_call_numbers_end_the_child(void **state)
{
	(void)state;
#ifdef __x86_64__
	struct pb_sandbox *s = start(&no_limits, serve_x32, NULL);

	await_hangup(s);
	assert_string_equal(pb_sandbox_end(s, NULL), "it tried to leave the sandbox");
	pb_sandbox_free(s);
#else
	skip();
#endif
}

/* @ctx: a page that the caller shares. */
static void serve_scribbles(int sock, void *ctx)
{
	(void)sock;
	*(volatile int *)ctx = 1;
	for (;;)
		pause();
}

static void memory_that_the_caller_shares_is_gone(void **state)
{
	int *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pb_auto(pb_sandbox) struct pb_sandbox *s = NULL;
	struct pollfd end;

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(pb_sandbox_start(&s, "test child", &no_limits, serve_scribbles, page), 0);
	end = (struct pollfd){.fd = pb_sandbox_socket(s), .events = POLLIN};
	assert_int_equal(poll(&end, 1, 20000), 1);
	assert_non_null(strstr(pb_sandbox_end(s, NULL), "crashed"));
	assert_int_equal(*page, 0);
	munmap(page, 4096);
}

/* The number of descriptors beyond its socket, then what its stdin and stdout are good for. */
static void serve_descriptors(int sock, void *ctx)
{
	int answers[3] = {0};
	char byte;

	(void)ctx;
	for (int fd = sock + 1; fd < 4096; fd++)
		answers[0] += fcntl(fd, F_GETFD) >= 0;
	answers[1] = (int)read(STDIN_FILENO, &byte, 1);
	answers[2] = write(STDOUT_FILENO, "x", 1) < 0;
	if (send(sock, answers, sizeof(answers), 0) != sizeof(answers))
		return;
}

static bool descriptors_are_gone(void)
{
	int files[3] = {open("/etc/passwd", O_RDONLY), dup2(STDERR_FILENO, 100),
			open("/", O_RDONLY | O_PATH)};
	struct pb_sandbox *s = NULL;
	int answers[3] = {-1, -1, -1}, input[2];
	bool good;

	/* What the caller's stdin holds is not for the child. */
	good = !pipe(input) && write(input[1], "x", 1) == 1 && !dup2(input[0], STDIN_FILENO);
	good = good && files[0] >= 0 && files[1] == 100 && files[2] >= 0 &&
	       !pb_sandbox_start(&s, "test child", &no_limits, serve_descriptors, NULL) &&
	       recv(pb_sandbox_socket(s), answers, sizeof(answers), MSG_WAITALL) == sizeof(answers);
	pb_sandbox_free(s);
	return good && !answers[0] && !answers[1] && answers[2] == 1;
}

static void descriptors_of_the_caller_are_closed(void **state)
{
	(void)state;
	assert_true(in_process(descriptors_are_gone));
}

static bool without_standard_descriptors(void)
{
	struct pb_sandbox *s = NULL;
	int answer = 0;
	bool good;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	good = !pb_sandbox_start(&s, "test child", &no_limits, serve_echo, NULL) &&
	       ask(s, 4711, &answer) && answer == 4711;
	pb_sandbox_free(s);
	return good;
}

static void caller_may_have_no_standard_descriptors(void **state)
{
	(void)state;
	assert_true(in_process(without_standard_descriptors));
}

/* The sum of a sent file's bytes, by pread and by mapping: -1 if they differ. */
static void serve_sum(int sock, void *ctx)
{
	char byte, control[CMSG_SPACE(sizeof(int))], buffer[4096];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	int fd, read_sum = 0, mapped_sum = 0;
	struct stat st = {0};
	const char *map;
	ssize_t n;

	(void)ctx;
	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		return;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	if (fstat(fd, &st))
		return;
	n = pread(fd, buffer, sizeof(buffer), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (n != st.st_size || map == MAP_FAILED)
		return;
	for (ssize_t i = 0; i < n; i++) {
		read_sum += buffer[i];
		mapped_sum += map[i];
	}
	if (read_sum != mapped_sum)
		read_sum = -1;
	if (send(sock, &read_sum, sizeof(read_sum), 0) != sizeof(read_sum))
		return;
}

static void sent_file_can_be_read_and_mapped(void **state)
{
	struct pb_sandbox *s = start(&no_limits, serve_sum, NULL);
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	FILE *f = tmpfile();
	int fd;

	(void)state;
	assert_non_null(f);
	fputs("abc", f);
	fflush(f);
	fd = fileno(f);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	assert_int_equal(sendmsg(pb_sandbox_socket(s), &m, 0), 1);
	assert_int_equal(told(s), 'a' + 'b' + 'c');
	fclose(f);
	pb_sandbox_free(s);
}

/* Whether 16 MB can be had, whether 64 MB more can, and with which errno. */
static void serve_allocations(int sock, void *ctx)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	int answer = 0;

	(void)ctx;
	if (mmap(NULL, 16 * MB, prot, flags, -1, 0) == MAP_FAILED)
		answer = -1;
	else if (mmap(NULL, 64 * MB, prot, flags, -1, 0) == MAP_FAILED)
		answer = errno;
	if (send(sock, &answer, sizeof(answer), 0) != sizeof(answer))
		return;
}

static void memory_is_bounded_beyond_what_the_caller_has(void **state)
{
	const struct pb_sandbox_limits limits = {.memory_bytes = 32 * MB};
	void *large = mmap(NULL, 512 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pb_sandbox *s;

	(void)state;
	assert_ptr_not_equal(large, MAP_FAILED);
	s = start(&limits, serve_allocations, NULL);
	assert_int_equal(told(s), ENOMEM);
	pb_sandbox_free(s);
	munmap(large, 512 * MB);
}

static void serve_busily(int sock, void *ctx)
{
	volatile bool forever = true;

	(void)sock;
	(void)ctx;
	while (forever)
		;
}

static void time_is_bounded(void **state)
{
	const struct pb_sandbox_limits limits = {.cpu_s = 1};
	struct pb_sandbox *s = start(&limits, serve_busily, NULL);

	(void)state;
	await_hangup(s);
	assert_string_equal(pb_sandbox_end(s, NULL), "it took too long");
	pb_sandbox_free(s);
}

/* End as the context says: by a signal, or by a negative exit status. */
static void serve_end(int sock, void *ctx)
{
	int how = *(int *)ctx;

	(void)sock;
	if (how == SIGABRT)
		abort();
	if (how > 0)
		raise(how);
	if (how < 0)
		_exit(-how);
}

static void end_is_put_into_words(void **state)
{
	static const struct {
		int how;
		const char *words;
	} ends[] = {
		{SIGSEGV, "it crashed (signal 11)"},
		{SIGABRT, "it crashed (signal 6)"},
		{SIGXCPU, "it took too long"},
		{SIGKILL, "it was killed, perhaps because memory is short"},
		{-PB_SANDBOX_NO_MEMORY, "it ran out of memory"},
		{-7, "it gave up (exit status 7)"},
		{0, "it gave up (exit status 0)"},
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		int how = ends[i].how;
		struct pb_sandbox *s = start(&no_limits, serve_end, &how);

		await_hangup(s);
		assert_string_equal(pb_sandbox_end(s, NULL), ends[i].words);
		assert_string_equal(pb_sandbox_end(s, NULL), ends[i].words);
		assert_int_equal(pb_sandbox_crashed(s), how == SIGSEGV || how == SIGABRT);
		pb_sandbox_free(s);
	}
}

static void child_that_still_runs_is_ended(void **state)
{
	struct pb_sandbox *s = start(&no_limits, serve_pid_and_hang, NULL);
	pid_t pid = told(s);

	(void)state;
	assert_string_equal(pb_sandbox_end(s, NULL), "it took too long");
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	pb_sandbox_free(s);
}

static void serve_hangup_and_hang(int sock, void *ctx)
{
	close(sock);
	serve_busily(sock, ctx);
}

static void child_that_only_hung_up_is_ended(void **state)
{
	struct pb_sandbox *s = start(&no_limits, serve_hangup_and_hang, NULL);

	(void)state;
	await_hangup(s);
	assert_string_equal(pb_sandbox_end(s, NULL), "it took too long");
	pb_sandbox_free(s);
}

static void serve_large(int sock, void *ctx)
{
	int done = mmap(NULL, 32 * MB, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) != MAP_FAILED;

	if (send(sock, &done, sizeof(done), 0) == sizeof(done))
		serve_echo(sock, ctx);
}

static void largest_resident_set_is_told(void **state)
{
	struct pb_sandbox *s = start(&no_limits, serve_large, NULL);
	uint64_t peak = 0;

	(void)state;
	assert_int_equal(told(s), 1);
	pb_sandbox_end(s, &peak);
	assert_in_range(peak, 32 * MB, 1024 * MB);
	peak = 0;
	pb_sandbox_end(s, &peak);
	assert_in_range(peak, 32 * MB, 1024 * MB);
	pb_sandbox_free(s);
}

static void ctrl_c_is_left_to_the_caller(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	struct pb_sandbox *s = start(&no_limits, serve_pid_and_echo, NULL);
	pid_t pid = told(s);
	int answer = 0;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(signals); i++)
		assert_int_equal(kill(pid, signals[i]), 0);
	assert_true(ask(s, 4711, &answer));
	assert_int_equal(answer, 4711);
	pb_sandbox_free(s);
}

/* How many of the caller's handlers ran in the child. */
static volatile sig_atomic_t handled;

static void count_signal(int sig)
{
	(void)sig;
	handled++;
}

static void serve_signal(int sock, void *ctx)
{
	int n = 0;

	(void)ctx;
	raise(SIGWINCH);
	n = handled;
	if (send(sock, &n, sizeof(n), 0) != sizeof(n))
		return;
}

static void handlers_and_mask_of_the_caller_stay_his(void **state)
{
	const struct sigaction sa = {.sa_handler = count_signal};
	struct sigaction before;
	sigset_t set, mask, kept;
	struct pb_sandbox *s;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &mask);
	assert_int_equal(sigaction(SIGWINCH, &sa, &before), 0);
	s = start(&no_limits, serve_signal, NULL);
	assert_int_equal(told(s), 0);
	pb_sandbox_free(s);
	assert_int_equal(sigprocmask(SIG_SETMASK, &mask, &kept), 0);
	assert_true(sigismember(&kept, SIGUSR1));
	assert_false(sigismember(&kept, SIGINT));
	raise(SIGWINCH);
	assert_int_equal(handled, 1);
	sigaction(SIGWINCH, &before, NULL);
}

static void ignored_sigchld_does_not_hide_the_end(void **state)
{
	int how = SIGSEGV;
	struct pb_sandbox *s;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	s = start(&no_limits, serve_end, &how);
	await_hangup(s);
	assert_string_equal(pb_sandbox_end(s, NULL), "it crashed (signal 11)");
	pb_sandbox_free(s);
}

/* The caller of a sandbox that hangs: tells its pid, then waits to be killed. */
static void run_caller(int pipe_fd)
{
	struct pb_sandbox *s = NULL;
	pid_t pid;

	if (pb_sandbox_start(&s, "test child", &no_limits, serve_pid_and_hang, NULL) ||
	    recv(pb_sandbox_socket(s), &pid, sizeof(pid), MSG_WAITALL) != sizeof(pid) ||
	    write(pipe_fd, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

static void child_dies_with_its_caller(void **state)
{
	struct pollfd gone = {.events = POLLIN};
	pid_t caller, pid = 0;
	int fds[2], status;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	caller = fork();
	if (!caller)
		run_caller(fds[1]);
	assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	gone.fd = pidfd_open(pid, 0);
	assert_true(gone.fd >= 0);
	assert_int_equal(poll(&gone, 1, 0), 0);
	assert_int_equal(kill(caller, SIGKILL), 0);
	assert_int_equal(waitpid(caller, &status, 0), caller);
	assert_int_equal(poll(&gone, 1, 20000), 1);
	close(gone.fd);
	close(fds[0]);
	close(fds[1]);
}

static void child_ends_with_its_socket(void **state)
{
	struct pb_sandbox *s = start(&no_limits, serve_echo, NULL);

	(void)state;
	assert_int_equal(shutdown(pb_sandbox_socket(s), SHUT_WR), 0);
	await_hangup(s);
	assert_string_equal(pb_sandbox_end(s, NULL), "it gave up (exit status 0)");
	pb_sandbox_free(s);
}

/* Make capset() fail from here on, as another sandbox around ours could. */
static bool refuse_capset(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_capset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = PB_ARRAY_SIZE(code), .filter = code};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) &&
	       !prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program);
}

static bool half_confined_child_is_none(void)
{
	struct pb_sandbox *s = NULL;
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(quiet, STDERR_FILENO);
	return refuse_capset() &&
	       pb_sandbox_start(&s, "test child", &no_limits, serve_echo, NULL) == -EPERM && !s &&
	       waitpid(-1, NULL, 0) == -1 && errno == ECHILD;
}

static void without_all_of_its_confinement_there_is_no_child(void **state)
{
	(void)state;
	assert_true(in_process(half_confined_child_is_none));
}

/* Stop the caller's next child as soon as it is there. */
static pid_t start_stopper(void)
{
	char path[64], text[64];
	pid_t caller = getpid(), self = fork(), child = 0;

	if (self)
		return self;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)caller, (int)caller);
	self = getpid();
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);
		char *at = text;

		close(fd);
		text[n < 0 ? 0 : n] = '\0';
		for (child = (pid_t)strtol(at, &at, 10); child; child = (pid_t)strtol(at, &at, 10))
			if (child != self)
				kill(child, SIGSTOP);
	}
}

/* Many mappings, so that the child takes its time to look through them. */
static void map_in_small_pieces(size_t n)
{
	char *p = mmap(NULL, n * 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; p != MAP_FAILED && i < n; i++)
		mprotect(p + i * 8192, 4096, PROT_NONE);
}

static bool is_given_up_if_stopped(void)
{
	const struct pb_sandbox_limits limits = {.start_ms = 1000};
	struct pb_sandbox *s = NULL;
	pid_t stopper;
	int err;

	map_in_small_pieces(20000);
	stopper = start_stopper();
	poll(NULL, 0, 200);
	err = pb_sandbox_start(&s, "test child", &limits, serve_echo, NULL);
	pb_sandbox_free(s);
	kill(stopper, SIGKILL);
	return err == -ECHILD && waitpid(stopper, NULL, 0) == stopper && wait(NULL) < 0;
}

static void child_that_is_stopped_at_its_start_is_given_up(void **state)
{
	(void)state;
	assert_true(in_process(is_given_up_if_stopped));
}

/* Use as many bytes of stack as the context says, then tell how many there may be. */
static void serve_stack(int sock, void *ctx)
{
	uint64_t told = pb_sandbox_stack_bytes();
	size_t size = *(size_t *)ctx;
	volatile char *bytes = size ? alloca(size) : NULL;

	for (size_t i = size; i >= 4096; i -= 4096)
		bytes[i - 1] = 1;
	if (send(sock, &told, sizeof(told), 0) != sizeof(told))
		return;
}

/* What a child says that uses so much; 0 if it crashed. */
static uint64_t stack_of_child(size_t used)
{
	struct pb_sandbox *s = NULL;
	uint64_t bytes = 0;

	if (pb_sandbox_start(&s, "test child", &no_limits, serve_stack, &used))
		return 0;
	if (recv(pb_sandbox_socket(s), &bytes, sizeof(bytes), MSG_WAITALL) != sizeof(bytes))
		bytes = 0;
	pb_sandbox_free(s);
	return bytes;
}

static bool stack_is_large(void)
{
	const struct rlimit small = {256 * 1024, 64 * MB};

	return !setrlimit(RLIMIT_STACK, &small) && stack_of_child(12ul * MB) == 16ul * MB;
}

static bool stack_is_what_there_may_be(void)
{
	const struct rlimit small = {1 * MB, 2 * MB};

	if (!geteuid() &&
	    (setgroups(0, NULL) || setresgid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER) ||
	     setresuid(ORDINARY_USER, ORDINARY_USER, ORDINARY_USER)))
		return false;
	return !setrlimit(RLIMIT_STACK, &small) && stack_of_child(0) == 2 * MB;
}

static void stack_is_large_whatever_the_caller_has(void **state)
{
	(void)state;
	assert_true(in_process(stack_is_large));
}

static void stack_beyond_a_hard_limit_is_not_promised(void **state)
{
	(void)state;
	assert_true(in_process(stack_is_what_there_may_be));
}

static void none_is_freed(void **state)
{
	(void)state;
	pb_sandbox_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_users_child_can_do_nothing),
		cmocka_unit_test(roots_child_can_do_nothing_and_is_nobody_else),
		cmocka_unit_test(where_its_id_has_no_number_the_child_is_nobody),
		cmocka_unit_test(capabilities_of_a_file_do_not_reach_the_child),
		cmocka_unit_test(root_that_may_not_change_users_gets_a_child),
		cmocka_unit_test(other_call_numbers_end_the_child),
		cmocka_unit_test(descriptors_of_the_caller_are_closed),
		cmocka_unit_test(memory_that_the_caller_shares_is_gone),
		cmocka_unit_test(caller_may_have_no_standard_descriptors),
		cmocka_unit_test(sent_file_can_be_read_and_mapped),
		cmocka_unit_test(memory_is_bounded_beyond_what_the_caller_has),
		cmocka_unit_test(time_is_bounded),
		cmocka_unit_test(end_is_put_into_words),
		cmocka_unit_test(child_that_still_runs_is_ended),
		cmocka_unit_test(child_that_only_hung_up_is_ended),
		cmocka_unit_test(largest_resident_set_is_told),
		cmocka_unit_test(ctrl_c_is_left_to_the_caller),
		cmocka_unit_test(handlers_and_mask_of_the_caller_stay_his),
		cmocka_unit_test(ignored_sigchld_does_not_hide_the_end),
		cmocka_unit_test(child_dies_with_its_caller),
		cmocka_unit_test(child_ends_with_its_socket),
		cmocka_unit_test(without_all_of_its_confinement_there_is_no_child),
		cmocka_unit_test(child_that_is_stopped_at_its_start_is_given_up),
		cmocka_unit_test(stack_is_large_whatever_the_caller_has),
		cmocka_unit_test(stack_beyond_a_hard_limit_is_not_promised),
		cmocka_unit_test(none_is_freed),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
