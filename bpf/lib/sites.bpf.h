/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The books of the heap: what sites have, which blocks are live, and what there was at the peak.
 *
 * A block is entered when its function returns and struck out when free() begins. In between no other thread
 * can be given the same address, so an entry that is found is the right one.
 */
#ifndef PB_LIB_SITES_BPF_H
#define PB_LIB_SITES_BPF_H

#include "bpf/abi/allocsites.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/draw.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/tally.bpf.h"

#define PB_EEXIST 17

/* Block -> whose it is. Written and deleted here; what is left at the end is live, for the user half to read.
 * Never an LRU map: that would drop just the blocks that live long. The user half sizes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct pb_block_key);
	__type(value, struct pb_block);
} blocks SEC(".maps");

/*
 * Low bits of a hash of an address -> how many live blocks have those. Where 0, free() need not look the block up: of
 * sampled allocations next to all frees end there. Written here: before a block is entered, behind its deletion.
 */
#define PB_TRACES_BITS 16
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << PB_TRACES_BITS);
	__type(key, __u32);
	__type(value, __u64);
} traces SEC(".maps");

static __always_inline __u64 *pb_trace_of(__u64 addr)
{
	/* Fibonacci hashing (Knuth 6.4): blocks are multiples of 16 apart. */
	__u32 slot = (__u32)(addr * 0x9e3779b97f4a7c15ull >> (64 - PB_TRACES_BITS));

	return bpf_map_lookup_elem(&traces, &slot);
}

/* Slot 0 -> the heap of all targets. Written here, mapped by the user half. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_heap);
} heap SEC(".maps");

/* Slot 0 -> this CPU's calls. Written here, read by the user half, never deleted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_alloc_tally);
} alloc_tallies SEC(".maps");

static __always_inline struct pb_alloc_tally *pb_alloc_tally(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&alloc_tallies, &zero);
}

static __always_inline struct pb_heap *pb_heap(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&heap, &zero);
}

static __always_inline __u64 pb_bucket(__u64 n)
{
	__u64 bits = n ? pb_log2(n) + 1 : 0;

	/* Where the compiler could see what comes, it would compare one copy and use another, and the verifier of 6.1
	 * would not know that they are the same. */
	asm volatile("" : "+r"(bits));
	if (bits >= PB_ALLOC_BUCKETS)
		bits = PB_ALLOC_BUCKETS - 1;
	return bits;
}

static __always_inline void pb_add_to(__u64 *sum, __u64 n)
{
	__sync_fetch_and_add(sum, n);
}

/* Before a site changes: was there a new peak since it last did? Then what it has is what it had there.
 * @added: bytes that count.weight has got already. */
static __always_inline void pb_note_peak(struct pb_site *site, const struct pb_heap *books,
					 __u64 added)
{
	__u64 peaks = *(volatile __u64 *)&books->peaks;

	if (site->peak_seen == peaks)
		return;
	site->peak_objects = site->objects - site->freed_objects - site->untracked_objects;
	site->peak_bytes = site->count.weight - added - site->freed_bytes - site->untracked_bytes;
	site->peak_seen = peaks;
}

/* The heap has grown. */
static __always_inline void pb_heap_grow(struct pb_heap *books, const struct pb_weight *weight,
					 __u64 now_ns)
{
	__u64 live = __sync_fetch_and_add(&books->live_bytes, weight->bytes) + weight->bytes;

	pb_add_to(&books->live_objects, weight->objects);
	if ((__s64)live <= (__s64) * (volatile __u64 *)&books->peak_bytes)
		return;
	/* Two CPUs at once may leave the lower of two peaks that are a block apart. */
	books->peak_bytes = live;
	books->peak_ns = now_ns;
	pb_add_to(&books->peaks, 1);
}

/* A block has got its site, which has counted it in count.events and count.weight just now. */
static __always_inline void pb_site_alloc(struct pb_site *site, __u64 size,
					  const struct pb_weight *weight)
{
	__u64 live, bucket = pb_bucket(size >> PB_ALLOC_SIZE_SHIFT);

	pb_add_to(&site->objects, weight->objects);
	if (site->last_size == size)
		pb_add_to(&site->same_size_objects, weight->objects);
	site->last_size = size;
	if (site->max_size < size)
		site->max_size = size;
	pb_add_to(&site->sizes[bucket], weight->objects);
	live = site->count.weight - site->freed_bytes - site->untracked_bytes;
	if ((__s64)live > (__s64)site->most_bytes) {
		site->most_bytes = live;
		site->most_objects = site->objects - site->freed_objects - site->untracked_objects;
	}
}

/* Who frees: the majority vote needs one candidate and its lead. Races cost a vote, not more. */
static __always_inline void pb_vote(struct pb_site *site, __u64 free_ip)
{
	if (!free_ip)
		return;
	site->free_total++;
	if (site->free_ip == free_ip) {
		site->free_votes++;
		site->free_same++;
	} else if (!site->free_votes) {
		site->free_ip = free_ip;
		site->free_votes = 1;
		site->free_same = 1;
	} else {
		site->free_votes--;
	}
}

/* How a block ended. */
struct pb_end_of_block {
	__u64 now_ns;
	__u64 free_ip;  /* who freed it; 0: realloc, or not known */
	__u64 sequence; /* of the freeing thread's allocations */
	__u32 tid;
	__u32 shift; /* of objects; 0: they are whole */
	bool moved;  /* by realloc */
};

/* @n times @objects, which are in 1 / 2^@shift; whole ones and the rest apart, so as not to overflow. */
static __always_inline __u64 pb_times(__u64 n, __u64 objects, __u32 shift)
{
	if (!shift)
		return n * objects;
	return n * (objects >> PB_ALLOC_OBJECT_SHIFT) +
	       (n * (objects & ((1 << PB_ALLOC_OBJECT_SHIFT) - 1)) >> PB_ALLOC_OBJECT_SHIFT);
}

/* A block has been struck out: into the books of its site and of the heap. */
static __always_inline void pb_site_free(const struct pb_block *block,
					 const struct pb_weight *weight,
					 const struct pb_end_of_block *end)
{
	struct pb_site *site = bpf_map_lookup_elem(&counts, &block->site);
	__u64 lifetime_ns = end->now_ns > block->time_ns ? end->now_ns - block->time_ns : 0;
	__u64 bucket = pb_bucket(lifetime_ns >> PB_ALLOC_LIFETIME_SHIFT);
	struct pb_heap *books = pb_heap();

	if (!site || !books)
		return; /* cannot happen: sites are never deleted */
	pb_note_peak(site, books, 0);
	pb_add_to(&site->freed_objects, weight->objects);
	pb_add_to(&site->freed_bytes, weight->bytes);
	pb_add_to(&books->live_bytes, -weight->bytes);
	pb_add_to(&books->live_objects, -weight->objects);
	pb_add_to(&site->lifetime_us, pb_times(lifetime_ns / 1000, weight->objects, end->shift));
	pb_add_to(&site->lifetimes[bucket], weight->objects);
	if (end->moved)
		return;
	if (block->tid != end->tid) {
		pb_add_to(&site->foreign_objects, weight->objects);
	} else if (block->sequence == end->sequence) {
		pb_add_to(&site->temporary_objects, weight->objects);
		pb_add_to(&site->temporary_bytes, weight->bytes);
	}
	pb_vote(site, end->free_ip);
}

#endif
