/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who caused an I/O: its group, found when it is handed to the block layer.
 *
 * Mostly that is whoever runs then, and its stack says why. What the kernel writes back by itself is charged to
 * whoever was last seen to dirty the file (dirtiers), and a flush of a device's cache, which is a request without a
 * bio, to whoever last asked for one (flushers). Where nobody was seen, the kernel thread stays, and the report says
 * what share that is.
 */
#ifndef PB_LIB_IOOWNER_BPF_H
#define PB_LIB_IOOWNER_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/iofile.bpf.h"
#include "bpf/lib/iogroup.bpf.h"

/* A thread that dirties one file all the time is looked at so often. */
#define PB_DIRTY_AGAIN_NS 100000000ull

struct pb_io_dirtier {
	struct pb_stack_key stack;
	__u64 time_ns;
	__u64 cgroup;
	__u32 tid;
	__u32 pad; /* always 0 */
};

struct pb_io_inode_key {
	__u64 ino; /* 0: a block device, whose number fs is */
	__u32 fs;
	__u32 pad; /* always 0 */
};

/* File -> who dirtied it last. Written here; an entry that nobody asked for longest goes first. The user half sizes
 * it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct pb_io_inode_key);
	__type(value, struct pb_io_dirtier);
} dirtiers SEC(".maps");

struct pb_io_flusher {
	struct pb_stack_key stack;
	struct pb_io_leaf leaf;
	__u32 tid;
	__u32 pad; /* always 0 */
};

/* Disk -> who last asked for its cache to be flushed. Written here only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct pb_io_flusher);
} flushers SEC(".maps");

/* Who, and what of. */
struct pb_io_whose {
	struct pb_stack_key stack;
	struct pb_io_leaf leaf;
	__u32 tid;
	__u32 lost; /* 1 + enum pb_loss; 0: not */
};

static __always_inline __u64 pb_io_cgroup(const volatile struct pb_iolatency_cfg *cfg)
{
	return cfg->by_cgroup ? bpf_get_current_cgroup_id() : 0;
}

/* Events all alike; on the BPF stack they would take 176 bytes of the 512 that a program has before 6.13, of which a
 * walk needs 192. Never written. */
static const struct pb_event pb_io_event_whole = {.in_kernel = true};
static const struct pb_event pb_io_event_user = {.in_kernel = true, .user_only = true};

/* The current task's stack. Return: whether whose->stack was set; else why it is lost is. */
static __always_inline bool pb_io_take_stack(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					     struct task_struct *task, bool user_only,
					     struct pb_io_whose *whose)
{
	const struct pb_event *event = user_only ? &pb_io_event_user : &pb_io_event_whole;
	enum pb_loss lost = PB_LOSS_MAP_FULL;

	whose->tid = task->pid;
	if (pb_capture_stack(ctx, &cfg->capture, PB_SCRATCH_TASK, task, event, &whose->stack,
			     &lost))
		return true;
	whose->lost = 1 + lost;
	return false;
}

/* Of what a kernel thread writes back: whoever dirtied the file, if it was seen. */
static __always_inline bool pb_io_find_dirtier(struct pb_io_whose *whose)
{
	struct pb_io_inode_key key = {.ino = whose->leaf.ino, .fs = whose->leaf.fs};
	struct pb_io_dirtier *dirtier;

	if (!key.fs || (whose->leaf.op != PB_IO_WRITE && whose->leaf.op != PB_IO_ZEROES))
		return false;
	dirtier = bpf_map_lookup_elem(&dirtiers, &key);
	if (!dirtier)
		return false;
	whose->stack = dirtier->stack;
	whose->tid = dirtier->tid;
	whose->leaf.cgroup = dirtier->cgroup;
	whose->leaf.owner = PB_IO_OWNER_DIRTIER;
	return true;
}

/*
 * The owner of a bio that the current task submits.
 * @whose: its leaf has disk, op and flags
 *
 * Return: whether it is to be measured.
 */
static __always_inline bool pb_io_find_owner(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					     struct bio *bio, struct pb_io_whose *whose)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool is_kernel = task->flags & PB_PF_KTHREAD;

	pb_io_bio_file(cfg, &whose->leaf, bio);
	if (is_kernel && pb_io_find_dirtier(whose))
		return true;
	if (!pb_filter(&cfg->capture, task))
		return false;
	whose->leaf.owner = is_kernel ? PB_IO_OWNER_KERNEL : PB_IO_OWNER_SUBMITTER;
	whose->leaf.cgroup = pb_io_cgroup(cfg);
	pb_io_take_stack(ctx, cfg, task, false, whose);
	return true;
}

/* A folio of a file becomes dirty. */
static __always_inline void pb_io_dirty(void *ctx, const volatile struct pb_iolatency_cfg *cfg,
					struct address_space *mapping)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_io_tally *tally = pb_io_tally();
	struct pb_io_dirtier *known, fresh = {.tid = task->pid};
	struct pb_io_whose whose = {};
	struct pb_io_inode_key key = {};
	struct inode *inode;

	if (!mapping || !tally || task->flags & PB_PF_KTHREAD)
		return;
	inode = BPF_CORE_READ(mapping, host);
	pb_io_inode(&whose.leaf, inode);
	if (!whose.leaf.fs)
		return;
	pb_count(&tally->dirtied);
	key.ino = whose.leaf.ino;
	key.fs = whose.leaf.fs;
	fresh.time_ns = bpf_ktime_get_ns();
	known = bpf_map_lookup_elem(&dirtiers, &key);
	if (known && known->tid == fresh.tid && fresh.time_ns - known->time_ns < PB_DIRTY_AGAIN_NS)
		return;
	if (!pb_filter(&cfg->capture, task)) {
		if (known) /* it is somebody else's now */
			bpf_map_delete_elem(&dirtiers, &key);
		return;
	}
	if (!pb_io_take_stack(ctx, cfg, task, false, &whose))
		return;
	fresh.stack = whose.stack;
	fresh.cgroup = pb_io_cgroup(cfg);
	bpf_map_update_elem(&dirtiers, &key, &fresh, BPF_ANY);
	pb_io_offer_path(&whose.leaf, inode, NULL);
}

#endif
