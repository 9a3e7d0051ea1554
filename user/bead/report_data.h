/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All that a report tells, gathered from plan, store and machine, and what can be left out of it. */
#ifndef PB_BEAD_REPORT_DATA_H
#define PB_BEAD_REPORT_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "user/bead/changes.h"
#include "user/bead/opportunity.h"
#include "user/bead/origin.h"
#include "user/bead/stop.h"
#include "user/bead/verbs.h"

/* Where it was made. "" is what is not known. */
struct pb_report_env {
	char commit
		[65]; /* that is checked out; "": the plan is in no git repository, or git is missing */
	bool dirty; /* files that git tracks differ from it; the report itself does not count */
	char kernel[200]; /* "Linux 6.18.44 x86_64" */
	char cpu[100];    /* model */
	uint32_t cpus;
	uint64_t memory_bytes;
};

/* @report: a path that does not make the tree dirty. Nothing fails: what is not known is empty. */
void pb_report_env_read(struct pb_report_env *env, const char *directory, const char *report);

struct pb_report_bead {
	const struct pb_plan_bead *bead;
	struct pb_bead_standing standing;
	struct pb_origin origin; /* of that run */
	int64_t run; /* the last one done under this plan; of a gate, the last one that came to an end; 0: none */
	const char *note;  /* why the last one that came to an end is not done; NULL */
	const char *ended; /* when that was, UTC; NULL */
	struct pb_figure *figures;
	uint32_t n_figures, room;
};

/* What to do next. */
struct pb_report_step {
	char *command;
	const char *why; /* without its full stop */
};
#define PB_REPORT_STEPS_MAX 8

/* What a budget leaves out, the first first. */
enum pb_report_part {
	PB_PART_IO_CLUES,
	PB_PART_ALLOC_TAIL,
	PB_PART_PROOFS,
	PB_PART_FIGURES,
	PB_PART_REPRODUCE,
	PB_PART_IO,
	PB_PART_ALLOC,
	PB_PART_HOTSPOT_TAIL,
	PB_PART_GATE,
	PB_PART_SETTLED,
	PB_PART_CHANGES,
	PB_PART_BEADS,
	PB_PART_BASELINE,
	PB_PART_HOTSPOTS,
	PB_PART_EVIDENCE,
	PB_PART_ROWS, /* all but the first hotspots that stand */
	PB_PARTS
};

struct pb_report {
	struct pb_plan *plan;  /* borrowed, as are the texts of its parts */
	const char *plan_name; /* of the plan's file, in its directory */
	struct pb_report_env env;
	struct pb_report_bead *beads; /* one for each of the plan, in its order */
	struct pb_opportunities *opportunities;
	struct pb_change *changes;
	uint32_t n_changes, changes_room;
	struct pb_stop_condition stop;
	struct pb_report_step steps[PB_REPORT_STEPS_MAX];
	uint32_t n_steps;
	bool blessed; /* golden outputs are recorded */
	char **texts; /* that others point to */
	uint32_t n_texts, texts_room;
	/* for a budget */
	unsigned int left;   /* so many parts are left out */
	uint32_t least_rows; /* of the hotspots that stand, with PB_PART_ROWS left out */
};

/* Return: 0, and @out is to be dropped; -errno, logged. */
int pb_report_gather(struct pb_report *out, const struct pb_desk *desk, const char *report_path);
void pb_report_drop(struct pb_report *r);
#define pb_auto_report __attribute__((cleanup(pb_report_drop)))

/* Fill in what to do next, from all else. Return: 0; -ENOMEM, logged. */
int pb_report_plan_steps(struct pb_report *r);

static inline bool pb_report_leaves_out(const struct pb_report *r, enum pb_report_part part)
{
	return (unsigned int)part < r->left;
}
/* What a part is called; @whole: set to the part that it belongs to, or itself. */
const char *pb_report_part_name(enum pb_report_part part, enum pb_report_part *whole);

/* A figure of a workload, of the first bead of a kind that has it; NULL. @kind: PB_BEAD_KINDS: of any but a gate. */
const struct pb_figure *pb_report_figure(const struct pb_report *r, enum pb_bead_kind kind,
					 const char *workload, const char *name);

/* Rows of a workload and kind by their share, the largest first: an array of pointers to be freed, of @n. NULL with @n 0:
 * none; with @n UINT32_MAX: no memory. */
const struct pb_opportunity **pb_report_rows(const struct pb_report *r, const char *workload,
					     enum pb_spot_kind kind, uint32_t *n);

/* The lever that most speaks for: the one that covers most. NULL: none. */
const struct pb_lever *pb_report_lever(const struct pb_opportunity *row);

/* How many rows the plan wants of a workload's profiles of a kind. */
uint32_t pb_report_top(const struct pb_report *r, uint32_t workload, enum pb_bead_kind kind);

#endif
