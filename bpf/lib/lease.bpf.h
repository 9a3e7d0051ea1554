/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The dead man's switch: programs work only while the user half keeps extending the lease. If it is
 * stopped, hangs or starves, they go idle within PB_LEASE_NS.
 */
#ifndef PB_LIB_LEASE_BPF_H
#define PB_LIB_LEASE_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/helpers.bpf.h"

/* Slot 0 -> the lease. Written by the user half through its mapping, read here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_control);
} control SEC(".maps");

static __always_inline bool pb_lease_valid(__u64 now_ns)
{
	__u32 zero = 0;
	struct pb_control *c = bpf_map_lookup_elem(&control, &zero);

	return c && now_ns < *(volatile __u64 *)&c->lease_until_ns;
}

#endif
