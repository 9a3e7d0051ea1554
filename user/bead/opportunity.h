/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The opportunity matrix: (impact x confidence) / effort of every spot, 1 to 5 each.
 *
 *   impact      from what would be saved at most: of the ceiling of the spot the share that speaks for its lever. 5 from
 *               50 % on, 4 from 25, 3 from 10, 2 from 5, else 1; of the lower end of its interval, so that luck does not
 *               lift a row
 *   confidence  from the events it rests on, how many of its stacks are complete, and how well runs agree
 *   effort      typed in; until then what the lever usually takes, and said to be assumed
 *
 * A row of a profile from before a change was closed is stale, and does not stand: its bead is open again.
 *
 * A spot that no clue speaks for has no lever and no score, and the row says what would have to be seen. Nothing is
 * stored here: rows are made from what the beads of the plan found last, and what people said of it.
 */
#ifndef PB_BEAD_OPPORTUNITY_H
#define PB_BEAD_OPPORTUNITY_H

#include <stdbool.h>
#include <stdint.h>

#include "user/bead/spots.h"
#include "user/core/own.h"

struct pb_json;
struct pb_lever;
struct pb_plan;

struct pb_opportunity_clue {
	const struct pb_lever *lever;
	double share_pct; /* NaN: not known */
	char *text;
};

struct pb_opportunity {
	struct pb_spot spot; /* its texts are in @texts */
	char *texts;
	int64_t run; /* of the bead that found it */
	int64_t stale; /* the change that was closed since: it is of another program, and does not stand; 0: none */
	double complete_pct; /* of the stacks of that profile; NaN: not known */
	struct pb_opportunity_clue *clues;
	uint32_t n_clues;
	double saves_pct; /* the most that its best lever could save: of the ceiling the share that speaks for it */
	int impact, confidence; /* 1 to 5; impact 0: nothing is known of what would be saved */
	int effort;             /* 1 to 5; 0 without a lever */
	bool effort_assumed;
	double score;    /* NaN without a lever or an impact */
	char *why_stays; /* what somebody said who accepted it; NULL */
	bool stands; /* a hotspot above the threshold: at least limits.hotspot_pct would be saved, by the lower end, its score is at least
			limits.score, nobody accepted it, and it is not stale */
	char lacks
		[256]; /* what evidence is missing, a sentence without its full stop; "" if nothing */
};

struct pb_opportunities {
	struct pb_opportunity
		*rows; /* best score first, those without one behind, by their share */
	uint32_t n;
	uint32_t n_stand;
	uint32_t
		n_without_lever; /* of those of which limits.hotspot_pct or more would be saved, that nobody accepted */
};

/* Of the last profiles that are done under @plan. Return: 0; -errno, logged. */
int pb_opportunities_read(struct pb_opportunities **out, struct pb_store *store,
			  const struct pb_plan *plan);
void pb_opportunities_free(struct pb_opportunities *o);
PB_DEFINE_FREE(pb_opportunities, pb_opportunities_free);

/* By "WORKLOAD/ID", or the id alone where only one workload has it. Return: its index; -ENOENT: none; -EEXIST: several. */
int pb_opportunities_find(const struct pb_opportunities *o, const char *name);

/* As an object of JSON, inside an array that is open: a row of bead-matrix/1. */
void pb_opportunity_write(struct pb_json *j, const struct pb_opportunity *row);

/* The clue that most speaks for a lever, whose lever and effort the row is scored by. NULL: there is none. */
const struct pb_opportunity_clue *pb_opportunity_best_clue(const struct pb_opportunity *row);
/* A row whose spot, clues, completeness and opinions are known gets all the rest. @typed_effort: 0: nobody said. */
void pb_opportunity_score(struct pb_opportunity *row, int typed_effort, const struct pb_plan *plan);
/* Whether it takes limits.hotspot_pct or more, and nothing speaks for a lever: of CPU time where nothing else is known.
 * One that somebody accepted does not count, nor one that is stale. */
bool pb_opportunity_is_without_lever(const struct pb_opportunity *row, const struct pb_plan *plan);
/* The parts of the score. @ceiling_pct: NaN gives 0. */
int pb_opportunity_impact(double ceiling_pct);
int pb_opportunity_confidence(const struct pb_spot *spot, double complete_pct);

#endif
