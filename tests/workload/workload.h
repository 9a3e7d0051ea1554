/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every workload shares: work whose cost is counted in steps, and the line that says the
 * workload is up. A workload's answer is known by its counts, so that no clock decides a test.
 */
#ifndef PB_TESTS_WORKLOAD_H
#define PB_TESTS_WORKLOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Steps of the chain below that take about 50 us on the reference machine. */
#define STEPS_50US 40000

/* A function that shows in a profile under its own name, whatever the optimiser would like. */
#define VISIBLE __attribute__((noinline, noclone, used, aligned(64)))

/*
 * @n steps of one dependent chain: bound by latency, so that copies of it in several functions cost
 * the same. The empty asm keeps the loop from being folded. Asking for the frame's address makes gcc
 * set up a frame pointer in a function that calls nothing; without one, its caller would be missing.
 */
static inline __attribute__((always_inline)) uint64_t burn(uint64_t n, uint64_t x)
{
#ifndef PB_NO_FRAMES
	__asm__ volatile("" ::"r"(__builtin_frame_address(0)));
#endif
	while (n--) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

/* What must not be folded away goes here. */
extern volatile uint64_t sink;

/* Keeps a call from becoming a jump: a caller that has gone is missing in the stack. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

/* Keeps an array on the stack, and so gives the frame its size. */
#define KEEP_ROOM(array) __asm__ volatile("" ::"r"(array) : "memory")

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The argument @i as a number, or @otherwise. */
static inline double arg(int argc, char **argv, int i, double otherwise)
{
	return argc > i ? atof(argv[i]) : otherwise;
}

/* The moment @seconds from now, for until(). */
static inline uint64_t in_seconds(double seconds)
{
	return now_ns() + (uint64_t)(seconds * 1e9);
}

/* One line on stdout, at once: whoever started the workload waits for it. */
static inline void say_ready(void)
{
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
}

#endif
