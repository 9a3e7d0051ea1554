/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One step of a walk by frame pointer.
 *
 *   fp -> | caller's fp | return address | ... caller's frame ...
 *             |
 *             v
 *           | its caller's fp | return address |
 */
#ifndef PB_LIB_STEP_FP_BPF_H
#define PB_LIB_STEP_FP_BPF_H

#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/uretprobe.bpf.h"
#include "bpf/lib/walk.bpf.h"

/* A chain that breaks at its first link was none: that code keeps no frame pointers. */
static __always_inline enum pb_walk_end pb_fp_broken(const struct pb_walk *w)
{
	return w->fp_steps ? PB_END_BAD_FP : PB_END_NO_FP;
}

/* Return: PB_END_NOT_WALKED to go on, else why the walk is over. */
static __always_inline enum pb_walk_end pb_step_fp(struct pb_walk *w)
{
	struct {
		__u64 fp;
		__u64 ra;
	} saved = {};
	__u64 fp = w->regs.fp;

	if (!fp && w->fp_steps)
		return PB_END_BOTTOM;
	/* The stack grows down: a caller's frame lies above, and not below the stack pointer. */
	if (fp < w->regs.sp || fp & 7 || fp >= PB_USER_ADDR_LIMIT)
		return pb_fp_broken(w);
	if (bpf_probe_read_user(&saved, sizeof(saved), (void *)fp))
		return w->fp_steps ? PB_END_UNREADABLE : PB_END_NO_FP;
	if (saved.ra && saved.ra == w->trampoline)
		saved.ra = pb_uretprobe_resolve(w, PB_URETPROBE_SLOT(fp + sizeof(saved))) ?: 1;
	saved.ra = PB_RETURN_ADDR(saved.ra);
	if (!saved.ra)
		return PB_END_BOTTOM;
	if (!pb_is_user_code(saved.ra))
		return pb_fp_broken(w);
	pb_step_to(w, saved.ra, fp + sizeof(saved), saved.fp);
	w->fp_steps++;
	return PB_END_NOT_WALKED;
}

#endif
