/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * All that depends on the processor: where registers lie in an event's context and in the pt_regs
 * that the kernel saved when the task entered it. Nothing else in bpf/ names a register.
 */
#ifndef PB_LIB_ARCH_BPF_H
#define PB_LIB_ARCH_BPF_H

#include "bpf/lib/helpers.bpf.h"

#if defined(__TARGET_ARCH_x86)
#define PB_GPRS 16
#elif defined(__TARGET_ARCH_arm64)
#define PB_GPRS 32
#else
#error "no register layout for this architecture"
#endif

/*
 * The registers of a frame. ip, sp and fp are true in every frame; of the others those that the event
 * hit, or that a signal interrupted, and they are taken to last: hand-written code finds its frame by them.
 */
struct pb_regs {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 gpr[PB_GPRS]; /* by DWARF number; those of sp and fp are not used */
};

/* One event, as its hook saw it. */
struct pb_event {
	struct pb_regs regs; /* user registers; read only if !in_kernel */
	__u64 weight;        /* in the tool's unit */
	bool in_kernel;
	bool compat;    /* 32-bit user code */
	bool at_return; /* the registers are the caller's, behind a call */
	bool user_only; /* in_kernel, but its kernel frames tell nothing */
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

/* A call pushes the return address: a caller's frame begins above its callee's. */
#define PB_CFA_GROWS_AT_ONCE   true
/* The stack pointer at a function's entry, from that behind its return. */
#define PB_ENTRY_SP(sp)        ((sp)-8)
/* Where struct return_instance.stack of a uretprobe points, from the frame's CFA; and the stack pointer
 * behind the return, from there. */
#define PB_URETPROBE_SLOT(cfa) ((cfa)-8)
#define PB_URETPROBE_SP(stack) ((stack) + 8)

/* Callees give these back as they were, so in a caller's frame they need not be what the event saw: rbx, r12
 * to r15 (AMD64 supplement, 3.2.1). */
#define PB_CALLEE_SAVED(reg) ((reg) == 3 || (reg) >= 12)

#define PB_XOL_SLOT 128 /* UPROBE_XOL_SLOT_BYTES */

/*
 * The trampoline of uretprobes: pushes three registers, makes a system call that puts the return address
 * where the first of them was, pops the other two and returns. Before 6.11 it was a breakpoint, at offset 0.
 * Source: uretprobe_trampoline_entry, arch/x86/kernel/uprobes.c, since ff474a78cef5.
 */
#define PB_TRAMPOLINE_CALLS  true
#define PB_TRAMPOLINE_CALLED 0x0d /* offset behind the system call, and all the time within it */
#define PB_TRAMPOLINE_POPPED 0x0f /* behind the first pop */

/*
 * At offset @at and with this @sp, has the kernel dealt with the innermost instance, which would be @stack's?
 * While the system call runs it shows probes the stack pointer of before the pushes (sys_uretprobe()).
 */
static __always_inline bool pb_trampoline_done(__u64 at, __u64 sp, __u64 stack)
{
	return at > PB_TRAMPOLINE_CALLED ||
	       (at == PB_TRAMPOLINE_CALLED && sp + 16 != stack && sp - 8 != stack);
}

/* Where the return address is then. */
static __always_inline __u64 pb_trampoline_return(__u64 at, __u64 sp)
{
	return sp + (at <= PB_TRAMPOLINE_CALLED ? 16 : at <= PB_TRAMPOLINE_POPPED ? 8 : 0);
}

/* Is what stands in the place of the return address, @ra, still the rax that was pushed there? */
static __always_inline bool pb_trampoline_pending(__u64 at, const struct pb_regs *regs, __u64 ra)
{
	return at == PB_TRAMPOLINE_CALLED && ra == regs->gpr[0];
}

/* Are rax, rcx and r11 what lies at the stack pointer, as pushed in that order? */
static __always_inline bool pb_trampoline_pushed(const struct pb_regs *regs)
{
	__u64 pushed[3];

	return !bpf_probe_read_user(pushed, sizeof(pushed), (void *)regs->sp) &&
	       pushed[0] == regs->gpr[11] && pushed[1] == regs->gpr[2] && pushed[2] == regs->gpr[0];
}

/* From struct pt_regs or whatever has its members, in DWARF's order (AMD64 supplement, figure 3.36). */
#define PB_X86_READ_GPRS(regs, from)                                                               \
	do {                                                                                       \
		(regs)->gpr[0] = (from)->ax;                                                       \
		(regs)->gpr[1] = (from)->dx;                                                       \
		(regs)->gpr[2] = (from)->cx;                                                       \
		(regs)->gpr[3] = (from)->bx;                                                       \
		(regs)->gpr[4] = (from)->si;                                                       \
		(regs)->gpr[5] = (from)->di;                                                       \
		(regs)->gpr[8] = (from)->r8;                                                       \
		(regs)->gpr[9] = (from)->r9;                                                       \
		(regs)->gpr[10] = (from)->r10;                                                     \
		(regs)->gpr[11] = (from)->r11;                                                     \
		(regs)->gpr[12] = (from)->r12;                                                     \
		(regs)->gpr[13] = (from)->r13;                                                     \
		(regs)->gpr[14] = (from)->r14;                                                     \
		(regs)->gpr[15] = (from)->r15;                                                     \
	} while (0)

/*
 * What the kernel pushes for a signal handler, seen from the stack pointer in the code that the handler
 * returns to: a ucontext, with struct sigcontext behind uc_flags, uc_link and uc_stack.
 */
#define PB_SIGCONTEXT_OFF 40
struct pb_sigcontext {
	__u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip;
};

static __always_inline void pb_read_sigcontext(struct pb_regs *regs, const struct pb_sigcontext *c)
{
	regs->ip = c->ip;
	regs->sp = c->sp;
	regs->fp = c->bp;
	PB_X86_READ_GPRS(regs, c);
}

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

#define PB_ARM64_MODE_MASK     0xf  /* PSR_MODE_MASK: 0 is EL0t, user mode */
#define PB_ARM64_MODE_32       0x10 /* PSR_MODE32_BIT */
#define PB_USER_ADDR_LIMIT     (1ull << 52)
/*
 * Code built with -mbranch-protection signs return addresses in the bits above the address. 48 bits
 * are what user code gets unless it asks mmap() for more.
 */
#define PB_RETURN_ADDR(ra)     ((ra) & ((1ull << 48) - 1))

/* The return address is in a register at first: a leaf may have no frame at all. */
#define PB_CFA_GROWS_AT_ONCE   false
#define PB_ENTRY_SP(sp)        (sp)
#define PB_URETPROBE_SLOT(cfa) (cfa)
#define PB_URETPROBE_SP(stack) (stack)

/* x19 to x28, and x29 and x30 with them (AAPCS64, 6.1.1). */
#define PB_CALLEE_SAVED(reg)   ((reg) >= 19)

#define PB_XOL_SLOT          4 /* UPROBE_XOL_SLOT_BYTES */

/* The trampoline is one breakpoint, behind which nothing is left to do. */
#define PB_TRAMPOLINE_CALLS  false
#define PB_TRAMPOLINE_CALLED 0

static __always_inline bool pb_trampoline_done(__u64 at, __u64 sp, __u64 stack)
{
	return false;
}

static __always_inline __u64 pb_trampoline_return(__u64 at, __u64 sp)
{
	return sp;
}

static __always_inline bool pb_trampoline_pending(__u64 at, const struct pb_regs *regs, __u64 ra)
{
	return false;
}

static __always_inline bool pb_trampoline_pushed(const struct pb_regs *regs)
{
	return false;
}

/* Behind the siginfo (128 bytes), uc_flags, uc_link, uc_stack and the padded signal mask, and the fault's
 * address (arch/arm64/kernel/signal.c, struct rt_sigframe). */
#define PB_SIGCONTEXT_OFF    312
struct pb_sigcontext {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
};

static __always_inline void pb_read_sigcontext(struct pb_regs *regs, const struct pb_sigcontext *c)
{
	regs->ip = c->pc;
	regs->sp = c->sp;
	regs->fp = c->regs[29];
	__builtin_memcpy(regs->gpr, c->regs, sizeof(c->regs));
}

#endif

/*
 * What a perf_event program learns from its context. Reads it once, through a volatile pointer: clang
 * otherwise merges loads into a modified context pointer, which the verifier refuses.
 */
static __always_inline void pb_read_context(struct pb_event *event, struct pb_perf_ctx *context)
{
	volatile struct pb_perf_ctx *ctx = context;

#if defined(__TARGET_ARCH_x86)
	__u64 cs = ctx->cs;

	event->regs.ip = ctx->ip;
	event->regs.sp = ctx->sp;
	event->regs.fp = ctx->bp;
	PB_X86_READ_GPRS(&event->regs, ctx);
	event->in_kernel = pb_ctx_in_kernel(cs);
	event->compat = cs == PB_X86_USER_CS_32;
#else
	__u64 pstate = ctx->pstate;

	event->regs.ip = ctx->pc;
	event->regs.sp = ctx->sp;
	event->regs.fp = ctx->regs[29];
#pragma unroll
	for (int i = 0; i < 31; i++)
		event->regs.gpr[i] = ctx->regs[i];
	event->in_kernel = pstate & PB_ARM64_MODE_MASK;
	event->compat = pstate & PB_ARM64_MODE_32;
#endif
	event->weight = ctx->sample_period;
}

/*
 * What a uprobe program learns from its context, the registers that the breakpoint hit. By name, since the
 * kernel's own struct is not the uapi one; through a volatile pointer for the same reason as above. A
 * uprobe counts events: what one weighs is up to the tool.
 */
static __always_inline void pb_read_pt_regs(struct pb_event *event, struct pt_regs *context)
{
	volatile struct pt_regs *ctx = context;

#if defined(__TARGET_ARCH_x86)
	event->regs.ip = ctx->ip;
	event->regs.sp = ctx->sp;
	event->regs.fp = ctx->bp;
	PB_X86_READ_GPRS(&event->regs, ctx);
	/* A u16 on newer kernels: libbpf makes the load as narrow. */
	event->compat = (ctx->cs & 0xffff) == PB_X86_USER_CS_32;
#else
	event->regs.ip = ctx->user_regs.pc;
	event->regs.sp = ctx->user_regs.sp;
	event->regs.fp = ctx->user_regs.regs[29];
#pragma unroll
	for (int i = 0; i < 31; i++)
		event->regs.gpr[i] = ctx->user_regs.regs[i];
	event->compat = ctx->user_regs.pstate & PB_ARM64_MODE_32;
#endif
	event->in_kernel = false;
	event->at_return = false;
}

/* DWARF numbers of the registers that hold a function's first arguments and what it gives back (AMD64 supplement
 * 3.2.3 and figure 3.36; AAPCS64 6.8.2). */
static __always_inline __u64 pb_regs_arg(const struct pb_regs *regs, __u32 n)
{
#if defined(__TARGET_ARCH_x86)
	return n == 0 ? regs->gpr[5] : n == 1 ? regs->gpr[4] : regs->gpr[1];
#else
	return n == 0 ? regs->gpr[0] : n == 1 ? regs->gpr[1] : regs->gpr[2];
#endif
}

static __always_inline __u64 pb_regs_result(const struct pb_regs *regs)
{
	return regs->gpr[0];
}

static __always_inline __u64 pb_ctx_ip(struct pt_regs *context)
{
	volatile struct pt_regs *ctx = context;

#if defined(__TARGET_ARCH_x86)
	return ctx->ip;
#else
	return ctx->user_regs.pc;
#endif
}

/* Where a function is going to return to, before it has changed the stack; 0 if that cannot be read. */
static __always_inline __u64 pb_regs_return_addr(const struct pb_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	__u64 ra = 0;

	bpf_probe_read_user(&ra, sizeof(ra), (void *)regs->sp);
	return ra;
#else
	return PB_RETURN_ADDR(regs->gpr[30]);
#endif
}

/* The event as the caller sees it, behind the call: for a probe at a function's entry. */
static __always_inline void pb_event_at_caller(struct pb_event *event, __u64 return_addr)
{
	event->regs.ip = return_addr;
#if defined(__TARGET_ARCH_x86)
	event->regs.sp += 8;
#endif
	event->at_return = true;
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
	regs->ip = saved->ip;
	regs->sp = saved->sp;
	regs->fp = saved->bp;
	PB_X86_READ_GPRS(regs, saved);
#else
	if (BPF_CORE_READ(saved, user_regs.pstate) & PB_ARM64_MODE_32)
		return false;
	regs->ip = BPF_CORE_READ(saved, user_regs.pc);
	regs->sp = BPF_CORE_READ(saved, user_regs.sp);
	regs->fp = BPF_CORE_READ(saved, user_regs.regs[29]);
	bpf_probe_read_kernel(regs->gpr, 31 * sizeof(__u64), saved->user_regs.regs);
#endif
	return true;
}

/* Argument @n, from 0 on, of the system call that the task is at the entry of: in the order of syscall(2). */
static __always_inline __u64 pb_syscall_arg(struct pt_regs *regs, __u32 n)
{
#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->r10;
	}
	return 0;
#else
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &regs->user_regs.regs[n & 7]);
	return value;
#endif
}

/* The number of the system call that the task is in. */
static __always_inline __u32 pb_syscall_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (__u32)regs->orig_ax;
#else
	return (__u32)regs->syscallno;
#endif
}

/* Was it made by 32-bit code? Such calls have other numbers. */
static __always_inline bool pb_syscall_is_compat(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (BPF_CORE_READ(regs, cs) & 0xffff) == PB_X86_USER_CS_32;
#else
	return BPF_CORE_READ(regs, user_regs.pstate) & PB_ARM64_MODE_32;
#endif
}

#endif
