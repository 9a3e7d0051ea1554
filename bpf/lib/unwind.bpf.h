/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Walk a user stack: registers in, frames and an end reason out.
 *
 *   address --> which mapping? --> one with a table, and a rule there --> step by rule
 *                     |         \-> one without (JIT code, assembly)  --> step by frame pointer
 *                     \-> none: the walk ends, and the user half is told to look again
 *
 * An address that an event hit is looked up as it is, a return address one byte before: the call may be
 * the last instruction of its function.
 *
 * One bpf_loop() (5.17, commit e6f2dd0f8067) over frames: a plain loop of this depth does not pass
 * the verifier, and with bpf_loop the depth costs it nothing. The searches inside are plain loops.
 */
#ifndef PB_LIB_UNWIND_BPF_H
#define PB_LIB_UNWIND_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/process.bpf.h"
#include "bpf/lib/stackhash.bpf.h"
#include "bpf/lib/step_fp.bpf.h"
#include "bpf/lib/step_rule.bpf.h"
#include "bpf/lib/uretprobe.bpf.h"
#include "bpf/lib/walk.bpf.h"

/* The rule for the frame at w->regs; NULL if none covers it. w->mapping holds its address. */
static __always_inline const struct pb_unwind_rule *pb_find_rule(struct pb_walk *w)
{
	const struct pb_unwind_rule *rule;
	__u32 key;

	if (w->mode == PB_UNWIND_FP)
		return NULL;
	key = pb_find_row(w, w->regs.ip - w->is_return);
	rule = bpf_map_lookup_elem(&rules, &key);
	return rule && rule->cfa != PB_CFA_NONE ? rule : NULL;
}

static long pb_walk_round(__u32 round, void *context)
{
	struct pb_walk *w = ((struct pb_walk_context *)context)->walk;
	const struct pb_unwind_rule *rule;
	__u64 frame = w->regs.ip;
	__u32 at = w->at;
	bool known;

	if (w->depth >= w->max_depth || at >= PB_FRAMES_MAX) {
		w->end = PB_END_DEPTH;
		return 1;
	}
	known = w->mode == PB_UNWIND_FP || pb_find_mapping(w, w->regs.ip - w->is_return);
	if (!known && w->fp_steps) {
		/* No code: what led here was not a frame pointer, and this is not a frame. */
		w->end = w->fp_steps > 1 ? PB_END_BAD_FP : PB_END_NO_FP;
		return 1;
	}
	if (w->depth && !w->is_return)
		frame |= PB_FRAME_INTERRUPTED;
	if (!known && w->in_doubt) {
		w->end = PB_END_BAD_FRAME;
		return 1;
	}
	w->rec.frames[at] = frame;
	w->hash = pb_stack_hash_add(w->hash, frame);
	w->at = at + 1;
	w->depth++;
	if (!known) {
		w->end = w->process.n ? PB_END_NO_MAPPING : PB_END_NO_PROCESS;
		return 1;
	}
	rule = pb_find_rule(w);
	if (rule)
		w->end = pb_step_rule(w, rule);
	else if (w->mode == PB_UNWIND_EH)
		w->end = PB_END_NO_RULE;
	else
		w->end = pb_step_fp(w);
	return w->end != PB_END_NOT_WALKED;
}

/*
 * The tables that a walk reads are not replaced before PB_UNWIND_GRACE_NS. One that was preempted
 * for longer may have read others in their place, so nothing of it is kept but the frame that the
 * event hit. Reading the clock once more costs some 50 ns, which samples are spared: nothing but
 * other interrupts, or a hypervisor, holds those up.
 */
static __always_inline void pb_check_time(struct pb_walk *w)
{
	if (!w->began_ns || w->mode == PB_UNWIND_FP || !w->depth ||
	    bpf_ktime_get_ns() - w->began_ns <= PB_UNWIND_WALK_MAX_NS)
		return;
	w->depth = 1;
	w->end = PB_END_INTERRUPTED;
}

/*
 * Append the user stack that starts at w->regs to w->rec.frames, from w->at on. w->end tells how it ended.
 * @at_return: the event is a function's return, so the first address is already one to return to
 * Context: any that may call bpf_probe_read_user(); NMI included.
 */
static __always_inline void pb_walk_user(struct pb_walk *w, struct task_struct *task,
					 bool at_return)
{
	struct pb_walk_context context = {.walk = w};

	w->is_return = at_return;
	w->in_doubt = 0;
	w->fp_steps = 0;
	w->mapping.size = 0;
	if (w->mode == PB_UNWIND_FP || !pb_find_process(task, &w->process))
		w->process.n = 0;
	pb_uretprobe_begin(w, task);
	bpf_loop(PB_USER_FRAMES_MAX + 1, pb_walk_round, &context, 0);
	if (w->end == PB_END_NO_MAPPING || w->end == PB_END_NO_PROCESS)
		pb_miss(task->tgid, w->regs.ip);
	pb_check_time(w);
}

#endif
