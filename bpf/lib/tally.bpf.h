/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Counters of the ledger. Each CPU adds to its own; the user half sums them after detaching. */
#ifndef PB_LIB_TALLY_BPF_H
#define PB_LIB_TALLY_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/helpers.bpf.h"

/* Slot 0 -> this CPU's tally. Written here, read by the user half, never deleted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_tally);
} tallies SEC(".maps");

static __always_inline struct pb_tally *pb_tally(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tallies, &zero);
}

/*
 * Atomic although per CPU: a sample may interrupt another program of the same object between load
 * and store.
 */
static __always_inline void pb_count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Give an event up, by cause. */
static __always_inline void pb_lose(struct pb_tally *tally, enum pb_loss cause)
{
	__sync_fetch_and_add(&tally->lost[cause], 1);
}

#endif
