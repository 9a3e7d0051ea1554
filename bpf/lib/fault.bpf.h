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

/*
 * Memory of a process that was seen to have no file behind it. The fault is reported with interrupts off, and there
 * bpf_find_vma() gives its lock back by an interrupt to its own CPU, which costs a virtual machine some 15 us: six
 * times what all else costs. So the answer is kept for a while.
 */
struct pb_anonymous {
	__u64 start, end;
	__u32 tgid;
	__u32 left; /* faults that it still answers for: the process may have put a file there */
};

#define PB_ANONYMOUS_SLOTS  64
#define PB_ANONYMOUS_SHIFT  20 /* bytes of memory to a slot */
#define PB_ANONYMOUS_FAULTS 64

/* Megabyte of an address, low bits -> where the last fault in there was. This CPU's alone, written here. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PB_ANONYMOUS_SLOTS);
	__type(key, __u32);
	__type(value, struct pb_anonymous);
} anonymous SEC(".maps");

static long pb_look_at_vma(struct task_struct *task, struct vm_area_struct *vma, void *context)
{
	struct pb_anonymous *found = context;

	if (vma->vm_file)
		return 0;
	found->start = vma->vm_start;
	found->end = vma->vm_end;
	return 0;
}

/* Return: 1; 0: there is a file behind it; -PB_ENOENT: nothing is there; -PB_EBUSY: the process is changing its
 * mappings. */
static __always_inline long pb_is_anonymous(struct task_struct *task, __u64 addr)
{
	struct pb_anonymous found = {.tgid = task->tgid, .left = PB_ANONYMOUS_FAULTS};
	__u32 slot = (addr >> PB_ANONYMOUS_SHIFT) % PB_ANONYMOUS_SLOTS;
	struct pb_anonymous *known = bpf_map_lookup_elem(&anonymous, &slot);
	long err;

	if (known && known->tgid == found.tgid && addr >= known->start && addr < known->end &&
	    known->left) {
		known->left--;
		return 1;
	}
	/* 5.17, 7c7e3d31e785. */
	err = bpf_find_vma(task, addr, pb_look_at_vma, &found, 0);
	if (err)
		return err;
	if (!found.end)
		return 0;
	if (known)
		*known = found;
	return 1;
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
	long is_anonymous;

	if (!tally || error_code & PB_FAULT_PRESENT || addr >= PB_USER_ADDR_LIMIT)
		return;
	if (!pb_filter(&cfg->capture, task))
		return;
	if (regs)
		pb_read_pt_regs(&event, regs);
	event.weight = cfg->page_bytes;
	is_anonymous = pb_is_anonymous(task, addr);
	if (is_anonymous == -PB_EBUSY) {
		pb_count(&tally->produced);
		pb_lose(tally, PB_LOSS_MAPPINGS_BUSY);
		return;
	}
	/* A stack grows by a fault just below it, where nothing is mapped yet. */
	if (is_anonymous == -PB_ENOENT)
		is_anonymous = regs && addr + PB_FAULT_STACK_MAX >= event.regs.sp;
	if (!is_anonymous)
		return;
	count = pb_capture(ctx, &cfg->capture, PB_SCRATCH_TASK, task, &event, tally, &key);
	if (count)
		__sync_fetch_and_add(&((struct pb_site *)count)->objects, 1);
}

#endif
