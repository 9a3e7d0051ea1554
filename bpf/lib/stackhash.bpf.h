/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * 64-bit hash over the words of a stack. Two rounds of multiply and fold, as in splitmix64: BPF has no
 * 128-bit product. With 2^16 stacks of one process a collision has a chance of 2^-33, and the seed
 * is random, so that a hostile target cannot aim for one.
 */
#ifndef PB_LIB_STACKHASH_BPF_H
#define PB_LIB_STACKHASH_BPF_H

#include "bpf/abi/base.h"

static __always_inline __u64 pb_stack_hash_add(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	hash = (hash ^ (hash >> 32)) * 0xd6e8feb86659fd93ull;
	return hash ^ (hash >> 29);
}

#endif
