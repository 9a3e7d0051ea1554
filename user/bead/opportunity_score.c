/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a row of the matrix is scored. */
#include "user/bead/opportunity.h"

#include <math.h>
#include <stdio.h>

#include "user/bead/levers.h"
#include "user/bead/plan.h"
#include "user/core/own.h"

/* From @steps on, in descending order, it is 5, 4, 3, 2; below all of them 1. */
static int grade(double value, const double steps[4])
{
	for (int i = 0; i < 4; i++)
		if (value >= steps[i])
			return 5 - i;
	return 1;
}

int pb_opportunity_impact(double ceiling_pct)
{
	static const double steps[] = {50, 25, 10, 5};

	return isnan(ceiling_pct) ? 0 : grade(ceiling_pct, steps);
}

/* How well the share itself is known: half the width of its interval, relative to it; without an interval, by what it
 * rests on. */
static int grade_precision(const struct pb_spot *spot)
{
	static const double events[] = {1000, 300, 100, 30};
	static const double widths[] = {-0.1, -0.2, -0.35, -0.6};

	if (isnan(spot->low_pct) || isnan(spot->high_pct) || !(spot->total_pct > 0))
		return grade((double)spot->events, events);
	return grade(-(spot->high_pct - spot->low_pct) / 2 / spot->total_pct, widths);
}

static int grade_agreement(const struct pb_spot *spot)
{
	static const double spreads[] = {-0.15, -0.3, -0.5, -0.75};

	/* Of one run nobody knows whether the next one agrees. */
	if (isnan(spot->spread_pct) || !(spot->total_pct > 0))
		return 3;
	return grade(-spot->spread_pct / spot->total_pct, spreads);
}

int pb_opportunity_confidence(const struct pb_spot *spot, double complete_pct)
{
	static const double complete[] = {95, 90, 75, 50};
	const int grades[] = {grade_precision(spot), grade_agreement(spot),
			      isnan(complete_pct) ? 3 : grade(complete_pct, complete)};
	int least = 5;

	for (size_t i = 0; i < PB_ARRAY_SIZE(grades); i++)
		if (grades[i] < least)
			least = grades[i];
	return least;
}

const struct pb_opportunity_clue *pb_opportunity_best_clue(const struct pb_opportunity *row)
{
	const struct pb_opportunity_clue *best = row->n_clues ? &row->clues[0] : NULL;

	for (uint32_t i = 1; i < row->n_clues; i++)
		if (row->clues[i].share_pct > best->share_pct || isnan(best->share_pct))
			best = &row->clues[i];
	return best;
}

/* What a lever reaches of a ceiling: no more than what was seen that speaks for it. */
static double reach(double ceiling_pct, const struct pb_opportunity_clue *clue)
{
	return isnan(clue->share_pct) ? ceiling_pct
				      : ceiling_pct * fmin(clue->share_pct, 100) / 100;
}

/* What would have to be seen before there were a lever, or a score. */
static void tell_lacking(struct pb_opportunity *row)
{
	static const char *const levers[PB_SPOT_KINDS] = {
		[PB_SPOT_CPU] =
			"no lever: its time is neither in itself, nor in copying, comparing, "
			"allocating, formatting or locking",
		[PB_SPOT_ALLOC] =
			"no lever: its blocks are neither short-lived nor alike, and hold "
			"no large part of the memory",
		[PB_SPOT_IO] =
			"no lever: it is neither small and sequential, nor repeated, nor one "
			"call for each item",
	};

	if (!row->n_clues)
		snprintf(row->lacks, sizeof(row->lacks), "%s", levers[row->spot.kind]);
	else if (!row->impact)
		snprintf(
			row->lacks, sizeof(row->lacks),
			row->spot.kind == PB_SPOT_ALLOC
				? "what it costs in time is not known: that takes a cpu-flame bead "
				  "of the workload, with samples enough"
				: "what it costs of the whole time is not known: that takes a "
				  "baseline of the workload");
	else if (row->confidence <= 2)
		snprintf(row->lacks, sizeof(row->lacks),
			 "little confidence: more runs, or stacks that are complete, would tell");
}

bool pb_opportunity_is_without_lever(const struct pb_opportunity *row, const struct pb_plan *plan)
{
	const struct pb_spot *spot = &row->spot;
	double pct = isnan(spot->ceiling_pct) && spot->kind == PB_SPOT_CPU ? spot->total_pct
									   : spot->ceiling_pct;

	return !row->n_clues && !row->why_stays && !row->stale && pct >= plan->hotspot_pct;
}

void pb_opportunity_score(struct pb_opportunity *row, int typed_effort, const struct pb_plan *plan)
{
	const struct pb_spot *spot = &row->spot;
	const struct pb_opportunity_clue *best = pb_opportunity_best_clue(row);
	double low_pct = isnan(spot->ceiling_low_pct) ? spot->ceiling_pct : spot->ceiling_low_pct;

	row->saves_pct = spot->ceiling_pct;
	if (best) {
		row->saves_pct = reach(spot->ceiling_pct, best);
		low_pct = reach(low_pct, best);
	}
	row->impact = pb_opportunity_impact(low_pct);
	row->confidence = pb_opportunity_confidence(spot, row->complete_pct);
	row->score = (double)NAN;
	row->effort = 0;
	if (best) {
		row->effort_assumed = !typed_effort;
		row->effort = typed_effort ? typed_effort : best->lever->effort;
	}
	if (row->effort && row->impact)
		row->score = (double)row->impact * row->confidence / row->effort;
	row->stands = !row->why_stays && !row->stale && low_pct >= plan->hotspot_pct &&
		      row->score >= plan->score;
	tell_lacking(row);
}
