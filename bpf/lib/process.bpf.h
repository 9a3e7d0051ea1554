/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which mappings are those of the current process, and telling the user half where it knows too little.
 *
 * A walk must never use the mappings of another program. So an entry carries its owner, made of the
 * process' start and its exec id: a reused pid does not match, nor does a process in the middle of an exec.
 * Fork, exec and exit are followed here, at once, since the user half hears of them too late: a child
 * begins with its parent's run, and after an exec the entry says who the process is now and that nothing
 * of its memory is known. The user half fills that in (user/unwind), and leaves the owner as it is.
 */
#ifndef PB_LIB_PROCESS_BPF_H
#define PB_LIB_PROCESS_BPF_H

#include "bpf/abi/unwind.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"

/* Process -> its run of mappings. Written by the user half, and at fork and exec here; deleted here when the
 * kernel frees the process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PB_UNWIND_PROCESSES_MAX);
	__type(key, __u32);
	__type(value, struct pb_unwind_process);
} processes SEC(".maps");

/* Reports of unknown memory. Written here, read by the user half. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
} misses SEC(".maps");

/* Low bits of tgid -> when a process with those last reported a miss. Written here only; a report too
 * many or too few does no harm, so nothing locks it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PB_UNWIND_MISS_SLOTS);
	__type(key, __u32);
	__type(value, __u64);
} missed SEC(".maps");

/* Never 0, which stands for an entry that nobody has claimed yet. @leader: of the process' threads. */
static __always_inline __u64 pb_unwind_owner(struct task_struct *task, struct task_struct *leader)
{
	return (leader->start_boottime ^ task->self_exec_id << 48) | 1ull << 63;
}

/* The first event of a process that is older than the tool. False: the element is another one's by now. */
static __always_inline bool pb_claim(struct pb_unwind_process *p, __u32 tgid, __u64 owner)
{
	__u64 known = __sync_val_compare_and_swap(&p->owner, 0, owner);

	if (known)
		return known == owner;
	if (bpf_map_lookup_elem(&processes, &tgid) == p)
		return true;
	__sync_val_compare_and_swap(&p->owner, owner, 0);
	return false;
}

/*
 * Copy the entry of the process @task belongs to, if it is his. The owner is read again behind the rest, as
 * an atomic operation that nothing is reordered with: an element that was replaced meanwhile may already
 * serve another process.
 */
static __always_inline bool pb_find_process(struct task_struct *task, struct pb_unwind_process *out)
{
	__u64 owner = pb_unwind_owner(task, task->group_leader);
	struct pb_unwind_process *p;
	__u32 tgid = task->tgid;
	__u64 known;

	p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p)
		return false;
	known = *(volatile __u64 *)&p->owner;
	if (known != owner && (known || !pb_claim(p, tgid, owner)))
		return false;
	out->first = *(volatile __u32 *)&p->first;
	out->n = *(volatile __u32 *)&p->n;
	out->owner = owner;
	return __sync_fetch_and_add(&p->owner, 0) == owner;
}

/* Does the user half follow this process? Entries of others would only fill the map. */
static __always_inline bool pb_is_followed(const volatile struct pb_capture_cfg *cfg, __u32 tgid,
					   __u64 start_ns)
{
	/* Of a thread that is a target only the first survives an exec, as the process of that number. */
	if (cfg->scope == PB_SCOPE_PROCESS || cfg->scope == PB_SCOPE_THREAD)
		return pb_is_target(tgid, start_ns);
	return cfg->scope == PB_SCOPE_ALL || cfg->scope == PB_SCOPE_CGROUP;
}

/* sched_process_fork: the child has its parent's memory. A failed insert shows as a miss later. */
static __always_inline int pb_unwind_fork(const volatile struct pb_capture_cfg *cfg,
					  struct task_struct *parent, struct task_struct *child)
{
	struct pb_unwind_process entry = {};
	__u32 tgid = child->tgid;

	if (child->tgid == parent->tgid)
		return 0; /* a thread */
	if (!pb_find_process(parent, &entry)) {
		if (!pb_is_followed(cfg, tgid, child->start_boottime))
			return 0;
		entry.first = 0;
		entry.n = 0;
	}
	entry.owner = pb_unwind_owner(child, child);
	bpf_map_update_elem(&processes, &tgid, &entry, BPF_ANY);
	return 0;
}

/* sched_process_exec: nothing of what was mapped is there any more. */
static __always_inline int pb_unwind_exec(const volatile struct pb_capture_cfg *cfg,
					  struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct pb_unwind_process entry = {.owner = pb_unwind_owner(task, leader)};
	__u32 tgid = task->tgid;

	if (bpf_map_lookup_elem(&processes, &tgid) ||
	    pb_is_followed(cfg, tgid, leader->start_boottime))
		bpf_map_update_elem(&processes, &tgid, &entry, BPF_ANY);
	return 0;
}

/* sched_process_free: by then the pid may be another process', which has an owner of its own. */
static __always_inline int pb_unwind_free(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct pb_unwind_process *p;
	__u64 owner;

	if (task->pid != task->tgid)
		return 0;
	p = bpf_map_lookup_elem(&processes, &tgid);
	if (!p)
		return 0;
	owner = *(volatile __u64 *)&p->owner;
	if (!owner || owner == pb_unwind_owner(task, task))
		bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

/* Ask the user half to look at a process again; now and then, not for each of its events. */
static __always_inline void pb_miss(__u32 tgid, __u64 addr)
{
	struct pb_unwind_miss miss = {.addr = addr, .tgid = tgid};
	__u32 slot = tgid % PB_UNWIND_MISS_SLOTS;
	__u64 *last = bpf_map_lookup_elem(&missed, &slot);
	__u64 now_ns = bpf_ktime_get_ns();

	if (!last || now_ns - *last < PB_UNWIND_MISS_INTERVAL_NS)
		return;
	*last = now_ns;
	bpf_ringbuf_output(&misses, &miss, sizeof(miss), 0);
}

#endif
