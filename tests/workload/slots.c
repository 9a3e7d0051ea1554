/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * slots: spends each 10 ms of wall time in a function of its own, slot_000 to slot_399, from the moment
 * that "ready" was said. The lowest slot in a profile tells when its first sample was taken, whichever
 * profiler made it. Ends after 4 s.
 */
#include "tests/workload/workload.h"

#define SLOT_NS 10000000u

/* clang-format off */
#define SLOT(n)                                          \
	VISIBLE static void slot_##n(uint64_t until)     \
	{                                                \
		while (now_ns() < until)                 \
			sink = burn(STEPS_50US / 10, sink); \
	}
#define NAME(n) slot_##n,

#define TEN(F, d) F(d##0) F(d##1) F(d##2) F(d##3) F(d##4) F(d##5) F(d##6) F(d##7) F(d##8) F(d##9)
#define HUNDRED(F, d)                                            \
	TEN(F, d##0) TEN(F, d##1) TEN(F, d##2) TEN(F, d##3) TEN(F, d##4) \
	TEN(F, d##5) TEN(F, d##6) TEN(F, d##7) TEN(F, d##8) TEN(F, d##9)
#define ALL(F) HUNDRED(F, 0) HUNDRED(F, 1) HUNDRED(F, 2) HUNDRED(F, 3)
/* clang-format on */

ALL(SLOT)

static void (*const slots[])(uint64_t) = {ALL(NAME)};

int main(void)
{
	uint64_t start;

	say_ready();
	start = now_ns();
	for (unsigned int i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		slots[i](start + (i + 1) * (uint64_t)SLOT_NS);
	return 0;
}
