/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * allocsites, kernel half: which call paths allocate, keep and churn memory?
 *
 * Uprobes on the functions of an allocator, in the measured processes only, call what lies in
 * bpf/lib/calls.bpf.h. There are three ways to attach them, and each kernel uses the best it has:
 *
 *   session  one program for both ends of a call, which decides at the beginning whether there is to be a
 *            trap at the end (6.13, d920179b3d48): most calls cost one trap
 *   multi    one link for many probes (6.6, 89ae89f53d20); both ends are always hit
 *   perf     one perf event for each probe (4.3)
 *
 * Growth mode probes no allocator: it takes a stack at each page fault that gives a process new memory.
 *
 * Kernel floor: 6.1, as for the shared capture.
 */
#include "bpf/abi/allocsites.h"

#define PB_COUNTS_VALUE struct pb_site
#define PB_COUNTS_FLAGS BPF_F_NO_PREALLOC /* no interrupt counts here, and a site is large */

#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/calls.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/fault.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/helpers.bpf.h"

const volatile struct pb_allocsites_cfg cfg;
const volatile struct pb_alloc_tables tables;

#include "bpf/lib/follow.bpf.h"

static __always_inline void begin(struct pb_call *c, struct pt_regs *ctx)
{
	c->ctx = ctx;
	c->cfg = &cfg;
	c->tables = &tables;
	c->task = bpf_get_current_task_btf();
	c->cookie = bpf_get_attach_cookie(ctx);
}

/* Return: 1 to leave the return alone, which only the beginning's answer decides. */
SEC("?uprobe")
int on_session(struct pt_regs *ctx)
{
	struct pb_call c = {};

	begin(&c, ctx);
	/* At the end the address is where the call returned to. No kfunc for this: its arguments differ
	 * between kernels. */
	if (pb_ctx_ip(ctx) != bpf_get_func_ip(ctx)) {
		pb_call_return(&c);
		return 0;
	}
	return !pb_call_enter(&c) || pb_record_early(&c);
}

SEC("?uprobe")
int on_enter(struct pt_regs *ctx)
{
	struct pb_call c = {};

	begin(&c, ctx);
	if (pb_call_enter(&c))
		pb_record_early(&c);
	return 0;
}

SEC("?uretprobe")
int on_return(struct pt_regs *ctx)
{
	struct pb_call c = {};

	begin(&c, ctx);
	pb_call_return(&c);
	return 0;
}

SEC("?tp_btf/page_fault_user")
int BPF_PROG(on_fault_user, unsigned long address, struct pt_regs *regs, unsigned long error_code)
{
	pb_handle_fault(ctx, &cfg, address, error_code, regs);
	return 0;
}

/* The kernel touches new memory on a process' behalf, as read() does that fills a fresh buffer. */
SEC("?tp_btf/page_fault_kernel")
int BPF_PROG(on_fault_kernel, unsigned long address, struct pt_regs *regs, unsigned long error_code)
{
	pb_handle_fault(ctx, &cfg, address, error_code, NULL);
	return 0;
}

/* How often are the functions called? */
SEC("?uprobe")
int on_measure(struct pt_regs *ctx)
{
	struct pb_alloc_tally *tally = pb_alloc_tally();
	__u64 cookie = bpf_get_attach_cookie(ctx);

	if (!tally)
		return 0;
	if (cookie & PB_COOKIE_STEPPED)
		pb_count(&tally->measured_stepped);
	if (PB_COOKIE_CALL(cookie) == PB_CALL_FREE)
		pb_count(&tally->measured_frees);
	else
		pb_count(&tally->measured);
	return 0;
}

/* Measures what a probe costs that does nothing, on a function of the tool's own. */
SEC("?uprobe")
int on_nothing(struct pt_regs *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
