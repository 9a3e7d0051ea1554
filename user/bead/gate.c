/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/gate.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/measure.h"
#include "user/bead/store.h"
#include "user/core/log.h"

/* A gate at work. */
struct gate {
	struct pb_measure *m;
	const struct pb_plan *plan;
	const struct pb_plan_bead *bead;
	double limits[PB_LIMITS];
	bool is_default; /* the plan says none of them */
	struct pb_versus_side base;
	struct pb_gate *out;
	bool is_judged; /* every row has its verdict */
};

void pb_gate_free(struct pb_gate *g)
{
	if (!g)
		return;
	free(g->rows);
	free(g);
}

static const struct pb_plan_workload *workload_of(const struct gate *g, const char *name)
{
	return &g->plan->workloads[pb_plan_workload(g->plan, name)];
}

/* The name of the workload before what m->why says of it. */
static int end_of(struct pb_measure *m, int end, const struct pb_plan_workload *workload)
{
	char why[sizeof(m->why)];

	if (end <= PB_MEASURE_DONE)
		return end;
	memcpy(why, m->why, sizeof(why));
	snprintf(m->why, sizeof(m->why), "%s: %.900s", workload->name, why);
	return end;
}

static int measure_all(struct gate *g)
{
	int end = PB_MEASURE_DONE;

	for (uint32_t i = 0; i < g->bead->n_workloads && !end; i++) {
		const struct pb_plan_workload *w = &g->plan->workloads[g->bead->workloads[i]];

		end = end_of(g->m, pb_measure_baseline(g->m, w), w);
	}
	return end;
}

/* A row for each limit of each workload. */
static int make_rows(struct gate *g)
{
	struct pb_gate *out = g->out;

	out->rows = calloc((size_t)PB_LIMITS * g->bead->n_workloads, sizeof(*out->rows));
	if (!out->rows)
		return pb_err(ENOMEM, "hold the limits");
	for (uint32_t i = 0; i < PB_LIMITS; i++) {
		enum pb_limit limit = pb_gate_order(i);

		for (uint32_t j = 0; j < g->bead->n_workloads && g->limits[limit] >= 0; j++) {
			struct pb_gate_row *row = &out->rows[out->n];

			if (!pb_gate_applies(g->plan, g->bead, limit, g->bead->workloads[j]))
				continue;
			out->n++;
			row->workload = g->plan->workloads[g->bead->workloads[j]].name;
			row->limit_pct = g->limits[limit];
			pb_versus_init(&row->v, limit);
		}
	}
	return 0;
}

/* Those whose fresh is @fresh from the store: the first block, or what is behind it. */
static int read_rows(struct gate *g, bool fresh)
{
	for (uint32_t i = 0; i < g->out->n; i++) {
		struct pb_gate_row *row = &g->out->rows[i];
		const struct pb_plan_workload *w = workload_of(g, row->workload);
		const struct pb_versus_side side = {
			.run = g->m->id,
			.directory = g->m->directory,
			.first = fresh ? w->runs : 0,
			.most = w->runs,
		};
		int err;

		if (row->fresh != fresh)
			continue;
		err = pb_versus_read(&row->v, g->m->store, &g->base, &side, w, row->v.what,
				     PB_GATE_SEED);
		if (err)
			return err;
	}
	return 0;
}

/*
 * New runs with no more memory than bead itself has before its exec: how much less nobody can ever say, and a small program
 * would never get through. It is said, and is no reason to fail as long as the gate holds anything else.
 */
static void drop_unknown_memory(struct gate *g)
{
	uint32_t n = 0, others = 0;

	for (uint32_t i = 0; i < g->out->n; i++)
		others += !g->out->rows[i].v.below;
	if (!others)
		return;
	for (uint32_t i = 0; i < g->out->n; i++) {
		const struct pb_gate_row *row = &g->out->rows[i];

		if (!row->v.below)
			g->out->rows[n++] = *row;
		else
			pb_log(g->is_default ? PB_LOG_INFO : PB_LOG_WARN,
			       "%s: its memory is held to no limit: %s", row->workload, row->v.why);
	}
	g->out->n = n;
}

/* A time that seems to be regressed is asked again. Return: whether any is. */
static bool mark_suspicions(struct gate *g)
{
	bool any = false;

	for (uint32_t i = 0; i < g->out->n; i++) {
		struct pb_gate_row *row = &g->out->rows[i];

		row->fresh = row->verdict == PB_GATE_REGRESSED && !row->v.is_count;
		any = any || row->fresh;
	}
	return any;
}

static bool is_suspected(const struct gate *g, const char *workload)
{
	for (uint32_t i = 0; i < g->out->n; i++)
		if (g->out->rows[i].fresh && !strcmp(g->out->rows[i].workload, workload))
			return true;
	return false;
}

/* As many runs again of what is suspected, and only they decide. */
static int confirm(struct gate *g)
{
	for (uint32_t i = 0; i < g->bead->n_workloads; i++) {
		const struct pb_plan_workload *w = &g->plan->workloads[g->bead->workloads[i]];
		struct pb_plan_workload twice = *w;
		int end;

		if (!is_suspected(g, w->name))
			continue;
		pb_log(PB_LOG_INFO, "%s: a limit seems to be passed; %u fresh runs will decide",
		       w->name, w->runs);
		twice.runs *= 2;
		end = end_of(g->m, pb_measure_runs(g->m, &twice), w);
		if (!end)
			end = pb_figures_put(g->m->store, g->m->id, &twice, g->m->directory);
		if (end)
			return end;
	}
	return read_rows(g, true);
}

static int put_figure(struct gate *g, const struct pb_gate_row *row)
{
	const struct pb_interval_estimate *r = &row->v.ratio;
	struct pb_figure figure = {
		.workload = row->workload,
		.name = pb_limit_name(row->v.what),
		.unit = "percent",
		.value = pb_versus_pct(r->value),
		.low = pb_versus_pct(r->low),
		.high = pb_versus_pct(r->high),
	};

	if (row->v.why[0])
		figure.why = row->v.why;
	else if (!isfinite(figure.value))
		figure.why = "the reference is 0, and now it is not";
	else if (!isfinite(figure.high))
		figure.low = figure.high = (double)NAN;
	return pb_store_put_figure(g->m->store, g->m->id, &figure);
}

/* What was found, into m->why: what is regressed first, else what nobody can say. */
static int conclude(struct gate *g)
{
	enum pb_gate_verdict worst = pb_gate_worst(g->out);
	struct pb_measure *m = g->m;
	size_t len = 0;

	m->why[0] = '\0';
	for (uint32_t i = 0; i < g->out->n && worst != PB_GATE_HOLDS; i++) {
		const struct pb_gate_row *row = &g->out->rows[i];

		if (row->verdict != worst || len >= sizeof(m->why) - 1)
			continue;
		len += (size_t)snprintf(m->why + len, sizeof(m->why) - len, "%s%s: %s",
					len ? "; " : "", row->workload, row->why);
	}
	return worst == PB_GATE_REGRESSED ? PB_MEASURE_FINDING
	       : worst == PB_GATE_HOLDS   ? PB_MEASURE_DONE
					  : PB_MEASURE_NOISY;
}

static int hold(struct gate *g)
{
	int end = measure_all(g);

	if (!end)
		end = make_rows(g);
	if (!end)
		end = read_rows(g, false);
	if (end)
		return end;
	drop_unknown_memory(g);
	pb_gate_judge(g->out->rows, g->out->n, false);
	if (mark_suspicions(g)) {
		end = confirm(g);
		if (end)
			return end;
		pb_gate_judge(g->out->rows, g->out->n, true);
	}
	for (uint32_t i = 0; i < g->out->n && !end; i++)
		end = put_figure(g, &g->out->rows[i]);
	g->is_judged = !end;
	return end ? end : conclude(g);
}

int pb_gate_run(struct pb_gate **out, struct pb_measure *m, const struct pb_plan *plan,
		const struct pb_plan_bead *bead, int64_t reference)
{
	pb_auto(pb_gate) struct pb_gate *result = calloc(1, sizeof(*result));
	pb_autofree char *name = NULL, *directory = NULL;
	struct gate g = {.m = m, .plan = plan, .bead = bead, .out = result};
	int end;

	*out = NULL;
	if (!result)
		return pb_err(ENOMEM, "hold the limits");
	result->run = m->id;
	result->reference = reference;
	end = pb_store_run(m->store, reference, &name, &directory);
	if (end)
		return end;
	g.base = (struct pb_versus_side){reference, directory, 0, UINT32_MAX};
	g.is_default = pb_gate_limits(bead, g.limits);
	end = hold(&g);
	if (g.is_judged)
		*out = pb_take(result);
	return end;
}

int pb_gate(struct pb_measure *m, const struct pb_plan *plan, const struct pb_plan_bead *bead,
	    int64_t reference)
{
	pb_auto(pb_gate) struct pb_gate *g = NULL;

	return pb_gate_run(&g, m, plan, bead, reference);
}
