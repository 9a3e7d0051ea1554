/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stacks on which uretprobes are live, whoever set them: the kernel has put the address of a trampoline
 * in place of the return address, and keeps the true one in a list, innermost first. A walk meets the
 * frames in the same order, so one pass over the list serves it.
 *
 * Between the moment the kernel changes the stack and the moment the list says so, a sample cannot tell
 * (a few instructions; that stack ends there).
 */
#ifndef PB_LIB_URETPROBE_BPF_H
#define PB_LIB_URETPROBE_BPF_H

#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/walk.bpf.h"

/* Instances without a frame (longjmp) that one step will pass over. */
#define PB_URETPROBE_NESTED 16
/* Where trampoline and slots lie; the trampoline is the first slot. */
#define PB_XOL_PAGE         4096

/* The original return address that stood at @stack; 0 if the kernel knows of none. */
static __always_inline __u64 pb_uretprobe_resolve(struct pb_walk *w, __u64 stack)
{
	struct return_instance *instance;
	__u64 original;
	int i;

	for (i = 0; i < PB_URETPROBE_NESTED; i++) {
		instance = (struct return_instance *)w->return_instance;
		if (!instance)
			return 0;
		if (BPF_CORE_READ(instance, stack) > stack)
			return 0;
		w->return_instance = (__u64)BPF_CORE_READ(instance, next);
		original = BPF_CORE_READ(instance, orig_ret_vaddr);
		if (BPF_CORE_READ(instance, stack) == stack)
			return original;
	}
	return 0;
}

/* The event hit the trampoline: on to the caller that is being returned to. */
static __always_inline void pb_leave_trampoline(struct pb_walk *w, __u64 at,
						struct return_instance *innermost)
{
	__u64 stack = innermost ? innermost->stack : 0, ra = 0;

	if (innermost && !pb_trampoline_done(at, w->regs.sp, stack)) {
		ra = innermost->orig_ret_vaddr;
		w->return_instance = (__u64)innermost->next;
	} else {
		stack = pb_trampoline_return(at, w->regs.sp);
		bpf_probe_read_user(&ra, sizeof(ra), (void *)stack);
	}
	if (pb_is_user_code(ra))
		pb_step_to(w, ra, PB_URETPROBE_SP(stack), w->regs.fp);
}

/*
 * Learn about uretprobes of the current task. If the event hit the page of the trampoline itself, go to
 * where that code stands for.
 */
static __always_inline void pb_uretprobe_begin(struct pb_walk *w, struct task_struct *task)
{
	struct return_instance *innermost;
	struct uprobe_task *utask;
	struct xol_area *area;
	__u64 at;

	w->trampoline = 0;
	if (!bpf_core_field_exists(task->utask))
		return;
	utask = task->utask;
	area = task->mm->uprobes_state.xol_area;
	if (!utask || !area)
		return;
	innermost = utask->return_instances;
	w->trampoline = area->vaddr;
	w->return_instance = (__u64)innermost;
	at = w->regs.ip - w->trampoline;
	if (at >= PB_XOL_PAGE)
		return;
	/* An instruction that is executed out of its place; if it is done, the address is behind it already. */
	if (at >= PB_XOL_SLOT)
		w->regs.ip = utask->vaddr + at % PB_XOL_SLOT;
	else
		pb_leave_trampoline(w, at, innermost);
}

#endif
