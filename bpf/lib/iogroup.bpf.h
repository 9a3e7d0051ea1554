/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What I/O adds up to: a group for each stack and leaf, and log-linear buckets for the times of each group.
 *
 * An I/O is an event of the ledger when it completes, here in pb_io_done(): produced, and then either kept, by
 * adding 1 to the counter of its stack, or lost by cause. What completes may interrupt anything, so nothing is
 * created here but buckets: group and counter are made when the I/O begins (pb_io_group()).
 */
#ifndef PB_LIB_IOGROUP_BPF_H
#define PB_LIB_IOGROUP_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/lease.bpf.h"
#include "bpf/lib/log2.bpf.h"
#include "bpf/lib/tally.bpf.h"

/* Hash over stack and leaf -> their sums. Added here, read by the user half, never deleted. It sizes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct pb_io_group);
} groups SEC(".maps");

/* Group, bucket -> how many. Added here, read by the user half, never deleted. It sizes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct pb_io_bucket_key);
	__type(value, __u64);
} buckets SEC(".maps");

/* struct pb_io_slow. Written here, read by the user half ten times a second. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} slow SEC(".maps");

/* Slot 0 -> this CPU's. Written here, read by the user half. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_io_tally);
} io_tallies SEC(".maps");

/* What a new group begins with: too large for the BPF stack. Never written. */
static const struct pb_io_group pb_io_group_zero;

static __always_inline struct pb_io_tally *pb_io_tally(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&io_tallies, &zero);
}

static __always_inline __u64 pb_io_beats(void)
{
	__u32 zero = 0;
	struct pb_control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? *(volatile __u64 *)&c->beats : 0;
}

/* Has the user half been renewing the lease all the time since there were @since beats? If not, the machine stood
 * still, or the tool. */
static __always_inline bool pb_io_stood_still(__u32 since, __u64 elapsed_ns)
{
	__u32 beats = (__u32)pb_io_beats() - since;

	return elapsed_ns > PB_LEASE_NS / 2 && beats * 2 * PB_BEAT_NS < elapsed_ns;
}

/* One that begins while it cannot be measured. */
static __always_inline void pb_io_lose(enum pb_loss cause)
{
	struct pb_tally *tally = pb_tally();

	if (!tally)
		return;
	pb_count(&tally->produced);
	pb_lose(tally, cause);
}

/* Everything without an owner. Never 0 in hash, since that is what an unfinished group has. */
static __always_inline void pb_io_nobody(const volatile struct pb_iolatency_cfg *cfg,
					 struct pb_stack_key *stack)
{
	*stack = (struct pb_stack_key){.stack_hash = cfg->capture.hash_seed | 1};
}

/* The counter of the stack of nobody, whose record is sent like any other's. Return: whether there is one. */
static __always_inline bool pb_io_offer_nobody(const struct pb_stack_key *stack)
{
	struct {
		struct pb_stack_key key;
		__u64 time_ns;
		__u64 rest[4];
	} record = {.key = *stack};
	enum pb_loss lost;
	struct pb_stack_count *count = pb_counter(stack, &lost);

	if (!count || *(volatile __u32 *)&count->sent)
		return count;
	record.time_ns = bpf_ktime_get_ns();
	if (!bpf_ringbuf_output(&stacks, &record, PB_STACK_RECORD_HEADER, BPF_RB_NO_WAKEUP))
		count->sent = 1;
	return true;
}

/*
 * The group of a stack and a leaf, made if it is new.
 * @lost: set on failure: why what belongs to it will be lost
 *
 * Return: its id, never 0; 0 if there is no room.
 */
static __always_inline __u64 pb_io_group(const volatile struct pb_iolatency_cfg *cfg,
					 const struct pb_stack_key *stack,
					 const struct pb_io_leaf *leaf, __u32 *lost)
{
	const __u64 *words = (const __u64 *)leaf;
	struct pb_io_group *group;
	__u64 id;
	long err;

	id = pb_stack_hash_add(cfg->capture.hash_seed, stack->stack_hash);
	id = pb_stack_hash_add(id, stack->start_ns);
	id = pb_stack_hash_add(id, (__u64)stack->tgid << 32 | (__u32)stack->exec_id << 16 |
					   stack->layout);
	id = pb_stack_hash_add(id, words[0]);
	id = pb_stack_hash_add(id, words[1]);
	id = pb_stack_hash_add(id, words[2]);
	id = pb_stack_hash_add(id, words[3]);
	id = id ? id : 1;
	if (bpf_map_lookup_elem(&groups, &id))
		return id;
	err = bpf_map_update_elem(&groups, &id, &pb_io_group_zero, BPF_NOEXIST);
	group = bpf_map_lookup_elem(&groups, &id);
	if (!group) {
		*lost = pb_is_busy(err) ? PB_LOSS_MAP_BUSY : PB_LOSS_GROUPS_FULL;
		return 0;
	}
	if (!stack->tgid)
		pb_io_offer_nobody(stack);
	/* Whoever else has just found it writes the same, and does not use it before it has a stack. */
	group->leaf = *leaf;
	group->stack = *stack;
	return id;
}

static __always_inline __u32 pb_io_bucket(__u64 n)
{
	__u32 log = pb_log2(n | ((2 << PB_IO_BUCKET_BITS) - 1));
	__u32 shift = log - PB_IO_BUCKET_BITS; /* 0 for all below 64 */

	return (shift << PB_IO_BUCKET_BITS) + (__u32)(n >> shift);
}

/* Return: whether there was room. */
static __always_inline bool pb_io_bin(__u64 group, enum pb_io_which which, __u64 ns)
{
	struct pb_io_bucket_key key = {.group = group, .bucket = pb_io_bucket(ns), .which = which};
	__u64 *count = bpf_map_lookup_elem(&buckets, &key), one = 1;

	if (!count) {
		if (!bpf_map_update_elem(&buckets, &key, &one, BPF_NOEXIST))
			return true;
		count = bpf_map_lookup_elem(&buckets, &key); /* another CPU was first */
	}
	if (!count)
		return false;
	__sync_fetch_and_add(count, 1);
	return true;
}

/* Another CPU may be at it, too. Four times in a row is more than it can win. */
static __always_inline void pb_io_max(__u64 *max, __u64 n)
{
	__u64 before;
	int i;

	for (i = 0; i < 4; i++) {
		before = *(volatile __u64 *)max;
		if (n <= before || __sync_val_compare_and_swap(max, before, n) == before)
			return;
	}
}

/* An I/O that has completed, or a call that has returned. */
struct pb_io_end {
	__u64 group; /* 0: lost, by the cause below */
	__u64 time_ns;
	__u64 queue_ns;   /* of struct pb_io_group */
	__u64 blocked_ns; /* of a call */
	__u64 at;         /* sector, or offset in the file */
	__u64 next;       /* the one behind */
	__u64 bytes;
	__u32 tid;
	__u32 depth;
	__u32 lost;
	__u32 error; /* errno */
	bool queued; /* queue_ns counts */
	bool is_call;
};

static __always_inline void pb_io_tell_slow(const struct pb_io_end *end, __u64 total_ns,
					    __u64 now_ns)
{
	struct pb_io_tally *tally = pb_io_tally();
	struct pb_io_slow record = {
		.group = end->group,
		.end_ns = now_ns,
		.time_ns = end->time_ns,
		.queue_ns = end->queue_ns,
		.total_ns = total_ns,
		.at = end->at,
		.bytes = (__u32)end->bytes,
		.tid = end->tid,
		.depth = end->depth,
		.error = end->error,
	};

	if (bpf_ringbuf_output(&slow, &record, sizeof(record), BPF_RB_NO_WAKEUP) && tally)
		pb_count(&tally->slow_lost);
}

static __always_inline void pb_io_add(struct pb_io_group *group, const struct pb_io_end *end)
{
	__u64 halves = end->bytes >> PB_IO_SIZE_SHIFT;
	__u32 size = halves ? pb_log2(halves) + 1 : 0;
	bool fits;

	__sync_fetch_and_add(&group->ops, 1);
	__sync_fetch_and_add(&group->bytes, end->bytes);
	__sync_fetch_and_add(&group->time_ns, end->time_ns);
	pb_io_max(&group->max_ns, end->time_ns);
	fits = pb_io_bin(end->group, PB_IO_TIME, end->time_ns);
	if (end->queued) {
		__sync_fetch_and_add(&group->queued, 1);
		__sync_fetch_and_add(&group->queue_ns, end->queue_ns);
		pb_io_max(&group->max_queue_ns, end->queue_ns);
		fits &= pb_io_bin(end->group, PB_IO_QUEUE, end->queue_ns);
	}
	if (!fits)
		__sync_fetch_and_add(&group->unbinned, 1);
	if (end->blocked_ns)
		__sync_fetch_and_add(&group->blocked_ns, end->blocked_ns);
	if (end->error)
		__sync_fetch_and_add(&group->errors, 1);
	if (size >= PB_IO_SIZES)
		size = PB_IO_SIZES - 1;
	asm volatile("" : "+r"(size)); /* the bound is looked at where it is used (6.1) */
	__sync_fetch_and_add(&group->sizes[size & (PB_IO_SIZES - 1)], 1);
	/* A statistic: two at once may miss one another. */
	if (group->next == end->at && end->at)
		__sync_fetch_and_add(&group->sequential, 1);
	group->next = end->next;
}

/**
 * pb_io_done() - one event of the ledger, kept or lost.
 *
 * Context: any, hard interrupts among them.
 * Return: the group that it was added to; NULL: it is lost.
 */
static __always_inline struct pb_io_group *pb_io_done(const volatile struct pb_iolatency_cfg *cfg,
						      const struct pb_io_end *end, __u64 now_ns)
{
	struct pb_tally *tally = pb_tally();
	struct pb_stack_count *count;
	struct pb_io_group *group;
	__u64 total_ns;

	if (!tally)
		return NULL;
	pb_count(&tally->produced);
	if (!end->group) {
		pb_lose(tally, end->lost < PB_LOSS_COUNT ? end->lost : PB_LOSS_GROUPS_FULL);
		return NULL;
	}
	group = bpf_map_lookup_elem(&groups, &end->group);
	count = group ? bpf_map_lookup_elem(&counts, &group->stack) : NULL;
	if (!count) { /* it has no stack yet: somebody is making it at this very moment */
		pb_lose(tally, PB_LOSS_MAP_BUSY);
		return NULL;
	}
	pb_add(count, end->time_ns);
	pb_io_add(group, end);
	total_ns = end->time_ns + (cfg->queued || end->is_call ? 0 : end->queue_ns);
	if (total_ns >= cfg->slower_ns)
		pb_io_tell_slow(end, total_ns, now_ns);
	return group;
}

#endif
