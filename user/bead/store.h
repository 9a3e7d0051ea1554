/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The run store: .bead/store.sqlite (WAL, one writer at a time, migrations by user_version) and a directory for each
 * bead's run with profiles and reports.
 *
 *   bead_runs   one row for each time a bead was worked on: open until it is finished, with the plan's digest
 *   samples     one row for each timed run of a workload in it, rejected ones with the reason
 *   figures     what came of it, by name: "wall_p50_ns", with interval; null with the reason
 *   hotspots, opportunities, changes, baselines
 *
 * Whatever is killed at whatever moment, what was committed is there: a sample is committed when its run has ended, so
 * that at most the run in hand is lost.
 */
#ifndef PB_BEAD_STORE_H
#define PB_BEAD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_run;
struct pb_store;

enum pb_bead_state {
	PB_STATE_OPEN,
	PB_STATE_RUNNING, /* by a process that lives still; else it was interrupted, and is open */
	PB_STATE_DONE,
	PB_STATE_FAILED,       /* a finding: wrong output, a regression */
	PB_STATE_INCONCLUSIVE, /* the data cannot say */
	PB_STATE_CANNOT,       /* not here: privilege or kernel */
};
const char *pb_bead_state_name(enum pb_bead_state state);

/* Open or make the store in @directory (".bead"). Return: 0; -EBUSY: another one migrates it; -EPROTO: a newer
 * version's; -errno, logged. */
int pb_store_open(struct pb_store **out, const char *directory);
void pb_store_close(struct pb_store *s);
PB_DEFINE_FREE(pb_store, pb_store_close);

/* The last state of a bead under this plan; OPEN if it was never worked on, or the plan's digest differs. */
int pb_store_state(struct pb_store *s, const char *bead, const char *plan_digest,
		   enum pb_bead_state *state);

/**
 * pb_store_begin() - work on a bead: a row, and a directory for its files.
 * @resume: go on with the last run of it that was interrupted under the same plan, if there is one
 * @id: set to the row; @directory: set to a path to free
 *
 * Return: 0; -EBUSY: a process that lives works on it; -errno, logged.
 */
int pb_store_begin(struct pb_store *s, const char *bead, const char *plan_digest, bool resume,
		   int64_t *id, char **directory);
int pb_store_finish(struct pb_store *s, int64_t id, enum pb_bead_state state, const char *note);

/* One timed run; @rejected: why it does not count, NULL if it does. Committed on return. */
int pb_store_sample(struct pb_store *s, int64_t id, const char *workload, const struct pb_run *run,
		    const char *rejected);
/* How many samples that count there are already: for resuming. */
int pb_store_count(struct pb_store *s, int64_t id, const char *workload, uint32_t *n);
/* One column of the samples that count: "wall_ns", "user_ns", "system_ns", "max_rss_bytes", "syscalls", ... @out to
 * free. */
int pb_store_column(struct pb_store *s, int64_t id, const char *workload, const char *column,
		    double **out, uint32_t *n);

/* A figure; @low, @high NaN where there is no interval; @why: the reason where there is no value, else NULL. */
struct pb_figure {
	const char *workload, *name, *unit;
	double value, low, high;
	const char *why;
};
int pb_store_put_figure(struct pb_store *s, int64_t id, const struct pb_figure *figure);
/* All of one run of a bead; @each as for pb_map_each(). */
int pb_store_figures(struct pb_store *s, int64_t id,
		     int (*each)(void *ctx, const struct pb_figure *figure), void *ctx);
/* The last finished run of a bead under any plan; 0: none. */
int pb_store_last(struct pb_store *s, const char *bead, int64_t *id);

/* Saved baselines: a name for a run of a baseline bead. */
int pb_store_save_baseline(struct pb_store *s, const char *name, int64_t id);
int pb_store_baseline(struct pb_store *s, const char *name, int64_t *id);

#endif
