/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * iolatency, kernel half: how long does I/O take, and who asked for it?
 *
 * Tracepoints of the block layer, in lib/ioblock.bpf.h; with owners told apart also those where bios get requests
 * and files become dirty (lib/ioowner.bpf.h); and the entries and exits of system calls (lib/iocall.bpf.h).
 * The user half loads what it needs, of what the kernel has.
 *
 * Kernel floor: 6.1, as for the shared capture. Whether a tracepoint is there, and with which arguments, is
 * asked of BTF: 5.10 changed them in a stable release.
 */
#include "bpf/abi/iolatency.h"

#define PB_COUNTS_FLAGS BPF_F_NO_PREALLOC /* stacks are made in the context of tasks */

#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/ioblock.bpf.h"
#include "bpf/lib/iocall.bpf.h"
#include "bpf/lib/iouring.bpf.h"

const volatile struct pb_iolatency_cfg cfg;

#include "bpf/lib/follow.bpf.h"

SEC("?tp_btf/block_getrq")
int BPF_PROG(on_getrq, struct bio *bio)
{
	pb_io_submit(ctx, &cfg, bio);
	return 0;
}

SEC("?tp_btf/block_rq_insert")
int BPF_PROG(on_rq_insert, struct request *rq)
{
	pb_io_insert(&cfg, rq);
	return 0;
}

SEC("?tp_btf/block_rq_issue")
int BPF_PROG(on_rq_issue, struct request *rq)
{
	pb_io_issue(&cfg, rq);
	return 0;
}

SEC("?tp_btf/block_rq_requeue")
int BPF_PROG(on_rq_requeue, struct request *rq)
{
	pb_io_requeue(&cfg, rq);
	return 0;
}

SEC("?tp_btf/block_rq_merge")
int BPF_PROG(on_rq_merge, struct request *rq)
{
	pb_io_merge(&cfg, rq);
	return 0;
}

/* The error is a blk_status_t since 5.16 (8a7d267b4a2c) and an errno before; of both, 0 is none. */
SEC("?tp_btf/block_rq_complete")
int BPF_PROG(on_rq_complete, struct request *rq, int error, unsigned int bytes)
{
	pb_io_complete(&cfg, rq, error ? PB_EIO : 0, bytes);
	return 0;
}

SEC("?tp_btf/block_bio_queue")
int BPF_PROG(on_bio_queue, struct bio *bio)
{
	pb_io_bio_queue(ctx, &cfg, bio);
	return 0;
}

SEC("?tp_btf/block_bio_complete")
int BPF_PROG(on_bio_complete, struct request_queue *queue, struct bio *bio)
{
	pb_io_bio_complete(&cfg, bio);
	return 0;
}

SEC("?tp_btf/writeback_dirty_folio")
int BPF_PROG(on_dirty, struct folio *folio, struct address_space *mapping)
{
	pb_io_dirty(ctx, &cfg, mapping);
	return 0;
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long id)
{
	pb_call_begin(&cfg, regs, id);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	/* Most calls are none of ours: this is cheaper than to look whether the thread is in one. */
	if (pb_call_is_timed(&cfg, pb_syscall_number(regs)))
		pb_call_end(ctx, &cfg, ret);
	return 0;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	pb_call_switch(preempt, prev, next);
	return 0;
}

SEC("?tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_submit, struct io_kiocb *req)
{
	pb_uring_submit(ctx, &cfg, req);
	return 0;
}

/* Before 6.3 (2ad57931db64). */
SEC("?tp_btf/io_uring_submit_sqe")
int BPF_PROG(on_uring_submit_sqe, struct io_kiocb *req, bool force_nonblock)
{
	pb_uring_submit(ctx, &cfg, req);
	return 0;
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(on_uring_complete, void *ring, void *req, struct io_uring_cqe *cqe)
{
	pb_uring_complete(&cfg, (__u64)req, cqe->res);
	return 0;
}

/* Before 6.16 (072d37b53de2): the entry's parts, one by one. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(on_uring_complete_parts, void *ring, void *req, __u64 user_data, int res)
{
	pb_uring_complete(&cfg, (__u64)req, res);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
