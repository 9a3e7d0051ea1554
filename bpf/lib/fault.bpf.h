/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Growth: a process is given memory when it first touches a page, whatever allocator it has.
 *
 * A page fault is such a touch if the page was not there, and the memory has no file behind it. Memory that was
 * swapped out and comes back looks the same.
 */
#ifndef PB_LIB_FAULT_BPF_H
#define PB_LIB_FAULT_BPF_H

#include "bpf/abi/allocsites.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"

#define PB_FAULT_PRESENT   1 /* X86_PF_PROT, arch/x86/include/asm/trap_pf.h: the page is there */
#define PB_ENOENT          2
#define PB_FAULT_STACK_MAX 65536 /* bytes below the stack pointer that a frame may touch first */

static long pb_look_at_vma(struct task_struct *task, struct vm_area_struct *vma, void *context)
{
	*(bool *)context = !vma->vm_file;
	return 0;
}

/* @regs: where user code was, or NULL: in the kernel, and a copy_from_user() or its like faulted. */
static __always_inline void pb_handle_fault(void *ctx, const volatile struct pb_allocsites_cfg *cfg,
					    __u64 addr, __u64 error_code, struct pt_regs *regs)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_tally *tally = pb_tally();
	struct pb_event event = {.weight = cfg->page_bytes, .in_kernel = !regs};
	struct pb_stack_key key = {};
	struct pb_stack_count *count;
	bool is_anonymous = false;
	long err;

	if (!tally || error_code & PB_FAULT_PRESENT || addr >= PB_USER_ADDR_LIMIT)
		return;
	if (!pb_filter(&cfg->capture, task))
		return;
	if (regs)
		pb_read_pt_regs(&event, regs);
	event.weight = cfg->page_bytes;
	/* 5.17, 7c7e3d31e785. */
	err = bpf_find_vma(task, addr, pb_look_at_vma, &is_anonymous, 0);
	if (err == -PB_EBUSY) {
		pb_count(&tally->produced);
		pb_lose(tally, PB_LOSS_MAPPINGS_BUSY);
		return;
	}
	/* A stack grows by a fault just below it, where nothing is mapped yet. */
	if (err == -PB_ENOENT && regs)
		is_anonymous = addr + PB_FAULT_STACK_MAX >= event.regs.sp;
	if (!is_anonymous)
		return;
	count = pb_capture(ctx, &cfg->capture, PB_SCRATCH_TASK, task, &event, tally, &key);
	if (count)
		__sync_fetch_and_add(&((struct pb_site *)count)->objects, 1);
}

#endif
