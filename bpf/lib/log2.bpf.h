/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The logarithm that histograms and sampling need. */
#ifndef PB_LIB_LOG2_BPF_H
#define PB_LIB_LOG2_BPF_H

#include "bpf/abi/base.h"

/*
 * Bits below the first one that is set; 0 for 0. Without a branch, since the verifier would follow all that comes
 * behind once for each way through them (Warren, Hacker's Delight, 5-1 and 5-3).
 */
static __always_inline __u32 pb_log2(__u64 n)
{
	n |= n >> 1;
	n |= n >> 2;
	n |= n >> 4;
	n |= n >> 8;
	n |= n >> 16;
	n |= n >> 32;
	n >>= 1;
	n -= (n >> 1) & 0x5555555555555555ull;
	n = (n & 0x3333333333333333ull) + ((n >> 2) & 0x3333333333333333ull);
	n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (__u32)(n * 0x0101010101010101ull >> 56);
}

#endif
