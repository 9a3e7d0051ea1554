/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Random numbers that are the same at every run: xorshift64*. */
#ifndef PB_TESTS_HOSTBPF_DRAW_H
#define PB_TESTS_HOSTBPF_DRAW_H

#include <linux/types.h>

static __u64 draw_state;

static inline __u64 draw64(void)
{
	draw_state ^= draw_state >> 12;
	draw_state ^= draw_state << 25;
	draw_state ^= draw_state >> 27;
	return draw_state * 0x2545f4914f6cdd1dull;
}

static inline __u32 draw(__u32 below)
{
	return (__u32)(draw64() >> 33) % below;
}

static inline void draw_from(__u64 seed)
{
	draw_state = seed ^ 0x243f6a8885a308d3ull;
}

#endif
