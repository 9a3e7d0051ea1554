/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every abi header needs: fixed-width types on both sides, and sizes that are asserted.
 * The BPF half takes the types from vmlinux.h, the user half from the kernel's uapi headers.
 */
#ifndef PB_ABI_BASE_H
#define PB_ABI_BASE_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define PB_ABI_SIZE(type, bytes)                                                                   \
	_Static_assert(sizeof(type) == (bytes), #type " changed its layout")

#define PB_COMM_LEN 16 /* TASK_COMM_LEN */

#endif
