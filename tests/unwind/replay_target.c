/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * replay_target SCENE FD: builds a stack, writes to FD what it is (struct replay_truth), and stops itself in
 * the middle of it. The truth is told by two that know nothing of us: the functions themselves, each of its
 * own return address, and libgcc's unwinder.
 *
 * Built without frame pointers, as distributions build.
 */
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include "tests/unwind/replay_truth.h"

/* A function with a frame of its own, whatever the optimiser would like. */
#define FRAME        __attribute__((noinline))
/* Keeps a call from becoming a jump. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

static struct replay_truth truth;
static int to_reader;
/* What is only known at run time. */
static volatile int zero;

static FRAME void entered(void *return_address)
{
	if (truth.n_calls < REPLAY_FRAMES_MAX)
		truth.calls[truth.n_calls++] = (uintptr_t)return_address;
}
#define ENTERED() entered(__builtin_return_address(0))

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *arg)
{
	int interrupted = 0;
	uint64_t ip = _Unwind_GetIPInfo(context, &interrupted);

	(void)arg;
	if (!ip)
		return _URC_NO_REASON; /* what it sees behind the outermost frame */
	if (truth.n_frames == REPLAY_FRAMES_MAX)
		return _URC_END_OF_STACK;
	truth.frames[truth.n_frames++] = ip | (interrupted ? REPLAY_INTERRUPTED : 0);
	return _URC_NO_REASON;
}

static void tell(void)
{
	const char *at = (const char *)&truth;
	size_t left = sizeof(truth);
	ssize_t n;

	truth.tid = (uint32_t)syscall(SYS_gettid);
	while (left && (n = write(to_reader, at, left)) > 0) {
		at += n;
		left -= (size_t)n;
	}
	if (left)
		_exit(1);
}

/* A signal to this very thread: one to the process may find another first, while this one runs on. */
#define STOP() syscall(SYS_tgkill, getpid(), truth.tid, SIGSTOP)

/* The bottom of every scene. */
static FRAME void stop_here(void)
{
	ENTERED();
	_Unwind_Backtrace(add_frame, NULL);
	tell();
	STOP();
	KEEP_FRAME();
}

static FRAME void nest_3(int depth)
{
	char room[200];

	ENTERED();
	memset(room, depth, sizeof(room));
	__asm__ volatile("" ::"r"(room) : "memory");
	stop_here();
	KEEP_FRAME();
}

static FRAME int nest_2(int a, int b, int c, int d)
{
	ENTERED();
	nest_3(a + zero);
	KEEP_FRAME();
	return a + b + c + d + zero;
}

static FRAME int nest_1(int a)
{
	int b = a * zero, c = b + zero, d = c ^ zero;

	ENTERED();
	/* All of these live across the call, in registers that must be saved. */
	return nest_2(a, b, c, d) + a * b + c * d + zero;
}

static int compare(const void *a, const void *b)
{
	ENTERED();
	if (!truth.n_frames)
		stop_here();
	return *(const int *)a - *(const int *)b;
}

static FRAME void by_qsort(void)
{
	int numbers[] = {7, 3, 9, 1, 4, 8, 2, 6, 5};

	ENTERED();
	qsort(numbers, sizeof(numbers) / sizeof(numbers[0]), sizeof(int), compare);
	KEEP_FRAME();
}

static void on_signal(int number)
{
	(void)number;
	/* Its return address is the kernel's doing, and as good as any. */
	ENTERED();
	nest_3(1);
	KEEP_FRAME();
}

/* An instruction that faults, so that the signal strikes this very function. */
static FRAME int fault(volatile int *where)
{
	ENTERED();
	*where = 1;
	return *where;
}

static FRAME void by_signal(int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
	stack_t other = {.ss_size = 1 << 16};

	ENTERED();
	other.ss_sp = malloc(other.ss_size);
	if (!other.ss_sp || sigaltstack(&other, NULL) || sigaction(SIGSEGV, &action, NULL))
		_exit(1);
	fault((int *)(uintptr_t)zero);
	KEEP_FRAME();
}

/* A frame whose size is not known in advance is found by the frame pointer. */
static FRAME int by_alloca(size_t n)
{
	char *room;

	ENTERED();
	room = alloca(n + (size_t)zero);
	memset(room, 1, n);
	stop_here();
	return room[n - 1];
}

/* And one that is aligned as well, by a saved copy of another register: rules that dereference. */
static FRAME int by_aligned_alloca(size_t n)
{
	char wide[64] __attribute__((aligned(64)));
	char *room;

	ENTERED();
	room = alloca(n + (size_t)zero);
	memset(room, 1, n);
	memset(wide, zero, sizeof(wide));
	__asm__ volatile("" ::"r"(wide), "r"(room) : "memory");
	by_alloca(n);
	return room[n - 1] + wide[n % 64];
}

static FRAME int recurse(int depth)
{
	ENTERED();
	if (depth > 1)
		return recurse(depth - 1) + zero;
	stop_here();
	return zero;
}

static void *on_thread(void *arg)
{
	ENTERED();
	nest_1(3);
	return arg;
}

static FRAME void by_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, on_thread, NULL))
		_exit(1);
	pthread_join(thread, NULL);
}

static ucontext_t here, there;

static void on_coroutine(void)
{
	ENTERED();
	nest_1(4);
}

static FRAME void by_coroutine(ucontext_t *link)
{
	static char stack[1 << 16];

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = link;
	makecontext(&there, on_coroutine, 0);
	swapcontext(&here, &there);
	KEEP_FRAME();
}

/* Stops before vfork(); whoever traces it meets it again inside, where the return address is in a register. */
static FRAME void by_vfork(void)
{
	pid_t pid;

	ENTERED();
	_Unwind_Backtrace(add_frame, NULL);
	tell();
	STOP();
	pid = vfork();
	if (!pid)
		_exit(0);
	KEEP_FRAME();
}

static int run(const char *scene)
{
	if (!strcmp(scene, "nested"))
		return nest_1(2);
	if (!strcmp(scene, "qsort"))
		by_qsort();
	else if (!strcmp(scene, "signal"))
		by_signal(0);
	else if (!strcmp(scene, "sigaltstack"))
		by_signal(SA_ONSTACK);
	else if (!strcmp(scene, "alloca"))
		by_alloca(1000);
	else if (!strcmp(scene, "aligned"))
		by_aligned_alloca(1000);
	else if (!strcmp(scene, "deep"))
		recurse(400);
	else if (!strcmp(scene, "thread"))
		by_thread();
	else if (!strcmp(scene, "coroutine"))
		by_coroutine(NULL);
	else if (!strcmp(scene, "linked"))
		by_coroutine(&here);
	else if (!strcmp(scene, "vfork"))
		by_vfork();
	else
		return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 1;
	to_reader = atoi(argv[2]);
	return run(argv[1]);
}
