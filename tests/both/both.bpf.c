/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * both, kernel half: two kinds of programs that share one capture, in one object.
 *
 * on_sample() interrupts on_call() in the middle of its walk on the same CPU, many times a second where
 * the probed function is called all the time. Each has a scratch of its own; a stack of which one wrote a part
 * and the other the rest must never come out.
 */
#include "tests/both/both.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"

const volatile struct pb_both_cfg cfg;

#include "bpf/lib/follow.bpf.h"

SEC("perf_event")
int on_sample(struct pb_perf_ctx *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_tally *tally = pb_tally();
	struct pb_stack_key key = {};
	struct pb_event event = {};

	pb_read_context(&event, ctx);
	if (!tally || !pb_filter(&cfg.capture, task))
		return 0;
	pb_capture(ctx, &cfg.capture, PB_SCRATCH_INTERRUPT, task, &event, tally, &key);
	return 0;
}

/* Weighs nothing, so that the sum of weights tells how many of the events were samples. */
SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_tally *tally = pb_tally();
	struct pb_stack_key key = {};
	struct pb_event event = {};

	pb_read_pt_regs(&event, ctx);
	if (!tally || !pb_filter(&cfg.capture, task))
		return 0;
	pb_capture(ctx, &cfg.capture, PB_SCRATCH_TASK, task, &event, tally, &key);
	return 0;
}

/* Is there so that the kernel changes return addresses on the stack. */
SEC("uretprobe")
int on_return(struct pt_regs *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
