/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel types that the BPF half touches, and no more. Field offsets here mean nothing: CO-RE
 * relocates every access against the BTF of the running kernel (preserve_access_index). Written by
 * hand after include/linux/sched.h, arch/x86/include/asm/ptrace.h and include/uapi/linux/bpf.h.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include "vmlinux/types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

#pragma clang attribute pop

#include "vmlinux/block.h"
#include "vmlinux/task.h"

#endif
