/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The state of one walk over a user stack, which its steps share. */
#ifndef PB_LIB_WALK_BPF_H
#define PB_LIB_WALK_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/arch.bpf.h"

/*
 * For a stack pointer that is not known. No frame can lie there, so what is found by it ends the
 * walk, and what is found by the frame pointer goes on.
 */
#define PB_SP_UNKNOWN 1

/*
 * It lives in a map (the scratch), not on the BPF stack: there the verifier would follow the value of each
 * counter from round to round and never find two rounds alike.
 */
struct pb_walk {
	struct pb_regs regs; /* of the frame to visit next */
	__u64 began_ns; /* CLOCK_MONOTONIC, before the first look into the tables; 0: not preemptible */
	__u64 hash;
	__u32 at;    /* index in rec.frames of the next frame */
	__u32 depth; /* user frames so far */
	__u32 max_depth;
	__u32 end;       /* enum pb_walk_end once the walk is over */
	__u32 mode;      /* enum pb_unwind_mode */
	__u32 is_return; /* 1: regs.ip is a return address, so the call lies before it */
	__u32 fp_steps;  /* steps by frame pointers in a row, up to regs */
	__u32 in_doubt; /* 1: a register led to regs.ip, and may not have lasted; code must lie there */

	/* Bounds of a search in the tables. Volatile, so that they are read from here at each step: from 6.19
	 * on the verifier follows registers so closely that it would not see an end of it. */
	volatile __u32 low, high;

	/* of the process; nothing of this is used where frame pointers are all */
	struct pb_unwind_process process;
	struct pb_unwind_mapping mapping; /* where the last address was; size 0: none yet */
	__u64 trampoline;      /* uretprobes make functions return there; 0: none are live */
	__u64 return_instance; /* kernel address of the innermost one not met yet */

	struct pb_stack_record rec;
};

/* bpf_loop() takes its context from the BPF stack only. */
struct pb_walk_context {
	struct pb_walk *walk;
};

/* Can code lie there? The first page is never mapped. */
static __always_inline bool pb_is_user_code(__u64 addr)
{
	return addr >= 4096 && addr < PB_USER_ADDR_LIMIT;
}

/* On to the caller. */
static __always_inline void pb_step_to(struct pb_walk *w, __u64 ip, __u64 sp, __u64 fp)
{
	w->regs.ip = ip;
	w->regs.sp = sp;
	w->regs.fp = fp;
	w->is_return = 1;
	w->in_doubt = 0;
}

#endif
