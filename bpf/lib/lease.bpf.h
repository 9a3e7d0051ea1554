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

/*
 * Links go one after the other, some 50 ms each. Where two hooks tell of one thing, as malloc and free do, what the
 * one counts while the other is gone is wrong: so all of them end at one instant, by this.
 */
static __always_inline bool pb_has_ended(void)
{
	__u32 zero = 0;
	struct pb_control *c = bpf_map_lookup_elem(&control, &zero);

	return c && *(volatile __u32 *)&c->has_ended;
}

#endif
