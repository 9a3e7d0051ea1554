/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What allocsites adds to the shared capture: sites, live blocks, and the books of the heap.
 *
 *   call of the allocator --> stack --> sites[stack] += 1, size
 *            |                               ^
 *            '-> blocks[address] = site      | freed, how soon, by whom
 *                      |                     |
 *   free(address) -----'---------------------'
 *
 * All that is counted for a site is weighed: in exact mode an allocation counts as itself. Where one in a
 * number of bytes is sampled, an allocation of size s is met with p = 1 - e^(-s/mean), and stands for
 * 1/p objects and s/p bytes, which makes both sums unbiased (Horvitz and Thompson, 1952).
 */
#ifndef PB_ABI_ALLOCSITES_H
#define PB_ABI_ALLOCSITES_H

#include "bpf/abi/capture.h"

/* What a profile is made of. */
enum pb_alloc_mode {
	PB_ALLOC_SAMPLED, /* one allocation every so many bytes */
	PB_ALLOC_EXACT,   /* every call */
	PB_ALLOC_GROWTH,  /* first touches of new pages; no probe on any allocator */
};

/* A function of an allocator, by where its arguments are. Arguments are counted from 0. */
enum pb_alloc_call {
	PB_CALL_SIZE_0, /* malloc, valloc, pvalloc, mallocx, operator new: the size is argument 0 */
	PB_CALL_SIZE_1, /* aligned_alloc, memalign: argument 1 */
	PB_CALL_PRODUCT, /* calloc: argument 0 times argument 1 */
	PB_CALL_OUT,     /* posix_memalign: size is argument 2, the block goes to where 0 points */
	PB_CALL_REALLOC, /* realloc, rallocx: block is 0, size is 1 */
	PB_CALL_REALLOCARRAY, /* block is 0, size is 1 times 2 */
	PB_CALL_FREE,         /* free, sdallocx, operator delete: block is 0 */
	PB_CALL_COUNT
};

/*
 * A probe's cookie: what its function is, and where the arguments are at the probed instruction.
 *
 *   bits 0-7 enum pb_alloc_call | 8 nests | 9 moved | 10 stepped | 11 throws | 16-30 registers of arguments
 *
 * NESTS: the function may call others that are probed, so its return is always awaited. MOVED: the
 * registers, DWARF numbers, count; else the arguments are where the calling convention has them. STEPPED:
 * the probe is on an instruction that the kernel single-steps, which is dear. THROWS: an exception may leave it,
 * and finds no way past a return address that is the kernel's: its return is awaited only where it
 * cannot fail.
 */
#define PB_COOKIE_CALL(cookie)     ((cookie)&0xff)
#define PB_COOKIE_NESTS            (1ull << 8)
#define PB_COOKIE_MOVED            (1ull << 9)
#define PB_COOKIE_STEPPED          (1ull << 10)
#define PB_COOKIE_THROWS           (1ull << 11)
#define PB_COOKIE_REG_SHIFT(arg)   (16 + 5 * (arg))
#define PB_COOKIE_REG(cookie, arg) (((cookie) >> PB_COOKIE_REG_SHIFT(arg)) & 31)

/* More than any block can have: such a request fails, and a product that overflows becomes this. */
#define PB_ALLOC_SIZE_MAX (1ull << 47)

/* Less than this the kernel gives without a question, unless a limit of the process or of the machine is in the way. */
#define PB_ALLOC_SURE_BYTES (1ull << 30)

/* Objects are counted in 1/65536 where they are sampled, in 1 where not. */
#define PB_ALLOC_OBJECT_SHIFT 16

/*
 * Tables for sampling, made by the user half so that the kernel half needs no logarithm. Both are
 * interpolated between neighbours.
 *
 *   log2_u[i]    -log2(u) for u = (512 + i) / 1024 of [1/2, 1], in 1/2^24
 *   bytes[o][i]  the bytes that an allocation of (1 + i/16) * 2^o bytes stands for, with one more
 *                column for the next octave's first
 */
#define PB_ALLOC_LOG_STEPS    512
#define PB_ALLOC_LOG_SHIFT    24
#define PB_ALLOC_OCTAVES      48
#define PB_ALLOC_OCTAVE_STEPS 16

struct pb_alloc_tables {
	__u32 log2_u[PB_ALLOC_LOG_STEPS + 1];
	__u32 pad; /* always 0 */
	__u64 bytes[PB_ALLOC_OCTAVES][PB_ALLOC_OCTAVE_STEPS + 1];
};
PB_ABI_SIZE(struct pb_alloc_tables, 2056 + 8 * 48 * 17);

struct pb_allocsites_cfg {
	struct pb_capture_cfg capture;
	__u64 mean_ln2_bytes; /* the mean distance of samples times ln 2 */
	__u64 min_bytes;      /* allocations below and above are left out */
	__u64 max_bytes;
	__u64 page_bytes;  /* what a page fault brings at least */
	__u32 mode;        /* enum pb_alloc_mode */
	__u32 track_frees; /* 0: allocations only */
	__u32 await_throwing; /* 1: returns of functions that may throw can be awaited, where they cannot fail */
	__u32 pad; /* always 0 */
};
PB_ABI_SIZE(struct pb_allocsites_cfg, 88);

/* Histograms: bucket of n is the number of bits of n >> SHIFT, the last one holds all above. */
#define PB_ALLOC_BUCKETS    24
#define PB_ALLOC_SIZE_SHIFT 3 /* bucket 0: below 8 bytes, 1: below 16, ... 23: 32 MB and more */
#define PB_ALLOC_LIFETIME_SHIFT                                                                    \
	10 /* bucket 0: below 1.024 us, 1: below 2.048 us, ... 23: 4.3 s and more */

/*
 * What the allocations with one stack have added up to; the value of the counts map. Weighed, but for
 * count.events. Live is allocated less freed less untracked: of blocks that found no room nobody knows.
 */
struct pb_site {
	struct pb_stack_count count; /* events: calls, or samples of them; weight: bytes */
	__u64 objects;
	__u64 freed_objects, freed_bytes;
	__u64 temporary_objects, temporary_bytes; /* freed before the thread's next allocation */
	__u64 foreign_objects;                    /* freed by another thread */
	__u64 lifetime_us;                        /* of those that were freed, added up */
	__u64 most_objects,
		most_bytes; /* live at once, by the bytes; not the same moment for all sites */
	__u64 moved_objects,
		moved_bytes;   /* came from realloc of a known block, and what that had had */
	__u64 regrown_objects; /* of these, blocks of this very site */
	__u64 untracked_objects, untracked_bytes; /* the table of live blocks was full */
	__u64 same_size_objects;                  /* of the same size as the one before */
	__u64 last_size, max_size;                /* bytes of one block, not weighed */
	/* At the heap's peak, see struct pb_heap. */
	__u64 peak_objects, peak_bytes;
	__u64 peak_seen; /* pb_heap.peaks when these were last brought up to date */
	/* Who frees most of it, by majority vote (Boyer and Moore, 1981): exact if one has more than half. */
	__u64 free_ip;    /* return address behind the call of free; 0: none yet */
	__u64 free_votes; /* of the vote */
	__u64 free_same;  /* frees by whoever led at that time */
	__u64 free_total; /* frees that voted */
	__u64 sizes[PB_ALLOC_BUCKETS];
	__u64 lifetimes[PB_ALLOC_BUCKETS];
};
PB_ABI_SIZE(struct pb_site, 24 + 8 * 24 + 16 * PB_ALLOC_BUCKETS);

/* A block that is live, by the process and the program that it runs. */
struct pb_block_key {
	__u64 addr;
	__u32 tgid;
	__u16 exec_id;
	__u16 pad; /* always 0 */
};
PB_ABI_SIZE(struct pb_block_key, 16);

struct pb_block {
	struct pb_stack_key site;
	__u64 size;     /* as asked for */
	__u64 time_ns;  /* CLOCK_MONOTONIC */
	__u64 sequence; /* of the thread's allocations */
	__u32 tid;
	__u32 pad; /* always 0 */
};
PB_ABI_SIZE(struct pb_block, 56);

/*
 * The heap of all targets together, as far as it was seen to grow; slot 0 of the heap map, mapped by the user
 * half. A site's share at the peak is exact without a copy of all sites at each new peak: a site that is about
 * to change first notes what it has, if there was a new peak since it last changed. One that has not
 * changed since has the same still.
 */
struct pb_heap {
	__u64 live_bytes; /* may wrap below 0 for a moment: read it as signed */
	__u64 live_objects;
	__u64 peak_bytes;
	__u64 peaks;   /* how often there was a new peak */
	__u64 peak_ns; /* CLOCK_MONOTONIC of the last one */
};
PB_ABI_SIZE(struct pb_heap, 40);

/* Kept per CPU; slot 0 of the alloc_tallies map. Not weighed: every call counts, sampled or not. */
struct pb_alloc_tally {
	__u64 others;  /* hits at a function's beginning that count neither in calls nor in frees */
	__u64 returns; /* hits at the end of one */
	__u64 stepped; /* of the hits at a beginning, by a single step */
	__u64 calls;   /* of allocating functions, nested ones left out */
	__u64 bytes;   /* that they asked for */
	__u64 failed;  /* of them, seen to give nothing */
	__u64 left_out;    /* of them, outside of min_bytes to max_bytes */
	__u64 frees;       /* calls of freeing functions with a block */
	__u64 frees_known; /* of them, of a block in the table */
	__u64 overwritten; /* a block was allocated where one was live still: its free was missed */
	__u64 untracked;   /* allocations that found no room in the table of live blocks */
	__u64 measured, measured_frees; /* hits while the cost was reckoned, before the capture */
	__u64 measured_stepped;         /* of these, by a single step */
	__u64 missed; /* of others: calls while the tool was stopped, so that nothing was done about them */
	__u64 stateless; /* calls that found no room for their thread's state: not counted above */
};
PB_ABI_SIZE(struct pb_alloc_tally, 128);

/* Hits at beginnings. Not a counter of its own: adding to one more costs a hundredth of a hit. */
#define PB_ALLOC_ENTRIES(tally) ((tally)->others + (tally)->calls + (tally)->frees)

#endif
