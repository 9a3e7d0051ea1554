/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of measuring share. */
#ifndef PB_BEAD_MEASURE_INSIDE_H
#define PB_BEAD_MEASURE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

struct pb_measure;
struct pb_plan_workload;
struct pb_run;

/* Before each run: DONE goes on; LATE or STOPPED with the reason in m->why. */
int pb_measure_may_go_on(struct pb_measure *m);
/* The end of a run that was stopped: STOPPED, and m->why. */
int pb_measure_is_stopped(struct pb_measure *m);

/**
 * pb_measure_judge() - what a run that has ended is good for, by its end and the oracle.
 * @blessed: set to whether there is something to hold it against
 *
 * Return: enum pb_run_worth with the reason in m->why; -errno, logged.
 */
int pb_measure_judge(struct pb_measure *m, const struct pb_plan_workload *workload,
		     const struct pb_run *run, bool *blessed);

/* Run it once, and judge. @run: to be dropped unless an error is returned. @counting: system calls and processes. */
int pb_measure_run_once(struct pb_measure *m, const struct pb_plan_workload *workload,
			struct pb_run *run, bool counting, bool *blessed);

#endif
