/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* When a command ended that we saw late, since others had the CPU that we were to see it on. */
#ifndef PB_BEAD_LATENESS_H
#define PB_BEAD_LATENESS_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of an end once the command was reaped. Times are of CLOCK_MONOTONIC. */
struct pb_lateness {
	uint64_t start_ns; /* of the command */
	uint64_t seen_ns;  /* we saw that it had ended */
	uint64_t late_ns;  /* of that, we had been woken and waited for a CPU; 0: not known */
	bool other_cause;  /* its output or our timer may have woken us, while it went on */
	uint64_t busy_ns;  /* its main thread ran or was ready to; UINT64_MAX: not known */
	bool slept;        /* or that thread slept meanwhile */
};

/**
 * pb_lateness_end_ns() - when the command ended.
 *
 * Where nothing but its end can have woken us, that is when we were. Else it may have gone on while we waited: then a
 * thread that never slept says by its own times when it ended, and of one that did nothing is taken off. In no case
 * is it before what the main thread ran and waited is over.
 * Return: from start_ns to seen_ns.
 */
uint64_t pb_lateness_end_ns(const struct pb_lateness *l);

#endif
