/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * pairs FRAMES [once]: says how long a malloc(64) and its free take, FRAMES frames below _start's caller, each time
 * that it is given a line, or once: of many short windows the fastest, nanoseconds of the thread's CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/workload/workload.h"

#define WINDOW_PAIRS 500
#define MEASURE_NS   300000000ull

/* What stands below main already: _start and two of libc. */
#define FRAMES_BELOW 4

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

VISIBLE static double window(void)
{
	uint64_t began = cpu_ns();
	int i;

	for (i = 0; i < WINDOW_PAIRS; i++) {
		void *block = malloc(64);

		__asm__ volatile("" : "+r"(block) : : "memory");
		free(block);
	}
	return (double)(cpu_ns() - began) / WINDOW_PAIRS;
}

VISIBLE static double measure(void)
{
	uint64_t end = now_ns() + MEASURE_NS;
	double best = 1e12, ns;

	while (now_ns() < end) {
		ns = window();
		if (ns < best)
			best = ns;
	}
	return best;
}

VISIBLE static double down(int left)
{
	double ns = left > 0 ? down(left - 1) : measure();

	sink++;
	return ns;
}

int main(int argc, char **argv)
{
	int frames = argc > 1 ? atoi(argv[1]) : 8;
	char line[16];

	/* window() and measure() count, too. */
	frames -= FRAMES_BELOW + 2;
	if (argc > 2) {
		printf("%.1f\n", down(frames - 1));
		return 0;
	}
	say_ready();
	while (fgets(line, sizeof(line), stdin)) {
		printf("%.1f\n", down(frames - 1));
		fflush(stdout);
	}
	return 0;
}
