/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * cpuflame, kernel half: where does the CPU time go?
 *
 * One perf event per CPU (cpu-clock, or a hardware counter) runs on_sample() on whatever the CPU is
 * doing. The filter decides whether the current task counts; fork, exec and free keep the set of
 * followed processes exact without a perf event per process. All else is the shared capture.
 *
 * Kernel floor: 6.1 (hashes whose elements come and go, in a perf event program: "bpf: Remove tracing program
 * restriction on map types"), and BTF for CO-RE and the scheduler tracepoints.
 */
#include "bpf/abi/cpuflame.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"

const volatile struct pb_cpuflame_cfg cfg;

#include "bpf/lib/follow.bpf.h"

SEC("perf_event")
int on_sample(struct pb_perf_ctx *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pb_tally *tally = pb_tally();
	struct pb_stack_key key = {};
	struct pb_event event = {};

	pb_read_context(&event, ctx);
	if (!tally)
		return 0;
	pb_count(&tally->ticks);
	if (!pb_filter(&cfg.capture, task))
		return 0;
	pb_capture(ctx, &cfg.capture, PB_SCRATCH_INTERRUPT, task, &event, tally, &key);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
