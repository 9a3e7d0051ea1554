/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A scene with an allocator: the kernel half of allocsites, and its books read back. Sites are told apart by
 * the address that an allocating function returns to, the only frame of their stacks.
 */
#ifndef PB_TESTS_HOSTBPF_HEAP_H
#define PB_TESTS_HOSTBPF_HEAP_H

#include "tests/hostbpf/hostbpf.h"

#include "bpf/abi/allocsites.h"

#define PB_COUNTS_VALUE struct pb_site

#include "bpf/lib/sites.bpf.h"
#include "tests/hostbpf/scene.h"

#define HEAP_SITES 64

/* All of the maps that hold the books. */
static inline void heap_open(struct scene *s, size_t blocks_max)
{
	scene_open(s, HEAP_SITES, 1 << 20);
	HOST_MAP_OF(blocks, blocks_max);
	HOST_MAP(traces);
	HOST_MAP(heap);
	HOST_MAP(alloc_tallies);
}

static inline const struct pb_alloc_tally *heap_tally(void)
{
	return pb_alloc_tally();
}

/* The site whose stack was sent with this first frame; NULL if there is none. */
static inline struct pb_site *heap_site(__u64 ip)
{
	const struct pb_stack_record *r;
	size_t i, size;

	for (i = 0; i < host_ring_count(&stacks); i++) {
		r = host_ring_record(&stacks, i, &size);
		if (r->frames[0] == ip)
			return host_map_value(&counts, &r->key, 0);
	}
	return NULL;
}

static inline __u64 heap_live_objects(const struct pb_site *site)
{
	return site->objects - site->freed_objects - site->untracked_objects;
}

static inline __u64 heap_live_bytes(const struct pb_site *site)
{
	return site->count.weight - site->freed_bytes - site->untracked_bytes;
}

/* At the peak, as the user half reads it. */
static inline __u64 heap_peak_bytes(const struct pb_site *site)
{
	return site->peak_seen == pb_heap()->peaks ? site->peak_bytes : heap_live_bytes(site);
}

static inline __u64 heap_peak_objects(const struct pb_site *site)
{
	return site->peak_seen == pb_heap()->peaks ? site->peak_objects : heap_live_objects(site);
}

/* Live blocks are in the traces, and nothing else is. */
static inline bool heap_traces_agree(void)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < 1u << PB_TRACES_BITS; i++)
		sum += *(__u64 *)host_map_value(&traces, &i, 0);
	return sum == host_map_count(&blocks);
}

#endif
