/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* System calls that do I/O, as they show in stacks of CPU time. */
#ifndef PB_BEAD_SYSCALLS_H
#define PB_BEAD_SYSCALLS_H

#include <stdbool.h>

#include "user/bead/levers.h"

struct pb_syscall {
	const char *name;
	enum pb_work work; /* PB_WORK_CALL or PB_WORK_FLUSH */
};

/* By a function of the kernel, "__x64_sys_pread64" or "ksys_read"; NULL: of none of them. */
const struct pb_syscall *pb_syscall_of_kernel(const char *function);
/* By the function of libc that enters the kernel: "read", "__GI___libc_read", "__write_nocancel"; NULL: no such. */
const struct pb_syscall *pb_syscall_of_wrapper(const char *function);
/* Whether the first frame of the kernel is that of any system call, and not of a page fault or an interrupt. */
bool pb_syscall_is_entry(const char *function);
/* Whether a function of the kernel copies the bytes that are read or written: no call less would save that. */
bool pb_syscall_is_copy(const char *function);

#endif
