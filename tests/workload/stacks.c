/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * stacks [DEPTH] [PATHS] [SECONDS] [THREADS]: PATHS distinct stacks of DEPTH frames, each visited for
 * about 50 us in turn. Paths part at once and never meet: the worst case for a tree.
 */
#include <pthread.h>

#include "tests/workload/workload.h"

static int depth;
static uint64_t paths;
static uint64_t deadline;

typedef void step_fn(int left, uint64_t path);
static step_fn step_0, step_1, step_2, step_3, step_4, step_5, step_6, step_7;
static step_fn *const steps[8] = {step_0, step_1, step_2, step_3, step_4, step_5, step_6, step_7};

VISIBLE static void leaf(void)
{
	sink = burn(STEPS_50US, sink);
}

/* Three bits of the path choose each callee; when they are used up, they come again. */
static inline __attribute__((always_inline)) void step(int left, uint64_t path)
{
	if (left > 1)
		steps[path & 7](left - 1, path >> 3 | path << 61);
	else
		leaf();
	KEEP_FRAME();
}

#define STEP(i)                                                                                    \
	VISIBLE static void step_##i(int left, uint64_t path)                                      \
	{                                                                                          \
		step(left, path);                                                                  \
	}
STEP(0)
STEP(1)
STEP(2)
STEP(3)
STEP(4)
STEP(5)
STEP(6)
STEP(7)

VISIBLE static void *walk(void *first)
{
	for (uint64_t i = (uintptr_t)first; now_ns() < deadline; i++)
		step(depth - 1, i % paths);
	return NULL;
}

int main(int argc, char **argv)
{
	int n_threads = (int)arg(argc, argv, 4, 1);

	depth = (int)arg(argc, argv, 1, 40);
	paths = (uint64_t)arg(argc, argv, 2, 2200);
	deadline = in_seconds(arg(argc, argv, 3, 60));
	say_ready();
	for (int i = 1; i < n_threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, walk,
			       (void *)(uintptr_t)(paths / (uint64_t)n_threads * i));
	}
	walk(NULL);
	return 0;
}
