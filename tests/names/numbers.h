/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Functions in a header that are inlined into several files: chains eight deep, loops, calls. */
#ifndef TESTS_NAMES_NUMBERS_H
#define TESTS_NAMES_NUMBERS_H

#include <stdint.h>

#define ALWAYS static inline __attribute__((always_inline))

extern volatile uint64_t sink;

ALWAYS uint64_t mix1(uint64_t x)
{
	sink += x;
	return x ^ (x >> 33);
}

ALWAYS uint64_t mix2(uint64_t x)
{
	return mix1(x * 0xff51afd7ed558ccdull) + sink;
}

ALWAYS uint64_t mix3(uint64_t x)
{
	if (x & 1)
		return mix2(x) * 3;
	return mix2(x + 7);
}

ALWAYS uint64_t mix4(uint64_t x)
{
	uint64_t a = mix3(x);

	{
		uint64_t b = mix3(a ^ sink);

		return a + b;
	}
}

ALWAYS uint64_t mix5(uint64_t x)
{
	return mix4(x) ^ mix1(x);
}

ALWAYS uint64_t mix6(uint64_t x)
{
	uint64_t i, sum = 0;

	for (i = 0; i < (x & 15); i++)
		sum += mix5(i + x);
	return sum;
}

ALWAYS uint64_t mix7(uint64_t x)
{
	return mix6(x) - sink;
}

ALWAYS uint64_t mix8(uint64_t x)
{
	return mix7(x + 1) * 5;
}

static inline uint64_t clamp(uint64_t x, uint64_t most)
{
	return x > most ? most : x;
}

static inline uint64_t digits(uint64_t x)
{
	uint64_t n = 0;

	for (; x; x /= 10)
		n += clamp(x % 10, 5);
	return n;
}

#endif
