/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the reports of several runs under a profiler say of themselves: losses, broken stacks, cost. */
#ifndef PB_BEAD_TALLY_H
#define PB_BEAD_TALLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_TALLY_RUNS_MAX 20

struct pb_plan;

/* Zeroed to begin with. */
struct pb_tally {
	uint32_t runs;
	uint64_t produced, kept, lost, complete;
	uint64_t loading;  /* of those kept: in the loader of a process that has just begun */
	json_t *broken_by; /* owned: events by module; NULL: none */
	/* Of each run; NaN where it was not measured. */
	double kept_of[PB_TALLY_RUNS_MAX];
	double bpf_cpu_pct[PB_TALLY_RUNS_MAX]; /* of one CPU */
	double duration_ns[PB_TALLY_RUNS_MAX];
};

void pb_tally_drop(struct pb_tally *t);

/* Return: 0; -EPROTO: a member is missing, @why says which; -ENOSPC: there are runs enough; -ENOMEM. */
int pb_tally_add(struct pb_tally *t, const json_t *report, char *why, size_t size);

/* Complete stacks of those kept, in percent; NaN without any. */
double pb_tally_complete_pct(const struct pb_tally *t);

/* Median cost of the runs in percent of one CPU; NaN where it was not measured. */
double pb_tally_cost_pct(const struct pb_tally *t);

/**
 * pb_tally_judge() - are the data as good as the plan wants them?
 * @overhead: whether the cost counts: where time is measured
 *
 * No machine that is busy makes them worse: what was lost, and stacks that are broken, are counts, and the cost is that
 * of the BPF programs by the kernel's own clock, not how long the command took. So few stacks that chance may have
 * broken them are let through: the upper end of the share's interval has to be below the limit. Stacks in the loader of
 * a process that has just begun are left out here: they are known to be cut, and no code of the workload. So are fewer
 * than 30 that are incomplete. Return: true;
 * false, with a sentence in @why.
 */
bool pb_tally_judge(const struct pb_tally *t, const struct pb_plan *plan, bool overhead, char *why,
		    size_t size);

/* A count of a report, which may be text where it is large. Return: 0; -EPROTO. */
int pb_report_count(const json_t *value, uint64_t *out);
/* A measurement; NaN where there is none. */
double pb_report_number(const json_t *value);
/* Which of the values of a row is of @type; -1: none. */
int pb_report_value(const json_t *report, const char *type);

#endif
