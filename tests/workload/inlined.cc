/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * inlined [SECONDS]: all time is in loops that were inlined twice.
 *
 *   main > engine::first  > Mixer::twice (inlined) > Mixer::once (inlined)    two thirds
 *        > engine::second > Mixer::twice (inlined) > Mixer::once (inlined)    one third
 *
 * first and second are static. What is exported around them is a trap: the nearest exported symbol is
 * never the right name for them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TRAP extern "C" __attribute__((noinline, visibility("default"), used))

volatile uint64_t kept;
volatile uint64_t steps = 20000; /* volatile: no constant to make a clone for */

namespace engine {

template <typename T> struct Mixer {
	T state;

	inline __attribute__((always_inline)) void once(uint64_t n)
	{
		while (n--) /* its head */
			state = state * 6364136223846793005u + 1442695040888963407u; /* the loop */
	}

	inline __attribute__((always_inline)) void twice(uint64_t n)
	{
		once(n); /* the call */
		state ^= state >> 7;
	}
};

} /* namespace engine */

TRAP void trap_before_first(void)
{
	kept = 1;
}

namespace engine {

static __attribute__((noinline)) uint64_t first(uint64_t seed, uint64_t n)
{
	Mixer<uint64_t> mixer = {seed};

	mixer.twice(2 * n);
	return mixer.state;
}

} /* namespace engine */

TRAP void trap_before_second(void)
{
	kept = 2;
}

namespace engine {

static __attribute__((noinline)) uint64_t second(uint64_t seed, uint64_t n)
{
	Mixer<uint64_t> mixer = {seed + 1};

	mixer.twice(n);
	return mixer.state;
}

} /* namespace engine */

TRAP void trap_behind(void)
{
	kept = 3;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 60);

	puts("ready");
	fflush(stdout);
	while (now() < end) {
		kept = engine::first(kept, steps);
		kept = engine::second(kept, steps);
	}
	return 0;
}
