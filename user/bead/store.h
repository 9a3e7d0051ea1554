/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The run store: .bead/store.sqlite (WAL, one writer at a time, migrations by user_version) and a directory for each
 * bead's run with profiles and reports.
 *
 *   bead_runs   one row for each time a bead was worked on: open until it is finished, with the plan's digest
 *   samples     one row for each timed run of a workload in it, rejected ones with the reason
 *   figures     what came of it, by name: "wall_p50_ns", with interval; null with the reason
 *   baselines   names for runs
 *   spots       places in code that a profile found, with what speaks for a lever in clues: see spots.h
 *   opinions    what people said of a spot: its effort, or why it stays as it is
 *   changes     one row for each lever that was tried, with its proof: see changes.h
 *
 * Whatever is killed at whatever moment, what was committed is there: a sample is committed when its run has ended, so
 * that at most the run in hand is lost. A store that is root's in somebody's directory becomes theirs. A store is used
 * by one thread, and not across a fork.
 *
 * Errors are logged, in a sentence that says what to do, unless it is said otherwise: -ENOSPC: a full disk; -EACCES: no
 * right to write there; -EBUSY: another process holds it for longer than 10 s; -EBADMSG: it is no database, or a broken
 * one.
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

/* Open or make the store in @directory (".bead"), whose parent is there. Neither it nor the file may be a link. Return:
 * 0; -EBUSY: another one migrates it; -EPROTO: a newer version's; -errno, logged. */
int pb_store_open(struct pb_store **out, const char *directory);
void pb_store_close(struct pb_store *s);
PB_DEFINE_FREE(pb_store, pb_store_close);

/* The last state of a bead under this plan; OPEN if it was never worked on under a plan of this digest. */
int pb_store_state(struct pb_store *s, const char *bead, const char *plan_digest,
		   enum pb_bead_state *state);

/**
 * pb_store_begin() - work on a bead: a row, and a directory for its files.
 * @resume: go on with the last run of it under the same plan, if that was interrupted
 * @id: set to the row; @directory: set to an absolute path to free, ".bead/runs/ID-BEAD"
 *
 * Who works on it is known by pid, start and boot. Return: 0; -EBUSY: a process that lives works on it, maybe this one;
 * -errno, logged.
 */
int pb_store_begin(struct pb_store *s, const char *bead, const char *plan_digest, bool resume,
		   int64_t *id, char **directory);
/* What a run is of, and where its files are, to be freed. -EINVAL: no run @id. */
int pb_store_run(struct pb_store *s, int64_t id, char **bead, char **directory);
/* End one's own work on it. OPEN: it was stopped, and may be resumed. @note: NULL: none. Return: 0; -ESTALE: this process
 * does not work on it (any more); -errno, logged. */
int pb_store_finish(struct pb_store *s, int64_t id, enum pb_bead_state state, const char *note);

/* One timed run; @rejected: why it does not count, NULL if it does. Committed on return. -EINVAL: no run @id. */
int pb_store_sample(struct pb_store *s, int64_t id, const char *workload, const struct pb_run *run,
		    const char *rejected);
/* How many samples that count there are already: for resuming. */
int pb_store_count(struct pb_store *s, int64_t id, const char *workload, uint32_t *n);
/* One column of the samples that count, in the order they were taken: "wall_ns", "net_ns", "user_ns", "system_ns", "own_ns",
 * "max_rss_bytes", the members of pb_run_counts and pb_run_interference. Those in which it is not known are left out, so
 * @n may be 0. @out to free, NULL where @n is 0. -EINVAL: no such column. */
int pb_store_column(struct pb_store *s, int64_t id, const char *workload, const char *column,
		    double **out, uint32_t *n);

/* A figure; @low, @high NaN where there is no interval; @why: the reason where there is no value (NaN), else NULL. */
struct pb_figure {
	const char *workload, *name, *unit; /* workload "": of the bead as a whole */
	double value, low, high;
	const char *why;
};
/* In place of one of the same workload and name. -EINVAL: neither a value nor a reason. */
int pb_store_put_figure(struct pb_store *s, int64_t id, const struct pb_figure *figure);
/* All of one run of a bead, in the order in which they were first put. @each: 0 to go on; what else it is ends it, and is
 * returned. The figure lives until @each returns. */
int pb_store_figures(struct pb_store *s, int64_t id,
		     int (*each)(void *ctx, const struct pb_figure *figure), void *ctx);
/* The last finished run of a bead under any plan; 0: none. */
int pb_store_last(struct pb_store *s, const char *bead, int64_t *id);
/* The last run of a bead that is done under this plan; 0: none. */
int pb_store_last_done(struct pb_store *s, const char *bead, const char *plan_digest, int64_t *id);

/* Saved baselines: a name for a run of a baseline bead. Saving takes a name away from an older one. -EINVAL: no run @id;
 * -ENOENT, not logged: no such baseline. */
int pb_store_save_baseline(struct pb_store *s, const char *name, int64_t id);
int pb_store_baseline(struct pb_store *s, const char *name, int64_t *id);

/* @saved: UTC, "2026-11-29T22:21:20.123Z". */
struct pb_baseline {
	const char *name, *bead, *saved;
	int64_t id;
};
/* All of them by name; @each as of pb_store_figures(). */
int pb_store_baselines(struct pb_store *s,
		       int (*each)(void *ctx, const struct pb_baseline *baseline), void *ctx);

#endif
