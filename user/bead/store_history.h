/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the store knows of earlier runs, whatever their plan was. What is pointed to lives until @each returns; @each: 0 to
 * go on; what else it is ends it, and is returned. */
#ifndef PB_BEAD_STORE_HISTORY_H
#define PB_BEAD_STORE_HISTORY_H

#include <stdint.h>

#include "user/bead/store.h"

/* A bead that was worked on. Times are UTC, "2026-11-29T22:21:20.123Z". */
struct pb_store_run {
	int64_t id;
	const char *state; /* pb_bead_state_name() */
	const char *note;  /* why it is not done; NULL */
	const char *started, *ended;
};

/* The last run of a bead under a plan that came to an end; calls @each not at all if there is none. Return: what @each
 * gives; -errno, logged. */
int pb_store_last_ended(struct pb_store *s, const char *bead, const char *plan_digest,
			int (*each)(void *ctx, const struct pb_store_run *run), void *ctx);

/* A figure as a run gave it. */
struct pb_store_point {
	int64_t run;
	const char *bead, *state, *plan_digest;
	const char *time;  /* when it ended, UTC */
	const char *saved; /* names of baselines, joined by ", "; NULL: none */
	struct pb_figure figure;
};

/* Of all runs that are done, failed or inconclusive, oldest first. */
int pb_store_points(struct pb_store *s, const char *workload, const char *name,
		    int (*each)(void *ctx, const struct pb_store_point *point), void *ctx);

/* The figures that a workload has in any run: only workload, name and unit are set. @workload of NULL: of all. */
int pb_store_figure_names(struct pb_store *s, const char *workload,
			  int (*each)(void *ctx, const struct pb_figure *figure), void *ctx);

#endif
