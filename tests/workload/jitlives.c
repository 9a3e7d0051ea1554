/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * jitlives fork|told-later|exec|append [SECONDS]: compiles a function at a fixed address and tells of it in
 * /tmp/perf-PID.map as "jit_told". What runs it is first_life().
 *
 *   fork         a child runs it, and has no map
 *   told-later   likewise; then it runs another at the next page, in third_life(), that it tells nothing of,
 *                while its parent tells of "jit_parents" there
 *   exec         it is run for half the time, then replaced by a program that has code of its own at that
 *                address, and tells nothing
 *   append       likewise, but that one has told of the next page as "jit_second", at the end of the same map,
 *                and runs both for as long: second_life() what it has not told of, third_life() the other
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

#define CODE ((char *)0x700000000000)
#define NEXT (CODE + 4096)

__attribute__((section("jitcode"), used, noinline)) static uint64_t template(uint64_t n, uint64_t x)
{
	return burn(n, x);
}
extern const char __start_jitcode[], __stop_jitcode[];

typedef uint64_t jit_fn(uint64_t n, uint64_t x);

static int compile(char *at)
{
	char *code = mmap(at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (code != at)
		return -1;
	memcpy(code, __start_jitcode, (size_t)(__stop_jitcode - __start_jitcode));
	return 0;
}

/* @how: as fopen() has it. */
static int tell(const char *how, const char *code, const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	f = fopen(path, how);
	if (!f)
		return -1;
	fprintf(f, "%lx 1000 %s\n", (unsigned long)code, name);
	return fclose(f);
}

static void forget(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	unlink(path);
}

/* Files and processes are stamped by clocks that tick: what follows is later by all of them. */
static void wait_for_ticks(void)
{
	usleep(200000);
}

static void run(char *code, double seconds)
{
	uint64_t deadline = in_seconds(seconds);

	while (now_ns() < deadline)
		sink = ((jit_fn *)code)(STEPS_50US, sink);
}

VISIBLE static void first_life(double seconds)
{
	run(CODE, seconds);
	KEEP_FRAME();
}

VISIBLE static void second_life(double seconds)
{
	run(CODE, seconds);
	KEEP_FRAME();
}

VISIBLE static void third_life(double seconds)
{
	run(NEXT, seconds);
	KEEP_FRAME();
}

static int live_again(const char *how, double seconds)
{
	if (!strcmp(how, "append")) {
		wait_for_ticks();
		if (compile(NEXT) || tell("a", NEXT, "jit_second"))
			return 1;
		third_life(seconds);
	}
	second_life(seconds);
	forget();
	return 0;
}

static void be_child(const char *mode, double seconds)
{
	if (strcmp(mode, "told-later") != 0) {
		first_life(seconds);
		return;
	}
	if (compile(NEXT))
		return;
	first_life(seconds / 2);
	third_life(seconds / 2);
}

static int have_child(const char *mode, double seconds)
{
	pid_t child;

	wait_for_ticks();
	child = fork();
	if (!child) {
		be_child(mode, seconds);
		_exit(0);
	}
	wait_for_ticks();
	if (!strcmp(mode, "told-later") && tell("a", NEXT, "jit_parents"))
		return 1;
	say_ready();
	waitpid(child, NULL, 0);
	forget();
	return 0;
}

int main(int argc, char **argv)
{
	double seconds = arg(argc, argv, 2, 60);
	const char *mode = argc > 1 ? argv[1] : "";
	char left[32];

	if (compile(CODE))
		return 1;
	if (argc > 3)
		return live_again(mode, seconds);
	if (tell("w", CODE, "jit_told"))
		return 1;
	if (!strcmp(mode, "fork") || !strcmp(mode, "told-later"))
		return have_child(mode, seconds);
	say_ready();
	first_life(seconds / 2);
	snprintf(left, sizeof(left), "%g", seconds / 2);
	execl("/proc/self/exe", argv[0], mode, left, "again", (char *)NULL);
	return 127;
}
