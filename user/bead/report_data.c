/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/report_data.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/store_history.h"
#include "user/core/grow.h"
#include "user/core/log.h"

/* A part, and the larger one that it belongs to, or itself. */
static const struct {
	const char *name;
	enum pb_report_part whole;
} parts[PB_PARTS] = {
	[PB_PART_IO_CLUES] = {"what speaks for levers at I/O paths", PB_PART_IO},
	[PB_PART_ALLOC_TAIL] = {"allocation sites beyond the first", PB_PART_ALLOC},
	[PB_PART_PROOFS] = {"details of proofs", PB_PART_CHANGES},
	[PB_PART_FIGURES] = {"secondary figures of the baseline", PB_PART_BASELINE},
	[PB_PART_REPRODUCE] = {"how to reproduce", PB_PART_REPRODUCE},
	[PB_PART_IO] = {"I/O paths", PB_PART_IO},
	[PB_PART_ALLOC] = {"allocation sites", PB_PART_ALLOC},
	[PB_PART_HOTSPOT_TAIL] = {"hotspots beyond the first", PB_PART_HOTSPOTS},
	[PB_PART_GATE] = {"guardrails", PB_PART_GATE},
	[PB_PART_SETTLED] = {"opportunities below the threshold", PB_PART_SETTLED},
	[PB_PART_CHANGES] = {"changes", PB_PART_CHANGES},
	[PB_PART_BEADS] = {"beads", PB_PART_BEADS},
	[PB_PART_BASELINE] = {"the baseline", PB_PART_BASELINE},
	[PB_PART_HOTSPOTS] = {"CPU hotspots", PB_PART_HOTSPOTS},
	[PB_PART_EVIDENCE] = {"evidence of opportunities", PB_PART_EVIDENCE},
	[PB_PART_ROWS] = {"opportunities beyond the first", PB_PART_ROWS},
};

const char *pb_report_part_name(enum pb_report_part part, enum pb_report_part *whole)
{
	*whole = parts[part].whole;
	return parts[part].name;
}

/* A copy that lives as long as the report. NULL of NULL, or without memory, which @err tells. */
static const char *keep(struct pb_report *r, const char *text, int *err)
{
	char *copy;

	if (!text || *err)
		return NULL;
	copy = strdup(text);
	if (!copy ||
	    pb_grow(&r->texts, &r->texts_room, (uint64_t)r->n_texts + 1, sizeof(*r->texts))) {
		free(copy);
		*err = pb_err(ENOMEM, "gather the report");
		return NULL;
	}
	r->texts[r->n_texts++] = copy;
	return copy;
}

/* One bead of a report in the making. */
struct gather {
	struct pb_report *r;
	struct pb_report_bead *bead;
	int64_t ended;
};

static int note_run(void *ctx, const struct pb_store_run *run)
{
	struct gather *g = ctx;
	int err = 0;

	g->ended = run->id;
	g->bead->note = keep(g->r, run->note, &err);
	g->bead->ended = keep(g->r, run->ended, &err);
	return err;
}

static int add_figure(void *ctx, const struct pb_figure *figure)
{
	struct gather *g = ctx;
	struct pb_report_bead *b = g->bead;
	struct pb_figure copy = *figure;
	int err = 0;

	copy.workload = keep(g->r, figure->workload, &err);
	copy.name = keep(g->r, figure->name, &err);
	copy.unit = keep(g->r, figure->unit, &err);
	copy.why = keep(g->r, figure->why, &err);
	if (err)
		return err;
	err = pb_grow(&b->figures, &b->room, (uint64_t)b->n_figures + 1, sizeof(*b->figures));
	if (err)
		return pb_err(-err, "gather the report");
	b->figures[b->n_figures++] = copy;
	return 0;
}

/* Figures are of the last run that is done; of a gate, which may have failed for what they say, of the last one. */
static int gather_bead(struct pb_report *r, const struct pb_desk *desk, uint32_t i)
{
	struct gather g = {.r = r, .bead = &r->beads[i]};
	const struct pb_plan_bead *bead = &desk->plan->beads[i];
	int err;

	g.bead->bead = bead;
	err = pb_desk_standing(desk, i, &g.bead->standing);
	if (!err)
		err = pb_store_last_ended(desk->store, bead->id, desk->plan->digest, note_run, &g);
	if (!err)
		err = pb_store_last_done(desk->store, bead->id, desk->plan->digest, &g.bead->run);
	if (err)
		return err;
	if (bead->kind == PB_BEAD_GATE)
		g.bead->run = g.ended;
	if (!g.bead->run)
		return 0;
	err = pb_store_origin(desk->store, g.bead->run, &g.bead->origin);
	return err ? err : pb_store_figures(desk->store, g.bead->run, add_figure, &g);
}

static int add_change(void *ctx, const struct pb_change *change)
{
	struct pb_report *r = ctx;
	struct pb_change copy = *change;
	const char **text;
	int err = 0;

	for (size_t i = 0; (text = pb_change_text(&copy, i)); i++)
		*text = keep(r, *text, &err);
	if (err)
		return err;
	err = pb_grow(&r->changes, &r->changes_room, (uint64_t)r->n_changes + 1,
		      sizeof(*r->changes));
	if (err)
		return pb_err(-err, "gather the report");
	r->changes[r->n_changes++] = copy;
	return 0;
}

static int gather(struct pb_report *r, const struct pb_desk *desk)
{
	int err = pb_opportunities_read(&r->opportunities, desk->store, desk->plan);

	if (err)
		return err;
	r->beads = calloc(desk->plan->n_beads, sizeof(*r->beads));
	if (!r->beads)
		return pb_err(ENOMEM, "gather the report");
	for (uint32_t i = 0; i < desk->plan->n_beads && !err; i++)
		err = gather_bead(r, desk, i);
	if (!err)
		err = pb_store_changes(desk->store, add_change, r);
	if (!err)
		err = pb_desk_stop_condition_of(desk, r->opportunities, &r->stop);
	return err;
}

int pb_report_gather(struct pb_report *out, const struct pb_desk *desk, const char *report_path)
{
	pb_auto_report struct pb_report r = {.plan = desk->plan};
	pb_autofree char *sums = NULL;
	int err;

	r.plan_name = strrchr(desk->plan->path, '/') ? strrchr(desk->plan->path, '/') + 1
						     : desk->plan->path;
	if (asprintf(&sums, "%s/SHA256SUMS", desk->golden) < 0)
		return pb_err(ENOMEM, "gather the report");
	r.blessed = !access(sums, F_OK);
	err = gather(&r, desk);
	if (!err)
		err = pb_report_plan_steps(&r);
	if (err)
		return err;
	pb_report_env_read(&r.env, desk->plan->directory, report_path);
	*out = r;
	r = (struct pb_report){0};
	return 0;
}

void pb_report_drop(struct pb_report *r)
{
	for (uint32_t i = 0; r->beads && i < r->plan->n_beads; i++)
		free(r->beads[i].figures);
	free(r->beads);
	pb_opportunities_free(r->opportunities);
	free(r->changes);
	for (uint32_t i = 0; i < r->n_steps; i++)
		free(r->steps[i].command);
	for (uint32_t i = 0; i < r->n_texts; i++)
		free(r->texts[i]);
	free(r->texts);
	*r = (struct pb_report){0};
}

const struct pb_figure *pb_report_figure(const struct pb_report *r, enum pb_bead_kind kind,
					 const char *workload, const char *name)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];

		if (kind == PB_BEAD_KINDS ? b->bead->kind == PB_BEAD_GATE : b->bead->kind != kind)
			continue;
		for (uint32_t k = 0; k < b->n_figures; k++)
			if (!strcmp(b->figures[k].name, name) &&
			    !strcmp(b->figures[k].workload, workload))
				return &b->figures[k];
	}
	return NULL;
}

static double share_of(const struct pb_opportunity *row)
{
	return isnan(row->spot.total_pct) ? -1 : row->spot.total_pct;
}

static int compare_shares(const void *a, const void *b)
{
	const struct pb_opportunity *const *p = a, *const *q = b;
	double x = share_of(*p), y = share_of(*q);

	if (x != y)
		return x > y ? -1 : 1;
	return strcmp((*p)->spot.id, (*q)->spot.id);
}

const struct pb_opportunity **pb_report_rows(const struct pb_report *r, const char *workload,
					     enum pb_spot_kind kind, uint32_t *n)
{
	const struct pb_opportunities *o = r->opportunities;
	const struct pb_opportunity **rows;

	*n = 0;
	if (!o->n)
		return NULL;
	rows = calloc(o->n, sizeof(*rows));
	if (!rows) {
		*n = UINT32_MAX;
		return NULL;
	}
	for (uint32_t i = 0; i < o->n; i++)
		if (o->rows[i].spot.kind == kind && !strcmp(o->rows[i].spot.workload, workload))
			rows[(*n)++] = &o->rows[i];
	qsort(rows, *n, sizeof(*rows), compare_shares);
	return rows;
}

uint32_t pb_report_top(const struct pb_report *r, uint32_t workload, enum pb_bead_kind kind)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_plan_bead *b = &r->plan->beads[i];

		for (uint32_t k = 0; b->kind == kind && k < b->n_workloads; k++)
			if (b->workloads[k] == workload)
				return b->top;
	}
	return PB_PLAN_TOP;
}

const struct pb_lever *pb_report_lever(const struct pb_opportunity *row)
{
	const struct pb_opportunity_clue *best = pb_opportunity_best_clue(row);

	return best ? best->lever : NULL;
}
