/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of a task that are alike on every architecture. */
#ifndef PB_VMLINUX_TASK_H
#define PB_VMLINUX_TASK_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct mm_struct;

struct signal_struct {
	atomic_t live; /* threads that have not exited yet */
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	__u64 start_boottime; /* nanoseconds, CLOCK_BOOTTIME; since 5.5 (cf25e24db61c) */
	__u64 self_exec_id;
};

#pragma clang attribute pop

#endif
