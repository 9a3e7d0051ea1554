/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * spin ITERATIONS: as much work as it is told, the same in every run, so that a slowdown can be injected by number.
 * spin --calibrate MS: prints how many iterations take so many milliseconds of CPU time here, fastest of several tries.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 7
#define TRIAL 20000000ull

static volatile uint64_t sink;

/* Each step waits for the one before: neither the compiler nor the CPU can do it in fewer. */
static uint64_t spin(uint64_t iterations)
{
	uint64_t x = 88172645463325252ull;

	for (uint64_t i = 0; i < iterations; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t calibrate(double ms)
{
	uint64_t best = UINT64_MAX, from, took;

	for (int i = 0; i < TRIES; i++) {
		from = cpu_ns();
		sink = spin(TRIAL);
		took = cpu_ns() - from;
		best = took < best ? took : best;
	}
	return (uint64_t)(ms * 1e6 / (double)best * (double)TRIAL);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--calibrate")) {
		printf("%llu\n", (unsigned long long)calibrate(strtod(argv[2], NULL)));
		return 0;
	}
	if (argc != 2)
		return 2;
	sink = spin(strtoull(argv[1], NULL, 10));
	puts("done");
	return 0;
}
