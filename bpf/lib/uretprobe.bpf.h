/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stacks on which uretprobes are live, whoever set them: the kernel has put the address of a trampoline
 * in place of the return address, and keeps the true one in a list, innermost first. A walk meets the
 * frames in the same order, so one pass over the list serves it.
 *
 * The function returns into the trampoline, and that, on x86 since 6.11 (ff474a78cef5), makes a
 * system call which takes the instance off the list. S is the stack pointer behind the return. A
 * sample within the call sees the registers and the stack change in this order:
 *
 *       ip          sp       list      stack, S - 8
 *   1   trampoline  S - 24   has it    rax, pushed    by the list
 *   2   trampoline  S        has it    rax            by the list
 *   3   caller      S        either    rax            as any frame
 *   4   caller      S - 24   has not   rax            24 has to be added: pb_leave_call()
 *   5   trampoline  S - 24   has not   rax            by what the list had last: pb_returned_to()
 *   6   trampoline  S - 24   has not   the caller     by the stack
 *
 * State 4 looks like any frame, and a walk that believes it finds the caller's caller three words
 * too low, where there may be a 0, as at a stack's bottom. What tells is the instance itself: since
 * 6.14 (8622e45b5da1) it waits in a pool to be used again, the last one first. Before, its memory
 * is gone, and the three words at the stack pointer are compared with the registers that they were
 * pushed from. That may be chance, so there the stack pointer counts as unknown: the stack ends
 * there unless a frame pointer goes on.
 *
 * Before a function's first instruction, between the moment the kernel changes the stack and the
 * moment the list says so, a sample cannot tell where it returns to: that stack ends there, as
 * PB_END_BAD_FRAME.
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

/* The kernel has dealt with the instance of @stack; the trampoline is about to return to this. */
static __always_inline __u64 pb_returned_to(const struct pb_walk *w, struct uprobe_task *utask,
					    __u64 at, __u64 stack)
{
	struct return_instance *last;
	__u64 ra = 0;

	bpf_probe_read_user(&ra, sizeof(ra), (void *)stack);
	if (!pb_trampoline_pending(at, &w->regs, ra))
		return ra;
	if (!bpf_core_field_exists(utask->ri_pool))
		return 0;
	last = utask->ri_pool;
	return last && last->stack == stack ? last->orig_ret_vaddr : 0;
}

/* The event hit the trampoline: on to the caller that is being returned to. */
static __always_inline void pb_leave_trampoline(struct pb_walk *w, __u64 at,
						struct uprobe_task *utask,
						struct return_instance *innermost)
{
	__u64 stack = innermost ? innermost->stack : 0, ra;

	if (innermost && !pb_trampoline_done(at, w->regs.sp, stack)) {
		ra = innermost->orig_ret_vaddr;
		w->return_instance = (__u64)innermost->next;
	} else {
		stack = pb_trampoline_return(at, w->regs.sp);
		ra = pb_returned_to(w, utask, at, stack);
	}
	if (pb_is_user_code(ra))
		pb_step_to(w, ra, PB_URETPROBE_SP(stack), w->regs.fp);
}

/* The event hit the kernel, perhaps in state 4 of the trampoline's system call. */
static __always_inline void pb_leave_call(struct pb_walk *w, struct uprobe_task *utask)
{
	__u64 stack = pb_trampoline_return(PB_TRAMPOLINE_CALLED, w->regs.sp);
	struct return_instance *last;

	if (!bpf_core_field_exists(utask->ri_pool)) {
		if (pb_trampoline_pushed(&w->regs))
			w->regs.sp = PB_SP_UNKNOWN;
		return;
	}
	last = utask->ri_pool;
	if (last && last->stack == stack && last->orig_ret_vaddr == w->regs.ip)
		w->regs.sp = PB_URETPROBE_SP(stack);
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
	if (at >= PB_XOL_PAGE) {
		if (PB_TRAMPOLINE_CALLS && w->rec.in_kernel)
			pb_leave_call(w, utask);
		return;
	}
	/* An instruction that is executed out of its place; if it is done, the address is behind it already. */
	if (at >= PB_XOL_SLOT)
		w->regs.ip = utask->vaddr + at % PB_XOL_SLOT;
	else
		pb_leave_trampoline(w, at, utask, innermost);
}

#endif
