/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Walk a user stack: registers in, frames and an end reason out.
 *
 * One bpf_loop() (5.17, commit e6f2dd0f8067) over frames: a plain loop of this depth does not pass
 * the verifier, and with bpf_loop the depth costs it nothing. Each round takes one step from the
 * registers of a frame to those of its caller; how a step is found is the business of pb_step_*().
 *
 *   frame pointer chain:      fp -> | caller's fp | return address | ... caller's frame ...
 *                                       |
 *                                       v
 *                                     | its caller's fp | return address |
 */
#ifndef PB_LIB_UNWIND_BPF_H
#define PB_LIB_UNWIND_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/stackhash.bpf.h"

/*
 * State of one walk. It lives in a map (the scratch), not on the BPF stack: there the verifier would
 * follow the value of each counter from round to round and never find two rounds alike.
 */
struct pb_walk {
	struct pb_regs regs; /* of the frame to visit next */
	__u64 hash;
	__u32 at;    /* index in rec.frames of the next frame */
	__u32 depth; /* user frames so far */
	__u32 max_depth;
	__u32 end; /* enum pb_walk_end once the walk is over */
	struct pb_stack_record rec;
};

/* bpf_loop() takes its context from the BPF stack only. */
struct pb_walk_context {
	struct pb_walk *walk;
};

/* One step by frame pointer. Return: PB_END_NOT_WALKED to go on, else why the walk is over. */
static __always_inline enum pb_walk_end pb_step_fp(struct pb_walk *w)
{
	struct {
		__u64 fp;
		__u64 ra;
	} saved = {};
	__u64 fp = w->regs.fp;
	bool first = w->depth == 1;

	if (!fp && !first)
		return PB_END_BOTTOM;
	/* The stack grows down: a caller's frame lies above, and not below the stack pointer. */
	if (fp < w->regs.sp || fp & 7 || fp >= PB_USER_ADDR_LIMIT)
		return first ? PB_END_NO_FP : PB_END_BAD_FP;
	if (bpf_probe_read_user(&saved, sizeof(saved), (void *)fp))
		return first ? PB_END_NO_FP : PB_END_UNREADABLE;
	saved.ra = PB_RETURN_ADDR(saved.ra);
	if (!saved.ra)
		return PB_END_BOTTOM;
	if (saved.ra < 4096 || saved.ra >= PB_USER_ADDR_LIMIT)
		return first ? PB_END_NO_FP : PB_END_BAD_FP;
	w->regs.ip = saved.ra;
	w->regs.sp = fp + sizeof(saved);
	w->regs.fp = saved.fp;
	return PB_END_NOT_WALKED;
}

static long pb_walk_round(__u32 round, void *context)
{
	struct pb_walk *w = ((struct pb_walk_context *)context)->walk;
	__u32 at = w->at;

	if (w->depth >= w->max_depth || at >= PB_FRAMES_MAX) {
		w->end = PB_END_DEPTH;
		return 1;
	}
	w->rec.frames[at] = w->regs.ip;
	w->hash = pb_stack_hash_add(w->hash, w->regs.ip);
	w->at = at + 1;
	w->depth++;
	w->end = pb_step_fp(w);
	return w->end != PB_END_NOT_WALKED;
}

/*
 * Append the user stack that starts at w->regs to w->rec.frames, from w->at on. w->end tells how it ended.
 * Context: any that may call bpf_probe_read_user(); NMI included.
 */
static __always_inline void pb_walk_user(struct pb_walk *w)
{
	struct pb_walk_context context = {.walk = w};

	bpf_loop(PB_USER_FRAMES_MAX + 1, pb_walk_round, &context, 0);
}

#endif
