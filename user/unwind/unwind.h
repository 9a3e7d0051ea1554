/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeps the unwind tables in the kernel true while processes map, fork, exec and exit.
 *
 *   track: what a process has mapped --> modules, compiled at first sight --> store
 *                                    \-> its run of mappings --> processes[tgid], replaced last
 *
 * The kernel half follows fork, exec and exit by itself (bpf/lib/process.bpf.h); we follow by the side-band, and
 * unwind.c tells how the two stay out of each other's way. A miss (bpf/abi/unwind.h) makes us look again.
 */
#ifndef PB_UNWIND_UNWIND_H
#define PB_UNWIND_UNWIND_H

#include "user/core/unwinder.h"

/* For struct pb_session_parts: the one implementation. */
extern const struct pb_unwinder_type pb_unwind;

#endif
