/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * recurse DEPTH [MEGABYTES]: goes down DEPTH calls of down_NN() once and stays at the bottom, so that every
 * sample has exactly DEPTH of them. With MEGABYTES it wanders through as much memory there, so that
 * whoever looks at its stack finds nothing of it, nor of his own data, in the caches.
 */
#include "tests/workload/workload.h"

/* The script kills it; this is for a script that was killed itself. */
#define SECONDS_MAX 300

static volatile uint64_t *memory;
static size_t n_words; /* a power of two, or 0 */

VISIBLE static void wander(uint64_t steps)
{
	static uint64_t at;

	while (steps--) {
		at = at * 6364136223846793005u + 1442695040888963407u;
		memory[(at >> 20) & (n_words - 1)]++;
	}
}

VISIBLE static void bottom(void)
{
	uint64_t deadline = in_seconds(SECONDS_MAX);

	say_ready();
	while (now_ns() < deadline) {
		if (n_words)
			wander(STEPS_50US);
		else
			sink = burn(STEPS_50US, sink);
	}
}

/*
 * 64 functions that call each other in turn, with frames of 32 to 144 bytes (88 on average), spread over
 * 64 KB: a walk needs other rows and another rule at each step.
 */
typedef void (*down_fn)(int left);
static const down_fn downs[64];

#define DOWN(n)                                                                                    \
	static VISIBLE __attribute__((aligned(1024))) void down_##n(int left)                      \
	{                                                                                          \
		char room[8 + (0##n * 5 & 7) * 16];                                                \
                                                                                                   \
		KEEP_ROOM(room);                                                                   \
		if (left > 1)                                                                      \
			downs[(0##n + 1) & 63](left - 1);                                          \
		else                                                                               \
			bottom();                                                                  \
		KEEP_ROOM(room);                                                                   \
	}
/* clang-format off */
#define EIGHT(what, n) what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7)
#define ALL(what) EIGHT(what, 0) EIGHT(what, 1) EIGHT(what, 2) EIGHT(what, 3) \
		  EIGHT(what, 4) EIGHT(what, 5) EIGHT(what, 6) EIGHT(what, 7)
#define NAME(n) down_##n,
ALL(DOWN)
static const down_fn downs[64] = {ALL(NAME)};
/* clang-format on */

int main(int argc, char **argv)
{
	double megabytes = arg(argc, argv, 2, 0);

	if (megabytes >= 1) {
		n_words = 131072;
		while (n_words < megabytes * 131072 && n_words < 1u << 28)
			n_words *= 2;
		memory = calloc(n_words, sizeof(*memory));
		if (!memory)
			return 1;
	}
	down_00((int)arg(argc, argv, 1, 100));
	return 0;
}
