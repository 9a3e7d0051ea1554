/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From what was measured to whether limits hold: no store and no runs here. */
#include "user/bead/gate.h"

#include <math.h>
#include <string.h>

#include "user/bead/operations.h"
#include "user/bead/stats.h"

/* Counts first: what they say is nearly certain. Then from little noise to much. */
static const enum pb_limit order[PB_LIMITS] = {
	PB_LIMIT_ALLOCATIONS, PB_LIMIT_SYSCALLS, PB_LIMIT_BLOCK_IOS,
	PB_LIMIT_FAULTS,      PB_LIMIT_MEMORY,   PB_LIMIT_CPU,
	PB_LIMIT_WALL_P50,    PB_LIMIT_WALL_P95, PB_LIMIT_P99,
};

const char *pb_gate_verdict_name(enum pb_gate_verdict verdict)
{
	static const char *const names[] = {
		[PB_GATE_INCONCLUSIVE] = "inconclusive",
		[PB_GATE_HOLDS] = "holds",
		[PB_GATE_REGRESSED] = "regressed",
	};

	return names[verdict];
}

enum pb_limit pb_gate_order(uint32_t i)
{
	return order[i];
}

void pb_gate_defaults(double limits[PB_LIMITS])
{
	for (int i = 0; i < PB_LIMITS; i++)
		limits[i] = -1;
	limits[PB_LIMIT_WALL_P50] = 5;
	limits[PB_LIMIT_MEMORY] = 5;
	limits[PB_LIMIT_ALLOCATIONS] = 0.5;
	limits[PB_LIMIT_SYSCALLS] = 0.5;
}

bool pb_gate_limits(const struct pb_plan_bead *bead, double limits[PB_LIMITS])
{
	bool any = false;

	for (int i = 0; i < PB_LIMITS; i++)
		any = any || bead->limits[i] >= 0;
	if (any)
		memcpy(limits, bead->limits, PB_LIMITS * sizeof(*limits));
	else
		pb_gate_defaults(limits);
	return !any;
}

bool pb_gate_applies(const struct pb_plan *plan, const struct pb_plan_bead *bead,
		     enum pb_limit limit, uint32_t workload)
{
	if (limit != PB_LIMIT_P99 || plan->workloads[workload].latencies.path)
		return true;
	for (uint32_t i = 0; i < bead->n_workloads; i++)
		if (plan->workloads[bead->workloads[i]].latencies.path)
			return false;
	return true;
}

/* Adjust p over the rows of one limit that are asked together. */
static void adjust(struct pb_gate_row *rows, uint32_t n, bool fresh, enum pb_limit limit)
{
	double p[PB_PLAN_ITEMS_MAX];
	uint32_t at[PB_PLAN_ITEMS_MAX], m = 0;

	for (uint32_t i = 0; i < n && m < PB_PLAN_ITEMS_MAX; i++) {
		if (rows[i].fresh != fresh || rows[i].v.what != limit || rows[i].v.why[0])
			continue;
		p[m] = rows[i].v.p;
		at[m++] = i;
	}
	pb_stats_holm(p, m);
	for (uint32_t i = 0; i < m; i++) {
		rows[at[i]].p = p[i];
		rows[at[i]].asked = m;
	}
}

/* The least p of so many runs on each side. */
static double least_p(const struct pb_gate_row *row, uint32_t base, uint32_t fresh)
{
	double p = pb_stats_least_p(base, fresh);
	bool is_quantile = row->v.what == PB_LIMIT_WALL_P95 || row->v.what == PB_LIMIT_P99;

	return is_quantile ? fmax(p, PB_OPERATIONS_P_MIN) : p;
}

/* Runs that could show it, on each side; 0: no number could. */
static uint32_t runs_needed(const struct pb_gate_row *row)
{
	for (uint32_t n = 1; n <= 64; n++)
		if (row->asked * least_p(row, n, n) < PB_GATE_ALPHA)
			return n;
	return 0;
}

/* Where even runs that differ wholly could not bring p below what is asked, no chance is to blame. */
static bool cannot_show(const struct pb_gate_row *row, char *buf, size_t size)
{
	uint32_t needed = runs_needed(row), fewer;

	if (row->v.is_count ||
	    row->asked * least_p(row, row->v.n_base, row->v.n_fresh) < PB_GATE_ALPHA)
		return false;
	fewer = row->v.n_base < row->v.n_fresh ? row->v.n_base : row->v.n_fresh;
	if (needed)
		snprintf(buf, size, "%u runs cannot show it: %u are needed", fewer, needed);
	else
		snprintf(buf, size, "of %u workloads at once no number of runs can show it",
			 row->asked);
	return true;
}

static void tell(struct pb_gate_row *row)
{
	char few[128];

	double low = pb_versus_pct(row->v.ratio.low), high = pb_versus_pct(row->v.ratio.high);
	double value = pb_versus_pct(row->v.ratio.value);

	if (row->verdict == PB_GATE_REGRESSED && isinf(value))
		snprintf(row->why, sizeof(row->why),
			 "%s went from nothing to %.10g, and the limit is %g %%", row->v.name,
			 row->v.fresh, row->limit_pct);
	else if (row->verdict == PB_GATE_REGRESSED)
		snprintf(row->why, sizeof(row->why),
			 "%s is %.2f %% above the reference [%.2f, %.2f], and the limit is %g %%",
			 row->v.name, value, low, high, row->limit_pct);
	else if (low > row->limit_pct && cannot_show(row, few, sizeof(few)))
		snprintf(row->why, sizeof(row->why),
			 "%s seems to be above the limit of %g %% [%.2f, %.2f], and %s",
			 row->v.name, row->limit_pct, low, high, few);
	else if (low > row->limit_pct)
		snprintf(row->why, sizeof(row->why),
			 "%s seems to be above the limit of %g %% [%.2f, %.2f], and chance is not "
			 "ruled out: p %.3g",
			 row->v.name, row->limit_pct, low, high, row->p);
	else
		snprintf(row->why, sizeof(row->why),
			 "%s may lie on either side of the limit of %g %% [%.2f, %.2f]%s",
			 row->v.name, row->limit_pct, low, high,
			 row->v.is_count ? ": so much its own runs differ"
			 : row->fresh ? ": a regression showed, and fresh runs did not confirm it"
				      : "");
}

/* Whether a verdict rests on how long it waited for a CPU: then it is none. */
static bool is_others_doing(struct pb_gate_row *row, double most)
{
	const struct pb_interval_estimate *r = &row->v.ready;

	if (!row->v.has_ready || row->verdict == PB_GATE_INCONCLUSIVE ||
	    (row->verdict == PB_GATE_HOLDS ? r->high <= most : r->low > most))
		return false;
	snprintf(row->why, sizeof(row->why),
		 "%s seems to %s, and may not without the time that it waited for a CPU "
		 "[%.2f, %.2f]: other processes got in the way of %s",
		 row->v.name,
		 row->verdict == PB_GATE_HOLDS ? "hold the limit" : "be above the limit",
		 pb_versus_pct(r->low), pb_versus_pct(r->high),
		 row->verdict == PB_GATE_HOLDS ? "the reference" : "these runs");
	row->verdict = PB_GATE_INCONCLUSIVE;
	return true;
}

static void judge_row(struct pb_gate_row *row)
{
	/* 0.1 + 0.2 is a little more than 0.3: what is at the limit is not above it. */
	double most = (1 + row->limit_pct / 100) * (1 + 1e-12);

	char spread[160];

	row->why[0] = '\0';
	if (row->v.why[0] || pb_versus_varies(&row->v, row->limit_pct, spread, sizeof(spread))) {
		row->verdict = PB_GATE_INCONCLUSIVE;
		snprintf(row->why, sizeof(row->why), "%s cannot be held to its limit: %s",
			 row->v.name, row->v.why[0] ? row->v.why : spread);
		return;
	}
	if (row->v.ratio.high <= most)
		row->verdict = PB_GATE_HOLDS;
	else if (row->v.ratio.low > most && (row->v.is_count || row->p < PB_GATE_ALPHA))
		row->verdict = PB_GATE_REGRESSED;
	else
		row->verdict = PB_GATE_INCONCLUSIVE;
	if (is_others_doing(row, most))
		return;
	if (row->verdict != PB_GATE_HOLDS)
		tell(row);
}

void pb_gate_judge(struct pb_gate_row *rows, uint32_t n, bool fresh)
{
	for (uint32_t i = 0; i < n; i++)
		rows[i].p = rows[i].fresh == fresh ? rows[i].v.p : rows[i].p;
	for (int limit = 0; limit < PB_LIMITS; limit++)
		adjust(rows, n, fresh, (enum pb_limit)limit);
	for (uint32_t i = 0; i < n; i++)
		if (rows[i].fresh == fresh)
			judge_row(&rows[i]);
}

enum pb_gate_verdict pb_gate_worst(const struct pb_gate *g)
{
	enum pb_gate_verdict worst = PB_GATE_HOLDS;

	for (uint32_t i = 0; i < g->n; i++) {
		if (g->rows[i].verdict == PB_GATE_REGRESSED)
			return PB_GATE_REGRESSED;
		if (g->rows[i].verdict == PB_GATE_INCONCLUSIVE)
			worst = PB_GATE_INCONCLUSIVE;
	}
	return worst;
}
