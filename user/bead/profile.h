/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The work of the beads of kind cpu-flame, alloc-sites and io-latency: profiles of a workload, and what they say. */
#ifndef PB_BEAD_PROFILE_H
#define PB_BEAD_PROFILE_H

struct pb_measure;
struct pb_plan;
struct pb_plan_bead;
struct pb_plan_workload;

/**
 * pb_profile() - run a workload under the bead's profiler as often as it takes, and note its spots, clues and figures.
 *
 * Every run is checked by the oracle like any other, its stderr without the profiler's own lines: a profile of a
 * program that does something else is none, and ends as PB_MEASURE_FINDING. What the profiler cannot do here is
 * PB_MEASURE_CANNOT with its own sentence. PB_MEASURE_QUALITY: events that were lost, stacks that are surely complete
 * less often than limits.min_complete_pct, or, of a bead that samples time, samples that cost more of a CPU than
 * limits.max_overhead_pct. That other processes disturb a run does not matter: shares and counts are the command's own.
 *
 * Outputs are in m->directory: "WORKLOAD.cpu-1.json" and so on of each run, "WORKLOAD.cpu.html" of the one that saw
 * most, "WORKLOAD.cpu.folded" of all; likewise "alloc" and "io". A workload of which the bead's run has its figures
 * already, from before an interruption, is done. Return: enum pb_measure_end; -errno, logged.
 */
int pb_profile(struct pb_measure *m, const struct pb_plan *plan, const struct pb_plan_bead *bead,
	       const struct pb_plan_workload *workload);

#endif
