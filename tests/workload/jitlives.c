/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * jitlives fork|exec [SECONDS]: compiles a function at a fixed address and tells of it in
 * /tmp/perf-PID.map. "fork": a child runs it, and has no map. "exec": runs it for half the time, then
 * becomes another program that has code of its own at that address, and tells nothing of it.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

#define CODE ((void *)0x700000000000)

__attribute__((section("jitcode"), used, noinline)) static uint64_t template(uint64_t n, uint64_t x)
{
	return burn(n, x);
}
extern const char __start_jitcode[], __stop_jitcode[];

typedef uint64_t jit_fn(uint64_t n, uint64_t x);

static int compile(void)
{
	char *code = mmap(CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (code != CODE)
		return -1;
	memcpy(code, __start_jitcode, (size_t)(__stop_jitcode - __start_jitcode));
	return 0;
}

static int write_map(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, "%lx 1000 jit_told\n", (unsigned long)CODE);
	return fclose(f);
}

static void run(jit_fn *code, double seconds)
{
	uint64_t deadline = in_seconds(seconds);

	while (now_ns() < deadline)
		sink = code(STEPS_50US, sink);
}

VISIBLE static void first_life(double seconds)
{
	run((jit_fn *)CODE, seconds);
}

VISIBLE static void second_life(double seconds)
{
	run((jit_fn *)CODE, seconds);
}

int main(int argc, char **argv)
{
	double seconds = arg(argc, argv, 2, 60);
	const char *mode = argc > 1 ? argv[1] : "";
	char path[64], left[32];
	pid_t child;

	if (compile())
		return 1;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	if (!strcmp(mode, "bare")) {
		second_life(seconds);
		unlink(path);
		return 0;
	}
	if (write_map(path))
		return 1;
	say_ready();
	if (!strcmp(mode, "exec")) {
		first_life(seconds / 2);
		snprintf(left, sizeof(left), "%g", seconds / 2);
		execl("/proc/self/exe", argv[0], "bare", left, (char *)NULL);
		return 127;
	}
	child = fork();
	if (!child) {
		first_life(seconds);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	unlink(path);
	return 0;
}
