/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How many system calls a command and its children make, exactly, by a perf event on raw_syscalls:sys_enter. */
#ifndef PB_BEAD_CALLCOUNT_H
#define PB_BEAD_CALLCOUNT_H

#include <stddef.h>
#include <stdint.h>

/**
 * pb_callcount_open() - an event on the calling thread, counting nothing, that each child it forks from now on
 * inherits, and that counts in one from its exec on.
 * @why: set on failure, a sentence without its full stop
 *
 * Every system call of the machine costs a little more as long as it is open.
 * Return: a descriptor to close; -errno, not logged.
 */
int pb_callcount_open(char *why, size_t size);

/* The same for processes that it starts, threads left out. */
int pb_callcount_open_processes(void);

/* What was counted so far; UINT64_MAX if it cannot be read. */
uint64_t pb_callcount_read(int fd);

#endif
