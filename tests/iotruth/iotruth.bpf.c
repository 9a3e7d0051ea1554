/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * iotruth, kernel half: every block I/O goes through a ring buffer, as it is. No sums, no buckets, no table of
 * starts: whatever iolatency does with an I/O, nothing here does the same. Types are flavours of the kernel's, so
 * that no header of ours has a say, either. An event without room is counted, and the run is worth nothing then.
 *
 * Request-based devices are seen at insertion, issue and completion, and those that take bios as they come (zram,
 * device mapper) at queueing and completion. Needs the tracepoints of 5.11 and newer.
 */
#include "vmlinux/types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tests/iotruth/iotruth.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct block_device_operations___t {
	void *submit_bio;
};
struct gendisk___t {
	int major;
	int first_minor;
	const struct block_device_operations___t *fops;
};
struct request_queue___t {
	struct gendisk___t *disk;
};
struct request___t {
	struct request_queue___t *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	__u64 __sector;
};
struct block_device___t {
	struct gendisk___t *bd_disk;
};
struct bvec_iter___t {
	__u64 bi_sector;
	unsigned int bi_size;
};
struct bio___t {
	struct block_device___t *bi_bdev;
	unsigned int bi_opf;
	struct bvec_iter___t bi_iter;
};
#pragma clang attribute pop

const volatile __u32 only_disk; /* 0: all */
__u64 lost;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 << 20);
} events SEC(".maps");

static __u32 number_of(const struct gendisk___t *disk)
{
	return disk ? (__u32)disk->major << 20 | (__u32)disk->first_minor : 0;
}

/*
 * A begin is stamped as late as can be, when all else is written, and an end as early: what lies between is the I/O's,
 * and as little of ours as can be. @now: 0: a begin.
 */
static int send(__u64 now, __u32 kind, const void *key, __u32 disk, __u64 sector, __u32 bytes,
		__u32 left, __u32 flags)
{
	struct iotruth_event *e;

	if (only_disk && disk != only_disk)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	e->key = (__u64)key;
	e->sector = sector;
	e->bytes = bytes;
	e->left = left;
	e->disk = disk;
	e->flags = flags;
	e->kind = kind;
	e->tid = (__u32)bpf_get_current_pid_tgid();
	e->time_ns = now ? now : bpf_ktime_get_ns();
	/* A wake-up is an interrupt: it would lie between our time stamp and that of whoever comes next. */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(on_rq_insert, struct request___t *rq)
{
	return send(0, IOTRUTH_INSERT, rq, number_of(rq->q->disk), rq->__sector, rq->__data_len, 0,
		    rq->cmd_flags);
}

SEC("tp_btf/block_rq_issue")
int BPF_PROG(on_rq_issue, struct request___t *rq)
{
	return send(0, IOTRUTH_ISSUE, rq, number_of(rq->q->disk), rq->__sector, rq->__data_len, 0,
		    rq->cmd_flags);
}

SEC("tp_btf/block_rq_requeue")
int BPF_PROG(on_rq_requeue, struct request___t *rq)
{
	return send(0, IOTRUTH_REQUEUE, rq, number_of(rq->q->disk), rq->__sector, rq->__data_len, 0,
		    rq->cmd_flags);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_rq_complete, struct request___t *rq, int error, unsigned int bytes)
{
	return send(bpf_ktime_get_ns(), IOTRUTH_COMPLETE, rq, number_of(rq->q->disk), rq->__sector,
		    bytes, rq->__data_len, rq->cmd_flags);
}

SEC("tp_btf/block_bio_queue")
int BPF_PROG(on_bio_queue, struct bio___t *bio)
{
	const struct gendisk___t *disk = bio->bi_bdev->bd_disk;

	if (!disk->fops->submit_bio)
		return 0; /* it becomes a request */
	return send(0, IOTRUTH_BIO_QUEUE, bio, number_of(disk), bio->bi_iter.bi_sector,
		    bio->bi_iter.bi_size, 0, bio->bi_opf);
}

SEC("tp_btf/block_bio_complete")
int BPF_PROG(on_bio_complete, struct request_queue___t *q, struct bio___t *bio)
{
	return send(bpf_ktime_get_ns(), IOTRUTH_BIO_COMPLETE, bio, number_of(bio->bi_bdev->bd_disk),
		    bio->bi_iter.bi_sector, 0, 0, bio->bi_opf);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
