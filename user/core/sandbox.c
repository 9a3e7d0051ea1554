/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The child confines itself, step by step, and only then tells its parent that it is there; a step
 * that fails is told instead. The order matters: what ends rights comes after what needs them, a change
 * of credentials forgets PR_SET_PDEATHSIG and makes a process dumpable or not as the system has it, and
 * behind the filter nothing can be set up any more.
 *
 * What each layer is for. The filter is what holds: no path can be opened, no socket made, no
 * process started or signalled, no memory made executable. The rest is there for holes in it: no
 * capabilities, nobody's user id, nothing inherited, and nothing that other processes of its user
 * could trace.
 */
#include "user/core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/procmaps.h"

/*
 * Where a child's ids begin, its pid on top: nobody gives these to users or containers (systemd's list
 * of uids has them as unused), so that no process but itself can signal it. Where they have no number,
 * the kernel's overflow id has to do, which other daemons may have as well.
 */
#define UNUSED_IDS 0x7f000000u
#define NOBODY     65534u

/* What a parser of names may need (user/symbol/parse/demangle.h), and its caller may not have. */
#define STACK_BYTES (16u << 20)

/* How long it may take to be confined. */
#define START_MAX_MS 20000

/* Of the child. 0 to 2 are there and lead nowhere. */
#define SOCKET_FD       3
#define DESCRIPTORS_MAX 64

/* How long a child whose socket has closed may take to be gone. */
#define EXIT_GRACE_MS 1000

struct pb_sandbox {
	pid_t pid; /* -1 once it is reaped */
	int sock;
	uint32_t cpu_s;
	uint64_t peak_bytes;
	bool crashed;
	bool stuck;
	char end[64]; /* pb_sandbox_end()'s sentence */
};

/* What the child is told by memory. */
struct child {
	const char *name;
	const struct pb_sandbox_limits *limits;
	int sock;
	pid_t parent;
};

/* What the child tells before it serves. */
struct verdict {
	int32_t err;   /* 0: confined */
	uint32_t step; /* the one that failed */
};

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif /* another machine needs its own */

/* Of the child, which cannot ask for it behind the filter; 0: not in a child. */
static uint64_t stack_bytes;

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif

/* An argument's low word, by which flags and ints are known; both machines are little endian. */
#define FIELD(member)      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define HAS(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), yes, no)
#define VERDICT(v)         BPF_STMT(BPF_RET | BPF_K, v)
#define REFUSE             VERDICT(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW(call)        IS(__NR_##call, 0, 1), VERDICT(SECCOMP_RET_ALLOW)
#define ALLOW_IF(call, arg, value)                                                                 \
	IS(__NR_##call, 0, 4), FIELD(args[arg]), IS(value, 0, 1), VERDICT(SECCOMP_RET_ALLOW), REFUSE
#define ALLOW_IF_EITHER(call, arg, value, other)                                                   \
	IS(__NR_##call, 0, 5), FIELD(args[arg]), IS(value, 1, 0), IS(other, 0, 1),                 \
		VERDICT(SECCOMP_RET_ALLOW), REFUSE
#define ALLOW_WITHOUT(call, arg, bits)                                                             \
	IS(__NR_##call, 0, 4), FIELD(args[arg]), HAS(bits, 1, 0), VERDICT(SECCOMP_RET_ALLOW), REFUSE

/* From here on only what computing on memory and on sent descriptors takes. */
static int filter_calls(struct child *c)
{
	const struct sock_filter filter[] = {
		FIELD(arch),
		IS(FILTER_ARCH, 1, 0),
		VERDICT(SECCOMP_RET_KILL_PROCESS),
		FIELD(nr),
#ifdef __x86_64__
		/* x32: the same machine with other numbers. */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, __X32_SYSCALL_BIT, 0, 1),
		VERDICT(SECCOMP_RET_KILL_PROCESS),
		ALLOW(poll),
#endif
		/* The socket: nothing else can be written to. With a destination they fail on it. */
		ALLOW(sendmsg),
		ALLOW(recvmsg),
		ALLOW(sendto),
		ALLOW(recvfrom),
		ALLOW(ppoll),
		/* Files that were sent. O_ASYNC and F_SETOWN would signal other processes. */
		ALLOW(read),
		ALLOW(pread64),
		ALLOW(lseek),
		ALLOW(fstat),
		ALLOW(close),
		ALLOW_IF_EITHER(fcntl, 1, F_GETFD, F_GETFL),
		/*
		 * fstat() of glibc 2.33 to 2.38. The path of this one cannot be checked from here, so
		 * that it could find out whether a file is there and how large it is: to tell it to us.
		 */
		ALLOW_IF(newfstatat, 3, AT_EMPTY_PATH),
		/* Memory, never executable. */
		ALLOW(brk),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW_WITHOUT(mmap, 2, PROT_EXEC),
		ALLOW_WITHOUT(mprotect, 2, PROT_EXEC),
		/* The C library: locks, clocks without a vdso, hash seeds, qsort()'s choice. */
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(getrandom),
		ALLOW(sysinfo),
		ALLOW(restart_syscall),
		/* Ends. abort() signals itself, and no other process may be signalled. */
		ALLOW(rt_sigaction),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigreturn),
		ALLOW(getpid),
		ALLOW(gettid),
		ALLOW_IF(tgkill, 0, getpid()),
		ALLOW(exit),
		ALLOW(exit_group),
#ifdef UNDER_ASAN
		/* Its reports; stderr is left to it. */
		ALLOW(write),
		ALLOW(sigaltstack),
		ALLOW(sched_yield),
#endif
		REFUSE,
	};
	const struct sock_fprog program = {
		.len = PB_ARRAY_SIZE(filter),
		.filter = (struct sock_filter *)filter,
	};

	(void)c;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) ||
	    prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}

/* Bytes of the address space as it is; 0 if that cannot be known. */
static uint64_t own_size(void)
{
	pb_autoclose int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	uint64_t pages = 0;
	char text[64];
	ssize_t n;

	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pages = pages * 10 + (uint64_t)(text[i] - '0');
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A bound that is there and lower stays. */
static int bound(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
	struct rlimit r;

	if (getrlimit(resource, &r))
		return -errno;
	r.rlim_max = hard < r.rlim_max ? hard : r.rlim_max;
	r.rlim_cur = soft < r.rlim_max ? soft : r.rlim_max;
	return setrlimit(resource, &r) ? -errno : 0;
}

/*
 * The kernel looks at the limit whenever the stack grows, and keeps 128 MB free for that. Where neither the
 * hard limit nor our rights allow more, what is there has to do: whoever serves can ask.
 */
static int have_stack(struct child *c)
{
	struct rlimit r;

	(void)c;
	if (getrlimit(RLIMIT_STACK, &r))
		return -errno;
	if (r.rlim_cur < STACK_BYTES) {
		struct rlimit more = {STACK_BYTES, r.rlim_max};

		if (more.rlim_max < STACK_BYTES)
			more.rlim_max = STACK_BYTES;
		if (setrlimit(RLIMIT_STACK, &more)) {
			more.rlim_cur = more.rlim_max = r.rlim_max;
			if (setrlimit(RLIMIT_STACK, &more))
				return -errno;
		}
		r = more;
	}
	stack_bytes = r.rlim_cur;
	return 0;
}

static int bound_resources(struct child *c)
{
	const struct pb_sandbox_limits *l = c->limits;
	int err = 0;

	if (l->memory_bytes) {
		rlim_t size = own_size() + l->memory_bytes;

		err = bound(RLIMIT_AS, size, size);
	}
	if (!err && l->cpu_s)
		err = bound(RLIMIT_CPU, l->cpu_s, (rlim_t)l->cpu_s + 1);
	if (!err)
		err = bound(RLIMIT_CORE, 0, 0);
	if (!err)
		err = bound(RLIMIT_FSIZE, 0, 0);
	if (!err)
		err = bound(RLIMIT_NPROC, 0, 0);
	if (!err)
		err = bound(RLIMIT_NOFILE, DESCRIPTORS_MAX, DESCRIPTORS_MAX);
	return err;
}

/* Where memory runs out, this is the process to do without. Not a bound of its own: it may fail. */
static int offer_to_oom_killer(struct child *c)
{
	pb_autoclose int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)c;
	if (fd >= 0 && write(fd, "1000", 4) != 4)
		errno = 0;
	return 0;
}

/* 0 to 2 are a pipe that nobody writes: they read as empty and cannot be written, and need no path. */
static int keep_socket_only(struct child *c)
{
	int last = STDERR_FILENO, nothing[2], sock;

#ifdef UNDER_ASAN
	last = STDOUT_FILENO;
#endif
	sock = fcntl(c->sock, F_DUPFD_CLOEXEC, SOCKET_FD + 1);
	if (sock < 0 || pipe2(nothing, O_CLOEXEC))
		return -errno;
	for (int fd = STDIN_FILENO; fd <= last; fd++)
		if (dup2(nothing[0], fd) < 0)
			return -errno;
	if (dup2(sock, SOCKET_FD) < 0 || close_range(SOCKET_FD + 1, ~0u, 0))
		return -errno;
	c->sock = SOCKET_FD;
	return 0;
}

/*
 * BPF maps and ring buffers that the parent has mapped come along with a fork, and the kernel half and the
 * parent would see what is written there.
 */
int pb_sandbox_drop_shared(void)
{
	pb_autofclose FILE *f = fopen("/proc/self/maps", "re");
	pb_autofree char *line = NULL;
	struct pb_procmap map;
	size_t size = 0;
	ssize_t len;

	if (!f)
		return -errno;
	while ((len = getline(&line, &size, f)) > 0) {
		line[len - 1] = '\0';
		if (pb_procmaps_parse(line, &map) >= 0 && map.shared &&
		    munmap((void *)(uintptr_t)map.start, map.end - map.start))
			return -errno;
	}
	return 0;
}

static int let_go_of_shared_memory(struct child *c)
{
	(void)c;
	return pb_sandbox_drop_shared();
}

/*
 * The parent blocked all signals until here. The signals that people send to a terminal's whole process
 * group are for the parent, which may want to finish first, and which ends us.
 */
static int reset_signals(struct child *c)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
	sigset_t none;

	(void)c;
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL); /* the C library's own, SIGKILL and SIGSTOP refuse */
	for (size_t i = 0; i < PB_ARRAY_SIZE(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL) ? -errno : 0;
}

static bool has_capability(const struct __user_cap_data_struct *data, unsigned int cap)
{
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/*
 * From root to a user of its own, if the parent may still kill it then. Elsewhere the user stays: an
 * ordinary one, root of a container without these capabilities, or of a user namespace where neither that
 * nor nobody has a number; without capabilities it can do no more than nobody behind the filter.
 */
static int drop_user(struct child *c)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	const uid_t ids[] = {UNUSED_IDS + (uid_t)getpid(), NOBODY};

	(void)c;
	if (geteuid())
		return 0;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	if (!has_capability(data, CAP_SETUID) || !has_capability(data, CAP_SETGID) ||
	    !has_capability(data, CAP_KILL))
		return 0;
	/* EPERM: the namespace denies setgroups(); EINVAL: it has no such number. */
	if (setgroups(0, NULL))
		return errno == EPERM ? 0 : -errno;
	for (size_t i = 0; i < PB_ARRAY_SIZE(ids); i++) {
		if (!setresgid(ids[i], ids[i], ids[i]) && !setresuid(ids[i], ids[i], ids[i]))
			return 0;
		if (errno != EINVAL)
			return -errno;
	}
	return 0;
}

/* Inheritable ones go too, and with them ambient ones; the bounding set counts for execve() only. */
static int drop_capabilities(struct child *c)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	(void)c;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/* Not traced, not dumped, and gone with the parent. */
static int tie_to_parent(struct child *c)
{
	int persona = personality(0xffffffff);

	/* As setarch -X leaves it: all that can be read could be executed. */
	if (persona < 0 || ((persona & READ_IMPLIES_EXEC) &&
			    personality((unsigned long)(persona & ~READ_IMPLIES_EXEC)) < 0))
		return -errno;
	if (prctl(PR_SET_NAME, c->name) || prctl(PR_SET_DUMPABLE, 0ul) ||
	    prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL))
		return -errno;
	/* It may have died before. */
	return getppid() == c->parent ? 0 : -ESRCH;
}

static const struct {
	const char *what;
	int (*take)(struct child *c);
} steps[] = {
	{"offer itself to the OOM killer", offer_to_oom_killer},
	{"let go of shared memory", let_go_of_shared_memory},
	{"close its descriptors", keep_socket_only},
	{"have a stack", have_stack},
	{"bound its resources", bound_resources},
	{"reset its signals", reset_signals},
	{"change its user", drop_user},
	{"drop its capabilities", drop_capabilities},
	{"tie itself to its parent", tie_to_parent},
	{"filter its system calls", filter_calls},
};

__attribute__((noreturn)) static void be_child(struct child *c, pb_sandbox_serve *serve, void *ctx)
{
	struct verdict v = {0};

	for (; v.step < PB_ARRAY_SIZE(steps); v.step++) {
		v.err = steps[v.step].take(c);
		if (v.err)
			break;
	}
	if (send(c->sock, &v, sizeof(v), MSG_NOSIGNAL) != sizeof(v) || v.err)
		_exit(1);
	serve(c->sock, ctx);
	_exit(0);
}

static pid_t fork_child(struct child *c, pb_sandbox_serve *serve, void *ctx)
{
	sigset_t all, before;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL); /* where our caller ignores it there would be no exit status */
	/* No handler of ours may run in the child, and no Ctrl-C end it. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (!pid)
		be_child(c, serve, ctx);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* The verdict comes in one piece. Return: its size; another number if none comes in time. */
static ssize_t receive_verdict(int sock, uint32_t within_ms, struct verdict *v)
{
	uint64_t end_ns = pb_clock_ns() + (within_ms ? within_ms : START_MAX_MS) * 1000000ull;
	struct pollfd p = {.fd = sock, .events = POLLIN};
	uint64_t now_ns;
	int n = -1;

	while (n < 0) {
		now_ns = pb_clock_ns();
		if (now_ns >= end_ns)
			return -1;
		n = poll(&p, 1, (int)((end_ns - now_ns + 999999) / 1000000));
		if (n < 0 && errno != EINTR)
			return -1;
	}
	return recv(sock, v, sizeof(*v), MSG_DONTWAIT);
}

/* Wait until the child is confined. Return: 0; -errno, logged. */
static int await_confinement(struct pb_sandbox *s, const char *name, uint32_t within_ms)
{
	struct verdict v;

	if (receive_verdict(s->sock, within_ms, &v) != sizeof(v))
		return pb_fail(ECHILD, "the sandbox of the %s did not start: %s", name,
			       pb_sandbox_end(s, NULL));
	if (v.err && v.step < PB_ARRAY_SIZE(steps))
		return pb_err(-v.err, "the sandbox of the %s cannot %s", name, steps[v.step].what);
	return 0;
}

int pb_sandbox_start(struct pb_sandbox **out, const char *name,
		     const struct pb_sandbox_limits *limits, pb_sandbox_serve *serve, void *ctx)
{
	pb_auto(pb_sandbox) struct pb_sandbox *s = calloc(1, sizeof(*s));
	struct child c = {.name = name, .limits = limits, .parent = getpid()};
	int pair[2], err;

	if (!s)
		return -ENOMEM;
	*s = (struct pb_sandbox){.pid = -1, .sock = -1, .cpu_s = limits->cpu_s};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return pb_err(errno, "make a socket for the %s", name);
	s->sock = pair[0];
	c.sock = pair[1];
	s->pid = fork_child(&c, serve, ctx);
	err = errno;
	close(pair[1]);
	if (s->pid < 0)
		return pb_err(err, "start the %s", name);
	err = await_confinement(s, name, limits->start_ms);
	if (err)
		return err;
	*out = pb_take(s);
	return 0;
}

void pb_sandbox_free(struct pb_sandbox *s)
{
	if (!s)
		return;
	pb_sandbox_end(s, NULL);
	if (s->sock >= 0)
		close(s->sock);
	free(s);
}

int pb_sandbox_socket(const struct pb_sandbox *s)
{
	return s->sock;
}

/* Return: false if it is not. */
static bool await_gone(pid_t pid)
{
	pb_autoclose int pidfd = pidfd_open(pid, 0);
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	uint64_t end_ns = pb_clock_ns() + EXIT_GRACE_MS * 1000000ull;
	int n;

	if (pidfd < 0)
		return true; /* and so nothing to wait by */
	do
		n = poll(&gone, 1, EXIT_GRACE_MS);
	while (n < 0 && errno == EINTR && pb_clock_ns() < end_ns);
	return n > 0;
}

/* Let a child that has closed its socket be gone, so that its own end is told, not ours. */
static void await_exit(const struct pb_sandbox *s)
{
	struct pollfd peer = {.fd = s->sock};

	if (poll(&peer, 1, 0) != 1 || !(peer.revents & POLLHUP))
		return;
	await_gone(s->pid);
}

/* Put its end into words. @killed: by us, while it ran. */
static void describe_end(struct pb_sandbox *s, int status, bool killed, const struct rusage *usage)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	bool out_of_cpu = s->cpu_s && usage->ru_utime.tv_sec + usage->ru_stime.tv_sec >= s->cpu_s;

	s->crashed = sig && sig != SIGKILL && sig != SIGXCPU;
	if (sig == SIGXCPU || (sig == SIGKILL && (killed || out_of_cpu)))
		snprintf(s->end, sizeof(s->end), "it took too long");
	else if (sig == SIGKILL)
		snprintf(s->end, sizeof(s->end), "it was killed, perhaps because memory is short");
	else if (!sig && WEXITSTATUS(status) == PB_SANDBOX_NO_MEMORY)
		snprintf(s->end, sizeof(s->end), "it ran out of memory");
	else if (sig == SIGSYS)
		snprintf(s->end, sizeof(s->end), "it tried to leave the sandbox");
	else if (sig)
		snprintf(s->end, sizeof(s->end), "it crashed (signal %d)", sig);
	else
		snprintf(s->end, sizeof(s->end), "it gave up (exit status %d)",
			 WEXITSTATUS(status));
}

const char *pb_sandbox_end(struct pb_sandbox *s, uint64_t *peak_bytes)
{
	struct rusage usage = {0};
	siginfo_t ended = {0};
	int status = 0;
	bool killed;
	pid_t pid;

	if (s->pid > 0) {
		await_exit(s);
		if (waitid(P_PID, (id_t)s->pid, &ended, WEXITED | WNOHANG | WNOWAIT))
			ended.si_pid = 0;
		killed = !ended.si_pid;
		if (killed)
			kill(s->pid, SIGKILL);
		s->stuck = killed && !await_gone(s->pid);
		if (s->stuck) {
			/* Whoever has it next reaps it. */
			snprintf(s->end, sizeof(s->end),
				 "its file cannot be read for want of an answer");
		} else {
			do
				pid = wait4(s->pid, &status, 0, &usage);
			while (pid < 0 && errno == EINTR);
			describe_end(s, status, killed, &usage);
			s->peak_bytes = (uint64_t)usage.ru_maxrss * 1024;
		}
		s->pid = -1;
	}
	if (peak_bytes)
		*peak_bytes = s->peak_bytes;
	return s->end;
}

bool pb_sandbox_stuck(const struct pb_sandbox *s)
{
	return s->stuck;
}

bool pb_sandbox_crashed(const struct pb_sandbox *s)
{
	return s->crashed;
}

uint64_t pb_sandbox_stack_bytes(void)
{
	struct rlimit r;

	if (stack_bytes)
		return stack_bytes;
	return getrlimit(RLIMIT_STACK, &r) ? 0 : r.rlim_cur;
}
