/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of a task that are alike on every architecture. */
#ifndef PB_VMLINUX_TASK_H
#define PB_VMLINUX_TASK_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

/* The page where uprobes execute what they replaced, and where functions under a uretprobe return to. */
struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct file;
struct files_struct;

/* A stretch of a process' memory. */
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct file *vm_file; /* NULL: memory of its own, heap and stack among it */
};

struct mm_struct {
	struct uprobes_state uprobes_state; /* empty without CONFIG_UPROBES */
};

/* A function under a uretprobe that has not returned yet. */
struct return_instance {
	unsigned long stack;          /* stack pointer at its entry */
	unsigned long orig_ret_vaddr; /* where it returns to in truth */
	struct return_instance *next; /* the one it was called under */
};

struct uprobe_task {
	unsigned long vaddr; /* of the instruction that is executed elsewhere */
	struct return_instance *return_instances;
	struct return_instance *ri_pool; /* done with, last first; since 6.14 (8622e45b5da1) */
};

struct rlimit {
	unsigned long rlim_cur;
	unsigned long rlim_max;
};

struct signal_struct {
	atomic_t live; /* threads that have not exited yet */
	struct rlimit rlim[16];
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
	struct uprobe_task *utask; /* only with CONFIG_UPROBES */
	struct files_struct *files;
	unsigned in_iowait : 1; /* asleep until I/O is done: io_schedule() */
};

#pragma clang attribute pop

#endif
