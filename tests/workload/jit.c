/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * jit [SECONDS]: copies one function three times into anonymous memory, as a JIT compiler would, writes
 * /tmp/perf-PID.map and works in them 2 : 1 : 1. The third copy is not in the map.
 */
#include <string.h>
#include <sys/mman.h>

#include "tests/workload/workload.h"

#define COPY_BYTES 512 /* room for one copy */

/* Calls nothing and touches no global, so that a copy of its bytes works anywhere. */
__attribute__((section("jitcode"), used, noinline,
	       aligned(64))) static uint64_t template(uint64_t n, uint64_t x)
{
	return burn(n, x);
}
extern const char __start_jitcode[], __stop_jitcode[];

typedef uint64_t jit_fn(uint64_t n, uint64_t x);

static int write_map(const char *path, char *code)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -1;
	fprintf(f, "%lx %x jit:first\n", (unsigned long)code, COPY_BYTES);
	fprintf(f, "%lx %x Lapp/Second;::run(int, <T>)\n", (unsigned long)code + COPY_BYTES,
		COPY_BYTES);
	return fclose(f);
}

VISIBLE static void interpreter(char *code, uint64_t deadline)
{
	jit_fn *first = (jit_fn *)code;
	jit_fn *second = (jit_fn *)(code + COPY_BYTES);
	jit_fn *unnamed = (jit_fn *)(code + 2 * COPY_BYTES);

	while (now_ns() < deadline) {
		sink = first(2 * STEPS_50US, sink);
		sink = second(STEPS_50US, sink);
		sink = unnamed(STEPS_50US, sink);
	}
}

int main(int argc, char **argv)
{
	size_t size = (size_t)(__stop_jitcode - __start_jitcode);
	char path[64];
	char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (code == MAP_FAILED || size > COPY_BYTES) {
		fputs("jit: no memory, or the template is too long\n", stderr);
		return 1;
	}
	for (int i = 0; i < 3; i++)
		memcpy(code + i * COPY_BYTES, __start_jitcode, size);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	if (write_map(path, code)) {
		perror(path);
		return 1;
	}
	say_ready();
	interpreter(code, in_seconds(arg(argc, argv, 1, 60)));
	unlink(path);
	return 0;
}
