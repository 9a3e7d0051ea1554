/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Keeps the unwind tables in the kernel true while processes map, fork, exec and exit.
 *
 *   track: what a process has mapped --> modules, compiled at first sight --> store
 *                                    \-> its run of mappings --> processes[tgid], replaced last
 *
 * Forked processes share the run of their parent, which the kernel half hands to the child by itself;
 * at exec it forgets the process. The user half follows both by the side-band. A process whose entry
 * is gone although it was published has exec'ed, and is left alone until its side-band event says so;
 * a miss (bpf/abi/unwind.h) makes us look again.
 */
#ifndef PB_UNWIND_UNWIND_H
#define PB_UNWIND_UNWIND_H

#include "user/core/unwinder.h"

/* For struct pb_session_parts: the one implementation. */
extern const struct pb_unwinder_type pb_unwind;

#endif
