/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * I/O by io_uring, from submission to completion, as if each were a system call: reads, writes and syncs of regular
 * files and block devices.
 *
 * It has no sleep to tell of, since nobody waits in it. What is submitted by the number of a registered file is left
 * out: which file that is is known to the ring alone.
 */
#ifndef PB_LIB_IOURING_BPF_H
#define PB_LIB_IOURING_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/ioblock.bpf.h"
#include "bpf/lib/iocall.bpf.h"

#define PB_URING_FIXED_FILE 1 /* REQ_F_FIXED_FILE: include/linux/io_uring_types.h */

/* enum io_uring_op, include/uapi/linux/io_uring.h. Return: 0: none that is timed. */
static __always_inline __u8 pb_uring_op(__u8 opcode)
{
	switch (opcode) {
	case 1:  /* READV */
	case 4:  /* READ_FIXED */
	case 22: /* READ */
		return PB_IO_CALL_URING_READ;
	case 2:  /* WRITEV */
	case 5:  /* WRITE_FIXED */
	case 23: /* WRITE */
		return PB_IO_CALL_URING_WRITE;
	case 3: /* FSYNC */
		return PB_IO_CALL_URING_FSYNC;
	}
	return 0;
}

/* The file of a request, into @leaf. Return: whether it is to be timed. */
static __always_inline bool pb_uring_file(const volatile struct pb_iolatency_cfg *cfg,
					  struct task_struct *task, struct io_kiocb *req,
					  struct pb_io_leaf *leaf)
{
	struct inode *inode;
	struct file *file;

	if (req->flags & PB_URING_FIXED_FILE)
		return false;
	file = pb_file_of(task, (__u32)req->cqe.fd);
	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	if (!pb_io_inode(leaf, inode))
		return false;
	if (cfg->attribute)
		pb_io_offer_path(leaf, inode, BPF_CORE_READ(file, f_path.dentry));
	return true;
}

/* In the context of whoever submits, or of the ring's thread that does. */
static __always_inline void pb_uring_submit(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					    struct io_kiocb *req)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_io_start start = {.issued_ns = bpf_ktime_get_ns()};
	__u8 op = pb_uring_op(req->opcode);
	struct pb_io_whose whose = {};
	__u64 key = (__u64)req;

	pb_io_abandon(cfg, bpf_map_lookup_elem(&starts, &key));
	if (!op || !pb_filter(&cfg->capture, task) || !pb_uring_file(cfg, task, req, &whose.leaf)) {
		bpf_map_delete_elem(&starts, &key);
		return;
	}
	if (!pb_lease_valid(start.issued_ns)) {
		bpf_map_delete_elem(&starts, &key);
		pb_io_lose(PB_LOSS_LEASE_EXPIRED);
		return;
	}
	if (!cfg->attribute) {
		whose.leaf = (struct pb_io_leaf){};
		pb_io_nobody(cfg, &whose.stack);
	} else {
		whose.leaf.cgroup = pb_io_cgroup(cfg);
		whose.leaf.owner = PB_IO_OWNER_SUBMITTER;
		pb_io_take_stack(ctx, cfg, task, true, &whose);
	}
	whose.leaf.op = op;
	if (whose.lost)
		start.lost = whose.lost - 1;
	else
		start.group = pb_io_group(cfg, &whose.stack, &whose.leaf, &start.lost);
	start.tid = (__u32)task->pid;
	start.beats = (__u32)pb_io_beats();
	if (!pb_io_keep(key, bpf_map_lookup_elem(&starts, &key), &start))
		pb_io_lose(PB_LOSS_STARTS_FULL);
}

/* @res: bytes, or a negative errno. */
static __always_inline void pb_uring_complete(const volatile struct pb_iolatency_cfg *cfg,
					      __u64 req, __s32 res)
{
	struct pb_io_start *start = bpf_map_lookup_elem(&starts, &req);
	__u64 now_ns = bpf_ktime_get_ns();
	struct pb_io_end end = {.is_call = true, .at = ~0ull};

	if (!start || !start->issued_ns)
		return;
	end.group = start->group;
	end.lost = start->lost;
	end.tid = start->tid;
	end.time_ns = now_ns - start->issued_ns;
	if (res < 0)
		end.error = (__u32)-res;
	else
		end.bytes = (__u64)res;
	pb_io_doubt(start, &end, now_ns);
	bpf_map_delete_elem(&starts, &req);
	pb_io_done(cfg, &end, now_ns);
}

#endif
