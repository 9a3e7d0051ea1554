/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * heapload WHAT ...: allocates by the numbers. With WAIT=1 in the environment it begins at SIGUSR1.
 *
 *	volume MB             MB of 64-byte blocks in small(), of 4 KB in medium(), of 1 MB in large(), all freed, and
 *	                      MB / 4 of 4 KB in kept()
 *	rate R SECONDS [R2]   R pairs of malloc and free a second, R2 after two seconds
 *	keep N                N blocks in kept(), and says "kept"; lives on for a minute
 *	ages                  40 blocks in older(), two seconds, 30 in younger(), "kept", lives on
 *	stacks N              one block from each of N depths
 *	threads N             N threads, each with a block a second
 *	forks N               N children, ten blocks each
 *	dlopen LIB[:LIB...] SECONDS [PREFIX]
 *	                      pairs of PREFIXmalloc and PREFIXfree (mi_) of the last LIB, in loaded()
 *	exec CMD ARGS         ten blocks in before(), then CMD
 *	touch MB              first touches of MB of its own mapping
 *	retouch SECONDS       the same again and again, of 16 MB
 *	end HOW               ten blocks in kept(), then "_exit", "kill" or "abort"
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

static void *volatile held;

/* No optimiser knows what becomes of the block. */
static void *hide(void *p)
{
	__asm__ volatile("" : "+r"(p)::"memory");
	return p;
}

VISIBLE static void small(unsigned long n)
{
	while (n--)
		free(hide(malloc(64)));
}

VISIBLE static void medium(unsigned long n)
{
	while (n--)
		free(hide(malloc(4096)));
}

VISIBLE static void large(unsigned long n)
{
	while (n--)
		free(hide(malloc(1 << 20)));
}

VISIBLE static void kept(unsigned long n)
{
	while (n--)
		held = malloc(4096);
	KEEP_FRAME();
}

VISIBLE static void older(unsigned long n)
{
	while (n--)
		held = malloc(100);
	KEEP_FRAME();
}

VISIBLE static void younger(unsigned long n)
{
	while (n--)
		held = malloc(100);
	KEEP_FRAME();
}

VISIBLE static void before(void)
{
	for (int i = 0; i < 10; i++)
		held = malloc(1000);
	KEEP_FRAME();
}

VISIBLE static void descend(long depth)
{
	if (depth > 0)
		descend(depth - 1);
	else
		held = malloc(10);
	KEEP_FRAME();
}

static void live_on(void)
{
	static const char line[] = "kept\n";

	if (write(1, line, sizeof(line) - 1) > 0)
		sleep(60);
}

static void pace(double per_s, double seconds)
{
	uint64_t began = now_ns(), end = in_seconds(seconds), now;
	double done = 0;

	while ((now = now_ns()) < end) {
		double due = (double)(now - began) / 1e9 * per_s - done;

		if (due >= 1) {
			small((unsigned long)due);
			done += due;
		}
		if (per_s < 500000)
			usleep(500);
	}
}

static void *idle_thread(void *p)
{
	for (int i = 0; i < 60; i++) {
		free(hide(malloc(100)));
		sleep(1);
	}
	return p;
}

static int start_threads(int n)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = 0; i < n; i++)
		if (pthread_create(&t, &attr, idle_thread, NULL))
			return 1;
	return 0;
}

static int fork_children(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (!child) {
			before();
			_exit(0);
		}
		if (i % 8 == 7)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

VISIBLE static void loaded(void *(*alloc)(size_t), void (*release)(void *))
{
	for (int i = 0; i < 10; i++)
		release(hide(alloc(777)));
}

#ifdef PB_STATIC
static int load(char *names, double seconds, const char *prefix)
{
	return !names || !prefix || seconds > 0;
}
#else
static int load(char *names, double seconds, const char *prefix)
{
	uint64_t end = in_seconds(seconds);
	void *(*alloc)(size_t);
	void (*release)(void *);
	char symbol[64], *name;
	void *lib = NULL;

	for (name = strtok(names, ":"); name; name = strtok(NULL, ":")) {
		lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
		if (!lib)
			return 1;
	}
	if (!lib)
		return 1;
	snprintf(symbol, sizeof(symbol), "%smalloc", prefix);
	*(void **)&alloc = dlsym(lib, symbol);
	snprintf(symbol, sizeof(symbol), "%sfree", prefix);
	*(void **)&release = dlsym(lib, symbol);
	if (!alloc || !release)
		return 1;
	while (now_ns() < end) {
		loaded(alloc, release);
		usleep(2000);
	}
	return 0;
}
#endif

VISIBLE static void touch(unsigned long mb)
{
	char *p = mmap(NULL, mb << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, mb << 20, MADV_NOHUGEPAGE))
		return;
	for (unsigned long i = 0; i < mb << 20; i += 4096)
		((volatile char *)p)[i] = 1;
}

VISIBLE static void retouch(double seconds)
{
	uint64_t end = in_seconds(seconds);
	size_t size = 16 << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	while (now_ns() < end && !madvise(p, size, MADV_DONTNEED) &&
	       !madvise(p, size, MADV_NOHUGEPAGE))
		for (size_t i = 0; i < size; i += 4096)
			((volatile char *)p)[i] = 1;
}

static void die(const char *how)
{
	kept(10);
	if (*how == 'k')
		kill(getpid(), SIGKILL);
	else if (*how == 'a')
		abort();
	_exit(7);
}

static int run(int argc, char **argv)
{
	const char *what = argv[1];
	unsigned long n = (unsigned long)arg(argc, argv, 2, 10);

	if (!strcmp(what, "volume")) {
		small(n << 14);
		medium(n << 8);
		large(n);
		kept(n << 6);
	} else if (!strcmp(what, "rate")) {
		double seconds = arg(argc, argv, 3, 10), later = arg(argc, argv, 4, 0);

		pace((double)n, later > 0 ? 2 : seconds);
		if (later > 0)
			pace(later, seconds - 2);
	} else if (!strcmp(what, "keep")) {
		kept(n);
		live_on();
	} else if (!strcmp(what, "ages")) {
		older(40);
		sleep(2);
		younger(30);
		live_on();
	} else if (!strcmp(what, "stacks")) {
		for (unsigned long i = 0; i < n; i++)
			descend((long)i);
	} else if (!strcmp(what, "threads")) {
		if (start_threads((int)n))
			return 1;
		live_on();
	} else if (!strcmp(what, "forks")) {
		return fork_children((int)n);
	} else if (!strcmp(what, "dlopen")) {
		return load(argv[2], arg(argc, argv, 3, 5), argc > 4 ? argv[4] : "mi_");
	} else if (!strcmp(what, "exec")) {
		before();
		execvp(argv[2], argv + 2);
		return 127;
	} else if (!strcmp(what, "touch")) {
		touch(n);
	} else if (!strcmp(what, "retouch")) {
		retouch(arg(argc, argv, 2, 10));
	} else if (!strcmp(what, "end")) {
		die(argc > 2 ? argv[2] : "_exit");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char line[32];
	sigset_t set;
	int sig, len = snprintf(line, sizeof(line), "ready %d\n", (int)getpid());

	if (argc < 2)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (getenv("WAIT"))
		sigprocmask(SIG_BLOCK, &set, NULL);
	/* Not by stdio, which allocates. */
	if (write(1, line, (size_t)len) != len)
		return 1;
	if (getenv("WAIT"))
		sigwait(&set, &sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return run(argc, argv);
}
