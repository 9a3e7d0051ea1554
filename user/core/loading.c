/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/loading.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "user/core/clock.h"
#include "user/core/elf.h"
#include "user/core/own.h"
#include "user/core/procmaps.h"

#define GIVE_UP_NS    1000000000ull
#define SYMBOLS_MAX   (4u << 20) /* bytes of .dynsym and of .dynstr that are looked at */
#define DEBUG_STATE   "_dl_debug_state"
#define CALLS_TO_REST 2 /* of _dl_debug_state(): objects are being added; they are consistent */

#if defined(__x86_64__)
#define BREAKPOINT      0xccull
#define BREAKPOINT_MASK 0xffull
#define BREAKPOINT_SKIP 1 /* the instruction pointer stands behind it */
#elif defined(__aarch64__)
#define BREAKPOINT      0xd4200000ull /* brk #0 */
#define BREAKPOINT_MASK 0xffffffffull
#define BREAKPOINT_SKIP 0
#endif

struct loading {
	pid_t pid;
	uint64_t give_up_ns;
	int *status;
	uint64_t addr; /* of the breakpoint; 0: none is set */
	long before;   /* the word that stood there */
};

int pb_loading_begin(pid_t pid)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {0};

	if (syscall(SYS_capget, &header, caps) ||
	    !(caps[CAP_TO_INDEX(CAP_SYS_PTRACE)].effective & CAP_TO_MASK(CAP_SYS_PTRACE)))
		return -EPERM;
	return ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) ? -errno : 0;
}

/* Wait for the next stop. Return: its signal, with the event above it; -ECHILD; -ETIMEDOUT. */
static int next_stop(struct loading *l)
{
	const struct timespec pause = {.tv_nsec = 50000};
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(l->pid, &status, __WALL | WNOHANG);
		if (pid < 0 && errno != EINTR)
			return -ECHILD;
		if (pid == l->pid && WIFSTOPPED(status))
			return status >> 8;
		if (pid == l->pid) {
			*l->status = status;
			return -ECHILD;
		}
		if (pb_clock_ns() > l->give_up_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

static bool is_event(int stop, int event)
{
	return stop == (SIGTRAP | event << 8);
}

/* Has a signal stopped the whole process? What else PTRACE_EVENT_STOP stands for has SIGTRAP. */
static bool is_group_stop(int stop)
{
	return stop >> 8 == PTRACE_EVENT_STOP && (stop & 0xff) != SIGTRAP;
}

/*
 * @how: PTRACE_CONT or PTRACE_SINGLESTEP. A signal that is about to be delivered is; stops of ours are none. Who is
 * stopped by a signal stays so until SIGCONT, of which the next stop tells (ptrace(2), PTRACE_LISTEN), and gets here
 * again then.
 */
static int resume(const struct loading *l, enum __ptrace_request how, int stop)
{
	int sig = stop >> 8 ? 0 : stop;

	if (is_group_stop(stop))
		return ptrace(PTRACE_LISTEN, l->pid, 0, 0) ? -errno : 0;
	return ptrace(how, l->pid, 0, sig) ? -errno : 0;
}

static int go_on(const struct loading *l, int stop)
{
	return resume(l, PTRACE_CONT, stop);
}

void pb_loading_pass(pid_t pid)
{
	const struct loading l = {.pid = pid};
	siginfo_t stop = {.si_pid = 0};
	int status;

	/* Only looked at: the stop at its exec is for pb_loading_hold(). */
	if (waitid(P_PID, (id_t)pid, &stop, WSTOPPED | WNOHANG | WNOWAIT | __WALL) ||
	    !stop.si_pid || is_event(stop.si_status, PTRACE_EVENT_EXEC))
		return;
	if (waitpid(pid, &status, WNOHANG | __WALL) == pid && WIFSTOPPED(status))
		go_on(&l, status >> 8);
}

/* Values of the auxiliary vector; 0 where there is none. */
static void read_auxv(pid_t pid, uint64_t *base, uint64_t *entry)
{
	char path[32];
	Elf64_auxv_t a;

	*base = *entry = 0;
	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	pb_autofclose FILE *f = fopen(path, "re");

	while (f && fread(&a, sizeof(a), 1, f) == 1 && a.a_type != AT_NULL) {
		if (a.a_type == AT_BASE)
			*base = a.a_un.a_val;
		else if (a.a_type == AT_ENTRY)
			*entry = a.a_un.a_val;
	}
}

/* The address of _dl_debug_state() in its file; 0 if it has none. */
static uint64_t find_debug_state(const struct pb_elf *elf)
{
	struct pb_elf_section symbols = {0}, names = {0};
	uint64_t addr = 0;
	Elf64_Sym sym;
	size_t i;

	if (!pb_elf_is64(elf) || pb_elf_section(elf, ".dynsym", SYMBOLS_MAX, &symbols))
		return 0;
	if (!pb_elf_section(elf, ".dynstr", SYMBOLS_MAX, &names)) {
		for (i = 0; !addr && (i + 1) * sizeof(sym) <= symbols.size; i++) {
			memcpy(&sym, symbols.bytes + i * sizeof(sym), sizeof(sym));
			if (sym.st_name < names.size &&
			    names.size - sym.st_name >= sizeof(DEBUG_STATE) &&
			    !memcmp(names.bytes + sym.st_name, DEBUG_STATE, sizeof(DEBUG_STATE)))
				addr = sym.st_value;
		}
	}
	free(symbols.bytes);
	free(names.bytes);
	return addr;
}

struct mapped {
	uint64_t start;
	char path[PATH_MAX];
};

static void on_map(void *ctx, const struct pb_procmap *map)
{
	struct mapped *m = ctx;

	if (map->start == m->start)
		snprintf(m->path, sizeof(m->path), "%s", map->path);
}

/* The same in the memory of the program: its dynamic linker is the file that is mapped at @base. */
static uint64_t debug_state_of(pid_t pid, uint64_t base)
{
	struct mapped linker = {.start = base};
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	pb_autoclose int fd = -1;
	char path[PATH_MAX + 32];
	uint64_t addr;

	if (pb_procmaps_read_all((uint32_t)pid, on_map, &linker) || !*linker.path)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, linker.path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || pb_elf_open(&elf, fd))
		return 0;
	addr = find_debug_state(elf);
	return addr ? base + addr : 0;
}

static int set_breakpoint(struct loading *l, uint64_t addr)
{
	long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKTEXT, l->pid, addr, 0);
	if (errno)
		return -errno;
	if (ptrace(PTRACE_POKETEXT, l->pid, addr, ((uint64_t)word & ~BREAKPOINT_MASK) | BREAKPOINT))
		return -errno;
	l->addr = addr;
	l->before = word;
	return 0;
}

static void clear_breakpoint(struct loading *l)
{
	if (l->addr)
		ptrace(PTRACE_POKETEXT, l->pid, l->addr, l->before);
	l->addr = 0;
}

#if defined(__x86_64__)
/* Has it stopped at the breakpoint? Then it is as if that had not been there. */
static bool step_back(struct loading *l)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, l->pid, 0, &regs) || regs.rip != l->addr + BREAKPOINT_SKIP)
		return false;
	regs.rip = l->addr;
	return !ptrace(PTRACE_SETREGS, l->pid, 0, &regs);
}
#else
static bool step_back(struct loading *l)
{
	return l->addr != 0;
}
#endif

/* Go on until the breakpoint is hit. Return: 0; -ECHILD, -ETIMEDOUT. */
static int run_to_breakpoint(struct loading *l, int stop)
{
	int err = go_on(l, stop);

	while (!err) {
		stop = next_stop(l);
		if (stop < 0)
			return stop;
		if (stop == SIGTRAP && step_back(l))
			return 0;
		err = go_on(l, stop);
	}
	return err;
}

/* One instruction, which the breakpoint hid, and that back in place. */
static int step_over(struct loading *l)
{
	uint64_t addr = l->addr;
	int stop = 0, err;

	clear_breakpoint(l);
	do {
		err = resume(l, PTRACE_SINGLESTEP, stop);
		stop = err ? err : next_stop(l);
	} while (stop >= 0 && stop != SIGTRAP);
	return stop < 0 ? stop : set_breakpoint(l, addr);
}

static int run_to_rest(struct loading *l)
{
	uint64_t base, entry, state;
	int stop = next_stop(l), calls, err;

	while (stop >= 0 && !is_event(stop, PTRACE_EVENT_EXEC)) {
		err = go_on(l, stop);
		stop = err ? err : next_stop(l);
	}
	if (stop < 0)
		return stop;
	read_auxv(l->pid, &base, &entry);
	state = base ? debug_state_of(l->pid, base) : 0;
	err = set_breakpoint(l, state ? state : entry);
	err = err ? err : run_to_breakpoint(l, stop);
	for (calls = 1; state && calls < CALLS_TO_REST && !err; calls++) {
		err = step_over(l);
		err = err ? err : run_to_breakpoint(l, 0);
	}
	return err;
}

/* Stop it wherever it is, to be let go: a breakpoint in it must not stay. What a signal has stopped stays so. */
static void stop_it(struct loading *l)
{
	int stop;

	if (ptrace(PTRACE_INTERRUPT, l->pid, 0, 0))
		return;
	l->give_up_ns = pb_clock_ns() + GIVE_UP_NS;
	stop = next_stop(l);
	if (stop == SIGTRAP)
		step_back(l);
}

int pb_loading_hold(pid_t pid, void (*at_rest)(void *ctx), void *ctx, int *status)
{
	struct loading l = {.pid = pid, .give_up_ns = pb_clock_ns() + GIVE_UP_NS, .status = status};
	int err = run_to_rest(&l);

	if (err == -ECHILD)
		return err;
	if (err == -ETIMEDOUT)
		stop_it(&l);
	clear_breakpoint(&l);
	if (!err)
		at_rest(ctx);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return err;
}
