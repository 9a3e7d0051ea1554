/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Guardrails: a fresh measurement against a saved one, limit by limit. */
#ifndef PB_BEAD_GATE_H
#define PB_BEAD_GATE_H

#include <stdint.h>

struct pb_measure;
struct pb_plan;
struct pb_plan_bead;

/**
 * pb_gate() - measure the bead's workloads anew, and hold every limit of the plan against a run of a baseline bead.
 * @reference: that run
 *
 * Counts first: they are nearly without noise. Times are judged by ratio and test, over several workloads by Holm, and a
 * regression is measured once more before it is called one. What was found are figures of m->id: each limit by its name
 * in the plan, in percent of the reference, with its interval.
 * Return: enum pb_measure_end: FINDING: a limit is passed, m->why says which; NOISY: the data cannot say; -errno, logged.
 */
int pb_gate(struct pb_measure *m, const struct pb_plan *plan, const struct pb_plan_bead *bead,
	    int64_t reference);

#endif
