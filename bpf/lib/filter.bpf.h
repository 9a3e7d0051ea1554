/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Whose events count, and following the children of those.
 *
 * A target is a pid and a start time, so a reused pid is somebody else. The user half inserts the
 * targets it was asked for with PB_TARGET_UNKNOWN_START, "whoever has this pid now", holding a
 * pidfd to be sure of it; the first event fills the start in. Children are added at fork, before their first
 * instruction, and entries go when the kernel frees the task: later than exit, so that the time a
 * process spends on its own teardown still counts.
 */
#ifndef PB_LIB_FILTER_BPF_H
#define PB_LIB_FILTER_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/tally.bpf.h"

#define PB_TARGETS_MAX 16384

/* Process or thread id -> its start, CLOCK_BOOTTIME, or 0 before the first event. Written by the
 * user half at start and at fork here; deleted here when the task is freed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, PB_TARGETS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} targets SEC(".maps");

/* Slot 0 -> the cgroup of PB_SCOPE_CGROUP. Written by the user half. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} cgroups SEC(".maps");

static __always_inline bool pb_is_target(__u32 id, __u64 start_ns)
{
	__u64 *known = bpf_map_lookup_elem(&targets, &id);

	if (!known)
		return false;
	if (*known != PB_TARGET_UNKNOWN_START)
		return *known == start_ns;
	/* First event of a target that was named by pid. Whoever wins writes the same value. */
	__sync_val_compare_and_swap(known, PB_TARGET_UNKNOWN_START, start_ns);
	return true;
}

/* Does an event of the current task count? */
static __always_inline bool pb_filter(const volatile struct pb_capture_cfg *cfg,
				      struct task_struct *task)
{
	switch (cfg->scope) {
	case PB_SCOPE_ALL:
		return task->tgid && (__u32)task->tgid != cfg->self_tgid;
	case PB_SCOPE_PROCESS:
		return pb_is_target(task->tgid, task->group_leader->start_boottime);
	case PB_SCOPE_THREAD:
		return pb_is_target(task->pid, task->start_boottime);
	case PB_SCOPE_CGROUP:
		return task->tgid && bpf_current_task_under_cgroup(&cgroups, 0) == 1;
	}
	return false;
}

/* sched_process_fork: runs in the parent, before the child is woken. */
static __always_inline int pb_follow_fork(struct task_struct *parent, struct task_struct *child)
{
	__u64 start_ns = child->start_boottime;
	__u32 tgid = child->tgid;
	struct pb_tally *tally;

	if (child->tgid == parent->tgid)
		return 0; /* a thread */
	if (!pb_is_target(parent->tgid, parent->group_leader->start_boottime))
		return 0;
	if (!bpf_map_update_elem(&targets, &tgid, &start_ns, BPF_ANY))
		return 0;
	tally = pb_tally();
	if (tally)
		pb_count(&tally->children_missed);
	return 0;
}

/* sched_process_exec: from here on the process is the command, not the tool's child at its gate. */
static __always_inline int pb_start_at_exec(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	__u64 *known = bpf_map_lookup_elem(&targets, &tgid);

	if (known)
		__sync_val_compare_and_swap(known, PB_TARGET_UNTIL_EXEC,
					    task->group_leader->start_boottime);
	return 0;
}

/* sched_process_free: the task is gone for good. Its group leader may be freed memory already. */
static __always_inline int pb_forget(const volatile struct pb_capture_cfg *cfg,
				     struct task_struct *task)
{
	__u32 id = task->pid;
	__u64 *known;

	if (cfg->scope == PB_SCOPE_PROCESS && task->pid != task->tgid)
		return 0;
	known = bpf_map_lookup_elem(&targets, &id);
	if (known && (*known <= PB_TARGET_UNTIL_EXEC || *known == task->start_boottime))
		bpf_map_delete_elem(&targets, &id);
	return 0;
}

#endif
