/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Makes an order log: orders ROWS CUSTOMERS [SEED]. The same arguments give the same bytes everywhere.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Source: Marsaglia, Xorshift RNGs, 2003: the triple 13, 7, 17 of 64 bits. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)((*state >> 32) % below);
}

int main(int argc, char **argv)
{
	static const char *const items[] = {"anvil",  "bucket", "candle", "dustpan", "easel",
					    "funnel", "gloves", "hammer", "inkwell", "jug"};
	uint32_t rows = argc > 2 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
	uint32_t customers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	uint64_t state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

	if (!rows || !customers || !state) {
		fputs("usage: orders ROWS CUSTOMERS [SEED]\n", stderr);
		return 2;
	}
	state *= 0x9e3779b97f4a7c15;
	for (uint32_t i = 0; i < rows; i++) {
		/* In their order: what the compiler evaluates first in a call is its choice. */
		uint32_t month = 1 + draw(&state, 12), day = 1 + draw(&state, 28);
		uint32_t customer = draw(&state, customers), item = draw(&state, 10);
		uint32_t quantity = 1 + draw(&state, 9), cents = 99 + draw(&state, 20000);

		printf("2026-%02u-%02u,R%07u,customer-%06u,%s,%u,%u\n", month, day, i + 1, customer,
		       items[item], quantity, cents);
	}
	return fflush(stdout) ? 1 : 0;
}
