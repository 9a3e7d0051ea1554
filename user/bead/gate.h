/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Guardrails: a fresh measurement against a saved one, limit by limit.
 *
 *   counts   regressed where even the fewest of the fresh runs is above the limit, seen from the most of the reference;
 *            nearly without noise, so that a limit of 0.5 % holds where time needs 5. Where runs of one side differ by
 *            more than the limit nobody can say: two runs are no sample
 *   times    regressed where the interval of the ratio is wholly above the limit and p, by Holm over the workloads that
 *            have the limit, is below 0.01; and a block of as many runs that were not looked at yet says the same by
 *            itself. That block alone decides: the first one was chosen for being extreme
 *   both     hold where the interval's upper end is not above the limit; else nobody can say
 *
 * What is so of a wall time has to be so without the time that it waited for a CPU, too: a reference that was taken on a
 * quiet machine would be passed on a busy one by the same program, and one from a busy machine would hide a regression.
 *
 * A limit whose figure is not known on one side is not held, and not passed: nobody can say. But where the plan says no
 * limits, memory of a workload that uses less now than can be known is none of them.
 */
#ifndef PB_BEAD_GATE_H
#define PB_BEAD_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/bead/plan.h"
#include "user/bead/versus.h"
#include "user/core/own.h"

struct pb_measure;

#define PB_GATE_ALPHA 0.01
#define PB_GATE_SEED  1

enum pb_gate_verdict {
	PB_GATE_INCONCLUSIVE,
	PB_GATE_HOLDS,
	PB_GATE_REGRESSED,
};
/* "inconclusive" and so on. */
const char *pb_gate_verdict_name(enum pb_gate_verdict verdict);

/* One limit of one workload. */
struct pb_gate_row {
	const char *workload; /* the plan's */
	double limit_pct;
	struct pb_versus v; /* what limit it is: v.what */
	double p;           /* of v, by Holm */
	uint32_t asked;     /* rows that Holm adjusts it for, itself too */
	bool fresh;         /* v is of the block that confirms, alone */
	enum pb_gate_verdict verdict;
	char why[512]; /* unless it holds: a sentence without its full stop */
};

struct pb_gate {
	struct pb_gate_row
		*rows; /* counts first; of each limit the workloads in the plan's order */
	uint32_t n;
	int64_t run, reference;
};

void pb_gate_free(struct pb_gate *g);
PB_DEFINE_FREE(pb_gate, pb_gate_free);

/* Limits that hold where the plan says none, in percent: wall_p50 5, allocations 0.5, syscalls 0.5, memory 5. */
void pb_gate_defaults(double limits[PB_LIMITS]);
/* Those of a bead: its own, or the defaults where it has none. Return: whether it has none. */
bool pb_gate_limits(const struct pb_plan_bead *bead, double limits[PB_LIMITS]);

/* Whether a limit is one of that workload, an index into the plan's: p99 is none of what writes no times of operations,
 * unless nothing of the gate does, which is to be said. */
bool pb_gate_applies(const struct pb_plan *plan, const struct pb_plan_bead *bead,
		     enum pb_limit limit, uint32_t workload);

/* The limits in the order in which they are held; at @i, from 0 to PB_LIMITS - 1. */
enum pb_limit pb_gate_order(uint32_t i);

/**
 * pb_gate_judge() - verdicts of the rows whose fresh is @fresh, from what is in their v.
 *
 * Pure: p of Holm, verdict and why are set. A time that is regressed and not of a fresh block is a suspicion only.
 */
void pb_gate_judge(struct pb_gate_row *rows, uint32_t n, bool fresh);

/* The worst of them: REGRESSED before INCONCLUSIVE before HOLDS. */
enum pb_gate_verdict pb_gate_worst(const struct pb_gate *g);

/**
 * pb_gate_run() - measure the bead's workloads anew, and hold every limit of the plan against a run of a baseline bead.
 * @out: set to the rows, if all was measured; else NULL
 * @reference: that run
 *
 * What was found are figures of m->id: each limit by its name in the plan, in percent of the reference, with its
 * interval. Return: enum pb_measure_end: FINDING: a limit is passed, m->why says which, or a workload does not do what it
 * should, and there are no rows; NOISY: the data cannot say; -errno, logged.
 */
int pb_gate_run(struct pb_gate **out, struct pb_measure *m, const struct pb_plan *plan,
		const struct pb_plan_bead *bead, int64_t reference);

/* The same where only the end matters. */
int pb_gate(struct pb_measure *m, const struct pb_plan *plan, const struct pb_plan_bead *bead,
	    int64_t reference);

/* One line for people: "parse: allocations: regressed: 1004 to 2004, ...". */
void pb_gate_print_row(FILE *out, const struct pb_gate_row *row);

/* For node_exporter's textfile collector: the ratios with their intervals, what was measured, and when. */
void pb_gate_write_metrics(FILE *out, const struct pb_gate *g, const char *project, uint64_t now_s);
/* Alert rules on those, one for each limit and workload. */
void pb_gate_write_rules(FILE *out, const struct pb_plan *plan, const struct pb_plan_bead *bead);
/**
 * pb_gate_write_ci() - a script for sh that measures the base and the new commit in one job, and holds the limits; behind
 * it, as comments, a job for GitHub Actions that runs it.
 * @plan_path: as it was typed
 * @gate: id of the bead; NULL: the plan has none
 *
 * Return: 0; -EINVAL, logged: the plan has no baseline of all workloads of the gate.
 */
int pb_gate_write_ci(FILE *out, const struct pb_plan *plan, const struct pb_plan_bead *bead,
		     const char *plan_path, const char *gate);

#endif
