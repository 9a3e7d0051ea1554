/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The files that a plan declares as outputs of a workload, golden or latencies, before and after a run. */
#ifndef PB_BEAD_OUTFILE_H
#define PB_BEAD_OUTFILE_H

struct pb_outfile_sight;
struct pb_plan_workload;
struct pb_run;

/* How they are now: an array to be freed, for pb_outfile_capture(). NULL: no memory. */
struct pb_outfile_sight *pb_outfile_look(const struct pb_plan_workload *workload);

/**
 * pb_outfile_capture() - their contents into @run, whatever is wrong with them noted there.
 * @before: by pb_outfile_look() before the run
 *
 * Only regular files below the workload's directory are read; links that leave it are not followed. A file that is as
 * it was, and has been for a while, is not of this run. Return: 0; -ENOMEM.
 */
int pb_outfile_capture(struct pb_run *run, const struct pb_plan_workload *workload,
		       const struct pb_outfile_sight *before);

#endif
