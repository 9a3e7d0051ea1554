/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Which system calls are timed, by this architecture's numbers. */
#ifndef PB_IO_CALLS_H
#define PB_IO_CALLS_H

#include "bpf/abi/iolatency.h"

void pb_io_fill_calls(__u8 call[PB_IO_SYSCALLS]);

#endif
