/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Rows of the matrix, out of the store. How they are scored is in opportunity_score.c. */
#include "user/bead/opportunity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/bead/levers.h"
#include "user/bead/plan.h"
#include "user/bead/store.h"
#include "user/core/grow.h"
#include "user/core/log.h"

struct gather {
	struct pb_store *store;
	const struct pb_plan *plan;
	struct pb_opportunities *o;
	uint32_t room;              /* for rows */
	int64_t run, stale;         /* of the bead that is looked at; as in struct pb_opportunity */
	struct pb_opportunity *row; /* that clues and completeness go to */
	uint32_t clue_room;
};

static void drop_row(struct pb_opportunity *row)
{
	for (uint32_t i = 0; i < row->n_clues; i++)
		free(row->clues[i].text);
	free(row->clues);
	free(row->texts);
	free(row->why_stays);
}

void pb_opportunities_free(struct pb_opportunities *o)
{
	if (!o)
		return;
	for (uint32_t i = 0; i < o->n; i++)
		drop_row(&o->rows[i]);
	free(o->rows);
	free(o);
}

static int find_row(const struct pb_opportunities *o, const char *workload, const char *id)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (!strcmp(o->rows[i].spot.id, id) && !strcmp(o->rows[i].spot.workload, workload))
			return (int)i;
	return -ENOENT;
}

/* A spot that outlives the store's row: its texts in one block. */
static int keep_spot(struct pb_opportunity *row, const struct pb_spot *spot)
{
	const char **texts[] = {&row->spot.workload, &row->spot.id,      &row->spot.name,
				&row->spot.module,   &row->spot.file,    &row->spot.frames,
				&row->spot.unit,     &row->spot.evidence};
	size_t size = 0;
	char *at;

	row->spot = *spot;
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++)
		size += strlen(*texts[i]) + 1;
	row->texts = at = malloc(size);
	if (!at)
		return pb_err(ENOMEM, "gather the hotspots");
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++) {
		size_t len = strlen(*texts[i]) + 1;

		memcpy(at, *texts[i], len);
		*texts[i] = at;
		at += len;
	}
	return 0;
}

static int add_row(void *ctx, const struct pb_spot *spot)
{
	struct gather *g = ctx;
	struct pb_opportunities *o = g->o;
	struct pb_opportunity *row;
	int err;

	/* Two beads of a kind may look at the same workload: the one that the plan names first is told. */
	if (find_row(o, spot->workload, spot->id) >= 0)
		return 0;
	err = pb_grow(&o->rows, &g->room, o->n + 1, sizeof(*o->rows));
	if (err)
		return pb_err(-err, "gather the hotspots");
	row = &o->rows[o->n];
	*row = (struct pb_opportunity){
		.run = g->run, .stale = g->stale, .complete_pct = (double)NAN};
	err = keep_spot(row, spot);
	if (!err)
		o->n++;
	return err;
}

static int add_clue(void *ctx, const struct pb_clue *clue)
{
	struct gather *g = ctx;
	struct pb_opportunity *row = g->row;
	const struct pb_lever *lever = pb_lever_find(clue->lever);
	int err;

	if (!lever) {
		pb_log(PB_LOG_DEBUG, "the store names a lever \"%s\" that is none", clue->lever);
		return 0;
	}
	err = pb_grow(&row->clues, &g->clue_room, row->n_clues + 1, sizeof(*row->clues));
	if (err)
		return pb_err(-err, "gather the hotspots");
	row->clues[row->n_clues] = (struct pb_opportunity_clue){
		.lever = lever, .share_pct = clue->share_pct, .text = strdup(clue->text)};
	if (!row->clues[row->n_clues].text)
		return pb_err(ENOMEM, "gather the hotspots");
	row->n_clues++;
	return 0;
}

/* How much of the profile's stacks is complete: a figure of its bead. */
static int note_complete(void *ctx, const struct pb_figure *figure)
{
	struct gather *g = ctx;
	char name[32];

	snprintf(name, sizeof(name), "%s_complete_pct", pb_spot_kind_name(g->row->spot.kind));
	if (!strcmp(figure->name, name) && !strcmp(figure->workload, g->row->spot.workload))
		g->row->complete_pct = figure->value;
	return 0;
}

static int fill_row(struct gather *g, struct pb_opportunity *row)
{
	int typed = 0, err;

	g->row = row;
	g->clue_room = 0;
	row->spot.file = pb_plan_relative(g->plan, row->spot.file);
	err = pb_store_clues(g->store, row->run, row->spot.workload, row->spot.id, add_clue, g);
	if (!err)
		err = pb_store_figures(g->store, row->run, note_complete, g);
	if (!err)
		err = pb_store_opinion(g->store, row->spot.workload, row->spot.id, &typed,
				       &row->why_stays);
	if (!err)
		pb_opportunity_score(row, typed, g->plan);
	return err;
}

static int gather_bead(struct gather *g, const struct pb_plan_bead *bead)
{
	int64_t until = 0;
	int err;

	if (bead->kind != PB_BEAD_CPU_FLAME && bead->kind != PB_BEAD_ALLOC_SITES &&
	    bead->kind != PB_BEAD_IO_LATENCY)
		return 0;
	err = pb_store_last_done(g->store, bead->id, g->plan->digest, &g->run);
	if (err || !g->run)
		return err;
	err = pb_store_stale_until(g->store, &until, &g->stale);
	if (err)
		return err;
	if (g->run > until)
		g->stale = 0;
	return pb_store_spots(g->store, g->run, add_row, g);
}

/* Best score first; those without one behind, by what would be saved, then by share. */
static int compare_rows(const void *a, const void *b)
{
	const struct pb_opportunity *x = a, *y = b;
	const double of_x[] = {x->score, x->spot.ceiling_pct, x->spot.total_pct};
	const double of_y[] = {y->score, y->spot.ceiling_pct, y->spot.total_pct};

	for (size_t i = 0; i < PB_ARRAY_SIZE(of_x); i++) {
		double p = isnan(of_x[i]) ? -1 : of_x[i], q = isnan(of_y[i]) ? -1 : of_y[i];

		if (p != q)
			return p > q ? -1 : 1;
	}
	if (strcmp(x->spot.workload, y->spot.workload) != 0)
		return strcmp(x->spot.workload, y->spot.workload);
	return strcmp(x->spot.id, y->spot.id);
}

int pb_opportunities_read(struct pb_opportunities **out, struct pb_store *store,
			  const struct pb_plan *plan)
{
	pb_auto(pb_opportunities) struct pb_opportunities *o = calloc(1, sizeof(*o));
	struct gather g = {.store = store, .plan = plan, .o = o};
	int err = 0;

	if (!o)
		return pb_err(ENOMEM, "gather the hotspots");
	for (uint32_t i = 0; i < plan->n_beads && !err; i++)
		err = gather_bead(&g, &plan->beads[i]);
	for (uint32_t i = 0; i < o->n && !err; i++) {
		err = fill_row(&g, &o->rows[i]);
		o->n_stand += o->rows[i].stands;
		o->n_without_lever += pb_opportunity_is_without_lever(&o->rows[i], plan);
	}
	if (err)
		return err;
	if (o->n)
		qsort(o->rows, o->n, sizeof(*o->rows), compare_rows);
	*out = pb_take(o);
	return 0;
}

int pb_opportunities_find(const struct pb_opportunities *o, const char *name)
{
	const char *slash = strrchr(name, '/');
	int found = -ENOENT;

	for (uint32_t i = 0; i < o->n; i++) {
		const struct pb_spot *spot = &o->rows[i].spot;

		if (strcmp(spot->id, slash ? slash + 1 : name) != 0)
			continue;
		if (slash && (strlen(spot->workload) != (size_t)(slash - name) ||
			      strncmp(spot->workload, name, (size_t)(slash - name)) != 0))
			continue;
		if (found >= 0)
			return -EEXIST;
		found = (int)i;
	}
	return found;
}
