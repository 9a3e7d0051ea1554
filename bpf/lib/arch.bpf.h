/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * All that depends on the processor: where registers lie in an event's context and in the pt_regs
 * that the kernel saved when the task entered it. Nothing else in bpf/ names a register.
 */
#ifndef PB_LIB_ARCH_BPF_H
#define PB_LIB_ARCH_BPF_H

#include "bpf/lib/helpers.bpf.h"

/* The registers a walk starts from. */
struct pb_regs {
	__u64 ip;
	__u64 sp;
	__u64 fp;
};

#if defined(__TARGET_ARCH_x86)

/*
 * Context of a perf_event program: uapi struct bpf_perf_event_data, spelled out since the kernel's
 * own pt_regs may differ from the uapi one (FRED made cs a u16 in a union, 6.9), and since only
 * aligned loads of 8 bytes are allowed here.
 */
struct pb_perf_ctx {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	__u64 orig_ax, ip, cs, flags, sp, ss;
	__u64 sample_period;
	__u64 addr;
};

#define PB_X86_CPL_MASK    3            /* privilege level, low bits of cs: 0 in the kernel */
#define PB_X86_USER_CS_32  0x23         /* __USER32_CS */
#define PB_USER_ADDR_LIMIT (1ull << 56) /* five-level paging; canonical user addresses lie below */
#define PB_RETURN_ADDR(ra) (ra)

static __always_inline bool pb_ctx_in_kernel(__u64 cs)
{
	return !(cs & PB_X86_CPL_MASK);
}

#elif defined(__TARGET_ARCH_arm64)

/* uapi struct bpf_perf_event_data with struct user_pt_regs. */
struct pb_perf_ctx {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
	__u64 sample_period;
	__u64 addr;
};

#define PB_ARM64_MODE_MASK 0xf  /* PSR_MODE_MASK: 0 is EL0t, user mode */
#define PB_ARM64_MODE_32   0x10 /* PSR_MODE32_BIT */
#define PB_USER_ADDR_LIMIT (1ull << 52)
/*
 * Code built with -mbranch-protection signs return addresses in the bits above the address. 48 bits
 * are what user code gets unless it asks mmap() for more.
 */
#define PB_RETURN_ADDR(ra) ((ra) & ((1ull << 48) - 1))

#else
#error "no register layout for this architecture"
#endif

/* What a perf_event program learns from its context. */
struct pb_interrupted {
	struct pb_regs regs; /* valid if the event hit user code */
	__u64 period;
	bool in_kernel;
	bool compat; /* 32-bit user code */
};

/*
 * Reads the context once, through a volatile pointer: clang otherwise merges loads into a modified
 * context pointer, which the verifier refuses.
 */
static __always_inline void pb_read_context(struct pb_interrupted *at, struct pb_perf_ctx *context)
{
	volatile struct pb_perf_ctx *ctx = context;

#if defined(__TARGET_ARCH_x86)
	__u64 cs = ctx->cs;

	at->regs.ip = ctx->ip;
	at->regs.sp = ctx->sp;
	at->regs.fp = ctx->bp;
	at->in_kernel = pb_ctx_in_kernel(cs);
	at->compat = cs == PB_X86_USER_CS_32;
#else
	__u64 pstate = ctx->pstate;

	at->regs.ip = ctx->pc;
	at->regs.sp = ctx->sp;
	at->regs.fp = ctx->regs[29];
	at->in_kernel = pstate & PB_ARM64_MODE_MASK;
	at->compat = pstate & PB_ARM64_MODE_32;
#endif
	at->period = ctx->sample_period;
}

/*
 * User registers of the current task as it entered the kernel. By bpf_task_pt_regs() (5.15, commit
 * dd6e10fbd9fb), never from the stack's size: FRED moved them. Return: false for a 32-bit task.
 */
static __always_inline bool pb_read_user_regs(struct pb_regs *regs, struct task_struct *task)
{
	struct pt_regs *saved = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	/* cs is a u16 inside a union on newer kernels: read by name, two bytes suffice. */
	if ((BPF_CORE_READ(saved, cs) & 0xffff) == PB_X86_USER_CS_32)
		return false;
	regs->ip = BPF_CORE_READ(saved, ip);
	regs->sp = BPF_CORE_READ(saved, sp);
	regs->fp = BPF_CORE_READ(saved, bp);
#else
	if (BPF_CORE_READ(saved, user_regs.pstate) & PB_ARM64_MODE_32)
		return false;
	regs->ip = BPF_CORE_READ(saved, user_regs.pc);
	regs->sp = BPF_CORE_READ(saved, user_regs.sp);
	regs->fp = BPF_CORE_READ(saved, user_regs.regs[29]);
#endif
	return true;
}

#endif
