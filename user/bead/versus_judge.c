/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/versus_judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/core/own.h"

/* Whether a verdict rests on how long one side waited for a CPU: then it is none. */
static bool is_others_doing(const struct pb_versus_judged *row, double delta)
{
	const struct pb_interval_estimate *r = &row->v.ready;

	if (!row->v.has_ready)
		return false;
	switch (row->verdict) {
	case PB_VERDICT_REGRESSED:
		return !(r->low > 1 + delta);
	case PB_VERDICT_IMPROVED:
		return !(r->high < 1 - delta);
	case PB_VERDICT_EQUIVALENT:
		return !(r->low >= 1 - delta && r->high <= 1 + delta);
	default:
		return false;
	}
}

static void judge_time(struct pb_versus_judged *row, double delta, double alpha)
{
	row->verdict = pb_stats_judge(&row->v.ratio, row->v.p, delta, alpha);
	if (!is_others_doing(row, delta))
		return;
	snprintf(row->why, sizeof(row->why),
		 "it seems to be %s, and may not without the time that it waited for a CPU "
		 "[%.2f, %.2f]",
		 pb_verdict_name(row->verdict), pb_versus_pct(row->v.ready.low),
		 pb_versus_pct(row->v.ready.high));
	row->verdict = PB_VERDICT_INCONCLUSIVE;
}

static void judge_count(struct pb_versus_judged *row, double delta, double alpha)
{
	if (pb_versus_varies(&row->v, delta * 100, row->why, sizeof(row->why)))
		row->verdict = PB_VERDICT_INCONCLUSIVE;
	else
		row->verdict = pb_stats_judge(&row->v.ratio, 0, delta, alpha);
}

int pb_versus_judge(struct pb_versus_judged **rows, size_t n, double delta, double count_delta,
		    double alpha)
{
	pb_autofree double *p = calloc(n + 1, sizeof(*p));
	size_t tested = 0;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!rows[i]->v.why[0] && !rows[i]->v.is_count)
			p[tested++] = rows[i]->v.p;
	pb_stats_holm(p, tested);
	tested = 0;
	for (size_t i = 0; i < n; i++) {
		rows[i]->why[0] = '\0';
		rows[i]->verdict = PB_VERDICT_INCONCLUSIVE;
		if (rows[i]->v.why[0])
			continue;
		if (rows[i]->v.is_count) {
			judge_count(rows[i], count_delta, alpha);
			continue;
		}
		rows[i]->v.p = p[tested++];
		judge_time(rows[i], delta, alpha);
	}
	return 0;
}
