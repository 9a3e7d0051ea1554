/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The programs that keep the set of targets true while it is measured: children join it at fork, a
 * command joins it at exec, and tasks leave it when the kernel frees them. What is known of their
 * memory goes the same way (process.bpf.h).
 *
 * Include it once in a .bpf.c, behind the declaration of `cfg`. The session loads those that the
 * target needs.
 */
#ifndef PB_LIB_FOLLOW_BPF_H
#define PB_LIB_FOLLOW_BPF_H

#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/process.bpf.h"

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	if (cfg.capture.scope == PB_SCOPE_PROCESS)
		pb_follow_fork(parent, child);
	if (cfg.capture.user_stacks && cfg.capture.unwind != PB_UNWIND_FP)
		pb_unwind_fork(&cfg.capture, parent, child);
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	pb_start_at_exec(task);
	if (cfg.capture.user_stacks && cfg.capture.unwind != PB_UNWIND_FP)
		pb_unwind_exec(&cfg.capture, task);
	return 0;
}

SEC("?tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	if (cfg.capture.scope == PB_SCOPE_PROCESS || cfg.capture.scope == PB_SCOPE_THREAD)
		pb_forget(&cfg.capture, task);
	if (cfg.capture.user_stacks && cfg.capture.unwind != PB_UNWIND_FP)
		pb_unwind_free(task);
	return 0;
}

#endif
