/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A second file: what LTO inlines across, functions within functions (gcc), copies made by the compiler. */
#include <string.h>

#include "tests/names/chain.h"
#include "tests/names/numbers.h"

#define REPEAT(x) x x x x x x x x

static __attribute__((noinline)) uint64_t scaled(uint64_t x, uint64_t by)
{
	uint64_t sum = 0;

	REPEAT(sum += mix2(x * by); x++;)
	return sum;
}

uint64_t far_away(uint64_t x)
{
	return mix5(x) + scaled(x, 3);
}

#ifndef __clang__
static uint64_t with_inner(uint64_t x, uint64_t y)
{
	uint64_t total = 0;

	__attribute__((noinline)) void add(uint64_t z)
	{
		total += mix3(z) + y;
		if (z & 1)
			total = digits(total);
	}

	add(x);
	add(x * y);
	return total;
}
#else
static uint64_t with_inner(uint64_t x, uint64_t y)
{
	return mix3(x) + mix3(x * y);
}
#endif

static uint64_t fill(uint64_t *table, uint64_t n, uint64_t (*with)(uint64_t))
{
	uint64_t i;

	for (i = 0; i < n; i++)
		table[i] = with(i);
	return table[n / 2];
}

static uint64_t by_mix(uint64_t x)
{
	return mix6(x);
}

static uint64_t by_digits(uint64_t x)
{
	return digits(mix1(x));
}

uint64_t far_table(uint64_t x, uint64_t y)
{
	uint64_t table[64];

	if (x > y)
		return fill(table, 64, by_mix) + with_inner(x, y);
	if (x == y)
		complain("equal");
	return fill(table, 32, by_digits) + scaled(y, 3);
}

int main(int argc, char **argv)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < argc; i++) {
		sum += run_program((const uint8_t *)argv[i], strlen(argv[i]));
		sum += sort_items((uint64_t)argc) + shapes((uint64_t)i);
	}
	return sum == 42;
}
