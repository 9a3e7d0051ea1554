/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/cpu_profile.h"
#include "user/bead/measure_inside.h"
#include "user/bead/profile_inside.h"
#include "user/bead/share.h"
#include "user/bead/stats.h"
#include "user/bead/store.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/own.h"

int pb_profile_put(const struct pb_profiling *p, const char *name, const char *unit, double value,
		   double low, double high, const char *why)
{
	const struct pb_figure figure = {p->workload->name,        name, unit, value, low, high,
					 isnan(value) ? why : NULL};

	return pb_store_put_figure(p->m->store, p->m->id, &figure);
}

int pb_profile_put_mean(const struct pb_profiling *p, const char *name, const char *unit,
			const double *of)
{
	double mean, low, high;

	pb_share_mean(&mean, &low, &high, of, p->tally.runs);
	return pb_profile_put(p, name, unit, mean, low, high, NULL);
}

/* "cpu_complete_pct" and the like. */
static int put_of_kind(const struct pb_profiling *p, const char *name, const char *unit,
		       double value, double low, double high, const char *why)
{
	char full[64];

	snprintf(full, sizeof(full), "%s_%s", p->kind->name, name);
	return pb_profile_put(p, full, unit, value, low, high, why);
}

/* How much longer the capture lasted than a run of the baseline: told, and no more, since a machine that is busy looks
 * the same. */
static int put_slowdown(const struct pb_profiling *p)
{
	double slow[PB_TALLY_RUNS_MAX], low = (double)NAN, high = (double)NAN, median = (double)NAN;
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->tally.runs; i++) {
		double pct = 100 * (p->tally.duration_ns[i] / p->base.wall_ns - 1);

		if (isnan(pct))
			continue;
		slow[n++] = pct;
		low = fmin(low, pct);
		high = fmax(high, pct);
	}
	if (n)
		median = pb_stats_median(slow, n);
	return put_of_kind(p, "slowdown_pct", "percent", median, low, high,
			   "no baseline of this workload has a median of its wall time");
}

static int put_quality(const struct pb_profiling *p)
{
	const struct pb_tally *t = &p->tally;
	double low = (double)NAN, high = (double)NAN;
	int err;

	if (t->kept) {
		pb_share_wilson((double)t->complete, (double)t->kept, &low, &high);
		low *= 100;
		high *= 100;
	}
	err = put_of_kind(p, "complete_pct", "percent", pb_tally_complete_pct(t), low, high,
			  "nothing was measured");
	if (!err)
		err = put_of_kind(p, "lost", "count", (double)t->lost, (double)NAN, (double)NAN,
				  NULL);
	if (!err)
		err = put_of_kind(p, "overhead_pct", "percent", pb_tally_cost_pct(t), (double)NAN,
				  (double)NAN, "the kernel does not say");
	if (!err)
		err = put_slowdown(p);
	/* The last one: with it a workload is done, see is_done(). */
	return err ? err : put_of_kind(p, "runs", "count", t->runs, (double)NAN, (double)NAN, NULL);
}

struct wanted {
	const char *workload, *name;
	bool found;
};

static int look_for(void *ctx, const struct pb_figure *figure)
{
	struct wanted *w = ctx;

	w->found |= !strcmp(figure->workload, w->workload) && !strcmp(figure->name, w->name);
	return 0;
}

/* Whether a run of the bead that is resumed has the workload behind it. Return: 0, 1; -errno. */
static int is_done(const struct pb_profiling *p)
{
	struct wanted w = {.workload = p->workload->name};
	char name[64];
	int err;

	snprintf(name, sizeof(name), "%s_runs", p->kind->name);
	w.name = name;
	err = pb_store_figures(p->m->store, p->m->id, look_for, &w);
	return err ? err : w.found;
}

static void show_progress(const struct pb_profiling *p)
{
	char line[200];

	if (!pb_live_wanted())
		return;
	snprintf(line, sizeof(line), "%s: %s, run %u, %llu %s so far", p->workload->name,
		 p->kind->tool, p->tally.runs + 1, (unsigned long long)p->tally.kept,
		 p->kind->unit);
	pb_live(line);
}

/* One run and what it adds. Return: enum pb_measure_end; -errno. */
static int take_run(struct pb_profiling *p)
{
	struct pb_measure *m = p->m;
	json_t *report = NULL;
	char why[256] = "";
	uint64_t before = p->tally.kept;
	bool best = true;
	int end = pb_profile_once(p, p->tally.runs + 1, &report);

	if (end)
		return end;
	end = p->kind->add(p, report, why, sizeof(why));
	if (!end)
		end = pb_tally_add(&p->tally, report, why, sizeof(why));
	json_decref(report);
	if (end == -EPROTO) {
		snprintf(m->why, sizeof(m->why), "%s is of another version: %s", p->kind->tool,
			 why);
		return PB_MEASURE_CANNOT;
	}
	if (end)
		return pb_err(-end, "read the report of %s", p->kind->tool);
	for (uint32_t i = 0; i + 1 < p->tally.runs; i++)
		best &= (double)(p->tally.kept - before) > p->tally.kept_of[i];
	pb_profile_keep(p, p->tally.runs, best);
	return PB_MEASURE_DONE;
}

static int take_runs(struct pb_profiling *p)
{
	int end;

	p->began_ns = pb_clock_ns();
	do {
		show_progress(p);
		end = pb_measure_may_go_on(p->m);
		if (!end)
			end = take_run(p);
	} while (!end && p->tally.runs < PB_TALLY_RUNS_MAX && !p->kind->enough(p));
	pb_live(NULL);
	pb_profile_give(p);
	return end;
}

static int name_files(struct pb_profiling *p)
{
	const char *directory = p->m->directory;
	size_t len = strlen(p->plan->directory);

	if (asprintf(&p->files, "%s/%s.%s", directory, p->workload->name, p->kind->name) < 0) {
		p->files = NULL;
		return pb_err(ENOMEM, "profile %s", p->workload->name);
	}
	if (!strncmp(directory, p->plan->directory, len) && directory[len] == '/')
		directory += len + 1;
	if (asprintf(&p->evidence, "%s/%s.%s.html", directory, p->workload->name, p->kind->name) <
	    0) {
		p->evidence = NULL;
		return pb_err(ENOMEM, "profile %s", p->workload->name);
	}
	return 0;
}

static int profile(struct pb_profiling *p)
{
	int end = is_done(p);

	if (end < 0)
		return end;
	if (end)
		return PB_MEASURE_DONE;
	end = name_files(p);
	if (!end)
		end = pb_profile_read_base(&p->base, p->m->store, p->plan, p->workload);
	if (!end)
		end = take_runs(p);
	if (end)
		return end;
	end = p->kind->finish(p);
	if (!end)
		end = put_quality(p);
	if (end)
		return end;
	return pb_tally_judge(&p->tally, p->plan, p->kind->overhead, p->m->why, sizeof(p->m->why))
		       ? PB_MEASURE_DONE
		       : PB_MEASURE_QUALITY;
}

int pb_profile(struct pb_measure *m, const struct pb_plan *plan, const struct pb_plan_bead *bead,
	       const struct pb_plan_workload *workload)
{
	struct pb_profiling p = {.m = m, .plan = plan, .bead = bead, .workload = workload};
	struct pb_cpu cpu = {0};
	struct pb_paths paths = {0};
	int end;

	p.ctx = bead->kind == PB_BEAD_CPU_FLAME ? (void *)&cpu : (void *)&paths;
	p.kind = bead->kind == PB_BEAD_CPU_FLAME     ? &pb_profile_cpu
		 : bead->kind == PB_BEAD_ALLOC_SITES ? &pb_profile_alloc
						     : &pb_profile_io;
	end = profile(&p);
	pb_cpu_drop(&cpu);
	pb_paths_drop(&paths);
	pb_tally_drop(&p.tally);
	free(p.files);
	free(p.evidence);
	return end;
}
