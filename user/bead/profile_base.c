/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What other beads of the plan know of a workload already. */
#include "user/bead/profile_inside.h"

#include <math.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/bead/store.h"

/* Figures of a workload that are looked for. */
struct wanted {
	const char *workload;
	double wall_ns, net_ns, user_ns, system_ns, system_most_ns, rss_bytes;
	double allocator_pct, allocator_low_pct, allocator_high_pct;
};

static int keep(void *ctx, const struct pb_figure *figure)
{
	struct wanted *w = ctx;

	if (strcmp(figure->workload, w->workload))
		return 0;
	if (!strcmp(figure->name, "wall_p50_ns"))
		w->wall_ns = figure->value;
	else if (!strcmp(figure->name, "net_p50_ns"))
		w->net_ns = figure->value;
	else if (!strcmp(figure->name, "user_p50_ns"))
		w->user_ns = figure->value;
	else if (!strcmp(figure->name, "max_rss_p50_bytes"))
		w->rss_bytes = figure->value;
	if (!strcmp(figure->name, "system_p50_ns")) {
		w->system_ns = figure->value;
		w->system_most_ns = isnan(figure->high) ? figure->value : figure->high;
	}
	if (!strcmp(figure->name, "cpu_allocator_pct")) {
		w->allocator_pct = figure->value;
		w->allocator_low_pct = figure->low;
		w->allocator_high_pct = figure->high;
	}
	return 0;
}

static bool is_of(const struct pb_plan *plan, const struct pb_plan_bead *bead,
		  const struct pb_plan_workload *workload)
{
	for (uint32_t i = 0; i < bead->n_workloads; i++)
		if (&plan->workloads[bead->workloads[i]] == workload)
			return true;
	return false;
}

/* Of all beads of a kind that have the workload the last run that is done; 0: none. */
static int find_last(struct pb_store *store, const struct pb_plan *plan,
		     const struct pb_plan_workload *workload, enum pb_bead_kind kind, int64_t *out)
{
	int64_t until = 0;
	int err = pb_store_stale_until(store, &until, NULL);

	*out = 0;
	for (uint32_t i = 0; i < plan->n_beads && !err; i++) {
		int64_t run = 0;

		if (plan->beads[i].kind != kind || !is_of(plan, &plan->beads[i], workload))
			continue;
		err = pb_store_last_done(store, plan->beads[i].id, plan->digest, &run);
		if (err)
			return err;
		/* Of a program before a change it is not known how much its allocator takes now. */
		if (run > *out && (kind != PB_BEAD_CPU_FLAME || run > until))
			*out = run;
	}
	return err;
}

int pb_profile_read_base(struct pb_path_base *base, struct pb_store *store,
			 const struct pb_plan *plan, const struct pb_plan_workload *workload)
{
	static const enum pb_bead_kind kinds[] = {PB_BEAD_BASELINE, PB_BEAD_CPU_FLAME};
	const double nan = (double)NAN;
	struct wanted w = {workload->name, nan, nan, nan, nan, nan, nan, nan, nan, nan};

	for (size_t i = 0; i < PB_ARRAY_SIZE(kinds); i++) {
		int64_t run;
		int err = find_last(store, plan, workload, kinds[i], &run);

		if (!err && run)
			err = pb_store_figures(store, run, keep, &w);
		if (err)
			return err;
	}
	/* What it waited for a CPU is due to others, and nothing that its own code could save. */
	if (w.net_ns > 0)
		w.wall_ns = w.net_ns;
	if (!(w.wall_ns > 0))
		w.wall_ns = nan;
	*base = (struct pb_path_base){
		.wall_ns = w.wall_ns,
		.cpu_per_wall = (w.user_ns + w.system_ns) / w.wall_ns,
		.system_ns = w.system_most_ns,
		.rss_bytes = w.rss_bytes,
		.allocator_pct = w.allocator_pct,
		.allocator_low_pct = w.allocator_low_pct,
		.allocator_high_pct = w.allocator_high_pct,
	};
	return 0;
}
