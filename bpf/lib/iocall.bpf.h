/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How long system calls on files take, and what they do meanwhile.
 *
 *   entry --> on a CPU, or waiting for one --> asleep for I/O --> asleep for anything else --> exit
 *             copying from the page cache      io_schedule()      a lock, the journal's commit
 *
 * Only of calls on regular files and block devices: how long a read from a socket takes is no I/O latency. Asleep
 * is from when a task leaves its CPU until it is on one again, with the wait for it.
 */
#ifndef PB_LIB_IOCALL_BPF_H
#define PB_LIB_IOCALL_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/iofile.bpf.h"
#include "bpf/lib/iogroup.bpf.h"
#include "bpf/lib/ioowner.bpf.h"
#include "bpf/lib/lease.bpf.h"

#define PB_ERRNO_MAX 4095

/* A call that a thread is in. */
struct pb_io_call {
	__u64 entered_ns;
	__u64 io_ns;            /* asleep for I/O so far */
	__u64 blocked_ns;       /* asleep for anything else so far */
	__u64 asleep_ns;        /* since when; 0: not */
	__u64 at;               /* offset in the file; ~0: not known */
	struct pb_io_leaf leaf; /* op 0: in no call that is measured */
	__u32 for_io;           /* asleep for I/O */
	__u32 slept_for_io;     /* at all in this call */
	__u32 beats;            /* of struct pb_control, at the entry */
	__u32 pad;              /* always 0 */
};

/* Thread -> its call. Added at its first call, gone with the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pb_io_call);
} io_calls SEC(".maps");

static __always_inline bool pb_call_is_timed(const volatile struct pb_iolatency_cfg *cfg, __u32 id)
{
	if (id >= PB_IO_SYSCALLS)
		return false;
	asm volatile("" : "+r"(id)); /* the bound is looked at where it is used */
	return cfg->call[id & (PB_IO_SYSCALLS - 1)];
}

/* The file behind a descriptor of the current task. */
static __always_inline struct file *pb_file_of(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	struct file **all;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	all = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), all + fd);
	return file;
}

/* Where in the file it begins; ~0 where that cannot be told. */
static __always_inline __u64 pb_call_offset(__u32 op, struct file *file, struct pt_regs *regs)
{
	switch (op) {
	case PB_IO_CALL_PREAD:
	case PB_IO_CALL_PREADV:
	case PB_IO_CALL_PWRITE:
	case PB_IO_CALL_PWRITEV:
		return pb_syscall_arg(regs, 3);
	case PB_IO_CALL_READ:
	case PB_IO_CALL_READV:
	case PB_IO_CALL_WRITE:
	case PB_IO_CALL_WRITEV:
		return (__u64)BPF_CORE_READ(file, f_pos);
	}
	return ~0ull;
}

static __always_inline __u32 pb_call_fd(__u32 op, struct pt_regs *regs)
{
	/* sendfile(out, in): what it reads is what may be slow. */
	return (__u32)pb_syscall_arg(regs, op == PB_IO_CALL_SENDFILE ? 1 : 0);
}

static __always_inline void pb_call_begin(const volatile struct pb_iolatency_cfg *cfg,
					  struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_io_leaf leaf = {};
	struct pb_io_call *call;
	struct inode *inode;
	struct file *file;
	__u32 op;

	if ((unsigned long)id >= PB_IO_SYSCALLS)
		return;
	op = cfg->call[id & (PB_IO_SYSCALLS - 1)];
	if (!op || !pb_filter(&cfg->capture, task) || pb_syscall_is_compat(regs))
		return;
	file = pb_file_of(task, pb_call_fd(op, regs));
	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	if (!pb_io_inode(&leaf, inode))
		return;
	call = bpf_task_storage_get(&io_calls, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call) {
		pb_io_lose(PB_LOSS_STARTS_FULL);
		return;
	}
	if (cfg->attribute) {
		pb_io_offer_path(&leaf, inode, BPF_CORE_READ(file, f_path.dentry));
		leaf.cgroup = pb_io_cgroup(cfg);
		leaf.owner = PB_IO_OWNER_SUBMITTER;
	} else {
		leaf = (struct pb_io_leaf){};
	}
	leaf.op = (__u8)op;
	call->leaf = leaf;
	call->at = pb_call_offset(op, file, regs);
	call->io_ns = call->blocked_ns = call->asleep_ns = 0;
	call->slept_for_io = 0;
	call->beats = (__u32)pb_io_beats();
	call->entered_ns = bpf_ktime_get_ns();
}

static __always_inline void pb_call_end(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_io_call *call = bpf_task_storage_get(&io_calls, task, NULL, 0);
	__u64 now_ns = bpf_ktime_get_ns();
	struct pb_io_whose whose = {};
	struct pb_io_end end = {.is_call = true};

	if (!call || !call->leaf.op)
		return;
	whose.leaf = call->leaf;
	call->leaf.op = 0;
	end.time_ns = now_ns - call->entered_ns;
	end.queue_ns = call->io_ns;
	end.queued = call->slept_for_io;
	end.blocked_ns = call->blocked_ns;
	end.at = call->at;
	end.tid = (__u32)task->pid;
	if (ret < 0 && ret >= -PB_ERRNO_MAX)
		end.error = (__u32)-ret;
	else if (whose.leaf.op < PB_IO_CALL_FSYNC || whose.leaf.op >= PB_IO_CALL_SENDFILE)
		end.bytes = (__u64)ret;
	end.next = end.at == ~0ull ? 0 : end.at + end.bytes;
	if (!pb_lease_valid(now_ns)) {
		end.lost = PB_LOSS_LEASE_EXPIRED;
	} else if (!cfg->attribute) {
		pb_io_nobody(cfg, &whose.stack);
		end.group = pb_io_group(cfg, &whose.stack, &whose.leaf, &end.lost);
	} else if (pb_io_take_stack(ctx, cfg, task, true, &whose)) {
		end.group = pb_io_group(cfg, &whose.stack, &whose.leaf, &end.lost);
	} else {
		end.lost = whose.lost - 1;
	}
	if (end.group && pb_io_stood_still(call->beats, end.time_ns)) {
		end.group = 0;
		end.lost = PB_LOSS_STOOD_STILL;
	}
	pb_io_done(cfg, &end, now_ns);
}

static __always_inline void pb_call_switch(bool preempt, struct task_struct *prev,
					   struct task_struct *next)
{
	struct pb_io_call *call = bpf_task_storage_get(&io_calls, prev, NULL, 0);
	__u64 asleep_ns;

	if (call && call->leaf.op && !preempt) {
		call->for_io = BPF_CORE_READ_BITFIELD_PROBED(prev, in_iowait);
		call->asleep_ns = bpf_ktime_get_ns();
	}
	call = bpf_task_storage_get(&io_calls, next, NULL, 0);
	if (!call || !call->asleep_ns)
		return;
	asleep_ns = bpf_ktime_get_ns() - call->asleep_ns;
	call->asleep_ns = 0;
	if (call->for_io) {
		call->io_ns += asleep_ns;
		call->slept_for_io = 1;
	} else {
		call->blocked_ns += asleep_ns;
	}
}

#endif
