/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Verdicts of many comparisons that are made at once: no store here. */
#ifndef PB_BEAD_VERSUS_JUDGE_H
#define PB_BEAD_VERSUS_JUDGE_H

#include "user/bead/stats.h"
#include "user/bead/versus.h"

/* One thing of one workload. */
struct pb_versus_judged {
	struct pb_versus v;
	enum pb_verdict verdict; /* only where v.why is "" */
	char why[256]; /* of an inconclusive one that has more to say than its interval; else "" */
};

/**
 * pb_versus_judge() - set the verdicts of @n things in @rows, and v.p of those that are tested by Holm over all of them.
 * @delta: what is no difference yet, 0.05 is five percent; @count_delta the same of counts
 *
 * A count is judged without a test, and only where runs of one side agree within @count_delta. What is so of a wall time
 * has to be so without the time that it waited for a CPU, as for a gate. Return: 0; -ENOMEM.
 */
int pb_versus_judge(struct pb_versus_judged **rows, size_t n, double delta, double count_delta,
		    double alpha);

#endif
