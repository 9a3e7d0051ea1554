/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The kernel types that the BPF half touches, and no more. Field offsets here mean nothing: CO-RE
 * relocates every access against the BTF of the running kernel (preserve_access_index). Written by
 * hand after include/linux/sched.h and arch/arm64/include/uapi/asm/ptrace.h.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include "vmlinux/types.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};

struct pt_regs {
	struct user_pt_regs user_regs;
	__s32 syscallno;
};

#pragma clang attribute pop

#include "vmlinux/block.h"
#include "vmlinux/task.h"

#endif
