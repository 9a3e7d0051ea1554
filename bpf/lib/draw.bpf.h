/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Sampling by bytes: allocations as a stretch of bytes, on which sample points fall as a Poisson process.
 *
 *   |--- a ---|-- b --|------------- c -------------|- d -|
 *                 x              x         x                 b and c are sampled, each once
 *
 * The distance to the next point is exponential and so has no memory: each thread may keep its own. An allocation
 * of s bytes is met with p = 1 - e^(-s/mean) and stands for s/p bytes. Logarithms and s/p come from tables of
 * the user half.
 */
#ifndef PB_LIB_DRAW_BPF_H
#define PB_LIB_DRAW_BPF_H

#include "bpf/abi/allocsites.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/log2.bpf.h"

/* What one allocation stands for. */
struct pb_weight {
	__u64 bytes;
	__u64 objects; /* in 1 / 2^PB_ALLOC_OBJECT_SHIFT where sampled */
};

/* Bytes to the next sample point. @uniform: of 1 to 2^32 - 1. */
static __always_inline __u64 pb_draw_distance(const volatile struct pb_alloc_tables *tables,
					      __u64 mean_ln2_bytes, __u32 uniform)
{
	__u32 zeros = 31 - pb_log2(uniform);
	__u32 mantissa = uniform << zeros; /* of [2^31, 2^32), which stands for [1/2, 1) */
	__u32 step = (mantissa >> 22) & (PB_ALLOC_LOG_STEPS - 1);
	__u64 rest = mantissa & ((1 << 22) - 1);
	__u64 high = tables->log2_u[step], low = tables->log2_u[step + 1];
	__u64 log2 = ((__u64)zeros << PB_ALLOC_LOG_SHIFT) + high - ((high - low) * rest >> 22);

	return (mean_ln2_bytes * log2 >> PB_ALLOC_LOG_SHIFT) + 1;
}

/* What a sampled allocation of @size bytes, not 0, stands for. */
static __always_inline void pb_weigh(const volatile struct pb_alloc_tables *tables, __u64 size,
				     struct pb_weight *weight)
{
	__u32 octave = pb_log2(size), step;
	__u64 within, low, high;

	if (octave >= PB_ALLOC_OCTAVES)
		octave = PB_ALLOC_OCTAVES - 1;
	/* The size between its octave's first and the next one's, in 1/2^16 of that. */
	within = size << (63 - octave) << 1 >> 48;
	step = within >> 12;
	low = tables->bytes[octave][step];
	high = tables->bytes[octave][step + 1];
	weight->bytes = low + (((high - low) * (within & 0xfff) + (1 << 11)) >> 12);
	weight->objects = (weight->bytes << PB_ALLOC_OBJECT_SHIFT) / size;
}

#endif
