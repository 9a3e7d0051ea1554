/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The life of a request, and of a bio where a device makes no requests of it.
 *
 *   block_getrq          a bio gets a request: starts[bio], with its owner     only where owners are told apart
 *   block_rq_insert      the request goes to the scheduler: starts[request]    not where the device takes it at once;
 *                        again when it was requeued, but for drivers that keep it prepared (RQF_DONTPREP)
 *   block_rq_issue       the device gets it
 *   block_rq_requeue     the device could not take it: back in the queue
 *   block_rq_merge       it became part of another one, and ends without completing; perhaps before it was inserted
 *                        (blk_mq_sched_try_insert_merge() of mq-deadline and bfq)
 *   block_rq_complete    done, or a part of it
 *
 *   block_bio_queue --> block_bio_complete     without requests: zram, device mapper, md
 *
 * A start is keyed by the address of its request, which is used again and again: whoever begins writes over what was
 * there, so a completion is never matched with the start of another request. At the end it is emptied and stays, while
 * there is room: a disk has few requests, and making an element costs more than all else. Bios come from anywhere in
 * memory, so theirs are deleted. Where a start finds no room the I/O is lost then, and its completion finds nothing. A
 * completion whose request was not seen to begin is counted and no more: it began before we looked, is somebody's who is
 * not measured, or is the second end of a request that flushed the device, whose bio may have a start still.
 */
#ifndef PB_LIB_IOBLOCK_BPF_H
#define PB_LIB_IOBLOCK_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/iogroup.bpf.h"
#include "bpf/lib/ioowner.bpf.h"
#include "bpf/lib/lease.bpf.h"

#define PB_IO_CHAIN_MAX  8 /* bios of a request that are looked at for its owner */
#define PB_REPEATS_SHIFT 3 /* sectors to a block of what was read before */
#define PB_IO_RECENT     65536
#define PB_EIO           5
#define PB_REQ_OP_MASK   255 /* enum req_op, include/linux/blk_types.h, ever since 4.8 */
#define PB_REQ_OP_FLUSH  2
#define PB_REQ_OP_DRV    34 /* and above: commands that somebody made by hand, without block_getrq */

/* Request, or bio -> when it began, and whose it is. Written here; those of bios are deleted here. The user half sizes
 * it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, struct pb_io_start);
} starts SEC(".maps");

/* Whether a start has found no room: from then on those of requests go at their end as well, so that what is in flight
 * has the room, and not what once was. Written here only. */
static __u32 starts_are_scarce;

/* Disk -> requests in flight. Written here; only where slow ones are told of. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
} depths SEC(".maps");

/* Low bits of a hash of disk and block -> all of it: blocks that were read not long ago, until another one takes their
 * place. Written here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PB_IO_RECENT);
	__type(key, __u32);
	__type(value, __u64);
} recent SEC(".maps");

static __always_inline __u8 pb_io_op_of(__u32 opf)
{
	switch (opf & PB_REQ_OP_MASK) {
	case 0:
		return PB_IO_READ;
	case 1:
		return PB_IO_WRITE;
	case PB_REQ_OP_FLUSH:
		return PB_IO_FLUSH;
	case 3:
	case 5: /* secure erase */
		return PB_IO_DISCARD;
	case 9:
		return PB_IO_ZEROES;
	case 7: /* zone append writes */
		return PB_IO_WRITE;
	case 10 ... 19:
		return PB_IO_ZONE;
	}
	return PB_IO_OTHER;
}

#define PB_REQ_HAS(opf, flag) ((opf) >> bpf_core_enum_value(enum req_flag_bits, flag) & 1)

static __always_inline __u8 pb_io_flags_of(__u32 opf)
{
	return PB_REQ_HAS(opf, __REQ_SYNC) * PB_IO_SYNC | PB_REQ_HAS(opf, __REQ_META) * PB_IO_META |
	       PB_REQ_HAS(opf, __REQ_RAHEAD) * PB_IO_AHEAD |
	       PB_REQ_HAS(opf, __REQ_FUA) * PB_IO_FUA |
	       PB_REQ_HAS(opf, __REQ_BACKGROUND) * PB_IO_BACKGROUND;
}

/* 0 for a queue without a disk, as for NVMe's administration. */
static __always_inline __u32 pb_disk_number(struct gendisk *disk)
{
	return !disk ? 0 : (__u32)disk->major << 20 | (__u32)disk->first_minor;
}

/* Is a bio of the disk and the partition that are measured? */
static __always_inline bool pb_io_wanted(const volatile struct pb_iolatency_cfg *cfg, __u32 disk,
					 struct bio *bio)
{
	if (!cfg->disk)
		return true;
	if (disk != cfg->disk)
		return false;
	return !cfg->part || (bio && bio->bi_bdev->bd_dev == cfg->part);
}

/* Nothing is under way at this request. */
static __always_inline void pb_io_empty(struct pb_io_start *start)
{
	start->queued_ns = 0;
	start->issued_ns = 0;
	start->requeued = 0;
	start->done = 0;
}

/* @found: the start that is there; NULL: there is none. Return: whether @fresh is kept now. */
static __always_inline bool pb_io_keep(__u64 key, struct pb_io_start *found,
				       const struct pb_io_start *fresh)
{
	if (found) {
		*found = *fresh;
		return true;
	}
	if (!bpf_map_update_elem(&starts, &key, fresh, BPF_ANY))
		return true;
	starts_are_scarce = 1;
	return false;
}

static __always_inline __u32 pb_io_depth(const volatile struct pb_iolatency_cfg *cfg, __u32 disk,
					 __s64 by)
{
	__u64 *depth, zero = 0;

	if (cfg->slower_ns == ~0ull)
		return 0;
	depth = bpf_map_lookup_elem(&depths, &disk);
	if (!depth) {
		bpf_map_update_elem(&depths, &disk, &zero, BPF_NOEXIST);
		depth = bpf_map_lookup_elem(&depths, &disk);
	}
	return depth ? (__u32)(__sync_fetch_and_add(depth, by) + by) : 0;
}

/* What is under way at this request has ended without a word. @start: may be NULL */
static __always_inline void pb_io_abandon(const volatile struct pb_iolatency_cfg *cfg,
					  struct pb_io_start *start)
{
	if (!start)
		return;
	if (start->issued_ns) {
		pb_io_depth(cfg, start->disk, -1);
		pb_io_lose(PB_LOSS_END_UNSEEN);
	}
	pb_io_empty(start);
}

/*
 * The key of a bio that has no request yet. Not its address, which is that of a bio in flight: multipath NVMe takes
 * bios as they are and hands the very same to a disk that makes requests of them (nvme_ns_head_submit_bio()).
 */
static __always_inline __u64 pb_bio_key(struct bio *bio)
{
	return (__u64)bio + 1; /* the verifier allows nothing else of a pointer */
}

/* Return: whether there was a start. */
static __always_inline bool pb_io_forget_bio(struct bio *bio)
{
	__u64 key = pb_bio_key(bio);

	if (!bio || !bpf_map_lookup_elem(&starts, &key))
		return false;
	return !bpf_map_delete_elem(&starts, &key);
}

/* Who submits @bio, and what: into its start. Return: whether it is measured. */
static __always_inline bool pb_io_begin(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					struct bio *bio, __u32 disk, struct pb_io_start *start)
{
	__u32 opf = bio->bi_opf;
	struct pb_io_whose whose = {
		.leaf = {.disk = disk, .op = pb_io_op_of(opf), .flags = pb_io_flags_of(opf)}};

	start->disk = disk;
	if (!cfg->attribute) {
		pb_io_nobody(cfg, &whose.stack);
	} else if (!pb_io_find_owner(ctx, cfg, bio, &whose)) {
		return false;
	}
	start->tid = whose.tid;
	if (whose.lost)
		start->lost = whose.lost - 1;
	else
		start->group = pb_io_group(cfg, &whose.stack, &whose.leaf, &start->lost);
	return true;
}

/* Whoever asks for a flush, alone or beside a write, is who causes the request for it, which has no bio. */
static __always_inline void pb_io_note_flusher(__u32 disk, bool is_ours,
					       const struct pb_io_start *start)
{
	struct pb_io_flusher flusher = {.tid = start->tid};
	struct pb_io_group *group;

	group = is_ours && start->group ? bpf_map_lookup_elem(&groups, &start->group) : NULL;
	if (!group) {
		bpf_map_delete_elem(&flushers, &disk);
		return;
	}
	flusher.stack = group->stack;
	flusher.leaf = group->leaf;
	bpf_map_update_elem(&flushers, &disk, &flusher, BPF_ANY);
}

/* block_getrq; in the context of whoever submits. */
static __always_inline void pb_io_submit(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					 struct bio *bio)
{
	__u64 key = pb_bio_key(bio), now_ns = bpf_ktime_get_ns();
	struct pb_io_start start = {};
	__u32 disk = pb_disk_number(bio->bi_bdev->bd_disk), opf = bio->bi_opf;
	bool is_ours;

	if (!pb_io_wanted(cfg, disk, bio))
		return;
	if (!pb_lease_valid(now_ns)) {
		bpf_map_delete_elem(&starts, &key);
		if (pb_filter(&cfg->capture, bpf_get_current_task_btf()))
			pb_io_lose(PB_LOSS_LEASE_EXPIRED);
		return;
	}
	is_ours = pb_io_begin(ctx, cfg, bio, disk, &start);
	if (PB_REQ_HAS(opf, __REQ_PREFLUSH) || (opf & PB_REQ_OP_MASK) == PB_REQ_OP_FLUSH)
		pb_io_note_flusher(disk, is_ours, &start);
	if (!is_ours)
		bpf_map_delete_elem(&starts, &key);
	else if (!pb_io_keep(key, bpf_map_lookup_elem(&starts, &key), &start))
		pb_io_lose(PB_LOSS_STARTS_FULL);
}

static __always_inline bool pb_io_take_from(struct bio *bio, __u32 disk, struct pb_io_start *start)
{
	__u64 key = pb_bio_key(bio);
	struct pb_io_start *found = bpf_map_lookup_elem(&starts, &key);

	if (!found || found->disk != disk)
		return false;
	*start = *found;
	bpf_map_delete_elem(&starts, &key);
	return true;
}

/* Take the start that one of the request's bios got: mostly the first; a later one if others, which got no request
 * of their own, were merged in front, and the last if those are many. */
static __always_inline bool pb_io_take(struct request *rq, __u32 disk, struct pb_io_start *start)
{
	struct bio *bio = rq->bio;
	int i;

	if (!bio)
		return false;
	for (i = 0; i < PB_IO_CHAIN_MAX && bio; i++) {
		if (pb_io_take_from(bio, disk, start))
			return true;
		bio = bio->bi_next;
	}
	return bio && pb_io_take_from(rq->biotail, disk, start);
}

/* A flush has no bio: it is of whoever asked for it. */
static __always_inline bool pb_io_take_flush(const volatile struct pb_iolatency_cfg *cfg,
					     struct request *rq, __u32 disk,
					     struct pb_io_start *start)
{
	struct pb_io_flusher *flusher;
	struct pb_io_leaf leaf;

	if (pb_io_op_of(rq->cmd_flags) != PB_IO_FLUSH || rq->bio)
		return false;
	flusher = bpf_map_lookup_elem(&flushers, &disk);
	if (!flusher)
		return false;
	leaf = flusher->leaf;
	leaf.disk = disk;
	leaf.op = PB_IO_FLUSH;
	leaf.flags = pb_io_flags_of(rq->cmd_flags);
	leaf.owner = PB_IO_OWNER_FLUSHER;
	start->disk = disk;
	start->tid = flusher->tid;
	start->group = pb_io_group(cfg, &flusher->stack, &leaf, &start->lost);
	return true;
}

/* Nobody's: all that tells it from others is what it is. */
static __always_inline void pb_io_group_nobody(const volatile struct pb_iolatency_cfg *cfg,
					       struct request *rq, struct pb_io_start *start)
{
	struct pb_io_leaf leaf = {.disk = start->disk,
				  .op = pb_io_op_of(rq->cmd_flags),
				  .flags = pb_io_flags_of(rq->cmd_flags)};
	struct pb_stack_key stack;

	pb_io_nobody(cfg, &stack);
	start->group = pb_io_group(cfg, &stack, &leaf, &start->lost);
}

static __always_inline __u32 pb_request_disk(struct request *rq)
{
	return pb_disk_number(rq->q->disk);
}

/* Does it get no owner, ever? Flushes that nobody was seen to ask for, and commands made by hand. */
static __always_inline bool pb_io_is_nobodys(const volatile struct pb_iolatency_cfg *cfg,
					     struct request *rq)
{
	__u32 op = rq->cmd_flags & PB_REQ_OP_MASK;

	if (cfg->capture.scope != PB_SCOPE_ALL)
		return false;
	return op >= PB_REQ_OP_DRV || (op == PB_REQ_OP_FLUSH && !rq->bio);
}

/* The start of a request that is seen for the first time. Return: whether it is measured. */
static __always_inline bool pb_io_first_sight(const volatile struct pb_iolatency_cfg *cfg,
					      struct request *rq, struct pb_io_start *start)
{
	__u32 disk = pb_request_disk(rq);

	if (!disk)
		return false;
	start->disk = disk;
	if (!cfg->attribute)
		return pb_io_wanted(cfg, disk, rq->bio);
	if (pb_io_take(rq, disk, start) || pb_io_take_flush(cfg, rq, disk, start))
		return true;
	if (!pb_io_is_nobodys(cfg, rq) || !pb_io_wanted(cfg, disk, rq->bio))
		return false;
	pb_io_group_nobody(cfg, rq, start);
	return true;
}

/* block_rq_insert. Without owners, whether it is measured, and whether there is room, is left to the issue. */
static __always_inline void pb_io_insert(const volatile struct pb_iolatency_cfg *cfg,
					 struct request *rq)
{
	__u64 key = (__u64)rq, now_ns = bpf_ktime_get_ns();
	struct pb_io_start *found = bpf_map_lookup_elem(&starts, &key);
	struct pb_io_start start = {};

	if (found && found->requeued)
		return; /* it waits since before */
	pb_io_abandon(cfg, found);
	if (!pb_lease_valid(now_ns))
		return;
	if (!cfg->attribute && found) {
		found->queued_ns = now_ns;
		found->beats = (__u32)pb_io_beats();
		return;
	}
	if (cfg->attribute && !pb_io_first_sight(cfg, rq, &start))
		return;
	start.queued_ns = now_ns;
	start.beats = (__u32)pb_io_beats();
	if (!pb_io_keep(key, found, &start) && cfg->attribute)
		pb_io_lose(PB_LOSS_STARTS_FULL);
}

/* A write that the device cannot put past its cache is followed by a flush (blk_flush_policy()), and has lost its flag
 * (blk_insert_flush()). */
static __always_inline void pb_io_note_post_flush(struct request *rq,
						  const struct pb_io_start *start)
{
	struct bio *bio = rq->bio;
	__u32 opf;

	if (!bio)
		return;
	opf = bio->bi_opf;
	if (PB_REQ_HAS(opf, __REQ_FUA) && !PB_REQ_HAS(rq->cmd_flags, __REQ_FUA))
		pb_io_note_flusher(start->disk, true, start);
}

/* block_rq_issue */
static __always_inline void pb_io_issue(const volatile struct pb_iolatency_cfg *cfg,
					struct request *rq)
{
	__u64 key = (__u64)rq, now_ns = bpf_ktime_get_ns();
	struct pb_io_start *found = bpf_map_lookup_elem(&starts, &key);
	bool was_inserted = found && found->queued_ns && !found->issued_ns;
	struct pb_io_start start = {};

	if (was_inserted)
		start = *found;
	else
		pb_io_abandon(cfg, found);
	if ((!was_inserted || !cfg->attribute) && !pb_io_first_sight(cfg, rq, &start)) {
		if (found)
			pb_io_empty(found);
		return;
	}
	if (!pb_lease_valid(now_ns)) {
		pb_io_lose(PB_LOSS_LEASE_EXPIRED);
		if (found)
			pb_io_empty(found);
		return;
	}
	if (!cfg->attribute)
		pb_io_group_nobody(cfg, rq, &start);
	else
		pb_io_note_post_flush(rq, &start);
	if (!start.done)
		start.sector = rq->__sector;
	start.bytes = start.done + rq->__data_len;
	start.requeued = 0;
	if (!was_inserted)
		start.beats = (__u32)pb_io_beats();
	start.depth = pb_io_depth(cfg, start.disk, 1);
	start.issued_ns = bpf_ktime_get_ns(); /* what comes before is no part of it */
	if (pb_io_keep(key, found, &start))
		return;
	pb_io_depth(cfg, start.disk, -1);
	pb_io_lose(PB_LOSS_STARTS_FULL);
}

/* block_rq_requeue: it is going to be issued again. */
static __always_inline void pb_io_requeue(const volatile struct pb_iolatency_cfg *cfg,
					  struct request *rq)
{
	struct pb_io_tally *tally = pb_io_tally();
	__u64 key = (__u64)rq;
	struct pb_io_start *start = bpf_map_lookup_elem(&starts, &key);

	if (!start || !tally || !(start->issued_ns || start->queued_ns))
		return;
	pb_count(&tally->requeued);
	start->requeued = 1;
	if (!start->issued_ns)
		return; /* the driver gave it back before it was issued */
	pb_io_depth(cfg, start->disk, -1);
	/* It waits since its first issue, if it did not before. */
	if (!start->queued_ns)
		start->queued_ns = start->issued_ns;
	start->issued_ns = 0;
}

/* block_rq_merge */
static __always_inline void pb_io_merge(const volatile struct pb_iolatency_cfg *cfg,
					struct request *rq)
{
	struct pb_io_tally *tally = pb_io_tally();
	__u64 key = (__u64)rq;
	struct pb_io_start *start = bpf_map_lookup_elem(&starts, &key);
	bool is_ours = start && start->queued_ns && !start->issued_ns;

	pb_io_abandon(cfg, start);
	if (!is_ours)
		is_ours = cfg->attribute ? pb_io_forget_bio(rq->bio)
					 : pb_io_wanted(cfg, pb_request_disk(rq), rq->bio);
	if (is_ours && tally)
		pb_count(&tally->merged);
}

/* Was the block that a read begins with read not long ago? */
static __always_inline bool pb_io_repeats(const volatile struct pb_iolatency_cfg *cfg,
					  const struct pb_io_start *start)
{
	__u64 hash = pb_stack_hash_add(cfg->capture.hash_seed ^ start->disk,
				       start->sector >> PB_REPEATS_SHIFT);
	__u32 slot = hash & (PB_IO_RECENT - 1);
	__u64 *last = bpf_map_lookup_elem(&recent, &slot);

	if (!last)
		return false;
	if (*last == hash)
		return true;
	*last = hash;
	return false;
}

/* How long it took cannot be told if nobody looked meanwhile: such an end is lost. */
static __always_inline void pb_io_doubt(const struct pb_io_start *start, struct pb_io_end *end,
					__u64 now_ns)
{
	__u64 began_ns = start->queued_ns ? start->queued_ns : start->issued_ns;

	if (!pb_lease_valid(now_ns))
		end->lost = PB_LOSS_LEASE_EXPIRED;
	else if (pb_io_stood_still(start->beats, now_ns - began_ns))
		end->lost = PB_LOSS_STOOD_STILL;
	else
		return;
	end->group = 0;
}

/* The end of what @start has begun. */
static __always_inline void pb_io_finish(const volatile struct pb_iolatency_cfg *cfg,
					 const struct pb_io_start *start, __u32 error, __u64 now_ns)
{
	__u64 since_ns = cfg->queued && start->queued_ns ? start->queued_ns : start->issued_ns;
	struct pb_io_end end = {
		.group = start->group,
		.lost = start->lost,
		.time_ns = now_ns - since_ns,
		.at = start->sector,
		.next = start->sector + (start->bytes >> 9),
		.bytes = start->bytes,
		.tid = start->tid,
		.depth = start->depth,
		.error = error,
		.queued = start->queued_ns,
	};
	struct pb_io_group *group;

	pb_io_depth(cfg, start->disk, -1);
	if (end.queued)
		end.queue_ns = start->issued_ns - start->queued_ns;
	pb_io_doubt(start, &end, now_ns);
	group = pb_io_done(cfg, &end, now_ns);
	if (group && cfg->attribute && group->leaf.op == PB_IO_READ && pb_io_repeats(cfg, start))
		__sync_fetch_and_add(&group->repeated, 1);
}

/* block_rq_complete. @bytes: done by this; rq->__data_len are those that were not before. */
static __always_inline void pb_io_complete(const volatile struct pb_iolatency_cfg *cfg,
					   struct request *rq, __u32 error, __u32 bytes)
{
	__u64 key = (__u64)rq, now_ns = bpf_ktime_get_ns();
	struct pb_io_start *start = bpf_map_lookup_elem(&starts, &key);
	struct pb_io_tally *tally;

	if (!start || !start->issued_ns) {
		tally = pb_io_tally();
		if (tally)
			pb_count(&tally->unmatched);
		if (start)
			pb_io_empty(start);
		if (cfg->attribute)
			pb_io_forget_bio(rq->bio);
		return;
	}
	if (!error && bytes < rq->__data_len) {
		tally = pb_io_tally();
		if (tally)
			pb_count(&tally->partial);
		start->done += bytes;
		return;
	}
	pb_io_finish(cfg, start, error, now_ns);
	if (*(volatile __u32 *)&starts_are_scarce)
		bpf_map_delete_elem(&starts, &key);
	else
		pb_io_empty(start);
}

/* block_bio_queue: of a device that makes no requests. For others it is too early: it may be split or merged. */
static __always_inline void pb_io_bio_queue(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					    struct bio *bio)
{
	struct gendisk *disk = bio->bi_bdev->bd_disk;
	__u64 key = (__u64)bio, now_ns;
	struct pb_io_start start = {}, *found;
	bool is_ours;
	__u32 number;

	if (disk->queue->mq_ops)
		return;
	number = pb_disk_number(disk);
	if (!pb_io_wanted(cfg, number, bio))
		return;
	now_ns = bpf_ktime_get_ns();
	if (!pb_lease_valid(now_ns)) {
		pb_io_abandon(cfg, bpf_map_lookup_elem(&starts, &key));
		bpf_map_delete_elem(&starts, &key);
		if (!cfg->attribute || pb_filter(&cfg->capture, bpf_get_current_task_btf()))
			pb_io_lose(PB_LOSS_LEASE_EXPIRED);
		return;
	}
	is_ours = pb_io_begin(ctx, cfg, bio, number, &start);
	/* Here, and not before the stack is walked, which the verifier would follow once for each way out of it. */
	found = bpf_map_lookup_elem(&starts, &key);
	pb_io_abandon(cfg, found);
	if (!is_ours) {
		bpf_map_delete_elem(&starts, &key);
		return;
	}
	start.sector = bio->bi_iter.bi_sector;
	start.bytes = bio->bi_iter.bi_size;
	start.beats = (__u32)pb_io_beats();
	start.depth = pb_io_depth(cfg, number, 1);
	start.issued_ns = bpf_ktime_get_ns(); /* behind the stack, which is no part of it */
	if (pb_io_keep(key, found, &start))
		return;
	pb_io_depth(cfg, number, -1);
	pb_io_lose(PB_LOSS_STARTS_FULL);
}

/* block_bio_complete */
static __always_inline void pb_io_bio_complete(const volatile struct pb_iolatency_cfg *cfg,
					       struct bio *bio)
{
	__u64 key = (__u64)bio, now_ns = bpf_ktime_get_ns();
	struct pb_io_start *start = bpf_map_lookup_elem(&starts, &key);
	struct pb_io_tally *tally = pb_io_tally();

	if (!start || !start->issued_ns || !tally)
		return;
	pb_count(&tally->bio_events);
	pb_io_finish(cfg, start, bio->bi_status ? PB_EIO : 0, now_ns);
	bpf_map_delete_elem(&starts, &key);
}

#endif
